// Steps and breakpoints in a loop that has run hot, and code that a tracer writes into it.
// qemu-user differs: it has no ptrace.
// per architecture
#include "ptraced.h"

// spin(counter, hash): four instructions round and round, until the last is written over; gives the counter.
#if defined(__x86_64__)
__asm__(".text\n.globl spin\nspin:\n"
        ".globl spin_1\nspin_1:\n1:\n add $1, %rdi\n.globl spin_2\nspin_2:\n xor %rdi, %rsi\n.globl spin_3\nspin_3:\n rol $3, %rsi\n"
        ".globl spin_4\nspin_4:\n jmp 1b\n mov %rdi, %rax\n ret\n");
enum { COUNTER = 14, HASH = 13, PC_BEHIND = 1 };
static const long trap = 0xcc, trap_mask = 0xff, nop = 0x9066, nop_mask = 0xffff;
#elif defined(__aarch64__)
__asm__(".text\n.globl spin\nspin:\n"
        ".globl spin_1\nspin_1:\n1:\n add x0, x0, #1\n.globl spin_2\nspin_2:\n eor x1, x1, x0\n.globl spin_3\nspin_3:\n ror x1, x1, #61\n"
        ".globl spin_4\nspin_4:\n b 1b\n ret\n");
enum { COUNTER = 0, HASH = 1, PC_BEHIND = 0 };
static const long trap = 0xd4200000, trap_mask = 0xffffffff, nop = 0xd503201f, nop_mask = 0xffffffff;
#elif defined(__riscv)
__asm__(".text\n.option push\n.option norvc\n.globl spin\nspin:\n"
        ".globl spin_1\nspin_1:\n1:\n addi a0, a0, 1\n.globl spin_2\nspin_2:\n xor a1, a1, a0\n.globl spin_3\nspin_3:\n slli a1, a1, 1\n"
        ".globl spin_4\nspin_4:\n j 1b\n ret\n.option pop\n");
enum { COUNTER = 10, HASH = 11, PC_BEHIND = 0 };
static const long trap = 0x00100073, trap_mask = 0xffffffff, nop = 0x13, nop_mask = 0xffffffff;
#else
#error a new architecture needs its loop and its breakpoint here
#endif
long spin(long counter, long hash);
extern char spin_1[], spin_2[], spin_3[], spin_4[];

static uint64_t turned(uint64_t hash) {
#if defined(__riscv)
    return hash << 1;
#else
    return hash << 3 | hash >> 61;
#endif
}

// The state after the instruction that is at the pc.
static void model(struct registers *r) {
    char *pc = (char *)(uintptr_t)r->words[PC];
    if (pc == spin_1)
        r->words[COUNTER]++, pc = spin_2;
    else if (pc == spin_2)
        r->words[HASH] ^= r->words[COUNTER], pc = spin_3;
    else if (pc == spin_3)
        r->words[HASH] = turned(r->words[HASH]), pc = spin_4;
    else
        pc = spin_1;
    r->words[PC] = (uintptr_t)pc;
}
static int same(struct registers *a, struct registers *b) {
    return a->words[PC] == b->words[PC] && a->words[COUNTER] == b->words[COUNTER] && a->words[HASH] == b->words[HASH];
}
static int in_loop(struct registers *r) {
    char *pc = (char *)(uintptr_t)r->words[PC];
    return pc == spin_1 || pc == spin_2 || pc == spin_3 || pc == spin_4;
}

// Replaces what is under the mask, and gives what was there.
static long poke(pid_t pid, char *at, long insn, long mask) {
    errno = 0;
    long was = ptrace(PTRACE_PEEKTEXT, pid, at, 0);
    REQUIRE(errno == 0 && ptrace(PTRACE_POKETEXT, pid, at, (was & ~mask) | (insn & mask)) == 0);
    return was;
}
static void halt(pid_t pid) {
    int status;
    REQUIRE(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}

int main(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(spin(0, 1) > 1000 ? 33 : 34);
    usleep(3000);
    REQUIRE(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
    told("attached", pid);
    struct registers regs, next;
    for (regs = get_regs(pid); !in_loop(&regs) || regs.words[COUNTER] < 1000; regs = get_regs(pid)) {
        go(PTRACE_CONT, pid, 0);
        usleep(1000);
        halt(pid);
    }

    // Stopped anywhere, the registers are those that so many turns give. Now and then alone, or the tracer has more to count than
    // the tracee, which then gets the longer turn.
    int wrong = 0;
    for (int i = 0; i < 24; i++) {
        regs = get_regs(pid);
        wrong += !in_loop(&regs);
        if (i % 4 == 3) {
            // To the start of the next turn.
            while (regs.words[PC] != (uintptr_t)spin_1) model(&regs);
            uint64_t hash = 1;
            for (uint64_t counter = 1; counter <= regs.words[COUNTER]; counter++) hash = turned(hash ^ counter);
            wrong += hash != regs.words[HASH];
        } else if (i % 4 == 2) {
            regs.words[PC] = (uintptr_t)spin_1, regs.words[COUNTER] = 0, regs.words[HASH] = 1;
            set_regs(pid, &regs);
        }
        go(PTRACE_CONT, pid, 0);
        usleep(50 + 37 * i);
        halt(pid);
    }
    regs = get_regs(pid);
    regs.words[COUNTER] = 1000;
    set_regs(pid, &regs);
    say("stopped anywhere, wrong %d", wrong);

#if !defined(__riscv)
    // Steps, between runs that are hot.
    int steps = 0;
    for (int i = 0; i < 10; i++) {
        next = get_regs(pid);
        for (int n = 0; n < 21; n++) {
            int status;
            model(&next);
            go(PTRACE_SINGLESTEP, pid, 0);
            REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
            regs = get_regs(pid);
            wrong += !same(&regs, &next);
            steps++;
        }
        go(PTRACE_CONT, pid, 0);
        usleep(200);
        halt(pid);
    }
    say("%d steps, wrong %d", steps, wrong);
#endif

    // Two breakpoints by turns: from one to the other it is a known way.
    char *places[] = {spin_2, spin_4, spin_1, spin_3};
    struct registers last = {{0}};
    for (int i = 0; i < 100; i++) {
        char *at = places[i % 4];
        int status;
        long code = poke(pid, at, trap, trap_mask);
        go(PTRACE_CONT, pid, 0);
        REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        regs = get_regs(pid);
        wrong += regs.words[PC] != (uintptr_t)at + PC_BEHIND;
        regs.words[PC] = (uintptr_t)at;
        set_regs(pid, &regs);
        poke(pid, at, code, trap_mask);
        if (i > 0) {
            while (last.words[PC] != (uintptr_t)at) model(&last);
            wrong += !same(&last, &regs);
        }
        last = regs;
        if (i % 10 == 9) {
            // Hot again in between.
            uint64_t before = regs.words[COUNTER];
            go(PTRACE_CONT, pid, 0);
            usleep(200);
            halt(pid);
            last = get_regs(pid);
            wrong += !in_loop(&last) || last.words[COUNTER] < before;
        }
    }
    say("100 breakpoints, wrong %d", wrong);

    // It goes on; without its last instruction it ends.
    regs = get_regs(pid);
    do {
        go(PTRACE_CONT, pid, 0);
        usleep(500);
        halt(pid);
        next = get_regs(pid);
    } while (next.words[COUNTER] <= regs.words[COUNTER]);
    say("goes on");
    poke(pid, spin_4, nop, nop_mask);
    go(PTRACE_CONT, pid, 0);
    told("without its jump", pid);
    return 0;
}
