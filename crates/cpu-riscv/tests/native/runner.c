/* Runs instruction sequences for the tests of cpu-riscv: reads cases on stdin, writes what became of them on stdout.
 *
 * A case is a register state, code for CODE and a seed for the bytes at DATA. The state is entered and left through
 * signal frames, so every register is under control: SIGUSR1's frame is rewritten to the case's state, and the C.EBREAK
 * behind the code (or the fault in it) brings the result. gp and tp are the case's then, so nothing here may use them:
 * no relaxation, no errno. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE ((uint8_t *)0x10000000)
#define DATA ((uint8_t *)0x20000000)
#define DATA_SIZE 0x4000
#define PAGE 4096

struct state {
    uint64_t pc_and_x[32], fcsr, f[32];
};

struct in {
    struct state state;
    uint64_t seed, bytes;
    uint8_t code[128];
};

struct out {
    struct state state;
    uint64_t signo, code, addr, words;
};

static struct in in;
static struct out out;
static ucontext_t home;
static uint64_t before[DATA_SIZE / 8];

static void enter(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    memcpy(&home, uc, sizeof home);
    memcpy(uc->uc_mcontext.__gregs, in.state.pc_and_x, sizeof in.state.pc_and_x);
    memcpy(uc->uc_mcontext.__fpregs.__d.__f, in.state.f, sizeof in.state.f);
    uc->uc_mcontext.__fpregs.__d.__fcsr = in.state.fcsr;
}

static void leave(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    memcpy(out.state.pc_and_x, uc->uc_mcontext.__gregs, sizeof out.state.pc_and_x);
    memcpy(out.state.f, uc->uc_mcontext.__fpregs.__d.__f, sizeof out.state.f);
    out.state.fcsr = uc->uc_mcontext.__fpregs.__d.__fcsr;
    out.signo = signo;
    out.code = info->si_code;
    out.addr = (uint64_t)info->si_addr;
    memcpy(uc, &home, sizeof home);
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(signo, &action, 0);
}

static int whole(ssize_t (*io)(int, void *, size_t), int fd, void *buf, size_t len)
{
    for (uint8_t *at = buf; len;) {
        ssize_t n = io(fd, at, len);
        if (n <= 0)
            return 0;
        at += n;
        len -= n;
    }
    return 1;
}

static void put(const void *buf, size_t len)
{
    if (!whole((ssize_t (*)(int, void *, size_t))write, 1, (void *)buf, len))
        _exit(1);
}

static void fill(uint64_t s)
{
    s |= 1;
    for (size_t i = 0; i < DATA_SIZE / 8; i++) {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        before[i] = s;
    }
    memcpy(DATA, before, DATA_SIZE);
}

int main(void)
{
    static uint8_t stack[65536];
    static uint64_t changed[DATA_SIZE / 4];
    stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
    sigaltstack(&ss, 0);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    mmap(CODE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
    mmap(DATA, DATA_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
    handle(SIGUSR1, enter);
    handle(SIGTRAP, leave);
    handle(SIGSEGV, leave);
    handle(SIGBUS, leave);
    handle(SIGILL, leave);
    while (whole(read, 0, &in, sizeof in)) {
        fill(in.seed);
        memcpy(CODE, in.code, in.bytes);
        CODE[in.bytes] = 0x02;
        CODE[in.bytes + 1] = 0x90;
        __builtin___clear_cache((char *)CODE, (char *)(CODE + in.bytes + 2));
        raise(SIGUSR1);
        out.words = 0;
        for (uint64_t i = 0; i < DATA_SIZE / 8; i++) {
            uint64_t word;
            memcpy(&word, DATA + 8 * i, 8);
            if (word != before[i]) {
                changed[2 * out.words] = 8 * i;
                changed[2 * out.words++ + 1] = word;
            }
        }
        put(&out, sizeof out);
        put(changed, 16 * out.words);
    }
    return 0;
}
