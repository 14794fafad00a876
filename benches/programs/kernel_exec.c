// fork, execve of itself, exit, wait.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc == 2) return atoi(argv[1]);
    int status, sum = 0;
    for (int i = 0; i < 200; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", i % 100);
        if (fork() == 0) {
            execl("/proc/self/exe", argv[0], code, (char *)0);
            _exit(255);
        }
        wait(&status);
        sum += WEXITSTATUS(status);
    }
    printf("exec %d\n", sum);
    return 0;
}
