// Who sent it: siginfo of kill, tgkill, sigqueue, children, timers; directed and process-wide delivery.
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static siginfo_t last;
static volatile pid_t ran_in;
static volatile int times;
static void note(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    last = *info;
    ran_in = syscall(SYS_gettid);
    times++;
}
static pid_t thread_id;
static volatile int stop;
static void *spin(void *arg) {
    (void)arg;
    __atomic_store_n(&thread_id, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
    while (!stop) usleep(1000);
    return 0;
}
static void *blocker(void *arg) {
    (void)arg;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, 0);
    while (!stop) usleep(1000);
    sigset_t pending;
    sigpending(&pending);
    return (void *)(long)sigismember(&pending, SIGUSR2);
}

int main(void) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
    int signals[] = {SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGRTMIN + 1};
    for (int i = 0; i < 5; i++) sigaction(signals[i], &action, 0);
    pid_t self = getpid();

    CHECK(kill(self, SIGUSR1) == 0 && times == 1 && last.si_code == SI_USER && last.si_pid == self && last.si_uid == getuid());
    CHECK(syscall(SYS_tgkill, self, self, SIGUSR1) == 0 && times == 2 && last.si_code == SI_TKILL && last.si_pid == self);
    CHECK(sigqueue(self, SIGRTMIN + 1, (union sigval){.sival_int = -5}) == 0 && last.si_code == SI_QUEUE && last.si_value.sival_int == -5);
    FAILS(kill(self, 99), EINVAL);
    FAILS(kill(0x7ffffff0, 0), ESRCH);
    FAILS(syscall(SYS_tgkill, self, 0x7ffffff0, 0), ESRCH);
    CHECK(kill(self, 0) == 0);

    pthread_t thread;
    pthread_create(&thread, 0, spin, 0);
    while (!__atomic_load_n(&thread_id, __ATOMIC_SEQ_CST)) usleep(1000);
    times = 0;
    CHECK(syscall(SYS_tgkill, self, thread_id, SIGUSR2) == 0);
    while (!times) usleep(1000);
    CHECK(ran_in == thread_id);
    // Blocked here, so it runs in the other thread.
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &old);
    times = 0;
    CHECK(kill(self, SIGUSR1) == 0);
    while (!times) usleep(1000);
    CHECK(ran_in == thread_id);
    pthread_sigmask(SIG_SETMASK, &old, 0);
    stop = 1;
    pthread_join(thread, 0);

    // A signal for one thread waits for that thread, although others would take it.
    stop = 0;
    pthread_create(&thread, 0, blocker, 0);
    usleep(10000);
    times = 0;
    pthread_kill(thread, SIGUSR2);
    usleep(10000);
    stop = 1;
    void *pending;
    pthread_join(thread, &pending);
    CHECK(times == 0 && pending == (void *)1);

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, 0);
    int go[2];
    char byte;
    REQUIRE(pipe(go) == 0);
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(read(go[0], &byte, 1) == 1 ? 33 : 34);
    }
    siginfo_t info;
    CHECK(sigwaitinfo(&set, &info) == SIGCHLD && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == child);
    kill(child, SIGCONT);
    CHECK(sigwaitinfo(&set, &info) == SIGCHLD && info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
    REQUIRE(write(go[1], "x", 1) == 1);
    CHECK(sigwaitinfo(&set, &info) == SIGCHLD && info.si_code == CLD_EXITED && info.si_status == 33 && info.si_uid == getuid());
    waitpid(child, 0, 0);
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, 0);
    child = fork();
    if (child == 0) {
        kill(getppid(), SIGUSR1);
        kill(getpid(), SIGKILL);
    }
    CHECK(sigwaitinfo(&set, &info) == SIGCHLD && info.si_code == CLD_KILLED && info.si_status == SIGKILL);
    sigprocmask(SIG_UNBLOCK, &usr1, 0);
    CHECK(last.si_signo == SIGUSR1 && last.si_pid == child && last.si_code == SI_USER);
    waitpid(child, 0, 0);
    sigprocmask(SIG_UNBLOCK, &set, 0);

    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 9};
    times = 0;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 5000000}}, 0) == 0);
    while (!times) pause();
    CHECK(last.si_code == SI_TIMER && last.si_value.sival_int == 9 && timer_delete(timer) == 0);
    times = 0;
    alarm(1);
    while (!times) pause();
    CHECK(last.si_code == SI_KERNEL && last.si_pid == 0);

    // Kill of a whole group; ignored and default-ignored signals vanish.
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        for (int i = 0; i < 3; i++)
            if (fork() == 0)
                for (;;) pause();
        usleep(10000);
        signal(SIGTERM, SIG_IGN);
        kill(0, SIGTERM);
        int status, dead = 0;
        for (int i = 0; i < 3; i++) dead += wait(&status) > 0 && WTERMSIG(status) == SIGTERM;
        kill(getpid(), SIGWINCH);
        kill(getpid(), SIGURG);
        _exit(dead);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
    return 0;
}
