// Clocks and sleeps, in a form that any speed of time satisfies.
#include "check.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>

static int64_t now(clockid_t clock) {
    struct timespec t;
    REQUIRE(clock_gettime(clock, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(void) {
    clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW,
                          CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (int i = 0; i < 7; i++) {
        int64_t last = now(clocks[i]), backwards = 0;
        for (int k = 0; k < 300; k++) {
            int64_t t = now(clocks[i]);
            backwards += t < last;
            last = t;
        }
        struct timespec resolution;
        say("clock %d: backwards %ld times, resolution %d", i, (long)backwards,
            clock_getres(clocks[i], &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    }
    CHECK(now(CLOCK_REALTIME) > 0 && time(0) > 0);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(nanosleep(&(struct timespec){0, 20000000}, 0) == 0 && now(CLOCK_MONOTONIC) - start >= 20000000);
    start = now(CLOCK_MONOTONIC);
    int64_t until = start + 15000000;
    struct timespec at = {until / 1000000000, until % 1000000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0) == 0 && now(CLOCK_MONOTONIC) >= until);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0) == 0); // long past
    FAILS(nanosleep(&(struct timespec){0, 1000000000}, 0), EINVAL);
    FAILS(nanosleep(&(struct timespec){-1, 0}, 0), EINVAL);
    CHECK(clock_nanosleep(99, 0, &at, 0) == EINVAL);
    FAILS(clock_gettime(99, &at), EINVAL);
    struct timeval day;
    CHECK(gettimeofday(&day, 0) == 0 && day.tv_usec >= 0 && day.tv_usec < 1000000);
    start = now(CLOCK_MONOTONIC);
    usleep(3000);
    CHECK(now(CLOCK_MONOTONIC) - start >= 3000000);
    int64_t used = now(CLOCK_PROCESS_CPUTIME_ID);
    volatile uint64_t work = 1;
    for (int i = 0; i < 2000000; i++) work = work * 3 + 1;
    CHECK(now(CLOCK_PROCESS_CPUTIME_ID) > used);
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_utime.tv_usec >= 0);
    struct tms tms;
    CHECK(times(&tms) != (clock_t)-1);
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    uint64_t expirations = 0;
    if (fd >= 0) timerfd_settime(fd, 0, &(struct itimerspec){{0, 0}, {0, 5000000}}, 0);
    CHECK(fd < 0 || (read(fd, &expirations, 8) == 8 && expirations == 1));
    struct tm broken;
    time_t second = 1234567890;
    char text[64];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %j %a", gmtime_r(&second, &broken));
    say("%s %ld", text, (long)timegm(&broken));
    return 0;
}
