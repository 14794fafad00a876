// TCP and UDP on loopback: names, ports, connections, refusal, half close, reset, non-blocking connect, options, IPv6.
#include "check.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile sig_atomic_t sigpipes;
static void on_signal(int signo) { sigpipes += signo == SIGPIPE; }
static int events(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    poll(&p, 1, 0);
    return p.revents;
}
static int wait_for(int fd, int what) {
    struct pollfd p = {fd, what, 0};
    poll(&p, 1, 2000);
    return p.revents;
}
static struct sockaddr_in v4(const char *ip, int port) {
    struct sockaddr_in a = {AF_INET, htons(port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}
static struct sockaddr_in6 v6(const char *ip, int port) {
    struct sockaddr_in6 a = {AF_INET6, htons(port)};
    inet_pton(AF_INET6, ip, &a.sin6_addr);
    return a;
}
#define ADDR(a) (struct sockaddr *)&(a), sizeof(a)
static int bind4(int fd, const char *ip, int port) { struct sockaddr_in a = v4(ip, port); return bind(fd, ADDR(a)); }
static int connect4(int fd, const char *ip, int port) { struct sockaddr_in a = v4(ip, port); return connect(fd, ADDR(a)); }
static int port_of(int fd) {
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &len)) return -1;
    return ntohs(((struct sockaddr_in *)&a)->sin_port);
}
static const char *shown(int (*call)(int, struct sockaddr *, socklen_t *), int fd) {
    static char text[2][100];
    static int turn;
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char *out = text[turn ^= 1];
    if (call(fd, (struct sockaddr *)&a, &len)) return sprintf(out, "errno %d", errno), out;
    char ip[64];
    inet_ntop(a.ss_family, a.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&a)->sin_addr : (void *)&((struct sockaddr_in6 *)&a)->sin6_addr, ip, sizeof ip);
    return sprintf(out, "%s family %d len %d", ip, a.ss_family, (int)len), out;
}
static int opt(int fd, int level, int which) {
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, which, &value, &len) ? -errno : value;
}
static int set(int fd, int level, int which, int value) { return setsockopt(fd, level, which, &value, sizeof value); }
static int listener(const char *ip, int backlog) {
    int l = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(bind4(l, ip, 0) == 0 && listen(l, backlog) == 0);
    return l;
}
static void pair(int *c, int *s) {
    int l = listener("127.0.0.1", 5);
    *c = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(connect4(*c, "127.0.0.1", port_of(l)) == 0 && (*s = accept(l, 0, 0)) >= 0);
    close(l);
}

static void connections(void) {
    char buffer[64];
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s;
    CHECK(opt(l, SOL_SOCKET, SO_DOMAIN) == AF_INET && opt(l, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
    CHECK(events(l) == (POLLOUT | POLLHUP));
    say("fresh %s", shown(getsockname, l));
    CHECK(bind4(l, "127.0.0.1", 0) == 0 && port_of(l) >= 32768);
    FAILS(bind4(l, "127.0.0.1", 0), EINVAL);
    FAILS(connect4(c, "127.0.0.1", port_of(l)), ECONNREFUSED);
    CHECK(listen(l, 5) == 0 && events(l) == 0 && opt(l, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    close(c), c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect4(c, "127.0.0.1", port_of(l)) == 0);
    FAILS(connect4(c, "127.0.0.1", port_of(l)), EISCONN);
    CHECK(wait_for(l, POLLIN) == POLLIN && write(c, "early", 5) == 5);
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    CHECK((s = accept4(l, (struct sockaddr *)&from, &len, SOCK_NONBLOCK)) >= 0 && len == 16 && ntohs(from.sin_port) == port_of(c));
    CHECK(port_of(s) == port_of(l));
    say("client %s, its peer %s", shown(getsockname, c), shown(getpeername, c));
    FAILS(accept(c, 0, 0), EINVAL);
    CHECK(wait_for(s, POLLIN) == POLLIN && read(s, buffer, sizeof buffer) == 5);
    FAILS(read(s, buffer, 1), EAGAIN);
    CHECK(write(s, "abc", 3) == 3 && write(s, "def", 3) == 3 && wait_for(c, POLLIN) && recv(c, buffer, 6, MSG_WAITALL) == 6);
    int n = -1;
    CHECK(write(s, "12345", 5) == 5 && wait_for(c, POLLIN) && ioctl(c, FIONREAD, &n) == 0 && n == 5);
    CHECK(recv(c, buffer, 2, MSG_PEEK) == 2 && recv(c, buffer, sizeof buffer, 0) == 5);
    // Half close.
    CHECK(shutdown(s, SHUT_WR) == 0 && wait_for(c, POLLIN) && read(c, buffer, 1) == 0);
    CHECK(events(c) == (POLLIN | POLLOUT | POLLRDHUP));
    CHECK(write(c, "back", 4) == 4 && wait_for(s, POLLIN) && read(s, buffer, 10) == 4);
    FAILS(send(s, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(sigpipes == 0);
    CHECK(shutdown(c, SHUT_WR) == 0 && wait_for(s, POLLIN) && read(s, buffer, 1) == 0);
    CHECK(events(c) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
    close(c), close(s);
    // A write to nobody, twice.
    pair(&c, &s);
    close(s);
    CHECK(wait_for(c, POLLIN) && read(c, buffer, 1) == 0 && write(c, "x", 1) == 1);
    usleep(2000);
    sigpipes = 0;
    FAILS(write(c, "x", 1), EPIPE);
    CHECK(sigpipes == 1);
    close(c);
    // Unread bytes, and SO_LINGER with no time, reset.
    pair(&c, &s);
    CHECK(write(c, "unread", 6) == 6 && wait_for(s, POLLIN) && write(s, "kept", 4) == 4 && close(s) == 0);
    usleep(2000);
    CHECK(events(c) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
    CHECK(read(c, buffer, 10) == 4);
    FAILS(read(c, buffer, 1), ECONNRESET);
    CHECK(read(c, buffer, 1) == 0);
    FAILS(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(c);
    pair(&c, &s);
    struct linger now = {1, 0};
    CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0 && close(s) == 0);
    usleep(2000);
    CHECK(opt(c, SOL_SOCKET, SO_ERROR) == ECONNRESET);
    FAILS(getpeername(c, (struct sockaddr *)&from, &len), ENOTCONN);
    close(c), close(l);
    c = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(read(c, buffer, 1), ENOTCONN);
    FAILS(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
    FAILS(shutdown(c, SHUT_RDWR), ENOTCONN);
    FAILS(accept(c, 0, 0), EINVAL);
    FAILS(getpeername(c, (struct sockaddr *)&from, &len), ENOTCONN);
    close(c);
}

static void nonblocking(void) {
    int l = listener("127.0.0.1", 5), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), port = port_of(l);
    FAILS(accept4(l, 0, 0, 3), EINVAL);
    FAILS(connect4(c, "127.0.0.1", port), EINPROGRESS);
    CHECK(wait_for(c, POLLOUT) == POLLOUT && opt(c, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(connect4(c, "127.0.0.1", port) == 0);
    FAILS(connect4(c, "127.0.0.1", port), EISCONN);
    close(c), close(l);
    c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(connect4(c, "127.0.0.1", port), EINPROGRESS);
    CHECK(wait_for(c, POLLOUT) == (POLLOUT | POLLERR | POLLHUP));
    CHECK(opt(c, SOL_SOCKET, SO_ERROR) == ECONNREFUSED && opt(c, SOL_SOCKET, SO_ERROR) == 0);
    close(c);
    // Time limits.
    l = listener("127.0.0.1", 5);
    struct timeval t = {0, 30000};
    setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    FAILS(accept(l, 0, 0), EAGAIN);
    int s;
    pair(&c, &s);
    setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    char byte;
    FAILS(read(c, &byte, 1), EAGAIN);
    // Much data, more than fits, between two processes.
    pid_t child = fork();
    static char block[50000];
    if (child == 0) {
        for (int i = 0; i < 40; i++) {
            memset(block, i, sizeof block);
            size_t sent = 0;
            while (sent < sizeof block) sent += write(s, block + sent, sizeof block - sent);
        }
        _exit(0);
    }
    close(s);
    t = (struct timeval){5, 0};
    setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    long total = 0;
    int wrong = 0;
    usleep(20000);
    for (ssize_t r; (r = read(c, block, sizeof block)) > 0; total += r)
        for (ssize_t i = 0; i < r; i++) wrong += block[i] != (char)((total + i) / 50000);
    say("received %ld, wrong %d", total, wrong);
    wait(0);
    close(c), close(l);
}

static void ports(void) {
    int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind4(a, "127.0.0.1", 0) == 0);
    int port = port_of(a);
    FAILS(bind4(b, "127.0.0.1", port), EADDRINUSE);
    FAILS(bind4(b, "0.0.0.0", port), EADDRINUSE);
    FAILS(bind4(b, "10.99.0.1", 0), EADDRNOTAVAIL);
    CHECK(set(a, SOL_SOCKET, SO_REUSEADDR, 1) == 0 && set(b, SOL_SOCKET, SO_REUSEADDR, 1) == 0);
    CHECK(bind4(b, "127.0.0.1", port) == 0 && listen(a, 1) == 0);
    FAILS(listen(b, 1), EADDRINUSE);
    close(b);
    b = socket(AF_INET, SOCK_STREAM, 0);
    set(b, SOL_SOCKET, SO_REUSEADDR, 1);
    FAILS(bind4(b, "127.0.0.1", port), EADDRINUSE);
    CHECK(bind4(b, "127.0.0.2", port) == 0 && listen(b, 1) == 0);
    int c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect4(c, "127.0.0.2", port) == 0 && events(a) == 0 && wait_for(b, POLLIN) == POLLIN);
    say("from %s to %s", shown(getsockname, c), shown(getpeername, c));
    close(a), close(b), close(c);
    a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(set(a, SOL_SOCKET, SO_REUSEPORT, 1) == 0 && set(b, SOL_SOCKET, SO_REUSEPORT, 1) == 0);
    CHECK(bind4(a, "0.0.0.0", 0) == 0 && listen(a, 1) == 0 && bind4(b, "0.0.0.0", port_of(a)) == 0 && listen(b, 1) == 0);
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect4(c, "0.0.0.0", port_of(a)) == 0);
    say("connected to %s", shown(getpeername, c));
    close(a), close(b), close(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in short_ = v4("127.0.0.1", 1);
    FAILS(bind(c, (struct sockaddr *)&short_, 8), EINVAL);
    FAILS(connect(c, (struct sockaddr *)&short_, 8), EINVAL);
    short_.sin_family = AF_INET6;
    FAILS(connect(c, ADDR(short_)), EAFNOSUPPORT);
    close(c);
}

static void datagrams(void) {
    char buffer[64];
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(opt(a, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP && events(a) == POLLOUT);
    CHECK(bind4(a, "127.0.0.1", 0) == 0);
    struct sockaddr_in to = v4("127.0.0.1", port_of(a)), from;
    socklen_t len = sizeof from;
    FAILS(send(b, "x", 1, 0), EDESTADDRREQ);
    CHECK(sendto(b, "hello", 5, 0, ADDR(to)) == 5 && port_of(b) >= 32768);
    CHECK(sendto(b, "", 0, 0, ADDR(to)) == 0);
    CHECK(recvfrom(a, buffer, 3, MSG_TRUNC, (struct sockaddr *)&from, &len) == 5 && len == 16);
    CHECK(ntohs(from.sin_port) == port_of(b) && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(recv(a, buffer, 3, 0) == 0);
    say("unconnected %s", shown(getpeername, b));
    CHECK(connect(b, ADDR(to)) == 0 && send(b, "one", 3, 0) == 3 && recv(a, buffer, 10, 0) == 3);
    say("connected %s to %s", shown(getsockname, b), shown(getpeername, b));
    // From others it takes nothing.
    int c = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in tob = v4("127.0.0.1", port_of(b));
    CHECK(sendto(c, "x", 1, 0, ADDR(tob)) == 1);
    FAILS(recv(b, buffer, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(sendto(a, "y", 1, 0, ADDR(tob)) == 1 && recv(b, buffer, 1, 0) == 1);
    struct sockaddr none = {AF_UNSPEC};
    CHECK(connect(b, &none, sizeof none) == 0);
    FAILS(send(b, "x", 1, 0), EDESTADDRREQ);
    // Nobody is there: who is connected hears of it.
    CHECK(connect(b, ADDR(to)) == 0 && close(a) == 0 && send(b, "x", 1, 0) == 1);
    usleep(2000);
    CHECK(events(b) == (POLLOUT | POLLERR | POLLIN) || events(b) == (POLLOUT | POLLERR));
    FAILS(recv(b, buffer, 1, MSG_DONTWAIT), ECONNREFUSED);
    CHECK(send(b, "x", 1, 0) == 1);
    usleep(2000);
    FAILS(send(b, "x", 1, 0), ECONNREFUSED);
    CHECK(sendto(c, "x", 1, 0, ADDR(to)) == 1);
    usleep(2000);
    CHECK(sendto(c, "x", 1, 0, ADDR(to)) == 1);
    static char huge[70000];
    FAILS(sendto(c, huge, 65508, 0, ADDR(to)), EMSGSIZE);
    FAILS(listen(c, 1), EOPNOTSUPP);
    FAILS(accept(c, 0, 0), EOPNOTSUPP);
    close(b), close(c);
}

static void six(void) {
    char buffer[16];
    int l = socket(AF_INET6, SOCK_STREAM, 0), c, s;
    if (l < 0) return;
    struct sockaddr_in6 a = v6("::", 0);
    CHECK(bind(l, ADDR(a)) == 0 && listen(l, 5) == 0);
    int port = port_of(l);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    a = v6("::1", port);
    CHECK(connect(c, ADDR(a)) == 0 && (s = accept(l, 0, 0)) >= 0);
    say("%s to %s", shown(getsockname, c), shown(getpeername, c));
    CHECK(write(s, "six", 3) == 3 && read(c, buffer, 3) == 3);
    close(c), close(s);
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect4(c, "127.0.0.1", port) == 0 && (s = accept(l, 0, 0)) >= 0);
    say("accepted %s from %s", shown(getsockname, s), shown(getpeername, s));
    close(c), close(s);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    a = v6("::ffff:127.0.0.1", port);
    CHECK(connect(c, ADDR(a)) == 0);
    say("mapped %s to %s", shown(getsockname, c), shown(getpeername, c));
    close(c), close(l);
    l = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(set(l, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0 && opt(l, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
    a = v6("::", 0);
    CHECK(bind(l, ADDR(a)) == 0 && listen(l, 1) == 0);
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind4(c, "0.0.0.0", port_of(l)) == 0);
    close(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(connect4(c, "127.0.0.1", port_of(l)), ECONNREFUSED);
    close(c), close(l);
    // Datagrams.
    s = socket(AF_INET6, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
    a = v6("::", 0);
    CHECK(bind(s, ADDR(a)) == 0);
    struct sockaddr_in to = v4("127.0.0.1", port_of(s));
    CHECK(sendto(c, "x", 1, 0, ADDR(to)) == 1);
    struct sockaddr_in6 from;
    socklen_t len = sizeof from;
    CHECK(recvfrom(s, buffer, 9, 0, (struct sockaddr *)&from, &len) == 1 && len == 28 && IN6_IS_ADDR_V4MAPPED(&from.sin6_addr));
    CHECK(sendto(s, "y", 1, 0, ADDR(from)) == 1 && recv(c, buffer, 1, 0) == 1);
    close(s), close(c);
}

static void options(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(opt(s, IPPROTO_TCP, TCP_NODELAY) == 0 && set(s, IPPROTO_TCP, TCP_NODELAY, 1) == 0 && opt(s, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(set(s, SOL_SOCKET, SO_KEEPALIVE, 1) == 0 && opt(s, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(set(s, IPPROTO_TCP, TCP_KEEPIDLE, 10) == 0 && opt(s, IPPROTO_TCP, TCP_KEEPIDLE) == 10);
    CHECK(opt(s, IPPROTO_IP, IP_TTL) == 64 && set(s, IPPROTO_IP, IP_TOS, 16) == 0 && opt(s, IPPROTO_IP, IP_TOS) == 16);
    CHECK(opt(s, SOL_SOCKET, SO_SNDBUF) == 16384 && opt(s, SOL_SOCKET, SO_RCVBUF) == 131072);
    CHECK(set(s, SOL_SOCKET, SO_RCVBUF, 5000) == 0 && opt(s, SOL_SOCKET, SO_RCVBUF) == 10000);
    struct linger l = {1, 3}, got = {0};
    socklen_t len = sizeof got;
    CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l) == 0 && getsockopt(s, SOL_SOCKET, SO_LINGER, &got, &len) == 0 && got.l_linger == 3);
    FAILS(opt(s, SOL_SOCKET, 4242) == -ENOPROTOOPT ? (errno = ENOPROTOOPT, -1) : 0, ENOPROTOOPT);
    FAILS(set(s, IPPROTO_TCP, 4242, 1), ENOPROTOOPT);
    struct ifreq r;
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, "lo");
    CHECK(ioctl(s, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == 1);
    CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_LOOPBACK) && (r.ifr_flags & IFF_UP));
    CHECK(ioctl(s, SIOCGIFADDR, &r) == 0 && ((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(ioctl(s, SIOCGIFMTU, &r) == 0 && r.ifr_mtu == 65536);
    strcpy(r.ifr_name, "none0");
    FAILS(ioctl(s, SIOCGIFINDEX, &r), ENODEV);
    close(s);
    FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    FAILS(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
}

int main(void) {
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGPIPE, &sa, 0);
    alarm(9);
    connections();
    nonblocking();
    ports();
    datagrams();
    six();
    options();
    return 0;
}
