// Pseudo-terminals: names and locks, both ends, hang-up, window sizes, job control, packet mode, instances of devpts.
#include "check.h"
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
static int events(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
    poll(&p, 1, 0);
    return p.revents;
}
// Reads until n bytes came or it fails.
static const char *got(int fd, size_t n) {
    static char buffer[4096];
    size_t have = 0;
    while (have < n) {
        ssize_t r = read(fd, buffer + have, n - have);
        if (r < 0 && errno == EAGAIN) {
            poll(&(struct pollfd){fd, POLLIN, 0}, 1, 1000);
            continue;
        }
        if (r <= 0) break;
        have += r;
    }
    buffer[have] = 0;
    for (size_t i = 0; i < have; i++)
        if (buffer[i] < ' ') buffer[i] = buffer[i] == '\n' ? '|' : buffer[i] == '\r' ? '<' : '?';
    return buffer;
}
static int master(void) {
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
    return fd;
}
static int slave(int m) {
    int fd = open(ptsname(m), O_RDWR | O_NOCTTY);
    REQUIRE(fd >= 0);
    return fd;
}

static void names(void) {
    int m = posix_openpt(O_RDWR | O_NOCTTY), number = -1, lock = -1;
    char name[64], expected[64];
    CHECK(m >= 0);
    CHECK(ioctl(m, TIOCGPTN, &number) == 0 && number >= 0);
    snprintf(expected, sizeof expected, "/dev/pts/%d", number);
    CHECK(ptsname_r(m, name, sizeof name) == 0 && strcmp(name, expected) == 0);
    FAILS(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK(ioctl(m, TIOCGPTLCK, &lock) == 0 && lock == 1);
    CHECK(unlockpt(m) == 0 && ioctl(m, TIOCGPTLCK, &lock) == 0 && lock == 0);
    struct stat st;
    CHECK(stat(name, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 136 && (int)minor(st.st_rdev) == number);
    CHECK(fstat(m, &st) == 0 && major(st.st_rdev) == 5 && minor(st.st_rdev) == 2);
    int s = open(name, O_RDWR | O_NOCTTY);
    CHECK(s >= 0 && isatty(s) && isatty(m));
    CHECK(strcmp(ttyname(s), expected) == 0);
    int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK(peer >= 0 && ttyname(peer) && strcmp(ttyname(peer), expected) == 0);
    FAILS(ioctl(s, TIOCGPTN, &number), ENOTTY);
    struct termios t;
    CHECK(tcgetattr(s, &t) == 0 && t.c_iflag == (ICRNL | IXON) && t.c_oflag == (OPOST | ONLCR));
    CHECK(t.c_cflag == (B38400 | CS8 | CREAD));
    struct winsize w = {1, 1, 1, 1};
    CHECK(ioctl(s, TIOCGWINSZ, &w) == 0 && w.ws_row == 0 && w.ws_col == 0);
    FAILS(lseek(m, 0, SEEK_SET), ESPIPE);
    struct statfs fs;
    CHECK(statfs("/dev/pts", &fs) == 0 && fs.f_type == 0x1cd1);
    FAILS(open("/dev/pts/new", O_CREAT | O_RDWR, 0600), EACCES);
    FAILS(mkdir("/dev/pts/new", 0700), EPERM);
    close(s), close(peer), close(m);
    FAILS(stat(name, &st), ENOENT);
}

static void both_ends(void) {
    int m = master(), s = slave(m), n = 0;
    char buffer[64];
    CHECK(write(m, "hello\n", 6) == 6 && read(s, buffer, sizeof buffer) == 6);
    say("echo %s", got(m, 7));
    CHECK(write(s, "out\n", 4) == 4);
    say("output %s", got(m, 5));
    CHECK(write(m, "ab\x7f" "c\n", 5) == 5 && usleep(5000) == 0 && ioctl(s, FIONREAD, &n) == 0 && n == 3);
    say("line %s", got(s, 3));
    say("echo %s", got(m, 8));
    CHECK(write(m, "x\x04", 2) == 2 && read(s, buffer, sizeof buffer) == 1);
    CHECK(write(m, "\x04", 1) == 1 && read(s, buffer, sizeof buffer) == 0);
    say("echo %s", got(m, 1));
    CHECK(ioctl(m, FIONREAD, &n) == 0 && n == 0);
    CHECK(write(s, "abc", 3) == 3 && got(m, 1)[0] == 'a' && ioctl(m, FIONREAD, &n) == 0 && n == 2);
    got(m, 2);
    struct termios t;
    CHECK(tcgetattr(m, &t) == 0 && (t.c_lflag & ECHO)); // the master shows the slave's modes
    cfmakeraw(&t);
    CHECK(tcsetattr(m, TCSANOW, &t) == 0 && tcgetattr(s, &t) == 0 && !(t.c_lflag & (ECHO | ICANON)));
    CHECK(events(s) == POLLOUT && events(m) == POLLOUT);
    CHECK(write(m, "\x03\r", 2) == 2 && events(s) == (POLLIN | POLLOUT) && read(s, buffer, sizeof buffer) == 2);
    CHECK(buffer[0] == 3 && buffer[1] == '\r');
    fcntl(s, F_SETFL, O_NONBLOCK);
    FAILS(read(s, buffer, 1), EAGAIN);
    fcntl(m, F_SETFL, O_NONBLOCK);
    FAILS(read(m, buffer, 1), EAGAIN);
    // A reader that does not read stops the writer, either way.
    long wrote = 0, read_ = 0, error = 0;
    static char block[1000];
    for (int i = 0; i < 100; i++) {
        ssize_t r = write(s, block, sizeof block);
        if (r < 0) { error = errno; usleep(2000); break; }
        wrote += r;
        usleep(100);
    }
    CHECK(error == EAGAIN && wrote >= 4096 && wrote <= 65536 && !(events(s) & POLLOUT));
    for (ssize_t r; (r = read(m, block, sizeof block)) > 0 || usleep(2000), r > 0;) read_ += r;
    CHECK(read_ == wrote && (events(s) & POLLOUT));
    wrote = read_ = 0;
    for (ssize_t r; (r = write(m, block, sizeof block)) > 0;) wrote += r, usleep(100);
    error = errno;
    CHECK(error == EAGAIN && wrote >= 4095 && wrote <= 65536);
    for (ssize_t r; (r = read(s, block, sizeof block)) > 0 || usleep(2000), r > 0;) read_ += r;
    CHECK(read_ == wrote);
    // The slave closes, and comes back.
    close(s);
    FAILS(read(m, buffer, 1), EIO);
    CHECK((events(m) & ~POLLOUT) == POLLHUP);
    CHECK(write(m, "kept", 4) == 4);
    s = slave(m);
    FAILS(read(m, buffer, 1), EAGAIN);
    CHECK((events(m) & ~POLLOUT) == 0);
    CHECK(read(s, buffer, sizeof buffer) == 4);
    // The master closes.
    close(m);
    CHECK(read(s, buffer, 1) == 0);
    FAILS(write(s, "x", 1), EIO);
    CHECK(events(s) == (POLLIN | POLLOUT | POLLERR | POLLHUP));
    FAILS(tcgetattr(s, &t), EIO);
    close(s);
}

static volatile sig_atomic_t winches, hups;
static void on_signal(int signo) { signo == SIGWINCH ? winches++ : signo == SIGHUP ? hups++ : 0; }

// A session on a pty, which reports by a pipe.
static void session(int m, int report) {
    setsid();
    char name[64];
    ptsname_r(m, name, sizeof name);
    int s = open(name, O_RDWR);
    close(m);
    dprintf(report, "controlling %d foreground %d sid %d;", open("/dev/tty", O_RDWR) >= 0, tcgetpgrp(s) == getpid(),
            tcgetsid(s) == getpid());
    signal(SIGWINCH, on_signal), signal(SIGHUP, on_signal);
    dprintf(report, "ready;");
    while (!winches) pause();
    struct winsize w;
    ioctl(s, TIOCGWINSZ, &w);
    dprintf(report, "window %dx%d;", w.ws_row, w.ws_col);
    pid_t job = fork();
    if (job == 0) {
        setpgid(0, 0);
        char c;
        read(s, &c, 1); // in the background: stopped
        _exit(c);
    }
    setpgid(job, job);
    int status;
    waitpid(job, &status, WUNTRACED);
    dprintf(report, "background read %s;", WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN ? "stopped" : "?");
    tcsetpgrp(s, job);
    kill(job, SIGCONT);
    dprintf(report, "foreground %d;", tcgetpgrp(s) == job);
    waitpid(job, &status, WUNTRACED);
    dprintf(report, "^C %s;", WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? "killed" : "?");
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(s, getpid());
    while (!hups) pause();
    char c;
    int r = read(s, &c, 1);
    dprintf(report, "hung up, read %d, tty %d;", r, open("/dev/tty", O_RDWR));
    _exit(0);
}
static char line[1024];
static void until(int fd, const char *what) {
    size_t have = strlen(line);
    while (!strstr(line, what)) {
        ssize_t r = read(fd, line + have, sizeof line - 1 - have);
        if (r <= 0) break;
        line[have += r] = 0;
    }
}
static void job_control(void) {
    int m = master(), p[2];
    pid_t none = 0;
    REQUIRE(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) close(p[0]), session(m, p[1]);
    close(p[1]);
    until(p[0], "ready");
    CHECK(ioctl(m, TIOCGPGRP, &none) == 0 && none == child);
    CHECK(ioctl(m, TIOCGSID, &none) == 0 && none == child);
    CHECK(ioctl(m, TIOCSWINSZ, &(struct winsize){30, 90, 0, 0}) == 0);
    until(p[0], "stopped;foreground 1;");
    usleep(20000);
    CHECK(write(m, "\x03", 1) == 1);
    until(p[0], "^C killed");
    usleep(20000);
    close(m);
    until(p[0], "\n");
    say("%s", line);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(p[0]);
}

static void packets(void) {
    int m = master(), s = slave(m), on = 1, is = 0;
    char c[64];
    CHECK(ioctl(m, TIOCPKT, &on) == 0 && ioctl(m, TIOCGPKT, &is) == 0 && is == 1);
    CHECK(write(s, "data", 4) == 4 && read(m, c, sizeof c) == 5 && c[0] == TIOCPKT_DATA && memcmp(c + 1, "data", 4) == 0);
    CHECK(tcflush(s, TCIFLUSH) == 0 && (events(m) & ~POLLOUT) == (POLLIN | POLLPRI));
    CHECK(read(m, c, sizeof c) == 1 && c[0] == TIOCPKT_FLUSHREAD);
    struct termios t;
    tcgetattr(s, &t);
    t.c_iflag &= ~IXON;
    CHECK(tcsetattr(s, TCSANOW, &t) == 0 && read(m, c, sizeof c) == 1 && c[0] == TIOCPKT_NOSTOP);
    t.c_iflag |= IXON;
    CHECK(tcsetattr(s, TCSANOW, &t) == 0 && read(m, c, sizeof c) == 1 && c[0] == TIOCPKT_DOSTOP);
    on = 0;
    CHECK(ioctl(m, TIOCPKT, &on) == 0 && write(s, "x", 1) == 1 && read(m, c, sizeof c) == 1 && c[0] == 'x');
    FAILS(ioctl(m, TIOCSIG, SIGKILL), EINVAL);
    CHECK(ioctl(m, TIOCSIG, SIGINT) == 0);
    close(m), close(s);
}

static void instances(void) {
    scratch();
    mkdir("pts", 0755);
    CHECK(mount("none", "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0640") == 0);
    struct stat st;
    CHECK(stat("pts/ptmx", &st) == 0 && (st.st_mode & 07777) == 0666);
    int m = open("pts/ptmx", O_RDWR | O_NOCTTY), number = -1, zero = 0;
    CHECK(m >= 0 && ioctl(m, TIOCGPTN, &number) == 0 && number == 0);
    CHECK(stat("pts/0", &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_rdev == makedev(136, 0));
    CHECK(ioctl(m, TIOCSPTLCK, &zero) == 0);
    int s = open("pts/0", O_RDWR | O_NOCTTY);
    CHECK(s >= 0 && write(s, "own\n", 4) == 4);
    say("from its master %s", got(m, 5));
    CHECK(mknod("slave", S_IFCHR | 0600, makedev(136, 0)) == 0);
    FAILS(open("slave", O_RDWR | O_NOCTTY), EIO);
    CHECK(mknod("ptmx", S_IFCHR | 0600, makedev(5, 2)) == 0);
    int second = open("ptmx", O_RDWR | O_NOCTTY);
    CHECK(second >= 0 && ioctl(second, TIOCGPTN, &number) == 0 && number == 1);
    close(second), close(s), close(m);
    FAILS(mount("none", "pts", "devpts", 0, "nonsense"), EINVAL);
    CHECK(umount("pts") == 0);
    FAILS(open("ptmx", O_RDWR | O_NOCTTY), ENODEV);
    chdir("/");
}

int main(void) {
    alarm(8);
    names();
    both_ends();
    job_control();
    packets();
    instances();
    return 0;
}
