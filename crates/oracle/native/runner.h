/* What the runners of the CPU crates share: a case's memory, its entry and its end as signals, and the pipes.
 *
 * The state of a case is entered and left through signal frames, so every register is under control: `enter` rewrites
 * SIGUSR1's frame to the case's state, and the breakpoint behind the code (or the fault in it) brings the result to `leave`,
 * which goes back to `home`. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE ((uint8_t *)0x10000000)
#define DATA ((uint8_t *)0x20000000)
#define DATA_SIZE 0x4000
#define PAGE 4096

static ucontext_t home;

static void enter(int signo, siginfo_t *info, void *context);
static void leave(int signo, siginfo_t *info, void *context);

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

static int get(void *buf, size_t len)
{
    return whole(read, 0, buf, len);
}

static void put(const void *buf, size_t len)
{
    if (!whole((ssize_t (*)(int, void *, size_t))write, 1, (void *)buf, len))
        _exit(1);
}

/* DATA's words for a seed. */
static void fill(uint64_t *words, uint64_t s)
{
    for (size_t i = 0; i < DATA_SIZE / 8; i++) {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        words[i] = s;
    }
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(signo, &action, 0);
}

static void prepare(void)
{
    static uint8_t stack[65536];
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
}
