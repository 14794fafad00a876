/* exec.c: walk the tree. */
#include "shell.h"

int last_status, skip, skip_count, loop_depth, function_depth, tested;
struct saved_variable **local_scope;
jmp_buf top_level;
bool top_level_set, interactive;
unsigned char flag[128];
pid_t shell_pid;
static struct arguments outermost; /* the shell's own, while functions run */

void shell_exit(int status) {
    last_status = status;
    exit_trap();
    fflush(stdout);
    exit(last_status & 255);
}

void shell_error(const char *format, ...) {
    if (format) {
        char message[512];
        va_list list;
        va_start(list, format);
        vsnprintf(message, sizeof message, format, list);
        va_end(list);
        complain("%s", message);
        last_status = 2;
    }
    if (!last_status)
        last_status = 2;
    if (!interactive || !top_level_set)
        shell_exit(last_status);
    if (function_depth)
        positional = outermost;
    skip = loop_depth = function_depth = tested = 0;
    local_scope = NULL;
    exec_saved = NULL;
    longjmp(top_level, TOP_ERROR);
}

void check_interrupt(void) {
    if (!interrupted || !interactive)
        return;
    interrupted = 0;
    last_status = 130;
    shell_error(NULL);
}

static void trace(char **assignments, char **words) {
    if (!flag['x'])
        return;
    struct text line = {0};
    const char *prefix = variable_get("PS4");
    prefix = expand_heredoc(prefix ? prefix : "+ ");
    text_add(&line, prefix, strlen(prefix));
    for (int pass = 0; pass < 2; pass++)
        for (char **word = pass ? words : assignments; *word; word++) {
            if (line.s[line.length - 1] != ' ')
                text_char(&line, ' ');
            text_add(&line, *word, strlen(*word));
        }
    text_char(&line, '\n');
    write_all(2, line.s, line.length);
    free(line.s);
}

static void assign_all(char **assignments, unsigned flags, struct saved_variable **saved) {
    for (; *assignments; assignments++) {
        if (saved)
            variable_save(saved, temp_copy(*assignments, strchr(*assignments, '=') - *assignments));
        variable_assign(*assignments, flags);
    }
}

int call_function(struct function *function, char **words) {
    struct arguments saved = positional;
    struct saved_variable *locals = NULL, **outer_scope = local_scope;
    struct pool *pool = function->pool;
    int outer_loops = loop_depth;
    if (function_depth > 1000)
        shell_error("%s: functions nest too deeply", function->name);
    if (!function_depth++)
        outermost = positional;
    pool->references++; /* it may redefine itself */
    positional = (struct arguments){0, NULL};
    positional_set(words + 1);
    local_scope = &locals;
    loop_depth = 0;
    execute(function->body, 0);
    if (skip == SKIP_RETURN)
        skip = SKIP_NONE;
    loop_depth = outer_loops;
    local_scope = outer_scope;
    variables_restore(locals);
    positional_set((char *[]){NULL});
    free(positional.list);
    positional = saved;
    function_depth--;
    pool_drop(pool);
    return last_status;
}

static int run_builtin(const struct builtin *builtin, struct node *node, char **assignments, char **words) {
    struct saved_fd *saved = NULL, **outer_saved = exec_saved;
    struct saved_variable *variables = NULL;
    int status = 1;
    if (redirect(node->redirections, &saved)) {
        assign_all(assignments, 0, builtin->special ? NULL : &variables);
        exec_saved = &saved;
        if (!builtin->special)
            applet_name = builtin->name;
        status = builtin->run(length_of(words), words);
        applet_name = "sh";
        exec_saved = outer_saved;
        if (fflush(stdout)) {
            clearerr(stdout);
            complain("%s: write error: %s", builtin->name, strerror(errno));
            status = 1;
        }
        variables_restore(variables);
    } else if (builtin->special && !interactive) {
        shell_exit(2);
    }
    restore_fds(saved);
    return status;
}

static int run_function(struct function *function, struct node *node, char **assignments, char **words) {
    struct saved_fd *saved = NULL;
    struct saved_variable *variables = NULL;
    int status = 1;
    if (redirect(node->redirections, &saved)) {
        assign_all(assignments, V_EXPORT, &variables);
        status = call_function(function, words);
        variables_restore(variables);
    }
    restore_fds(saved);
    return status;
}

static int run_external(struct node *node, char **assignments, char **words, int how) {
    struct job *job = NULL;
    if (!(how & E_EXIT) || traps_set()) {
        job = job_new(node->text ? node->text : words[0]);
        if (job_fork(job, false))
            return job_wait(job);
    }
    if (!redirect(node->redirections, NULL))
        shell_exit(1);
    assign_all(assignments, V_EXPORT, NULL);
    exec_command(words);
}

static int simple(struct node *node, int how) {
    int status;
    substitution_status = 0;
    char **words = expand_words(node->words);
    struct fields assignments = {0};
    for (char **from = node->assignments; *from; from++) {
        char *assignment = expand_assignment(*from);
        add_field(&assignments, assignment);
        if (!*words) /* the next may use it */
            variable_assign(assignment, 0);
    }
    static char *none[] = {NULL};
    if (!assignments.list)
        assignments.list = none;
    trace(assignments.list, words);
    if (!*words) {
        struct saved_fd *saved = NULL;
        status = redirect(node->redirections, &saved) ? substitution_status : 1;
        restore_fds(saved);
        return status;
    }
    const struct builtin *builtin = builtin_find(words[0]);
    struct function *function = builtin && builtin->special ? NULL : function_find(words[0]);
    if (function)
        return run_function(function, node, assignments.list, words);
    if (builtin)
        return run_builtin(builtin, node, assignments.list, words);
    return run_external(node, assignments.list, words, how);
}

static void start_pipeline(struct job *job, struct node *node, bool background) {
    int previous = -1;
    for (struct node *part = node->first; part; part = part->next) {
        int ends[2] = {-1, -1};
        if (part->next && pipe(ends))
            shell_error("pipe: %s", strerror(errno));
        if (!job_fork(job, background)) {
            if (previous >= 0)
                use_fd(previous, 0);
            if (part->next) {
                close(ends[0]);
                use_fd(ends[1], 1);
            }
            execute(part, E_EXIT);
            shell_exit(last_status);
        }
        if (previous >= 0)
            close(previous);
        if (part->next)
            close(ends[1]);
        previous = ends[0];
    }
}

static int background(struct node *node) {
    struct job *job = job_new(node->text);
    if (node->first->kind == N_PIPE) {
        start_pipeline(job, node->first, true);
    } else if (!job_fork(job, true)) {
        execute(node->first, E_EXIT);
        shell_exit(last_status);
    }
    job_background(job);
    return 0;
}

static int subshell(struct node *node, int how) {
    if (!(how & E_EXIT) || traps_set()) {
        struct job *job = job_new(node->text ? node->text : "( )");
        if (job_fork(job, false))
            return job_wait(job);
    }
    if (!redirect(node->redirections, NULL))
        shell_exit(1);
    execute(node->first, E_EXIT);
    shell_exit(last_status);
}

/* After a loop's body: is the loop over? */
static bool loop_ends(void) {
    traps_run();
    check_interrupt();
    if (skip != SKIP_BREAK && skip != SKIP_CONTINUE)
        return skip != SKIP_NONE;
    if (--skip_count > 0)
        return true; /* meant for an outer loop */
    bool ends = skip == SKIP_BREAK;
    skip = SKIP_NONE;
    return ends;
}

static int condition(struct node *node) {
    tested++;
    int status = execute(node, 0);
    tested--;
    return status;
}

static int loop(struct node *node) {
    int status = 0;
    loop_depth++;
    for (;;) {
        int result = condition(node->first);
        if (skip) {
            if (loop_ends())
                break;
            continue;
        }
        if ((result == 0) != (node->kind == N_WHILE))
            break;
        status = execute(node->second, 0);
        if (loop_ends())
            break;
    }
    loop_depth--;
    return skip == SKIP_RETURN ? last_status : status;
}

static int for_loop(struct node *node) {
    int status = 0;
    char **words = node->has_words ? expand_words(node->words) : positional.list;
    int count = length_of(words);
    char **copies = pool_alloc(temporary, (count + 1) * sizeof *copies);
    for (int i = 0; i < count; i++) /* `set` in the body may free them */
        copies[i] = node->has_words ? words[i] : temp_copy(words[i], strlen(words[i]));
    loop_depth++;
    for (int i = 0; i < count; i++) {
        if (!variable_set(node->name, copies[i], 0))
            shell_error(NULL);
        status = execute(node->second, 0);
        if (loop_ends())
            break;
    }
    loop_depth--;
    return skip == SKIP_RETURN ? last_status : status;
}

extern int fnmatch(const char *, const char *, int);

static int case_of(struct node *node, int how) {
    const char *word = expand_one(node->name);
    for (struct clause *clause = node->clauses; clause; clause = clause->next)
        for (char **pattern = clause->patterns; *pattern; pattern++)
            if (!fnmatch(expand_pattern(*pattern), word, 0))
                return clause->body ? execute(clause->body, how) : 0;
    return 0;
}

static int compound(struct node *node, int how) {
    switch (node->kind) {
    case N_GROUP: return execute(node->first, how);
    case N_IF: {
        int status = condition(node->first);
        if (skip)
            return status;
        struct node *branch = status ? node->third : node->second;
        return branch ? execute(branch, how) : 0;
    }
    case N_WHILE: case N_UNTIL: return loop(node);
    case N_FOR: return for_loop(node);
    case N_CASE: return case_of(node, how);
    default: return 0;
    }
}

static int with_redirections(struct node *node, int how) {
    struct saved_fd *saved = NULL;
    int status = 1;
    if (!node->redirections)
        return compound(node, how);
    if (redirect(node->redirections, &saved))
        status = compound(node, how);
    restore_fds(saved);
    return status;
}

int execute(struct node *node, int how) {
    for (; node->kind == N_SEQUENCE; node = node->second) {
        execute(node->first, node->second ? 0 : how);
        if (!node->second || skip)
            return last_status;
        traps_run();
    }
    struct mark mark = pool_mark(temporary);
    bool checked = false; /* does -e look at this status? */
    int status;
    switch (node->kind) {
    case N_SIMPLE:
        status = simple(node, how);
        checked = true;
        break;
    case N_PIPE: {
        struct job *job = job_new(node->text);
        start_pipeline(job, node, false);
        status = job_wait(job);
        checked = true;
        break;
    }
    case N_SUBSHELL:
        status = subshell(node, how);
        checked = true;
        break;
    case N_NOT:
        status = condition(node->first);
        if (!skip)
            status = !status;
        break;
    case N_AND: case N_OR:
        status = condition(node->first);
        if (!skip && (status == 0) == (node->kind == N_AND))
            status = execute(node->second, how);
        break;
    case N_BACKGROUND:
        status = background(node);
        break;
    case N_FUNCTION:
        function_define(node->name, node->first, node->pool);
        status = 0;
        break;
    default:
        status = with_redirections(node, how);
    }
    pool_release(temporary, mark);
    last_status = status;
    traps_run();
    if (checked && status && flag['e'] && !tested && !skip)
        shell_exit(status);
    check_interrupt();
    return last_status;
}

int execute_input(int how) {
    struct input *source = input;
    while (!skip) {
        struct pool *pool = pool_new();
        struct mark mark = pool_mark(temporary);
        struct node *node;
        if (source->outer == NULL && interactive)
            jobs_notify();
        int result = parse_line(&node, pool);
        if (result == PARSE_ERROR || result == PARSE_INTERRUPT) {
            last_status = result == PARSE_ERROR ? 2 : 130;
            if (result == PARSE_ERROR && !interactive)
                shell_exit(2);
        } else if (node && !flag['n']) {
            execute(node, how & E_EXIT && input_rest_blank() ? E_EXIT : 0);
        }
        pool_release(temporary, mark);
        pool_drop(pool);
        traps_run();
        if (result == PARSE_END || (result != PARSE_OK && source->fd < 0))
            break;
    }
    return last_status;
}

int run_string(const char *text, int how) {
    struct input in;
    int loops = loop_depth;
    last_status = *text ? last_status : 0;
    input_command(&in, text);
    execute_input(how);
    input_pop();
    loop_depth = loops;
    return last_status;
}
