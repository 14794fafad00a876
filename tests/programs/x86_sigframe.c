// x86-64: the extended state in a signal frame, what a handler makes of it, what rt_sigreturn makes of frames that
// nobody should write, and the same state as a tracer has it. Other architectures have nothing to say.
// per architecture
#include "check.h"

#ifndef __x86_64__
int main(void) {
    say("nothing of this is here");
    return 0;
}
#else
#include <cpuid.h>
#include <elf.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u

struct software { // struct _fpx_sw_bytes
    uint32_t magic1, extended_size;
    uint64_t xfeatures;
    uint32_t xstate_size, padding[7];
};

static uint64_t *header_of(void *fp) { return (uint64_t *)((char *)fp + 512); }
static struct software *software_of(void *fp) { return (struct software *)((char *)fp + 464); }

// Raises SIGUSR1 with these in ymm0, mxcsr 0x3f80 and an x87 that holds one number; gives what is there afterwards.
struct state {
    uint64_t ymm[4], other[4];
    unsigned mxcsr;
    unsigned short status, control;
};

__attribute__((noinline)) static void interrupted(struct state *after, const uint64_t ymm[4]) {
    unsigned mxcsr = 0x3f80;
    long pid = getpid();
    __asm__ volatile(
        "ldmxcsr %[mxcsr]\n\tfninit\n\tfldpi\n\tvmovdqu (%[ymm]), %%ymm0\n\tvmovdqu (%[ymm]), %%ymm15\n\t"
        "movl $62, %%eax\n\tmovq %[pid], %%rdi\n\tmovl $10, %%esi\n\tsyscall\n\t"
        "vmovdqu %%ymm0, (%[after])\n\tvmovdqu %%ymm15, 32(%[after])\n\tstmxcsr 64(%[after])\n\t"
        "fnstsw 68(%[after])\n\tfnstcw 70(%[after])\n\tfninit\n\tvzeroall"
        :
        : [mxcsr] "m"(mxcsr), [ymm] "r"(ymm), [pid] "r"(pid), [after] "r"(after)
        : "rax", "rcx", "r11", "rdi", "rsi", "memory", "xmm0", "xmm15");
    mxcsr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}

static const uint64_t pattern[4] = {0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444};
static int what;       // which harm the handler does
static char *edge;     // the end of what is mapped
static ucontext_t seen;

static void handler(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)info;
    ucontext_t *uc = context;
    greg_t *regs = uc->uc_mcontext.gregs;
    char *fp = (char *)uc->uc_mcontext.fpregs;
    struct software *sw = software_of(fp);
    uint64_t *header = header_of(fp);
    uint32_t *mxcsr = (uint32_t *)(fp + 24);
    seen = *uc;
    switch (what) {
    case 0: {
        // As a program may: it looks, and changes a register.
        CHECK(uc->uc_flags & 1);
        CHECK(((uintptr_t)fp & 63) == 0);
        CHECK(sw->magic1 == MAGIC1 && sw->extended_size == sw->xstate_size + 4);
        CHECK(*(uint32_t *)(fp + sw->xstate_size) == MAGIC2);
        CHECK((sw->xfeatures & 7) == 7 && (header[0] & 7) == 7);
        CHECK(header[1] == 0);
        CHECK(memcmp(fp + 160, pattern, 16) == 0 && memcmp(fp + 576, pattern + 2, 16) == 0);
        CHECK(*mxcsr == 0x3f80 && *(uint16_t *)fp == 0x37f && (*(uint16_t *)(fp + 2) >> 11 & 7) == 7 && fp[4] == (char)0x80);
        unsigned now;
        unsigned short control, status;
        __asm__ volatile("stmxcsr %0\n\tfnstcw %1\n\tfnstsw %2" : "=m"(now), "=m"(control), "=m"(status));
        CHECK(now == 0x1f80 && control == 0x37f && status == 0);
        uint64_t frame = (uintptr_t)uc - 8, end = (uintptr_t)fp + sw->extended_size;
        CHECK(getauxval(AT_MINSIGSTKSZ) >= end - frame);
        CHECK(getauxval(AT_MINSIGSTKSZ) < end - frame + 4096);
        memset(fp + 160, 0x55, 16);
        memset(fp + 576, 0x66, 16);
        break;
    }
    case 1: *mxcsr |= 0x10000; break;
    case 2: header[0] |= 1ull << 62; break;
    case 3: header[1] = 1; break;
    case 4: header[2] = 1; break;
    case 5: header[1] = 1ull << 63 | 1ull << 61; break;
    case 6: // misaligned by 32
    case 7: { // by 8
        static char copy[16384] __attribute__((aligned(64)));
        char *to = copy + (what == 6 ? 32 : 8);
        memcpy(to, fp, sw->extended_size);
        uc->uc_mcontext.fpregs = (void *)to;
        break;
    }
    case 8: uc->uc_mcontext.fpregs = (void *)16; break;
    case 9: uc->uc_mcontext.fpregs = (void *)(1ull << 63); break;
    case 10: { // cut off by the end of memory
        char *to = edge - 640;
        memcpy(to, fp, 640);
        uc->uc_mcontext.fpregs = (void *)to;
        break;
    }
    case 11: uc->uc_mcontext.fpregs = NULL; break;
    case 12: sw->magic1 ^= 1; break;
    case 13: *(uint32_t *)(fp + sw->xstate_size) ^= 1; break;
    case 14: sw->xstate_size += 64; break;
    case 15: sw->xstate_size = 512; break;
    case 16: sw->extended_size = sw->xstate_size - 1; break;
    case 17: sw->xfeatures = 0; break;
    case 18: sw->xfeatures = 3; break;
    case 19: header[0] &= ~7ull; break;
    case 20: header[0] &= ~4ull; break;
    case 21: // the legacy image alone may stand anywhere that is aligned to 16
        sw->magic1 = 0;
        static char image[640] __attribute__((aligned(64)));
        memcpy(image + 16, fp, 512);
        uc->uc_mcontext.fpregs = (void *)(image + 16);
        break;
    case 22: // flags that are the kernel's: IF off, IOPL 3, NT, VM, VIF, VIP
        regs[REG_EFL] = (regs[REG_EFL] & ~0x200) | 0x1a7000;
        break;
    case 23: regs[REG_CSGSFS] = (regs[REG_CSGSFS] & ~0xffffll) | 0x10; break;
    case 24: regs[REG_CSGSFS] = regs[REG_CSGSFS] & 0xffffffffffffll; break; // a null ss
    case 25: regs[REG_RIP] = 1ll << 62; break;
    case 26: regs[REG_RIP] = (greg_t)edge; break;
    case 27: memset(fp + 512, 0xff, 64); break;
    case 28: memset(fp, 0xff, 416); break;
    case 29: sw->xfeatures = ~0ull; break;
    }
}

static void harm(const char *name, int which) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        what = which;
        struct state after;
        memset(&after, 0, sizeof after);
        interrupted(&after, pattern);
        unsigned long flags;
        __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags));
        char text[200];
        int kept = memcmp(after.ymm, pattern, 16) == 0, upper = memcmp(after.ymm + 2, pattern + 2, 16) == 0;
        int cleared = after.ymm[0] == 0 && after.ymm[1] == 0, gone = after.ymm[2] == 0 && after.ymm[3] == 0;
        snprintf(text, sizeof text, "xmm %s, upper half %s, mxcsr %x, x87 %x %x, kernel's flags %lx",
                 kept ? "kept" : cleared ? "cleared" : "other", upper ? "kept" : gone ? "cleared" : "other", after.mxcsr,
                 after.control, after.status, flags & 0x1a7200);
        REQUIRE(write(ends[1], text, strlen(text) + 1) > 0);
        _exit(0);
    }
    close(ends[1]);
    char text[200] = "";
    ssize_t got = read(ends[0], text, sizeof text);
    close(ends[0]);
    int status;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    if (WIFSIGNALED(status))
        say("%s: killed by signal %d", name, WTERMSIG(status));
    else
        say("%s: %s", name, got > 0 ? text : "exited");
}

static void tracer(void) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t out[4];
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        __asm__ volatile("vmovdqu (%1), %%ymm3\n\tint3\n\tvmovdqu %%ymm3, (%0)" ::"r"(out), "r"(pattern) : "memory", "xmm3");
        REQUIRE(write(ends[1], out, sizeof out) == sizeof out);
        _exit(0);
    }
    int status;
    REQUIRE(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    static char buffer[16384];
    struct iovec vec = {buffer, sizeof buffer};
    CHECK(ptrace(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &vec) == 0);
    size_t size = vec.iov_len;
    unsigned a, b, c, d;
    __cpuid_count(13, 0, a, b, c, d);
    CHECK(size >= 832 && size <= c);
    CHECK((*(uint64_t *)(buffer + 464) & 7) == 7 && (header_of(buffer)[0] & 6) == 6);
    CHECK(memcmp(buffer + 160 + 48, pattern, 16) == 0 && memcmp(buffer + 576 + 48, pattern + 2, 16) == 0);
    memset(buffer + 576 + 48, 0x77, 16);
    CHECK(ptrace(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &vec) == 0);
    vec.iov_len = 576;
    FAILS(ptrace(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &vec), EFAULT);
    vec.iov_len = size;
    header_of(buffer)[1] = 1;
    FAILS(ptrace(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &vec), EINVAL);
    header_of(buffer)[1] = 0;
    buffer[27] = 1;
    FAILS(ptrace(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &vec), EINVAL);
    buffer[27] = 0;
    header_of(buffer)[0] |= 1ull << 62;
    FAILS(ptrace(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &vec), EINVAL);
    REQUIRE(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
    uint64_t out[4];
    REQUIRE(read(ends[0], out, sizeof out) == sizeof out && waitpid(pid, &status, 0) == pid);
    CHECK(out[0] == pattern[0] && out[2] == 0x7777777777777777 && out[3] == 0x7777777777777777);
}

int main(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_AVX)) {
        say("no AVX");
        return 77;
    }
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(edge != MAP_FAILED && munmap(edge + 4096, 4096) == 0);
    edge += 4096;
    struct state after;
    interrupted(&after, pattern);
    CHECK(after.ymm[0] == 0x5555555555555555 && after.ymm[1] == 0x5555555555555555);
    CHECK(after.ymm[2] == 0x6666666666666666 && after.ymm[3] == 0x6666666666666666);
    CHECK(memcmp(after.other, pattern, 32) == 0);
    CHECK(after.mxcsr == 0x3f80 && after.control == 0x37f && after.status == 0x3800);

    harm("nothing", 99);
    harm("reserved bit of MXCSR", 1);
    harm("unknown component in XSTATE_BV", 2);
    harm("XCOMP_BV set, not compacted", 3);
    harm("reserved byte of the header", 4);
    harm("unknown component in XCOMP_BV", 5);
    harm("misaligned by 32", 6);
    harm("misaligned by 8", 7);
    harm("state at 16", 8);
    harm("state where nothing can be", 9);
    harm("state cut off", 10);
    harm("no state", 11);
    harm("first magic wrong", 12);
    harm("second magic wrong", 13);
    harm("size too large", 14);
    harm("size too small", 15);
    harm("extended size too small", 16);
    harm("no components", 17);
    harm("x87 and SSE alone", 18);
    harm("nothing in use", 19);
    harm("AVX not in use", 20);
    harm("image alone, aligned to 16", 21);
    harm("flags of the kernel", 22);
    harm("code segment of the kernel", 23);
    harm("null stack segment", 24);
    harm("address that is not canonical", 25);
    harm("address of nothing", 26);
    harm("header of ones", 27);
    harm("image of ones", 28);
    harm("all components", 29);
    tracer();
    return 0;
}
#endif
