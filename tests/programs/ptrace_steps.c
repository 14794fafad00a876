// A breakpoint and single steps, where the architecture has them.
// qemu-user differs: it has no ptrace.
// per architecture
#include "ptraced.h"
#include <errno.h>

// Sixteen instructions between two addresses.
void sixteen(void);
extern char sixteen_from[], sixteen_to[];
__asm__(".text\n.globl sixteen\n.type sixteen, %function\nsixteen:\n.globl sixteen_from\nsixteen_from:\n"
        "nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\n"
        ".globl sixteen_to\nsixteen_to:\nret\n");

static volatile int handled;
static void handler(int signo) { handled = signo; }

static void steps_body(void) {
    sixteen();
    syscall(SYS_getppid);
    sixteen();
    raise(SIGUSR1);
    say("child: handled %d", handled == SIGUSR1);
    sixteen();
}

static void steps(void) {
#if defined(__x86_64__)
    long trap = 0xcc, mask = 0xff;
#elif defined(__aarch64__)
    long trap = 0xd4200000, mask = 0xffffffff;
#elif defined(__riscv)
    long trap = 0x9002, mask = 0xffff;
#else
#error a new architecture needs its breakpoint here
#endif
    signal(SIGUSR1, handler);
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        steps_body();
        _exit(0);
    }
    told("first", pid);
    long code = ptrace(PTRACE_PEEKTEXT, pid, sixteen_from, 0);
    CHECK(ptrace(PTRACE_POKETEXT, pid, sixteen_from, (code & ~mask) | trap) == 0);
    go(PTRACE_CONT, pid, 0);
    told("breakpoint", pid);
    struct registers regs = get_regs(pid);
    siginfo_t info = siginfo_of(pid);
#if defined(__x86_64__)
    say("code and address are right: %d", info.si_code == SI_KERNEL && regs.words[PC] == (uintptr_t)sixteen_from + 1);
#else
    say("code and address are right: %d", info.si_code == TRAP_BRKPT && regs.words[PC] == (uintptr_t)sixteen_from &&
        info.si_addr == (void *)sixteen_from);
#endif
    CHECK(ptrace(PTRACE_POKETEXT, pid, sixteen_from, code) == 0);
    regs.words[PC] = (uintptr_t)sixteen_from;
    set_regs(pid, &regs);
#if defined(__riscv)
    // The port has none.
    FAILS(ptrace(PTRACE_SINGLESTEP, pid, 0, 0), EIO);
    go(PTRACE_CONT, pid, 0);
    told("then", pid);
    go(PTRACE_CONT, pid, SIGUSR1);
    told("end", pid);
#else
    int count = 0, status;
    while (get_regs(pid).words[PC] != (uintptr_t)sixteen_to) {
        go(PTRACE_SINGLESTEP, pid, 0);
        REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        count++;
    }
    info = siginfo_of(pid);
    say("%d steps, code %d, address %d", count, info.si_code, info.si_addr == (void *)sixteen_to);
#if defined(__x86_64__)
    say("no trap flag is seen: %d", !(get_regs(pid).words[18] & 0x100));
#else
    say("no trap flag is seen: %d", !(get_regs(pid).words[33] & 1 << 21));
#endif
    // On to the second time, over a system call.
    count = 0;
    do {
        go(PTRACE_SINGLESTEP, pid, 0);
        REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        info = siginfo_of(pid);
        if (info.si_code != TRAP_TRACE) {
#if defined(__x86_64__)
            say("over a call: %d", info.si_code == TRAP_BRKPT);
#else
            say("over a call: %d", info.si_code == SI_USER);
#endif
        }
    } while (get_regs(pid).words[PC] != (uintptr_t)sixteen_to);
    // Into a handler.
    do {
        go(PTRACE_SINGLESTEP, pid, 0);
        REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
    } while (WSTOPSIG(status) == SIGTRAP);
    say("then %s", status_text(status));
    go(PTRACE_SINGLESTEP, pid, SIGUSR1);
    told("step with a signal", pid);
    info = siginfo_of(pid);
    say("code %d at the handler %d", info.si_code, get_regs(pid).words[PC] == (uintptr_t)handler);
    go(PTRACE_SINGLESTEP, pid, 0);
    told("step", pid);
    go(PTRACE_CONT, pid, 0);
    told("end", pid);
#endif
}

int main(void) {
    steps();
    return 0;
}
