// AF_UNIX sockets: names, connections, backlog, messages, files and credentials that travel, options, timeouts, hang-up.
#include "check.h"
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <linux/sockios.h>

static volatile sig_atomic_t sigpipes;
static void on_signal(int signo) { sigpipes += signo == SIGPIPE; }
static int events(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    poll(&p, 1, 0);
    return p.revents;
}
static struct sockaddr_un name(const char *path, socklen_t *len) {
    struct sockaddr_un a = {AF_UNIX};
    if (path[0] == '@') {
        memcpy(a.sun_path + 1, path + 1, strlen(path) - 1);
        *len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    } else {
        strcpy(a.sun_path, path);
        *len = offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
    }
    return a;
}
static int at(int (*call)(int, const struct sockaddr *, socklen_t), int fd, const char *path) {
    socklen_t len;
    struct sockaddr_un a = name(path, &len);
    return call(fd, (struct sockaddr *)&a, len);
}
static int opt(int fd, int which) {
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, which, &value, &len) ? -errno : value;
}
static const char *shown(int (*call)(int, struct sockaddr *, socklen_t *), int fd) {
    static char text[200];
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    memset(&a, 0x55, sizeof a);
    if (call(fd, (struct sockaddr *)&a, &len)) {
        sprintf(text, "errno %d", errno);
        return text;
    }
    int n = sprintf(text, "family %d len %d ", a.sun_family, (int)len);
    for (unsigned i = 0; i + 2 < len; i++) text[n++] = a.sun_path[i] ? a.sun_path[i] : '@';
    text[n] = 0;
    return text;
}

static void streams(void) {
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), s;
    char buffer[64];
    CHECK(opt(l, SO_TYPE) == SOCK_STREAM && opt(l, SO_DOMAIN) == AF_UNIX && opt(l, SO_ACCEPTCONN) == 0);
    CHECK(events(l) == (POLLOUT | POLLHUP));
    FAILS(listen(l, 1), EINVAL);
    FAILS(at(connect, c, "server"), ENOENT);
    CHECK(at(bind, l, "server") == 0);
    struct stat st;
    CHECK(stat("server", &st) == 0 && S_ISSOCK(st.st_mode));
    FAILS(open("server", O_RDWR), ENXIO);
    FAILS(at(bind, l, "again"), EINVAL);
    FAILS(access("again", F_OK), ENOENT);
    FAILS(at(bind, c, "server"), EADDRINUSE);
    FAILS(at(connect, c, "server"), ECONNREFUSED);
    CHECK(listen(l, 1) == 0 && opt(l, SO_ACCEPTCONN) == 1);
    FAILS(accept4(l, 0, 0, 7), EINVAL);
    CHECK(at(connect, c, "server") == 0);
    FAILS(at(connect, c, "server"), EISCONN);
    CHECK(events(l) == POLLIN || events(l) == (POLLIN | POLLOUT));
    CHECK(write(c, "early", 5) == 5);
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    CHECK((s = accept4(l, (struct sockaddr *)&a, &len, SOCK_CLOEXEC)) >= 0 && len == 2 && a.sun_family == AF_UNIX);
    CHECK(fcntl(s, F_GETFD) == FD_CLOEXEC);
    CHECK(read(s, buffer, sizeof buffer) == 5 && memcmp(buffer, "early", 5) == 0);
    say("server %s", shown(getsockname, l));
    say("accepted %s", shown(getsockname, s));
    say("its peer %s", shown(getpeername, s));
    say("client %s", shown(getsockname, c));
    say("its peer %s", shown(getpeername, c));
    say("listener's peer %s", shown(getpeername, l));
    struct ucred u;
    len = sizeof u;
    CHECK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &len) == 0 && u.pid == getpid() && u.uid == getuid());
    
    CHECK(send(s, "abcdef", 6, 0) == 6 && recv(c, buffer, 3, MSG_PEEK) == 3 && recv(c, buffer, 6, MSG_WAITALL) == 6);
    FAILS(recv(c, buffer, 1, MSG_DONTWAIT), EAGAIN);
    int n = -1;
    CHECK(write(s, "12345", 5) == 5 && ioctl(c, FIONREAD, &n) == 0 && n == 5);
    CHECK(ioctl(s, SIOCOUTQ, &n) == 0 && n == 768 && read(c, buffer, 5) == 5 && ioctl(s, SIOCOUTQ, &n) == 0 && n == 0);
    // Half closed, then closed.
    CHECK(events(c) == POLLOUT);
    CHECK(shutdown(s, SHUT_WR) == 0 && read(c, buffer, 1) == 0 && events(c) == (POLLIN | POLLOUT | POLLRDHUP));
    CHECK(write(c, "back", 4) == 4 && read(s, buffer, 4) == 4);
    FAILS(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(sigpipes == 0);
    FAILS(write(s, "x", 1), EPIPE);
    CHECK(sigpipes == 1);
    CHECK(write(c, "unread", 6) == 6 && close(s) == 0);
    CHECK(events(c) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
    CHECK(opt(c, SO_ERROR) == ECONNRESET && opt(c, SO_ERROR) == 0);
    CHECK(read(c, buffer, 1) == 0);
    FAILS(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
    say("after close %s", shown(getpeername, c));
    close(c);
    // The backlog: two may wait with 1, the third waits outside.
    int waiting[3];
    for (int i = 0; i < 3; i++) waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(at(connect, waiting[0], "server") == 0 && at(connect, waiting[1], "server") == 0);
    FAILS(at(connect, waiting[2], "server"), EAGAIN);
    fcntl(waiting[2], F_SETFL, 0);
    pid_t child = fork();
    if (child == 0) {
        int r = at(connect, waiting[2], "server");
        _exit(r == 0 && write(waiting[2], "late", 4) == 4 ? 0 : 1);
    }
    usleep(20000);
    for (int i = 0; i < 3; i++) {
        s = accept(l, 0, 0);
        if (i == 2) CHECK(read(s, buffer, 4) == 4 && memcmp(buffer, "late", 4) == 0);
        close(s);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    fcntl(l, F_SETFL, O_NONBLOCK);
    FAILS(accept(l, 0, 0), EAGAIN);
    // Connections nobody accepted are reset.
    c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(at(connect, c, "server") == 0 && close(l) == 0);
    FAILS(read(c, buffer, 1), ECONNRESET);
    close(c);
    c = socket(AF_UNIX, SOCK_STREAM, 0);
    FAILS(at(connect, c, "server"), ECONNREFUSED);
    FAILS(write(c, "x", 1), ENOTCONN);
    FAILS(read(c, buffer, 1), EINVAL);
    FAILS(accept(c, 0, 0), EINVAL);
    FAILS(getpeername(c, (struct sockaddr *)&a, &len), ENOTCONN);
    close(c);
    for (int i = 0; i < 3; i++) close(waiting[i]);
    unlink("server");
}

static void datagrams(void) {
    int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
    char buffer[64];
    socklen_t len;
    struct sockaddr_un to = name("@there", &len), from;
    CHECK(at(bind, a, "@there") == 0 && at(bind, b, "@here") == 0);
    FAILS(at(bind, c, "@there"), EADDRINUSE);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    FAILS(at(connect, s, "@there"), ECONNREFUSED);
    CHECK(at(bind, s, "@there") == 0); // a name of another type
    close(s);
    FAILS(send(b, "x", 1, 0), ENOTCONN);
    FAILS(listen(a, 1), EOPNOTSUPP);
    FAILS(accept(a, 0, 0), EOPNOTSUPP);
    CHECK(sendto(b, "hello", 5, 0, (struct sockaddr *)&to, len) == 5);
    CHECK(sendto(c, "", 0, 0, (struct sockaddr *)&to, len) == 0);
    socklen_t flen = sizeof from;
    int n = -1;
    CHECK(ioctl(a, FIONREAD, &n) == 0 && n == 5);
    CHECK(recvfrom(a, buffer, 2, MSG_TRUNC, (struct sockaddr *)&from, &flen) == 5);
    CHECK(flen == 2 + 5 && memcmp(from.sun_path, "\0here", 5) == 0);
    flen = sizeof from;
    CHECK(recvfrom(a, buffer, 2, 0, (struct sockaddr *)&from, &flen) == 0 && flen == 0);
    CHECK(at(connect, b, "@there") == 0 && send(b, "one", 3, 0) == 3 && send(b, "two", 3, 0) == 3);
    CHECK(recv(a, buffer, sizeof buffer, 0) == 3 && recv(a, buffer, sizeof buffer, 0) == 3);
    // Who is connected takes nothing from others.
    CHECK(at(connect, a, "@here") == 0);
    FAILS(sendto(c, "x", 1, 0, (struct sockaddr *)&to, len), EPERM);
    struct sockaddr none = {AF_UNSPEC};
    CHECK(connect(a, &none, sizeof none) == 0);
    // Eleven wait where nobody reads.
    int sent = 0;
    while (sendto(c, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, len) == 1) sent++;
    CHECK(errno == EAGAIN || sent == 11);
    say("%d datagrams wait", sent);
    for (int i = 0; i < sent; i++) REQUIRE(recv(a, buffer, 1, MSG_DONTWAIT) == 1);
    static char huge[300000];
    FAILS(send(b, huge, sizeof huge, 0), EMSGSIZE);
    close(a);
    FAILS(send(b, "x", 1, 0), ECONNREFUSED);
    FAILS(send(b, "x", 1, 0), ENOTCONN);
    // Any name.
    int d = socket(AF_UNIX, SOCK_DGRAM, 0);
    sa_family_t family = AF_UNIX;
    CHECK(bind(d, (struct sockaddr *)&family, sizeof family) == 0);
    flen = sizeof from;
    CHECK(getsockname(d, (struct sockaddr *)&from, &flen) == 0 && flen == 2 + 6 && from.sun_path[0] == 0);
    close(b), close(c), close(d);
    int p[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
    CHECK(send(p[0], "abc", 3, 0) == 3 && send(p[0], "", 0, 0) == 0 && send(p[0], "d", 1, 0) == 1);
    CHECK(recv(p[1], buffer, 2, 0) == 2 && recv(p[1], buffer, 2, 0) == 0 && recv(p[1], buffer, 2, 0) == 1);
    int before = sigpipes;
    close(p[0]);
    CHECK(recv(p[1], buffer, 1, 0) == 0);
    FAILS(send(p[1], "x", 1, 0), EPIPE);
    say("signals of a datagram %d", sigpipes - before);
    close(p[1]);
}

union control {
    char raw[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
    struct cmsghdr align;
};
static ssize_t send_fds(int fd, const char *text, const int *fds, int n) {
    union control control;
    struct iovec v = {(void *)text, strlen(text)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (n) {
        m.msg_control = control.raw;
        m.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    return sendmsg(fd, &m, 0);
}
static ssize_t receive(int fd, size_t room, size_t controls, int flags, int *fds, int *nfds, struct ucred *u, int *told) {
    static char buffer[100];
    union control control;
    struct iovec v = {buffer, room};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.raw, .msg_controllen = controls};
    ssize_t r = recvmsg(fd, &m, flags);
    *nfds = 0, *told = m.msg_flags;
    if (u) u->pid = -1;
    if (r >= 0)
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            if (c->cmsg_type == SCM_RIGHTS) {
                *nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                memcpy(fds, CMSG_DATA(c), *nfds * sizeof(int));
            } else if (c->cmsg_type == SCM_CREDENTIALS && u)
                memcpy(u, CMSG_DATA(c), sizeof *u);
        }
    return r;
}

static void passing(void) {
    int p[2], q[2], fds[4], n, told;
    char c;
    struct ucred u;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && pipe(q) == 0);
    CHECK(send_fds(p[0], "plain", 0, 0) == 5 && send_fds(p[0], "files", q, 2) == 5 && send_fds(p[0], "more", 0, 0) == 4);
    CHECK(receive(p[1], 100, sizeof(union control), MSG_PEEK, fds, &n, 0, &told) == 10 && n == 2);
    for (int i = 0; i < n; i++) close(fds[i]);
    CHECK(receive(p[1], 100, sizeof(union control), MSG_CMSG_CLOEXEC, fds, &n, 0, &told) == 10 && n == 2);
    CHECK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
    close(q[0]), close(q[1]);
    CHECK(write(fds[1], "!", 1) == 1 && read(fds[0], &c, 1) == 1 && c == '!');
    CHECK(receive(p[1], 100, sizeof(union control), 0, fds + 2, &n, 0, &told) == 4 && n == 0 && told == 0);
    // No room for all of them: the rest are closed.
    CHECK(send_fds(p[0], "x", (int[]){fds[0], fds[1], fds[0]}, 3) == 1);
    CHECK(receive(p[1], 100, CMSG_SPACE(sizeof(int)), 0, fds + 2, &n, 0, &told) == 1);
    say("received %d of 3, flags %#x", n, told);
    for (int i = 0; i < n; i++) close(fds[2 + i]);
    FAILS(send_fds(p[0], "x", (int[]){999}, 1), EBADF);
    // A closed pipe shows that files on their way are kept, and given up with the socket.
    CHECK(send_fds(p[0], "w", &fds[1], 1) == 1 && close(fds[1]) == 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    FAILS(read(fds[0], &c, 1), EAGAIN);
    CHECK(close(p[1]) == 0 && read(fds[0], &c, 1) == 0);
    close(p[0]), close(fds[0]);
    // Sockets that hold each other are collected.
    REQUIRE(pipe(q) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
    CHECK(send_fds(p[0], "a", (int[]){p[0], p[1]}, 2) == 1 && send_fds(p[1], "b", (int[]){p[1], p[0], q[1]}, 3) == 1);
    close(p[0]), close(p[1]), close(q[1]);
    struct pollfd gone = {q[0], POLLIN, 0};
    CHECK(poll(&gone, 1, 3000) == 1 && gone.revents == POLLHUP);
    close(q[0]);
    // Credentials.
    int on = 1;
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
    CHECK(send(p[0], "before", 6, 0) == 6);
    CHECK(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 && opt(p[1], SO_PASSCRED) == 1);
    CHECK(send(p[0], "after", 5, 0) == 5);
    CHECK(receive(p[1], 100, sizeof(union control), 0, fds, &n, &u, &told) == 6);
    say("before: pid %d uid %d", u.pid, (int)u.uid);
    CHECK(receive(p[1], 100, sizeof(union control), 0, fds, &n, &u, &told) == 5 && u.pid == getpid() && u.uid == getuid());
    union control control;
    struct iovec v = {"mine", 4};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.raw};
    m.msg_controllen = CMSG_SPACE(sizeof u);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_CREDENTIALS, h->cmsg_len = CMSG_LEN(sizeof u);
    u = (struct ucred){1, 7, 8};
    memcpy(CMSG_DATA(h), &u, sizeof u);
    CHECK(sendmsg(p[0], &m, 0) == 4);
    u.pid = -1;
    CHECK(receive(p[1], 100, sizeof(union control), 0, fds, &n, &u, &told) == 4 && u.pid == 1 && u.uid == 7 && u.gid == 8);
    u.pid = 999999;
    memcpy(CMSG_DATA(h), &u, sizeof u);
    FAILS(sendmsg(p[0], &m, 0), ESRCH);
    h->cmsg_type = 77;
    FAILS(sendmsg(p[0], &m, 0), EINVAL);
    // Many at a time.
    struct iovec parts[3] = {{"1", 1}, {"22", 2}, {"333", 3}};
    struct mmsghdr many[3] = {{{.msg_iov = parts, .msg_iovlen = 1}}, {{.msg_iov = parts + 1, .msg_iovlen = 1}}, {{.msg_iov = parts + 2, .msg_iovlen = 1}}};
    CHECK(sendmmsg(p[0], many, 3, 0) == 3 && many[2].msg_len == 3);
    char into[3][8];
    for (int i = 0; i < 3; i++) parts[i] = (struct iovec){into[i], 8}, many[i].msg_len = 0;
    CHECK(recvmmsg(p[1], many, 3, MSG_WAITFORONE, 0) == 3 && many[0].msg_len == 1 && many[2].msg_len == 3);
    FAILS(recvmmsg(p[1], many, 3, MSG_DONTWAIT, 0), EAGAIN);
    close(p[0]), close(p[1]);
}

static void buffers(void) {
    static char block[65536];
    for (int type = 0; type < 2; type++)
        for (int size = 1; size <= 65536; size *= 16) {
            int p[2];
            long total = 0;
            REQUIRE(socketpair(AF_UNIX, (type ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0, p) == 0);
            for (ssize_t r; (r = send(p[0], block, size, 0)) > 0;) total += r;
            say("%s of %d: %ld fit, poll %#x", type ? "datagrams" : "writes", size, total, events(p[0]));
            while (recv(p[1], block, sizeof block, 0) > 0) ;
            CHECK(events(p[0]) == POLLOUT);
            close(p[0]), close(p[1]);
        }
    int p[2], value = 1000, big = 100000;
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
    say("buffers %d %d", opt(p[0], SO_SNDBUF), opt(p[0], SO_RCVBUF));
    CHECK(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value) == 0 && opt(p[0], SO_SNDBUF) == 4608);
    CHECK(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof big) == 0 && opt(p[0], SO_SNDBUF) == 200000);
    FAILS(setsockopt(p[0], SOL_SOCKET, SO_TYPE, &value, sizeof value), ENOPROTOOPT);
    FAILS(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &value, 2), EINVAL);
    FAILS(setsockopt(p[0], SOL_SOCKET, 4242, &value, sizeof value), ENOPROTOOPT);
    FAILS(setsockopt(p[0], 6, 1, &value, sizeof value), EOPNOTSUPP);
    // Time limits.
    struct timeval t = {0, 30000}, got;
    socklen_t len = sizeof got;
    CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0);
    CHECK(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len) == 0 && got.tv_sec == 0 && got.tv_usec >= 30000);
    FAILS(read(p[0], block, 1), EAGAIN);
    t.tv_usec = 2000000;
    FAILS(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), EDOM);
    t.tv_usec = 20000;
    CHECK(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0);
    while (send(p[0], block, 1000, MSG_DONTWAIT) > 0) ;
    FAILS(write(p[0], block, 1000), EAGAIN);
    // A signal ends a wait that has a limit, and restarts one that has none.
    struct itimerval soon = {{0, 0}, {0, 20000}};
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &sa, 0);
    t = (struct timeval){5, 0};
    setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setitimer(ITIMER_REAL, &soon, 0);
    FAILS(read(p[0], block, 1), EINTR);
    if (fork() == 0) usleep(60000), write(p[1], "x", 1), _exit(0);
    t = (struct timeval){0, 0};
    setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setitimer(ITIMER_REAL, &soon, 0);
    CHECK(read(p[0], block, 1) == 1);
    wait(0);
    close(p[0]), close(p[1]);
}

static void refusals(void) {
    int p[2];
    FAILS(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT);
    FAILS(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    FAILS(socket(AF_UNIX, 99, 0), EINVAL);
    FAILS(socket(250, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socketpair(AF_INET, SOCK_STREAM, 0, p), EOPNOTSUPP);
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
    FAILS(listen(0, 1), ENOTSOCK);
    FAILS(listen(99, 1), EBADF);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    FAILS(bind(s, (struct sockaddr *)8, 20), EFAULT);
    FAILS(bind(s, (struct sockaddr *)8, 200), EINVAL);
    FAILS(shutdown(s, 7), EINVAL);
    FAILS(at(bind, s, "no/such/directory"), ENOENT);
    close(open("file", O_CREAT | O_RDWR, 0600));
    FAILS(at(connect, s, "file"), ECONNREFUSED);
    int d = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(at(bind, d, "dgram") == 0);
    FAILS(at(connect, s, "dgram"), EPROTOTYPE);
    close(s), close(d);
}

int main(void) {
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGPIPE, &sa, 0);
    alarm(9);
    scratch();
    streams();
    datagrams();
    passing();
    buffers();
    refusals();
    return 0;
}
