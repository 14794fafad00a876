// Sorting: quicksort by hand, then the library's.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static void quicksort(uint32_t *a, int n) {
    while (n > 12) {
        uint32_t pivot = a[n / 2];
        int i = 0, j = n - 1;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j], a[j--] = t;
            }
        }
        quicksort(a, j + 1);
        a += i, n -= i;
    }
    for (int i = 1; i < n; i++) {
        uint32_t v = a[i];
        int j = i;
        for (; j > 0 && a[j - 1] > v; j--) a[j] = a[j - 1];
        a[j] = v;
    }
}
static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
int main(void) {
    enum { N = 1200000 };
    static uint32_t a[N], b[N];
    for (int i = 0; i < N; i++) a[i] = next_random() >> 32;
    memcpy(b, a, N / 2 * sizeof *b);
    quicksort(a, N);
    qsort(b, N / 2, sizeof *b, compare);
    uint32_t sum = 0;
    for (int i = 0; i < N; i++) sum = sum * 31 + a[i] + b[i];
    printf("sort %08x\n", sum);
    return 0;
}
