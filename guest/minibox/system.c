/* system.c: the machine and its time: uname hostname uptime free dmesg mount umount df date nproc getconf sync sleep
 * usleep kill id whoami tty. */
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#include "minibox.h"

int uname_main(int argc, char **argv) {
    (void)argc;
    struct utsname name;
    options(argv, "asnrvmo");
    if (uname(&name))
        return fail("uname");
    const char *const values[] = {name.sysname, name.nodename, name.release, name.version, name.machine, "GNU/Linux"};
    bool none = true, first = true;
    for (int i = 0; i < 6; i++)
        none &= !option("snrvmo"[i]) && !option('a');
    for (int i = 0; i < 6; i++)
        if (option('a') || option("snrvmo"[i]) || (none && !i)) {
            printf("%s%s", first ? "" : " ", values[i]);
            first = false;
        }
    putchar('\n');
    return 0;
}

int hostname_main(int argc, char **argv) {
    char name[256];
    if (argc > 1)
        return sethostname(argv[1], strlen(argv[1])) ? fail("sethostname") : 0;
    if (gethostname(name, sizeof name))
        return fail("gethostname");
    puts(name);
    return 0;
}

int uptime_main(int argc, char **argv) {
    struct sysinfo info;
    (void)argc, (void)argv;
    if (sysinfo(&info))
        return fail("sysinfo");
    putchar(' ');
    format_time(time(NULL), "%T");
    long minutes = info.uptime / 60, hours = minutes / 60, days = hours / 24;
    fputs(" up ", stdout);
    if (days)
        printf("%ld day%s, ", days, days > 1 ? "s" : "");
    if (hours)
        printf("%2ld:%02ld", hours % 24, minutes % 60);
    else
        printf("%ld min", minutes);
    fputs(",  load average:", stdout);
    for (int i = 0; i < 3; i++) {
        unsigned long hundredths = (info.loads[i] * 100 + 32768) >> 16;
        printf("%s %lu.%02lu", i ? "," : "", hundredths / 100, hundredths % 100);
    }
    putchar('\n');
    return 0;
}

static unsigned long meminfo(const char *text, const char *name) {
    const char *at = strstr(text, name);
    return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

int free_main(int argc, char **argv) {
    (void)argc;
    char text[4096];
    options(argv, "kmb");
    struct sysinfo info;
    if (read_small("/proc/meminfo", text, sizeof text) <= 0 || sysinfo(&info))
        return fail("/proc/meminfo");
    unsigned shift = option('m') ? 10 : 0;
    unsigned long total = meminfo(text, "MemTotal:"), unused = meminfo(text, "MemFree:");
    unsigned long cached = meminfo(text, "\nCached:") + meminfo(text, "Buffers:") + meminfo(text, "SReclaimable:");
    unsigned long shared = meminfo(text, "Shmem:"), available = meminfo(text, "MemAvailable:");
    printf("%19s %11s %11s %11s %11s %11s\n", "total", "used", "free", "shared", "buff/cache", "available");
    printf("Mem:    %11lu %11lu %11lu %11lu %11lu %11lu\n", total >> shift, (total - unused - cached) >> shift,
           unused >> shift, shared >> shift, cached >> shift, available >> shift);
    total = meminfo(text, "SwapTotal:");
    unused = meminfo(text, "SwapFree:");
    printf("Swap:   %11lu %11lu %11lu\n", total >> shift, (total - unused) >> shift, unused >> shift);
    return 0;
}

int dmesg_main(int argc, char **argv) {
    (void)argc;
    options(argv, "cr");
    int size = klogctl(10, NULL, 0);
    if (size <= 0)
        size = 65536;
    char *text = xmalloc(size);
    int length = klogctl(option('c') ? 4 : 3, text, size);
    if (length < 0)
        return fail("klogctl");
    bool start = true;
    for (int i = 0; i < length; i++) { /* without the <6> before each line */
        if (start && text[i] == '<' && !option('r')) {
            while (i + 1 < length && text[i] != '>')
                i++;
            start = false;
            continue;
        }
        start = text[i] == '\n';
        putchar(text[i]);
    }
    return 0;
}

/* Flags out of "ro,nosuid,freezer"; what is no flag is the filesystem's. */
static unsigned long mount_flags(char *list, char *data, size_t size) {
    static const struct {
        char name[12];
        unsigned long flag;
    } known[] = {{"ro", MS_RDONLY},     {"nosuid", MS_NOSUID},   {"nodev", MS_NODEV},     {"noexec", MS_NOEXEC},
                 {"sync", MS_SYNCHRONOUS}, {"remount", MS_REMOUNT}, {"noatime", MS_NOATIME}, {"bind", MS_BIND},
                 {"relatime", MS_RELATIME}};
    unsigned long flags = 0;
    *data = 0;
    for (char *word; (word = strtok_r(list, ",", &list));) {
        bool found = streq(word, "rw") || streq(word, "defaults");
        for (size_t i = 0; i < COUNT(known); i++)
            if (streq(word, known[i].name)) {
                flags |= known[i].flag;
                found = true;
            }
        if (!found && strlen(data) + strlen(word) + 2 < size) {
            if (*data)
                strcat(data, ",");
            strcat(data, word);
        }
    }
    return flags;
}

static int show_mounts(const char *type) {
    FILE *file = fopen("/proc/mounts", "re");
    if (!file)
        return fail("/proc/mounts");
    for (char *line; (line = read_line(file)); free(line)) {
        char *words[4] = {line, "", "", ""};
        for (int i = 1; i < 4; i++) {
            char *space = strchr(words[i - 1], ' ');
            if (space) {
                *space = 0;
                words[i] = space + 1;
            }
        }
        words[3][strcspn(words[3], " ")] = 0;
        if (!type || streq(type, words[2]))
            printf("%s on %s type %s (%s)\n", words[0], words[1], words[2], words[3]);
    }
    return 0;
}

int mount_main(int argc, char **argv) {
    char data[256];
    static char list[256];
    /* -o may be given more than once: join. */
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "-o", 2)) {
            const char *value = argv[i][2] ? argv[i] + 2 : argv[i + 1] ? argv[i + 1] : "";
            if (strlen(list) + strlen(value) + 2 < sizeof list)
                strcat(*list ? strcat(list, ",") : list, value);
        }
    char **words = options(argv, "t:o:rw");
    const char *type = option_value('t');
    if (!*words)
        return show_mounts(type);
    unsigned long flags = mount_flags(list, data, sizeof data) | (option('r') ? MS_RDONLY : 0);
    const char *source = words[0], *target = words[1] ? words[1] : words[0];
    if (!words[1] && !(flags & MS_REMOUNT))
        die("a target is needed");
    if (mount(source, target, type ? type : "", flags, *data ? data : NULL))
        return complain("mounting %s on %s failed: %s", source, target, strerror(errno));
    return 0;
}

int umount_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    char **paths = options(argv, "lf");
    if (!*paths)
        die("a mount point is needed");
    for (; *paths; paths++)
        if (umount2(*paths, (option('l') ? MNT_DETACH : 0) | (option('f') ? MNT_FORCE : 0)))
            status = complain("can't unmount %s: %s", *paths, strerror(errno));
    return status;
}

static void print_df(const char *source, const char *target) {
    struct statvfs info;
    if (statvfs(target, &info) || !info.f_blocks)
        return;
    unsigned long long unit = info.f_frsize, total = info.f_blocks * unit / 1024;
    unsigned long long used = (info.f_blocks - info.f_bfree) * unit / 1024, left = info.f_bavail * unit / 1024;
    unsigned percent = used + left ? (used * 100 + used + left - 1) / (used + left) : 0;
    printf("%-20s %10llu %10llu %10llu %3u%% %s\n", source, total, used, left, percent, target);
}

int df_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "khT");
    printf("%-20s %10s %10s %10s %4s %s\n", "Filesystem", "1K-blocks", "Used", "Available", "Use%", "Mounted on");
    for (char **path = paths; *path; path++)
        print_df("-", *path);
    if (*paths)
        return 0;
    FILE *file = fopen("/proc/mounts", "re");
    if (!file)
        return fail("/proc/mounts");
    for (char *line; (line = read_line(file)); free(line)) {
        char *source = strtok_r(line, " ", &line), *target = strtok_r(line, " ", &line);
        if (source && target)
            print_df(source, target);
        line = source;
    }
    return 0;
}

int date_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "ud:s:");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const char *text = option('d') ? option_value('d') : option('s') ? option_value('s') : NULL;
    if (text) {
        now.tv_sec = number(text + (*text == '@'));
        now.tv_nsec = 0;
    }
    if (option('s') && clock_settime(CLOCK_REALTIME, &now))
        return fail("clock_settime");
    format_time(now.tv_sec, *words && **words == '+' ? *words + 1 : "%a %b %e %H:%M:%S %Z %Y");
    putchar('\n');
    return 0;
}

int nproc_main(int argc, char **argv) {
    cpu_set_t set;
    (void)argc, (void)argv;
    CPU_ZERO(&set);
    printf("%d\n", sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set));
    return 0;
}

int getconf_main(int argc, char **argv) {
    static const struct {
        char name[20];
        int number;
    } known[] = {{"PAGESIZE", _SC_PAGESIZE}, {"PAGE_SIZE", _SC_PAGESIZE}, {"CLK_TCK", _SC_CLK_TCK},
                 {"OPEN_MAX", _SC_OPEN_MAX}, {"ARG_MAX", _SC_ARG_MAX}, {"_NPROCESSORS_ONLN", _SC_NPROCESSORS_ONLN},
                 {"_NPROCESSORS_CONF", _SC_NPROCESSORS_CONF}, {"CHILD_MAX", _SC_CHILD_MAX}};
    for (size_t i = 0; argc > 1 && i < COUNT(known); i++)
        if (streq(argv[1], known[i].name)) {
            printf("%ld\n", sysconf(known[i].number));
            return 0;
        }
    if (argc > 1 && streq(argv[1], "LONG_BIT")) {
        printf("%d\n", (int)sizeof(long) * 8);
        return 0;
    }
    return complain("%s: unknown variable", argc > 1 ? argv[1] : "");
}

int sync_main(int argc, char **argv) {
    (void)argc, (void)argv;
    sync();
    return 0;
}

static void sleep_for(struct timespec time) {
    while (nanosleep(&time, &time) && errno == EINTR)
        continue;
}

int sleep_main(int argc, char **argv) {
    struct timespec time;
    if (argc < 2)
        die("a number of seconds is needed");
    for (int i = 1; i < argc; i++) {
        if (!parse_seconds(argv[i], &time))
            die("invalid time '%s'", argv[i]);
        sleep_for(time);
    }
    return 0;
}

int usleep_main(int argc, char **argv) {
    long micros = argc > 1 ? number(argv[1]) : 0;
    sleep_for((struct timespec){micros / 1000000, micros % 1000000 * 1000});
    return 0;
}

int kill_main(int argc, char **argv) {
    int number = SIGTERM, at = 1, status = 0;
    if (argc > 1 && streq(argv[1], "-l")) {
        long value;
        if (argc > 2 && parse_number(argv[2], &value)) {
            puts(signal_short_name(value & 127));
            return 0;
        }
        if (argc > 2) {
            printf("%d\n", signal_number(argv[2]));
            return signal_number(argv[2]) < 0;
        }
        for (int i = 1; i < 32; i++)
            printf("%s%c", signal_short_name(i), i == 31 ? '\n' : ' ');
        return 0;
    }
    if (argc > 2 && streq(argv[1], "-s")) {
        number = signal_number(argv[2]);
        at = 3;
    } else if (argc > 1 && argv[1][0] == '-' && argv[1][1] && !streq(argv[1], "--")) {
        number = signal_number(argv[1] + 1);
        at = 2;
    }
    if (number < 0)
        return complain("bad signal '%s'", argv[at - 1]);
    if (at < argc && streq(argv[at], "--"))
        at++;
    if (at >= argc)
        return complain("a process id is needed");
    for (; at < argc; at++) {
        long pid;
        if (!parse_number(argv[at], &pid))
            status = complain("invalid process id '%s'", argv[at]);
        else if (kill(pid, number))
            status = fail(argv[at]);
    }
    return status;
}

int whoami_main(int argc, char **argv) {
    (void)argc, (void)argv;
    puts(user_name(geteuid()));
    return 0;
}

int id_main(int argc, char **argv) {
    (void)argc;
    options(argv, "ugnrG");
    bool real = option('r');
    unsigned user = real ? getuid() : geteuid(), group = real ? getgid() : getegid();
    if (option('u') || option('g')) {
        if (option('n'))
            puts(option('u') ? user_name(user) : group_name(group));
        else
            printf("%u\n", option('u') ? user : group);
        return 0;
    }
    gid_t groups[64];
    int count = getgroups(64, groups);
    if (option('G')) {
        printf("%u", group);
        for (int i = 0; i < count; i++)
            if (groups[i] != group)
                printf(" %u", groups[i]);
        putchar('\n');
        return 0;
    }
    printf("uid=%u(%s) ", user, user_name(user));
    printf("gid=%u(%s)", group, group_name(group));
    for (int i = 0; i < count; i++)
        printf("%s%u(%s)", i ? "," : " groups=", groups[i], group_name(groups[i]));
    putchar('\n');
    return 0;
}

int tty_main(int argc, char **argv) {
    (void)argc;
    options(argv, "s");
    char *name = ttyname(0);
    if (!option('s'))
        puts(name ? name : "not a tty");
    return !name;
}
