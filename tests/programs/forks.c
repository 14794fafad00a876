// A thousand processes one after the other: fork, exit, wait; numbers and memory come back.
#include "check.h"
#include <sys/wait.h>

int main(void) {
    int sum = 0;
    for (int i = 0; i < 1000; i++) {
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) _exit(i & 0x7f);
        int status;
        REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    int status;
    say("statuses sum to %d", sum);
    FAILS(waitpid(-1, &status, 0), ECHILD);
    return 0;
}
