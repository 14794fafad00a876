// x86-64: every exception a program can cause, as the signal, code, address and trap number that Linux makes of it, and
// what the trap flag sees. Other architectures have nothing to say.
// per architecture
#include "check.h"

#ifndef __x86_64__
int main(void) {
    say("nothing of this is here");
    return 0;
}
#else
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static char *from; // where the instruction is
static char *data; // where its operand is

static const char *place(char *at) {
    static char text[64];
    if (at == NULL) return "0";
    if (from && at >= from - 64 && at < from + 64) {
        snprintf(text, sizeof text, "code%+ld", (long)(at - from));
    } else if (data && at >= data - 8192 && at < data + 8192) {
        snprintf(text, sizeof text, "data%+ld", (long)(at - data));
    } else {
        snprintf(text, sizeof text, "%p", (void *)at);
    }
    return text;
}

static void caught(int sig, siginfo_t *info, void *context) {
    // AC is still set; libraries need not care for alignment.
    __asm__ volatile("pushfq\n\tandq $~0x40000, (%%rsp)\n\tpopfq" ::: "cc");
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    char addr[64];
    snprintf(addr, sizeof addr, "%s", place(info->si_addr));
    // The error codes of what is no page fault name table entries, which are the kernel's business.
    long error = regs[REG_TRAPNO] == 14 ? (long)regs[REG_ERR] : 0;
    say("  signal %d code %d addr %s, trap %ld error %ld, at %s", sig, info->si_code, addr, (long)regs[REG_TRAPNO],
        error, place((char *)regs[REG_RIP]));
    siglongjmp(back, 1);
}

// Runs an instruction or a few; `from` is the first of them.
#define TRY(name, asm_, ...)                                                                     \
    do {                                                                                         \
        say(name);                                                                               \
        if (sigsetjmp(back, 1) == 0) {                                                           \
            __asm__ volatile("leaq 1f(%%rip), %%r11\n\tmovq %%r11, %0\n1:\t" asm_                \
                             "\n\tpushfq\n\tandq $~0x40100, (%%rsp)\n\tpopfq"                        \
                             : "=m"(from)                                                        \
                             : __VA_ARGS__                                                       \
                             : "rax", "rcx", "rdx", "r10", "r11", "xmm0", "xmm1", "memory", "cc"); \
            say("  nothing");                                                                    \
        }                                                                                        \
        __asm__ volatile("pushfq\n\tandq $~0x40100, (%%rsp)\n\tpopfq\n\tfninit" ::: "cc");       \
        unsigned mxcsr_ = 0x1f80;                                                                \
        __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr_));                                            \
    } while (0)

#define AC_ON "pushfq\n\torq $0x40000, (%%rsp)\n\tpopfq\n\t"

static char *steps[64];
static int codes[64], flags[64], stepped;
static void step(int sig, siginfo_t *info, void *context) {
    (void)sig;
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (stepped < 64) {
        steps[stepped] = (char *)regs[REG_RIP];
        codes[stepped] = info->si_code;
        flags[stepped++] = regs[REG_EFL] >> 8 & 1;
    }
}

static void trap_flag(void) {
    char source[8] = "abc", target[8] = "";
    char *begin, *end;
    long pid = 0;
    __asm__ volatile(
        "leaq 2f(%%rip), %0\n\tleaq 3f(%%rip), %1\n\t"
        "pushfq\n\torq $0x100, (%%rsp)\n\t"
        "popfq\n"
        "2:\tnop\n\tmovl $3, %%ecx\n\trep movsb\n\tmovl $39, %%eax\n\tsyscall\n\tnop\n\tmovq %%rax, %2\n\t"
        "pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n"
        "3:\tnop"
        : "=&r"(begin), "=&r"(end), "=&r"(pid)
        : "S"(source), "D"(target)
        : "rax", "rcx", "r11", "memory", "cc");
    say("stepped %d times, copied %s, pid %d, end at %ld", stepped, target, pid == getpid(), (long)(end - begin));
    for (int i = 0; i < stepped; i++) say("  at %ld code %d flag %d", (long)(steps[i] - begin), codes[i], flags[i]);
}

int main(void) {
    static char stack[65536];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    REQUIRE(sigaltstack(&alt, NULL) == 0);
    struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
    for (int i = 0; i < 5; i++) sigaction(signals[i], &action, NULL);
    data = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(data != MAP_FAILED);
    data += 4096;
    REQUIRE(mprotect(data, 4096, PROT_READ) == 0 && munmap(data + 4096, 4096) == 0);
    char *writable = data - 4096;
    // The pages are there.
    REQUIRE(*(volatile char *)data == 0 && *(volatile char *)writable == 0);

    TRY("div by zero", "xorl %%ecx, %%ecx\n\tdivl %%ecx", "m"(data));
    TRY("quotient too large", "movl $1, %%ecx\n\tmovl %%ecx, %%edx\n\tdivl %%ecx", "m"(data));
    TRY("idiv overflow", "movq $-1, %%rcx\n\tmovabsq $0x8000000000000000, %%rax\n\tcqo\n\tidivq %%rcx", "m"(data));
    TRY("int3", "int3", "m"(data));
    TRY("int $3", ".byte 0xcd, 3", "m"(data));
    TRY("int1", ".byte 0xf1", "m"(data));
    TRY("int $4", "int $4", "m"(data));
    TRY("int $32", "int $32", "m"(data));
    TRY("ud2", "ud2", "m"(data));
    TRY("ud1", ".byte 0x0f, 0xb9, 0xc0", "m"(data));
    TRY("lock on a register", ".byte 0xf0, 0x01, 0xc0", "m"(data));
    TRY("lock on mov", "movq %1, %%rax\n\t.byte 0xf0, 0x89, 0x00", "b"(writable));
    TRY("hlt", "hlt", "m"(data));
    TRY("cli", "cli", "m"(data));
    TRY("in", "inb $0x80, %%al", "m"(data));
    TRY("rdmsr", "rdmsr", "m"(data));
    TRY("mov from cr0", "movq %%cr0, %%rax", "m"(data));
    TRY("null into ss", "movl $0, %%eax\n\tmov %%eax, %%ss", "m"(data));
    TRY("a kernel selector into ds", "movl $0x10, %%eax\n\tmov %%eax, %%ds", "m"(data));
    TRY("misaligned movaps", "movaps 8(%1), %%xmm0", "b"(writable));
    TRY("misaligned cmpxchg16b", "pushq %%rbx\n\tcmpxchg16b 8(%1)\n\tpopq %%rbx", "b"(writable));
    TRY("not canonical", "movabsq $0x8000000000000000, %%rax\n\tmovb (%%rax), %%cl", "m"(data));
    TRY("not canonical, by rbp", "pushq %%rbp\n\tmovabsq $0x8000000000000000, %%rbp\n\tmovb (%%rbp), %%cl\n\tpopq %%rbp",
        "m"(data));
    TRY("not canonical, by a push", "movabsq $0x8000000000000000, %%rsp\n\tpushq %%rax", "m"(data));
    TRY("read of nothing", "movb 4096(%1), %%al", "b"(data));
    TRY("write of nothing", "movb %%al, 4097(%1)", "b"(data));
    TRY("write to what is read-only", "movb %%al, 2(%1)", "b"(data));
    TRY("read-modify-write of it", "lock incl 4(%1)", "b"(data));
    TRY("read across the border", "movq 4092(%1), %%rax", "b"(data));
    TRY("write across the border", "movq %%rax, -4(%1)", "b"(data));
    TRY("execution of data", "jmpq *%1", "b"(data));
    TRY("execution of nothing", "leaq 4096(%1), %%rax\n\tjmpq *%%rax", "b"(data));

    TRY("alignment checked: word", AC_ON "movw 1(%1), %%ax", "b"(writable));
    TRY("alignment checked: dword", AC_ON "movl 2(%1), %%eax", "b"(writable));
    TRY("alignment checked: dword in place", AC_ON "movl 4(%1), %%eax", "b"(writable));
    TRY("alignment checked: qword store", AC_ON "movq %%rax, 4(%1)", "b"(writable));
    TRY("alignment checked: locked", AC_ON "lock incl 2(%1)", "b"(writable));
    TRY("alignment checked: string", AC_ON "leaq 1(%1), %%rdi\n\tmovq %%rdi, %%rsi\n\tmovl $2, %%ecx\n\trep movsl", "b"(writable));
    TRY("alignment checked: extended float", AC_ON "fldt 4(%1)", "b"(writable));
    TRY("alignment checked: double", AC_ON "fldl 4(%1)", "b"(writable));
    TRY("alignment checked: vector", AC_ON "movups 1(%1), %%xmm0", "b"(writable));
    TRY("alignment checked: scalar", AC_ON "movss 2(%1), %%xmm0", "b"(writable));

    unsigned short all = 0x340;
    TRY("x87: 1 / 0", "fldcw (%1)\n\tfldz\n\tfld1\n\tfdivp\n\tnop\n\tfwait", "b"(&all));
    TRY("x87: 0 / 0", "fldcw (%1)\n\tfldz\n\tfldz\n\tfdivp\n\tfld1", "b"(&all));
    TRY("x87: stack underflow", "fldcw (%1)\n\tfstp %%st(0)\n\tfwait", "b"(&all));
    TRY("x87: inexact", "fldcw (%1)\n\tfldpi\n\tfld1\n\tfdivp\n\tfwait", "b"(&all));
    static const long double huge = 0x1p16000L, tiny = 0x1p-16000L;
    TRY("x87: overflow", "fldcw (%1)\n\tfldt (%2)\n\tfmul %%st(0), %%st\n\tfwait", "b"(&all), "S"(&huge));
    TRY("x87: underflow", "fldcw (%1)\n\tfldt (%2)\n\tfmul %%st(0), %%st\n\tfwait", "b"(&all), "S"(&tiny));
    TRY("x87: not waited for", "fldcw (%1)\n\tfldz\n\tfld1\n\tfdivp\n\tfnstsw %%ax\n\tfnclex", "b"(&all));
    TRY("x87: seen by MMX", "fldcw (%1)\n\tfldz\n\tfld1\n\tfdivp\n\tmovd %%eax, %%mm0", "b"(&all));

    unsigned none = 0;
    float one = 1, zero = 0, maximum = 3e38f, minimum = 1e-38f;
    TRY("SSE: 1 / 0", "ldmxcsr (%1)\n\tmovss (%2), %%xmm0\n\tdivss (%3), %%xmm0", "b"(&none), "S"(&one), "D"(&zero));
    TRY("SSE: 0 / 0", "ldmxcsr (%1)\n\tmovss (%2), %%xmm0\n\tdivss (%2), %%xmm0", "b"(&none), "S"(&zero));
    TRY("SSE: overflow", "ldmxcsr (%1)\n\tmovss (%2), %%xmm0\n\tmulss %%xmm0, %%xmm0", "b"(&none), "S"(&maximum));
    TRY("SSE: underflow", "ldmxcsr (%1)\n\tmovss (%2), %%xmm0\n\tmulss %%xmm0, %%xmm0", "b"(&none), "S"(&minimum));
    TRY("SSE: inexact", "ldmxcsr (%1)\n\tmovss (%2), %%xmm0\n\tsqrtss %%xmm0, %%xmm0", "b"(&none), "S"(&maximum));
    TRY("ldmxcsr of reserved bits", "movl $0x11f80, %%eax\n\tpushq %%rax\n\tldmxcsr (%%rsp)", "m"(data));

    action.sa_sigaction = step;
    sigaction(SIGTRAP, &action, NULL);
    trap_flag();
    return 0;
}
#endif
