// The cost of the cheapest system call.
#include <stdio.h>
#include <unistd.h>
int main(void) {
    int wrong = 0;
    pid_t parent = getppid();
    for (int i = 0; i < 1000000; i++) wrong += getppid() != parent;
    printf("getppid %d wrong\n", wrong);
    return 0;
}
