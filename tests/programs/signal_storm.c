// Queued signals from a child to its parent, which computes and sleeps in turn: none is lost, none comes twice, and the
// numbers computed are the same whenever they come.
#include "check.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { SIGNALS = 100 };

static volatile sig_atomic_t count, sum, out_of_order;
static void queued(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    if (info->si_value.sival_int != count) out_of_order++;
    count++;
    sum += info->si_value.sival_int;
}

int main(void) {
    struct sigaction action = {.sa_sigaction = queued, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        for (int i = 0; i < SIGNALS; i++) {
            while (sigqueue(getppid(), SIGRTMIN, (union sigval){.sival_int = i}) < 0) REQUIRE(errno == EAGAIN);
            if (i % 3 == 0) nanosleep(&(struct timespec){0, 20000}, 0);
        }
        _exit(0);
    }
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGRTMIN);
    uint64_t state = 42, hash = 0;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 500; i++) hash = mix(hash, next_random(&state));
        double x = round;
        for (int i = 0; i < 20; i++) x = x * 0.5 + i;
        hash = mix(hash, (uint64_t)(x * 1000));
    }
    sigprocmask(SIG_BLOCK, &block, &old);
    while (count < SIGNALS) sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, 0);
    int status;
    while (waitpid(child, &status, 0) < 0) REQUIRE(errno == EINTR);
    say("count %d sum %d out of order %d child %d hash %016llx", count, sum, out_of_order, status, (unsigned long long)hash);
    return 0;
}
