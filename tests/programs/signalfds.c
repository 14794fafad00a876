// signalfd: what is read, for whom, poll and epoll.
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static struct signalfd_siginfo info, many[4];
static int fd;

static void *reader(void *arg) {
    (void)arg;
    return read(fd, many, sizeof many) == sizeof info && many[0].ssi_signo == SIGUSR2 ? "" : 0;
}

int main(void) {
    sigset_t set, usr2;
    sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGCHLD), sigaddset(&set, SIGALRM);
    sigemptyset(&usr2), sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0), sigprocmask(SIG_BLOCK, &usr2, 0);
    FAILS(syscall(SYS_signalfd4, -1, &set, 7, 0), EINVAL);
    FAILS(syscall(SYS_signalfd4, -1, &set, 8, 1), EINVAL);
    FAILS(syscall(SYS_signalfd4, -1, 8, 8, 0), EFAULT);
    FAILS(syscall(SYS_signalfd4, 0, &set, 8, 0), EINVAL);
    FAILS(syscall(SYS_signalfd4, 99, &set, 8, 0), EBADF);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) & O_NONBLOCK);
    FAILS(read(fd, &info, sizeof info), EAGAIN);
    FAILS(read(fd, &info, sizeof info - 1), EINVAL);
    FAILS(write(fd, &info, sizeof info), EINVAL);
    struct pollfd p = { fd, POLLIN, 0 };
    CHECK(poll(&p, 1, 0) == 0);
    raise(SIGUSR1), raise(SIGUSR1);
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
    CHECK(read(fd, many, sizeof many) == sizeof info && many[0].ssi_signo == SIGUSR1);
    CHECK(many[0].ssi_code == SI_TKILL && many[0].ssi_pid == getpid() && many[0].ssi_uid == getuid());
    kill(getpid(), SIGUSR1), raise(SIGUSR2);
    for (int i = 1; i <= 2; i++) sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i });
    CHECK(read(fd, many, sizeof many) == 3 * sizeof info && many[0].ssi_code == SI_USER);
    CHECK(many[1].ssi_signo == SIGRTMIN && many[1].ssi_code == SI_QUEUE && many[1].ssi_int == 1 && many[2].ssi_int == 2);
    FAILS(read(fd, many, sizeof many), EAGAIN);
    // Another set, for the same file: what is pending shows at once.
    CHECK(signalfd(fd, &usr2, 0) == fd && poll(&p, 1, 0) == 1);
    CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR2);
    CHECK(signalfd(fd, &set, 0) == fd);
    pid_t pid = fork();
    if (pid == 0) {
        FAILS(read(fd, &info, sizeof info), EAGAIN);
        _exit(3);
    }
    int e = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = 7 };
    CHECK(epoll_ctl(e, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_wait(e, &event, 1, 5000) == 1 && event.data.u32 == 7);
    CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGCHLD && info.ssi_code == CLD_EXITED);
    CHECK(info.ssi_pid == pid && info.ssi_status == 3 && waitpid(pid, 0, 0) == pid);
    timer_t timer;
    struct sigevent how = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = 9 };
    struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
    CHECK(timer_create(CLOCK_MONOTONIC, &how, &timer) == 0 && timer_settime(timer, 0, &soon, 0) == 0);
    CHECK(poll(&p, 1, 5000) == 1);
    CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_code == SI_TIMER && info.ssi_int == 9 && info.ssi_overrun == 0);
    // A reader that sleeps: only its own signals and those of the process wake it.
    fcntl(fd, F_SETFL, 0);
    CHECK(signalfd(fd, &usr2, 0) == fd);
    pthread_t thread;
    void *result;
    pthread_create(&thread, 0, reader, 0);
    usleep(20000);
    raise(SIGUSR1);
    usleep(20000);
    pthread_kill(thread, SIGUSR2);
    CHECK(pthread_join(thread, &result) == 0 && result);
    return 0;
}
