/* dump.c: hexdump and od. */
#include "minibox.h"

static char **paths;
static FILE *file;
static int status;

/* The next byte of all the files together. */
static int next_byte(void) {
    for (;;) {
        int c = file ? getc(file) : EOF;
        if (c != EOF)
            return c;
        if (!*paths)
            return EOF;
        file = open_input(*paths++);
        status |= !file;
    }
}

static size_t read_row(unsigned char row[16], size_t most) {
    size_t length = 0;
    for (int c; length < most && (c = next_byte()) != EOF;)
        row[length++] = c;
    return length;
}

static void canonical_row(const unsigned char *row, size_t length) {
    for (size_t i = 0; i < 16; i++) {
        fputs(i == 8 ? "  " : " ", stdout);
        if (i < length)
            printf("%02x", row[i]);
        else
            fputs("  ", stdout);
    }
    fputs("  |", stdout);
    for (size_t i = 0; i < length; i++)
        putchar(row[i] >= ' ' && row[i] < 127 ? row[i] : '.');
    putchar('|');
}

static void character_row(const unsigned char *row, size_t length) {
    static const char letters[] = "0......abtnvfr";
    for (size_t i = 0; i < length; i++)
        if (row[i] >= ' ' && row[i] < 127)
            printf("   %c", row[i]);
        else if (row[i] < 14 && letters[row[i]] != '.')
            printf("  \\%c", letters[row[i]]);
        else
            printf(" %03o", row[i]);
}

static void number_row(const unsigned char *row, size_t length, char base, int size) {
    static const struct {
        char base;
        char widths[9];
    } widths[] = {{'o', {0, 3, 6, 0, 11, 0, 0, 0, 22}}, {'x', {0, 2, 4, 0, 8, 0, 0, 0, 16}},
                  {'d', {0, 4, 6, 0, 11, 0, 0, 0, 20}}, {'u', {0, 3, 5, 0, 10, 0, 0, 0, 20}}};
    size_t kind = 0;
    while (kind < COUNT(widths) - 1 && widths[kind].base != base)
        kind++;
    int width = widths[kind].widths[size];
    for (size_t i = 0; i < length; i += size) {
        unsigned long long value = 0; /* little-endian, as every architecture here is */
        for (int j = size - 1; j >= 0; j--)
            value = value << 8 | (i + j < length ? row[i + j] : 0);
        int unused = 64 - 8 * size;
        if (base == 'd')
            printf(" %*lld", width, (long long)(value << unused) >> unused);
        else if (base == 'u')
            printf(" %*llu", width, value);
        else
            printf(base == 'x' ? " %0*llx" : " %0*llo", width, value);
    }
}

static int dump(bool canonical, char base, int size, char address, long skip, long most) {
    unsigned char row[16], previous[16];
    unsigned long long offset = 0;
    bool starred = false, whole = false;
    int digits = canonical ? 8 : 7;
    const char *form = address == 'o' ? "%0*llo" : address == 'd' ? "%0*llu" : "%0*llx";
    for (; skip > 0 && next_byte() != EOF; skip--)
        offset++;
    for (size_t length; most > 0 && (length = read_row(row, most < 16 ? most : 16)); offset += length) {
        most -= length;
        if (whole && length == 16 && !memcmp(row, previous, 16) && !option('v')) {
            if (!starred)
                puts("*");
            starred = true;
            continue;
        }
        starred = false;
        whole = length == 16;
        memcpy(previous, row, 16);
        if (address != 'n')
            printf(form, digits, offset);
        if (canonical) {
            putchar(' ');
            canonical_row(row, length);
        } else if (base == 'c') {
            character_row(row, length);
        } else {
            number_row(row, length, base, size);
        }
        putchar('\n');
    }
    if (address != 'n' && (offset || !canonical)) {
        printf(form, digits, offset);
        putchar('\n');
    }
    return status;
}

static void use_paths(char **words) {
    paths = words;
    if (!*paths) {
        static char *standard[] = {"-", NULL};
        paths = standard;
    }
}

static long limit(char letter, long standard) {
    return option(letter) ? number(option_value(letter)) : standard;
}

int hexdump_main(int argc, char **argv) {
    (void)argc;
    use_paths(options(argv, "Cvn:s:x"));
    return dump(option('C'), 'x', 2, 'x', limit('s', 0), limit('n', LONG_MAX));
}

int od_main(int argc, char **argv) {
    (void)argc;
    use_paths(options(argv, "A:t:N:j:cxdobv"));
    char base = option('c') ? 'c' : option('x') ? 'x' : option('d') ? 'u' : 'o';
    int size = option('b') ? 1 : 2;
    if (option('t')) {
        const char *type = option_value('t');
        base = *type;
        size = type[1] ? atoi(type + 1) : 4;
        if (!strchr("xoduc", base) || (size != 1 && size != 2 && size != 4 && size != 8))
            die("invalid type '%s'", type);
    }
    char address = option('A') ? *option_value('A') : 'o';
    return dump(false, base, size, address, limit('j', 0), limit('N', LONG_MAX));
}
