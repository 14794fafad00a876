// A thousand threads alive at once.
#include "check.h"
#include <pthread.h>

enum { THREADS = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static int here, sum;

static void *worker(void *arg) {
    pthread_mutex_lock(&lock);
    if (++here == THREADS) pthread_cond_broadcast(&all_here);
    while (here < THREADS) pthread_cond_wait(&all_here, &lock);
    sum += (int)(long)arg;
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void) {
    static pthread_t threads[THREADS];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 << 10);
    for (long i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], &attr, worker, (void *)i) == 0);
    for (long i = 0; i < THREADS; i++) {
        void *result;
        REQUIRE(pthread_join(threads[i], &result) == 0 && result == (void *)i);
    }
    say("%d threads, sum %d", here, sum);
    return 0;
}
