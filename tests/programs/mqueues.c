// POSIX message queues: order, limits, sleeping, notification, the filesystem.
// qemu-user differs: it knows nothing of mq_notify.
#include "check.h"
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>

static char name[32];
static char buffer[8192];

static int ends(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0) REQUIRE(errno == EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static void nothing(int s) { (void)s; }
static volatile int code, sender, value;
static void told(int s, siginfo_t *info, void *c) {
    (void)s, (void)c;
    code = info->si_code, sender = info->si_pid, value = info->si_value.sival_int;
}
static struct timespec in(long ms) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * 1000000;
    while (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}
static long curmsgs(mqd_t q) {
    struct mq_attr attr;
    return mq_getattr(q, &attr) ? -1 : attr.mq_curmsgs;
}
static int take(mqd_t q, const char *text, unsigned priority) {
    unsigned got;
    ssize_t n = mq_receive(q, buffer, sizeof buffer, &got);
    return n == (ssize_t)strlen(text) && !memcmp(buffer, text, n) && got == priority;
}

int main(void) {
    scratch();
    snprintf(name, sizeof name, "/mk-%d", getpid());
    struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 16 };
    FAILS(mq_open(name, O_RDWR), ENOENT);
    FAILS(mq_open("/a/b", O_RDWR | O_CREAT, 0600, &attr), EACCES);
    FAILS(mq_unlink("/none-of-this"), ENOENT);
    attr.mq_maxmsg = 0;
    FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, &attr), EINVAL);
    attr.mq_maxmsg = 65537;
    FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, &attr), EINVAL);
    attr.mq_maxmsg = 4, attr.mq_msgsize = (16 << 20) + 1;
    FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, &attr), EINVAL);
    attr.mq_msgsize = 16;
    struct rlimit limit, little;
    CHECK(getrlimit(RLIMIT_MSGQUEUE, &limit) == 0 && limit.rlim_cur == 819200);
    little = limit, little.rlim_cur = 4 * (16 + 96) - 1;
    REQUIRE(setrlimit(RLIMIT_MSGQUEUE, &little) == 0);
    FAILS(mq_open(name, O_RDWR | O_CREAT, 0600, &attr), EMFILE);
    little.rlim_cur++;
    REQUIRE(setrlimit(RLIMIT_MSGQUEUE, &little) == 0);
    mqd_t fits = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(fits >= 0 && mq_close(fits) == 0 && mq_unlink(name) == 0);
    REQUIRE(setrlimit(RLIMIT_MSGQUEUE, &limit) == 0);
    umask(022);
    mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0666, &attr);
    CHECK(q >= 0 && fcntl(q, F_GETFD) == FD_CLOEXEC);
    FAILS(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr), EEXIST);
    struct stat st;
    CHECK(fstat(q, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0644 && st.st_size == 80);
    CHECK(mq_getattr(q, &attr) == 0 && attr.mq_maxmsg == 4 && attr.mq_msgsize == 16 && attr.mq_flags == 0 && attr.mq_curmsgs == 0);

    FAILS(mq_send(q, buffer, 17, 0), EMSGSIZE);
    FAILS(mq_send(q, "x", 1, 32768), EINVAL);
    FAILS(mq_receive(q, buffer, 15, 0), EMSGSIZE);
    FAILS(mq_send(0, "x", 1, 0), EBADF);
    FAILS(mq_send(99, "x", 1, 0), EBADF);
    FAILS(mq_send(q, (void *)8, 1, 0), EFAULT);
    mqd_t reader = mq_open(name, O_RDONLY | O_NONBLOCK), writer = mq_open(name, O_WRONLY | O_NONBLOCK);
    CHECK(reader >= 0 && writer >= 0);
    FAILS(mq_send(reader, "x", 1, 0), EBADF);
    FAILS(mq_receive(writer, buffer, 16, 0), EBADF);
    FAILS(mq_receive(reader, buffer, 16, 0), EAGAIN);

    // The highest priority first, then the oldest.
    CHECK(mq_send(q, "low", 3, 1) == 0 && mq_send(q, "high", 4, 32767) == 0 && mq_send(q, "low2", 4, 1) == 0 && mq_send(q, "", 0, 5) == 0);
    FAILS(mq_send(writer, "x", 1, 0), EAGAIN);
    struct pollfd poll_q[2] = { { reader, POLLIN | POLLOUT, 0 }, { writer, POLLIN | POLLOUT, 0 } };
    CHECK(poll(poll_q, 2, 0) == 2 && poll_q[0].revents == POLLIN && poll_q[1].revents == POLLIN);
    int fd;
    CHECK(pread(q, buffer, 100, 0) > 50 && !memcmp(buffer, "QSIZE:11         NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n", 50));
    CHECK(take(reader, "high", 32767) && take(reader, "", 5) && take(reader, "low", 1) && take(reader, "low2", 1));
    CHECK(poll(poll_q, 2, 0) == 2 && poll_q[0].revents == POLLOUT && poll_q[1].revents == POLLOUT);

    // Time-outs are times of CLOCK_REALTIME, and are not looked at without need.
    struct timespec bad = { 0, 1000000000 }, past = { 1, 0 }, soon = in(30);
    FAILS(mq_timedreceive(q, buffer, 16, 0, &past), ETIMEDOUT);
    FAILS(mq_timedreceive(q, buffer, 16, 0, &soon), ETIMEDOUT);
    FAILS(mq_timedreceive(q, buffer, 16, 0, &bad), EINVAL);
    CHECK(mq_timedsend(q, "kept", 4, 0, &past) == 0 && mq_timedreceive(q, buffer, 16, 0, &past) == 4);

    // A receiver that sleeps; a sender that waits for room and keeps its priority.
    pid_t pid = fork();
    if (pid == 0) _exit(take(q, "hello", 7) ? 0 : 1);
    usleep(20000);
    CHECK(mq_send(q, "hello", 5, 7) == 0 && ends(pid) == 0 && curmsgs(q) == 0);
    for (int i = 0; i < 4; i++) REQUIRE(mq_send(q, "full", 4, 3) == 0);
    pid = fork();
    if (pid == 0) _exit(mq_send(q, "urgent", 6, 9));
    usleep(20000);
    CHECK(take(q, "full", 3) && ends(pid) == 0 && curmsgs(q) == 4);
    CHECK(take(q, "urgent", 9));
    for (int i = 0; i < 3; i++) REQUIRE(take(q, "full", 3));

    // A handler without SA_RESTART ends the wait, one with it does not.
    struct sigaction action = { .sa_handler = nothing };
    sigaction(SIGUSR1, &action, 0);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, 0);
    pid = fork();
    if (pid == 0) _exit(mq_receive(q, buffer, sizeof buffer, 0) < 0 ? errno : 0);
    usleep(20000);
    kill(pid, SIGUSR2);
    usleep(20000);
    kill(pid, SIGUSR1);
    CHECK(ends(pid) == EINTR);
    CHECK(mq_send(q, "x", 1, 0) == 0 && take(q, "x", 0));

    // Notification: once, of a message to an empty queue that nobody waits at.
    action.sa_flags = SA_SIGINFO, action.sa_sigaction = told;
    sigaction(SIGUSR1, &action, 0);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
    CHECK(mq_notify(q, &event) == 0);
    FAILS(mq_notify(q, &event), EBUSY);
    pid = fork();
    if (pid == 0) {
        FAILS(mq_notify(q, &event), EBUSY);
        _exit(mq_send(q, "news", 4, 0));
    }
    CHECK(ends(pid) == 0 && code == SI_MESGQ && sender == pid && value == 42);
    code = 0;
    CHECK(mq_send(q, "more", 4, 0) == 0 && code == 0);
    CHECK(take(q, "news", 0) && take(q, "more", 0));
    CHECK(mq_notify(q, &event) == 0 && mq_notify(q, 0) == 0 && mq_send(q, "x", 1, 0) == 0 && code == 0 && take(q, "x", 0));
    event.sigev_notify = 77;
    FAILS(mq_notify(q, &event), EINVAL);
    event.sigev_notify = SIGEV_NONE;
    CHECK(mq_notify(q, &event) == 0);
    CHECK(mq_close(reader) == 0);
    event.sigev_notify = SIGEV_SIGNAL;
    CHECK(mq_notify(q, &event) == 0 && mq_notify(q, 0) == 0);

    // Attributes.
    attr.mq_flags = O_NONBLOCK;
    struct mq_attr old;
    CHECK(mq_setattr(q, &attr, &old) == 0 && old.mq_flags == 0 && fcntl(q, F_GETFL) & O_NONBLOCK);
    FAILS(mq_receive(q, buffer, 16, 0), EAGAIN);
    attr.mq_flags = O_APPEND;
    FAILS(mq_setattr(q, &attr, 0), EINVAL);

    // The filesystem.
    mkdir("m", 0700);
    CHECK(mount("none", "m", "mqueue", 0, 0) == 0);
    struct statfs fs;
    char path[64];
    snprintf(path, sizeof path, "m%s", name);
    CHECK(statfs("m", &fs) == 0 && fs.f_type == 0x19800202);
    CHECK(stat("m", &st) == 0 && (st.st_mode & 07777) == 01777);
    CHECK(stat(path, &st) == 0 && st.st_size == 80 && st.st_nlink == 1);
    fd = open(path, O_RDONLY);
    CHECK(mq_send(q, "seen", 4, 0) == 0);
    ssize_t n = read(fd, buffer, sizeof buffer);
    buffer[n > 0 ? n : 0] = 0;
    say("%s", buffer);
    close(fd);
    CHECK(mkdir("m/dir", 0700) < 0);
    fd = open("m/plain", O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && mq_getattr(fd, &attr) == 0 && attr.mq_maxmsg == 10 && attr.mq_msgsize == 8192);
    close(fd);
    CHECK(unlink("m/plain") == 0);
    pid = fork();
    if (pid == 0) {
        REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
        FAILS(mq_open(name, O_RDWR), EACCES);
        FAILS(mq_unlink(name), EACCES);  // EPERM, as the libraries translate it
        mqd_t r = mq_open(name, O_RDONLY);
        CHECK(r >= 0);
        struct mq_attr big = { .mq_maxmsg = 11, .mq_msgsize = 16 };
        FAILS(mq_open("/mk-other", O_RDWR | O_CREAT, 0600, &big), EINVAL);
        _exit(0);
    }
    CHECK(ends(pid) == 0);
    CHECK(mq_unlink(name) == 0);
    FAILS(mq_open(name, O_RDWR), ENOENT);
    FAILS(stat(path, &st), ENOENT);
    CHECK(take(q, "seen", 0) && fstat(q, &st) == 0 && st.st_nlink == 0);
    CHECK(mq_close(q) == 0 && umount("m") == 0);
    return 0;
}
