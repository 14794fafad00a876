// Signals: alternate stacks, faults with their siginfo, nesting, masks, queues, restarts and timers.
#include "check.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

static sigjmp_buf back;
static char *base;
static char stack[65536];
static volatile sig_atomic_t depth, taken, on_stack;
static char order[64];

static int within_stack(void *at) { return (char *)at >= stack && (char *)at < stack + sizeof stack; }

static void fault(int signal, siginfo_t *info, void *context) {
    char local;
    ucontext_t *uc = context;
    say("signal %d, code %d, address base%+td, on the alternate stack %d, ss_flags %d", signal, info->si_code,
        (char *)info->si_addr - base, within_stack(&local), uc->uc_stack.ss_flags);
    siglongjmp(back, 1);
}
static void handle(int signal, void (*with)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_sigaction = with, .sa_flags = SA_SIGINFO | flags};
    REQUIRE(sigaction(signal, &action, 0) == 0);
}
static void count(int signal, siginfo_t *info, void *context) {
    char local;
    (void)info, (void)context;
    on_stack = within_stack(&local);
    order[taken++] = 'a' + signal % 26;
}
static void queued(int signal, siginfo_t *info, void *context) {
    (void)context;
    say("queued %d, value %d, code %d, from this process %d", signal - SIGRTMIN, info->si_value.sival_int, info->si_code,
        info->si_pid == getpid());
}
static void nest(int signal, siginfo_t *info, void *context) {
    (void)info, (void)context;
    int level = ++depth;
    if (level < 4) raise(signal);
    order[taken++] = '0' + level;
    depth--;
}

static void faults(void) {
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    CHECK(sigaltstack(&alternate, 0) == 0);
    handle(SIGSEGV, fault, SA_ONSTACK);
    handle(SIGBUS, fault, SA_ONSTACK);
    handle(SIGFPE, fault, SA_ONSTACK);
    base = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(base + 8192, 4096);
    mprotect(base + 4096, 4096, PROT_READ);
    if (!sigsetjmp(back, 1)) base[4096 + 5] = 1;
    if (!sigsetjmp(back, 1)) *(volatile char *)(base + 8192 + 7) = 1;
    if (!sigsetjmp(back, 1)) (void)*(volatile char *)(base + 8192);
    if (!sigsetjmp(back, 1)) (void)*(volatile uint64_t *)(base + 8192 - 4); // crosses into the hole
    char *kept = base;
    base = 0;
    if (!sigsetjmp(back, 1)) (void)*(volatile char *)16;
    base = kept;
    int fd = memfd_create("file", 0);
    base = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    if (!sigsetjmp(back, 1)) (void)*(volatile char *)(base + 100); // past the end of the file
    base = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!sigsetjmp(back, 1)) ((void (*)(void))(uintptr_t)base)(); // not executable
    alternate.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&alternate, 0) == 0);
    CHECK(sigaltstack(0, &alternate) == 0 && alternate.ss_flags == SS_DISABLE);
    alternate.ss_flags = 0;
    alternate.ss_size = 100;
    FAILS(sigaltstack(&alternate, 0), ENOMEM);
}

static void masks(void) {
    sigset_t set, old, pending;
    taken = 0;
    handle(SIGUSR1, count, 0);
    handle(SIGUSR2, count, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(taken == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
    FAILS(sigsuspend(&old), EINTR);
    CHECK(taken == 2);
    raise(SIGUSR1);
    siginfo_t info;
    CHECK(sigtimedwait(&set, &info, &(struct timespec){0, 0}) == SIGUSR1 && info.si_pid == getpid());
    FAILS(sigtimedwait(&set, &info, &(struct timespec){0, 1000000}), EAGAIN);
    sigprocmask(SIG_SETMASK, &old, 0);
    CHECK(taken == 2);

    struct sigaction action = {.sa_flags = SA_SIGINFO, .sa_sigaction = nest};
    action.sa_flags |= SA_NODEFER;
    sigaction(SIGUSR1, &action, 0);
    taken = 0;
    raise(SIGUSR1);
    order[taken] = 0;
    say("nested with SA_NODEFER: %s", order);
    action.sa_flags = SA_SIGINFO | SA_RESETHAND;
    action.sa_sigaction = count;
    sigaction(SIGUSR2, &action, 0);
    raise(SIGUSR2);
    CHECK(sigaction(SIGUSR2, 0, &action) == 0 && action.sa_handler == SIG_DFL);
    FAILS(sigaction(SIGKILL, &(struct sigaction){.sa_handler = SIG_IGN}, 0), EINVAL);
}

static void queue(void) {
    sigset_t set, old;
    sigemptyset(&set);
    for (int i = 0; i < 3; i++) {
        handle(SIGRTMIN + i, queued, 0);
        sigaddset(&set, SIGRTMIN + i);
    }
    sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 5; i >= 0; i--) REQUIRE(sigqueue(getpid(), SIGRTMIN + i % 3, (union sigval){.sival_int = i}) == 0);
    // One signal stays pending per unblocking: the order of handlers is that of delivery.
    siginfo_t info;
    sigset_t first;
    sigemptyset(&first);
    sigaddset(&first, SIGRTMIN);
    CHECK(sigwaitinfo(&first, &info) == SIGRTMIN && info.si_value.sival_int == 3 && info.si_code == SI_QUEUE);
    for (int i = 0; i < 3; i++) {
        sigemptyset(&first);
        sigaddset(&first, SIGRTMIN + i);
        sigprocmask(SIG_UNBLOCK, &first, 0);
    }
    sigprocmask(SIG_SETMASK, &old, 0);
}

static void *kick(void *arg) {
    usleep(20000);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    usleep(20000);
    REQUIRE(write(3, "x", 1) == 1 || write(4, "x", 1) == 1);
    return 0;
}

static void restarts(void) {
    int ends[2];
    pthread_t self = pthread_self(), thread;
    char byte;
    for (int restart = 0; restart < 2; restart++) {
        taken = 0;
        handle(SIGUSR1, count, restart ? SA_RESTART : 0);
        REQUIRE(pipe(ends) == 0);
        dup2(ends[1], 3);
        pthread_create(&thread, 0, kick, &self);
        ssize_t got = read(ends[0], &byte, 1);
        int error = errno;
        pthread_join(thread, 0);
        say("read %s: %zd%s, handler ran %d", restart ? "with SA_RESTART" : "without SA_RESTART", got,
            got < 0 && error == EINTR ? " EINTR" : "", taken);
        close(ends[0]);
        close(ends[1]);
    }
    // Never restarted, whatever SA_RESTART says.
    struct itimerval soon = {.it_value = {0, 20000}};
    handle(SIGALRM, count, SA_RESTART);
    setitimer(ITIMER_REAL, &soon, 0);
    struct timespec left;
    FAILS(nanosleep(&(struct timespec){5, 0}, &left), EINTR);
    CHECK(left.tv_sec == 4 && left.tv_nsec > 0);
    setitimer(ITIMER_REAL, &soon, 0);
    FAILS(pause(), EINTR);
}

static void timers(void) {
    taken = 0;
    struct itimerval tick = {{0, 5000}, {0, 5000}}, off = {{0, 0}, {0, 0}}, seen;
    setitimer(ITIMER_REAL, &tick, 0);
    while (taken < 5) pause();
    CHECK(setitimer(ITIMER_REAL, &off, &seen) == 0 && seen.it_interval.tv_usec == 5000);
    int after = taken;
    usleep(20000);
    CHECK(taken == after);
    CHECK(alarm(10) == 0 && alarm(0) == 10);
}

int main(void) {
    faults();
    masks();
    queue();
    restarts();
    timers();
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile char *)8 = 1;
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return 0;
}
