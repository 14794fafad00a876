/* expand.c: tilde, parameter, command and arithmetic expansion, quote removal (POSIX XCU 2.6).
 * Each character of a result carries how it came to be there: what may be split, what may be a pattern. */
#include <fnmatch.h>

#include "shell.h"

enum {
    M_QUOTED = 1,     /* inside double quotes */
    M_UNTIL_QUOTE = 2, /* ... which end at the next one */
    M_HEREDOC = 4,    /* a double quote is a character */
    M_TILDE = 8,
    M_ASSIGNMENT = 16, /* a tilde after a colon too */
    M_RESULT = 32,    /* literals are split like results: ${x:-a b} */
    M_BRACES = 64,
};

static void put(struct expansion *e, char c, int how) {
    if (e->length + 1 >= e->room) {
        size_t room = e->room * 2 + 64;
        char *s = pool_alloc(temporary, room);
        unsigned char *hows = pool_alloc(temporary, room);
        if (e->length) {
            memcpy(s, e->s, e->length);
            memcpy(hows, e->how, e->length);
        }
        e->s = s;
        e->how = hows;
        e->room = room;
    }
    e->s[e->length] = c;
    e->how[e->length++] = how;
}

static void put_string(struct expansion *e, const char *s, int how) {
    while (*s)
        put(e, *s++, how);
}

/* The same without the marks: no splitting, breaks become their separator. */
static char *plain(const struct expansion *e) {
    char *text = pool_alloc(temporary, e->length + 1), *to = text;
    for (size_t i = 0; i < e->length; i++)
        if (e->how[i] != H_EMPTY && (e->how[i] != H_BREAK || e->s[i]))
            *to++ = e->s[i];
    return text;
}

static const char *span(struct expansion *e, const char *p, const char *end, int mode);

static const char *backquote(struct expansion *e, const char *p, const char *end, int mode) {
    char *command = temp_copy(p, end - p), *to = command;
    for (p++; p < end && *p != '`'; p++) {
        if (*p == '\\' && p + 1 < end && (strchr("$`\\", p[1]) || ((mode & M_QUOTED) && p[1] == '"')))
            p++;
        *to++ = *p;
    }
    *to = 0;
    put_string(e, command_output(command), mode & M_QUOTED ? H_QUOTED : H_RESULT);
    return p < end ? p + 1 : p;
}

static const char *number_text(long value) {
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    return temp_copy(text, strlen(text));
}

/* NULL if unset. @ and * are lists and are not asked for here, except for whether they are set. */
static const char *parameter(const char *name) {
    if (name_start(*name))
        return variable_get(name);
    if (*name >= '0' && *name <= '9') {
        int index = atoi(name);
        return !index ? shell_name : index <= positional.count ? positional.list[index - 1] : NULL;
    }
    switch (*name) {
    case '#': return number_text(positional.count);
    case '?': return number_text(last_status);
    case '$': return number_text(shell_pid);
    case '!': return last_background ? number_text(last_background) : NULL;
    case '@': case '*': return positional.count ? positional.list[0] : NULL;
    case '-': {
        char letters[32], *to = letters;
        for (int c = 'a'; c <= 'z'; c++)
            if (flag[c])
                *to++ = c;
        if (interactive)
            *to++ = 'i';
        return temp_copy(letters, to - letters);
    }
    }
    return NULL;
}

static void put_list(struct expansion *e, char name, bool quoted) {
    const char *separators = variable_get("IFS");
    char separator = name == '@' || !separators ? ' ' : *separators;
    for (int i = 0; i < positional.count; i++) {
        if (i && quoted && name == '*') {
            if (separator)
                put(e, separator, H_QUOTED);
        } else if (i) {
            put(e, separator, H_BREAK);
        }
        if (quoted)
            put(e, 0, H_EMPTY);
        put_string(e, positional.list[i], quoted ? H_QUOTED : H_RESULT);
    }
}

static void put_parameter(struct expansion *e, const char *name, const char *value, bool quoted) {
    if (*name == '@' || *name == '*')
        put_list(e, *name, quoted);
    else if (value)
        put_string(e, value, quoted ? H_QUOTED : H_RESULT);
}

static char *pattern_of(const char *p, const char *end) {
    struct expansion e = {0};
    span(&e, p, end, M_TILDE);
    return as_pattern(&e, 0, e.length);
}

static void put_stripped(struct expansion *e, const char *value, const char *pattern, char side, bool longest,
                         bool quoted) {
    size_t length = strlen(value);
    char *copy = temp_copy(value, length);
    for (size_t i = 0; i <= length; i++) {
        size_t cut = (side == '#') == longest ? length - i : i; /* where the two parts meet */
        bool matches;
        if (side == '#') {
            char saved = copy[cut];
            copy[cut] = 0;
            matches = !fnmatch(pattern, copy, 0);
            copy[cut] = saved;
            if (matches)
                copy += cut;
        } else {
            matches = !fnmatch(pattern, copy + cut, 0);
            if (matches)
                copy[cut] = 0;
        }
        if (matches)
            break;
    }
    put_string(e, copy, quoted ? H_QUOTED : H_RESULT);
}

/* From behind "${" to the closing brace. */
static void braces(struct expansion *e, const char *p, const char *end, int mode) {
    bool quoted = mode & M_QUOTED;
    const char *start = p;
    bool want_length = *p == '#' && p + 1 < end && !(strchr("-+=?:%#", p[1]) && p + 2 < end);
    if (want_length)
        p++;
    const char *name_end = p;
    if (name_start(*p))
        while (name_char(*name_end))
            name_end++;
    else if (*p >= '0' && *p <= '9')
        while (*name_end >= '0' && *name_end <= '9')
            name_end++;
    else if (p < end && strchr("@*#?-$!", *p))
        name_end++;
    char *name = temp_copy(p, name_end - p);
    p = name_end;
    bool colon = !want_length && p < end && *p == ':';
    p += colon;
    char operation = p < end ? *p++ : 0;
    if (!*name || (want_length && operation) || (colon && (!operation || !strchr("-+=?", operation))) ||
        (operation && !strchr("-+=?%#", operation)))
        shell_error("${%.*s}: bad substitution", (int)(end - start), start);
    const char *value = parameter(name);
    bool list = *name == '@' || *name == '*';
    bool missing = !value || (colon && !*value && !(list && positional.count > 1));
    int word_mode = (mode & (M_QUOTED | M_HEREDOC)) | M_RESULT | M_BRACES | (quoted ? 0 : M_TILDE);
    if (!value && flag['u'] && !list && (!operation || operation == '%' || operation == '#'))
        shell_error("%s: parameter not set", name);
    if (want_length) {
        put_string(e, number_text(list ? positional.count : value ? (long)strlen(value) : 0),
                   quoted ? H_QUOTED : H_RESULT);
        return;
    }
    switch (operation) {
    case '-':
        if (missing)
            span(e, p, end, word_mode);
        else
            put_parameter(e, name, value, quoted);
        break;
    case '+':
        if (!missing)
            span(e, p, end, word_mode);
        break;
    case '=':
        if (missing) {
            struct expansion word = {0};
            span(&word, p, end, word_mode);
            if (!valid_name(name) || !variable_set(name, plain(&word), 0))
                shell_error("%s: cannot assign in this way", name);
            value = variable_get(name);
        }
        put_parameter(e, name, value, quoted);
        break;
    case '?':
        if (missing) {
            struct expansion word = {0};
            span(&word, p, end, word_mode);
            shell_error("%s: %s", name, p < end ? plain(&word) : value ? "parameter null or not set"
                                                                       : "parameter not set");
        }
        put_parameter(e, name, value, quoted);
        break;
    case '%': case '#': {
        bool longest = p < end && *p == operation;
        put_stripped(e, value ? value : "", pattern_of(p + longest, end), operation, longest, quoted);
        break;
    }
    default:
        put_parameter(e, name, value, quoted);
    }
}

static void dollar(struct expansion *e, const char *p, const char *end, int mode, bool arithmetic_scanned) {
    bool quoted = mode & M_QUOTED;
    int how = quoted ? H_QUOTED : H_RESULT;
    p++;
    if (p == end) {
        put(e, '$', quoted ? H_QUOTED : H_LITERAL);
    } else if (*p == '{') {
        braces(e, p + 1, end - 1, mode);
    } else if (*p == '(' && arithmetic_scanned) {
        struct expansion inner = {0};
        span(&inner, p + 2, end - 2, M_QUOTED | M_HEREDOC);
        put_string(e, number_text(arithmetic(plain(&inner))), how);
    } else if (*p == '(') {
        put_string(e, command_output(temp_copy(p + 1, end - p - 2)), how);
    } else if (*p == '\'') {
        put(e, 0, H_EMPTY);
        for (p++; p < end - 1;) {
            int byte = *p++;
            if (byte == '\\' && (*p == '\'' || *p == '"'))
                byte = *p++;
            else if (byte == '\\' && !put_escape(&p, &byte))
                byte = '\\';
            put(e, byte, H_QUOTED);
        }
    }
}

/* $NAME, $1, $?: returns what follows. */
static const char *simple_parameter(struct expansion *e, const char *p, bool quoted) {
    const char *end = p + 1;
    if (name_start(*end))
        while (name_char(*end))
            end++;
    else if (*end && strchr("0123456789@*#?-$!", *end))
        end++;
    else {
        put(e, '$', quoted ? H_QUOTED : H_LITERAL);
        return end;
    }
    const char *name = temp_copy(p + 1, end - p - 1), *value = parameter(name);
    if (!value && flag['u'] && *name != '@' && *name != '*')
        shell_error("%s: parameter not set", name);
    put_parameter(e, name, value, quoted);
    return end;
}

static const char *tilde(struct expansion *e, const char *p, const char *end, int mode) {
    const char *stop = p + 1;
    while (stop < end && *stop != '/' && !((mode & M_ASSIGNMENT) && *stop == ':')) {
        if (strchr("\\'\"$`", *stop))
            return p;
        stop++;
    }
    const char *home = stop == p + 1 ? variable_get("HOME") : NULL;
    if (stop > p + 1 && streq(temp_copy(p + 1, stop - p - 1), "root"))
        home = "/root";
    if (!home)
        return p;
    put(e, 0, H_EMPTY);
    put_string(e, home, H_QUOTED);
    return stop;
}

static const char *double_quotes(struct expansion *e, const char *p, const char *end, int mode) {
    size_t before = e->length;
    bool only_list = !strncmp(p, "$@\"", 3) || !strncmp(p, "${@}\"", 5);
    p = span(e, p, end, (mode & ~(M_TILDE | M_ASSIGNMENT | M_HEREDOC | M_BRACES)) | M_QUOTED | M_UNTIL_QUOTE);
    if (e->length == before && !only_list) /* "" is a field, "$@" of nothing is none */
        put(e, 0, H_EMPTY);
    return p < end ? p + 1 : p;
}

static const char *span(struct expansion *e, const char *p, const char *end, int mode) {
    bool quoted = mode & M_QUOTED;
    int literal = quoted ? H_QUOTED : mode & M_RESULT ? H_RESULT : H_LITERAL;
    if ((mode & M_TILDE) && p < end && *p == '~')
        p = tilde(e, p, end, mode);
    while (p < end) {
        char c = *p;
        if (c == '\\' && p + 1 < end) {
            char next = p[1];
            p += 2;
            if (next == '\n')
                continue;
            if (quoted && !strchr("$`\\", next) && !(next == '"' && !(mode & M_HEREDOC)) &&
                !(next == '}' && (mode & M_BRACES)))
                put(e, '\\', H_QUOTED);
            put(e, next, H_QUOTED);
        } else if (c == '\'' && !quoted) {
            put(e, 0, H_EMPTY);
            for (p++; p < end && *p != '\''; p++)
                put(e, *p, H_QUOTED);
            p++;
        } else if (c == '"' && (mode & M_UNTIL_QUOTE)) {
            return p;
        } else if (c == '"' && !(mode & M_HEREDOC)) {
            p = double_quotes(e, p + 1, end, mode);
        } else if (c == '$' && p + 1 < end && (p[1] == '(' || p[1] == '{' || (p[1] == '\'' && !quoted))) {
            size_t length = dollar_length(p, quoted);
            dollar(e, p, p + length, mode, scanned_arithmetic);
            p += length;
        } else if (c == '$') {
            p = simple_parameter(e, p, quoted);
        } else if (c == '`') {
            p = backquote(e, p, end, mode);
        } else {
            put(e, c, literal);
            p++;
            if (c == ':' && (mode & M_ASSIGNMENT) && p < end && *p == '~')
                p = tilde(e, p, end, mode);
        }
    }
    return p;
}

static struct expansion expand(const char *word, int mode) {
    struct expansion e = {0};
    span(&e, word, word + strlen(word), mode);
    return e;
}

char **expand_words(char **words) {
    struct fields fields = {0};
    for (; *words; words++) {
        if (!strpbrk(*words, "\\'\"$`*?[~")) {
            add_field(&fields, *words);
            continue;
        }
        struct expansion e = expand(*words, M_TILDE);
        split_fields(&e, &fields);
    }
    if (!fields.list)
        fields.list = pool_alloc(temporary, sizeof *fields.list);
    return fields.list;
}

char *expand_one(const char *word) {
    struct expansion e = expand(word, M_TILDE);
    return plain(&e);
}

char *expand_assignment(const char *word) {
    struct expansion e = {0};
    const char *value = strchr(word, '=') + 1;
    for (const char *p = word; p < value; p++)
        put(&e, *p, H_QUOTED);
    span(&e, value, value + strlen(value), M_TILDE | M_ASSIGNMENT);
    return plain(&e);
}

char *expand_pattern(const char *word) {
    return pattern_of(word, word + strlen(word));
}

char *expand_heredoc(const char *body) {
    struct expansion e = expand(body, M_QUOTED | M_HEREDOC);
    return plain(&e);
}
