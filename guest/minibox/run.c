/* run.c: programs that run others: env nice nohup setsid time timeout xargs which, and PATH. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "minibox.h"

extern char **environ;

#ifndef ARCHES /* build.sh passes the list of arches.txt */
#define ARCHES "x86_64 aarch64"
#endif

const char *arch_path(void) {
    static char path[256];
    char list[] = ARCHES, *rest = list;
    strcpy(path, "/" ARCH "/bin");
    for (char *name; (name = strtok_r(rest, " ", &rest));)
        if (!streq(name, ARCH)) {
            strcat(path, ":/");
            strcat(strcat(path, name), "/bin");
        }
    return strcat(path, ":/bin:/sbin:/usr/bin:/usr/sbin");
}

/* Only where another architecture's directory comes before ours does the order change. */
const char *prefer_own_arch(const char *path) {
    static const char own[] = "/" ARCH "/bin";
    const char *at = strstr(path, own);
    if (!at || at == path || at[-1] != ':' || (at[sizeof own - 1] && at[sizeof own - 1] != ':'))
        return path;
    char *new = xmalloc(strlen(path) + 1), *to = stpcpy(new, own);
    *to++ = ':';
    memcpy(to, path, at - 1 - path);
    strcpy(to + (at - 1 - path), at + sizeof own - 1);
    return new;
}

static char *search_path(const char *name) {
    const char *path = getenv("PATH");
    if (!path)
        path = arch_path();
    while (*path) {
        size_t length = strcspn(path, ":");
        char *directory = strndup(path, length), *file = path_join(length ? directory : ".", name);
        struct stat info;
        free(directory);
        if (!stat(file, &info) && S_ISREG(info.st_mode) && !access(file, X_OK))
            return file;
        free(file);
        path += length + (path[length] == ':');
    }
    return NULL;
}

void run_program(char **argv, char **environment) {
    char *path = strchr(argv[0], '/') ? argv[0] : search_path(argv[0]);
    fflush(stdout);
    if (!path) {
        errno = ENOENT;
    } else {
        execve(path, argv, environment);
        if (errno == ENOEXEC) { /* a script without #! */
            char **script = xmalloc((length_of(argv) + 2) * sizeof *script);
            script[0] = "sh";
            script[1] = path;
            memcpy(script + 2, argv + 1, length_of(argv) * sizeof *script);
            execve(search_path("sh"), script, environment);
        }
    }
    int status = errno == ENOENT ? 127 : 126;
    fail(argv[0]);
    exit(status);
}

int which_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    for (char **name = options(argv, "a"); *name; name++) {
        char *path = strchr(*name, '/') ? access(*name, X_OK) ? NULL : *name : search_path(*name);
        if (path)
            puts(path);
        else
            status = 1;
    }
    return status;
}

int env_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "+iu:");
    if (option('i'))
        clearenv();
    if (option('u'))
        unsetenv(option_value('u'));
    for (; *words && strchr(*words, '='); words++)
        putenv(*words);
    if (*words)
        run_program(words, environ);
    for (char **variable = environ; variable && *variable; variable++)
        puts(*variable);
    return 0;
}

int nice_main(int argc, char **argv) {
    (void)argc;
    static char text[16];
    if (argv[1] && argv[1][0] == '-' && (argv[1][1] == '-' || (argv[1][1] >= '0' && argv[1][1] <= '9'))) {
        snprintf(text, sizeof text, "-n%s", argv[1] + 1); /* nice -5, nice --5 */
        argv[1] = text;
    }
    char **words = options(argv, "+n:");
    errno = 0;
    int old = getpriority(PRIO_PROCESS, 0);
    if (!*words) {
        printf("%d\n", old);
        return 0;
    }
    if (setpriority(PRIO_PROCESS, 0, old + (option('n') ? number(option_value('n')) : 10)))
        fail("setpriority");
    run_program(words, environ);
}

int nohup_main(int argc, char **argv) {
    if (argc < 2)
        die("a program is needed");
    signal(SIGHUP, SIG_IGN);
    if (isatty(1)) {
        int fd = open("nohup.out", O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd < 0)
            return fail("nohup.out");
        complain("appending output to nohup.out");
        dup2(fd, 1);
        if (isatty(2))
            dup2(fd, 2);
        close(fd);
    }
    run_program(argv + 1, environ);
}

int setsid_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "+cw");
    int status = 0;
    if (!*words)
        die("a program is needed");
    pid_t pid = getpgrp() == getpid() ? fork() : 0; /* a group's leader can't start a session */
    if (pid < 0)
        return fail("fork");
    if (pid) {
        if (option('w'))
            waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    setsid();
    run_program(words, environ);
}

static void print_time(const char *name, long seconds, long micros) {
    fprintf(stderr, "%s\t%ldm%ld.%02lds\n", name, seconds / 60, seconds % 60, micros / 10000);
}

int time_main(int argc, char **argv) {
    (void)argc;
    struct timespec before, after;
    struct rusage usage;
    int status;
    char **words = options(argv, "+p");
    if (!*words)
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t pid = fork();
    if (pid < 0)
        return fail("fork");
    if (!pid)
        run_program(words, environ);
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
        continue;
    clock_gettime(CLOCK_MONOTONIC, &after);
    long seconds = after.tv_sec - before.tv_sec, nanos = after.tv_nsec - before.tv_nsec;
    if (nanos < 0)
        seconds--, nanos += 1000000000;
    print_time("real", seconds, nanos / 1000);
    print_time("user", usage.ru_utime.tv_sec, usage.ru_utime.tv_usec);
    print_time("sys", usage.ru_stime.tv_sec, usage.ru_stime.tv_usec);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t timed_child;
static int timeout_signal = SIGTERM;
static volatile sig_atomic_t timed_out;

static void on_alarm(int number) {
    (void)number;
    kill(timed_child, timed_out ? SIGKILL : timeout_signal);
    timed_out = 1;
    if (option('k'))
        alarm(strtol(option_value('k'), NULL, 10));
}

int timeout_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "+s:k:");
    struct timespec limit;
    int status;
    if (length_of(words) < 2 || !parse_seconds(words[0], &limit))
        die("usage: timeout [-s SIGNAL] [-k SECONDS] SECONDS PROGRAM [ARG...]");
    if (option('s') && (timeout_signal = signal_number(option_value('s'))) < 0)
        die("%s: bad signal", option_value('s'));
    timed_child = fork();
    if (timed_child < 0)
        return fail("fork");
    if (!timed_child)
        run_program(words + 1, environ);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval timer = {.it_value = {limit.tv_sec, limit.tv_nsec / 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    while (waitpid(timed_child, &status, 0) < 0 && errno == EINTR)
        continue;
    return timed_out ? 124 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_and_wait(char **command) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return fail("fork");
    if (!pid) {
        int null = open("/dev/null", O_RDONLY);
        if (null > 0)
            dup2(null, 0), close(null);
        run_program(command, environ);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status))
        return 125;
    return WEXITSTATUS(status) >= 126 ? WEXITSTATUS(status) : WEXITSTATUS(status) ? 123 : 0;
}

/* The next word of standard input: quotes and backslashes as xargs knows them. */
static char *input_word(bool nul) {
    size_t used = 0, room = 0;
    char *word = NULL, quote = 0;
    bool any = false;
    for (int c; (c = getchar()) != EOF;) {
        if (nul ? c == 0 : !quote && (c == ' ' || (c >= '\t' && c <= '\r'))) {
            if (any)
                break;
            if (!nul)
                continue;
        } else if (!nul && (quote ? c == quote : c == '\'' || c == '"')) {
            quote = quote ? 0 : c;
            any = true;
            continue;
        } else if (!nul && !quote && c == '\\') {
            c = getchar();
        }
        if (used + 2 > room)
            word = xrealloc(word, room = room * 2 + 64);
        word[used++] = c;
        any = true;
    }
    if (!any)
        return NULL;
    word = xrealloc(word, used + 1);
    word[used] = 0;
    return word;
}

static char *replace_all(const char *text, const char *mark, const char *with) {
    size_t length = strlen(mark), count = 0;
    for (const char *p = text; length && (p = strstr(p, mark)); p += length)
        count++;
    char *result = xmalloc(strlen(text) + count * strlen(with) + 1), *to = result;
    for (const char *found; length && (found = strstr(text, mark)); text = found + length) {
        to = mempcpy(to, text, found - text);
        to = stpcpy(to, with);
    }
    strcpy(to, text);
    return result;
}

int xargs_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "+0rtn:I:"), *echo[] = {"echo", NULL};
    if (!*words)
        words = echo;
    int fixed = length_of(words), status = 0;
    long most = option('I') ? 1 : option('n') ? number(option_value('n')) : 1000;
    size_t most_bytes = 100000;
    char **command = xmalloc((fixed + most + 1) * sizeof *command);
    bool ran = false;
    for (char *pending = input_word(option('0')); pending || (!ran && !option('r') && !option('I'));) {
        long count = 0;
        size_t bytes = 0;
        memcpy(command, words, fixed * sizeof *command);
        while (pending && count < most && bytes < most_bytes) {
            bytes += strlen(pending) + 1;
            command[fixed + count++] = pending;
            pending = input_word(option('0'));
        }
        command[fixed + count] = NULL;
        if (option('I')) {
            char *value = command[fixed];
            for (int i = 0; i < fixed; i++)
                command[i] = replace_all(words[i], option_value('I'), value);
            command[fixed] = NULL;
        }
        if (option('t'))
            for (char **word = command; *word; word++)
                fprintf(stderr, "%s%c", *word, word[1] ? ' ' : '\n');
        int result = run_and_wait(command);
        if (result > status)
            status = result;
        ran = true;
        if (result >= 125)
            break;
    }
    return status;
}
