/* print.c: echo printf seq clear. */
#include "minibox.h"

int echo_main(int argc, char **argv) {
    bool newline = true, escapes = false;
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (strspn(argv[at] + 1, "neE") != strlen(argv[at] + 1))
            break;
        for (const char *letter = argv[at] + 1; *letter; letter++) {
            newline &= *letter != 'n';
            escapes = *letter == 'e' || (*letter != 'E' && escapes);
        }
    }
    for (int first = at; at < argc; at++) {
        if (at > first)
            putchar(' ');
        if (!escapes) {
            fputs(argv[at], stdout);
            continue;
        }
        for (const char *p = argv[at]; *p;) {
            int byte = *p++;
            if (byte == '\\' && !put_escape(&p, &byte))
                return 0;
            putchar(byte);
        }
    }
    if (newline)
        putchar('\n');
    return 0;
}

static char **arguments;
static int printf_status;

static const char *next_argument(void) {
    return *arguments ? *arguments++ : "";
}

static long long next_number(void) {
    const char *text = next_argument();
    if (*text == '\'' || *text == '"')
        return (unsigned char)text[1];
    char *end;
    errno = 0;
    long long value = *text == '-' ? strtoll(text, &end, 0) : (long long)strtoull(text, &end, 0);
    if (*end || errno)
        printf_status = complain("%s: invalid number", text);
    return value;
}

/* %b: a string with echo's escapes; false is \c. */
static bool put_escaped(const char *text) {
    while (*text) {
        int byte = *text++;
        if (byte == '\\' && !put_escape(&text, &byte))
            return false;
        putchar(byte);
    }
    return true;
}

/* One conversion, from behind the percent sign. Returns what follows, or NULL to stop. */
static const char *conversion(const char *p) {
    char format[32] = "%";
    size_t used = 1;
    int numbers[2], count = 0;
    for (; *p && strchr("-+ #0123456789.*", *p) && used < sizeof format - 6; p++) {
        if (*p == '*' && count < 2)
            numbers[count++] = next_number();
        format[used++] = *p;
    }
    char kind = *p ? *p++ : 0;
    if (!kind || !strchr("diouxXcsb%", kind)) {
        printf_status = complain("%%%c: invalid format", kind);
        return NULL;
    }
    if (kind == '%') {
        putchar('%');
        return p;
    }
    if (kind == 'b')
        return put_escaped(next_argument()) ? p : NULL;
    if (kind == 'c') {
        const char *text = next_argument();
        if (*text)
            putchar(*text);
        return p;
    }
    if (kind == 's') {
        strcpy(format + used, "s");
        const char *text = next_argument();
        count == 2 ? printf(format, numbers[0], numbers[1], text) : count ? printf(format, numbers[0], text)
                                                                          : printf(format, text);
    } else {
        snprintf(format + used, 4, "ll%c", kind);
        long long value = next_number();
        count == 2 ? printf(format, numbers[0], numbers[1], value) : count ? printf(format, numbers[0], value)
                                                                           : printf(format, value);
    }
    return p;
}

int printf_main(int argc, char **argv) {
    int at = argc > 1 && streq(argv[1], "--") ? 2 : 1;
    if (argc <= at)
        return complain("a format is needed") + 1;
    arguments = argv + at + 1;
    printf_status = 0;
    char **before;
    do { /* as often as there are arguments left */
        before = arguments;
        for (const char *p = argv[at]; *p;) {
            int byte = *p++;
            if (byte == '%') {
                p = conversion(p);
                if (!p)
                    return printf_status;
                continue;
            }
            if (byte == '\\' && *p >= '0' && *p <= '7') { /* \nnn, without echo's extra 0 */
                byte = 0;
                for (int digits = 3; digits-- && *p >= '0' && *p <= '7'; p++)
                    byte = byte * 8 + *p - '0';
            } else if (byte == '\\' && *p == '"') {
                byte = *p++;
            } else if (byte == '\\' && !put_escape(&p, &byte)) {
                return printf_status;
            }
            putchar(byte);
        }
    } while (*arguments && arguments != before);
    return printf_status;
}

int seq_main(int argc, char **argv) {
    const char *separator = "\n";
    bool pad = false;
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && (argv[at][1] == 's' || argv[at][1] == 'w'); at++) {
        if (argv[at][1] == 'w')
            pad = true;
        else
            separator = argv[at][2] ? argv[at] + 2 : at + 1 < argc ? argv[++at] : "";
    }
    if (at >= argc || argc - at > 3)
        die("usage: seq [-w] [-s SEPARATOR] [FIRST [STEP]] LAST");
    long first = argc - at > 1 ? number(argv[at]) : 1, last = number(argv[argc - 1]);
    long step = argc - at == 3 ? number(argv[at + 1]) : 1;
    if (!step)
        die("the step must not be 0");
    int width = 0;
    if (pad) {
        int a = snprintf(NULL, 0, "%ld", first), b = snprintf(NULL, 0, "%ld", last);
        width = a > b ? a : b;
    }
    bool any = false;
    for (long value = first; step > 0 ? value <= last : value >= last; value += step) {
        printf("%s%0*ld", any ? separator : "", width, value);
        any = true;
    }
    if (any)
        putchar('\n');
    return 0;
}

int clear_main(int argc, char **argv) {
    (void)argc, (void)argv;
    fputs("\033[H\033[J", stdout);
    return 0;
}
