// File locks between processes, epoll's edges and one-shots, memfd, splice and tee, select's times, openat2, renameat2,
// large directories emptied while read, O_PATH and /proc/self/fd, RLIMIT_NOFILE and RLIMIT_FSIZE.
#include "check.h"
#include <dirent.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#ifndef RENAME_NOREPLACE // musl leaves them to linux/fs.h
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

// Runs `body` in a child and gives what it returns.
#define IN_CHILD(body)                             \
    ({                                             \
        pid_t child_ = fork();                     \
        if (child_ == 0) _exit(body);              \
        int status_ = -1;                          \
        waitpid(child_, &status_, 0);              \
        WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; \
    })

static int set_lock(int fd, int command, int type, off_t start, off_t len) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(fd, command, &lock);
}

static struct flock get_lock(int fd, int type, off_t start, off_t len) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    REQUIRE(fcntl(fd, F_GETLK, &lock) == 0);
    return lock;
}

static void locks(void) {
    int fd = open("lock", O_RDWR | O_CREAT, 0600);
    CHECK(set_lock(fd, F_SETLK, F_WRLCK, 0, 100) == 0);
    CHECK(get_lock(fd, F_WRLCK, 0, 0).l_type == F_UNLCK);
    CHECK(IN_CHILD(set_lock(fd, F_SETLK, F_RDLCK, 50, 1) == -1 ? errno : 0) == EAGAIN);
    CHECK(IN_CHILD(set_lock(fd, F_SETLK, F_WRLCK, 100, 0) == 0) == 1);
    CHECK(set_lock(fd, F_SETLK, F_UNLCK, 40, 20) == 0);
    CHECK(IN_CHILD(set_lock(fd, F_SETLK, F_WRLCK, 40, 20) == 0) == 1);
    CHECK(IN_CHILD(({
              struct flock l = get_lock(fd, F_RDLCK, 30, 1000);
              l.l_type == F_WRLCK && l.l_start == 0 && l.l_len == 40 && l.l_pid == getppid();
          })) == 1);
    // The second half is another lock; closing any descriptor of the file drops both.
    close(open("lock", O_RDONLY));
    CHECK(IN_CHILD(set_lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0) == 1);
    FAILS(set_lock(fd, F_SETLK, F_RDLCK, -1, 5), EINVAL);
    int read_only = open("lock", O_RDONLY);
    FAILS(set_lock(read_only, F_SETLK, F_WRLCK, 0, 1), EBADF);

    // A waiter gets it when it is free.
    CHECK(set_lock(fd, F_SETLK, F_WRLCK, 0, 10) == 0);
    int p[2];
    REQUIRE(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) {
        REQUIRE(write(p[1], "w", 1) == 1);
        _exit(set_lock(fd, F_SETLKW, F_WRLCK, 0, 10) == 0 ? 7 : 8);
    }
    char c;
    REQUIRE(read(p[0], &c, 1) == 1);
    usleep(20000);
    CHECK(waitpid(child, 0, WNOHANG) == 0 && set_lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);

    // Each waits for the other: the second is told.
    CHECK(set_lock(fd, F_SETLK, F_WRLCK, 0, 1) == 0);
    child = fork();
    if (child == 0) {
        REQUIRE(set_lock(fd, F_SETLK, F_WRLCK, 1, 1) == 0 && write(p[1], "w", 1) == 1);
        _exit(set_lock(fd, F_SETLKW, F_WRLCK, 0, 1) == 0 ? 7 : 8);
    }
    REQUIRE(read(p[0], &c, 1) == 1);
    usleep(20000);
    FAILS(set_lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    set_lock(fd, F_SETLK, F_UNLCK, 0, 0);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);

    // Locks of open files conflict within a process; flock likewise.
    int other = open("lock", O_RDWR);
    CHECK(set_lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0) == 0);
    FAILS(set_lock(other, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
    CHECK(set_lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0) == 0 && set_lock(other, F_OFD_SETLK, F_RDLCK, 5, 1) == 0);
    CHECK(flock(fd, LOCK_SH) == 0 && flock(other, LOCK_SH | LOCK_NB) == 0);
    FAILS(flock(fd, LOCK_EX | LOCK_NB), EAGAIN);
    CHECK(flock(other, LOCK_EX | LOCK_NB) == 0);
    FAILS(flock(fd, LOCK_SH | LOCK_NB), EAGAIN);
    close(other);
    CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
    FAILS(flock(fd, 77), EINVAL);
    close(fd);
    close(read_only);
}

static int wait_for(int epoll, int timeout) {
    struct epoll_event events[8];
    return epoll_wait(epoll, events, 8, timeout);
}

static void epolls(void) {
    int p[2], epoll = epoll_create1(EPOLL_CLOEXEC);
    REQUIRE(pipe(p) == 0);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, got;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event) == 0);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event), EEXIST);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_MOD, p[1], &event), ENOENT);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, 99, &event), EBADF);
    FAILS(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &event), EINVAL);
    int file = open("plain", O_RDWR | O_CREAT, 0600);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event), EPERM);
    FAILS(epoll_wait(epoll, &got, 0, 0), EINVAL);
    CHECK(wait_for(epoll, 0) == 0 && wait_for(epoll, 5) == 0);
    CHECK(write(p[1], "ab", 2) == 2 && epoll_wait(epoll, &got, 1, -1) == 1);
    CHECK(got.events == EPOLLIN && got.data.u64 == 0x1122334455667788 && wait_for(epoll, 0) == 1);
    event.events = EPOLLIN | EPOLLET;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event) == 0 && wait_for(epoll, 0) == 1 && wait_for(epoll, 0) == 0);
    CHECK(write(p[1], "c", 1) == 1 && wait_for(epoll, 0) == 1 && wait_for(epoll, 0) == 0);
    event.events = EPOLLIN | EPOLLONESHOT;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event) == 0 && wait_for(epoll, 0) == 1 && wait_for(epoll, 0) == 0);
    CHECK(write(p[1], "d", 1) == 1 && wait_for(epoll, 0) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event) == 0 && wait_for(epoll, 0) == 1);
    int outer = epoll_create1(0);
    event.events = EPOLLIN;
    CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, epoll, &event) == 0 && wait_for(outer, 0) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, p[0], &event) == 0 && wait_for(outer, 0) == 1);
    FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, outer, &event), ELOOP);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, p[0], 0) == 0 && wait_for(epoll, 0) == 0 && wait_for(outer, 0) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event) == 0 && close(p[0]) == 0 && wait_for(epoll, 0) == 0);
    close(p[1]);
    close(outer);
    close(epoll);
    close(file);
}

static void moving(void) {
    char buffer[100];
    int memory = syscall(SYS_memfd_create, "name", 0), p[2], q[2];
    CHECK(memory >= 0 && write(memory, "0123456789", 10) == 10);
    snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", memory);
    char link[100] = {0};
    CHECK(readlink(buffer, link, 99) > 0 && !strcmp(link, "/memfd:name (deleted)"));
    int again = open(buffer, O_RDONLY);
    CHECK(again >= 0 && read(again, link, 3) == 3 && !memcmp(link, "012", 3));
    struct stat st;
    CHECK(fstat(memory, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 10 && st.st_nlink == 0);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(map != MAP_FAILED && map[3] == '3' && (map[3] = 'x') && pread(memory, buffer, 1, 3) == 1 && buffer[0] == 'x');
    REQUIRE(pipe(p) == 0 && pipe(q) == 0);
    loff_t at = 2;
    CHECK(splice(memory, &at, p[1], 0, 4, 0) == 4 && at == 6);
    CHECK(tee(p[0], q[1], 100, 0) == 4 && read(q[0], buffer, 100) == 4 && !memcmp(buffer, "2x45", 4));
    at = 0;
    CHECK(splice(p[0], 0, memory, &at, 2, 0) == 2 && at == 2 && pread(memory, buffer, 3, 0) == 3 && !memcmp(buffer, "2x2", 3));
    CHECK(splice(p[0], 0, q[1], 0, 100, 0) == 2 && read(q[0], buffer, 100) == 2);
    FAILS(splice(p[0], 0, q[1], 0, 100, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(splice(memory, 0, again, 0, 1, 0), EBADF);
    FAILS(splice(memory, &at, p[1], &at, 1, 0), ESPIPE);
    close(p[1]);
    CHECK(splice(p[0], 0, q[1], 0, 100, 0) == 0);
    int holes = open("holes", O_RDWR | O_CREAT, 0600);
    CHECK(fallocate(holes, 0, 0, 10000) == 0 && fstat(holes, &st) == 0 && st.st_size == 10000 && st.st_blocks >= 20);
    CHECK(fallocate(holes, FALLOC_FL_KEEP_SIZE, 10000, 10000) == 0 && fstat(holes, &st) == 0 && st.st_size == 10000);
    FAILS(fallocate(holes, 0, 0, 0), EINVAL);
    FAILS(fallocate(holes, 0, -1, 5), EINVAL);
    FAILS(ftruncate(holes, -1), EINVAL);
    close(holes), close(p[0]), close(q[0]), close(q[1]), close(memory), close(again);
}

static volatile int alarms;
static void on_alarm(int signal) { (void)signal, alarms++; }

static void selects(void) {
    int p[2];
    REQUIRE(pipe(p) == 0);
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in), FD_SET(p[1], &out);
    struct timeval time = {5, 0};
    CHECK(select(p[1] + 1, &in, &out, 0, &time) == 1 && !FD_ISSET(p[0], &in) && FD_ISSET(p[1], &out));
    CHECK(time.tv_sec == 4 || time.tv_sec == 5);
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    // The kernel's own: what is left is written back (a C library's wrapper may not pass it on).
    struct timespec left = {0, 20000000};
    CHECK(syscall(SYS_pselect6, p[0] + 1, &in, 0, 0, &left, 0) == 0 && !FD_ISSET(p[0], &in) && left.tv_sec == 0 && left.tv_nsec == 0);
    FD_ZERO(&in);
    FD_SET(60, &in);
    FAILS(select(61, &in, 0, 0, 0), EBADF);
    FAILS(select(-1, 0, 0, 0, 0), EINVAL);
    time = (struct timeval){-1, 0};
    FAILS(select(0, 0, 0, 0, &time), EINVAL);

    // pselect lets a blocked signal in, for its own time only.
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, 0);
    sigset_t blocked, none, now;
    sigemptyset(&none), sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, 0);
    raise(SIGUSR1);
    struct timespec wait = {1, 0};
    FAILS(pselect(0, 0, 0, 0, &wait, &none), EINTR);
    CHECK(alarms == 1 && sigprocmask(SIG_BLOCK, 0, &now) == 0 && sigismember(&now, SIGUSR1) == 1);
    raise(SIGUSR1);
    struct pollfd fd = {p[1], POLLOUT, 0};
    CHECK(ppoll(&fd, 1, 0, &none) == 1);
    sigprocmask(SIG_BLOCK, 0, &now);
    CHECK(sigismember(&now, SIGUSR1) == 1);
    sigprocmask(SIG_UNBLOCK, &blocked, 0);
    FAILS(ppoll((struct pollfd *)8, 1, 0, &none), EFAULT);
    close(p[0]), close(p[1]);
}

static int openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {flags, mode, resolve};
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static void names(void) {
    REQUIRE(mkdir("dir", 0700) == 0 && mkdir("dir/sub", 0700) == 0);
    close(open("dir/file", O_CREAT | O_WRONLY, 0600));
    REQUIRE(symlink("../outside", "dir/out") == 0 && symlink("/dir/file", "dir/abs") == 0 && symlink("file", "dir/in") == 0);
    int dir = open("dir", O_PATH | O_DIRECTORY);
    FAILS(openat2(dir, "../dir", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    FAILS(openat2(dir, "out", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    FAILS(openat2(dir, "abs", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    FAILS(openat2(dir, "in", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
    FAILS(openat2(dir, "file", O_RDONLY, 0600, 0), EINVAL);
    FAILS(openat2(dir, "file", 1ull << 40, 0, 0), EINVAL);
    int fd = openat2(dir, "sub/../in", O_RDONLY, 0, RESOLVE_BENEATH);
    CHECK(fd >= 0 && close(fd) == 0);
    fd = openat2(dir, "../../../file", O_RDONLY, 0, RESOLVE_IN_ROOT);
    CHECK(fd >= 0 && close(fd) == 0);

    // O_PATH is a place, not a file.
    fd = openat(dir, "in", O_PATH | O_NOFOLLOW);
    char text[100] = {0};
    struct stat st;
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(readlinkat(fd, "", text, 99) == 4 && !strcmp(text, "file"));
    FAILS(read(fd, text, 1), EBADF);
    FAILS(syscall(SYS_fchmod, fd, 0600), EBADF);
    CHECK(fcntl(fd, F_GETFL) & O_PATH && fchdir(dir) == 0 && access("file", R_OK) == 0 && chdir("..") == 0);
    FAILS(fchdir(fd), ENOTDIR);
    close(fd);
    FAILS(open("dir/in", O_RDONLY | O_NOFOLLOW), ELOOP);
    FAILS(open("dir/file/", O_RDONLY), ENOTDIR);
    FAILS(open("dir/new/", O_CREAT | O_WRONLY, 0600), EISDIR);
    FAILS(mkdir("dir/in/", 0700), EEXIST);
    FAILS(mkdir("dir/.", 0700), EEXIST);
    FAILS(rmdir("dir/."), EINVAL);
    FAILS(rmdir("dir/sub/.."), ENOTEMPTY);
    FAILS(rmdir("dir/in"), ENOTDIR);
    FAILS(unlink("dir/sub"), EISDIR);
    FAILS(unlink("dir/file/"), ENOTDIR);
    FAILS(link("dir/sub", "dir/hard"), EPERM);
    FAILS(rename("dir", "dir/sub/x"), EINVAL);
    FAILS(rename("dir/sub", "dir"), ENOTEMPTY);
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "dir/file", AT_FDCWD, "dir/in", RENAME_NOREPLACE), EEXIST);
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "dir/file", AT_FDCWD, "dir/x", RENAME_EXCHANGE), ENOENT);
    CHECK(syscall(SYS_renameat2, AT_FDCWD, "dir/file", AT_FDCWD, "dir/sub", RENAME_EXCHANGE) == 0);
    CHECK(stat("dir/file", &st) == 0 && S_ISDIR(st.st_mode) && stat("dir/sub", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(stat("dir", &st) == 0 && st.st_nlink == 3);

    // A place whose name is gone.
    REQUIRE(mkdir("gone", 0700) == 0 && chdir("gone") == 0 && rmdir("../gone") == 0);
    FAILS(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
    FAILS(getcwd(text, sizeof text) ? 0 : -1, ENOENT);
    CHECK(stat(".", &st) == 0 && st.st_nlink == 0 && chdir("..") == 0);
    close(dir);
}

static void large_directory(void) {
    char name[32];
    REQUIRE(mkdir("large", 0700) == 0 && chdir("large") == 0);
    for (int i = 0; i < 1500; i++) {
        sprintf(name, "a-name-to-fill-%05d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    int seen = 0, left = 0;
    DIR *dir = opendir(".");
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        REQUIRE(entry->d_type == DT_REG);
        seen++;
        unlink(entry->d_name);
    }
    rewinddir(dir);
    while (readdir(dir)) left++;
    CHECK(seen == 1500 && left == 2);
    closedir(dir);
    CHECK(chdir("..") == 0 && rmdir("large") == 0);
}

static void limits(void) {
    struct rlimit limit = {16, 16};
    CHECK(IN_CHILD(({
              setrlimit(RLIMIT_NOFILE, &limit);
              int last = 0;
              for (int fd; (fd = dup(1)) >= 0;) last = fd;
              errno == EMFILE && last == 15 && fcntl(1, F_DUPFD, 16) == -1 && errno == EINVAL && dup2(1, 16) == -1 && errno == EBADF;
          })) == 1);
    limit = (struct rlimit){1000, 1000};
    CHECK(IN_CHILD(({
              signal(SIGXFSZ, on_alarm);
              setrlimit(RLIMIT_FSIZE, &limit);
              char block[600] = {0};
              int fd = open("limited", O_CREAT | O_RDWR, 0600);
              alarms = 0;
              int first = write(fd, block, 600), second = write(fd, block, 600), third = write(fd, block, 600);
              first == 600 && second == 400 && third == -1 && errno == EFBIG && alarms == 1 && ftruncate(fd, 1001) == -1;
          })) == 1);
    int fd = open("append", O_CREAT | O_RDWR | O_APPEND, 0600);
    CHECK(write(fd, "abc", 3) == 3 && pwrite(fd, "d", 1, 0) == 1 && lseek(fd, 0, SEEK_END) == 4);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && (fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE)) == (O_NONBLOCK | O_RDWR));
    CHECK(lseek(fd, 1, SEEK_DATA) == 1 && lseek(fd, 1, SEEK_HOLE) == 4);
    FAILS(lseek(fd, 4, SEEK_DATA), ENXIO);
    close(fd);
    CHECK(syscall(SYS_close_range, 500, 600, 0) == 0);
    FAILS(syscall(SYS_close_range, 600, 500, 0), EINVAL);
}

int main(void) {
    scratch();
    locks();
    epolls();
    moving();
    selects();
    names();
    large_directory();
    limits();
    return 0;
}
