/* Runs instruction sequences for the tests of cpu-arm: reads cases on stdin, writes what became of them on stdout.
 *
 * A case is a register state, code for CODE and a seed for the bytes at DATA, whose last page is read-only. */
#include "runner.h"

#define SEEDS 16
#define BRK 0xd4200000u
#define FPSIMD 0x46508001u

struct state {
    uint64_t x[31], sp, pc, nzcv, fpcr, fpsr, v[64];
};

struct in {
    struct state state;
    uint64_t seed, words;
    uint32_t code[32];
};

struct out {
    struct state state;
    uint64_t signo, code, addr, dirty;
};

static struct in in;
static struct out out;
static uint64_t bytes[SEEDS][DATA_SIZE / 8];

static struct fpsimd_context *fpsimd(ucontext_t *uc)
{
    uint8_t *at = (uint8_t *)uc->uc_mcontext.__reserved;
    for (;;) {
        uint32_t head[2];
        memcpy(head, at, sizeof head);
        if (head[0] == FPSIMD)
            return (struct fpsimd_context *)at;
        if (!head[0])
            abort();
        at += head[1];
    }
}

static void enter(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    memcpy(&home, uc, sizeof home);
    memcpy(uc->uc_mcontext.regs, in.state.x, sizeof in.state.x);
    uc->uc_mcontext.sp = in.state.sp;
    uc->uc_mcontext.pc = in.state.pc;
    uc->uc_mcontext.pstate = in.state.nzcv;
    struct fpsimd_context *fp = fpsimd(uc);
    fp->fpcr = in.state.fpcr;
    fp->fpsr = in.state.fpsr;
    memcpy(fp->vregs, in.state.v, sizeof in.state.v);
}

static void leave(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    memcpy(out.state.x, uc->uc_mcontext.regs, sizeof out.state.x);
    out.state.sp = uc->uc_mcontext.sp;
    out.state.pc = uc->uc_mcontext.pc;
    out.state.nzcv = uc->uc_mcontext.pstate & 0xf0000000;
    struct fpsimd_context *fp = fpsimd(uc);
    out.state.fpcr = fp->fpcr;
    out.state.fpsr = fp->fpsr;
    memcpy(out.state.v, fp->vregs, sizeof out.state.v);
    out.signo = signo;
    out.code = info->si_code;
    out.addr = (uint64_t)info->si_addr;
    memcpy(uc, &home, sizeof home);
}

int main(void)
{
    prepare();
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        fill(bytes[seed], seed * 2 + 1);
    uint8_t *before = 0;
    while (get(&in, sizeof in)) {
        uint8_t *wanted = (uint8_t *)bytes[in.seed % SEEDS];
        if (before != wanted) {
            mprotect(DATA + DATA_SIZE - PAGE, PAGE, PROT_READ | PROT_WRITE);
            memcpy(DATA, before = wanted, DATA_SIZE);
            mprotect(DATA + DATA_SIZE - PAGE, PAGE, PROT_READ);
        }
        memset(CODE, 0, sizeof in.code);
        memcpy(CODE, in.code, in.words * 4);
        uint32_t *end = (uint32_t *)CODE + in.words;
        *end = BRK;
        __builtin___clear_cache((char *)CODE, (char *)(end + 1));
        raise(SIGUSR1);
        uint8_t changed[DATA_SIZE / PAGE];
        out.dirty = 0;
        for (size_t i = 0; i < DATA_SIZE / PAGE; i++)
            out.dirty += changed[i] = memcmp(DATA + i * PAGE, before + i * PAGE, PAGE) != 0;
        put(&out, sizeof out);
        for (uint64_t i = 0; i < DATA_SIZE / PAGE; i++)
            if (changed[i]) {
                uint64_t at = i * PAGE;
                put(&at, sizeof at);
                put(DATA + at, PAGE);
                memcpy(DATA + at, before + at, PAGE);
            }
    }
    return 0;
}
