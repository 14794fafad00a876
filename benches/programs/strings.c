// The C library's string functions over text.
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
    enum { N = 1 << 16 };
    static char text[N + 1], copy[N + 1];
    uint64_t sum = 0;
    for (int i = 0; i < N; i++) text[i] = "etaoin shrdlu\ncmfwyp"[next_random() % 20];
    for (int round = 0; round < 5; round++) {
        text[N - 1 - round] = 0;
        strcpy(copy, text);
        sum += strlen(copy) + (strcmp(copy, text) == 0);
        for (char *line = copy, *end; (end = strchr(line, 10)); line = end + 1) {
            *end = 0;
            if (strstr(line, "the")) sum++;
            sum += memcmp(line, "aeiou", 3) > 0;
        }
        memmove(copy + 7, copy, N / 2);
        memset(copy + N / 2, round, N / 4);
        sum += (unsigned char)copy[N / 2 + 9];
        char number[32];
        for (int i = 0; i < 300; i++) sum += snprintf(number, sizeof number, "%d:%s", i * round, "x") + strtol(number, 0, 10);
    }
    printf("strings %llu\n", (unsigned long long)sum);
    return 0;
}
