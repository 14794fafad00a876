// A group of processes in pause(), frozen and thawed: `freeze_sleepers COUNT [v1|v2 [ROUNDS]]`. Lines: "ready", then every
// round "freeze", "frozen NS", "thaw", "thawed NS", "settled", and "gone" at the end. NS is the program's own clock; a
// driver that trusts the host's alone takes the time between the lines: before each request the program sleeps, so that
// the line before it is out.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char top[] = "/tmp/freeze.XXXXXX", group[64];

static void need(int ok, const char *what) {
    if (ok) return;
    printf("failed: %s: %s\n", what, strerror(errno));
    fflush(stdout), umount(top), rmdir(top), exit(1);
}
static void say(const char *line) {
    printf("%s\n", line), fflush(stdout);
}
static void put(const char *dir, const char *file, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    int fd = open(path, O_WRONLY);
    need(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), file);
    close(fd);
}
static int says(int fd, const char *word) {
    char text[128];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    need(n >= 0, "read the state");
    text[n] = 0;
    return strstr(text, word) != 0;
}
static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 10, v2 = argc > 2 && !strcmp(argv[2], "v2"), rounds = argc > 3 ? atoi(argv[3]) : 1;
    // In a mount namespace of its own where there is one to have.
    if (unshare(CLONE_NEWNS) == 0) mount(0, "/", 0, MS_REC | MS_PRIVATE, 0);
    need(mkdtemp(top) != 0, "mkdtemp");
    need(mount("freeze", top, v2 ? "cgroup2" : "cgroup", 0, v2 ? 0 : "freezer") == 0, "mount");
    snprintf(group, sizeof group, "%s/sleepers.%d", top, (int)getpid());
    need(mkdir(group, 0755) == 0, "mkdir");
    int there[2], sleepers = 0;
    need(pipe(there) == 0, "pipe");
    put(group, "cgroup.procs", "0");
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        need(pid >= 0, "fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            setpgid(0, sleepers);
            if (write(there[1], "x", 1) != 1) _exit(1);
            close(there[0]), close(there[1]);
            for (;;) pause();
        }
        if (sleepers == 0) sleepers = pid;
        setpgid(pid, sleepers);
    }
    put(top, "cgroup.procs", "0");
    char bytes[4096];
    for (int left = count; left > 0;) {
        int n = read(there[0], bytes, sizeof bytes);
        need(n > 0, "the children");
        left -= n;
    }
    sched_yield(), usleep(300000);
    say("ready");
    char path[128];
    snprintf(path, sizeof path, "%s/%s", group, v2 ? "cgroup.events" : "freezer.state");
    int state = open(path, O_RDONLY);
    need(state >= 0, path);
    struct pollfd changed = { .fd = state, .events = POLLPRI };
    for (int i = 0; i < rounds * 2; i++) {
        int freeze = i % 2 == 0;
        const char *word = v2 ? (freeze ? "frozen 1" : "frozen 0") : (freeze ? "FROZEN" : "THAWED");
        says(state, word);
        say(freeze ? "freeze" : "thaw"), usleep(20000);
        long long start = now();
        put(group, v2 ? "cgroup.freeze" : "freezer.state", v2 ? (freeze ? "1" : "0") : word);
        while (!says(state, word))
            if (v2) poll(&changed, 1, 1000);
        printf("%s %lld\n", freeze ? "frozen" : "thawed", now() - start), fflush(stdout);
        if (!freeze) sched_yield(), usleep(300000), say("settled");
    }
    kill(-sleepers, SIGKILL);
    while (wait(0) > 0) {}
    close(state);
    need(rmdir(group) == 0, "rmdir");
    need(umount(top) == 0, "umount");
    rmdir(top);
    say("gone");
    return 0;
}
