/* lib.c: messages, memory, options, numbers. */
#include <time.h>

#include "minibox.h"

const char *applet_name = "minibox";

static void say(const char *format, va_list list) {
    char message[1024]; /* one write, so that messages of several processes do not mix */
    fflush(stdout);
    vsnprintf(message, sizeof message, format, list);
    fprintf(stderr, "%s: %s\n", applet_name, message);
}

int complain(const char *format, ...) {
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    return 1;
}

int fail(const char *subject) {
    return complain("%s: %s", subject, strerror(errno));
}

void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    exit(1);
}

void *xrealloc(void *old, size_t size) {
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        die("out of memory");
    return memory;
}

void *xmalloc(size_t size) {
    return xrealloc(NULL, size);
}

char *xstrdup(const char *s) {
    return strcpy(xmalloc(strlen(s) + 1), s);
}

char *path_join(const char *dir, const char *name) {
    size_t length = strlen(dir);
    char *path = xmalloc(length + strlen(name) + 2);
    strcpy(path, dir);
    if (length && path[length - 1] != '/')
        path[length++] = '/';
    strcpy(path + length, name);
    return path;
}

const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static unsigned char option_count[128];
static const char *option_values[128];

int option(char letter) {
    return option_count[(int)letter];
}

const char *option_value(char letter) {
    return option_values[(int)letter];
}

char **options(char **argv, const char *spec) {
    bool permute = *spec != '+';
    char **next = argv + 1, **keep = argv + 1;
    for (; *next; next++) {
        char *arg = *next;
        if (arg[0] != '-' || !arg[1]) {
            if (!permute)
                break;
            *keep++ = arg;
            continue;
        }
        if (streq(arg, "--")) {
            next++;
            break;
        }
        for (char *letter = arg + 1; *letter; letter++) {
            const char *known = *letter == ':' || *letter == '+' ? NULL : strchr(spec, *letter);
            if (!known || (unsigned char)*letter > 127)
                die("unknown option %s", arg);
            option_count[(int)*letter]++;
            if (known[1] == ':') {
                option_values[(int)*letter] = letter[1] ? letter + 1 : *++next;
                if (!*next)
                    die("option -%c needs a value", *letter);
                break;
            }
        }
    }
    while (*next)
        *keep++ = *next++;
    *keep = NULL;
    return argv + 1;
}

int length_of(char **list) {
    int length = 0;
    while (list[length])
        length++;
    return length;
}

bool parse_number(const char *text, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 0);
    if (text[0] == '0' && end != text && *end) /* 08 is eight to a person */
        *value = strtol(text, &end, 10);
    return end != text && !*end && !errno;
}

long number(const char *text) {
    long value;
    if (!parse_number(text, &value))
        die("invalid number '%s'", text);
    return value;
}

bool parse_seconds(const char *text, struct timespec *time) {
    char *end = (char *)text;
    time->tv_sec = 0;
    time->tv_nsec = 0;
    if (*text >= '0' && *text <= '9')
        time->tv_sec = strtol(text, &end, 10);
    else if (*text != '.')
        return false;
    if (*end == '.') {
        long unit = 100000000;
        for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
            time->tv_nsec += (*end - '0') * unit;
    }
    long factor = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
    if (*end && strchr("smhd", *end))
        end++;
    long long nanos = time->tv_nsec * (long long)factor;
    time->tv_sec = time->tv_sec * factor + nanos / 1000000000;
    time->tv_nsec = nanos % 1000000000;
    return !*end;
}

bool put_escape(const char **text, int *byte) {
    static const char letters[] = "abefnrtv\\", values[] = "\a\b\033\f\n\r\t\v\\";
    const char *p = *text;
    const char *at = *p ? strchr(letters, *p) : NULL;
    if (*p == 'c')
        return false;
    if (at) {
        *byte = values[at - letters];
        p++;
    } else if (*p >= '0' && *p <= '7') {
        int value = 0, digits = *p == '0' ? 4 : 3; /* \0nnn and \nnn */
        for (; digits-- && *p >= '0' && *p <= '7'; p++)
            value = value * 8 + *p - '0';
        *byte = value & 255;
    } else if (*p == 'x') {
        char digits[3] = {p[1], p[1] ? p[2] : 0, 0}, *end;
        *byte = strtol(digits, &end, 16);
        if (end == digits)
            *byte = '\\';
        else
            p += 1 + (end - digits);
    } else {
        *byte = '\\';
    }
    *text = p;
    return true;
}
