/* Runs instructions natively: state in on stdin, state out on stdout, one case after another.
 *
 * A signal frame is the trampoline: a handler of SIGUSR1 rewrites its frame to the state wanted and returns into it;
 * the code ends in a trap, whose handler takes the state from its own frame and puts the program's back. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x20000000ul
#define DATA 0x10000000ul
#define PAGE 4096ul

struct state {
    uint64_t gpr[16]; /* in encoding order */
    uint64_t rip, rflags;
    uint64_t signal, code, address;
    uint8_t fxsave[512];
    uint8_t ymm[256]; /* the upper halves of YMM0 to YMM15 */
    uint8_t data[2 * PAGE];
};

struct request {
    struct state state;
    uint8_t text[64];
};

static struct request request;
static struct state result;
static mcontext_t home;
static uint8_t home_fp[512], home_ymm[256];

static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* Where the kernel keeps the upper halves of YMM registers in a frame; none without AVX. */
static uint8_t *ymm_of(uint8_t *fp) {
    uint32_t magic, size;
    memcpy(&magic, fp + 464, 4);
    memcpy(&size, fp + 480, 4);
    return magic == 0x46505853 && size >= 832 ? fp + 576 : 0;
}

static void set_fp(mcontext_t *mc, const uint8_t *image, const uint8_t *ymm) {
    uint8_t *fp = (uint8_t *)mc->fpregs;
    /* The last 48 bytes are the kernel's own. */
    memcpy(fp, image, 464);
    uint32_t magic;
    memcpy(&magic, fp + 464, 4);
    if (magic == 0x46505853) {
        /* XSTATE_BV: take x87, SSE and AVX from here. */
        uint64_t bv;
        memcpy(&bv, fp + 512, 8);
        bv |= 3;
        if (ymm_of(fp)) {
            bv |= 4;
            memcpy(ymm_of(fp), ymm, 256);
        }
        memcpy(fp + 512, &bv, 8);
    }
}

static void get_ymm(uint8_t *fp, uint8_t *ymm) {
    memset(ymm, 0, 256);
    if (ymm_of(fp) && fp[512] & 4)
        memcpy(ymm, ymm_of(fp), 256);
}

static void enter(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)info;
    mcontext_t *mc = &((ucontext_t *)context)->uc_mcontext;
    home = *mc;
    memcpy(home_fp, mc->fpregs, 512);
    get_ymm((uint8_t *)mc->fpregs, home_ymm);
    for (int i = 0; i < 16; i++)
        mc->gregs[order[i]] = (greg_t)request.state.gpr[i];
    mc->gregs[REG_RIP] = CODE;
    mc->gregs[REG_EFL] = (greg_t)request.state.rflags;
    set_fp(mc, request.state.fxsave, request.state.ymm);
}

static void leave(int sig, siginfo_t *info, void *context) {
    mcontext_t *mc = &((ucontext_t *)context)->uc_mcontext;
    for (int i = 0; i < 16; i++)
        result.gpr[i] = (uint64_t)mc->gregs[order[i]];
    result.rip = (uint64_t)mc->gregs[REG_RIP];
    result.rflags = (uint64_t)mc->gregs[REG_EFL];
    result.signal = (uint64_t)sig;
    result.code = (uint64_t)(int64_t)info->si_code;
    result.address = (uint64_t)info->si_addr;
    memcpy(result.fxsave, mc->fpregs, 512);
    get_ymm((uint8_t *)mc->fpregs, result.ymm);
    memcpy(mc->gregs, home.gregs, sizeof home.gregs);
    set_fp(mc, home_fp, home_ymm);
}

static int all(ssize_t (*f)(int, void *, size_t), int fd, void *buf, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = f(fd, (char *)buf + done, len - done);
        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return 1;
}

static ssize_t write_(int fd, void *buf, size_t len) {
    return write(fd, buf, len);
}

int main(void) {
    uint8_t *code = mmap((void *)CODE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    uint8_t *data =
        mmap((void *)DATA, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (code != (void *)CODE || data != (void *)DATA)
        return 2;
    static uint8_t stack[1 << 16];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alt, 0);
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    action.sa_sigaction = enter;
    sigaction(SIGUSR1, &action, 0);
    action.sa_sigaction = leave;
    static const int ends[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaction(ends[i], &action, 0);
    while (all(read, 0, &request, sizeof request)) {
        memset(code, 0xcc, PAGE);
        memcpy(code, request.text, sizeof request.text);
        memcpy(data, request.state.data, 2 * PAGE);
        memset(&result, 0, sizeof result);
        /* A hypervisor may hold up a split lock for most of a minute. */
        alarm(200);
        raise(SIGUSR1);
        alarm(0);
        memcpy(result.data, data, 2 * PAGE);
        if (!all(write_, 1, &result, sizeof result))
            return 1;
    }
    return 0;
}
