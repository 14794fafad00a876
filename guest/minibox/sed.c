/* sed.c: the stream editor: addresses, { }, s y p d D n N h H g G x q = a i c b t :, -n -e -f -i -E. */
#include <regex.h>

#include "minibox.h"

struct address {
    char kind; /* 0 none, n line, $ last, / pattern */
    long line;
    regex_t *pattern;
};

struct command {
    struct address first, second;
    bool negate, active;
    char name;
    regex_t *pattern;
    char *text; /* replacement, text, label or y's table */
    bool global, print;
    long occurrence;
    size_t end; /* of a { } */
};

static struct command *commands;
static size_t command_count;
static const char *script;
static char *pattern_space, *hold_space, *next_line;
static char *append_text;
static long line_number;
static char **paths;
static FILE *file;
static int status;
static regex_t *last_pattern;

static void blanks(const char *also) {
    while (*script && (strchr(" \t", *script) || strchr(also, *script)))
        script++;
}

/* Up to an unescaped delimiter; "\n" becomes a newline, an escaped delimiter the delimiter. */
static char *delimited(char delimiter, bool regular) {
    char *text = xmalloc(strlen(script) + 1), *to = text;
    bool bracket = false;
    while (*script && (*script != delimiter || bracket)) {
        if (regular && *script == '[' && !bracket) {
            bracket = true;
            *to++ = *script++;
            if (*script == '^')
                *to++ = *script++;
            if (*script == ']')
                *to++ = *script++;
            continue;
        }
        bracket &= *script != ']';
        if (*script == '\\' && script[1] && !bracket) {
            script++;
            if (*script == 'n' && regular)
                *to++ = '\n';
            else if (*script == delimiter)
                *to++ = delimiter;
            else
                *to++ = '\\', *to++ = *script;
            script++;
            continue;
        }
        *to++ = *script++;
    }
    if (*script != delimiter)
        die("unterminated expression");
    script++;
    *to = 0;
    return text;
}

static regex_t *compile(const char *text, int flags) {
    if (!*text)
        return NULL; /* the last one used */
    regex_t *pattern = xmalloc(sizeof *pattern);
    int error = regcomp(pattern, text, flags | (option('E') || option('r') ? REG_EXTENDED : 0));
    if (error)
        die("%s: bad regular expression", text);
    return pattern;
}

static struct address parse_address(void) {
    struct address address = {0};
    if (*script >= '0' && *script <= '9') {
        address.kind = 'n';
        address.line = strtol(script, (char **)&script, 10);
    } else if (*script == '$') {
        address.kind = *script++;
    } else if (*script == '/' || (*script == '\\' && script[1])) {
        if (*script == '\\')
            script++;
        char delimiter = *script++;
        char *text = delimited(delimiter, true);
        address.kind = '/';
        bool fold = *script == 'I';
        script += fold;
        address.pattern = compile(text, fold ? REG_ICASE : 0);
    }
    return address;
}

/* The text of a, i and c: to the end of the line, "\" continues it. */
static char *text_argument(void) {
    blanks("");
    if (*script == '\\') {
        script++;
        blanks("");
        if (*script == '\n')
            script++;
    }
    char *text = xmalloc(strlen(script) + 2), *to = text;
    while (*script && *script != '\n') {
        if (*script == '\\' && script[1])
            script++;
        *to++ = *script++;
    }
    *to++ = '\n';
    *to = 0;
    return text;
}

static void parse_substitution(struct command *command) {
    char delimiter = *script++;
    char *pattern = delimited(delimiter, true);
    int flags = 0;
    command->text = delimited(delimiter, false);
    command->occurrence = 1;
    for (;; script++) {
        if (*script == 'g')
            command->global = true;
        else if (*script == 'p')
            command->print = true;
        else if (*script == 'i' || *script == 'I')
            flags = REG_ICASE;
        else if (*script >= '1' && *script <= '9')
            command->occurrence = strtol(script, (char **)&script, 10), script--;
        else
            break;
    }
    command->pattern = compile(pattern, flags);
}

static void parse_script(void) {
    size_t open[32], depth = 0;
    for (;;) {
        blanks(";\n");
        if (!*script)
            break;
        if (*script == '#') {
            script += strcspn(script, "\n");
            continue;
        }
        commands = xrealloc(commands, (command_count + 1) * sizeof *commands);
        struct command *command = &commands[command_count++];
        *command = (struct command){.first = parse_address()};
        blanks("");
        if (*script == ',') {
            script++;
            blanks("");
            command->second = parse_address();
        }
        blanks("");
        while (*script == '!') {
            script++;
            command->negate = true;
            blanks("");
        }
        command->name = *script ? *script++ : 0;
        switch (command->name) {
        case '{':
            if (depth == COUNT(open))
                die("too many {");
            open[depth++] = command_count - 1;
            break;
        case '}':
            if (!depth)
                die("unexpected }");
            commands[open[--depth]].end = command_count;
            break;
        case 's': parse_substitution(command); break;
        case 'y': {
            char delimiter = *script++;
            char *from = delimited(delimiter, true), *to = delimited(delimiter, true);
            if (strlen(from) != strlen(to))
                die("y: the strings differ in length");
            command->text = xmalloc(256);
            for (int c = 0; c < 256; c++)
                command->text[c] = c;
            for (; *from; from++, to++)
                command->text[(unsigned char)*from] = *to;
            break;
        }
        case 'a': case 'i': case 'c': command->text = text_argument(); break;
        case ':': case 'b': case 't': {
            blanks("");
            size_t length = strcspn(script, command->name == ':' ? ";\n" : ";\n}");
            command->text = strndup(script, length);
            script += length;
            break;
        }
        case 0: die("a command is missing");
        default:
            if (!strchr("=dDgGhHnNpPqx", command->name))
                die("unknown command '%c'", command->name);
        }
    }
    if (depth)
        die("unmatched {");
}

static char *read_input(void) {
    for (;;) {
        char *line = file ? read_line(file) : NULL;
        if (line || !*paths)
            return line;
        file = open_input(*paths++);
        if (!file)
            status = 1;
    }
}

static bool advance(char **into) {
    if (!next_line)
        return false;
    free(*into);
    *into = next_line;
    next_line = read_input();
    line_number++;
    return true;
}

static void flush_append(void) {
    if (append_text)
        fputs(append_text, stdout);
    free(append_text);
    append_text = NULL;
}

static void append_to(char **text, const char *mark, const char *more) {
    size_t length = *text ? strlen(*text) : 0;
    *text = xrealloc(*text, length + strlen(mark) + strlen(more) + 1);
    strcpy(stpcpy(*text + length, mark), more);
}

static bool matches(regex_t *pattern, const char *text, regmatch_t *match, int flags) {
    if (!pattern)
        pattern = last_pattern;
    if (!pattern)
        die("no previous regular expression");
    last_pattern = pattern;
    return !regexec(pattern, text, 10, match, flags);
}

static bool at_address(const struct address *address) {
    regmatch_t match[10];
    switch (address->kind) {
    case 'n': return line_number == address->line;
    case '$': return !next_line;
    default: return matches(address->pattern, pattern_space, match, 0);
    }
}

static bool selected(struct command *command) {
    if (!command->first.kind)
        return true;
    if (!command->second.kind)
        return at_address(&command->first);
    if (command->active) {
        bool past = command->second.kind == 'n' && line_number > command->second.line;
        if (past || at_address(&command->second))
            command->active = false;
        return !past;
    }
    if (!at_address(&command->first))
        return false;
    command->active = !(command->second.kind == 'n' && line_number >= command->second.line);
    return true;
}

static bool substitute(const struct command *command) {
    regmatch_t match[10];
    const char *at = pattern_space;
    char *result = NULL;
    size_t length = 0, room = 0;
    long count = 0;
    bool done = false;
#define ADD(from, size)                                                                                                \
    do {                                                                                                               \
        size_t add = (size);                                                                                           \
        if (length + add + 1 > room)                                                                                   \
            result = xrealloc(result, room = (length + add) * 2 + 64);                                                 \
        memcpy(result + length, (from), add);                                                                          \
        length += add;                                                                                                 \
    } while (0)
    while (matches(command->pattern, at, match, at == pattern_space ? 0 : REG_NOTBOL)) {
        bool empty = match[0].rm_so == match[0].rm_eo;
        ADD(at, match[0].rm_so);
        if (++count < command->occurrence) {
            ADD(at + match[0].rm_so, match[0].rm_eo - match[0].rm_so);
        } else {
            done = true;
            for (const char *p = command->text; *p; p++) {
                int group = *p == '&' ? 0 : *p == '\\' && p[1] >= '0' && p[1] <= '9' ? p[1] - '0' : -1;
                bool escaped = *p == '\\' && p[1];
                p += escaped;
                if (group >= 0) {
                    if (match[group].rm_so >= 0)
                        ADD(at + match[group].rm_so, match[group].rm_eo - match[group].rm_so);
                } else {
                    ADD(escaped && *p == 'n' ? "\n" : escaped && *p == 't' ? "\t" : p, 1);
                }
            }
        }
        at += match[0].rm_eo;
        if (empty) {
            if (!*at)
                break;
            ADD(at, 1);
            at++;
        }
        if (!*at || (done && !command->global))
            break;
    }
    ADD(at, strlen(at));
#undef ADD
    result[length] = 0;
    free(pattern_space);
    pattern_space = result;
    return done;
}

static size_t find_label(const char *label) {
    if (!*label)
        return command_count;
    for (size_t i = 0; i < command_count; i++)
        if (commands[i].name == ':' && streq(commands[i].text, label))
            return i;
    die("no label '%s'", label);
}

enum { NEXT_CYCLE, DELETED, RESTART, QUIT };

static int run_commands(void) {
    bool substituted = false;
    for (size_t i = 0; i < command_count; i++) {
        struct command *command = &commands[i];
        if (selected(command) == command->negate) {
            if (command->name == '{')
                i = command->end - 1;
            continue;
        }
        switch (command->name) {
        case '=': printf("%ld\n", line_number); break;
        case 'a': append_to(&append_text, "", command->text); break;
        case 'i': fputs(command->text, stdout); break;
        case 'c':
            if (!command->second.kind || !command->active || command->negate)
                fputs(command->text, stdout);
            return DELETED;
        case 'd': return DELETED;
        case 'D': {
            char *newline = strchr(pattern_space, '\n');
            if (!newline)
                return DELETED;
            memmove(pattern_space, newline + 1, strlen(newline));
            return RESTART;
        }
        case 'g': free(pattern_space), pattern_space = xstrdup(hold_space); break;
        case 'G': append_to(&pattern_space, "\n", hold_space); break;
        case 'h': free(hold_space), hold_space = xstrdup(pattern_space); break;
        case 'H': append_to(&hold_space, "\n", pattern_space); break;
        case 'x': {
            char *swap = pattern_space;
            pattern_space = hold_space;
            hold_space = swap;
            break;
        }
        case 'n':
            if (!next_line)
                return QUIT;
            if (!option('n'))
                puts(pattern_space);
            flush_append();
            advance(&pattern_space);
            break;
        case 'N': {
            if (!next_line)
                return QUIT;
            char *more = NULL;
            flush_append();
            advance(&more);
            append_to(&pattern_space, "\n", more);
            free(more);
            break;
        }
        case 'p': puts(pattern_space); break;
        case 'P': printf("%.*s\n", (int)strcspn(pattern_space, "\n"), pattern_space); break;
        case 'q': return QUIT;
        case 's':
            if (substitute(command)) {
                substituted = true;
                if (command->print)
                    puts(pattern_space);
            }
            break;
        case 'y':
            for (char *c = pattern_space; *c; c++)
                *c = command->text[(unsigned char)*c];
            break;
        case 't':
            if (!substituted)
                break;
            substituted = false;
            i = find_label(command->text) - 1;
            break;
        case 'b': i = find_label(command->text) - 1; break;
        }
    }
    return NEXT_CYCLE;
}

static void edit(void) {
    int result = NEXT_CYCLE;
    next_line = read_input();
    while (result != QUIT && (result == RESTART || advance(&pattern_space))) {
        result = run_commands();
        if ((result == NEXT_CYCLE || result == QUIT) && !option('n'))
            puts(pattern_space);
        flush_append();
    }
}

static void edit_in_place(char **files) {
    for (; *files; files++) {
        char *temporary = xmalloc(strlen(*files) + 8);
        strcpy(stpcpy(temporary, *files), ".sed");
        struct stat info;
        if (stat(*files, &info) || !freopen(temporary, "w", stdout)) {
            status = fail(*files);
            continue;
        }
        paths = (char *[]){*files, NULL};
        file = NULL;
        line_number = 0;
        edit();
        fflush(stdout);
        chmod(temporary, info.st_mode & 07777);
        if (rename(temporary, *files))
            status = fail(*files);
    }
}

int sed_main(int argc, char **argv) {
    char *joined = NULL;
    for (int i = 1; i + 1 < argc; i++) /* options() keeps only the last -e */
        if (argv[i][0] == '-' && argv[i][strlen(argv[i]) - 1] == 'e' && argv[i][1] != '-')
            append_to(&joined, joined ? "\n" : "", argv[i + 1]);
    char **words = options(argv, "nErie:f:"), *standard[] = {"-", NULL};
    if (option('f')) {
        FILE *source = open_input(option_value('f'));
        if (!source)
            return 1;
        for (char *line; (line = read_line(source)); free(line))
            append_to(&joined, joined ? "\n" : "", line);
    }
    if (!joined) {
        if (!*words)
            die("a script is needed");
        joined = *words++;
    }
    script = joined;
    parse_script();
    hold_space = xstrdup("");
    paths = *words ? words : standard;
    if (option('i'))
        edit_in_place(words);
    else
        edit();
    return status;
}
