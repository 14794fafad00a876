/* variable_builtins.c: export readonly local unset set shift read getopts let alias unalias. */
#include "shell.h"

int export_builtin(int argc, char **argv) {
    unsigned bit = argv[0][0] == 'e' ? V_EXPORT : V_READONLY;
    int at = 1;
    bool clear = false;
    for (; at < argc && argv[at][0] == '-'; at++)
        clear |= streq(argv[at], "-n");
    if (at == argc) {
        variables_print(bit, bit == V_EXPORT ? "export " : "readonly ");
        return 0;
    }
    int status = 0;
    for (; at < argc; at++) {
        size_t length = strcspn(argv[at], "=");
        char *name = temp_copy(argv[at], length);
        if (!valid_name(name)) {
            status = complain("%s: %s: bad variable name", argv[0], argv[at]);
            continue;
        }
        if (!variable_set(name, argv[at][length] ? argv[at] + length + 1 : NULL, clear ? 0 : bit))
            status = 1;
        struct variable *variable = variable_find(name);
        if (clear && variable)
            variable->flags &= ~V_EXPORT;
    }
    return status;
}

int local_builtin(int argc, char **argv) {
    if (!local_scope)
        return complain("not in a function");
    for (int i = 1; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        char *name = temp_copy(argv[i], length);
        if (!valid_name(name))
            return complain("%s: bad variable name", argv[i]);
        variable_save(local_scope, name);
        if (argv[i][length] && !variable_set(name, argv[i] + length + 1, 0))
            return 1;
        if (!argv[i][length] && !variable_unset(name))
            return 1;
    }
    return 0;
}

int unset_builtin(int argc, char **argv) {
    int at = 1, status = 0;
    bool functions = false;
    for (; at < argc && argv[at][0] == '-'; at++)
        functions = streq(argv[at], "-f");
    for (; at < argc; at++) {
        if (functions)
            function_unset(argv[at]);
        else if (!variable_unset(argv[at]))
            status = 1;
    }
    return status;
}

static const struct {
    char name[12];
    char letter;
} option_names[] = {{"allexport", 'a'}, {"errexit", 'e'},   {"noglob", 'f'},  {"monitor", 'm'}, {"noexec", 'n'},
                    {"nounset", 'u'},   {"verbose", 'v'},   {"xtrace", 'x'},  {"noclobber", 'C'}};

static void set_flag(char letter, bool on) {
    if (letter == 'm')
        job_control_set(on);
    else
        flag[(int)letter] = on;
}

int set_builtin(int argc, char **argv) {
    if (argc == 1) {
        variables_print(0, "");
        return 0;
    }
    int at = 1;
    for (; at < argc && (argv[at][0] == '-' || argv[at][0] == '+'); at++) {
        bool on = argv[at][0] == '-';
        if (streq(argv[at], "--"))
            break;
        if (streq(argv[at], "-"))
            break;
        if (argv[at][1] == 'o') {
            bool found = false;
            const char *name = argv[at + 1];
            for (size_t i = 0; i < COUNT(option_names); i++) {
                if (!name)
                    printf("%-16s%s\n", option_names[i].name, flag[(int)option_names[i].letter] ? "on" : "off");
                else if (streq(name, option_names[i].name)) {
                    set_flag(option_names[i].letter, on);
                    found = true;
                }
            }
            if (!name)
                return 0;
            if (!found)
                shell_error("set: -o %s: unknown option", name);
            at++;
            continue;
        }
        for (const char *letter = argv[at] + 1; *letter; letter++) {
            if (!strchr("aefmnuvxCbh", *letter))
                shell_error("set: -%c: unknown option", *letter);
            set_flag(*letter, on);
        }
    }
    if (at < argc) {
        if (streq(argv[at], "--") || streq(argv[at], "-"))
            at++;
        positional_set(argv + at);
    }
    return 0;
}

int shift_builtin(int argc, char **argv) {
    long count = 1;
    if (argc > 1 && (!parse_number(argv[1], &count) || count < 0))
        return complain("shift: %s: bad number", argv[1]);
    if (count > positional.count)
        return complain("shift: can't shift that many");
    for (int i = 0; i < count; i++)
        free(positional.list[i]);
    memmove(positional.list, positional.list + count, (positional.count - count + 1) * sizeof *positional.list);
    positional.count -= count;
    return 0;
}

/* Takes no byte after the newline, for the next reader. */
static int read_raw_line(bool raw, struct expansion *e) {
    for (;;) {
        unsigned char c;
        ssize_t got = read(0, &c, 1);
        if (got < 0 && errno == EINTR) {
            if (trap_pending() || (interrupted && interactive))
                return 128 + (trap_pending() ? trap_pending() : SIGINT);
            continue;
        }
        if (got <= 0)
            return 1;
        int how = H_RESULT;
        if (c == '\\' && !raw) {
            if (read(0, &c, 1) <= 0)
                return 1;
            if (c == '\n')
                continue;
            how = H_QUOTED;
        } else if (c == '\n') {
            return 0;
        }
        if (e->length + 1 >= e->room) {
            e->room = e->room * 2 + 128;
            char *s = pool_alloc(temporary, e->room);
            unsigned char *hows = pool_alloc(temporary, e->room);
            if (e->length) {
                memcpy(s, e->s, e->length);
                memcpy(hows, e->how, e->length);
            }
            e->s = s;
            e->how = hows;
        }
        e->s[e->length] = c;
        e->how[e->length++] = how;
    }
}

static bool is_separator(const struct expansion *e, size_t i, const char *separators, bool blank_only) {
    char c = e->s[i];
    return e->how[i] == H_RESULT && c && strchr(separators, c) && (!blank_only || strchr(" \t\n", c));
}

/* One field for each name, the rest of the line for the last (POSIX read). */
static int assign_fields(const struct expansion *e, char **names) {
    const char *separators = variable_get("IFS");
    if (!separators)
        separators = " \t\n";
    size_t at = 0, end = e->length;
    while (at < end && is_separator(e, at, separators, true))
        at++;
    for (; *names; names++) {
        size_t start = at, stop;
        if (names[1]) {
            while (at < end && !is_separator(e, at, separators, false))
                at++;
            stop = at;
            bool hard = false; /* one separator that is no blank, with blanks around it */
            while (at < end && is_separator(e, at, separators, false)) {
                bool blank = is_separator(e, at, separators, true);
                if (!blank && hard)
                    break;
                hard |= !blank;
                at++;
            }
        } else {
            stop = end;
            while (stop > start && is_separator(e, stop - 1, separators, true))
                stop--;
            size_t first = start; /* a single field loses its one trailing separator too */
            while (first < stop && !is_separator(e, first, separators, false))
                first++;
            if (first + 1 == stop)
                stop = first;
        }
        if (!variable_set(*names, temp_copy(e->s ? e->s + start : "", stop - start), 0))
            return 1;
    }
    return 0;
}

int read_builtin(int argc, char **argv) {
    bool raw = false;
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (streq(argv[at], "-r")) {
            raw = true;
        } else if (streq(argv[at], "-p") && argv[at + 1]) {
            fputs(argv[++at], stderr);
        } else if (streq(argv[at], "--")) {
            at++;
            break;
        } else {
            return complain("%s: unknown option", argv[at]) + 1;
        }
    }
    for (int i = at; i < argc; i++)
        if (!valid_name(argv[i]))
            return complain("%s: bad variable name", argv[i]) + 1;
    struct expansion e = {0};
    fflush(stdout);
    int status = read_raw_line(raw, &e);
    if (status > 128)
        return status;
    char *reply[] = {"REPLY", NULL};
    if (assign_fields(&e, at < argc ? argv + at : reply))
        return 2;
    return status;
}

int getopts_builtin(int argc, char **argv) {
    static int inside; /* the place in a cluster of letters */
    if (argc < 3)
        return complain("usage: getopts OPTIONS NAME [ARG...]") + 1;
    const char *spec = argv[1], *name = argv[2], *index_text = variable_get("OPTIND");
    char **list = argc > 3 ? argv + 3 : positional.list;
    int count = argc > 3 ? argc - 3 : positional.count;
    long index = 1;
    parse_number(index_text ? index_text : "1", &index);
    if (index < 1)
        index = 1;
    static long last_index;
    if (index != last_index)
        inside = 0;
    char letter[2] = "?", number[16];
    const char *value = NULL;
    int status = 0;
    const char *word = index <= count ? list[index - 1] : NULL;
    if (!inside && (!word || word[0] != '-' || !word[1] || streq(word, "--"))) {
        index += word && streq(word, "--");
        status = 1;
    } else {
        if (!inside)
            inside = 1;
        char c = word[inside++];
        const char *known = c == ':' ? NULL : strchr(spec, c);
        bool word_done = !word[inside];
        letter[0] = known ? c : '?';
        if (known && known[1] == ':') {
            value = !word_done ? word + inside : index < count ? list[index++] : NULL;
            word_done = true;
        }
        if (!known || (known[1] == ':' && !value)) {
            char text[2] = {c, 0};
            if (*spec == ':') {
                letter[0] = known ? ':' : '?';
                value = temp_copy(text, 1);
            } else {
                complain(known ? "-%c: needs a value" : "-%c: unknown option", c);
                letter[0] = '?';
            }
        }
        if (word_done) {
            index++;
            inside = 0;
        }
    }
    last_index = index;
    snprintf(number, sizeof number, "%ld", index);
    variable_set("OPTIND", number, 0);
    if (value)
        variable_set("OPTARG", value, 0);
    else
        variable_unset("OPTARG");
    variable_set(name, letter, 0);
    return status;
}

int let_builtin(int argc, char **argv) {
    long value = 0;
    for (int i = 1; i < argc; i++)
        value = arithmetic(argv[i]);
    return !value;
}

int alias_builtin(int argc, char **argv) {
    int status = 0;
    for (struct alias *alias = aliases; argc == 1 && alias; alias = alias->next)
        printf("%s='%s'\n", alias->name, alias->value);
    for (int i = 1; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        char *name = temp_copy(argv[i], length);
        struct alias *alias = alias_find(name);
        if (argv[i][length]) {
            if (!alias) {
                alias = xmalloc(sizeof *alias + length + 1);
                strcpy(alias->name, name);
                alias->next = aliases;
                aliases = alias;
            } else {
                free(alias->value);
            }
            alias->value = xstrdup(argv[i] + length + 1);
        } else if (alias) {
            printf("%s='%s'\n", alias->name, alias->value);
        } else {
            status = complain("%s: not found", name);
        }
    }
    return status;
}

int unalias_builtin(int argc, char **argv) {
    int status = 0;
    for (int i = 1; i < argc; i++) {
        bool all = streq(argv[i], "-a"), found = all;
        for (struct alias **at = &aliases; *at;) {
            struct alias *alias = *at;
            if (!all && !streq(alias->name, argv[i])) {
                at = &alias->next;
                continue;
            }
            *at = alias->next;
            free(alias->value);
            free(alias);
            found = true;
        }
        if (!found)
            status = complain("%s: not found", argv[i]);
    }
    return status;
}
