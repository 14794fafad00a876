// Atomics of 1 to 16 bytes: results of each operation, and sums that stay right when threads contend.
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define SINGLE(T, name)                                                                                            \
    static void name(void) {                                                                                       \
        _Atomic T v = 5;                                                                                           \
        uint64_t hash = 0, state = sizeof(T);                                                                      \
        for (int i = 0; i < 2000; i++) {                                                                           \
            T x = (T)next_random(&state), expected = i % 2 ? (T)(x + 1) : atomic_load(&v);                         \
            hash = mix(hash, atomic_fetch_add(&v, x)), hash = mix(hash, atomic_fetch_sub(&v, (T)(x >> 1)));        \
            hash = mix(hash, atomic_fetch_and(&v, (T)(x | 0x55))), hash = mix(hash, atomic_fetch_or(&v, (T)(x & 0x0f))); \
            hash = mix(hash, atomic_fetch_xor(&v, x)), hash = mix(hash, atomic_exchange(&v, (T)(v * 3)));          \
            int swapped = atomic_compare_exchange_strong(&v, &expected, x);                                        \
            hash = mix(hash, swapped), hash = mix(hash, expected), hash = mix(hash, v);                            \
            while (!atomic_compare_exchange_weak_explicit(&v, &expected, (T)(expected + 1), memory_order_acq_rel,  \
                                                          memory_order_relaxed)) {}                                \
            atomic_store_explicit(&v, (T)(v ^ x), memory_order_release);                                           \
        }                                                                                                          \
        say(#T " %016llx", (unsigned long long)hash);                                                              \
    }
SINGLE(uint8_t, s8)
SINGLE(uint16_t, s16)
SINGLE(uint32_t, s32)
SINGLE(uint64_t, s64)

enum { THREADS = 4, ROUNDS = 3000 };
static _Atomic uint8_t c8;
static _Atomic uint16_t c16;
static _Atomic uint32_t c32;
static _Atomic uint64_t c64;
static atomic_flag flag = ATOMIC_FLAG_INIT;
static _Atomic int ticket, serving;
static uint64_t guarded, ticketed;
static _Alignas(16) unsigned __int128 pair;
static struct node { struct node *next; int value; } nodes[THREADS * ROUNDS];
static _Atomic(struct node *) top;

#ifdef __x86_64__
__attribute__((target("cx16")))
#endif
static int swap_pair(unsigned __int128 old, unsigned __int128 new) {
#ifdef __x86_64__
    uint64_t low = (uint64_t)old, high = (uint64_t)(old >> 64);
    unsigned char done;
    __asm__ volatile("lock cmpxchg16b %1; sete %0"
                     : "=q"(done), "+m"(pair), "+a"(low), "+d"(high)
                     : "b"((uint64_t)new), "c"((uint64_t)(new >> 64)) : "memory", "cc");
    return done;
#elif defined(__riscv)
    // There is no instruction for it.
    static atomic_flag lock = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&lock));
    int done = pair == old;
    if (done) pair = new;
    atomic_flag_clear(&lock);
    return done;
#else
    return __sync_bool_compare_and_swap(&pair, old, new);
#endif
}

static void *worker(void *arg) {
    int id = (int)(intptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        c8++, c16++, c32 += 3, c64 += 5;
        while (atomic_flag_test_and_set(&flag)) sched_yield();
        guarded++;
        atomic_flag_clear(&flag);
        int mine = atomic_fetch_add(&ticket, 1);
        while (atomic_load(&serving) != mine) sched_yield();
        ticketed += 2;
        atomic_fetch_add(&serving, 1);
        unsigned __int128 old, new;
        do {
            old = pair; // may tear: then the swap fails
            new = (unsigned __int128)((uint64_t)(old >> 64) + 1) << 64 | ((uint64_t)old + 2);
        } while (!swap_pair(old, new));
        struct node *node = &nodes[id * ROUNDS + i];
        node->value = i;
        node->next = atomic_load(&top);
        while (!atomic_compare_exchange_weak(&top, &node->next, node)) {}
    }
    return 0;
}

int main(void) {
    s8(), s16(), s32(), s64();
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], 0, worker, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    say("%d %d %u %llu", c8, c16, c32, (unsigned long long)c64);
    say("guarded %llu, ticketed %llu, pair %llu %llu", (unsigned long long)guarded, (unsigned long long)ticketed,
        (unsigned long long)(uint64_t)pair, (unsigned long long)(uint64_t)(pair >> 64));
    long count = 0, sum = 0;
    for (struct node *n = top; n; n = n->next) count++, sum += n->value;
    say("list of %ld, sum %ld", count, sum);
    return 0;
}
