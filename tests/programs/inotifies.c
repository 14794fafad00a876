// inotify: which events every operation on files raises, in which order; flags of watches; the queue.
#include "check.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef IN_MASK_CREATE
#define IN_MASK_CREATE 0x10000000
#endif

static const char *names[] = { "ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN", "MOVED_FROM",
    "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF", 0, "UNMOUNT", "Q_OVERFLOW", "IGNORED" };
static int in;
static const char *watched[64];

// Prints what is queued: the watch by its name, the event, the name in the directory.
static void events(const char *what) {
    char buffer[4096] __attribute__((aligned(8))), line[512];
    uint32_t cookies[8], n = 0;
    say("- %s", what);
    ssize_t got;
    while ((got = read(in, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + got;) {
            struct inotify_event *e = (void *)at;
            int used = snprintf(line, sizeof line, "  %s", e->wd < 0 ? "?" : watched[e->wd]);
            for (int bit = 0; bit < 16; bit++)
                if (e->mask & 1u << bit) used += snprintf(line + used, sizeof line - used, " %s", names[bit]);
            if (e->mask & IN_ISDIR) used += snprintf(line + used, sizeof line - used, " ISDIR");
            if (e->mask & ~(0xffffu | IN_ISDIR)) used += snprintf(line + used, sizeof line - used, " %#x", e->mask);
            if (e->len) used += snprintf(line + used, sizeof line - used, " %s (%u)", e->name, e->len);
            if (e->cookie) {
                uint32_t i = 0;
                while (i < n && cookies[i] != e->cookie) i++;
                if (i == n && n < 8) cookies[n++] = e->cookie;
                snprintf(line + used, sizeof line - used, " cookie %u", i);
            }
            say("%s", line);
            at += sizeof *e + e->len;
        }
    }
    REQUIRE(got < 0 && errno == EAGAIN);
}
static int watch(const char *path, uint32_t mask, const char *name) {
    int wd = inotify_add_watch(in, path, mask);
    REQUIRE(wd > 0 && wd < 64);
    watched[wd] = name;
    return wd;
}
static int make(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    REQUIRE(fd >= 0);
    return fd;
}

int main(void) {
    scratch();
    char buffer[64];
    FAILS(inotify_init1(1), EINVAL);
    in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    CHECK(in >= 0 && fcntl(in, F_GETFD) == FD_CLOEXEC && (fcntl(in, F_GETFL) & O_ACCMODE) == O_RDONLY);
    FAILS(write(in, "x", 1), EBADF);
    FAILS(read(in, buffer, sizeof buffer), EAGAIN);
    FAILS(inotify_add_watch(in, "none", IN_OPEN), ENOENT);
    FAILS(inotify_add_watch(in, ".", 0), EINVAL);
    FAILS(inotify_add_watch(in, ".", 0x1000), EINVAL);
    FAILS(inotify_add_watch(0, ".", IN_OPEN), EINVAL);
    FAILS(inotify_add_watch(99, ".", IN_OPEN), EBADF);
    FAILS(inotify_add_watch(in, ".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
    FAILS(inotify_add_watch(in, (void *)8, IN_OPEN), EFAULT);
    FAILS(inotify_rm_watch(in, 1), EINVAL);
    FAILS(inotify_rm_watch(0, 1), EINVAL);
    mkdir("d", 0700), mkdir("e", 0700);
    close(make("plain"));
    FAILS(inotify_add_watch(in, "plain", IN_OPEN | IN_ONLYDIR), ENOTDIR);

    int d = watch("d", IN_ALL_EVENTS, "d");
    CHECK(inotify_add_watch(in, "d/.", IN_ALL_EVENTS) == d);
    FAILS(inotify_add_watch(in, "d", IN_OPEN | IN_MASK_CREATE), EEXIST);
    int fd = make("d/f");
    events("create");
    CHECK(write(fd, "hello", 5) == 5 && write(fd, "hello", 5) == 5 && write(fd, "", 0) == 0);
    CHECK(pread(fd, buffer, 4, 0) == 4 && pread(fd, buffer, 4, 10) == 0);
    events("write twice, read");
    CHECK(ftruncate(fd, 3) == 0 && fchmod(fd, 0640) == 0 && futimens(fd, 0) == 0 && fchown(fd, -1, getgid()) == 0);
    events("truncate, chmod, utimes, chown");
    struct timespec only_a[2] = { { 5, 0 }, { 0, UTIME_OMIT } }, only_m[2] = { { 0, UTIME_OMIT }, { 5, 0 } };
    CHECK(futimens(fd, only_a) == 0 && futimens(fd, only_m) == 0);
    events("one time each");
    close(fd);
    events("close");
    fd = open("d/f", O_RDONLY);
    close(dup(fd));
    close(fd);
    fd = open("d/f", O_PATH);
    close(fd);
    events("open for reading, duplicate, O_PATH");
    close(open("d/f", O_WRONLY | O_TRUNC));
    close(open("d/f", O_WRONLY | O_TRUNC));
    CHECK(truncate("d/f", 10) == 0);
    events("O_TRUNC of a file with something in it, and of an empty one; truncate");
    mkdir("d/sub", 0700), symlink("f", "d/link"), mkfifo("d/fifo", 0600), link("d/f", "d/hard");
    events("mkdir, symlink, mkfifo, link");
    fd = open("d/sub", O_RDONLY | O_DIRECTORY);
    char list[512];
    CHECK(syscall(SYS_getdents64, fd, list, sizeof list) > 0);
    close(fd);
    events("list a directory below");
    fd = open("d", O_RDONLY | O_DIRECTORY);
    CHECK(syscall(SYS_getdents64, fd, list, sizeof list) > 0);
    close(fd);
    events("list the directory");
    fd = open("d/fifo", O_RDWR);
    CHECK(write(fd, "x", 1) == 1 && read(fd, buffer, 1) == 1);
    close(fd);
    events("fifo");
    unlink("d/hard"), unlink("d/link"), rmdir("d/sub"), unlink("d/fifo");
    events("unlink, rmdir");
    fd = make("from"), write(fd, "0123456789", 10);
    int to = make("d/to");
    events("another file");
    off_t at = 0;
    CHECK(sendfile(to, fd, &at, 5) == 5);
    at = 0;
    off_t there = 0;
    CHECK(copy_file_range(fd, &at, to, &there, 5, 0) == 5);
    CHECK(fallocate(to, 0, 0, 100) == 0);
    close(to), close(fd);
    events("sendfile, copy_file_range, fallocate, close");

    // Renames: within, out, in, over another, exchanged.
    int e = watch("e", IN_ALL_EVENTS, "e"), f = watch("d/f", IN_ALL_EVENTS, "f");
    rename("d/f", "d/g");
    events("rename within");
    rename("d/g", "e/g");
    events("rename to another");
    rename("e/g", "out");
    events("rename out");
    chmod("out", 0600);
    events("a file that is watched and in no watched directory");
    int t = watch("d/to", IN_ALL_EVENTS, "to");
    rename("out", "d/to");
    events("rename over another");
    mkdir("d/x", 0700), mkdir("d/x/y", 0700);
    events("mkdir");
    int x = watch("d/x", IN_ALL_EVENTS, "x");
    rename("d/x", "e/x");
    events("a directory is moved");
    close(make("d/1"));
    close(make("e/2"));
    events("two files");
    CHECK(syscall(SYS_renameat2, AT_FDCWD, "d/1", AT_FDCWD, "e/2", 2) == 0);
    events("exchange");
    (void)t, (void)x, (void)f;

    // The end of what is watched.
    fd = open("d/to", O_RDONLY);
    events("open");
    unlink("d/to");
    events("unlink while open");
    CHECK(read(fd, buffer, 1) == 1);
    events("read what has no name");
    close(fd);
    events("close what has no name");
    rmdir("e/x/y"), rmdir("e/x");
    events("rmdir of a watched directory");
    unlink("e/2"), unlink("d/1"), rmdir("e");
    events("rmdir of the other");
    FAILS(inotify_rm_watch(in, e), EINVAL);

    // Flags.
    CHECK(inotify_add_watch(in, "d", IN_CREATE) == d);
    close(make("d/a"));
    events("CREATE alone");
    CHECK(inotify_add_watch(in, "d", IN_DELETE | IN_MASK_ADD) == d);
    unlink("d/a"), close(make("d/a"));
    events("and DELETE");
    CHECK(inotify_add_watch(in, "d", IN_OPEN | IN_ONESHOT) == d);
    close(open("d/a", O_RDONLY)), close(open("d/a", O_RDONLY));
    events("ONESHOT");
    FAILS(inotify_rm_watch(in, d), EINVAL);
    symlink("d", "to-d");
    int l = watch("to-d", IN_ALL_EVENTS | IN_DONT_FOLLOW, "link");
    chdir("d"), chdir(".."), unlink("to-d");
    events("DONT_FOLLOW");
    CHECK(l > d);
    d = watch("d", IN_ALL_EVENTS | IN_EXCL_UNLINK, "d");
    fd = open("d/a", O_RDWR), unlink("d/a");
    CHECK(write(fd, "x", 1) == 1);
    close(fd);
    events("EXCL_UNLINK");
    CHECK(inotify_rm_watch(in, d) == 0);
    events("rm_watch");
    FAILS(inotify_rm_watch(in, d), EINVAL);

    // Sizes, poll, overflow.
    d = watch("d", IN_CREATE, "d");
    close(make("d/short")), close(make("d/a name of sixteen"));
    int bytes = 0;
    CHECK(ioctl(in, FIONREAD, &bytes) == 0 && bytes == 32 + 48);
    struct pollfd poll_in = { in, POLLIN, 0 };
    CHECK(poll(&poll_in, 1, 0) == 1 && poll_in.revents == POLLIN);
    FAILS(read(in, buffer, 31), EINVAL);
    CHECK(read(in, buffer, 33) == 32);
    CHECK(read(in, buffer, 64) == 48);
    CHECK(poll(&poll_in, 1, 0) == 0);
    CHECK(inotify_add_watch(in, "d", IN_ATTRIB) == d);
    close(make("d/second"));
    for (int i = 0; i < 8500; i++) chmod("d/short", 0600), chmod("d/second", 0600);
    CHECK(ioctl(in, FIONREAD, &bytes) == 0 && bytes == 16384 * 32 + 16);
    int count = 0;
    static char many[65536] __attribute__((aligned(8)));
    struct inotify_event *last = 0;
    for (ssize_t got; (got = read(in, many, sizeof many)) > 0;)
        for (char *p = many; p < many + got; p += sizeof *last + last->len) last = (void *)p, count++;
    CHECK(count == 16385 && last->wd == -1 && last->mask == IN_Q_OVERFLOW && last->len == 0);

    // A reader that sleeps; a second instance; the end of an instance.
    fcntl(in, F_SETFL, 0);
    pid_t pid = fork();
    if (pid == 0) _exit(read(in, many, sizeof many) == 32 ? 0 : 1);
    usleep(20000);
    int other = inotify_init1(IN_NONBLOCK);
    CHECK(inotify_add_watch(other, "d", IN_ATTRIB) == 1);
    chmod("d/short", 0600);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(read(other, many, sizeof many) == 32);
    close(other);
    chmod("d/short", 0600);
    fcntl(in, F_SETFL, O_NONBLOCK);
    events("another instance is closed");

    // A program is executed; a filesystem goes away.
    mkdir("m", 0700);
    CHECK(mount("none", "m", "tmpfs", 0, 0) == 0);
    close(make("m/file"));
    watch("m", IN_ALL_EVENTS, "m"), watch("m/file", IN_ALL_EVENTS, "file");
    CHECK(umount("m") == 0);
    events("unmount");
    return 0;
}
