/* init.c: process 1: mount what a system has, give a shell the console, reap, and end as the shell ends.
 * Also halt, poweroff and reboot. */
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "minibox.h"

/* A kernel without a filesystem of that type (ENODEV) is none the worse for it. */
static void mount_at(const char *type, const char *target) {
    mkdir(target, 0755);
    if (mount(type, target, type, 0, NULL) && errno != EBUSY && errno != ENODEV)
        complain("can't mount %s on %s: %s", type, target, strerror(errno));
}

/* A shell that leads its own session, with the console as its terminal. */
_Noreturn static void run_shell(char **argv) {
    setsid();
    int fd = open("/dev/console", O_RDWR);
    if (fd >= 0) {
        for (int i = 0; i < 3; i++)
            dup2(fd, i);
        if (fd > 2)
            close(fd);
    }
    ioctl(0, TIOCSCTTY, 1); // taken from whoever has it
    struct utsname name;
    uname(&name);
    printf("%s %s (%s): the freezer is a cgroup subsystem: mount -t cgroup -ofreezer freezer /containers\n"
           "Programs of every architecture run side by side; `tasks` lists them.\n",
           name.sysname, name.release, name.machine);
    fflush(stdout);
    static char shell[] = "/" ARCH "/bin/sh";
    argv[0] = "-sh";
    char *environment[] = {"HOME=/root", "TERM=linux", "USER=root", "SHELL=/bin/sh", NULL, NULL};
    size_t room = strlen(arch_path()) + 6;
    environment[4] = xmalloc(room);
    snprintf(environment[4], room, "PATH=%s", arch_path());
    chdir("/");
    execve(shell, argv, environment);
    execve("/bin/sh", argv, environment);
    fail(shell);
    _exit(127);
}

int init_main(int argc, char **argv) {
    (void)argc;
    if (getpid() != 1)
        die("only the first process may be init");
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("devtmpfs", "/dev");
    mount_at("devpts", "/dev/pts");
    sethostname("minikern", 8);
    int status = 0;
    pid_t shell = fork();
    if (shell < 0)
        return fail("fork");
    if (!shell)
        run_shell(argv);
    for (;;) {
        pid_t pid = wait(&status);
        if (pid == shell)
            break;
        if (pid < 0 && errno != EINTR)
            return fail("wait");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int stop_machine(int command) {
    sync();
    return reboot(command) ? fail("reboot") : 0;
}

int halt_main(int argc, char **argv) {
    (void)argc, (void)argv;
    return stop_machine(RB_HALT_SYSTEM);
}

int poweroff_main(int argc, char **argv) {
    (void)argc, (void)argv;
    return stop_machine(RB_POWER_OFF);
}

int reboot_main(int argc, char **argv) {
    (void)argc, (void)argv;
    return stop_machine(RB_AUTOBOOT);
}
