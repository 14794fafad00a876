// POSIX threads: mutexes, condition variables, barriers, thread-local data, once, cancellation, read-write locks.
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static sem_t semaphore;
static __thread int mine = 5;
static long counter, spun, once_ran, destroyed, readers;
static int turn;

static void run_once(void) { once_ran++; }
static void destroy(void *value) { __atomic_add_fetch(&destroyed, (long)value, __ATOMIC_SEQ_CST); }

static void *worker(void *arg) {
    long id = (long)arg;
    pthread_once(&once, run_once);
    pthread_setspecific(key, (void *)(id + 1));
    mine += id;
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
        pthread_spin_lock(&spin);
        spun++;
        pthread_spin_unlock(&spin);
        pthread_rwlock_rdlock(&rwlock);
        __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
        pthread_rwlock_unlock(&rwlock);
    }
    pthread_mutex_lock(&lock);
    while (turn != id) pthread_cond_wait(&changed, &lock);
    say("thread %ld in its turn, own variable %d", id, mine);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    sem_post(&semaphore);
    return (void *)(id * id);
}

static void *sleeper(void *arg) {
    pthread_cleanup_push(destroy, arg);
    for (;;) pause();
    pthread_cleanup_pop(0);
    return 0;
}

int main(void) {
    enum { N = 8 };
    pthread_t threads[N];
    pthread_barrier_init(&barrier, 0, N);
    pthread_spin_init(&spin, 0);
    pthread_key_create(&key, destroy);
    sem_init(&semaphore, 0, 0);
    for (long i = 0; i < N; i++) REQUIRE(pthread_create(&threads[i], 0, worker, (void *)i) == 0);
    for (int i = 0; i < N; i++) sem_wait(&semaphore);
    long squares = 0;
    for (int i = 0; i < N; i++) {
        void *result;
        pthread_join(threads[i], &result);
        squares += (long)result;
    }
    say("counter %ld, spun %ld, readers %ld, once %ld, destroyed %ld, squares %ld, main's own %d", counter, spun,
        readers, once_ran, destroyed, squares, mine);

    pthread_t victim;
    destroyed = 0;
    REQUIRE(pthread_create(&victim, 0, sleeper, (void *)77) == 0);
    REQUIRE(pthread_cancel(victim) == 0);
    void *result;
    pthread_join(victim, &result);
    say("cancelled %d, cleaned up %ld", result == PTHREAD_CANCELED, destroyed);

    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 2000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lock);
    int timed = pthread_cond_timedwait(&changed, &lock, &soon);
    say("timed wait ends with ETIMEDOUT: %d", timed == ETIMEDOUT);
    say("trylock of a held mutex is EBUSY: %d", pthread_mutex_trylock(&lock) == EBUSY);
    pthread_mutex_unlock(&lock);

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_t recursive;
    pthread_mutex_init(&recursive, &attr);
    say("recursive %d", pthread_mutex_lock(&recursive) == 0 && pthread_mutex_lock(&recursive) == 0);

    // Many short threads: identifiers, stacks and thread-local blocks are given back.
    for (int round = 0; round < 100; round++) {
        REQUIRE(pthread_create(&victim, 0, (void *(*)(void *))(void *)strdup, "x") == 0);
        pthread_join(victim, &result);
        free(result);
    }
    say("100 short threads");
    return 0;
}
