// Hostile arguments: every system call but the ones that end or multiply the caller, in a child that may die of it.
// What a call answers is not printed, since it may rightly differ; that the kernel goes on is.
#include "check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { LAST = 470 };

static int skipped(int number) {
    switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_clone:
#ifdef SYS_fork
    case SYS_fork: case SYS_vfork: case SYS_pause:
#endif
    // These would reach others than the caller.
    case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_ptrace: case SYS_reboot: case SYS_vhangup:
    case SYS_sethostname: case SYS_setdomainname: case SYS_syslog: case SYS_sync: case SYS_acct: case SYS_settimeofday:
    case SYS_process_madvise: case SYS_setpriority:
        return 1;
    }
    return 0;
}
static void interrupt(int signal) { (void)signal; }

static void attack(int number, char *edge) {
    // The kernel's half, no address at all, null, small, just below a hole, unmapped, a negative number, all ones.
    unsigned long hostile[] = {0xffff800000000000, 0x8000000000000000, 0, 1, (uintptr_t)edge - 1, (uintptr_t)edge,
                               -4096ul, -1ul, 0x7ffffffff000, 0x7fffffffffff};
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGALRM, &action, 0);
    struct itimerval tick = {{0, 10000}, {0, 10000}}; // ends what blocks
    setitimer(ITIMER_REAL, &tick, 0);
    int fd = open("f", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(fd, i);
    for (unsigned i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        unsigned long p = hostile[i];
        syscall(number, p, p, p, p, p, p);
        syscall(number, fd, p, 64, p, 64, p);
        syscall(number, "d", p, p, 0, 0, 0);
        syscall(number, AT_FDCWD, p, p, p, p, 0);
        syscall(number, p, 8, p, 8, p, 8);
    }
}

int main(void) {
    scratch();
    close(open("f", O_CREAT | O_WRONLY, 0600));
    mkdir("d", 0700);
    char *edge = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    edge += 4096;
    munmap(edge, 4096);
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, 0);
    int walked = 0, reported = 0, worked = 0;
    for (int number = 0; number <= LAST; number++) {
        if (skipped(number)) continue;
        walked++;
        pid_t child = fork();
        if (child == 0) {
            attack(number, edge);
            _exit(0);
        }
        struct timespec patience = {3, 0};
        if (sigtimedwait(&chld, 0, &patience) < 0) kill(child, SIGKILL);
        int status;
        if (waitpid(child, &status, 0) == child) reported += WIFEXITED(status) || WIFSIGNALED(status);
        if (walked % 40 == 0) {
            int p[2];
            char byte = 0;
            REQUIRE(pipe(p) == 0);
            if (fork() == 0) _exit(write(p[1], "k", 1) != 1);
            REQUIRE(read(p[0], &byte, 1) == 1 && byte == 'k' && wait(&status) > 0 && status == 0);
            close(p[0]), close(p[1]);
            sigtimedwait(&chld, 0, &(struct timespec){1, 0});
            worked++;
        }
    }
    CHECK(reported == walked && worked >= 10);
    CHECK(access("f", F_OK) == 0 && getpid() > 0);
    return 0;
}
