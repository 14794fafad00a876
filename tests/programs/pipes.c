// Pipes, FIFOs, socket pairs, eventfd; poll, ppoll, select, epoll; non-blocking ends, SIGPIPE, splice.
#include "check.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static volatile int sigpipes;
static void on_sigpipe(int signal) { (void)signal, sigpipes++; }

static void pipes(void) {
    int p[2];
    char buffer[70000];
    CHECK(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
    FAILS(read(p[0], buffer, 1), EAGAIN);
    memset(buffer, 'x', sizeof buffer);
    CHECK(write(p[1], buffer, sizeof buffer) == 65536);
    FAILS(write(p[1], buffer, 1), EAGAIN);
    int waiting = 0;
    CHECK(ioctl(p[0], FIONREAD, &waiting) == 0 && waiting == 65536);
    CHECK(read(p[0], buffer, 5000) == 5000);
    CHECK(write(p[1], buffer, 4096) == 4096);
    FAILS(write(p[1], buffer, 4096), EAGAIN); // atomic or not at all
    FAILS(lseek(p[0], 0, SEEK_SET), ESPIPE);
    CHECK(fcntl(p[1], F_GETPIPE_SZ) == 65536);
    FAILS(read(p[1], buffer, 1), EBADF);
    FAILS(write(p[0], buffer, 1), EBADF);
    close(p[1]);
    long total = 0;
    for (ssize_t n; (n = read(p[0], buffer, sizeof buffer)) > 0;) total += n;
    say("drained %ld, then end of file", total);
    close(p[0]);
    REQUIRE(pipe(p) == 0);
    close(p[0]);
    FAILS(write(p[1], "x", 1), EPIPE);
    CHECK(sigpipes == 1);
    close(p[1]);

    REQUIRE(pipe(p) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(p[0]);
        for (int i = 0; i < 300; i++) REQUIRE(write(p[1], buffer, 1000) == 1000); // blocks at 64 KiB
        _exit(0);
    }
    close(p[1]);
    total = 0;
    for (ssize_t n; (n = read(p[0], buffer, 777)) > 0;) total += n;
    say("from the child %ld", total);
    waitpid(child, 0, 0);
    close(p[0]);
}

static void waiting(void) {
    int p[2];
    REQUIRE(pipe(p) == 0);
    struct pollfd fds[] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 7}, {777, POLLIN, 0}};
    CHECK(poll(fds, 4, 0) == 2 && fds[0].revents == 0 && fds[1].revents == POLLOUT);
    CHECK(fds[2].revents == 0 && fds[3].revents == POLLNVAL);
    CHECK(poll(fds, 1, 5) == 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    struct timeval soon = {0, 5000};
    CHECK(select(p[0] + 1, &set, 0, 0, &soon) == 0 && !FD_ISSET(p[0], &set));
    pid_t child = fork();
    if (child == 0) {
        usleep(10000);
        REQUIRE(write(p[1], "y", 1) == 1);
        _exit(0);
    }
    CHECK(ppoll(fds, 1, &(struct timespec){10, 0}, 0) == 1 && fds[0].revents == POLLIN);
    FD_SET(p[0], &set);
    CHECK(pselect(p[0] + 1, &set, 0, 0, &(struct timespec){10, 0}, 0) == 1 && FD_ISSET(p[0], &set));
    waitpid(child, 0, 0);
    char byte;
    REQUIRE(read(p[0], &byte, 1) == 1);
    close(p[1]);
    CHECK(poll(fds, 1, -1) == 1 && fds[0].revents == POLLHUP);
    close(p[0]);
    REQUIRE(pipe(p) == 0);
    close(p[0]);
    fds[0].fd = p[1];
    fds[0].events = POLLOUT;
    CHECK(poll(fds, 1, -1) == 1 && fds[0].revents == (POLLOUT | POLLERR));
    close(p[1]);
}

static void sockets(void) {
    int s[2];
    char buffer[100];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(send(s[0], "hello ", 6, 0) == 6 && write(s[0], "there", 5) == 5);
    CHECK(recv(s[1], buffer, 4, MSG_PEEK) == 4 && recv(s[1], buffer, 100, 0) == 11 && !memcmp(buffer, "hello there", 11));
    FAILS(recv(s[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(write(s[1], "back", 4) == 4 && read(s[0], buffer, 100) == 4);
    CHECK(shutdown(s[0], SHUT_WR) == 0 && read(s[1], buffer, 1) == 0);
    CHECK(write(s[1], "more", 4) == 4 && read(s[0], buffer, 100) == 4);
    sigpipes = 0;
    FAILS(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(sigpipes == 0);
    close(s[0]);
    FAILS(write(s[1], "x", 1), EPIPE);
    CHECK(sigpipes == 1);
    close(s[1]);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
    CHECK(write(s[0], "one", 3) == 3 && write(s[0], "three", 5) == 5);
    CHECK(read(s[1], buffer, 2) == 2 && read(s[1], buffer, 100) == 5);

    // A descriptor passed to the other end.
    int p[2];
    REQUIRE(pipe(p) == 0);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {"fd", 2};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &p[1], sizeof(int));
    CHECK(sendmsg(s[0], &message, 0) == 2);
    memset(control, 0, sizeof control);
    part = (struct iovec){buffer, sizeof buffer};
    CHECK(recvmsg(s[1], &message, 0) == 2 && CMSG_FIRSTHDR(&message)->cmsg_type == SCM_RIGHTS);
    int passed;
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    CHECK(passed != p[1] && write(passed, "via", 3) == 3 && read(p[0], buffer, 100) == 3);
    close(s[0]);
    close(s[1]);
}

static void events(void) {
    uint64_t value = 0;
    int e = eventfd(3, EFD_NONBLOCK);
    CHECK(e >= 0 && read(e, &value, 8) == 8 && value == 3);
    FAILS(read(e, &value, 8), EAGAIN);
    FAILS(write(e, "x", 1), EINVAL);
    value = 5;
    CHECK(write(e, &value, 8) == 8 && write(e, &value, 8) == 8 && read(e, &value, 8) == 8 && value == 10);
    value = UINT64_MAX;
    FAILS(write(e, &value, 8), EINVAL);
    int semaphore = eventfd(2, EFD_SEMAPHORE);
    CHECK(read(semaphore, &value, 8) == 8 && value == 1 && read(semaphore, &value, 8) == 8 && value == 1);
    close(semaphore);
    close(e);
}

int main(void) {
    struct sigaction action = {.sa_handler = on_sigpipe};
    sigaction(SIGPIPE, &action, 0);
    scratch();
    pipes();
    waiting();
    sockets();
    events();
    CHECK(mkfifo("fifo", 0600) == 0);
    FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    pid_t child = fork();
    if (child == 0) {
        int out = open("fifo", O_WRONLY);
        REQUIRE(out >= 0 && write(out, "through", 7) == 7);
        _exit(0);
    }
    char buffer[16];
    int in = open("fifo", O_RDONLY);
    CHECK(in >= 0 && read(in, buffer, 16) == 7 && read(in, buffer, 16) == 0);
    waitpid(child, 0, 0);
    signal(SIGPIPE, SIG_DFL);
    child = fork();
    if (child == 0) {
        int p[2];
        REQUIRE(pipe(p) == 0);
        close(p[0]);
        REQUIRE(write(p[1], "x", 1) == 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    return 0;
}
