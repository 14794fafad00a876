/* Runs instruction sequences for the tests of cpu-riscv: reads cases on stdin, writes what became of them on stdout.
 *
 * A case is a register state, code for CODE and a seed for the bytes at DATA. Its end is a C.EBREAK. gp and tp are the
 * case's then, so nothing here may use them: no relaxation, no errno. */
#include "runner.h"

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

int main(void)
{
    static uint64_t changed[DATA_SIZE / 4];
    prepare();
    while (get(&in, sizeof in)) {
        fill(before, in.seed | 1);
        memcpy(DATA, before, DATA_SIZE);
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
