// The cost of the cheapest system call.
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    int wrong = 0;
    long parent = syscall(SYS_getppid);
    for (int i = 0; i < 1000000; i++) wrong += syscall(SYS_getppid) != parent;
    printf("getppid %d wrong\n", wrong);
    return 0;
}
