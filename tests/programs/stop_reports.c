// A parent that says every time it is told that its child has stopped, and when it is gone. The child's number is in
// /tmp/child. Unless told to wait, by an argument, the parent kills it once it has stopped.
#include "check.h"
#include <signal.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        raise(SIGSTOP);
        for (;;) pause();
    }
    FILE *file = fopen("/tmp/child", "w");
    if (file) fprintf(file, "%d\n", child), fclose(file);
    int status;
    while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) {
        say("stopped");
        if (argc != 2) kill(child, SIGKILL);
    }
    say(WIFSIGNALED(status) ? "gone" : "left");
    return 0;
}
