// Two processes and two pipes: a byte there and back.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    int there[2], back[2], rounds = 8000, done = 0;
    char byte = 'x';
    if (pipe(there) || pipe(back)) return 1;
    if (fork() == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1)
            if (write(back[1], &byte, 1) != 1) _exit(1);
        _exit(0);
    }
    for (int i = 0; i < rounds; i++) done += write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1;
    close(there[1]);
    wait(0);
    printf("pingpong %d\n", done);
    return 0;
}
