// The smallest whole program: start-up, one write, the exit status.
#include <stdio.h>
int main(void) {
    puts("hello, world");
    return 0;
}
