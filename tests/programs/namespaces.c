// Namespaces: host names, pids (an init of their own, signals to it, its end), mounts, users, setns by file and pidfd.
// qemu-user differs: clone with a new pid namespace, clone3.
#include "check.h"
#include <linux/sched.h>
#include <sched.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int status;
static pid_t with(int flags) { return syscall(SYS_clone, (long)flags | SIGCHLD, 0, 0, 0, 0); }
static int code(pid_t child) { return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
static char host[65];
static const char *hostname_(void) { return gethostname(host, sizeof host) == 0 ? host : "?"; }
static long set_tid(int flags, pid_t *numbers, size_t count) {
    uint64_t args[11] = {flags, 0, 0, 0, SIGCHLD, 0, 0, 0, (uintptr_t)numbers, count, 0};
    return syscall(SYS_clone3, args, 80);
}
static int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return n == (ssize_t)strlen(text) ? 0 : -1;
}
static int sender;
static void note(int signo, siginfo_t *info, void *context) { (void)signo, (void)context, sender = info->si_pid; }

static int init_of_its_own(void) { // runs as number 1
    int pipes[2];
    if (getpid() != 1 || getppid() != 0 || getsid(0) != 0 || getpgrp() != 0) return 1;
    if (kill(1, SIGKILL) || kill(1, SIGTERM)) return 2; // spared
    pid_t child = fork();
    if (child == 0) _exit(getpid() == 2 && getppid() == 1 && kill(1, SIGKILL) == 0 ? 22 : 0);
    if (child != 2 || code(child) != 22) return 3;
    if (kill(2, 0) != -1 || errno != ESRCH || kill(-1, SIGTERM) != -1 || errno != ESRCH) return 4;
    if (pipe(pipes)) return 5;
    child = fork();
    if (child == 0) { // an orphan comes to 1
        if (fork() == 0) {
            char byte;
            while (getppid() != 1) usleep(1000);
            read(pipes[0], &byte, 1);
            _exit(44);
        }
        _exit(33);
    }
    if (child != 3 || code(child) != 33) return 6;
    write(pipes[1], "x", 1);
    if (wait(&status) != 4 || WEXITSTATUS(status) != 44) return 7;
    if (setsid() != 1 || getsid(0) != 1 || setpgid(0, 0) != -1 || errno != EPERM) return 8;
    pid_t numbers[2] = {40, 0};
    child = set_tid(0, numbers, 1);
    if (child == 0) _exit(getpid() == 40 ? 5 : 6);
    if (child != 40 || code(child) != 5) return 9;
    child = with(CLONE_NEWPID); // one more level
    if (child == 0) _exit(getpid() == 1 && getppid() == 0 ? 7 : 8);
    if (child != 5 || code(child) != 7) return 10; // the counter goes on where it was
    return 50;
}

int main(void) {
    char before[64] = "", after[64] = "";
    scratch();
    CHECK(unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0 && mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) == 0);
    CHECK(mkdir("proc", 0755) == 0 && mount("proc", "proc", "proc", 0, 0) == 0);
    FAILS(unshare(CLONE_PARENT), EINVAL);
    FAILS(with(CLONE_NEWNS | CLONE_FS), EINVAL);
    FAILS(with(CLONE_NEWUSER | CLONE_FS), EINVAL);
    FAILS(with(CLONE_NEWIPC | CLONE_SYSVSEM), EINVAL);
    FAILS(with(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), EINVAL);

    CHECK(sethostname("outer", 5) == 0);
    pid_t child = with(CLONE_NEWUTS);
    if (child == 0) _exit(strcmp(hostname_(), "outer") == 0 && sethostname("inner", 5) == 0 && !strcmp(hostname_(), "inner"));
    CHECK(code(child) == 1 && strcmp(hostname_(), "outer") == 0);

    child = with(CLONE_NEWPID);
    if (child == 0) _exit(init_of_its_own());
    CHECK(child > 1 && code(child) == 50);

    // Its init takes everyone along.
    int gone[2], ready[2];
    CHECK(pipe(gone) == 0 && pipe(ready) == 0);
    child = with(CLONE_NEWPID);
    if (child == 0) {
        for (int n = 0; n < 3; n++)
            if (fork() == 0) {
                if (n == 0) signal(SIGTERM, SIG_IGN), setsid();
                if (write(ready[1], "r", 1) == 1)
                    for (;;) pause();
            }
        char byte;
        for (int n = 0; n < 3; n++) read(ready[0], &byte, 1);
        _exit(9);
    }
    close(gone[1]);
    char byte;
    CHECK(code(child) == 9 && read(gone[0], &byte, 1) == 0);

    // From outside: no handler, no SIGTERM; SIGKILL, SIGSTOP and what has a handler arrive, from nobody.
    child = with(CLONE_NEWPID);
    if (child == 0) {
        struct sigaction act = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
        sigaction(SIGUSR1, &act, 0);
        sender = -1;
        write(ready[1], "r", 1);
        while (sender == -1) usleep(1000);
        write(ready[1], sender == 0 ? "0" : "1", 1);
        for (;;) pause();
    }
    CHECK(read(ready[0], &byte, 1) == 1 && kill(child, SIGTERM) == 0 && kill(child, SIGUSR1) == 0);
    CHECK(read(ready[0], &byte, 1) == 1 && byte == '0');
    CHECK(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    CHECK(kill(child, SIGCONT) == 0 && kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    // clone3: the first in a namespace is 1.
    pid_t one = 1, five = 5;
    FAILS(set_tid(CLONE_NEWPID, &five, 1), EINVAL);
    child = set_tid(CLONE_NEWPID, &one, 1);
    if (child == 0) _exit(getpid());
    CHECK(code(child) == 1);

    // unshare: not oneself, one's children.
    child = fork();
    if (child == 0) {
        pid_t self = getpid();
        if (unshare(CLONE_NEWPID) || getpid() != self) _exit(1);
        if (unshare(CLONE_NEWPID) != -1 || errno != EINVAL) _exit(2);
        if (readlink("proc/self/ns/pid_for_children", before, 63) != -1 || errno != ENOENT) _exit(3);
        pid_t first = fork();
        if (first == 0) _exit(getpid());
        if (first <= 1 || code(first) != 1) _exit(4);
        if (fork() != -1 || errno != ENOMEM) _exit(5);
        _exit(6);
    }
    CHECK(code(child) == 6);

    // procfs shows the namespace it was mounted in, and the numbers of that.
    child = with(CLONE_NEWPID | CLONE_NEWNS);
    if (child == 0) {
        char self[16] = "", line[4096];
        if (readlink("proc/self", self, 15) < 1 || strcmp(self, "1") == 0) _exit(1);
        if (mount("proc", "proc", "proc", 0, 0)) _exit(2);
        memset(self, 0, sizeof self);
        if (readlink("proc/self", self, 15) != 1 || strcmp(self, "1")) _exit(3);
        int fd = open("proc/1/status", O_RDONLY);
        ssize_t n = read(fd, line, sizeof line - 1);
        line[n < 0 ? 0 : n] = 0;
        if (!strstr(line, "\nPid:\t1\nPPid:\t0\n") || !strstr(line, "\nNSpid:\t1\n")) _exit(4);
        _exit(5);
    }
    CHECK(code(child) == 5);
    CHECK(access("proc/self/status", R_OK) == 0);

    // Files of namespaces.
    int uts = open("proc/self/ns/uts", O_RDONLY | O_CLOEXEC), plain = open("proc/self/status", O_RDONLY);
    struct stat st;
    unsigned long inode = 0;
    CHECK(uts >= 0 && readlink("proc/self/ns/uts", before, 63) > 0 && sscanf(before, "uts:[%lu]", &inode) == 1);
    CHECK(fstat(uts, &st) == 0 && st.st_ino == inode && st.st_mode == (S_IFREG | 0444));
    CHECK(ioctl(uts, 0xb703) == CLONE_NEWUTS);
    FAILS(ioctl(uts, 0xb702), EINVAL);
    FAILS(setns(uts, CLONE_NEWNS), EINVAL);
    FAILS(setns(plain, 0), EINVAL);
    FAILS(setns(-1, 0), EBADF);
    child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUTS) || sethostname("third", 5)) _exit(1);
        if (readlink("proc/self/ns/uts", after, 63) < 1 || strcmp(before, after) == 0) _exit(2);
        if (setns(uts, CLONE_NEWUTS) || strcmp(hostname_(), "outer")) _exit(3);
        if (readlink("proc/self/ns/uts", after, 63) < 1 || strcmp(before, after)) _exit(4);
        _exit(5);
    }
    CHECK(code(child) == 5);

    // A pidfd leads into all of a process' at once.
    child = with(CLONE_NEWUTS | CLONE_NEWPID);
    if (child == 0) {
        sethostname("deep", 4);
        write(ready[1], "r", 1);
        for (;;) pause();
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    int pidfd = syscall(SYS_pidfd_open, child, 0);
    FAILS(setns(pidfd, 0), EINVAL);
    pid_t visitor = fork();
    if (visitor == 0) {
        if (setns(pidfd, CLONE_NEWUTS | CLONE_NEWPID) || strcmp(hostname_(), "deep")) _exit(1);
        pid_t inside = fork();
        if (inside == 0) _exit(getpid() == 2 && getppid() == 0 ? 3 : 4);
        _exit(code(inside));
    }
    CHECK(code(visitor) == 3);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
    FAILS(setns(pidfd, CLONE_NEWUTS), ESRCH);

    // A user namespace: nobody, then root of it, by its map.
    child = fork();
    if (child == 0) {
        if (setgid(1000) || setuid(1000)) _exit(1);
        if (unshare(CLONE_NEWUTS) != -1 || errno != EPERM) _exit(2);
        if (unshare(CLONE_NEWUSER) || getuid() != 65534 || getgid() != 65534) _exit(3);
        if (setuid(0) != -1 || errno != EINVAL) _exit(4);
        _exit(sethostname("mine", 4) == -1 && errno == EPERM && unshare(CLONE_NEWUTS) == 0 && sethostname("mine", 4) == 0 ? 5 : 6);
    }
    CHECK(code(child) == 5);
    child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER)) _exit(1);
        if (put("proc/self/setgroups", "deny") || put("proc/self/gid_map", "0 0 1")) _exit(2);
        if (put("proc/self/uid_map", "0 0 1\n0 5 1") != -1 || errno != EINVAL) _exit(3);
        if (put("proc/self/uid_map", "7 0 1") || getuid() != 7 || getgid() != 0) _exit(4);
        if (put("proc/self/uid_map", "7 0 1") != -1 || errno != EPERM) _exit(5);
        if (stat(".", &st) || st.st_uid != 7 || setgroups(0, 0) != -1 || errno != EPERM) _exit(6);
        _exit(chown(".", 3, -1) == -1 && errno == EINVAL ? 7 : 8);
    }
    CHECK(code(child) == 7);

    close(plain);
    CHECK(umount("proc") == 0 && rmdir("proc") == 0);
    return 0;
}
