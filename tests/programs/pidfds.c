// Processes as files: made, polled, signalled and waited for; handlers that processes share; what a child used.
// qemu-user differs: it has no clone3 and no pidfd_getfd.
#include "check.h"
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static long open_pid(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static long send(int fd, int signal, siginfo_t *info, unsigned flags) {
    return syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}
static int wait_fd(int fd, siginfo_t *info, int options) { return syscall(SYS_waitid, 3 /* P_PIDFD */, fd, info, options, 0); }

static pid_t sleeper(void) {
    pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    return child;
}

static void field(int fd, const char *name) {
    char path[64], text[512], *line;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY);
    ssize_t length = read(info, text, sizeof text - 1);
    close(info);
    text[length > 0 ? length : 0] = 0;
    line = strstr(text, name);
    say("%s %s", name + 1, !line ? "is missing" : !strncmp(line + strlen(name), "\t-1\n", 4) ? "-1" : "a process");
}

static volatile int caught;
static void handler(int signal) { caught = signal; }
static int install(void *arg) {
    signal(SIGUSR1, handler);
    return *(int *)arg;
}

int main(void) {
    siginfo_t info;
    pid_t child = sleeper();
    int fd = open_pid(child, 0);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && !(fcntl(fd, F_GETFL) & O_NONBLOCK));
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    CHECK(poll(&poller, 1, 0) == 0);
    field(fd, "\nPid:");
    char byte;
    FAILS(read(fd, &byte, 1), EINVAL);
    FAILS(write(fd, &byte, 1), EINVAL);
    CHECK(send(fd, 0, 0, 0) == 0);
    FAILS(send(fd, 65, 0, 0), EINVAL);
    FAILS(send(fd, 0, 0, 3), EINVAL);
    FAILS(send(0, 0, 0, 0), EBADF);
    memset(&info, 0, sizeof info);
    info.si_signo = SIGTERM;
    FAILS(send(fd, SIGUSR1, &info, 0), EINVAL);
    FAILS(send(fd, SIGTERM, &info, 0), EPERM);
    CHECK(wait_fd(fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
    CHECK(send(fd, SIGTERM, 0, 0) == 0);
    CHECK(poll(&poller, 1, -1) == 1 && poller.revents == POLLIN);
    field(fd, "\nPid:");
    CHECK(send(fd, 0, 0, 0) == 0);
    CHECK(wait_fd(fd, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == child && info.si_status == SIGTERM);
    CHECK(wait_fd(fd, &info, WEXITED) == 0 && info.si_pid == child && info.si_code == CLD_KILLED);
    FAILS(wait_fd(fd, &info, WEXITED), ECHILD);
    FAILS(send(fd, 0, 0, 0), ESRCH);
    CHECK(poll(&poller, 1, 0) == 1 && poller.revents & POLLIN);
    field(fd, "\nPid:");
    FAILS(open_pid(child, 0), ESRCH);
    FAILS(open_pid(0, 0), EINVAL);
    FAILS(open_pid(-1, 0), EINVAL);
    FAILS(open_pid(getpid(), 1), EINVAL);
    FAILS(wait_fd(0, &info, WEXITED), EBADF);
    FAILS(wait_fd(-1, &info, WEXITED), EINVAL);
    close(fd);

    child = sleeper();
    fd = open_pid(child, 0x800 /* PIDFD_NONBLOCK */);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    FAILS(wait_fd(fd, &info, WEXITED), EAGAIN);
    int copy = syscall(SYS_pidfd_getfd, fd, 1, 0);
    struct stat one, other;
    CHECK(copy > fd && fstat(1, &one) == 0 && fstat(copy, &other) == 0 && one.st_ino == other.st_ino);
    FAILS(syscall(SYS_pidfd_getfd, fd, 99, 0), EBADF);
    FAILS(syscall(SYS_pidfd_getfd, 1, 1, 0), EBADF);
    kill(child, SIGKILL);
    poller.fd = fd;
    poll(&poller, 1, -1);
    FAILS(syscall(SYS_pidfd_getfd, fd, 1, 0), ESRCH);
    CHECK(wait_fd(fd, &info, WEXITED) == 0 && info.si_status == SIGKILL);

    // Without CLONE_SIGHAND a child's handler is its own.
    int code = 3, status;
    char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGUSR1, SIG_IGN);
    child = clone(install, stack + 65536, CLONE_VM | SIGCHLD, &code);
    CHECK(waitpid(child, &status, 0) == child && status == 3 << 8 && raise(SIGUSR1) == 0 && caught == 0);
    int pidfd = -1;
    child = clone(install, stack + 65536, CLONE_VM | CLONE_SIGHAND | CLONE_PIDFD | SIGCHLD, &code, &pidfd);
    CHECK(wait_fd(pidfd, &info, WEXITED) == 0 && info.si_status == 3 && info.si_pid == child);
    CHECK(raise(SIGUSR1) == 0 && caught == SIGUSR1);

    // 8 MiB that the child gave back again.
    struct rusage usage;
    child = fork();
    if (child == 0) {
        char *memory = mmap(0, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(memory, 8 << 20, MADV_NOHUGEPAGE);
        for (int at = 0; at < 8 << 20; at += 4096) memory[at] = 1;
        munmap(memory, 8 << 20);
        _exit(getrusage(RUSAGE_SELF, &usage) || usage.ru_maxrss < 8192);
    }
    CHECK(wait4(child, &status, 0, &usage) == child && status == 0);
    CHECK(usage.ru_maxrss >= 8192 && usage.ru_maxrss < 16384 && usage.ru_minflt >= 2048 && usage.ru_minflt < 4096);
    CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0 && usage.ru_maxrss >= 8192 && usage.ru_minflt >= 2048);
    return 0;
}
