// A hash table with open addressing: insert, find, delete.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

enum { SIZE = 1 << 16 };
static uint64_t keys[SIZE];
static uint32_t values[SIZE];
static uint32_t slot(uint64_t key) {
    uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 48);
    while (keys[at] && keys[at] != key) at = (at + 1) & (SIZE - 1);
    return at;
}
int main(void) {
    uint64_t sum = 0;
    for (int round = 0; round < 150; round++) {
        memset(keys, 0, sizeof keys);
        uint64_t start = state;
        for (int i = 0; i < 40000; i++) {
            uint32_t at = slot(next_random() | 1);
            keys[at] = state | 1, values[at] = i;
        }
        state = start;
        for (int i = 0; i < 40000; i++) {
            uint32_t at = slot(next_random() | 1);
            if (keys[at]) sum += values[at];
        }
        for (int i = 0; i < 40000; i++) sum += keys[slot((uint64_t)i * 2654435761u | 1)] != 0;
    }
    printf("hash %llu\n", (unsigned long long)sum);
    return 0;
}
