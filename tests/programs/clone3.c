// Raw clone and clone3: processes and threads, identifiers written and cleared, flags that contradict.
// qemu-user differs: it has no clone3.
#include "check.h"
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sched.h>
#include <poll.h>
#undef clone3

struct args { // struct clone_args of linux/sched.h, its second version
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
static long clone3(struct args *args, size_t size) { return syscall(SYS_clone3, args, size); }

// Inline, because two threads that share a stack must not share a return address.
static inline __attribute__((always_inline)) long raw(long number, long a, long b) {
#if defined(__x86_64__)
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b) : "rcx", "r11", "memory");
    return number;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
    return x0;
#elif defined(__riscv)
    register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1) : "memory");
    return a0;
#else
#error a new architecture needs its system call here
#endif
}

static int status;
static volatile int counter;
static int in_thread(void *arg) {
    counter += *(int *)arg;
    return 0;
}

int main(void) {
    struct args args = {.exit_signal = SIGCHLD};
    pid_t child = clone3(&args, sizeof args);
    if (child == 0) _exit(21);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 21);

    pid_t *ids = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pidfd = -1;
    args = (struct args){.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_PIDFD, .exit_signal = SIGCHLD,
                         .parent_tid = (uintptr_t)&ids[0], .child_tid = (uintptr_t)&ids[1], .pidfd = (uintptr_t)&pidfd};
    child = clone3(&args, sizeof args);
    if (child == 0) _exit(ids[1] == getpid() ? 1 : 2);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 1 && ids[0] == child && pidfd >= 0);

    // No exit signal: only __WCLONE or __WALL finds it.
    args = (struct args){0};
    child = clone3(&args, sizeof args);
    if (child == 0) _exit(4);
    FAILS(waitpid(child, &status, 0), ECHILD);
    CHECK(waitpid(child, &status, __WALL) == child && WEXITSTATUS(status) == 4);

    // vfork by flags: memory is shared and the parent waits.
    char *stack = malloc(65536);
    int add = 5;
    child = clone(in_thread, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, &add);
    CHECK(counter == 5 && waitpid(child, &status, 0) == child && status == 0);

    // A thread without a library, on its creator's stack while that waits; at its end its identifier is cleared.
    ids[2] = -1;
    args = (struct args){.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK |
                                  CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                         .parent_tid = (uintptr_t)&ids[3], .child_tid = (uintptr_t)&ids[2]};
    long tid = raw(SYS_clone3, (long)&args, sizeof args);
    if (tid == 0) {
        counter += 5;
        raw(SYS_exit, 0, 0);
    }
    CHECK(tid > 0 && tid != getpid());
    for (int value; (value = __atomic_load_n(&ids[2], __ATOMIC_SEQ_CST));) syscall(SYS_futex, &ids[2], 0, value, 0);
    CHECK(counter == 10 && ids[3] == tid);
    FAILS(waitpid(tid, &status, __WALL), ECHILD);

    // Descriptors and directory shared, or not.
    args = (struct args){.flags = CLONE_FILES | CLONE_FS, .exit_signal = SIGCHLD};
    child = clone3(&args, sizeof args);
    if (child == 0) _exit(chdir("/") || dup2(1, 30) != 30);
    waitpid(child, &status, 0);
    char where[64];
    CHECK(status == 0 && fcntl(30, F_GETFD) == 0 && getcwd(where, sizeof where) && !strcmp(where, "/"));
    args = (struct args){.exit_signal = SIGCHLD};
    child = clone3(&args, sizeof args);
    if (child == 0) _exit(close(30));
    waitpid(child, &status, 0);
    CHECK(status == 0 && fcntl(30, F_GETFD) == 0);

    args = (struct args){.flags = CLONE_THREAD, .exit_signal = 0};
    FAILS(clone3(&args, sizeof args), EINVAL);
    args.flags = CLONE_SIGHAND;
    FAILS(clone3(&args, sizeof args), EINVAL);
    args.flags = 1ull << 62;
    FAILS(clone3(&args, sizeof args), EINVAL);
    args = (struct args){.exit_signal = 1000};
    FAILS(clone3(&args, sizeof args), EINVAL);
    args = (struct args){.exit_signal = SIGCHLD};
    FAILS(clone3(&args, 16), EINVAL);
    FAILS(clone3((struct args *)8, sizeof args), EFAULT);
    struct { struct args args; uint64_t more; } longer = {{.exit_signal = SIGCHLD}, 1};
    FAILS(clone3(&longer.args, sizeof longer), E2BIG);
    longer.more = 0;
    child = clone3(&longer.args, sizeof longer);
    if (child == 0) _exit(0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);

    // Another signal than SIGCHLD at the end.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    args.exit_signal = SIGUSR1;
    child = clone3(&args, sizeof args);
    if (child == 0) _exit(9);
    siginfo_t info;
    CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == child && info.si_status == 9 && info.si_code == CLD_EXITED);
    CHECK(waitpid(child, &status, __WALL) == child);
    return 0;
}
