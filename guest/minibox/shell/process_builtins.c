/* process_builtins.c: cd pwd umask ulimit times history. */
#include <sys/resource.h>
#include <sys/times.h>

#include "shell.h"

/* Resolves . and .. by the names, as `cd` does without -P. */
static void logical_path(char *path) {
    char *to = path;
    for (char *from = path; *from;) {
        while (*from == '/')
            from++;
        size_t length = strcspn(from, "/");
        if (length == 2 && from[0] == '.' && from[1] == '.') {
            while (to > path && *--to != '/')
                continue;
        } else if (length && !(length == 1 && *from == '.')) {
            *to++ = '/';
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    if (to == path)
        *to++ = '/';
    *to = 0;
}

int cd_builtin(int argc, char **argv) {
    int at = 1;
    bool physical = false;
    for (; at < argc && (streq(argv[at], "-P") || streq(argv[at], "-L") || streq(argv[at], "--")); at++)
        physical = argv[at][1] == 'P';
    const char *target = at < argc ? argv[at] : variable_get("HOME"), *old = variable_get("PWD");
    bool show = false;
    if (!target)
        return complain("HOME is not set");
    if (streq(target, "-")) {
        target = variable_get("OLDPWD");
        show = true;
        if (!target)
            return complain("OLDPWD is not set");
    }
    char path[PATH_MAX];
    if (*target == '/' || !old)
        snprintf(path, sizeof path, "%s", target);
    else
        snprintf(path, sizeof path, "%s/%s", old, target);
    if (!physical && *path == '/')
        logical_path(path);
    if (physical || *path != '/' || chdir(path)) {
        if (chdir(target))
            return fail(target) + 1;
        if (!getcwd(path, sizeof path))
            snprintf(path, sizeof path, "%s", target);
    }
    if (old)
        variable_set("OLDPWD", old, 0);
    variable_set("PWD", path, 0);
    if (show)
        puts(path);
    return 0;
}

int pwd_builtin(int argc, char **argv) {
    const char *name = variable_get("PWD");
    struct stat here, there;
    bool physical = argc > 1 && streq(argv[1], "-P");
    if (!physical && name && *name == '/' && !stat(name, &there) && !stat(".", &here) &&
        here.st_ino == there.st_ino && here.st_dev == there.st_dev) {
        puts(name);
        return 0;
    }
    return pwd_main(1, argv);
}

int umask_builtin(int argc, char **argv) {
    mode_t old = umask(0), mode;
    umask(old);
    if (argc > 1 && streq(argv[1], "-S")) {
        char letters[11];
        mode_letters(~old & 0777, letters);
        printf("u=");
        for (int i = 1; i < 10; i++) {
            if (letters[i] != '-')
                putchar(letters[i]);
            if (i == 3 || i == 6)
                printf(i == 3 ? ",g=" : ",o=");
        }
        putchar('\n');
    } else if (argc < 2) {
        printf("%04o\n", (unsigned)old);
    } else if (argv[1][0] >= '0' && argv[1][0] <= '7') {
        if (!parse_mode(argv[1], 0, &mode) || mode > 0777)
            return complain("%s: bad mode", argv[1]);
        umask(mode);
    } else {
        if (!parse_mode(argv[1], ~old & 0777, &mode))
            return complain("%s: bad mode", argv[1]);
        umask(~mode & 0777);
    }
    return 0;
}

int ulimit_builtin(int argc, char **argv) {
    static const struct {
        char letter;
        int resource, unit;
        char text[28];
    } limits[] = {{'t', RLIMIT_CPU, 1, "cpu time (seconds)"},     {'f', RLIMIT_FSIZE, 512, "file size (blocks)"},
                  {'d', RLIMIT_DATA, 1024, "data (kbytes)"},      {'s', RLIMIT_STACK, 1024, "stack (kbytes)"},
                  {'c', RLIMIT_CORE, 512, "core file (blocks)"},  {'m', RLIMIT_RSS, 1024, "resident set (kbytes)"},
                  {'v', RLIMIT_AS, 1024, "address space (kbytes)"}, {'n', RLIMIT_NOFILE, 1, "open files"},
                  {'u', RLIMIT_NPROC, 1, "processes"}};
    bool hard = true, soft = true, all = false;
    size_t which = 1;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++)
        for (const char *letter = argv[at] + 1; *letter; letter++) {
            if (*letter == 'H' || *letter == 'S') {
                hard = *letter == 'H';
                soft = *letter == 'S';
                continue;
            }
            if (*letter == 'a') {
                all = true;
                continue;
            }
            for (which = 0; which < COUNT(limits) && limits[which].letter != *letter; which++)
                continue;
            if (which == COUNT(limits))
                return complain("-%c: unknown option", *letter) + 1;
        }
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct rlimit limit;
        if (!all && i != which)
            continue;
        if (getrlimit(limits[i].resource, &limit))
            return fail("getrlimit");
        if (at < argc && !all) {
            long value = 0;
            bool infinite = streq(argv[at], "unlimited");
            if (!infinite && (!parse_number(argv[at], &value) || value < 0))
                return complain("%s: bad number", argv[at]);
            rlim_t new = infinite ? RLIM_INFINITY : (rlim_t)value * limits[i].unit;
            if (hard)
                limit.rlim_max = new;
            if (soft)
                limit.rlim_cur = new;
            return setrlimit(limits[i].resource, &limit) ? fail("setrlimit") : 0;
        }
        rlim_t value = hard && !soft ? limit.rlim_max : limit.rlim_cur;
        if (all)
            printf("-%c: %-26s", limits[i].letter, limits[i].text);
        if (value == RLIM_INFINITY)
            puts("unlimited");
        else
            printf("%llu\n", (unsigned long long)value / limits[i].unit);
    }
    return 0;
}

int times_builtin(int argc, char **argv) {
    (void)argc, (void)argv;
    struct tms now;
    times(&now);
    clock_t values[] = {now.tms_utime, now.tms_stime, now.tms_cutime, now.tms_cstime};
    long second = sysconf(_SC_CLK_TCK);
    for (int i = 0; i < 4; i++)
        printf("%ldm%ld.%02lds%c", (long)values[i] / second / 60, (long)values[i] / second % 60,
               (long)values[i] % second * 100 / second, i % 2 ? '\n' : ' ');
    return 0;
}

int history_builtin(int argc, char **argv) {
    (void)argc, (void)argv;
    history_print();
    return 0;
}
