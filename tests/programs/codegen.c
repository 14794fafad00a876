// A small compiler in a guest: loops over an accumulator, as machine code made at run time, against an interpreter of the same.
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

enum { P = 4096 };
enum kind { ADD, XOR, MUL, FOLD, KINDS };
struct op {
    enum kind kind;
    int constant;
};
typedef long (*Function)(long x, long n);

// What the code is to do: the operations one after the other, n times.
static long interpret(const struct op *ops, int count, long start, long n) {
    uint64_t x = start;
    do {
        for (int i = 0; i < count; i++) {
            switch (ops[i].kind) {
            case ADD: x += ops[i].constant; break;
            case XOR: x ^= n; break;
            case MUL: x *= ops[i].constant; break;
            default: x ^= x >> 7;
            }
        }
    } while (--n);
    return x;
}

static char *at;
static void bytes(const void *from, int count) {
    memcpy(at, from, count);
    at += count;
}
__attribute__((unused)) static void word(uint32_t insn) { bytes(&insn, 4); }

#if defined(__x86_64__)
// x is in rdi, n in rsi. An ADD's constant is its last four bytes.
enum { JUMP = 5 };
static void op(struct op o) {
    switch (o.kind) {
    case ADD: bytes("\x48\x81\xc7", 3), bytes(&o.constant, 4); break; // add rdi, constant
    case XOR: bytes("\x48\x31\xf7", 3); break;                       // xor rdi, rsi
    case MUL: bytes("\x48\x69\xff", 3), bytes(&o.constant, 4); break; // imul rdi, rdi, constant
    default: bytes("\x48\x89\xf8\x48\xc1\xe8\x07\x48\x31\xc7", 10);   // mov rax, rdi; shr rax, 7; xor rdi, rax
    }
}
static void end(char *loop) {
    bytes("\x48\xff\xce\x0f\x85", 5); // dec rsi; jnz loop
    int32_t distance = loop - (at + 4);
    bytes(&distance, 4), bytes("\x48\x89\xf8\xc3", 4); // mov rax, rdi; ret
}
static void jump(char *to) {
    int32_t distance = to - (at + JUMP);
    bytes("\xe9", 1), bytes(&distance, 4);
}
#elif defined(__aarch64__)
// x is in x0, n in x1.
enum { JUMP = 4 };
static void op(struct op o) {
    switch (o.kind) {
    case ADD: word(0x91000000 | o.constant << 10); break;                  // add x0, x0, #constant
    case XOR: word(0xca010000); break;                                     // eor x0, x0, x1
    case MUL: word(0xd2800002 | o.constant << 5), word(0x9b027c00); break; // movz x2, #constant; mul x0, x0, x2
    default: word(0xca401c00);                                             // eor x0, x0, x0, lsr #7
    }
}
static void end(char *loop) {
    word(0xf1000421);                                            // subs x1, x1, #1
    word(0x54000001 | ((loop - at) / 4 & 0x7ffff) << 5), word(0xd65f03c0); // b.ne loop; ret
}
static void jump(char *to) { word(0x14000000 | ((to - at) / 4 & 0x3ffffff)); }
#elif defined(__riscv)
// x is in a0, n in a1.
enum { JUMP = 4 };
static void op(struct op o) {
    switch (o.kind) {
    case ADD: word(0x00050513 | o.constant << 20); break;                   // addi a0, a0, constant
    case XOR: word(0x00b54533); break;                                      // xor a0, a0, a1
    case MUL: word(0x00000613 | o.constant << 20), word(0x02c50533); break; // li a2, constant; mul a0, a0, a2
    default: word(0x00755613), word(0x00c54533);                            // srli a2, a0, 7; xor a0, a0, a2
    }
}
static void end(char *loop) {
    word(0xfff58593); // addi a1, a1, -1
    uint32_t d = loop - at;
    word(0x00059063 | (d >> 12 & 1) << 31 | (d >> 5 & 63) << 25 | (d >> 1 & 15) << 8 | (d >> 11 & 1) << 7); // bnez a1, loop
    word(0x00008067); // ret
}
static void jump(char *to) {
    uint32_t d = to - at;
    word(0x6f | (d >> 20 & 1) << 31 | (d >> 1 & 0x3ff) << 21 | (d >> 11 & 1) << 20 | (d >> 12 & 0xff) << 12);
}
#else
#error a new architecture needs its few instructions here
#endif

static void sync_code(char *from, char *to) { __builtin___clear_cache(from, to); }
static char *compile(char *to, const struct op *ops, int count) {
    at = to;
    for (int i = 0; i < count; i++) op(ops[i]);
    end(to);
    sync_code(to, at);
    return at;
}
static long call(char *code, long x, long n) { return ((Function)(uintptr_t)code)(x, n); }

static uint64_t seed = 7;
static int draw(struct op *ops) {
    int count = 1 + next_random(&seed) % 20;
    for (int i = 0; i < count; i++)
        ops[i] = (struct op){next_random(&seed) % KINDS, 1 + next_random(&seed) % 2000};
    return count;
}

static char *space(int length, int prot) {
    char *got = mmap(0, length, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(got != MAP_FAILED);
    return got;
}

static sigjmp_buf out;
static void *volatile refused;
static void on_segv(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)context;
    refused = info->si_addr;
    siglongjmp(out, 1);
}
static int stores(char *to, char byte) {
    if (sigsetjmp(out, 1)) return 0;
    *(volatile char *)to = byte;
    return 1;
}

int main(void) {
    const int RWX = PROT_READ | PROT_WRITE | PROT_EXEC;
    struct op ops[64][20];
    int counts[64];
    uint64_t hash = 1;

    // One function after the other in the same place, hot and cold.
    char *page = space(P, RWX);
    for (int i = 0; i < 300; i++) {
        int count = draw(ops[0]);
        long n = i % 4 ? 1 + i % 50 : 2000;
        compile(page, ops[0], count);
        long x = call(page, i, n);
        REQUIRE(x == interpret(ops[0], count, i, n));
        hash = mix(hash, x);
    }
    say("one place %lx", (long)hash);

    // The constant of an addition in the middle of a hot loop, changed between calls.
    struct op few[] = {{MUL, 5}, {ADD, 1}, {XOR, 0}, {FOLD, 0}};
    compile(page, few, 4);
    at = page;
    op(few[0]);
    char *addition = at;
    for (int i = 0; i < 1000; i++) {
        few[1].constant = 1 + i * 7 % 2000;
        at = addition;
        op(few[1]);
        sync_code(addition, at);
        long x = call(page, i, 300);
        REQUIRE(x == interpret(few, 4, i, 300));
        hash = mix(hash, x);
    }
    say("patched %lx", (long)hash);

    // Many functions, some across the borders of pages, all called, all replaced, all called again.
    char *region = space(8 * P, RWX), *where[64];
    for (int round = 0; round < 6; round++) {
        char *next = region + P - 100 + round * 4;
        for (int i = 0; i < 64; i++) {
            counts[i] = draw(ops[i]);
            where[i] = next;
            next = compile(next, ops[i], counts[i]) + (i % 3) * 64;
            REQUIRE(next < region + 8 * P - 1024);
        }
        for (int turn = 0; turn < 20; turn++)
            for (int i = 0; i < 64; i++) {
                long x = call(where[i], turn, 3);
                REQUIRE(x == interpret(ops[i], counts[i], turn, 3));
                hash = mix(hash, x);
            }
    }
    say("many %lx", (long)hash);

    // A jump that is led to one function and to the other by turns, in its own page and in the next.
    for (int i = 0; i < 400; i++) {
        int target = i % 5 * 9 % 64;
        at = page;
        jump(where[target]);
        sync_code(page, at);
        for (int again = 0; again < 12; again++) {
            long x = call(page, again, 2);
            REQUIRE(x == interpret(ops[target], counts[target], again, 2));
            hash = mix(hash, x);
        }
    }
    say("led on %lx", (long)hash);

    // Written, made executable, made writable again.
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    page = space(2 * P, PROT_READ | PROT_WRITE);
    int denied = 0;
    for (int i = 0; i < 200; i++) {
        char *to = page + P - 40;
        int count = draw(ops[0]);
        REQUIRE(mprotect(page, 2 * P, PROT_READ | PROT_WRITE) == 0);
        char *behind = compile(to, ops[0], count);
        REQUIRE(mprotect(page, 2 * P, PROT_READ | PROT_EXEC) == 0);
        sync_code(to, behind);
        for (int again = 0; again < 10; again++) {
            long x = call(to, again, 10);
            REQUIRE(x == interpret(ops[0], count, again, 10));
            hash = mix(hash, x);
        }
        if (!stores(to + i % 50, 0)) denied += refused == to + i % 50;
        REQUIRE(call(to, 1, 10) == interpret(ops[0], count, 1, 10));
    }
    say("writable or executable %lx, %d stores denied", (long)hash, denied);

    // Other memory at the same address; and none, which cannot be called.
    for (int i = 0; i < 50; i++) {
        int count = draw(ops[0]);
        REQUIRE(mmap(page, P, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
        compile(page, ops[0], count);
        for (int again = 0; again < 10; again++) REQUIRE(call(page, again, 9) == interpret(ops[0], count, again, 9));
        REQUIRE(munmap(page, P) == 0);
        if (sigsetjmp(out, 1) == 0) {
            call(page, 1, 1);
            say("called what is not there");
        }
        REQUIRE(refused == page);
    }
    say("unmapped");
    return 0;
}
