/* lines.c: sort uniq cut tr. */
#include "minibox.h"

static long key_field, key_last;
static bool reverse, numeric;
static char separator;

/* The part of a line from field `first` to field `last` (0: the end). */
static const char *field(const char *line, long first, long last, size_t *length) {
    const char *start = line;
    for (long i = 1; i < first && *start; i++) {
        if (separator) {
            start += strcspn(start, (char[]){separator, 0});
            start += *start != 0;
        } else {
            start += strspn(start, " \t");
            start += strcspn(start, " \t");
        }
    }
    const char *end = start;
    for (long i = first; i <= last && *end; i++) {
        if (i > first && separator)
            end++;
        if (!separator)
            end += strspn(end, " \t");
        end += separator ? strcspn(end, (char[]){separator, 0}) : strcspn(end, " \t");
    }
    *length = last ? (size_t)(end - start) : strlen(start);
    return start;
}

static int compare_text(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t least = a_length < b_length ? a_length : b_length;
    int order = option('f') ? strncasecmp(a, b, least) : memcmp(a, b, least);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_keys(const char *a, const char *b) {
    size_t a_length = strlen(a), b_length = strlen(b);
    if (key_field) {
        a = field(a, key_field, key_last, &a_length);
        b = field(b, key_field, key_last, &b_length);
    }
    if (option('b') || numeric) {
        while (a_length && (*a == ' ' || *a == '\t'))
            a++, a_length--;
        while (b_length && (*b == ' ' || *b == '\t'))
            b++, b_length--;
    }
    if (!numeric)
        return compare_text(a, a_length, b, b_length);
    char *a_end, *b_end;
    long x = strtol(a, &a_end, 10), y = strtol(b, &b_end, 10);
    if (x != y)
        return x < y ? -1 : 1;
    /* Fractions compare like text once the whole parts are the same. */
    return *a_end == '.' || *b_end == '.' ? strcmp(*a_end == '.' ? a_end : "", *b_end == '.' ? b_end : "") : 0;
}

static int compare_lines(const void *x, const void *y) {
    const char *a = *(char *const *)x, *b = *(char *const *)y;
    int order = compare_keys(a, b);
    if (!order && !option('u') && !option('s'))
        order = strcmp(a, b);
    return reverse ? -order : order;
}

int sort_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "nrufbsk:t:o:c"), **lines = NULL;
    char *standard[] = {"-", NULL};
    size_t count = 0, room = 0;
    reverse = option('r');
    numeric = option('n');
    if (option('t'))
        separator = *option_value('t');
    if (option('k')) {
        char *end;
        key_field = strtol(option_value('k'), &end, 10);
        for (; *end && *end != ','; end++) {
            numeric |= *end == 'n';
            reverse |= *end == 'r';
        }
        if (*end == ',')
            key_last = strtol(end + 1, &end, 10);
        for (; *end; end++) {
            numeric |= *end == 'n';
            reverse |= *end == 'r';
        }
    }
    for (char **path = *paths ? paths : standard; *path; path++) {
        FILE *file = open_input(*path);
        if (!file)
            return 2;
        for (char *line; (line = read_line(file));) {
            if (count == room)
                lines = xrealloc(lines, (room = room * 2 + 64) * sizeof *lines);
            lines[count++] = line;
        }
    }
    if (option('c')) {
        for (size_t i = 1; i < count; i++)
            if (compare_lines(&lines[i - 1], &lines[i]) > 0)
                return complain("disorder: %s", lines[i]);
        return 0;
    }
    if (count)
        qsort(lines, count, sizeof *lines, compare_lines);
    if (option('o') && !freopen(option_value('o'), "w", stdout))
        return fail(option_value('o'));
    for (size_t i = 0; i < count; i++)
        if (!option('u') || !i || compare_keys(lines[i - 1], lines[i]))
            puts(lines[i]);
    return 0;
}

static void put_unique(const char *line, long count) {
    if (!line || (option('d') && count < 2) || (option('u') && count > 1))
        return;
    if (option('c'))
        printf("%7ld ", count);
    puts(line);
}

int uniq_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "cduif:");
    FILE *file = open_input(*paths ? *paths : "-");
    if (!file)
        return 1;
    if (*paths && paths[1] && !freopen(paths[1], "w", stdout))
        return fail(paths[1]);
    long skip = option('f') ? number(option_value('f')) : 0, count = 0;
    char *old = NULL;
    for (char *line; (line = read_line(file));) {
        size_t length;
        const char *a = field(line, skip + 1, 0, &length), *b = old ? field(old, skip + 1, 0, &length) : "";
        if (old && !(option('i') ? strcasecmp(a, b) : strcmp(a, b))) {
            count++;
            free(line);
            continue;
        }
        put_unique(old, count);
        free(old);
        old = line;
        count = 1;
    }
    put_unique(old, count);
    return 0;
}

/* Is a number in a list such as 1,3-5,7- ? */
static bool in_list(const char *list, long number) {
    while (*list) {
        char *end;
        long first = *list == '-' ? 1 : strtol(list, &end, 10), last;
        if (*list == '-')
            end = (char *)list;
        last = first;
        if (*end == '-')
            last = end[1] >= '0' && end[1] <= '9' ? strtol(end + 1, &end, 10) : (end++, LONG_MAX);
        if (number >= first && number <= last)
            return true;
        if (*end != ',')
            break;
        list = end + 1;
    }
    return false;
}

static void cut_fields(const char *line, const char *list, char delimiter) {
    bool any = false;
    if (!strchr(line, delimiter)) {
        if (!option('s'))
            puts(line);
        return;
    }
    for (long i = 1;; i++) {
        size_t length = strcspn(line, (char[]){delimiter, 0});
        if (in_list(list, i)) {
            if (any)
                putchar(delimiter);
            fwrite(line, 1, length, stdout);
            any = true;
        }
        if (!line[length])
            break;
        line += length + 1;
    }
    putchar('\n');
}

int cut_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "d:f:c:b:sn");
    char *standard[] = {"-", NULL};
    const char *bytes = option('c') ? option_value('c') : option('b') ? option_value('b') : NULL;
    if (!bytes && !option('f'))
        die("one of -f, -c and -b is needed");
    for (char **path = *paths ? paths : standard; *path; path++) {
        FILE *file = open_input(*path);
        if (!file)
            return 1;
        for (char *line; (line = read_line(file)); free(line)) {
            if (!bytes) {
                cut_fields(line, option_value('f'), option('d') ? *option_value('d') : '\t');
                continue;
            }
            for (long i = 1; line[i - 1]; i++)
                if (in_list(bytes, i))
                    putchar(line[i - 1]);
            putchar('\n');
        }
    }
    return 0;
}

/* Spells out a set: ranges, escapes, [:class:]. */
static size_t spell_set(const char *text, unsigned char *set) {
    static const struct {
        const char *name, *ranges;
    } classes[] = {{"[:lower:]", "az"},  {"[:upper:]", "AZ"},       {"[:digit:]", "09"},      {"[:alpha:]", "AZaz"},
                   {"[:alnum:]", "09AZaz"}, {"[:space:]", "\t\r  "}, {"[:blank:]", "\t\t  "}, {"[:punct:]", "!/:@[`{~"},
                   {"[:cntrl:]", "\001\037\177\177"}, {"[:xdigit:]", "09AFaf"}};
    size_t used = 0;
    while (*text && used < 256) {
        bool found = false;
        for (size_t i = 0; i < COUNT(classes) && *text == '['; i++) {
            size_t length = strlen(classes[i].name);
            if (strncmp(text, classes[i].name, length))
                continue;
            for (const char *range = classes[i].ranges; *range; range += 2)
                for (int c = range[0]; c <= range[1] && used < 256; c++)
                    set[used++] = c;
            text += length;
            found = true;
        }
        if (found)
            continue;
        int first = (unsigned char)*text++;
        if (first == '\\' && *text && !put_escape(&text, &first))
            first = *text++;
        if (*text == '-' && text[1]) {
            text++;
            int last = (unsigned char)*text++;
            if (last == '\\')
                put_escape(&text, &last);
            for (; first <= last && used < 256; first++)
                set[used++] = first;
        } else {
            set[used++] = first;
        }
    }
    return used;
}

int tr_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "+cdsC");
    unsigned char sets[2][256], map[256];
    bool in_first[256] = {false}, squeeze[256] = {false};
    if (!*words)
        die("a set is needed");
    size_t counts[2] = {spell_set(words[0], sets[0]), words[1] ? spell_set(words[1], sets[1]) : 0};
    for (size_t i = 0; i < counts[0]; i++)
        in_first[sets[0][i]] = true;
    if (option('c') || option('C')) {
        counts[0] = 0;
        for (int c = 0; c < 256; c++)
            if ((in_first[c] = !in_first[c]))
                sets[0][counts[0]++] = c;
    }
    for (int c = 0; c < 256; c++)
        map[c] = c;
    for (size_t i = 0; i < counts[0] && counts[1] && !option('d'); i++)
        map[sets[0][i]] = sets[1][i < counts[1] ? i : counts[1] - 1];
    int which = words[1] ? 1 : 0;
    for (size_t i = 0; i < counts[which] && option('s'); i++)
        squeeze[sets[which][i]] = true;
    int last = -1;
    for (int c; (c = getchar()) != EOF;) {
        if (option('d') && in_first[c])
            continue;
        c = map[c];
        if (c == last && squeeze[c])
            continue;
        putchar(last = c);
    }
    return 0;
}
