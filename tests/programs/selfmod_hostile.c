// qemu-user differs: it does not see code that another mapping wrote.
// Code that is written where it hurts: the next instruction, across a border of pages, the loop that is running, by the code
// itself, through another mapping, by another thread, by another process.
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { P = 4096 };

// `ahead` stores its first argument at its second, which is in the instruction that follows what the architecture asks for in
// between, and gives what that instruction loads. `spin` goes round until somebody writes over its jump.
#if defined(__x86_64__)
__asm__(".text\n.globl ahead\nahead:\n mov %edi, (%rsi)\n.globl ahead_changed\nahead_changed:\n mov $0x11111111, %eax\n ret\n"
        ".globl ahead_end\nahead_end:\n"
        ".globl byte_ahead\nbyte_ahead:\n mov %dil, (%rsi)\n.globl byte_changed\nbyte_changed:\n mov $0x11111100, %eax\n ret\n"
        ".globl byte_end\nbyte_end:\n"
        ".globl spin\nspin:\n1:\n jmp 1b\n.globl spin_end\nspin_end:\n");
enum { CONSTANT = 1, SPLIT = 3, FIRST = 0x11111111, BYTE_FIRST = 0x11111100 };
static uint32_t value(int n) { return n; }
static const char RETURN[] = "\xc3";
#elif defined(__aarch64__)
#define SYNC " dc cvau, x1\n dsb ish\n ic ivau, x1\n dsb ish\n isb\n"
__asm__(".text\n.globl ahead\nahead:\n str w0, [x1]\n" SYNC ".globl ahead_changed\nahead_changed:\n mov w0, #0x1111\n ret\n"
        ".globl ahead_end\nahead_end:\n"
        ".globl byte_ahead\nbyte_ahead:\n strb w0, [x1]\n" SYNC ".globl byte_changed\nbyte_changed:\n mov w0, #0\n ret\n"
        ".globl byte_end\nbyte_end:\n"
        ".globl spin\nspin:\n1:\n b 1b\n.globl spin_end\nspin_end:\n");
enum { CONSTANT = 0, SPLIT = 0, FIRST = 0x1111, BYTE_FIRST = 0 };
static uint32_t value(int n) { return 0x52800000 | (n & 0xffff) << 5; }
static const char RETURN[] = "\xc0\x03\x5f\xd6";
#elif defined(__riscv)
__asm__(".text\n.option push\n.option norvc\n"
        ".globl ahead\nahead:\n sw a0, 0(a1)\n fence.i\n.globl ahead_changed\nahead_changed:\n li a0, 0x111\n ret\n"
        ".globl ahead_end\nahead_end:\n"
        ".globl byte_ahead\nbyte_ahead:\n sb a0, 0(a1)\n fence.i\n.globl byte_changed\nbyte_changed:\n lui a0, 0\n ret\n"
        ".globl byte_end\nbyte_end:\n"
        ".globl spin\nspin:\n1:\n j 1b\n.globl spin_end\nspin_end:\n.option pop\n");
enum { CONSTANT = 0, SPLIT = 2, FIRST = 0x111, BYTE_FIRST = 0 };
static uint32_t value(int n) { return 0x513 | (n & 0x7ff) << 20; }
static const char RETURN[] = "\x67\x80\x00\x00";
#else
#error a new architecture needs its few instructions here
#endif
extern char ahead[], ahead_changed[], ahead_end[], byte_ahead[], byte_changed[], byte_end[], spin[], spin_end[];

typedef int (*Ahead)(uint32_t value, char *at);
static int call(char *code, uint32_t value, char *at) { return ((Ahead)(uintptr_t)code)(value, at); }

static void put(char *to, const char *from, int length) {
    memcpy(to, from, length);
    __builtin___clear_cache(to, to + length);
}
static char *space(int prot, int flags, int fd) {
    char *got = mmap(0, 2 * P, prot, flags, fd, 0);
    REQUIRE(got != MAP_FAILED);
    return got;
}
static const int RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC, RWX = PROT_READ | PROT_WRITE | PROT_EXEC;

// What the last of `turns` gives, each of which changes what it is about to execute; `far` is from code to where it is written.
static long turns(char *code, long far, int turns) {
    char *changed = code + (ahead_changed - ahead) + CONSTANT;
    long sum = 0;
    for (int i = 0; i < turns; i++) {
        int got = call(code, value(i % 1000), changed + far);
        REQUIRE(got == i % 1000);
        sum += got;
    }
    return sum;
}

// Runs code that spins until it is written over.
static void *spinner(void *code) {
    ((void (*)(void))(uintptr_t)code)();
    return "returned";
}
static void stop(char *spinning) { put(spinning, RETURN, sizeof RETURN - 1); }

int main(void) {
    char *pages = space(RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    const int length = ahead_end - ahead, byte_length = byte_end - byte_ahead;

    // The next instruction, a word and a byte of it. Calls that change nothing come between, so that all of it is hot.
    put(pages, ahead, length);
    long sum = turns(pages, 0, 3000);
    char elsewhere[4];
    put(pages, ahead, length);
    for (int i = 0; i < 100; i++) REQUIRE(call(pages, 0, elsewhere) == FIRST);
    sum += turns(pages, 0, 3000);
    say("a word ahead %ld", sum);
    put(pages, byte_ahead, byte_length);
    for (int i = 0; i < 100; i++) REQUIRE(call(pages, 0, elsewhere) == BYTE_FIRST);
    for (int i = 0; i < 2000; i++) {
#if defined(__x86_64__)
        REQUIRE(call(pages, i & 0xff, pages + (byte_changed - byte_ahead) + 1) == (BYTE_FIRST | (i & 0xff)));
#elif defined(__aarch64__)
        // The low bits of the constant and the register: mov w0 with bits 0 to 2 of it.
        REQUIRE(call(pages, (i & 7) << 5, pages + (byte_changed - byte_ahead)) == (i & 7));
#else
        // Bits 12 to 15 of the constant.
        REQUIRE(call(pages, (i & 15) << 4 | 5, pages + (byte_changed - byte_ahead) + 1) == (i & 15) << 12);
#endif
    }
    say("a byte ahead");

    // The instruction lies across the border of two pages, or is the first behind it.
    char *code = pages + P - (ahead_changed - ahead) - SPLIT;
    put(code, ahead, length);
    say("across a border %ld", turns(code, 0, 3000));

    // Through a second mapping of the same pages, by the code itself.
    int fd = memfd_create("code", 0);
    REQUIRE(ftruncate(fd, 2 * P) == 0);
    char *writable = space(RW, MAP_SHARED, fd), *runnable = space(RX, MAP_SHARED, fd);
    put(writable, ahead, length);
    __builtin___clear_cache(runnable, runnable + length);
    say("by another mapping %ld", turns(runnable, writable - runnable, 3000));
    put(writable + (code - pages), ahead, length);
    __builtin___clear_cache(runnable, runnable + 2 * P);
    say("by another mapping, across a border %ld", turns(runnable + (code - pages), writable - runnable, 3000));

    // A page that two processes share: the child runs in a circle until the parent writes over it, through its own mapping.
    for (int i = 0; i < 10; i++) {
        char *spinning = writable + P + 64 * i;
        put(spinning, spin, spin_end - spin);
        pid_t child = fork();
        if (child == 0) {
            spinner(runnable + P + 64 * i);
            _exit(40 + i);
        }
        usleep(2000);
        stop(spinning);
        int status;
        REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 40 + i);
    }
    say("by another process");

    // A page of one's own after a fork: what the parent writes there the child does not see.
    put(pages, ahead, length);
    for (int i = 0; i < 100; i++) REQUIRE(call(pages, 0, elsewhere) == FIRST);
    int go[2];
    REQUIRE(pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        int same = 0;
        REQUIRE(read(go[0], &byte, 1) == 1);
        for (int i = 0; i < 100; i++) same += call(pages, 0, elsewhere) == FIRST;
        _exit(same + (turns(pages, 0, 500) == 124750));
    }
    turns(pages, 0, 500);
    REQUIRE(write(go[1], "x", 1) == 1);
    int status;
    waitpid(child, &status, 0);
    say("after a fork %d", WEXITSTATUS(status));

    // Another thread writes over the circle that a thread runs in, next to one that goes on.
    for (int i = 0; i < 20; i++) {
        char *spinning = pages + P - 8 + 16 * (i % 3);
        pthread_t thread;
        void *result;
        put(spinning, spin, spin_end - spin);
        pthread_create(&thread, 0, spinner, spinning);
        usleep(1000);
        stop(spinning);
        pthread_join(thread, &result);
        REQUIRE(strcmp(result, "returned") == 0);
    }
    say("by another thread");

    // A store next to code that runs, not to it: all it costs is time.
    volatile char *neighbour = pages + 2 * P - 1;
    code = pages + P;
    put(code, ahead, length);
    for (int i = 0; i < 2000; i++) {
        *neighbour = i;
        REQUIRE(call(code, i, (char *)neighbour - 8) == FIRST && *neighbour == (char)i);
    }
    say("beside it");
    return 0;
}
