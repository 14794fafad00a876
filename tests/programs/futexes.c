// qemu-user differs: it has no robust lists.
// Futexes: wait and wake, values, bitsets, requeue, timeouts, robust lists, priority inheritance.
#include "check.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static uint32_t word, second, woken, arrived;
static long futex(uint32_t *at, int op, uint32_t value, const void *timeout, uint32_t *other, uint32_t last) {
    return syscall(SYS_futex, at, op, value, timeout, other, last);
}
static void *waiter(void *arg) {
    uint32_t bits = (uintptr_t)arg;
    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    long result = bits ? futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, bits) : futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    REQUIRE(result == 0);
    __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return 0;
}
static void start(pthread_t *threads, int n, const uintptr_t *bits) {
    arrived = woken = 0;
    for (int i = 0; i < n; i++) pthread_create(&threads[i], 0, waiter, (void *)(bits ? bits[i] : 0));
    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < (uint32_t)n) usleep(1000);
    usleep(20000);
}
static void join(pthread_t *threads, int n) {
    for (int i = 0; i < n; i++) pthread_join(threads[i], 0);
}
static void interrupt(int signal) { (void)signal; }
static void *die_holding(void *mutex) {
    pthread_mutex_lock(mutex);
    return 0;
}

int main(void) {
    pthread_t t[5];
    FAILS(futex(&word, FUTEX_WAIT, 1, 0, 0, 0), EAGAIN);
    CHECK(futex(&word, FUTEX_WAKE, 1, 0, 0, 0) == 0);
    FAILS(futex(&word, FUTEX_WAIT, 0, &(struct timespec){0, 3000000}, 0, 0), ETIMEDOUT);
    FAILS(futex(&word, FUTEX_WAIT, 0, &(struct timespec){0, 2000000000}, 0, 0), EINVAL);
    FAILS(futex((uint32_t *)((char *)&word + 1), FUTEX_WAIT, 0, 0, 0, 0), EINVAL);
    FAILS(futex((uint32_t *)8, FUTEX_WAIT, 0, 0, 0, 0), EFAULT);
    FAILS(futex(&word, FUTEX_WAIT_BITSET, 0, 0, 0, 0), EINVAL);
    struct timespec past = {1, 0};
    FAILS(futex(&word, FUTEX_WAIT_BITSET, 0, &past, 0, ~0u), ETIMEDOUT);

    start(t, 5, 0);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 2, 0, 0, 0) == 2);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0) == 3);
    join(t, 5);
    CHECK(woken == 5);

    start(t, 4, (uintptr_t[]){1, 2, 1, 4});
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, 0, 0, 1) == 2);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, 0, 0, 8) == 0);
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, 0, 0, 6) == 2);
    join(t, 4);

    start(t, 5, 0);
    FAILS(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &second, 1), EAGAIN);
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)3, &second, 0) == 4);
    CHECK(futex(&second, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0) == 3);
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0) == 1);
    join(t, 5);

    second = 0;
    start(t, 2, 0);
    // second += 7, wake one at word, and at second when it was below 1.
    CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 7, FUTEX_OP_CMP_LT, 1)) == 1);
    CHECK(second == 7 && futex(&word, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0) == 1);
    join(t, 2);

    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGALRM, &action, 0);
    alarm(1);
    FAILS(futex(&word, FUTEX_WAIT, 0, 0, 0, 0), EINTR);

    // Between processes, through shared memory, and after a mutex's holder died.
    uint32_t *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        while (__atomic_load_n(shared, __ATOMIC_SEQ_CST) == 0) futex(shared, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(*shared);
    }
    usleep(10000);
    __atomic_store_n(shared, 6, __ATOMIC_SEQ_CST);
    futex(shared, FUTEX_WAKE, 1, 0, 0, 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 6);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_t *robust = (pthread_mutex_t *)(shared + 64);
    pthread_mutex_init(robust, &attr);
    pthread_create(t, 0, die_holding, robust);
    pthread_join(*t, 0);
    CHECK(pthread_mutex_lock(robust) == EOWNERDEAD && pthread_mutex_consistent(robust) == 0 && pthread_mutex_unlock(robust) == 0);
    child = fork();
    if (child == 0) {
        pthread_mutex_lock(robust);
        _exit(0);
    }
    waitpid(child, 0, 0);
    CHECK(pthread_mutex_lock(robust) == EOWNERDEAD);
    return 0;
}
