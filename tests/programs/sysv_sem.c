// System V semaphores: atomic sets of operations, who is woken, SEM_UNDO, semctl.
// qemu-user differs: it asks for the array first.
#include "check.h"
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

union arg { int val; struct semid_ds *buf; unsigned short *array; struct seminfo *info; };

static int op(int id, int num, int by, int flags) {
    struct sembuf o = { num, by, flags };
    return semop(id, &o, 1);
}
static int get(int id, int num, int cmd) { return semctl(id, num, cmd, (union arg){ 0 }); }
static void set(int id, int num, int to) { REQUIRE(semctl(id, num, SETVAL, (union arg){ .val = to }) == 0); }

// A child that makes one call and exits with its errno.
static pid_t child(int id, struct sembuf *ops, int n) {
    pid_t pid = fork();
    if (pid == 0) _exit(semop(id, ops, n) == 0 ? 0 : errno);
    return pid;
}
static int ends(pid_t pid) {
    int status;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static void until(int id, int num, int cmd, int n) {
    for (int i = 0; i < 5000 && get(id, num, cmd) != n; i++) usleep(1000);
    REQUIRE(get(id, num, cmd) == n);
}
static void nothing(int s) { (void)s; }

int main(void) {
    key_t key = 0x4d4b0000 + (getpid() & 0xffff);
    FAILS(semget(key, 1, 0), ENOENT);
    FAILS(semget(IPC_PRIVATE, 0, 0600), EINVAL);
    FAILS(semget(IPC_PRIVATE, -1, 0600), EINVAL);
    FAILS(semget(IPC_PRIVATE, 32001, 0600), EINVAL);
    int id = semget(key, 3, IPC_CREAT | IPC_EXCL | 0640);
    CHECK(id >= 0);
    FAILS(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    FAILS(semget(key, 4, 0), EINVAL);
    CHECK(semget(key, 0, 0) == id);
    CHECK(semget(key, 2, 0600) == id);

    struct semid_ds ds;
    CHECK(semctl(id, 0, IPC_STAT, (union arg){ .buf = &ds }) == 0);
    CHECK(ds.sem_nsems == 3 && ds.sem_otime == 0 && ds.sem_ctime > 1000000000);
    CHECK(ds.sem_perm.mode == 0640 && ds.sem_perm.uid == geteuid() && ds.sem_perm.cgid == getegid());

    unsigned short values[3] = { 1, 2, 3 };
    CHECK(semctl(id, 0, SETALL, (union arg){ .array = values }) == 0);
    memset(values, 0, sizeof values);
    CHECK(semctl(id, 0, GETALL, (union arg){ .array = values }) == 0);
    CHECK(values[0] == 1 && values[1] == 2 && values[2] == 3);
    CHECK(get(id, 1, GETVAL) == 2 && get(id, 1, GETPID) == getpid());
    FAILS(get(id, 3, GETVAL), EINVAL);
    FAILS(get(id, -1, GETVAL), EINVAL);
    FAILS(get(id, 0, 99), EINVAL);
    FAILS(get(-1, 0, GETVAL), EINVAL);
    FAILS(get(id + 32768 * 3, 0, GETVAL), EINVAL);
    FAILS(semctl(id, 0, SETVAL, (union arg){ .val = -1 }), ERANGE);
    FAILS(semctl(id, 0, SETVAL, (union arg){ .val = 32768 }), ERANGE);

    FAILS(op(id, 0, -2, IPC_NOWAIT), EAGAIN);
    FAILS(op(id, 0, 0, IPC_NOWAIT), EAGAIN);
    FAILS(op(id, 0, 32767, 0), ERANGE);
    FAILS(op(id, 3, 1, 0), EFBIG);
    FAILS(semop(id, 0, 0), EINVAL);
    FAILS(semop(id, 0, 501), E2BIG);
    FAILS(semop(id, (void *)8, 1), EFAULT);
    FAILS(semop(-1, (struct sembuf[]){ { 0, 1, 0 } }, 1), EINVAL);
    // All or nothing; the same semaphore twice.
    struct sembuf both[] = { { 1, -2, 0 }, { 0, -5, IPC_NOWAIT } };
    FAILS(semop(id, both, 2), EAGAIN);
    CHECK(get(id, 1, GETVAL) == 2);
    struct sembuf twice[] = { { 0, 4, 0 }, { 0, -5, 0 }, { 0, 0, 0 } };
    CHECK(semop(id, twice, 3) == 0 && get(id, 0, GETVAL) == 0);
    CHECK(semctl(id, 0, IPC_STAT, (union arg){ .buf = &ds }) == 0 && ds.sem_otime > 1000000000);

    // Waiting: to grow, to become zero; counted.
    set(id, 1, 0), set(id, 2, 1);
    pid_t a = child(id, (struct sembuf[]){ { 1, -1, 0 } }, 1);
    until(id, 1, GETNCNT, 1);
    pid_t b = child(id, (struct sembuf[]){ { 2, 0, 0 } }, 1);
    until(id, 2, GETZCNT, 1);
    CHECK(get(id, 1, GETZCNT) == 0 && get(id, 2, GETNCNT) == 0);
    CHECK(op(id, 1, 1, 0) == 0 && ends(a) == 0 && get(id, 1, GETVAL) == 0);
    CHECK(get(id, 1, GETPID) == a);
    CHECK(op(id, 2, -1, 0) == 0 && ends(b) == 0);
    // One who wants more waits on; who comes later and wants less goes on.
    a = child(id, (struct sembuf[]){ { 1, -3, 0 } }, 1);
    until(id, 1, GETNCNT, 1);
    b = child(id, (struct sembuf[]){ { 1, -1, 0 } }, 1);
    until(id, 1, GETNCNT, 2);
    CHECK(op(id, 1, 2, 0) == 0 && ends(b) == 0 && get(id, 1, GETVAL) == 1);
    CHECK(op(id, 1, 2, 0) == 0 && ends(a) == 0 && get(id, 1, GETVAL) == 0);
    // A wait for two semaphores at once; it blocks on the first that it cannot have.
    a = child(id, (struct sembuf[]){ { 0, -1, 0 }, { 2, -1, 0 } }, 2);
    until(id, 0, GETNCNT, 1);
    CHECK(op(id, 0, 1, 0) == 0);
    until(id, 2, GETNCNT, 1);
    CHECK(get(id, 0, GETNCNT) == 0 && get(id, 0, GETVAL) == 1);
    CHECK(op(id, 2, 1, 0) == 0 && ends(a) == 0 && get(id, 0, GETVAL) == 0);

    // The end of a process, or of its list of adjustments.
    set(id, 0, 5);
    a = child(id, (struct sembuf[]){ { 0, -3, SEM_UNDO } }, 1);
    CHECK(ends(a) == 0 && get(id, 0, GETVAL) == 5 && get(id, 0, GETPID) == a);
    a = fork();
    if (a == 0) {
        REQUIRE(op(id, 0, -3, SEM_UNDO) == 0 && get(id, 0, GETVAL) == 2);
        set(id, 0, 1);  // forgets the adjustment
        pid_t inner = fork();
        if (inner == 0) _exit(op(id, 0, 1, SEM_UNDO) ? 1 : 0);
        REQUIRE(ends(inner) == 0 && get(id, 0, GETVAL) == 1);
        FAILS(op(id, 0, 32766, SEM_UNDO | IPC_NOWAIT) ? -1 : op(id, 0, 1, IPC_NOWAIT), ERANGE);
        _exit(0);
    }
    CHECK(ends(a) == 0);
    CHECK(get(id, 0, GETVAL) == 1);
    set(id, 0, 0);
    a = fork();
    if (a == 0) {
        REQUIRE(op(id, 0, 2, SEM_UNDO) == 0);
        REQUIRE(op(id, 0, -1, 0) == 0);
        _exit(0);
    }
    CHECK(ends(a) == 0);
    CHECK(get(id, 0, GETVAL) == 0);

    // Time, signals, removal.
    struct timespec time = { 0, 20000000 }, from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    FAILS(semtimedop(id, (struct sembuf[]){ { 0, -1, 0 } }, 1, &time), EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &to);
    CHECK((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec >= 20000000);
    time.tv_nsec = 1000000000;
    FAILS(semtimedop(id, (struct sembuf[]){ { 0, -1, 0 } }, 1, &time), EINVAL);
    struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, 0);
    a = child(id, (struct sembuf[]){ { 0, -1, 0 } }, 1);
    until(id, 0, GETNCNT, 1);
    kill(a, SIGUSR1);
    CHECK(ends(a) == EINTR);
    CHECK(get(id, 0, GETNCNT) == 0);

    struct seminfo info;
    CHECK(semctl(0, 0, IPC_INFO, (union arg){ .info = &info }) >= 0);
    CHECK(info.semmsl == 32000 && info.semopm == 500 && info.semmni == 32000 && info.semvmx == 32767);
    CHECK(info.semusz == 20 && info.semaem == 32767);
    CHECK(semctl(0, 0, SEM_INFO, (union arg){ .info = &info }) >= 0 && info.semusz >= 1 && info.semaem >= 3);

    ds.sem_perm.mode = 0600;
    CHECK(semctl(id, 0, IPC_SET, (union arg){ .buf = &ds }) == 0);
    CHECK(semctl(id, 0, IPC_STAT, (union arg){ .buf = &ds }) == 0 && ds.sem_perm.mode == 0600);
    a = fork();
    if (a == 0) {
        REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
        FAILS(op(id, 0, 1, 0), EACCES);
        FAILS(get(id, 0, GETVAL), EACCES);
        FAILS(get(id, 0, IPC_RMID), EPERM);
        FAILS(semget(key, 0, 0400), EACCES);
        CHECK(semget(key, 0, 0) == id);
        _exit(0);
    }
    CHECK(ends(a) == 0);

    a = child(id, (struct sembuf[]){ { 0, -1, 0 } }, 1);
    until(id, 0, GETNCNT, 1);
    CHECK(get(id, 0, IPC_RMID) == 0);
    CHECK(ends(a) == EIDRM);
    FAILS(get(id, 0, GETVAL), EINVAL);
    FAILS(semget(key, 0, 0), ENOENT);
    // A number is not used again at once.
    int other = semget(key, 1, IPC_CREAT | 0600);
    CHECK(other >= 0 && other != id && get(other, 0, IPC_RMID) == 0);
    return 0;
}
