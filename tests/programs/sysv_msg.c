// System V messages: kinds, limits, who is woken with what, msgctl.
// qemu-user differs: it mixes up who sent last and who received last.
#include "check.h"
#include <limits.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/wait.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
#ifndef MSG_EXCEPT
#define MSG_EXCEPT 020000
#endif
#ifndef MSG_NOERROR
#define MSG_NOERROR 010000
#endif

struct message { long kind; char text[8192]; };
static struct message m;

static int snd(int id, long kind, const char *text, int flags) {
    struct message out = { .kind = kind };
    strcpy(out.text, text);
    return msgsnd(id, &out, strlen(text), flags);
}
static ssize_t rcv(int id, size_t size, long kind, int flags) {
    memset(&m, 0, sizeof m);
    return msgrcv(id, &m, size, kind, flags);
}
static int ends(pid_t pid) {
    int status;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static void until_asleep(pid_t pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int i = 0; i < 5000; i++) {
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
        if (fd >= 0) close(fd);
        char *end = n > 0 ? (line[n] = 0, strrchr(line, ')')) : 0;
        if (end && end[2] == 'S') break;
        usleep(1000);
    }
    usleep(2000);
}
static void nothing(int s) { (void)s; }

int main(void) {
    mkdir("/proc", 0555);
    if (access("/proc/self", F_OK)) mount("proc", "/proc", "proc", 0, 0);
    key_t key = 0x4d4b0000 + (getpid() & 0xffff);
    FAILS(msgget(key, 0), ENOENT);
    int id = msgget(key, IPC_CREAT | IPC_EXCL | 0620);
    CHECK(id >= 0);
    FAILS(msgget(key, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK(msgget(key, 0) == id);
    struct msqid_ds ds;
    CHECK(msgctl(id, IPC_STAT, &ds) == 0);
    CHECK(ds.msg_qnum == 0 && ds.msg_qbytes == 16384 && ds.msg_perm.mode == 0620 && ds.msg_stime == 0);

    FAILS(snd(id, 0, "x", 0), EINVAL);
    FAILS(snd(id, -1, "x", 0), EINVAL);
    FAILS(msgsnd(id, &m, 8193, 0), EINVAL);
    FAILS(msgsnd(id, (void *)8, 1, 0), EFAULT);
    FAILS(snd(-1, 1, "x", 0), EINVAL);
    FAILS(rcv(id, 8, 0, IPC_NOWAIT), ENOMSG);
    FAILS(msgrcv(id, &m, -1, 0, 0), EINVAL);

    CHECK(snd(id, 5, "five", 0) == 0 && snd(id, 3, "three", 0) == 0 && snd(id, 9, "nine", 0) == 0);
    CHECK(snd(id, 3, "three again", 0) == 0 && snd(id, 7, "", 0) == 0);
    CHECK(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 5 && ds.msg_lspid == getpid() && ds.msg_lrpid == 0);
    CHECK(ds.msg_stime > 1000000000 && ds.msg_rtime == 0);
    // MSG_COPY looks and takes nothing.
    FAILS(rcv(id, 20, 1, MSG_COPY), EINVAL);
    FAILS(rcv(id, 20, 1, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT), EINVAL);
    FAILS(rcv(id, 20, 5, MSG_COPY | IPC_NOWAIT), ENOMSG);
    CHECK(rcv(id, 20, 3, MSG_COPY | IPC_NOWAIT) == 11 && m.kind == 3 && !strcmp(m.text, "three again"));
    CHECK(rcv(id, 20, 9, 0) == 4 && m.kind == 9 && !strcmp(m.text, "nine"));
    CHECK(rcv(id, 20, -6, 0) == 5 && m.kind == 3 && !strcmp(m.text, "three"));
    FAILS(rcv(id, 4, -6, 0), E2BIG);
    CHECK(rcv(id, 5, -6, MSG_NOERROR) == 5 && m.kind == 3 && !strcmp(m.text, "three"));
    CHECK(rcv(id, 20, 5, MSG_EXCEPT) == 0 && m.kind == 7);
    FAILS(rcv(id, 20, LONG_MIN, 0) == 4 && m.kind == 5 ? rcv(id, 20, 0, IPC_NOWAIT) : 0, ENOMSG);
    CHECK(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 0 && ds.msg_lrpid == getpid() && ds.msg_rtime != 0);

    // Receivers that sleep: each gets what it waits for; one that has no room fails, and the next gets the message.
    pid_t a = fork();
    if (a == 0) _exit(rcv(id, 3, 2, 0) < 0 ? errno : 0);
    until_asleep(a);
    pid_t b = fork();
    if (b == 0) _exit(rcv(id, 10, 0, 0) == 6 && m.kind == 2 ? 0 : 1);
    until_asleep(b);
    CHECK(snd(id, 2, "longer", 0) == 0);
    CHECK(ends(a) == E2BIG);
    CHECK(ends(b) == 0);
    CHECK(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 0 && ds.msg_lrpid == b);

    // A full queue: a sender waits for room.
    CHECK(msgctl(id, IPC_STAT, &ds) == 0 && (ds.msg_qbytes = 10, msgctl(id, IPC_SET, &ds)) == 0);
    CHECK(snd(id, 1, "12345678", 0) == 0);
    FAILS(snd(id, 1, "abc", IPC_NOWAIT), EAGAIN);
    a = fork();
    if (a == 0) _exit(snd(id, 4, "abc", 0) < 0 ? errno : 0);
    until_asleep(a);
    CHECK(rcv(id, 10, 1, 0) == 8);
    CHECK(ends(a) == 0 && rcv(id, 10, 0, 0) == 3 && m.kind == 4);
    for (int i = 0; i < 10; i++) REQUIRE(snd(id, 1, "", IPC_NOWAIT) == 0);
    FAILS(snd(id, 1, "", IPC_NOWAIT), EAGAIN);
    while (rcv(id, 10, 0, IPC_NOWAIT) == 0) {}
    FAILS(rcv(id, 10, 0, IPC_NOWAIT), ENOMSG);
    // More room: who waits for it goes on.
    a = fork();
    if (a == 0) _exit(snd(id, 1, "more than ten", 0) < 0 ? errno : 0);
    until_asleep(a);
    ds.msg_qbytes = 100;
    CHECK(msgctl(id, IPC_SET, &ds) == 0 && ends(a) == 0 && rcv(id, 20, 0, 0) == 13);

    // A handler ends the wait, whatever SA_RESTART says.
    struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, 0);
    a = fork();
    if (a == 0) _exit(rcv(id, 8, 0, 0) < 0 ? errno : 0);
    until_asleep(a);
    kill(a, SIGUSR1);
    CHECK(ends(a) == EINTR);
    CHECK(snd(id, 1, "kept", 0) == 0 && rcv(id, 8, 0, IPC_NOWAIT) == 4);

    struct msginfo info;
    CHECK(msgctl(0, IPC_INFO, (void *)&info) >= 0);
    CHECK(info.msgmax == 8192 && info.msgmnb == 16384 && info.msgmni == 32000 && info.msgssz == 16);
    CHECK(info.msgpool == 512000 && info.msgmap == 16384 && info.msgtql == 16384);
    CHECK(info.msgseg == 0xffff);

    a = fork();
    if (a == 0) {
        REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
        FAILS(snd(id, 1, "x", 0), EACCES);
        FAILS(rcv(id, 1, 0, IPC_NOWAIT), EACCES);
        FAILS(msgctl(id, IPC_STAT, &ds), EACCES);
        FAILS(msgctl(id, IPC_RMID, 0), EPERM);
        _exit(0);
    }
    CHECK(ends(a) == 0);
    a = fork();
    if (a == 0) _exit(rcv(id, 8, 0, 0) < 0 ? errno : 0);
    until_asleep(a);
    CHECK(msgctl(id, IPC_RMID, 0) == 0);
    CHECK(ends(a) == EIDRM);
    FAILS(snd(id, 1, "x", 0), EINVAL);
    return 0;
}
