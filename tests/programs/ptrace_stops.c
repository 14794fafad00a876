// ptrace: signals and what a tracer makes of them, memory, masks, system calls followed and changed, restarts seen.
// qemu-user differs: it has no ptrace.
#include "ptraced.h"

static volatile long variable = 0x1122334455667788;
static const long constant = 42;
static volatile int handled, handled_code, handled_value;

static void handler(int signo, siginfo_t *info, void *context) {
    (void)context;
    handled = signo, handled_code = info->si_code, handled_value = info->si_value.sival_int;
}
static void handle(int signo) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(signo, &action, 0);
}

static pid_t traced_child(void (*body)(void)) {
    pid_t pid = fork();
    if (pid == 0) {
        REQUIRE(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
        raise(SIGSTOP);
        body();
        _exit(0);
    }
    return pid;
}

static void errors(void) {
    siginfo_t info;
    FAILS(ptrace(PTRACE_CONT, 1, 0, 0), ESRCH);
    FAILS(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    FAILS(ptrace(PTRACE_SEIZE, getpid(), 0, 0), EPERM);
    FAILS(ptrace(PTRACE_ATTACH, 99999999, 0, 0), ESRCH);
    pid_t pid = fork();
    if (pid == 0)
        for (;;) pause();
    FAILS(ptrace(PTRACE_SEIZE, pid, 1, 0), EIO);
    FAILS(ptrace(PTRACE_SEIZE, pid, 0, 1L << 40), EIO);
    CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
    FAILS(ptrace(PTRACE_ATTACH, pid, 0, 0), EPERM);
    FAILS(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), ESRCH);
    FAILS(ptrace(PTRACE_DETACH, pid, 0, 0), ESRCH);
    CHECK(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    told("interrupted", pid);
    FAILS(ptrace(PTRACE_CONT, pid, 0, 65), EIO);
    FAILS(ptrace(PTRACE_DETACH, pid, 0, 65), EIO);
    FAILS(ptrace(PTRACE_SETOPTIONS, pid, 0, 1L << 30), EINVAL);
    FAILS(ptrace(0x1234, pid, 0, 0), EIO);
    FAILS(ptrace(PTRACE_GETSIGMASK, pid, 4, &info), EINVAL);
    FAILS(ptrace(PTRACE_GETREGSET, pid, 0x7777, &(struct iovec){&info, sizeof info}), EINVAL);
    FAILS(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &(struct iovec){&info, 3}), EINVAL);
    FAILS(ptrace(PTRACE_PEEKDATA, pid, (void *)8, 0), EIO);
    FAILS(ptrace(PTRACE_POKEDATA, pid, (void *)8, 0), EIO);
    CHECK(ptrace(PTRACE_KILL, pid, 0, 0) == 0);
    told("PTRACE_KILL", pid);
    FAILS(ptrace(PTRACE_KILL, pid, 0, 0), ESRCH);
}

static void signals_body(void) {
    handle(SIGUSR1);
    handle(SIGUSR2);
    kill(getpid(), SIGUSR1);
    say("child: handled %d", handled);
    handled = 0;
    kill(getpid(), SIGUSR1);
    say("child: handled %d code %d", handled == SIGUSR2, handled_code);
    handled = 0;
    kill(getpid(), SIGUSR1);
    say("child: handled %d code %d value %d", handled == SIGUSR1, handled_code, handled_value);
    signal(SIGTERM, SIG_IGN);
    kill(getpid(), SIGTERM);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    handled = 0;
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    say("child: handled SIGUSR1 %d", handled == SIGUSR1);
    variable = *(volatile long *)&constant;
    if (variable == 43) _exit(7);
}

static void signals(void) {
    pid_t pid = traced_child(signals_body);
    told("first", pid);
    siginfo_t info = siginfo_of(pid);
    say("code %d from itself %d, state %c", info.si_code == SI_TKILL, info.si_pid == pid, state_of(pid));
    CHECK(ptrace(PTRACE_PEEKDATA, pid, &variable, 0) == 0x1122334455667788);
    CHECK(ptrace(PTRACE_POKEDATA, pid, &constant, 43) == 0);
    CHECK(ptrace(PTRACE_PEEKTEXT, pid, &constant, 0) == 43);
    CHECK(constant == 42);
    go(PTRACE_CONT, pid, 0);
    told("USR1 to be dropped", pid);
    info = siginfo_of(pid);
    say("signo %d code %d", info.si_signo == SIGUSR1, info.si_code);
    go(PTRACE_CONT, pid, 0);
    told("USR1 to be USR2", pid);
    go(PTRACE_CONT, pid, SIGUSR2);
    told("USR1 to be told otherwise", pid);
    info = siginfo_of(pid);
    info.si_code = SI_QUEUE;
    info.si_value.sival_int = 77;
    CHECK(ptrace(PTRACE_SETSIGINFO, pid, 0, &info) == 0);
    go(PTRACE_CONT, pid, SIGUSR1);
    told("ignored", pid);
    go(PTRACE_CONT, pid, SIGTERM);
    told("one that is not blocked", pid);
    uint64_t mask = 0;
    CHECK(ptrace(PTRACE_GETSIGMASK, pid, 8, &mask) == 0 && mask == 1 << (SIGUSR1 - 1));
    struct __ptrace_peeksiginfo_args { uint64_t off; uint32_t flags; int32_t nr; } args = {0, 1, 4};
    siginfo_t queued[4];
    CHECK(ptrace(0x4209, pid, &args, queued) == 1 && queued[0].si_signo == SIGUSR1);
    mask = ~0ull;
    CHECK(ptrace(PTRACE_SETSIGMASK, pid, 8, &mask) == 0);
    CHECK(ptrace(PTRACE_GETSIGMASK, pid, 8, &mask) == 0 && mask == ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
    mask = 0;
    CHECK(ptrace(PTRACE_SETSIGMASK, pid, 8, &mask) == 0);
    go(PTRACE_CONT, pid, 0);
    told("unblocked by the tracer", pid);
    go(PTRACE_CONT, pid, SIGUSR1);
    told("end", pid);
}

static void calls_body(void) {
    syscall(SYS_getppid);
    say("child: getpid gives %ld", syscall(SYS_getpid));
    say("child: no call at all gives %ld", syscall(SYS_getpid));
    say("child: getppid was made instead %d", syscall(SYS_getpid) == getppid());
    errno = 0;
    long result = syscall(SYS_close, -1);
    say("child: close %ld %d", result, errno);
    char *text = "told otherwise\n";
    syscall(SYS_write, 1, text, 15);
}

// To the next stop of this call.
static void to_call(pid_t pid, long nr) {
    int status;
    do {
        go(PTRACE_SYSCALL, pid, 0);
        REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
        REQUIRE(WSTOPSIG(status) == (SIGTRAP | 0x80));
        unsigned long message;
        REQUIRE(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message) == 0);
        if (message == 1 && get_nr(pid) == nr) return;
    } while (1);
}
static void to_end_of_call(pid_t pid) {
    int status;
    go(PTRACE_SYSCALL, pid, 0);
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80));
}

struct syscall_info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t ip, sp;
    union {
        struct { uint64_t nr, args[6]; } entry;
        struct { int64_t value; uint8_t is_error; } exit;
    };
};

static void calls(void) {
    pid_t pid = traced_child(calls_body);
    told("first", pid);
    CHECK(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
    struct syscall_info info;
    CHECK(ptrace(0x420e, pid, sizeof info, &info) == 24 && info.op == 0);
    to_call(pid, SYS_getppid);
    siginfo_t si = siginfo_of(pid);
    say("SIGTRAP %d code %#x from itself %d", si.si_signo == SIGTRAP, si.si_code, si.si_pid == pid);
    CHECK(ptrace(0x420e, pid, sizeof info, &info) == 80);
    CHECK(info.op == 1 && info.entry.nr == SYS_getppid && info.ip == get_regs(pid).words[PC]);
    CHECK(info.sp == get_regs(pid).words[SP]);
#if defined(__aarch64__)
    say("X7 or what RAX has is right: %d", get_regs(pid).words[7] == 0);
#else
    say("X7 or what RAX has is right: %d", (long)get_regs(pid).words[RESULT] == -ENOSYS);
#endif
    to_end_of_call(pid);
    CHECK(ptrace(0x420e, pid, sizeof info, &info) == 33);
    CHECK(info.op == 2 && info.exit.value == getpid() && !info.exit.is_error);
    CHECK((long)get_regs(pid).words[RESULT] == getpid());
#if defined(__aarch64__)
    say("X7 at the end is right: %d", get_regs(pid).words[7] == 1);
#else
    say("X7 at the end is right: %d", 1);
#endif
    // Another result.
    to_call(pid, SYS_getpid);
    to_end_of_call(pid);
    struct registers regs = get_regs(pid);
    regs.words[RESULT] = 1234;
    set_regs(pid, &regs);
    // No call.
    to_call(pid, SYS_getpid);
    set_nr(pid, -1);
#if defined(__aarch64__)
    regs = get_regs(pid);
    regs.words[RESULT] = -ENOSYS;
    set_regs(pid, &regs);
#endif
    to_end_of_call(pid);
    regs = get_regs(pid);
    say("skipped: %ld", (long)regs.words[RESULT]);
    regs.words[RESULT] = 4321;
    set_regs(pid, &regs);
    // Another call.
    to_call(pid, SYS_getpid);
    set_nr(pid, SYS_getppid);
    to_call(pid, SYS_close);
    to_end_of_call(pid);
    CHECK(ptrace(0x420e, pid, sizeof info, &info) == 33 && info.exit.value == -EBADF && info.exit.is_error);
    // Another argument, and a signal on the way in.
    do to_call(pid, SYS_write);
    while (get_regs(pid).words[ARG2] != 15);
    regs = get_regs(pid);
    regs.words[ARG2] = 5;
    set_regs(pid, &regs);
    to_end_of_call(pid);
    say("-");
    CHECK(get_regs(pid).words[RESULT] == 5);
    go(PTRACE_CONT, pid, SIGUSR2);
    int status = told("a signal after a call", pid);
    say("code from the kernel: %d", siginfo_of(pid).si_code == SI_KERNEL);
    go(PTRACE_CONT, pid, WSTOPSIG(status));
    told("end", pid);
}

static void pausing(int code) {
    pause();
    _exit(handled == SIGUSR1 ? code : 1);
}

static void restarts(void) {
    handle(SIGUSR1);
    pid_t pid = fork();
    if (pid == 0) {
        pausing(5);
    }
    await_state(pid, 'S');
    CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
    told("attached", pid);
    siginfo_t info = siginfo_of(pid);
    say("code %d pid %d", info.si_code, info.si_pid);
    struct registers regs = get_regs(pid);
#if defined(__x86_64__)
    say("the restart is seen: %d", (long)regs.words[RESULT] == -514 && regs.words[15] == SYS_pause);
#elif defined(__riscv)
    // riscv goes back to the instruction before it looks for signals.
    say("the restart is seen: %d", (int)ptrace(PTRACE_PEEKTEXT, pid, regs.words[PC], 0) == 0x73);
#else
    // arm64 does too; musl has pause as ppoll.
    say("the restart is seen: %d", regs.words[PC] % 4 == 0);
#endif
    go(PTRACE_CONT, pid, 0);
    CHECK(await_state(pid, 'S') == 'S');
    kill(pid, SIGUSR1);
    told("signal", pid);
    CHECK(ptrace(PTRACE_DETACH, pid, 0, SIGUSR1) == 0);
    told("end", pid);
    // A tracer that goes away lets go.
    pid = fork();
    if (pid == 0) {
        pausing(6);
    }
    await_state(pid, 'S');
    pid_t tracer = fork();
    if (tracer == 0) {
        REQUIRE(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
        int status;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        _exit(0);
    }
    told("tracer", tracer);
    CHECK(await_state(pid, 'S') == 'S');
    kill(pid, SIGUSR1);
    told("end", pid);
    pid = fork();
    if (pid == 0) {
        pausing(6);
    }
    tracer = fork();
    if (tracer == 0) {
        REQUIRE(ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL) == 0);
        _exit(0);
    }
    told("tracer", tracer);
    told("with its tracer", pid);
}

int main(void) {
    errors();
    signals();
    calls();
    restarts();
    return 0;
}
