// qemu-user differs: it does not see code that another mapping wrote.
// Code that changes: written, run, rewritten in place, remapped, written through another mapping, run by threads.
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

typedef int (*Function)(int);

// A function that returns `constant`, or its argument plus `constant`.
static void emit(void *at, int constant, int add) {
#if defined(__x86_64__)
    unsigned char code[8] = {add ? 0x8d : 0xb8}; // mov eax, imm32 or lea eax, [rdi + disp32]
    int n = 1;
    if (add) code[n++] = 0x87;
    memcpy(code + n, &constant, 4);
    code[n + 4] = 0xc3;
    memcpy(at, code, n + 5);
    __builtin___clear_cache((char *)at, (char *)at + n + 5);
#elif defined(__aarch64__)
    // movz w0, #constant or add w0, w0, #constant; ret
    uint32_t code[2] = {add ? 0x11000000u | (constant & 0xfff) << 10 : 0x52800000u | (constant & 0xffff) << 5, 0xd65f03c0u};
    memcpy(at, code, sizeof code);
    __builtin___clear_cache((char *)at, (char *)at + sizeof code);
#elif defined(__riscv)
    // addi a0, zero or a0, constant; ret
    uint32_t code[2] = {(constant & 0xfffu) << 20 | (add ? 0x00050513u : 0x00000513u), 0x00008067u};
    memcpy(at, code, sizeof code);
    __builtin___clear_cache((char *)at, (char *)at + sizeof code);
#else
#error a new architecture needs its two instructions here
#endif
}
static int call(void *at, int arg) { return ((Function)(uintptr_t)at)(arg); }
static void *in_thread(void *at) { return (void *)(long)call(at, 1); }

int main(void) {
    enum { P = 4096 };
    char *page = mmap(0, 4 * P, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    long sum = 0;
    for (int i = 0; i < 500; i++) {
        emit(page, i, 0);
        REQUIRE(call(page, 0) == i);
        emit(page, i, 1);
        sum += call(page, i);
    }
    say("rewritten 1000 times, sum %ld", sum);

    // Neighbours on one page, one of them across the border of two.
    for (int i = 0; i < 100; i++) emit(page + i * 16, i, 1);
    emit(page + P - 4, 77, 0);
    sum = 0;
    for (int i = 0; i < 100; i++) sum += call(page + i * 16, i);
    emit(page + 50 * 16, 1000, 1);
    say("neighbours %ld, one changed %d, next to it %d, across the border %d", sum, call(page + 50 * 16, 0),
        call(page + 51 * 16, 0), call(page + P - 4, 0));
    emit(page + P - 4, 78, 0);
    say("changed across the border %d", call(page + P - 4, 0));

    // Other code at the same address.
    emit(page + 2 * P, 5, 0);
    int before = call(page + 2 * P, 0);
    REQUIRE(mmap(page + 2 * P, P, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page + 2 * P);
    emit(page + 2 * P, 6, 0);
    say("remapped: %d then %d", before, call(page + 2 * P, 0));

    // Written through one mapping, run through another.
    int fd = memfd_create("code", 0);
    REQUIRE(ftruncate(fd, P) == 0);
    char *writable = mmap(0, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *runnable = mmap(0, P, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    sum = 0;
    for (int i = 1; i < 50; i++) {
        emit(writable, i, 1);
        __builtin___clear_cache(runnable, runnable + 16);
        sum += call(runnable, 0);
    }
    say("two mappings %ld", sum);
    emit(writable, 3, 0);
    __builtin___clear_cache(runnable, runnable + 16);
    before = call(runnable, 0);
    int other = memfd_create("other", 0);
    char bytes[16];
    memcpy(bytes, writable, 16);
    emit(bytes, 4, 0);
    REQUIRE(pwrite(other, bytes, 16, 0) == 16 && pwrite(fd, bytes, 16, 0) == 16);
    __builtin___clear_cache(runnable, runnable + 16);
    say("written by pwrite: %d then %d", before, call(runnable, 0));

    // fork: each side has its own code from there on.
    emit(page, 10, 0);
    pid_t child = fork();
    if (child == 0) {
        int inherited = call(page, 0);
        emit(page, 20, 0);
        _exit(inherited + call(page, 0));
    }
    emit(page, 40, 0);
    int status;
    waitpid(child, &status, 0);
    say("parent %d, child %d", call(page, 0), WEXITSTATUS(status));

    // A thread runs what another wrote.
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        void *result;
        emit(page + P, 100 + i, 1);
        pthread_create(&thread, 0, in_thread, page + P);
        pthread_join(thread, &result);
        REQUIRE((long)result == 101 + i);
    }
    // Protect, write elsewhere, unprotect.
    mprotect(page, P, PROT_READ | PROT_WRITE);
    emit(page, 9, 0);
    mprotect(page, P, PROT_READ | PROT_EXEC);
    say("after mprotect %d", call(page, 0));
    return 0;
}
