// Pointer chasing through a shuffled ring.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t state = 88172645463325252u;
static uint64_t next_random(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

struct node { struct node *next; uint64_t value; };
int main(void) {
    enum { N = 1 << 15 };
    static struct node nodes[N];
    static uint32_t order[N];
    for (int i = 0; i < N; i++) order[i] = i, nodes[i].value = i * 7;
    for (int i = N - 1; i > 0; i--) {
        uint32_t j = next_random() % (i + 1), t = order[i];
        order[i] = order[j], order[j] = t;
    }
    for (int i = 0; i < N; i++) nodes[order[i]].next = &nodes[order[(i + 1) % N]];
    uint64_t sum = 0;
    struct node *at = nodes;
    for (int i = 0; i < 60000000; i++) sum += at->value, at = at->next;
    printf("chase %llu\n", (unsigned long long)sum);
    return 0;
}
