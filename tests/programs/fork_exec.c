// Processes: fork, vfork, execve of itself, every way to wait, exit codes, stop and continue reports, orphans.
// qemu-user differs: its vfork is fork, and it refuses PR_SET_CHILD_SUBREAPER.
#include "check.h"
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int exec_self(char *how, char **env) {
    char *argv[] = {"fork_exec", how, "with space", "", 0};
    return execve("/proc/self/exe", argv, env);
}

static int executed(int argc, char **argv) {
    if (!strcmp(argv[1], "exit")) return 17;
    if (!strcmp(argv[1], "print")) {
        say("argc %d, argv[2] '%s', argv[3] '%s', env '%s'", argc, argv[2], argv[3], getenv("COLOUR"));
        say("close-on-exec pipe is closed %d, the other open %d", fcntl(20, F_GETFD) < 0, fcntl(21, F_GETFD) == 0);
        struct sigaction ignored, caught;
        sigaction(SIGUSR1, 0, &ignored);
        sigaction(SIGUSR2, 0, &caught);
        sigset_t mask;
        sigprocmask(0, 0, &mask);
        say("ignored stays ignored %d, caught is default %d, mask kept %d, pending kept %d",
            ignored.sa_handler == SIG_IGN, caught.sa_handler == SIG_DFL, sigismember(&mask, SIGHUP),
            (sigpending(&mask), sigismember(&mask, SIGHUP)));
        return 0;
    }
    return 99;
}
static void nothing(int signal) { (void)signal; }

int main(int argc, char **argv) {
    if (argc == 4) return executed(argc, argv);
    int status;
    siginfo_t info;
    struct rusage usage;
    volatile int shared_by_vfork = 1;

    pid_t child = fork();
    if (child == 0) _exit(300);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 44);
    FAILS(waitpid(-1, &status, 0), ECHILD);

    child = vfork();
    if (child == 0) {
        shared_by_vfork = 2;
        _exit(3);
    }
    CHECK(shared_by_vfork == 2);
    CHECK(wait4(child, &status, 0, &usage) == child && WEXITSTATUS(status) == 3);

    child = vfork();
    if (child == 0) {
        exec_self("exit", 0);
        _exit(98);
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 17);

    child = fork();
    if (child == 0) {
        char *env[] = {"COLOUR=green", 0};
        int ends[2];
        REQUIRE(pipe(ends) == 0);
        dup3(ends[0], 20, O_CLOEXEC);
        dup2(ends[1], 21);
        signal(SIGUSR1, SIG_IGN);
        signal(SIGUSR2, nothing);
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGHUP);
        sigprocmask(SIG_BLOCK, &mask, 0);
        raise(SIGHUP);
        exec_self("print", env);
        _exit(98);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    FAILS(execve("/nonexistent", argv, 0), ENOENT);
    FAILS(execve("/", argv, 0), EACCES);

    child = fork();
    if (child == 0)
        for (;;) pause();
    kill(child, SIGSTOP);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    kill(child, SIGCONT);
    CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    REQUIRE(setpgid(child, child) == 0); // in an orphaned group SIGTSTP would do nothing
    kill(child, SIGTSTP);
    CHECK(waitid(P_PID, child, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED && info.si_status == SIGTSTP);
    kill(child, SIGTERM); // pends while stopped
    CHECK(waitid(P_PID, child, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
    kill(child, SIGCONT);
    CHECK(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0 && info.si_code == CLD_KILLED && info.si_status == SIGTERM);
    CHECK(info.si_pid == child && info.si_signo == SIGCHLD);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    // Copy on write: neither sees the other's writes; shared memory both see.
    int *both = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static int private[3000];
    private[2500] = 1;
    child = fork();
    if (child == 0) {
        private[2500] = 2;
        *both = private[2500] + 40;
        _exit(private[2500]);
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 2 && private[2500] == 1 && *both == 42);

    // A grandchild is handed to the nearest subreaper when its parent goes.
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    child = fork();
    if (child == 0) {
        if (fork() == 0) {
            char byte;
            close(ends[1]);
            REQUIRE(read(ends[0], &byte, 1) == 0);
            _exit(5);
        }
        _exit(6);
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 6);
    close(ends[1]);
    CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 5);

    // Groups, sessions.
    child = fork();
    if (child == 0) {
        REQUIRE(setpgid(0, 0) == 0 && getpgrp() == getpid());
        if (fork() == 0) {
            REQUIRE(setsid() == getpid() && getsid(0) == getpid());
            _exit(0);
        }
        wait(&status);
        FAILS(setsid(), EPERM);
        _exit(WEXITSTATUS(status));
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);

    signal(SIGCHLD, SIG_IGN);
    child = fork();
    if (child == 0) _exit(1);
    FAILS(waitpid(child, &status, 0), ECHILD);
    signal(SIGCHLD, SIG_DFL);

    enum { MANY = 50 };
    int sum = 0;
    for (int i = 0; i < MANY; i++)
        if (fork() == 0) _exit(i);
    for (int i = 0; i < MANY; i++) {
        REQUIRE(wait(&status) > 0);
        sum += WEXITSTATUS(status);
    }
    say("sum of %d exit codes: %d", MANY, sum);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        abort();
    }
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGABRT);
    return 0;
}
