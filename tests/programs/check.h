// What the programs share. Output is the same on every kernel, architecture and C library: each line is either a
// value that the standards fix or the text of a condition followed by "ok".
#ifndef CHECK_H
#define CHECK_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// One line in one write: no buffer that a fork would copy or a crash would lose.
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (length > (int)sizeof line - 2) length = sizeof line - 2;
    line[length++] = '\n';
    if (write(1, line, length) != length) _exit(99);
}

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        errno = 0;                                                                                    \
        if (condition)                                                                                \
            say("%s: ok", #condition);                                                                \
        else                                                                                          \
            say("%s: FAILED (line %d, errno %d %s)", #condition, __LINE__, errno, strerror(errno));   \
    } while (0)

// The call fails with exactly this error.
#define FAILS(call, error)                                                                            \
    do {                                                                                              \
        errno = 0;                                                                                    \
        long result_ = (long)(call);                                                                  \
        if (result_ == -1 && errno == (error))                                                        \
            say("%s: " #error, #call);                                                                \
        else                                                                                          \
            say("%s: FAILED (line %d, result %ld, errno %d %s)", #call, __LINE__, result_, errno,     \
                strerror(errno));                                                                     \
    } while (0)

// Prints only when it does not hold: for conditions inside loops.
#define REQUIRE(condition)                                                                            \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            say("%s: FAILED (line %d, errno %d)", #condition, __LINE__, errno);                       \
            _exit(98);                                                                                \
        }                                                                                             \
    } while (0)

static inline uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

// xorshift64*: the same numbers everywhere.
static inline uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static char scratch_[64];
static pid_t scratch_owner_;
static inline int scratch_remove_(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}
static inline void scratch_leave_(void) {
    if (getpid() == scratch_owner_) nftw(scratch_, scratch_remove_, 8, FTW_DEPTH | FTW_PHYS);
}
// Makes an empty directory the current one; it goes away with this process.
static inline void scratch(void) {
    mkdir("/tmp", 01777);
    strcpy(scratch_, "/tmp/minikern-XXXXXX");
    REQUIRE(mkdtemp(scratch_) && chdir(scratch_) == 0);
    scratch_owner_ = getpid();
    atexit(scratch_leave_);
}
#endif
