// Calls through pointers: a table of methods, targets that vary.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

struct shape { const struct methods *methods; uint32_t a, b; };
struct methods { uint32_t (*area)(const struct shape *); void (*grow)(struct shape *, uint32_t); };
static uint32_t square_area(const struct shape *s) { return s->a * s->a; }
static uint32_t oblong_area(const struct shape *s) { return s->a * s->b; }
static uint32_t triangle_area(const struct shape *s) { return s->a * s->b / 2; }
static void grow_a(struct shape *s, uint32_t by) { s->a += by; }
static void grow_both(struct shape *s, uint32_t by) { s->a += by, s->b ^= by; }
static const struct methods METHODS[] = {{square_area, grow_a}, {oblong_area, grow_both}, {triangle_area, grow_both}};
int main(void) {
    enum { N = 1000 };
    static struct shape shapes[N];
    for (int i = 0; i < N; i++) shapes[i] = (struct shape){&METHODS[next_random() % 3], i, i * 3};
    uint64_t sum = 0;
    for (int round = 0; round < 12000; round++)
        for (int i = 0; i < N; i++) {
            struct shape *s = &shapes[i];
            sum += s->methods->area(s);
            s->methods->grow(s, round & 7);
        }
    printf("calls %llu\n", (unsigned long long)sum);
    return 0;
}
