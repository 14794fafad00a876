// A tracee's registers, on every architecture, and how its stops are printed.
#ifndef PTRACED_H
#define PTRACED_H
#include "check.h"
#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

struct registers {
    uint64_t words[40];
};
#if defined(__x86_64__)
enum { REGS_SIZE = 216, PC = 16, SP = 19, RESULT = 10, ARG2 = 12, NR = 15 };
#elif defined(__aarch64__)
enum { REGS_SIZE = 272, PC = 32, SP = 31, RESULT = 0, ARG2 = 2 };
#elif defined(__riscv)
enum { REGS_SIZE = 256, PC = 0, SP = 2, RESULT = 10, ARG2 = 12, NR = 17 };
#else
#error a new architecture needs the places of its registers here
#endif

static inline struct registers get_regs(pid_t pid) {
    struct registers regs;
    struct iovec iov = {&regs, sizeof regs};
    REQUIRE(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov) == 0 && iov.iov_len == REGS_SIZE);
    return regs;
}
static inline void set_regs(pid_t pid, struct registers *regs) {
    struct iovec iov = {regs, REGS_SIZE};
    REQUIRE(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) == 0);
}
// The number of the system call the tracee is at the entry of.
static inline long get_nr(pid_t pid) {
#if defined(__aarch64__)
    int nr;
    struct iovec iov = {&nr, sizeof nr};
    REQUIRE(ptrace(PTRACE_GETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov) == 0);
    return nr;
#else
    return get_regs(pid).words[NR];
#endif
}
static inline void set_nr(pid_t pid, long nr) {
#if defined(__aarch64__)
    int number = nr;
    struct iovec iov = {&number, sizeof number};
    REQUIRE(ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &iov) == 0);
#else
    struct registers regs = get_regs(pid);
    regs.words[NR] = nr;
    set_regs(pid, &regs);
#endif
}

static inline const char *name_of(int signo) {
    static char text[16];
    switch (signo) {
    case SIGTRAP: return "TRAP";
    case SIGTRAP | 0x80: return "TRAP|80";
    case SIGSTOP: return "STOP";
    case SIGTSTP: return "TSTP";
    case SIGCONT: return "CONT";
    case SIGKILL: return "KILL";
    case SIGUSR1: return "USR1";
    case SIGUSR2: return "USR2";
    case SIGCHLD: return "CHLD";
    case SIGTERM: return "TERM";
    case SIGSEGV: return "SEGV";
    }
    snprintf(text, sizeof text, "%d", signo);
    return text;
}
static inline const char *event_of(int status) {
    static const char *names[] = {"", " FORK", " VFORK", " CLONE", " EXEC", " VFORK_DONE", " EXIT"};
    unsigned event = status >> 16;
    return event == 128 ? " EVENT_STOP" : event < 7 ? names[event] : " ?";
}
static inline const char *status_text(int status) {
    static char text[64];
    if (WIFSTOPPED(status))
        snprintf(text, sizeof text, "stopped %s%s", name_of(WSTOPSIG(status)), event_of(status));
    else if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "killed %s", name_of(WTERMSIG(status)));
    else if (WIFEXITED(status))
        snprintf(text, sizeof text, "exited %d", WEXITSTATUS(status));
    else
        snprintf(text, sizeof text, "continued");
    return text;
}
// Waits for one, and says what it is told; gives the status.
static inline int told(const char *what, pid_t pid) {
    int status = 0;
    pid_t got = waitpid(pid, &status, __WALL);
    if (got != pid) {
        say("%s: wait gives %d, errno %d", what, (int)got, errno);
        _exit(97);
    }
    say("%s: %s", what, status_text(status));
    return status;
}
static inline void go(int request, pid_t pid, long signo) {
    REQUIRE(ptrace(request, pid, 0, signo) == 0);
}
static inline char state_of(pid_t pid) {
    char path[32], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, line, sizeof line - 1) <= 0) return '-';
    close(fd);
    return strrchr(line, ')')[2];
}
// Until the tracee is in the state, two seconds at most; the state it is in then.
static inline char await_state(pid_t pid, char wanted) {
    for (int n = 0; n < 2000 && state_of(pid) != wanted; n++) usleep(1000);
    return state_of(pid);
}
static inline siginfo_t siginfo_of(pid_t pid) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    REQUIRE(ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == 0);
    return info;
}
#endif
