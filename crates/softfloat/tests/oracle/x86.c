// The host CPU as an oracle: reads requests on stdin, runs one SSE, AVX-512 or x87 instruction
// each, writes the result and the exception flags it raised. Built and driven by x86.rs, whose
// tables have the same order. x86-64 only.
#include <cpuid.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct request {
    uint32_t op;
    uint32_t control; // MXCSR, or the x87 control word
    uint8_t operand[3][16];
};

struct reply {
    uint8_t result[2][16];
    uint32_t flags;  // MXCSR or x87 status
    uint32_t extra;  // EFLAGS of comparisons
};

static uint64_t eflags;
static uint16_t status;
static uint32_t mxcsr;

// One SSE instruction on xmm0 and xmm1 (and xmm2), the result in xmm0 or rax.
#define RUN(text)                                                                              \
    __asm__ volatile("movdqu %[a], %%xmm0\n movdqu %[b], %%xmm1\n movdqu %[c], %%xmm2\n"       \
                     "movq %[a], %%rax\n"                                                      \
                     "ldmxcsr %[control]\n" text "\n stmxcsr %[mxcsr]\n"                       \
                     "pushfq\n popq %[eflags]\n"                                               \
                     "movdqu %%xmm0, %[r]\n movq %%rax, %[ax]\n ldmxcsr %[initial]\n"          \
                     : [r] "=m"(p->result[0]), [ax] "=m"(p->result[1]), [mxcsr] "=m"(mxcsr),   \
                       [eflags] "=r"(eflags)                                                   \
                     : [a] "m"(q->operand[0]), [b] "m"(q->operand[1]), [c] "m"(q->operand[2]), \
                       [control] "m"(q->control), [initial] "m"(initial)                       \
                     : "rax", "xmm0", "xmm1", "xmm2", "cc", "memory");                         \
    p->flags = mxcsr & 63;                                                                     \
    p->extra = eflags;                                                                         \
    break

// x87 text with st(0) = a and st(1) = b; leaves its results in the reply and an empty stack.
#define X87(before, text, after)                                                               \
    __asm__ volatile("fninit\n fldcw %[control]\n" before "\n fnclex\n" text                   \
                     "\n fnstsw %[status]\n" after "\n fninit\n"                               \
                     : [r] "=m"(p->result[0]), [r2] "=m"(p->result[1]), [status] "=m"(status)  \
                     : [a] "m"(q->operand[0]), [b] "m"(q->operand[1]),                         \
                       [control] "m"(q->control)                                               \
                     : "memory");                                                              \
    p->flags = status & 63;                                                                    \
    p->extra = status;                                                                         \
    break
#define X87_BINARY(text) X87("fldt %[b]\n fldt %[a]", text, "fstpt %[r]")
#define X87_PAIR(text) X87("fldt %[b]\n fldt %[a]", text, "fstpt %[r]\n fstpt %[r2]")
#define X87_LOAD(text) X87("", text, "fstpt %[r]")
#define X87_STORE(text) X87("fldt %[a]", text, "")

enum {
    BLOCK = 24, // operations per SSE format
    F32 = 0,
    F64 = BLOCK,
    F16 = 2 * BLOCK,
    F80 = 3 * BLOCK,
};

static void run(const struct request *q, struct reply *p) {
    static const uint32_t initial = 0x1f80;
    memset(p, 0, sizeof *p);
    switch (q->op) {
#define SCALAR(base, s, round, convert)                                                             \
    case base + 0: RUN("vadd" s " %%xmm1, %%xmm0, %%xmm0");                                    \
    case base + 1: RUN("vsub" s " %%xmm1, %%xmm0, %%xmm0");                                    \
    case base + 2: RUN("vmul" s " %%xmm1, %%xmm0, %%xmm0");                                    \
    case base + 3: RUN("vdiv" s " %%xmm1, %%xmm0, %%xmm0");                                    \
    case base + 4: RUN("vsqrt" s " %%xmm0, %%xmm0, %%xmm0");                                   \
    case base + 5: RUN("vmin" s " %%xmm1, %%xmm0, %%xmm0");                                    \
    case base + 6: RUN("vmax" s " %%xmm1, %%xmm0, %%xmm0");                                    \
    case base + 7: RUN("vfmadd213" s " %%xmm2, %%xmm1, %%xmm0");                               \
    case base + 8: RUN("vucomi" s " %%xmm1, %%xmm0");                                          \
    case base + 9: RUN("vcomi" s " %%xmm1, %%xmm0");                                           \
    case base + 10: RUN("vcvt" s "2si %%xmm0, %%eax");                                         \
    case base + 11: RUN("vcvt" s "2si %%xmm0, %%rax");                                         \
    case base + 12: RUN("vcvtt" s "2si %%xmm0, %%eax");                                        \
    case base + 13: RUN("vcvtt" s "2si %%xmm0, %%rax");                                        \
    case base + 14: RUN("vcvtsi2" s " %%eax, %%xmm0, %%xmm0");                                 \
    case base + 15: RUN("vcvtsi2" s " %%rax, %%xmm0, %%xmm0");                                 \
    case base + 16: RUN("vcvt" s "2usi %%xmm0, %%eax");                                        \
    case base + 17: RUN("vcvt" s "2usi %%xmm0, %%rax");                                        \
    case base + 18: RUN("vcvtusi2" s " %%eax, %%xmm0, %%xmm0");                                \
    case base + 19: RUN("vcvtusi2" s " %%rax, %%xmm0, %%xmm0");                                \
    case base + 20: RUN(round " $4, %%xmm0, %%xmm0, %%xmm0");                          \
    case base + 21: RUN(round " $12, %%xmm0, %%xmm0, %%xmm0");                         \
    case base + 22: RUN(convert)
    SCALAR(F32, "ss", "vroundss", "vcvtss2sd %%xmm0, %%xmm0, %%xmm0");
    SCALAR(F64, "sd", "vroundsd", "vcvtsd2ss %%xmm0, %%xmm0, %%xmm0");
    SCALAR(F16, "sh", "vrndscalesh", "vcvtph2ps %%xmm0, %%xmm0");
    case F32 + 23: RUN("vcvtps2ph $4, %%xmm0, %%xmm0");

    case F80 + 0: X87_BINARY("fadd %%st(1), %%st");
    case F80 + 1: X87_BINARY("fsub %%st(1), %%st");
    case F80 + 2: X87_BINARY("fmul %%st(1), %%st");
    case F80 + 3: X87_BINARY("fdiv %%st(1), %%st");
    case F80 + 4: X87_BINARY("fsqrt");
    case F80 + 5: X87_BINARY("frndint");
    case F80 + 6: X87_BINARY("fprem");
    case F80 + 7: X87_BINARY("fprem1");
    case F80 + 8: X87_BINARY("fscale");
    case F80 + 9: X87_PAIR("fxtract");
    case F80 + 10: X87_BINARY("fucom");
    case F80 + 11: X87_BINARY("fcom");
    case F80 + 12: X87_LOAD("flds %[a]");
    case F80 + 13: X87_LOAD("fldl %[a]");
    case F80 + 14: X87_STORE("fstps %[r]");
    case F80 + 15: X87_STORE("fstpl %[r]");
    case F80 + 16: X87_STORE("fistps %[r]");
    case F80 + 17: X87_STORE("fistpl %[r]");
    case F80 + 18: X87_STORE("fistpll %[r]");
    case F80 + 19: X87_LOAD("filds %[a]");
    case F80 + 20: X87_LOAD("fildl %[a]");
    case F80 + 21: X87_LOAD("fildll %[a]");
    }
}

// Prints what the host can do, or serves requests until the end of input.
int main(int argc, char **argv) {
    unsigned a, b = 0, c, d = 0;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    if (argc > 1) {
        printf("avx2=%d avx512f=%d avx512fp16=%d\n", b >> 5 & 1, b >> 16 & 1, d >> 23 & 1);
        return 0;
    }
    struct request q;
    struct reply p;
    while (fread(&q, sizeof q, 1, stdin) == 1) {
        run(&q, &p);
        if (fwrite(&p, sizeof p, 1, stdout) != 1) {
            return 1;
        }
    }
    return fflush(stdout) != 0;
}
