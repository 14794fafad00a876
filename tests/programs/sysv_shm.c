// System V shared memory: attaching, what fork, execve and exit do to it, removal, shmctl.
// qemu-user differs: it attaches on its own account.
#include "check.h"
#include <limits.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define PAGE 4096
static char *const failed = (char *)-1;

static int ends(pid_t pid) {
    int status;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static struct shmid_ds ds;
static int nattch(int id) { return shmctl(id, IPC_STAT, &ds) ? -1 : (int)ds.shm_nattch; }

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "again")) {
        // After execve: nothing is attached.
        int id = atoi(argv[2]);
        char *at = shmat(id, 0, 0);
        REQUIRE(at != failed && nattch(id) == 2 && !strcmp(at, "from the parent"));
        strcpy(at, "from the program");
        return 0;
    }
    mkdir("/proc", 0555);
    if (access("/proc/self", F_OK)) mount("proc", "/proc", "proc", 0, 0);
    key_t key = 0x4d4b0000 + (getpid() & 0xffff);
    FAILS(shmget(key, PAGE, 0), ENOENT);
    FAILS(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
    FAILS(shmget(IPC_PRIVATE, -1, 0600), EINVAL);
    int id = shmget(key, 3 * PAGE - 100, IPC_CREAT | IPC_EXCL | 0640);
    CHECK(id >= 0);
    FAILS(shmget(key, PAGE, IPC_CREAT | IPC_EXCL), EEXIST);
    FAILS(shmget(key, 3 * PAGE, 0), EINVAL);
    CHECK(shmget(key, 0, 0) == id && shmget(key, 3 * PAGE - 100, 0600) == id);
    CHECK(nattch(id) == 0 && ds.shm_segsz == 3 * PAGE - 100 && ds.shm_cpid == getpid() && ds.shm_lpid == 0);
    CHECK(ds.shm_perm.mode == 0640 && ds.shm_atime == 0 && ds.shm_dtime == 0 && ds.shm_ctime > 1000000000);

    FAILS(shmat(-1, 0, 0), EINVAL);
    FAILS(shmat(id, (void *)0x1234, 0), EINVAL);
    FAILS(shmat(id, 0, SHM_REMAP), EINVAL);
    FAILS(shmdt((void *)0x1234), EINVAL);
    char *at = shmat(id, 0, 0);
    CHECK(at != failed && (uintptr_t)at % PAGE == 0 && nattch(id) == 1 && ds.shm_lpid == getpid() && ds.shm_atime != 0);
    CHECK(at[0] == 0 && at[3 * PAGE - 1] == 0);
    strcpy(at, "hello"), strcpy(at + 2 * PAGE, "third");
    char *twice = shmat(id, 0, SHM_RDONLY);
    CHECK(twice != failed && twice != at && !strcmp(twice + 2 * PAGE, "third") && nattch(id) == 2);
    FAILS(mprotect(twice, PAGE, PROT_READ | PROT_WRITE), EACCES);
    FAILS(shmat(id, at, 0), EINVAL);
    CHECK(shmdt(twice) == 0 && nattch(id) == 1 && ds.shm_dtime != 0);
    FAILS(shmdt(twice), EINVAL);
    CHECK(shmat(id, twice + 5, SHM_RND) == twice && shmdt(twice) == 0);
    CHECK(shmat(id, at, SHM_REMAP) == at && nattch(id) == 1 && !strcmp(at, "hello"));
    char *code = shmat(id, 0, SHM_EXEC);
    CHECK(code != failed || errno == EACCES);
    if (code != failed) shmdt(code);

    // /proc/self/maps shows it; so does /proc/sysvipc/shm.
    char line[512], want[64], number[32];
    int shown = 0, listed = 0;
    snprintf(want, sizeof want, "/SYSV%08x (deleted)", key);
    snprintf(number, sizeof number, " 00:01 %d ", id);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) shown += strstr(line, want) && strstr(line, "rw-s") && strstr(line, number);
    CHECK(shown == 1);
    FILE *list = fopen("/proc/sysvipc/shm", "r");
    snprintf(want, sizeof want, "%10d %10d   640 %21d %5u %5u  %5d ", key, id, 3 * PAGE - 100, getpid(), getpid(), 1);
    while (list && fgets(line, sizeof line, list)) listed += !strncmp(line, want, strlen(want));
    CHECK(listed == 1);

    // A part is unmapped: what is left counts, and shmdt takes all of it.
    CHECK(munmap(at + PAGE, PAGE) == 0 && nattch(id) == 2);
    CHECK(!strcmp(at + 2 * PAGE, "third"));
    CHECK(shmdt(at) == 0 && nattch(id) == 0);
    at = shmat(id, 0, 0);
    CHECK(at != failed && !strcmp(at, "hello") && !strcmp(at + 2 * PAGE, "third"));

    // fork attaches the child, its end detaches it; what one writes the other sees.
    pid_t pid = fork();
    if (pid == 0) {
        REQUIRE(nattch(id) == 2);
        strcpy(at, "from the child");
        _exit(0);
    }
    CHECK(ends(pid) == 0 && nattch(id) == 1 && ds.shm_lpid == pid);
    CHECK(!strcmp(at, "from the child"));
    strcpy(at, "from the parent");
    pid = fork();
    if (pid == 0) {
        snprintf(line, sizeof line, "%d", id);
        execl("/proc/self/exe", "sysv_shm", "again", line, "-", (char *)0);
        _exit(1);
    }
    CHECK(ends(pid) == 0 && nattch(id) == 1);
    CHECK(!strcmp(at, "from the program"));

    // Removal: nobody finds it by its key; the memory stays until the last detach.
    pid = fork();
    if (pid == 0) {
        REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
        FAILS(shmat(id, 0, 0), EACCES);
        FAILS(shmctl(id, IPC_STAT, &ds), EACCES);
        FAILS(shmctl(id, IPC_RMID, 0), EPERM);
        _exit(0);
    }
    CHECK(ends(pid) == 0);
    CHECK(shmctl(id, SHM_LOCK, 0) == 0 && nattch(id) == 1 && ds.shm_perm.mode == (0640 | 02000));
    CHECK(shmctl(id, SHM_UNLOCK, 0) == 0);
    ds.shm_perm.mode = 0600;
    CHECK(shmctl(id, IPC_SET, &ds) == 0 && nattch(id) == 1 && ds.shm_perm.mode == 0600);
    CHECK(shmctl(id, IPC_RMID, 0) == 0);
    FAILS(shmget(key, 0, 0), ENOENT);
    CHECK(nattch(id) == 1 && ds.shm_perm.mode == (0600 | 01000));
    twice = shmat(id, 0, 0);
    CHECK(twice != failed && !strcmp(twice, "from the program") && nattch(id) == 2);
    CHECK(shmdt(at) == 0 && shmdt(twice) == 0);
    FAILS(shmctl(id, IPC_STAT, &ds), EINVAL);
    id = shmget(IPC_PRIVATE, PAGE, 0600);
    CHECK(shmctl(id, IPC_RMID, 0) == 0);
    FAILS(shmat(id, 0, 0), EINVAL);

    struct shminfo limits;
    CHECK(shmctl(0, IPC_INFO, (void *)&limits) >= 0);
    CHECK(limits.shmmni == 4096 && limits.shmmin == 1 && limits.shmmax == ULONG_MAX - (1 << 24));
    CHECK(limits.shmall == ULONG_MAX - (1 << 24) && limits.shmseg == 4096);
    return 0;
}
