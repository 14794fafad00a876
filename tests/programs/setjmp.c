// Non-local jumps: nesting, values, callee-saved registers, jumps out of a handler with and without the mask.
#include "check.h"
#include <setjmp.h>
#include <signal.h>

static jmp_buf outer, inner;
static sigjmp_buf with_mask, without;
static void (*volatile out)(int);

static void deep(int n) {
    volatile char pad[200];
    pad[0] = n;
    if (n == 0) longjmp(inner, 3);
    deep(n - 1);
    pad[1] = n;
}
static void leave(int signal) { siglongjmp(signal == SIGUSR1 ? with_mask : without, signal == SIGUSR1 ? 1 : 2); }
static int blocked(int signal) {
    sigset_t set;
    sigprocmask(SIG_BLOCK, 0, &set);
    return sigismember(&set, signal);
}

int main(void) {
    volatile int steps = 0;
    double kept = 1.25;
    switch (setjmp(outer)) {
    case 0: {
        int value = setjmp(inner);
        if (!value) deep(10);
        say("inner %d", value);
        longjmp(outer, 0);
    }
    case 1: steps++;
    }
    say("longjmp of 0 gives 1: %d, kept %.2f", steps, kept);
    for (volatile int i = 0; i < 1000; i++) {
        if (setjmp(outer) == 0) longjmp(outer, i + 1);
        steps++;
    }
    say("steps %d", steps);
    struct sigaction action = {.sa_handler = leave};
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGUSR2, &action, 0);
    if (sigsetjmp(with_mask, 1) == 0) raise(SIGUSR1);
    say("mask restored: SIGUSR1 blocked %d", blocked(SIGUSR1));
    if (sigsetjmp(without, 0) == 0) raise(SIGUSR2);
    say("mask kept: SIGUSR2 blocked %d", blocked(SIGUSR2));
    return 0;
}
