// Two ends that talk over a socket: numbered requests of many lengths, each answered, and a log of whether any was lost,
// doubled or out of order. `talkers server|client unix|tcp|dgram` is one end; any other arguments are both, in one process each.
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { COUNT = 400, AHEAD = 8 };
static int dgram;

static int endpoint(const char *kind, const char *side, struct sockaddr_storage *at, socklen_t *len) {
    memset(at, 0, sizeof *at);
    dgram = !strcmp(kind, "dgram");
    if (!strcmp(kind, "tcp")) {
        struct sockaddr_in *in = (void *)at;
        in->sin_family = AF_INET, in->sin_port = htons(7777), in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        *len = sizeof *in;
        return socket(AF_INET, SOCK_STREAM, 0);
    }
    struct sockaddr_un *un = (void *)at;
    un->sun_family = AF_UNIX;
    int n = snprintf(un->sun_path + 1, 60, "talkers-%s-%s", kind, side);
    *len = offsetof(struct sockaddr_un, sun_path) + 1 + n;
    return socket(AF_UNIX, dgram ? SOCK_DGRAM : SOCK_STREAM, 0);
}
static unsigned length(unsigned n) { return n * 37 % 1500; }
// One message: number, length, body.
static void put(int fd, unsigned n, unsigned len) {
    unsigned char m[8 + 1500];
    memcpy(m, &n, 4), memcpy(m + 4, &len, 4);
    memset(m + 8, n, len);
    for (size_t at = 0, all = 8 + len; at < all;) {
        ssize_t r = write(fd, m + at, all - at);
        REQUIRE(r > 0);
        at += r;
    }
}
static int all(int fd, void *to, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t r = read(fd, (char *)to + at, n - at);
        if (r <= 0) return 0;
        at += r;
    }
    return 1;
}
static int get(int fd, unsigned *n, unsigned *len) {
    unsigned char m[8 + 1500];
    if (dgram) {
        ssize_t r = recv(fd, m, sizeof m, 0);
        if (r < 8) return 0;
        memcpy(n, m, 4), memcpy(len, m + 4, 4);
        REQUIRE(r == 8 + (ssize_t)*len);
    } else {
        if (!all(fd, m, 8)) return 0;
        memcpy(n, m, 4), memcpy(len, m + 4, 4);
        REQUIRE(*len <= 1500 && all(fd, m + 8, *len));
    }
    for (unsigned i = 0; i < *len; i++) REQUIRE(m[8 + i] == (unsigned char)*n);
    return 1;
}

static int server(const char *kind) {
    struct sockaddr_storage at, to;
    socklen_t len, tolen;
    int fd = endpoint(kind, "server", &at, &len), on = 1, s = fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0);
    if (!dgram) {
        REQUIRE(listen(fd, 1) == 0);
        s = accept(fd, 0, 0);
        REQUIRE(s >= 0);
    } else {
        close(endpoint(kind, "client", &to, &tolen));
        while (connect(s, (struct sockaddr *)&to, tolen)) usleep(1000);
    }
    unsigned n, size, next = 0, lost = 0;
    while (next < COUNT && get(s, &n, &size)) {
        lost += n != next || size != length(n);
        next = n + 1;
        put(s, n, n % 100);
    }
    say("%s server: %u requests, %u out of order", kind, next, lost);
    return 0;
}
static int client(const char *kind) {
    struct sockaddr_storage at, me;
    socklen_t len, melen;
    int s = endpoint(kind, "server", &at, &len);
    if (dgram) {
        close(endpoint(kind, "client", &me, &melen));
        REQUIRE(bind(s, (struct sockaddr *)&me, melen) == 0);
    }
    while (connect(s, (struct sockaddr *)&at, len)) {
        usleep(1000);
        if (!dgram) close(s), s = endpoint(kind, "server", &at, &len);
    }
    unsigned sent = 0, n, size, next = 0, lost = 0;
    while (next < COUNT) {
        while (sent < COUNT && sent < next + AHEAD) put(s, sent, length(sent)), sent++;
        if (!get(s, &n, &size)) break;
        lost += n != next || size != n % 100;
        next = n + 1;
    }
    say("%s client: %u answers, %u out of order", kind, next, lost);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && !strcmp(argv[1], "server")) return server(argv[2]);
    if (argc > 2 && !strcmp(argv[1], "client")) return client(argv[2]);
    const char *kinds[] = {"unix", "tcp", "dgram"};
    for (int i = 0; i < 3; i++) {
        int p[2], status;
        REQUIRE(pipe(p) == 0);
        pid_t child = fork();
        if (child == 0) {
            dup2(p[1], 1);
            _exit(client(kinds[i]));
        }
        close(p[1]);
        server(kinds[i]);
        char text[100] = "";
        REQUIRE(read(p[0], text, sizeof text - 1) > 1);
        text[strlen(text) - 1] = 0;
        say("%s", text);
        REQUIRE(waitpid(child, &status, 0) == child && status == 0);
        close(p[0]);
    }
    return 0;
}
