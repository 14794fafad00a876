/* names.c: users, groups, signals, modes and dates as people write them.
 * The C library's passwd functions would pull in its sockets, so /etc is read here. */
#include <signal.h>
#include <time.h>

#include "minibox.h"

/* Looks in a colon-separated file for a name or, if name is NULL, an id (field 2). */
static bool find_account(const char *file, const char *name, unsigned id, char *found, unsigned ids[2]) {
    static char text[4096];
    read_small(file, text, sizeof text);
    for (char *line = text, *next; *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        else
            next = line + strlen(line);
        char *fields[4] = {line, "", "", ""};
        for (int i = 1; i < 4; i++) {
            char *colon = strchr(fields[i - 1], ':');
            if (!colon)
                break;
            *colon = 0;
            fields[i] = colon + 1;
        }
        ids[0] = atoi(fields[2]);
        ids[1] = atoi(fields[3]);
        if (name ? streq(name, fields[0]) : *fields[2] && ids[0] == id) {
            snprintf(found, 32, "%s", fields[0]);
            return true;
        }
    }
    return false;
}

static const char *name_of(const char *file, unsigned id, char name[32]) {
    unsigned ids[2];
    if (!find_account(file, NULL, id, name, ids))
        snprintf(name, 32, "%u", id);
    return name;
}

const char *user_name(unsigned id) {
    static char name[32];
    static unsigned last = -1;
    if (id != last || !*name)
        name_of("/etc/passwd", last = id, name);
    return name;
}

const char *group_name(unsigned id) {
    static char name[32];
    static unsigned last = -1;
    if (id != last || !*name)
        name_of("/etc/group", last = id, name);
    return name;
}

static bool find_id(const char *file, const char *name, unsigned ids[2]) {
    char found[32];
    long value;
    if (find_account(file, name, 0, found, ids))
        return true;
    if (!parse_number(name, &value) || value < 0)
        return false;
    ids[0] = ids[1] = value;
    return true;
}

bool find_user(const char *name, unsigned *uid, unsigned *gid) {
    unsigned ids[2];
    if (!find_id("/etc/passwd", name, ids))
        return false;
    *uid = ids[0];
    *gid = ids[1];
    return true;
}

bool find_group(const char *name, unsigned *gid) {
    unsigned ids[2];
    if (!find_id("/etc/group", name, ids))
        return false;
    *gid = ids[0];
    return true;
}

/* The numbers are the same on every architecture that Linux gave asm-generic/signal.h or x86's. */
static const char signal_names[32][8] = {
    "EXIT", "HUP",  "INT",    "QUIT", "ILL",  "TRAP", "ABRT", "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE",   "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU",   "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
};

int signal_number(const char *name) {
    long value;
    if (*name >= '0' && *name <= '9')
        return parse_number(name, &value) && value <= 64 ? value : -1;
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (int i = 0; i < 32; i++)
        if (strcasecmp(name, signal_names[i]) == 0)
            return i;
    return -1;
}

const char *signal_short_name(int number) {
    static char text[8];
    if (number >= 0 && number < 32)
        return signal_names[number];
    snprintf(text, sizeof text, "%d", number);
    return text;
}

bool parse_mode(const char *text, mode_t old, mode_t *mode) {
    char *end;
    if (*text >= '0' && *text <= '7') {
        *mode = strtoul(text, &end, 8);
        return !*end && *mode <= 07777;
    }
    bool directory = S_ISDIR(old);
    old &= 07777;
    for (;;) {
        mode_t who = 0;
        for (; *text && strchr("ugoa", *text); text++)
            who |= *text == 'u' ? 04700 : *text == 'g' ? 02070 : *text == 'o' ? 01007 : 07777;
        mode_t mask = 0;
        if (!who) {
            who = 07777;
            umask(mask = umask(0));
        }
        if (!*text || !strchr("+-=", *text))
            return false;
        while (*text && strchr("+-=", *text)) {
            char operation = *text++;
            mode_t bits = 0;
            for (; *text && strchr("rwxXstugo", *text); text++) {
                switch (*text) {
                case 'r': bits |= 0444; break;
                case 'w': bits |= 0222; break;
                case 'x': bits |= 0111; break;
                case 'X': bits |= directory || (old & 0111) ? 0111 : 0; break;
                case 's': bits |= 06000; break;
                case 't': bits |= 01000; break;
                case 'u': bits |= (old >> 6 & 7) * 0111; break;
                case 'g': bits |= (old >> 3 & 7) * 0111; break;
                case 'o': bits |= (old & 7) * 0111; break;
                }
            }
            bits &= who & ~mask;
            old = operation == '+' ? old | bits : operation == '-' ? old & ~bits : (old & ~who) | bits;
        }
        if (!*text) {
            *mode = old;
            return true;
        }
        if (*text++ != ',')
            return false;
    }
}

void mode_letters(mode_t mode, char out[11]) {
    static const char types[17] = "?pc?d?b?-?l?s???";
    strcpy(out, "?rwxrwxrwx");
    out[0] = types[mode >> 12 & 15];
    for (int i = 0; i < 9; i++)
        if (!(mode >> (8 - i) & 1))
            out[1 + i] = '-';
    if (mode & S_ISUID)
        out[3] = mode & 0100 ? 's' : 'S';
    if (mode & S_ISGID)
        out[6] = mode & 0010 ? 's' : 'S';
    if (mode & S_ISVTX)
        out[9] = mode & 0001 ? 't' : 'T';
}

void format_time(long seconds, const char *format) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t time = seconds;
    struct tm tm;
    gmtime_r(&time, &tm);
    for (; *format; format++) {
        if (*format != '%' || !format[1]) {
            putchar(*format);
            continue;
        }
        switch (*++format) {
        case 'Y': printf("%d", tm.tm_year + 1900); break;
        case 'y': printf("%02d", tm.tm_year % 100); break;
        case 'm': printf("%02d", tm.tm_mon + 1); break;
        case 'd': printf("%02d", tm.tm_mday); break;
        case 'e': printf("%2d", tm.tm_mday); break;
        case 'H': printf("%02d", tm.tm_hour); break;
        case 'M': printf("%02d", tm.tm_min); break;
        case 'S': printf("%02d", tm.tm_sec); break;
        case 'j': printf("%03d", tm.tm_yday + 1); break;
        case 'u': printf("%d", tm.tm_wday ? tm.tm_wday : 7); break;
        case 's': printf("%ld", seconds); break;
        case 'a': printf("%.3s", days + 3 * tm.tm_wday); break;
        case 'b': printf("%.3s", months + 3 * tm.tm_mon); break;
        case 'Z': fputs("UTC", stdout); break;
        case 'z': fputs("+0000", stdout); break;
        case 'F': format_time(seconds, "%Y-%m-%d"); break;
        case 'T': format_time(seconds, "%H:%M:%S"); break;
        case 'R': format_time(seconds, "%H:%M"); break;
        case 'D': format_time(seconds, "%m/%d/%y"); break;
        case 'c': format_time(seconds, "%a %b %e %H:%M:%S %Y"); break;
        case 'n': putchar('\n'); break;
        case 't': putchar('\t'); break;
        case '%': putchar('%'); break;
        default: putchar('%'), putchar(*format);
        }
    }
}
