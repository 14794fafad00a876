// Files: opening, offsets, links, renames, directories, sparse files, vectors, locks, attributes, permissions.
#include "check.h"
#include <dirent.h>
#include <grp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buffer[8192];
static struct stat st;

static long rename2(const char *from, const char *to, unsigned flags) {
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void opening(void) {
    FAILS(open("a", O_RDONLY), ENOENT);
    int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0640 && st.st_nlink == 1);
    FAILS(open("a", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
    FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(open("a/b", O_RDONLY), ENOTDIR);
    FAILS(open(".", O_WRONLY), EISDIR);
    CHECK(write(fd, "0123456789", 10) == 10 && lseek(fd, -4, SEEK_END) == 6 && read(fd, buffer, 100) == 4);
    CHECK(pwrite(fd, "AB", 2, 3) == 2 && pread(fd, buffer, 10, 0) == 10 && !memcmp(buffer, "012AB56789", 10));
    CHECK(lseek(fd, 0, SEEK_CUR) == 10);
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    int append = open("a", O_WRONLY | O_APPEND);
    CHECK(write(append, "end", 3) == 3 && lseek(append, 0, SEEK_CUR) == 13 && fstat(fd, &st) == 0 && st.st_size == 13);
    FAILS(read(append, buffer, 1), EBADF);
    int copy = dup(fd);
    CHECK(lseek(copy, 2, SEEK_SET) == 2 && lseek(fd, 0, SEEK_CUR) == 2);
    CHECK(fcntl(copy, F_GETFD) == 0 && fcntl(copy, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == 0);
    CHECK((fcntl(append, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND));
    CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 50) == 50 && close(50) == 0);
    int truncated = open("a", O_WRONLY | O_TRUNC);
    CHECK(fstat(truncated, &st) == 0 && st.st_size == 0 && read(fd, buffer, 1) == 0);
    close(fd), close(append), close(copy), close(truncated);
    FAILS(close(copy), EBADF);
    int hidden = open(".", O_TMPFILE | O_RDWR, 0600);
    CHECK(hidden < 0 || (fstat(hidden, &st) == 0 && st.st_nlink == 0));
    if (hidden >= 0) close(hidden);
}

static void names(void) {
    CHECK(link("a", "b") == 0 && stat("b", &st) == 0 && st.st_nlink == 2);
    FAILS(link("a", "b"), EEXIST);
    CHECK(symlink("a", "s") == 0 && lstat("s", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 1);
    CHECK(readlink("s", buffer, 100) == 1 && buffer[0] == 'a' && stat("s", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(symlink("loop", "loop") == 0);
    FAILS(open("loop", O_RDONLY), ELOOP);
    FAILS(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(symlink("nowhere", "dangling") == 0);
    FAILS(stat("dangling", &st), ENOENT);
    int fd = open("dangling", O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && close(fd) == 0 && stat("nowhere", &st) == 0);
    CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0700) == 0 && stat("d", &st) == 0 && st.st_nlink >= 1);
    FAILS(rmdir("d"), ENOTEMPTY);
    FAILS(unlink("d"), EISDIR);
    FAILS(rmdir("a"), ENOTDIR);
    FAILS(rename("d", "d/e/f"), EINVAL);
    FAILS(rename("a", "d"), EISDIR);
    FAILS(rename("d", "a"), ENOTDIR);
    CHECK(rename("a", "b") == 0 && access("a", F_OK) == 0); // two names of one file: nothing happens
    CHECK(rename("a", "d/moved") == 0 && access("a", F_OK) == -1 && access("d/moved", F_OK) == 0);
    CHECK(mkdir("empty", 0755) == 0 && rename("d", "empty") == 0 && access("empty/e", F_OK) == 0);
    FAILS(rename2("b", "s", 1), EEXIST); // RENAME_NOREPLACE
    CHECK(rename2("b", "nowhere", 2) == 0); // RENAME_EXCHANGE
    memset(buffer, 'n', 300);
    buffer[300] = 0;
    FAILS(open(buffer, O_RDONLY), ENAMETOOLONG);
    FAILS(open("", O_RDONLY), ENOENT);
    int gone = open("b", O_RDWR);
    CHECK(unlink("b") == 0 && write(gone, "still", 5) == 5 && pread(gone, buffer, 9, 0) == 5);
    close(gone);
    CHECK(chdir("empty/e") == 0 && getcwd(buffer, sizeof buffer) && !strcmp(buffer + strlen(buffer) - 8, "/empty/e"));
    CHECK(chdir("../..") == 0 && access("empty", X_OK) == 0);
    int dir = open("empty", O_RDONLY | O_DIRECTORY);
    CHECK(faccessat(dir, "e", F_OK, 0) == 0 && mkdirat(dir, "g", 0700) == 0 && unlinkat(dir, "g", AT_REMOVEDIR) == 0);
    CHECK(fchdir(dir) == 0 && chdir("..") == 0);
    close(dir);
    CHECK(access("empty/../empty/./e//", F_OK) == 0);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void directories(void) {
    mkdir("many", 0700);
    char name[32], *names[600];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "many/entry-%03d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    DIR *dir = opendir("many");
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) names[n++] = strdup(entry->d_name);
    qsort(names, n, sizeof *names, by_name);
    say("%d entries: %s %s %s ... %s", n, names[0], names[1], names[2], names[n - 1]);
    rewinddir(dir);
    int again = 0, files = 0;
    for (struct dirent *entry; (entry = readdir(dir)); again++) files += entry->d_type == DT_REG;
    say("again %d, files %d", again, files);
    rewinddir(dir);
    // Removing while reading: each entry is seen once.
    int removed = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] == 'e') removed += unlinkat(dirfd(dir), entry->d_name, 0) == 0;
    say("removed %d", removed);
    closedir(dir);
    CHECK(rmdir("many") == 0);
}

static void contents(void) {
    int fd = open("sparse", O_RDWR | O_CREAT, 0600);
    CHECK(pwrite(fd, "x", 1, 1 << 20) == 1 && fstat(fd, &st) == 0 && st.st_size == (1 << 20) + 1);
    CHECK(st.st_blocks < 100 && pread(fd, buffer, 10, 4096) == 10 && buffer[0] == 0);
    CHECK(ftruncate(fd, 100) == 0 && pread(fd, buffer, 200, 0) == 100 && ftruncate(fd, 5000) == 0);
    CHECK(pread(fd, buffer, 8192, 0) == 5000 && buffer[4999] == 0);
    FAILS(truncate("sparse", -1), EINVAL);
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    char left[3] = {0}, right[10] = {0};
    struct iovec in[2] = {{left, 2}, {right, 9}};
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && writev(fd, out, 3) == 6 && ftruncate(fd, 6) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, in, 2) == 6 && !strcmp(left, "ab") && !strcmp(right, "cdef"));
    CHECK(preadv(fd, in, 2, 3) == 3 && pwritev(fd, out, 1, 4) == 2);
    int to = open("sent", O_RDWR | O_CREAT, 0600);
    off_t from = 1;
    CHECK(sendfile(to, fd, &from, 100) == 5 && from == 6 && pread(to, buffer, 10, 0) == 5 && !memcmp(buffer, "bcdab", 5));
    CHECK(copy_file_range(fd, &(off_t){0}, to, &(off_t){5}, 3, 0) == 3 && fstat(to, &st) == 0 && st.st_size == 8);
    CHECK(fsync(fd) == 0 && fdatasync(to) == 0 && posix_fallocate(to, 0, 100) == 0 && fstat(to, &st) == 0 && st.st_size == 100);
    close(to), close(fd);
}

static void locks(void) {
    int fd = open("locked", O_RDWR | O_CREAT, 0600), other = open("locked", O_RDWR);
    CHECK(flock(fd, LOCK_EX) == 0);
    FAILS(flock(other, LOCK_SH | LOCK_NB), EAGAIN);
    CHECK(flock(fd, LOCK_SH) == 0 && flock(other, LOCK_SH | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0);
    CHECK(flock(other, LOCK_EX | LOCK_NB) == 0 && flock(other, LOCK_UN) == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        struct flock seen = {.l_type = F_WRLCK, .l_start = 0, .l_len = 0};
        CHECK(fcntl(fd, F_GETLK, &seen) == 0 && seen.l_type == F_WRLCK && seen.l_start == 10 && seen.l_len == 10 && seen.l_pid == parent);
        lock.l_start = 15;
        FAILS(fcntl(fd, F_SETLK, &lock), EAGAIN);
        lock.l_start = 20;
        CHECK(fcntl(fd, F_SETLK, &lock) == 0);
        close(ready[1]);
        lock.l_start = 12;
        lock.l_len = 2;
        CHECK(fcntl(fd, F_SETLKW, &lock) == 0); // waits for the parent
        _exit(0);
    }
    close(ready[1]);
    REQUIRE(read(ready[0], buffer, 1) == 0);
    usleep(10000);
    lock = (struct flock){.l_type = F_UNLCK, .l_start = 10, .l_len = 5};
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(fd), close(other);
}

static void attributes(void) {
    int fd = open("meta", O_RDWR | O_CREAT, 0666);
    umask(027);
    CHECK(umask(022) == 027);
    struct timespec times[2] = {{1000000000, 123456789}, {1200000000, 987654321}};
    CHECK(futimens(fd, times) == 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 1200000000 && st.st_mtim.tv_nsec == 987654321);
    times[0].tv_nsec = UTIME_OMIT;
    times[1] = (struct timespec){5, 0};
    CHECK(utimensat(AT_FDCWD, "meta", times, 0) == 0 && stat("meta", &st) == 0 && st.st_atime == 1000000000 && st.st_mtime == 5);
    CHECK(chmod("meta", 04711) == 0 && stat("meta", &st) == 0 && (st.st_mode & 07777) == 04711);
    CHECK(fchmod(fd, 0600) == 0);
    struct statx sx;
    CHECK(statx(AT_FDCWD, "meta", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) == 0 && (sx.stx_mask & STATX_SIZE));
    CHECK(sx.stx_mode == (S_IFREG | 0600) && sx.stx_mtime.tv_sec == 5 && sx.stx_nlink == 1 && sx.stx_ino == st.st_ino);
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &sx) == 0 && sx.stx_size == 0);
    struct statfs fs;
    CHECK(statfs(".", &fs) == 0 && fs.f_namelen == 255);
    CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY), full = open("/dev/full", O_WRONLY);
    CHECK(write(null, "x", 1) == 1 && read(null, buffer, 1) == 0 && read(zero, buffer, 100) == 100 && buffer[99] == 0);
    FAILS(write(full, "x", 1), ENOSPC);
    close(fd), close(null), close(zero), close(full);
}

static void permissions(void) {
    if (getuid() != 0) {
        say("not root");
        return;
    }
    mkdir("private", 0700);
    close(open("private/f", O_CREAT | O_WRONLY, 0666));
    close(open("readable", O_CREAT | O_WRONLY, 0644));
    close(open("mine", O_CREAT | O_WRONLY, 0600));
    close(open("group", O_CREAT | O_WRONLY, 0060));
    chmod("group", 0060);
    chown("mine", 1000, 1000);
    chown("group", 0, 2000);
    chmod(".", 0755);
    mkdir("sticky", 01777);
    chmod("sticky", 01777);
    close(open("sticky/f", O_CREAT | O_WRONLY, 0666));
    pid_t child = fork();
    if (child == 0) {
        gid_t groups[] = {2000};
        CHECK(setgroups(1, groups) == 0 && setgid(1000) == 0 && setuid(1000) == 0 && getuid() == 1000 && geteuid() == 1000);
        FAILS(setuid(0), EPERM);
        FAILS(open("private/f", O_RDONLY), EACCES);
        FAILS(open("readable", O_WRONLY), EACCES);
        CHECK(open("readable", O_RDONLY) >= 0 && open("mine", O_RDWR) >= 0 && open("group", O_RDWR) >= 0);
        FAILS(open("new", O_CREAT | O_WRONLY, 0600), EACCES);
        FAILS(chmod("readable", 0777), EPERM);
        FAILS(chown("mine", 0, 0), EPERM);
        CHECK(chmod("mine", 0) == 0);
        FAILS(open("mine", O_RDONLY), EACCES);
        FAILS(unlink("readable"), EACCES);
        FAILS(unlink("sticky/f"), EPERM);
        CHECK(open("sticky/g", O_CREAT | O_WRONLY, 0600) >= 0 && unlink("sticky/g") == 0);
        FAILS(kill(getppid(), SIGTERM), EPERM);
        FAILS(mknod("sticky/device", S_IFCHR | 0600, makedev(1, 3)), EPERM);
        FAILS(chroot("/"), EPERM);
        FAILS(access("private/f", R_OK), EACCES);
        FAILS(setpriority(0, 0, -5), EACCES);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(void) {
    umask(022);
    scratch();
    opening();
    names();
    directories();
    contents();
    locks();
    attributes();
    permissions();
    return 0;
}
