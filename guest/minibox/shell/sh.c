/* sh.c: start the shell. */
#include "shell.h"

extern char **environ;

static struct input commands;

static void source_file(const char *path) {
    if (path && *path && !access(path, R_OK))
        dot_builtin(2, (char *[]){".", (char *)path, NULL});
}

/* Errors and interrupts of an interactive shell come back here. */
static void interactive_loop(const char *startup) {
    volatile bool started = false;
    for (;;) {
        if (setjmp(top_level)) {
            while (input != &commands)
                input_pop();
            commands.at = commands.length;
            commands.peeked = false;
            commands.depth = 0;
            applet_name = "sh";
            fflush(stdout);
        }
        top_level_set = true;
        if (!started) {
            started = true;
            source_file(startup);
        }
        execute_input(0);
        if (!skip && commands.ended) {
            static bool warned;
            if (!commands.edit || warned || !jobs_stopped())
                return;
            warned = true;
            complain("there are stopped jobs");
            commands.ended = false;
        }
        skip = SKIP_NONE;
    }
}

int sh_main(int argc, char **argv) {
    bool login = **argv == '-', want_interactive = false, from_stdin = false;
    const char *command = NULL;
    applet_name = "sh";
    temporary = pool_new();
    shell_pid = getpid();
    variables_init(environ);
    int at = 1;
    bool has_command = false;
    for (; at < argc && (argv[at][0] == '-' || argv[at][0] == '+') && argv[at][1]; at++) {
        bool on = argv[at][0] == '-';
        if (streq(argv[at], "--")) {
            at++;
            break;
        }
        for (const char *letter = argv[at] + 1; *letter; letter++) {
            switch (*letter) {
            case 'c': has_command = true; break;
            case 'i': want_interactive = on; break;
            case 's': from_stdin = true; break;
            case 'l': login = true; break;
            case 'm': case '-': break;
            case 'o':
                if (argv[at + 1])
                    set_builtin(3, (char *[]){"set", on ? "-o" : "+o", argv[++at], NULL});
                break;
            default:
                if (!strchr("aefnuvxC", *letter))
                    die("-%c: unknown option", *letter);
                flag[(int)*letter] = on;
            }
        }
    }
    if (has_command) {
        if (at >= argc)
            die("-c needs a command");
        command = argv[at++];
        if (at < argc)
            shell_name = argv[at++];
    } else if (at < argc && !from_stdin) {
        shell_name = argv[at];
        int fd = open(argv[at], O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            fail(argv[at]);
            return 127;
        }
        at++;
        input_file(&commands, fcntl(fd, F_DUPFD_CLOEXEC, 10));
        close(fd);
    } else {
        interactive = want_interactive || (isatty(0) && isatty(2));
        shell_name = *argv[0] ? argv[0] : "sh";
    }
    positional_set(argv + at);
    traps_init();
    if (command) {
        if (login)
            source_file("/etc/profile");
        input_command(&commands, command);
    } else if (!input) {
        if (interactive && isatty(0))
            job_control_set(true);
        input_file(&commands, 0);
        if (interactive) {
            interactive_loop(login ? "/etc/profile" : variable_get("ENV"));
            if (commands.edit)
                write_all(2, "\n", 1);
            shell_exit(last_status);
        }
    }
    execute_input(command ? E_EXIT : 0);
    shell_exit(last_status);
}
