// Memory: private, shared, anonymous and file mappings, protections, remapping, brk, stack growth, SIGBUS.
// qemu-user differs: faults and limits are the host's, not the guest's.
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { P = 4096 };
static sigjmp_buf back;
static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)context;
    siglongjmp(back, signal * 16 + info->si_code);
}
// 0, or signal * 16 + si_code.
#define TOUCH(access) ({ int fault_ = sigsetjmp(back, 1); if (!fault_) (void)(access); fault_; })
#define R(at) (*(volatile char *)(at))

static char *map(size_t length, int prot, int flags, int fd, off_t offset) {
    char *at = mmap(0, length, prot, flags, fd, offset);
    REQUIRE(at != MAP_FAILED);
    return at;
}
static int recurse(int n) {
    volatile char frame[2000];
    frame[n % 2000] = n;
    return n ? recurse(n - 1) + frame[n % 2000] - (char)n : 0;
}

int main(void) {
    scratch();
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, 0);
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);

    char *a = map(8 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long sum = 0;
    for (int i = 0; i < 8 * P; i++) sum += a[i];
    CHECK(sum == 0);
    memset(a, 7, 8 * P);
    CHECK(munmap(a + 2 * P, P) == 0 && TOUCH(R(a + 2 * P)) == SIGSEGV * 16 + SEGV_MAPERR && R(a + 3 * P) == 7);
    CHECK(mprotect(a + 4 * P, P, PROT_READ) == 0 && TOUCH(R(a + 4 * P) = 1) == SIGSEGV * 16 + SEGV_ACCERR);
    CHECK(R(a + 4 * P) == 7 && mprotect(a + 4 * P, P, PROT_NONE) == 0 && TOUCH(R(a + 4 * P)) == SIGSEGV * 16 + SEGV_ACCERR);
    CHECK(mprotect(a + 4 * P, P, PROT_READ | PROT_WRITE) == 0 && R(a + 4 * P) == 7 && TOUCH(R(a + 4 * P) = 1) == 0);
    FAILS(mprotect(a + P, 2 * P, PROT_READ), ENOMEM);
    FAILS(syscall(SYS_mprotect, a + 1, P, PROT_READ), EINVAL);
    FAILS(munmap(a + 1, P), EINVAL);
    CHECK(mmap(a, P, PROT_READ, MAP_PRIVATE, 0, 1) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(0, P, PROT_READ, MAP_PRIVATE, 77, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap(a + P, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == a + P && R(a + P) == 0 && R(a) == 7);
    CHECK(mmap(a, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x100000, -1, 0) == MAP_FAILED && errno == EEXIST);
    CHECK(munmap(a, 8 * P) == 0);

    // Accesses that cross from one mapping into another, or into none.
    a = map(2 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *crossing = (uint64_t *)(a + P - 3), wide = 0x1122334455667788;
    memcpy(crossing, &wide, 8);
    CHECK(*(volatile uint64_t *)crossing == wide && R(a + P - 1) == 0x66 && R(a + P) == 0x55);
    mprotect(a + P, P, PROT_READ);
    CHECK(TOUCH(*(volatile uint64_t *)crossing = 0) == SIGSEGV * 16 + SEGV_ACCERR);
    CHECK(R(a + P) == 0x55);

    // Files: shared writes are seen through read, private ones are not.
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    REQUIRE(ftruncate(fd, P + 100) == 0);
    char *shared = map(3 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = map(3 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char bytes[8];
    shared[10] = 's';
    CHECK(pread(fd, bytes, 1, 10) == 1 && bytes[0] == 's' && private[10] == 's');
    private[11] = 'p';
    CHECK(pread(fd, bytes, 1, 11) == 1 && bytes[0] == 0 && shared[11] == 0);
    CHECK(pwrite(fd, "w", 1, 12) == 1 && shared[12] == 'w');
    CHECK(R(shared + P + 99) == 0 && R(shared + P + 200) == 0 && TOUCH(R(shared + 2 * P)) == SIGBUS * 16 + BUS_ADRERR);
    CHECK(ftruncate(fd, 3 * P) == 0 && TOUCH(R(shared + 2 * P)) == 0);
    CHECK(ftruncate(fd, P) == 0 && TOUCH(R(shared + P)) == SIGBUS * 16 + BUS_ADRERR && R(shared + 10) == 's');
    CHECK(msync(shared, P, MS_SYNC) == 0);
    FAILS(msync(shared, P, MS_SYNC | MS_ASYNC), EINVAL);
    pid_t child = fork();
    if (child == 0) {
        shared[20] = 'c';
        private[20] = 'c';
        _exit(0);
    }
    waitpid(child, 0, 0);
    CHECK(shared[20] == 'c' && private[20] != 'p');
    int readonly = open("file", O_RDONLY);
    CHECK(mmap(0, P, PROT_WRITE, MAP_SHARED, readonly, 0) == MAP_FAILED && errno == EACCES);
    CHECK(mmap(0, P, PROT_WRITE, MAP_PRIVATE, readonly, 0) != MAP_FAILED);
    close(fd);
    CHECK(R(shared + 12) == 'w'); // the mapping keeps the file
    int offset = open("file", O_RDWR);
    REQUIRE(ftruncate(offset, 4 * P) == 0 && pwrite(offset, "far", 3, 2 * P) == 3);
    char *far = map(P, PROT_READ, MAP_SHARED, offset, 2 * P);
    CHECK(!memcmp(far, "far", 3));

    // Remapping.
    a = map(4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4; i++) a[i * P] = 'a' + i;
    munmap(a + 3 * P, P);
    CHECK(mremap(a, 3 * P, 2 * P, 0) == a && TOUCH(R(a + 2 * P)) == SIGSEGV * 16 + SEGV_MAPERR);
    mmap(a + 2 * P, P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(mremap(a, 2 * P, 4 * P, 0) == MAP_FAILED && errno == ENOMEM);
    char *moved = mremap(a, 2 * P, 100 * P, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != a && moved[0] == 'a' && moved[P] == 'b' && moved[99 * P] == 0);
    CHECK(TOUCH(R(a)) == SIGSEGV * 16 + SEGV_MAPERR);
    char *target = map(2 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mremap(moved, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target && target[P] == 'b');
    CHECK(madvise(target, P, MADV_DONTNEED) == 0 && target[0] == 0 && target[P] == 'b');

    // brk.
    char *end = sbrk(0);
    (void)end;
    long before = syscall(SYS_brk, 0);
    CHECK(syscall(SYS_brk, before + 10 * P) == before + 10 * P && TOUCH(R(before + 9 * P) = 1) == 0);
    CHECK(syscall(SYS_brk, before) == before && TOUCH(R((before + P - 1) / P * P + P)) == SIGSEGV * 16 + SEGV_MAPERR);
    CHECK(syscall(SYS_brk, before + 10 * P) == before + 10 * P && R(before + 9 * P) == 0);

    // Stacks grow to their limit, then fault.
    CHECK(recurse(1500) == 0);
    child = fork();
    if (child == 0) {
        struct rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_STACK, &limit);
        int fault = sigsetjmp(back, 1);
        if (!fault) recurse(1 << 30);
        _exit(fault == SIGSEGV * 16 + SEGV_MAPERR ? 1 : 2);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 1);
    struct rlimit limit = {64 << 20, RLIM_INFINITY};
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_AS, &limit);
        _exit(mmap(0, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 1);
    unsigned char resident[4];
    a = map(4 * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    a[P] = 1;
    CHECK(mincore(a, 4 * P, resident) == 0 && (resident[1] & 1) && !(resident[3] & 1));
    // Reserving much costs nothing until it is touched.
    char *huge = mmap(0, 1L << 36, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(huge != MAP_FAILED && TOUCH(R(huge + (1L << 35)) = 1) == 0 && munmap(huge, 1L << 36) == 0);
    void *aligned = aligned_alloc(65536, 1 << 20);
    CHECK((uintptr_t)aligned % 65536 == 0);
    for (int i = 1; i < 2000; i++) free(memset(malloc(i * 37), i, i * 37));
    return 0;
}
