// Children that sleep for ever, as many as the first argument says (10 without a number): "ready" once all are there;
// SIGTERM ends and reaps them.
#include "check.h"
#include <signal.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 0;
    if (count == 0) count = 10, alarm(1);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM), sigaddset(&ends, SIGALRM);
    sigprocmask(SIG_BLOCK, &ends, 0);
    pid_t *children = malloc(count * sizeof *children);
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        REQUIRE(children[i] >= 0);
        if (children[i] == 0) {
            sigprocmask(SIG_UNBLOCK, &ends, 0);
            for (;;) pause();
        }
    }
    say("ready: %d", count);
    int signo, reaped = 0, status;
    sigwait(&ends, &signo);
    for (int i = 0; i < count; i++) REQUIRE(kill(children[i], SIGTERM) == 0);
    while (wait(&status) > 0) reaped += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    say("reaped: %d", reaped);
    return 0;
}
