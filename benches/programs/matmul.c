// Multiplication of matrices of doubles, with ordinary data.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

int main(void) {
    enum { N = 120 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) a[i][j] = (next_random() >> 11) * 0x1p-53, b[i][j] = (next_random() >> 11) * 0x1p-53;
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
                c[i][j] += sum;
            }
    double trace = 0;
    for (int i = 0; i < N; i++) trace += c[i][i] + c[i][N - 1 - i];
    printf("matmul %.12g\n", trace);
    return 0;
}
