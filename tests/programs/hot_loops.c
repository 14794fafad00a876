// Loops that run hot, and what befalls them: timers, faults of loads and stores in the middle of them, instructions that there are
// not. Each time the address, the pc and the registers are those of the one instruction, and the loop goes on.
#include "check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { P = 4096 };

// walk(array, words, hash): in every turn hash is changed, a word loaded, hash changed again, and the word's double stored.
// spoil(words): counts down over an instruction that there is not, and gives how often it was there.
#if defined(__x86_64__)
__asm__(".text\n.globl walk\nwalk:\n xor %ecx, %ecx\n"
        ".globl walk_loop\nwalk_loop:\n2:\n add $7, %rdx\n xor %rcx, %rdx\n"
        ".globl walk_load\nwalk_load:\n mov (%rdi,%rcx,8), %r8\n"
        " add %r8, %rdx\n lea (%r8,%r8), %r9\n rol $5, %rdx\n"
        ".globl walk_store\nwalk_store:\n mov %r9, (%rdi,%rcx,8)\n inc %rcx\n cmp %rsi, %rcx\n jb 2b\n"
        ".globl walk_end\nwalk_end:\n mov %rdx, %rax\n ret\n"
        ".globl spoil\nspoil:\n xor %eax, %eax\n"
        "1:\n add $3, %rax\n .globl spoil_at\nspoil_at:\n ud2\n add $1, %rax\n dec %rdi\n jnz 1b\n ret\n");
#define REGISTERS(c) ((c)->uc_mcontext.gregs)
#define PC_OF(c) (*(greg_t *)&REGISTERS(c)[REG_RIP])
#define INDEX_OF(c) REGISTERS(c)[REG_RCX]
#define SUM_OF(c) REGISTERS(c)[REG_RAX]
enum { BAD_LENGTH = 2 };
#elif defined(__aarch64__)
__asm__(".text\n.globl walk\nwalk:\n mov x3, #0\n"
        ".globl walk_loop\nwalk_loop:\n2:\n add x2, x2, #7\n eor x2, x2, x3\n"
        ".globl walk_load\nwalk_load:\n ldr x4, [x0, x3, lsl #3]\n"
        " add x2, x2, x4\n add x5, x4, x4\n ror x2, x2, #59\n"
        ".globl walk_store\nwalk_store:\n str x5, [x0, x3, lsl #3]\n add x3, x3, #1\n cmp x3, x1\n b.lo 2b\n"
        ".globl walk_end\nwalk_end:\n mov x0, x2\n ret\n"
        ".globl spoil\nspoil:\n mov x1, #0\n"
        "1:\n add x1, x1, #3\n .globl spoil_at\nspoil_at:\n .inst 0\n add x1, x1, #1\n subs x0, x0, #1\n b.ne 1b\n mov x0, x1\n ret\n");
#define PC_OF(c) ((c)->uc_mcontext.pc)
#define INDEX_OF(c) ((c)->uc_mcontext.regs[3])
#define SUM_OF(c) ((c)->uc_mcontext.regs[1])
enum { BAD_LENGTH = 4 };
#elif defined(__riscv)
__asm__(".text\n.globl walk\nwalk:\n li t0, 0\n"
        ".globl walk_loop\nwalk_loop:\n2:\n addi a2, a2, 7\n xor a2, a2, t0\n slli t1, t0, 3\n add t1, a0, t1\n"
        ".globl walk_load\nwalk_load:\n ld t2, 0(t1)\n"
        " add a2, a2, t2\n add t3, t2, t2\n slli t4, a2, 5\n srli a2, a2, 59\n or a2, a2, t4\n"
        ".globl walk_store\nwalk_store:\n sd t3, 0(t1)\n addi t0, t0, 1\n bltu t0, a1, 2b\n"
        ".globl walk_end\nwalk_end:\n mv a0, a2\n ret\n"
        ".globl spoil\nspoil:\n li a1, 0\n"
        "1:\n addi a1, a1, 3\n .globl spoil_at\nspoil_at:\n .half 0\n addi a1, a1, 1\n addi a0, a0, -1\n bnez a0, 1b\n mv a0, a1\n ret\n");
#define PC_OF(c) ((c)->uc_mcontext.__gregs[0])
#define INDEX_OF(c) ((c)->uc_mcontext.__gregs[5])
#define SUM_OF(c) ((c)->uc_mcontext.__gregs[11])
enum { BAD_LENGTH = 2 };
#else
#error a new architecture needs its loops here
#endif
long walk(uint64_t *array, long words, uint64_t hash);
long spoil(long turns);
extern char walk_loop[], walk_load[], walk_store[], walk_end[], spoil_at[];

static uint64_t *array;
static volatile long ticks, inside, loads, stores, bad, wrong;

static void on_tick(int signo, siginfo_t *info, void *context) {
    (void)signo, (void)info;
    char *pc = (char *)(uintptr_t)PC_OF((ucontext_t *)context);
    ticks++;
    inside += pc >= walk_loop && pc < walk_end;
}

// The page that is missing or not to be written becomes what it should be. Its first word is where the fault must be.
static void on_fault(int signo, siginfo_t *info, void *context) {
    (void)signo;
    ucontext_t *c = context;
    char *at = info->si_addr, *pc = (char *)(uintptr_t)PC_OF(c);
    long index = INDEX_OF(c);
    if (at != (char *)&array[index] || (uintptr_t)at % P || (pc != walk_load && pc != walk_store)) wrong++;
    if (pc == walk_load) {
        if (mprotect(at, P, PROT_READ)) _exit(96);
        loads++;
    } else {
        if (mprotect(at, P, PROT_READ | PROT_WRITE)) _exit(96);
        stores++;
    }
    if (loads + stores > 100000) _exit(95);
}

static void on_bad(int signo, siginfo_t *info, void *context) {
    (void)signo;
    ucontext_t *c = context;
    bad++;
    if (info->si_addr != spoil_at || (char *)(uintptr_t)PC_OF(c) != spoil_at || (long)SUM_OF(c) != bad * 4 - 1) wrong++;
    PC_OF(c) += BAD_LENGTH;
}

// What walk gives, in C, on an array of its own.
static uint64_t model(uint64_t *words, long count, uint64_t hash) {
    for (long i = 0; i < count; i++) {
        hash = (hash + 7) ^ i;
        hash += words[i];
        hash = hash << 5 | hash >> 59;
        words[i] *= 2;
    }
    return hash;
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    REQUIRE(sigaction(signo, &action, 0) == 0);
}

int main(void) {
    enum { PAGES = 16, WORDS = PAGES * P / 8 };
    uint64_t *copy = malloc(WORDS * 8);
    array = mmap(0, PAGES * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(array != MAP_FAILED && copy);
    for (long i = 0; i < WORDS; i++) array[i] = copy[i] = i * 0x9e3779b97f4a7c15u;

    // A timer while it runs, at whatever instruction.
    handle(SIGALRM, on_tick);
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    REQUIRE(setitimer(ITIMER_REAL, &often, 0) == 0);
    uint64_t hash = 1, expected = 1;
    int rounds = 0;
    for (; rounds < 60 || (inside < 20 && rounds < 100000); rounds++) hash = walk(array, WORDS, hash);
    REQUIRE(setitimer(ITIMER_REAL, &never, 0) == 0);
    for (int i = 0; i < rounds; i++) expected = model(copy, WORDS, expected);
    say("timers came in the loop: %d, and changed nothing: %d", inside >= 20, hash == expected && memcmp(array, copy, WORDS * 8) == 0);

    // Pages that are not there at first, then there and not to be written.
    handle(SIGSEGV, on_fault);
    hash = 2, expected = 2;
    for (int round = 0; round < 30; round++) {
        for (long i = 0; i < WORDS; i++) array[i] = copy[i] = i * 0x9e3779b97f4a7c15u + round;
        for (int page = round % 3; page < PAGES; page += 1 + round % 4)
            REQUIRE(mprotect((char *)array + page * P, P, page % 2 ? PROT_READ : PROT_NONE) == 0);
        hash = walk(array, WORDS, hash);
        expected = model(copy, WORDS, expected);
        REQUIRE(mprotect(array, PAGES * P, PROT_READ | PROT_WRITE) == 0);
    }
    say("%ld loads and %ld stores faulted, %ld of them wrong, and changed nothing: %d", loads, stores, wrong,
        hash == expected && memcmp(array, copy, WORDS * 8) == 0);

    // Both at once.
    REQUIRE(setitimer(ITIMER_REAL, &often, 0) == 0);
    inside = loads = stores = 0;
    hash = 3, expected = 3;
    for (int round = 0; round < 40; round++) {
        REQUIRE(mprotect(array, PAGES * P, PROT_NONE) == 0);
        hash = walk(array, WORDS, hash);
        expected = model(copy, WORDS, expected);
    }
    REQUIRE(setitimer(ITIMER_REAL, &never, 0) == 0);
    say("and with timers %ld and %ld, %ld wrong, the same: %d", loads, stores, wrong, hash == expected);

    handle(SIGILL, on_bad);
    long sum = spoil(500);
    say("%ld bad instructions, %ld wrong, sum %ld", bad, wrong, sum);
    return 0;
}
