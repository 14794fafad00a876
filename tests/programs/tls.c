// Thread-local storage: initial images, alignment, zero parts, many threads, addresses that differ.
#include "check.h"
#include <pthread.h>

static __thread int initialised = 1234;
static __thread char zeroed[3000];
static __thread _Alignas(64) long aligned[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static __thread const char *text = "image";
static __thread int *self = 0;
static int *seen[16];

static void *worker(void *arg) {
    long id = (long)arg;
    REQUIRE(initialised == 1234 && !strcmp(text, "image") && self == 0);
    for (unsigned i = 0; i < sizeof zeroed; i++) REQUIRE(zeroed[i] == 0);
    REQUIRE((uintptr_t)aligned % 64 == 0);
    for (int i = 0; i < 8; i++) REQUIRE(aligned[i] == i + 1);
    memset(zeroed, id, sizeof zeroed);
    initialised += id;
    self = &initialised;
    seen[id] = self;
    errno = id;
    long sum = 0;
    for (int i = 0; i < 8; i++) sum += aligned[i] *= id;
    REQUIRE(errno == id && *self == 1234 + id);
    return (void *)sum;
}

int main(void) {
    pthread_t threads[16];
    long total = 0;
    for (long i = 0; i < 16; i++) REQUIRE(pthread_create(&threads[i], 0, worker, (void *)i) == 0);
    for (int i = 0; i < 16; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        total += (long)sum;
    }
    int own = 0;
    for (int i = 0; i < 16; i++) own += seen[i] != &initialised;
    say("total %ld, apart from main's %d, main still %d %s %d", total, own, initialised, text, zeroed[0]);
    return 0;
}
