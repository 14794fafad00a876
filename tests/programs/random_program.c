// Runs a random program that tests/random_programs.rs writes: stretches of instructions with any registers, between system calls,
// signals, another thread and changes of its own code. Prints what everything came to and waits for ever.
//
// A stretch is entered through a signal: the handler puts random registers into the frame. It ends with an undefined instruction,
// whose handler takes the registers out and puts back those of C. What faults on the way is stepped over. No handler uses
// thread-local storage: its register may be what a stretch left in it.
#include "check.h"
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

enum { STACK = 65536, PAGE = 4096, CODE = 2 * PAGE, DATA = 4 * PAGE, CELL = 16 };

struct thread {
    uint64_t hash, random;
    unsigned char *ops, *end, *code, *data;
    unsigned char length[CODE];
    unsigned size, faults, signals;
    int pipe[2], from_other[2], id, in_stretch;
    mcontext_t back;
    unsigned char back_fp[4096];
};
static struct thread threads[2];
static struct { _Alignas(64) int count, generation; } barrier;
static int members;

static void absorb(struct thread *t, uint64_t value) { t->hash = (t->hash ^ value) * 0x100000001b3 ^ t->hash >> 29; }
static void absorb_bytes(struct thread *t, const void *from, size_t size) {
    const unsigned char *p = from;
    for (; size >= 8; p += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        absorb(t, word);
    }
    while (size--) absorb(t, *p++);
}
static uint64_t next(struct thread *t) {
    t->random ^= t->random >> 12, t->random ^= t->random << 25, t->random ^= t->random >> 27;
    return t->random * 0x2545f4914f6cdd1d;
}
// A register: a pointer into the data, a small number, a special value, anything.
static uint64_t any_register(struct thread *t) {
    static const uint64_t special[] = {0, 1, -1, 1ull << 63, 1ull << 31, 0x7fffffff, 0x3ff0000000000000, 0x7ff0000000000001, 0x7ff8000000000000, 0x3f800000bf800000, 64};
    uint64_t word = next(t);
    switch (word >> 60 & 7) {
    case 0: case 1: case 2: return (uint64_t)(uintptr_t)t->data + PAGE + word % (2 * PAGE);
    case 3: return (uint64_t)(uintptr_t)t->data + PAGE + word % (2 * PAGE / CELL) * CELL;
    case 4: return word % 256;
    case 5: case 6: return special[word % (sizeof special / 8)];
    default: return next(t);
    }
}
static void fill(struct thread *t, void *at, size_t size) {
    for (unsigned char *p = at; size >= 8; p += 8, size -= 8) {
        uint64_t word = any_register(t);
        memcpy(p, &word, 8);
    }
}

#if defined(__x86_64__)
#define PC(m) (m)->gregs[REG_RIP]
static void copy_fp(struct thread *t, mcontext_t *m, int out) {
    unsigned char *area = (unsigned char *)m->fpregs;
    uint32_t size;
    memcpy(&size, area + 464 + 16, 4); // sw_reserved: magic1, extended_size, xfeatures, xstate_size
    if (size < 512 || size > sizeof t->back_fp) size = 512;
    out ? memcpy(t->back_fp, area, size) : memcpy(area, t->back_fp, size);
}
static void save(struct thread *t, mcontext_t *m) { t->back = *m, copy_fp(t, m, 1); }
static void restore(struct thread *t, mcontext_t *m) {
    memcpy(m->gregs, t->back.gregs, sizeof m->gregs);
    copy_fp(t, m, 0);
}
static void randomise(struct thread *t, mcontext_t *m) {
    unsigned char *area = (unsigned char *)m->fpregs;
    for (int i = REG_R8; i <= REG_RSP; i++) m->gregs[i] = any_register(t);
    m->gregs[REG_EFL] = 0x202 | (next(t) & 0x8d5);
    fill(t, area + 32, 384);
    uint32_t mxcsr = 0x1f80 | (next(t) & 0xe040), size;
    memcpy(area + 24, &mxcsr, 4);
    memcpy(&size, area + 464 + 16, 4);
    if (size >= 832) {
        area[512] |= 7;
        fill(t, area + 576, 256);
    }
}
static void absorb_registers(struct thread *t, mcontext_t *m) {
    unsigned char *area = (unsigned char *)m->fpregs;
    absorb_bytes(t, m->gregs, REG_EFL * 8 + 8);
    absorb_bytes(t, area, 416);
    uint32_t size;
    memcpy(&size, area + 464 + 16, 4);
    if (size >= 832) absorb_bytes(t, area + 576, 256);
}
static const unsigned char undefined[] = {0x0f, 0x0b};
#elif defined(__aarch64__)
#define PC(m) (m)->pc
struct fpsimd { uint32_t magic, size, fpsr, fpcr; unsigned char v[512]; };
static void save(struct thread *t, mcontext_t *m) { memcpy(&t->back, m, sizeof *m); }
static void restore(struct thread *t, mcontext_t *m) { memcpy(m, &t->back, sizeof *m); }
static void randomise(struct thread *t, mcontext_t *m) {
    struct fpsimd *fp = (void *)m->__reserved;
    for (int i = 0; i < 31; i++) m->regs[i] = any_register(t);
    m->sp = (uintptr_t)t->data + 2 * PAGE;
    m->pstate = next(t) & 0xf0000000;
    fp->fpsr = 0, fp->fpcr = next(t) & 0x03c80000;
    fill(t, fp->v, sizeof fp->v);
}
static void absorb_registers(struct thread *t, mcontext_t *m) {
    struct fpsimd *fp = (void *)m->__reserved;
    absorb_bytes(t, m->regs, 31 * 8);
    absorb(t, m->sp), absorb(t, m->pc), absorb(t, m->pstate), absorb(t, fp->fpsr), absorb(t, fp->fpcr);
    absorb_bytes(t, fp->v, sizeof fp->v);
}
static const unsigned char undefined[] = {0, 0, 0, 0};
#elif defined(__riscv)
#define PC(m) (m)->__gregs[0]
static void save(struct thread *t, mcontext_t *m) { memcpy(&t->back, m, sizeof *m); }
static void restore(struct thread *t, mcontext_t *m) { memcpy(m, &t->back, sizeof *m); }
static void randomise(struct thread *t, mcontext_t *m) {
    for (int i = 1; i < 32; i++)
        if (i != 3 && i != 4) m->__gregs[i] = any_register(t); // gp and tp are the handler's, too
    fill(t, m->__fpregs.__d.__f, 256);
    m->__fpregs.__d.__fcsr = next(t) % 5 << 5;
}
static void absorb_registers(struct thread *t, mcontext_t *m) {
    absorb_bytes(t, m->__gregs, 32 * 8);
    absorb_bytes(t, m->__fpregs.__d.__f, 256);
    absorb(t, m->__fpregs.__d.__fcsr);
}
static const unsigned char undefined[] = {0, 0};
#else
#error a new architecture needs its registers in a signal frame here
#endif

// The thread is at the lower end of the alternate stack.
static void handler(int sig, siginfo_t *info, void *context) {
    struct thread *t = *(struct thread **)((uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(STACK - 1));
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    uint64_t at = (uint64_t)PC(m) - (uintptr_t)t->code;
    if (sig == SIGUSR1) {
        save(t, m);
        randomise(t, m);
        PC(m) = (uintptr_t)t->code;
        t->in_stretch = 1;
    } else if (sig == SIGUSR2 || sig >= 32) {
        t->signals++;
        if (sig >= 32) syscall(SYS_futex, &t->signals, FUTEX_WAKE, 1, 0, 0, 0);
    } else if (t->in_stretch && at < t->size && t->length[at]) {
        t->faults++;
        absorb(t, sig), absorb(t, info->si_code), absorb(t, at), absorb(t, (uintptr_t)info->si_addr);
        PC(m) += t->length[at];
    } else if (t->in_stretch) {
        absorb(t, sig), absorb(t, at);
        absorb_registers(t, m);
        restore(t, m);
        t->in_stretch = 0;
    } else {
        say("signal %d at %lx", sig, (long)PC(m));
        _exit(97);
    }
}
static void stretch(struct thread *t) {
    __builtin___clear_cache((char *)t->code, (char *)t->code + CODE);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
}

static void meet(struct thread *t) {
    if (members < 2) return;
    int generation = __atomic_load_n(&barrier.generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&barrier.count, 1, __ATOMIC_ACQ_REL) == members) {
        barrier.count = 0;
        __atomic_add_fetch(&barrier.generation, 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &barrier.generation, FUTEX_WAKE, 1, 0, 0, 0);
    }
    while (__atomic_load_n(&barrier.generation, __ATOMIC_ACQUIRE) == generation)
        syscall(SYS_futex, &barrier.generation, FUTEX_WAIT, generation, 0, 0, 0);
    absorb(t, generation);
}

static int tids[2];
static void *run(void *arg) {
    struct thread *t = arg, *other = &threads[!t->id];
    char *stack = mmap(0, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(stack != MAP_FAILED);
    stack = (char *)(((uintptr_t)stack + STACK - 1) & ~(uintptr_t)(STACK - 1));
    *(struct thread **)stack = t;
    stack_t alternate = {.ss_sp = stack + PAGE, .ss_size = STACK - PAGE};
    REQUIRE(sigaltstack(&alternate, 0) == 0 && pipe(t->pipe) == 0 && pipe(t->from_other) == 0);
    __atomic_store_n(&tids[t->id], syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    meet(t);
    while (t->ops < t->end) {
        int kind = t->ops[0], small = t->ops[1], size = t->ops[2] | t->ops[3] << 8;
        unsigned char *data = t->ops + 4;
        char buffer[256];
        t->ops = data + size;
        absorb(t, kind);
        switch (kind) {
        case 'C': // new code: lengths of its instructions, then they; then it runs
            memset(t->length, 0, sizeof t->length);
            t->size = 0;
            for (int i = 0; i < small; i++) t->length[t->size] = data[i], t->size += data[i];
            memcpy(t->code, data + small, t->size);
            memcpy(t->code + t->size, undefined, sizeof undefined);
            stretch(t);
            break;
        case 'S': // one of its instructions becomes another of the same length
            for (unsigned at = 0, i = 0; at < t->size; at += t->length[at], i++)
                if (i >= small && t->length[at] == size) {
                    memcpy(t->code + at, data, size);
                    break;
                }
            stretch(t);
            break;
        case 'P': // through a pipe
            REQUIRE(write(t->pipe[1], data, size) == size && read(t->pipe[0], buffer, size) == size);
            absorb_bytes(t, buffer, size);
            break;
        case 'N': { // sleep for microseconds
            struct timespec time = {0, small * 1000};
            absorb(t, nanosleep(&time, 0));
            break;
        }
        case 'K': // a signal to oneself
            REQUIRE(syscall(SYS_tgkill, getpid(), tids[t->id], SIGUSR2) == 0);
            absorb(t, t->signals);
            break;
        case 'F': meet(t); break;
        case 'Q': // a signal to the other thread, which runs its code once more, wherever it is; it is waited for
            if (members == 2) {
                meet(t);
                if (t->id == small % 2) {
                    unsigned seen = __atomic_load_n(&other->signals, __ATOMIC_SEQ_CST);
                    REQUIRE(syscall(SYS_tgkill, getpid(), tids[!t->id], SIGRTMIN + 3) == 0);
                    while (__atomic_load_n(&other->signals, __ATOMIC_SEQ_CST) == seen) syscall(SYS_futex, &other->signals, FUTEX_WAIT, seen, 0, 0, 0);
                } else {
                    stretch(t);
                }
                meet(t);
            }
            break;
        case 'T': // a word for the other thread, a word from it
            if (members == 2) {
                uint64_t word = t->hash;
                REQUIRE(write(other->from_other[1], &word, 8) == 8 && read(t->from_other[0], &word, 8) == 8);
                absorb(t, word);
                meet(t);
            }
            break;
        case 'X': { // a child that runs the code once more
            pid_t child = fork();
            if (child == 0) {
                tids[t->id] = syscall(SYS_gettid);
                stretch(t);
                _exit(t->hash & 63);
            }
            int status = 0;
            REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
            absorb(t, status);
            break;
        }
        case 'M': // a page of the data that cannot be written, or not reached, while the code runs once more
            REQUIRE(mprotect(t->data + PAGE * (1 + small % 2), PAGE, size & 1 ? PROT_READ : PROT_NONE) == 0);
            stretch(t);
            REQUIRE(mprotect(t->data + PAGE * (1 + small % 2), PAGE, PROT_READ | PROT_WRITE) == 0);
            break;
        case 'B': { // an absent file, a page of zeroes
            absorb(t, open("/nowhere", O_RDONLY));
            void *page = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            absorb(t, *(int *)page);
            absorb(t, munmap(page, PAGE));
            break;
        }
        default: REQUIRE(kind == 0); break;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    static unsigned char program[1 << 16];
    REQUIRE(argc == 2);
    int fd = open(argv[1], O_RDONLY);
    ssize_t size = read(fd, program, sizeof program);
    REQUIRE(size > 16 && close(fd) == 0);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = handler;
    int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGUSR1, SIGUSR2, SIGRTMIN + 3};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        // The other thread's signal is the only one that may come at any time.
        sigemptyset(&action.sa_mask);
        sigaddset(&action.sa_mask, SIGRTMIN + 3);
        action.sa_flags |= SA_RESTART;
        REQUIRE(sigaction(signals[i], &action, 0) == 0);
    }
    members = program[0];
    unsigned char *at = program + 8;
    for (int i = 0; i < members; i++) {
        struct thread *t = &threads[i];
        uint32_t length;
        memcpy(&length, at, 4);
        memcpy(&t->random, at + 8, 8);
        t->id = i, t->hash = 0xcbf29ce484222325, t->ops = at + 16, t->end = t->ops + length, at = t->end;
        t->code = mmap((void *)(0x20000000ul + i * 0x1000000ul), CODE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        t->data = mmap((void *)(0x30000000ul + i * 0x1000000ul), DATA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        REQUIRE(t->code != MAP_FAILED && t->data != MAP_FAILED);
        fill(t, t->data, DATA);
    }
    pthread_t second;
    if (members == 2) REQUIRE(pthread_create(&second, 0, run, &threads[1]) == 0);
    run(&threads[0]);
    if (members == 2) REQUIRE(pthread_join(second, 0) == 0);
    for (int i = 0; i < members; i++) {
        struct thread *t = &threads[i];
        absorb_bytes(t, t->data, DATA);
        say("thread %d: %016llx, %u faults, %u signals", i, (unsigned long long)t->hash, t->faults, t->signals);
    }
    say("done");
    for (;;) pause();
}
