/* trap.c: signals of the shell itself, and `trap`. */
#include "shell.h"

static char *actions[65]; /* NULL: default; "": ignored */
static volatile sig_atomic_t pending[65], any_pending;
volatile sig_atomic_t interrupted;
static bool running;

static void on_signal(int number) {
    if (actions[number] && *actions[number]) {
        pending[number] = 1;
        any_pending = 1;
    } else if (number == SIGINT) {
        interrupted = 1;
    }
}

static void set_handler(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(number, &action, NULL);
}

/* What an interactive shell does with a signal that has no trap. */
static void set_default(int number) {
    static const char ignored[] = {SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
    if (interactive && number == SIGINT)
        set_handler(number, on_signal);
    else if (interactive && memchr(ignored, number, sizeof ignored))
        set_handler(number, SIG_IGN);
    else
        set_handler(number, SIG_DFL);
}

void traps_init(void) {
    static const char numbers[] = {SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; interactive && i < sizeof numbers; i++)
        set_default(numbers[i]);
}

static void set_trap(int number, const char *action) {
    free(actions[number]);
    actions[number] = action ? xstrdup(action) : NULL;
    if (!number || number == SIGKILL || number == SIGSTOP)
        return;
    if (!action)
        set_default(number);
    else
        set_handler(number, *action ? on_signal : SIG_IGN);
}

bool traps_set(void) {
    for (int i = 0; i <= 64; i++)
        if (actions[i] && *actions[i])
            return true;
    return false;
}

int trap_pending(void) {
    for (int i = 1; any_pending && i <= 64; i++)
        if (pending[i])
            return i;
    return 0;
}

static void run_action(const char *action) {
    int status = last_status, saved_skip = skip, saved_tested = tested;
    char *copy = xstrdup(action); /* the action may set another */
    skip = SKIP_NONE;
    running = true;
    run_string(copy, 0);
    running = false;
    free(copy);
    tested = saved_tested;
    if (!skip) {
        skip = saved_skip;
        last_status = status;
    }
}

void traps_run(void) {
    if (!any_pending || running)
        return;
    any_pending = 0;
    for (int i = 1; i <= 64; i++) {
        if (!pending[i])
            continue;
        pending[i] = 0;
        if (actions[i] && *actions[i])
            run_action(actions[i]);
    }
}

void exit_trap(void) {
    char *action = actions[0];
    actions[0] = NULL;
    if (action && *action) {
        int status = last_status;
        skip = SKIP_NONE;
        tested = 0;
        run_string(action, 0);
        last_status = status;
    }
}

/* After fork: only what is ignored stays. */
void traps_child(void) {
    bool was_interactive = interactive;
    interactive = false;
    for (int i = 0; i <= 64; i++) {
        pending[i] = 0;
        if (actions[i] && *actions[i])
            set_trap(i, NULL);
    }
    any_pending = 0;
    interrupted = 0;
    running = false;
    static const char numbers[] = {SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
    for (size_t i = 0; was_interactive && i < sizeof numbers; i++)
        if (!actions[(int)numbers[i]])
            set_handler(numbers[i], SIG_DFL);
}

int trap_builtin(int argc, char **argv) {
    int at = 1;
    if (argc > 1 && streq(argv[1], "--"))
        at++;
    if (at >= argc || streq(argv[at], "-p")) {
        for (int i = 0; i <= 64; i++) {
            if (!actions[i])
                continue;
            fputs("trap -- ", stdout);
            print_quoted(actions[i]);
            printf(" %s\n", signal_short_name(i));
        }
        return 0;
    }
    if (streq(argv[at], "-l")) {
        for (int i = 1; i < 32; i++)
            printf("%2d) SIG%s%s", i, signal_short_name(i), i % 6 ? "\t" : "\n");
        putchar('\n');
        return 0;
    }
    long value;
    const char *action = argv[at];
    if (argc - at == 1 || parse_number(action, &value)) /* `trap INT`, `trap 2 3`: back to the default */
        action = NULL;
    else if (streq(argv[at++], "-"))
        action = NULL;
    int status = 0;
    for (; at < argc; at++) {
        int number = signal_number(argv[at]);
        if (number < 0)
            status = complain("trap: %s: bad signal", argv[at]);
        else
            set_trap(number, action);
    }
    return status;
}
