// fork, execve of the command given, exit, wait.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int status, done = 0;
    for (int i = 0; i < 400; i++) {
        if (fork() == 0) {
            execv(argv[1], argv + 1);
            _exit(127);
        }
        wait(&status);
        done += status == 0;
    }
    printf("exec %d\n", argc > 1 ? done : 0);
    return 0;
}
