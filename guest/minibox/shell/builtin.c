/* builtin.c: the table of builtins, and those that steer execution. */
#include "shell.h"

struct saved_fd **exec_saved; /* what the running builtin's redirections replaced */

const struct builtin builtins[] = {
    {".", dot_builtin, true},           {":", colon_builtin, true},       {"[", test_main, false},
    {"alias", alias_builtin, false},    {"bg", bg_builtin, false},        {"break", break_builtin, true},
    {"cd", cd_builtin, false},          {"command", command_builtin, false}, {"continue", break_builtin, true},
    {"echo", echo_main, false},         {"eval", eval_builtin, true},     {"exec", exec_builtin, true},
    {"exit", exit_builtin, true},       {"export", export_builtin, true}, {"false", false_main, false},
    {"fg", fg_builtin, false},          {"getopts", getopts_builtin, false}, {"hash", colon_builtin, false},
    {"history", history_builtin, false}, {"jobs", jobs_builtin, false},   {"kill", kill_builtin, false},
    {"let", let_builtin, false},        {"local", local_builtin, false},  {"printf", printf_main, false},
    {"pwd", pwd_builtin, false},        {"read", read_builtin, false},    {"readonly", export_builtin, true},
    {"return", return_builtin, true},   {"set", set_builtin, true},       {"shift", shift_builtin, true},
    {"source", dot_builtin, true},      {"test", test_main, false},       {"times", times_builtin, true},
    {"trap", trap_builtin, true},       {"true", true_main, false},       {"type", type_builtin, false},
    {"ulimit", ulimit_builtin, false},  {"umask", umask_builtin, false},  {"unalias", unalias_builtin, false},
    {"unset", unset_builtin, true},     {"wait", wait_builtin, false},    {NULL, NULL, false},
};

const struct builtin *builtin_find(const char *name) {
    for (const struct builtin *builtin = builtins; builtin->name; builtin++)
        if (streq(builtin->name, name))
            return builtin;
    return NULL;
}

int colon_builtin(int argc, char **argv) {
    (void)argc, (void)argv;
    return 0;
}

int break_builtin(int argc, char **argv) {
    long count = 1;
    if (argc > 1 && (!parse_number(argv[1], &count) || count < 1))
        return complain("%s: %s: bad number", argv[0], argv[1]);
    if (!loop_depth)
        return 0;
    skip = argv[0][0] == 'b' ? SKIP_BREAK : SKIP_CONTINUE;
    skip_count = count < loop_depth ? count : loop_depth;
    return 0;
}

static int status_argument(int argc, char **argv) {
    long status = last_status;
    if (argc > 1 && !parse_number(argv[1], &status))
        shell_error("%s: %s: bad number", argv[0], argv[1]);
    return status & 255;
}

int return_builtin(int argc, char **argv) {
    int status = status_argument(argc, argv);
    skip = SKIP_RETURN;
    return status;
}

int exit_builtin(int argc, char **argv) {
    static bool warned;
    int status = status_argument(argc, argv);
    if (interactive && !warned && jobs_stopped()) {
        warned = true;
        complain("there are stopped jobs");
        return 1;
    }
    shell_exit(status);
}

int eval_builtin(int argc, char **argv) {
    struct text text = {0};
    text_add(&text, "", 0);
    for (int i = 1; i < argc; i++) {
        if (i > 1)
            text_char(&text, ' ');
        text_add(&text, argv[i], strlen(argv[i]));
    }
    char *copy = temp_copy(text.s, text.length);
    free(text.s);
    return run_string(copy, 0);
}

int dot_builtin(int argc, char **argv) {
    if (argc < 2)
        return complain("%s: a file name is needed", argv[0]) + 1;
    const char *path = argv[1];
    int fd = -1;
    if (!strchr(path, '/') && access(path, R_OK)) {
        const char *found = find_command(path);
        path = found ? found : path;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        shell_error("%s: %s", path, strerror(errno));
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 10), loops = loop_depth;
    close(fd);
    struct arguments saved = positional;
    if (argc > 2) {
        positional = (struct arguments){0, NULL};
        positional_set(argv + 2);
    }
    struct input in;
    input_file(&in, high);
    last_status = 0;
    execute_input(0);
    input_pop();
    loop_depth = loops;
    if (skip == SKIP_RETURN)
        skip = SKIP_NONE;
    if (argc > 2) {
        positional_set((char *[]){NULL});
        free(positional.list);
        positional = saved;
    }
    return last_status;
}

int exec_builtin(int argc, char **argv) {
    if (argc < 2) { /* its redirections stay */
        for (struct saved_fd *saved = *exec_saved, *next; saved; saved = next) {
            next = saved->next;
            if (saved->copy >= 0)
                close(saved->copy);
            free(saved);
        }
        *exec_saved = NULL;
        return 0;
    }
    applet_name = "sh";
    fflush(stdout);
    traps_child();
    exec_command(argv + 1);
}

/* Without functions: `command NAME` and `command -v NAME`. */
static int describe(const char *name, bool wordy) {
    static const char reserved[][6] = {"!", "{", "}", "if", "then", "else", "elif", "fi", "do", "done", "case", "esac",
                                       "for", "while", "until", "in"};
    struct alias *alias = alias_find(name);
    for (size_t i = 0; i < COUNT(reserved); i++)
        if (streq(name, reserved[i])) {
            printf(wordy ? "%s is a shell keyword\n" : "%s\n", name);
            return 0;
        }
    if (alias) {
        printf(wordy ? "%s is an alias for %s\n" : "alias %s='%s'\n", name, alias->value);
    } else if (function_find(name)) {
        printf(wordy ? "%s is a shell function\n" : "%s\n", name);
    } else if (builtin_find(name)) {
        printf(wordy ? "%s is a %sshell builtin\n" : "%s\n", name, builtin_find(name)->special ? "special " : "");
    } else {
        const char *path = find_command(name);
        if (!path) {
            if (wordy)
                printf("%s: not found\n", name);
            return 127;
        }
        if (wordy)
            printf("%s is %s\n", name, path);
        else
            puts(path);
    }
    return 0;
}

int type_builtin(int argc, char **argv) {
    int status = 0;
    for (int i = 1; i < argc; i++)
        status |= describe(argv[i], true);
    return status;
}

int command_builtin(int argc, char **argv) {
    int at = 1;
    bool verbose = false, wordy = false;
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (streq(argv[at], "--")) {
            at++;
            break;
        }
        verbose |= streq(argv[at], "-v");
        wordy |= streq(argv[at], "-V");
    }
    if (at >= argc)
        return 0;
    if (verbose || wordy)
        return describe(argv[at], wordy);
    const struct builtin *builtin = builtin_find(argv[at]);
    if (builtin) {
        applet_name = builtin->special ? "sh" : builtin->name;
        return builtin->run(argc - at, argv + at);
    }
    applet_name = "sh";
    struct job *job = job_new(argv[at]);
    if (!job_fork(job, false))
        exec_command(argv + at);
    return job_wait(job);
}
