/* grep.c: grep, with the C library's regular expressions. */
#include <regex.h>

#include "minibox.h"

static struct pattern {
    struct pattern *next;
    const char *text;
    regex_t compiled;
} *patterns;

static void add_patterns(char *text) {
    for (char *line; (line = strsep(&text, "\n"));) {
        struct pattern *pattern = xmalloc(sizeof *pattern);
        pattern->text = line;
        pattern->next = patterns;
        patterns = pattern;
        if (option('F'))
            continue;
        int error = regcomp(&pattern->compiled, line, (option('E') ? REG_EXTENDED : 0) | (option('i') ? REG_ICASE : 0));
        if (error) {
            char message[80];
            regerror(error, &pattern->compiled, message, sizeof message);
            complain("%s: %s", line, message);
            exit(2);
        }
    }
}

static bool word_byte(int c) {
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* The first match at or after `from`; honours -x and -w. */
static bool find_match(const struct pattern *pattern, const char *line, const char *from, regmatch_t *match) {
    size_t length = strlen(line);
    for (const char *at = from;; at++) {
        if (option('F')) {
            const char *found = option('i') ? strcasestr(at, pattern->text) : strstr(at, pattern->text);
            if (!found)
                return false;
            match->rm_so = found - line;
            match->rm_eo = match->rm_so + strlen(pattern->text);
        } else {
            if (regexec(&pattern->compiled, at, 1, match, at == line ? 0 : REG_NOTBOL))
                return false;
            match->rm_so += at - line;
            match->rm_eo += at - line;
        }
        bool whole = match->rm_so == 0 && (size_t)match->rm_eo == length;
        bool word = (!match->rm_so || !word_byte((unsigned char)line[match->rm_so - 1])) &&
                    !word_byte((unsigned char)line[match->rm_eo]);
        if ((!option('x') || whole) && (!option('w') || word))
            return true;
        at = line + match->rm_so;
        if (!*at)
            return false;
    }
}

static bool first_match(const char *line, const char *from, regmatch_t *best) {
    bool found = false;
    for (struct pattern *pattern = patterns; pattern; pattern = pattern->next) {
        regmatch_t match;
        if (!find_match(pattern, line, from, &match))
            continue;
        if (!found || match.rm_so < best->rm_so || (match.rm_so == best->rm_so && match.rm_eo > best->rm_eo))
            *best = match;
        found = true;
    }
    return found;
}

static bool named;
static int status = 1;

static void print_prefix(const char *name, long number, char mark) {
    if (named)
        printf("%s%c", name, mark);
    if (option('n'))
        printf("%ld%c", number, mark);
}

static void search(FILE *file, const char *name) {
    long number = 0, count = 0, most = option('m') ? strtol(option_value('m'), NULL, 10) : LONG_MAX;
    long after = option('A') ? strtol(option_value('A'), NULL, 10) : 0, pending = 0;
    for (char *line; count < most && (line = read_line(file)); free(line)) {
        regmatch_t match;
        number++;
        if (first_match(line, line, &match) == !!option('v')) {
            if (pending-- > 0) {
                print_prefix(name, number, '-');
                puts(line);
            }
            continue;
        }
        status = 0;
        count++;
        if (option('q'))
            exit(0);
        if (option('l') || option('L'))
            break;
        if (option('c'))
            continue;
        pending = after;
        if (option('o')) {
            const char *from = line;
            while (!option('v') && first_match(line, from, &match)) {
                if (match.rm_eo > match.rm_so) {
                    print_prefix(name, number, ':');
                    printf("%.*s\n", (int)(match.rm_eo - match.rm_so), line + match.rm_so);
                }
                from = line + match.rm_eo + (match.rm_eo == match.rm_so);
                if (from > line + strlen(line))
                    break;
            }
            continue;
        }
        print_prefix(name, number, ':');
        puts(line);
    }
    if (option('c')) {
        if (named)
            printf("%s:", name);
        printf("%ld\n", count);
    }
    if (option('l') ? count : option('L') && !count)
        puts(name);
}

static int search_path(const char *path, void *data) {
    struct stat info;
    (void)data;
    if (option('r') && !stat(path, &info) && S_ISDIR(info.st_mode))
        return each_entry(path, search_path, NULL);
    FILE *file = open_input(path);
    if (!file) {
        if (!option('s') || status)
            status = 2;
        return 0;
    }
    search(file, streq(path, "-") ? "(standard input)" : path);
    if (file != stdin)
        fclose(file);
    return 0;
}

int grep_main(int argc, char **argv) {
    /* -e may be given more than once, and options() keeps only the last: join them first. */
    char *joined = NULL;
    for (int i = 1; i + 1 < argc; i++)
        if (streq(argv[i], "-e")) {
            size_t old = joined ? strlen(joined) + 1 : 0;
            joined = xrealloc(joined, old + strlen(argv[i + 1]) + 1);
            if (old)
                joined[old - 1] = '\n';
            strcpy(joined + old, argv[i + 1]);
        }
    char **words = options(argv, "vincqEFlLoxwrshHe:m:A:");
    char *pattern = joined ? joined : option('e') ? (char *)option_value('e') : *words;
    if (!pattern) {
        complain("a pattern is needed");
        return 2;
    }
    if (pattern == *words)
        words++;
    add_patterns(pattern);
    char *standard[] = {option('r') ? "." : "-", NULL};
    named = ((*words && words[1]) || option('r') || option('H')) && !option('h');
    for (char **path = *words ? words : standard; *path; path++)
        search_path(*path, NULL);
    return status;
}
