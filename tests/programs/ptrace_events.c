// ptrace: what is told of fork, vfork, clone, execve and exit; group stops of seized and attached tasks, LISTEN;
// memory of another process.
// qemu-user differs: it has no ptrace.
#include "ptraced.h"
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

static const char *self;

static pid_t seized_child(void (*body)(void), long options) {
    int go[2];
    REQUIRE(pipe(go) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        REQUIRE(read(go[0], &byte, 1) == 1);
        close(go[0]), close(go[1]);
        body();
        _exit(0);
    }
    REQUIRE(ptrace(PTRACE_SEIZE, pid, 0, options) == 0);
    REQUIRE(write(go[1], "", 1) == 1);
    close(go[0]), close(go[1]);
    return pid;
}
static unsigned long message_of(pid_t pid) {
    unsigned long message = 0;
    REQUIRE(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message) == 0);
    return message;
}

static void forks_body(void) {
    int status;
    pid_t child = fork();
    if (child == 0) _exit(3);
    REQUIRE(waitpid(child, &status, 0) == child);
    child = vfork();
    if (child == 0) _exit(4);
    REQUIRE(waitpid(child, &status, 0) == child);
    child = syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (child == 0) _exit(5);
    REQUIRE(waitpid(child, &status, __WCLONE) == child);
    _exit(6);
}

static void forks(void) {
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE |
                   PTRACE_O_TRACEEXIT;
    pid_t pid = seized_child(forks_body, options);
    for (int n = 0; n < 3; n++) {
        int status = told("parent", pid);
        siginfo_t info = siginfo_of(pid);
        say("code %#x from itself %d", info.si_code, info.si_pid == pid);
        pid_t child = message_of(pid);
        told(" child", child);
        info = siginfo_of(child);
        say(" code %#x from itself %d", info.si_code, info.si_pid == child);
        go(PTRACE_CONT, child, 0);
        if (status >> 16 == PTRACE_EVENT_VFORK) {
            say(" the parent waits: %c", await_state(pid, 't'));
            go(PTRACE_CONT, pid, 0);
            say(" and sleeps: %c", await_state(pid, 'D'));
        }
        told(" child", child);
        say(" status %#lx", message_of(child));
        go(PTRACE_CONT, child, 0);
        told(" child", child);
        if (status >> 16 == PTRACE_EVENT_VFORK) {
            told("parent", pid);
            say("of the child %d", message_of(pid) == (unsigned long)child);
        }
        go(PTRACE_CONT, pid, 0);
        if (status >> 16 != PTRACE_EVENT_CLONE) {
            told("parent", pid);
            go(PTRACE_CONT, pid, SIGCHLD);
        }
    }
    told("parent", pid);
    say("status %#lx", message_of(pid));
    go(PTRACE_CONT, pid, 0);
    told("parent", pid);
}

static void exec_body(void) { execl(self, "self", "executed", (char *)0); }

static void *exec_thread(void *arg) {
    exec_body();
    return arg;
}
static void thread_exec_body(void) {
    pthread_t thread;
    pthread_create(&thread, 0, exec_thread, 0);
    for (;;) pause();
}

static void execs(void) {
    pid_t pid = seized_child(exec_body, PTRACE_O_TRACEEXEC);
    told("execve", pid);
    say("was itself %d", message_of(pid) == (unsigned long)pid);
    go(PTRACE_CONT, pid, 0);
    told("execve", pid);
    pid = seized_child(exec_body, 0);
    told("execve, no event", pid);
    pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        exec_body();
        _exit(1);
    }
    told("execve after TRACEME", pid);
    siginfo_t info = siginfo_of(pid);
    say("code %d from itself %d", info.si_code, info.si_pid == pid);
    go(PTRACE_CONT, pid, 0);
    told("execve after TRACEME", pid);
    // A thread's execve: it goes on under the leader's number.
    pid = seized_child(thread_exec_body, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT);
    told("leader", pid);
    pid_t thread = message_of(pid);
    told("thread", thread);
    go(PTRACE_CONT, pid, 0);
    await_state(pid, 'S');
    go(PTRACE_CONT, thread, 0);
    told("leader is to die", pid);
    go(PTRACE_CONT, pid, 0);
    told("execve", pid);
    say("was the thread %d", message_of(pid) == (unsigned long)thread);
    FAILS(ptrace(PTRACE_CONT, thread, 0, 0), ESRCH);
    go(PTRACE_CONT, pid, 0);
    told("at its end", pid);
    go(PTRACE_CONT, pid, 0);
    told("execve", pid);
}

static void threads_body(void) {
    pthread_t thread;
    pthread_create(&thread, 0, (void *(*)(void *))pause, 0);
    for (;;) pause();
}

static void pause_body(void) {
    for (;;) pause();
}

static int code_of_wait(pid_t pid, int options) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_PID, pid, &info, options) < 0) return -errno;
    if (info.si_pid == 0) return 0;
    say("waitid: code %d status %#x", info.si_code, info.si_status);
    return info.si_code;
}

static void group_stops(void) {
    pid_t pid = seized_child(pause_body, 0);
    await_state(pid, 'S');
    kill(pid, SIGSTOP);
    told("SIGSTOP", pid);
    go(PTRACE_CONT, pid, SIGSTOP);
    told("group stop", pid);
    siginfo_t info = siginfo_of(pid);
    say("signo %d code %#x, state %c", info.si_signo == SIGSTOP, info.si_code, state_of(pid));
    go(PTRACE_LISTEN, pid, 0);
    say("listens: wait %d, state %c", waitpid(pid, &(int){0}, WNOHANG | __WALL), state_of(pid));
    FAILS(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
    kill(pid, SIGCONT);
    told("SIGCONT", pid);
    info = siginfo_of(pid);
    say("signo %d code %#x", info.si_signo == SIGTRAP, info.si_code);
    FAILS(ptrace(PTRACE_LISTEN, pid, 0, 0) == 0 ? -1 : 0, 0);
    CHECK(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    told("interrupted while it listens", pid);
    go(PTRACE_CONT, pid, 0);
    told("SIGCONT itself", pid);
    go(PTRACE_CONT, pid, SIGCONT);
    CHECK(await_state(pid, 'S') == 'S');
    kill(pid, SIGSTOP);
    told("SIGSTOP", pid);
    go(PTRACE_CONT, pid, SIGSTOP);
    told("group stop", pid);
    // Cont'ed by the tracer, it runs though its group is stopped.
    go(PTRACE_CONT, pid, 0);
    say("runs: %c", await_state(pid, 'S'));
    CHECK(ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    told("interrupted in a stopped group", pid);
    CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
    say("detached: %c", await_state(pid, 'T'));
    code_of_wait(pid, WSTOPPED | WNOHANG);
    // Stopped first, then traced.
    CHECK(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
    told("seized when stopped", pid);
    CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
    say("detached: %c", await_state(pid, 'T'));
    CHECK(ptrace(PTRACE_ATTACH, pid, 0, 0) == 0);
    told("attached when stopped", pid);
    FAILS(ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == -1 && errno == EINVAL ? -1 : 0, EINVAL);
    go(PTRACE_CONT, pid, 0);
    told("the SIGSTOP of attaching", pid);
    CHECK(ptrace(PTRACE_DETACH, pid, 0, 0) == 0);
    say("detached: %c", await_state(pid, 'T'));
    kill(pid, SIGCONT);
    say("continued: %c", await_state(pid, 'S'));
    kill(pid, SIGKILL);
    told("end", pid);
    // SIGCONT while the tracer thinks about SIGSTOP: there is nothing left to stop for.
    pid = seized_child(pause_body, 0);
    await_state(pid, 'S');
    kill(pid, SIGSTOP);
    told("SIGSTOP", pid);
    kill(pid, SIGCONT);
    go(PTRACE_CONT, pid, SIGSTOP);
    told("SIGCONT was faster", pid);
    go(PTRACE_CONT, pid, 0);
    told("SIGCONT", pid);
    go(PTRACE_CONT, pid, 0);
    say("runs: %c", await_state(pid, 'S'));
    kill(pid, SIGKILL);
    told("end", pid);
    // A group of two.
    pid = seized_child(threads_body, PTRACE_O_TRACECLONE);
    told("leader", pid);
    pid_t thread = message_of(pid);
    told("thread", thread);
    go(PTRACE_CONT, pid, 0);
    go(PTRACE_CONT, thread, 0);
    await_state(pid, 'S');
    say("thread sleeps: %c", await_state(thread, 'S'));
    kill(pid, SIGSTOP);
    told("leader", pid);
    go(PTRACE_CONT, pid, SIGSTOP);
    told("leader", pid);
    told("thread", thread);
    info = siginfo_of(thread);
    say("signo %d code %#x", info.si_signo == SIGSTOP, info.si_code);
    kill(pid, SIGKILL);
    told("thread", thread);
    told("leader", pid);
    FAILS(waitpid(-1, 0, __WALL | WNOHANG), ECHILD);
    // The tracer is not the parent.
    pid = fork();
    if (pid == 0)
        for (;;) pause();
    pid_t tracer = fork();
    if (tracer == 0) {
        REQUIRE(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
        kill(pid, SIGSTOP);
        told("other tracer", pid);
        go(PTRACE_CONT, pid, SIGSTOP);
        told("other tracer", pid);
        pause();
        _exit(0);
    }
    int status;
    REQUIRE(waitpid(pid, &status, WUNTRACED) == pid);
    await_state(tracer, 'S');
    say("the parent sees the stop as well: %s", status_text(status));
    FAILS(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
    char path[64], text[2048] = "", expected[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY);
    REQUIRE(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    snprintf(expected, sizeof expected, "\nTracerPid:\t%d\n", (int)tracer);
    CHECK(strstr(text, expected) && strstr(text, "State:\tt (tracing stop)"));
    kill(pid, SIGKILL);
    await_state(pid, 'Z');
    say("a zombie is its tracer's first: %d", waitpid(pid, &status, WNOHANG));
    kill(tracer, SIGKILL);
    told("tracer", tracer);
    told("parent", pid);
}

static long shared_word = 5;

static void memory(void) {
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(page, "some text");
    mprotect(page, 4096, PROT_READ);
    mprotect(page + 4096, 4096, PROT_NONE);
    pid_t pid = fork();
    if (pid == 0)
        for (;;) pause();
    shared_word = 6;
    char text[16] = "", path[32];
    long word = 0;
    struct iovec local[2] = {{text, 5}, {&word, sizeof word}}, remote[2] = {{page, 5}, {&shared_word, sizeof word}};
    CHECK(process_vm_readv(pid, local, 2, remote, 2, 0) == 13);
    say("'%s' %ld", text, word);
    word = 9;
    CHECK(process_vm_writev(pid, local + 1, 1, remote + 1, 1, 0) == 8);
    FAILS(process_vm_writev(pid, local, 1, remote, 1, 0), EFAULT);
    remote[0].iov_base = page + 4096;
    FAILS(process_vm_readv(pid, local, 1, remote, 1, 0), EFAULT);
    FAILS(process_vm_readv(99999999, local, 1, remote, 1, 0), ESRCH);
    FAILS(process_vm_readv(pid, local, 1, remote, 1, 1), EINVAL);
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDWR);
    CHECK(pread(fd, &word, sizeof word, (off_t)(uintptr_t)&shared_word) == 8 && word == 9);
    CHECK(pwrite(fd, "SOME", 4, (off_t)(uintptr_t)page) == 4);
    CHECK(pread(fd, text, 10, (off_t)(uintptr_t)page) == 10);
    CHECK(pread(fd, text + 10, 4, (off_t)(uintptr_t)page + 4096) == 4);
    say("'%s', here '%s'", text, page);
    FAILS(pread(fd, text, 4, 8), EIO);
    kill(pid, SIGKILL);
    told("end", pid);
    CHECK(pread(fd, text, 4, (off_t)(uintptr_t)page) == 0);
    close(fd);
}

int main(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "executed")) _exit(9);
    static char path[4096];
    REQUIRE(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
    self = path;
    forks();
    execs();
    group_stops();
    memory();
    return 0;
}
