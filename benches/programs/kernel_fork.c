// fork, exit, wait, with some memory to share.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    enum { SIZE = 1 << 20 };
    char *memory = memset(malloc(SIZE), 1, SIZE);
    int status, sum = 0;
    for (int i = 0; i < 500; i++) {
        pid_t child = fork();
        if (child == 0) _exit(memory[i * 1000] + i % 7);
        waitpid(child, &status, 0);
        sum += WEXITSTATUS(status);
    }
    printf("fork %d\n", sum);
    return 0;
}
