// Sieve of Eratosthenes: bytes, long strides.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    enum { N = 3000000 };
    static unsigned char composite[N];
    int count = 0;
    for (int round = 0; round < 14; round++) {
        memset(composite, 0, N);
        for (int i = 2; i < N; i++) {
            if (composite[i]) continue;
            count++;
            for (long j = (long)i * i; j < N; j += i) composite[j] = 1;
        }
    }
    printf("sieve %d\n", count);
    return 0;
}
