/* shell.h: the parts of `sh` and what they tell one another. */
#ifndef SHELL_H
#define SHELL_H

#include <setjmp.h>
#include <signal.h>
#include <termios.h>

#include "../minibox.h"

/* memory.c: a pool is freed at once, or back to a mark. */
struct pool {
    struct block *blocks;
    int references;
};
struct mark {
    struct block *block;
    size_t used;
};
struct pool *pool_new(void);
void pool_drop(struct pool *pool); /* frees with the last reference */
void *pool_alloc(struct pool *pool, size_t size);
struct mark pool_mark(struct pool *pool);
void pool_release(struct pool *pool, struct mark mark);
extern struct pool *temporary; /* released when a simple command ends */
char *temp_copy(const char *s, size_t length);

struct text { /* a growing string */
    char *s;
    size_t length, room;
};
void text_add(struct text *text, const char *s, size_t length);
void text_char(struct text *text, char c);

/* input.c: where commands come from. Tokens are offsets into `buffer`. */
struct input {
    struct input *outer;
    char *buffer;
    size_t at, length, room;
    int fd; /* -1: the buffer is all there is */
    bool edit, ended, owned, one_byte;
    int depth; /* inside $( ) */
    int token;
    bool peeked;
    char *word;
    size_t token_start, last_end, alias_end;
    struct redirection *heredocs;
};
extern struct input *input;
void input_file(struct input *in, int fd);
void input_string(struct input *in, const char *text);
void input_command(struct input *in, const char *text);
void input_pop(void);
int input_peek(void); /* a byte or EOF */
int input_next(void);
void input_forget(void); /* drop what was consumed */
bool input_rest_blank(void);
extern int prompt_level;

/* lex.c */
enum token { T_EOF, T_NEWLINE, T_WORD, T_NUMBER, T_AND, T_OR, T_SEMI2, T_LESS2, T_LESS2_DASH, T_GREAT2,
             T_LESS_AND, T_GREAT_AND, T_LESS_GREAT, T_CLOBBER, T_CHAR }; /* T_CHAR + c: one character */
int peek_token(bool command_position);
int take_token(void);
_Noreturn void syntax_error(void);
_Noreturn void parse_abort(int reason);
void scan_dollar(bool quoted); /* at '$': consume the whole expansion */
void scan_backquote(void);
jmp_buf *parse_abort_target(jmp_buf *target);
void read_heredocs(void);
extern bool scanned_arithmetic;
size_t dollar_length(const char *text, bool quoted);
bool name_start(int c);
bool name_char(int c);
bool valid_name(const char *s);

/* parse.c */
enum kind { N_SIMPLE, N_PIPE, N_NOT, N_AND, N_OR, N_SEQUENCE, N_BACKGROUND, N_SUBSHELL, N_GROUP, N_IF,
            N_WHILE, N_UNTIL, N_FOR, N_CASE, N_FUNCTION };
struct redirection {
    struct redirection *next;
    int fd, operation;
    char *word, *body; /* body: of a here-document, or NULL */
    bool literal, strip;
    struct redirection *next_heredoc;
};
struct clause {
    struct clause *next;
    char **patterns;
    struct node *body;
    bool fall;
};
struct node {
    enum kind kind;
    struct node *first, *second, *third;
    struct node *next; /* in a pipeline */
    char **assignments, **words;
    char *name, *text;
    struct redirection *redirections;
    struct clause *clauses;
    struct pool *pool;
    bool has_words; /* for NAME in ... */
};
enum { PARSE_OK, PARSE_END, PARSE_ERROR, PARSE_INTERRUPT };
int parse_line(struct node **node, struct pool *pool);
char *keep(const char *s, size_t length); /* in the tree's pool */
void parse_list_until_close(void); /* for $( ): parse and throw away */

/* expand.c, field.c, arith.c */
char **expand_words(char **words);
char *expand_one(const char *word);     /* no splitting, no globs */
char *expand_assignment(const char *word);
char *expand_pattern(const char *word); /* quoted characters get a backslash */
char *expand_heredoc(const char *body);
char *command_output(const char *command);
struct expansion {
    char *s;
    unsigned char *how;
    size_t length, room;
};
enum { H_LITERAL, H_QUOTED, H_RESULT, H_BREAK, H_EMPTY };
struct fields {
    char **list;
    size_t count, room;
};
void split_fields(const struct expansion *e, struct fields *fields);
void add_field(struct fields *fields, char *word);
char *as_pattern(const struct expansion *e, size_t start, size_t end);
int glob_into(struct fields *fields, const char *pattern);
long arithmetic(const char *text);
extern int substitution_status;

/* variables.c */
enum { V_EXPORT = 1, V_READONLY = 2, V_UNSET = 4 };
struct variable {
    struct variable *next;
    char *value;
    unsigned flags;
    char name[];
};
void variables_init(char **environment);
struct variable *variable_find(const char *name);
const char *variable_get(const char *name);
bool variable_set(const char *name, const char *value, unsigned flags); /* false: read-only */
void variable_assign(const char *text, unsigned flags);                /* NAME=value, dies if read-only */
bool variable_unset(const char *name);
char **variable_environment(void);
void variables_print(unsigned flags, const char *prefix);
void print_quoted(const char *value);
struct saved_variable {
    struct saved_variable *next;
    char *value; /* NULL: it was not set */
    unsigned flags;
    char name[];
};
void variable_save(struct saved_variable **list, const char *name);
void variables_restore(struct saved_variable *list);
struct arguments {
    int count;
    char **list;
};
extern struct arguments positional;
extern const char *shell_name;
void positional_set(char **list); /* copies */
struct function {
    struct function *next;
    struct node *body;
    struct pool *pool;
    char name[];
};
struct function *function_find(const char *name);
void function_define(const char *name, struct node *body, struct pool *pool);
bool function_unset(const char *name);
extern struct alias {
    struct alias *next;
    char *value;
    char name[];
} *aliases;
struct alias *alias_find(const char *name);

/* exec.c */
enum { E_EXIT = 1 }; /* the process ends after this */
int execute(struct node *node, int how);
int execute_input(int how); /* everything in `input` */
int run_string(const char *text, int how);
int call_function(struct function *function, char **words);
_Noreturn void shell_exit(int status);
_Noreturn void shell_error(const char *format, ...); /* ends a script, returns to the prompt */
_Noreturn void exec_command(char **words);
char *find_command(const char *name);
extern int last_status;
enum { SKIP_NONE, SKIP_BREAK, SKIP_CONTINUE, SKIP_RETURN };
extern int skip, skip_count, loop_depth, function_depth;
extern int tested; /* inside a condition: -e does not apply */
extern struct saved_variable **local_scope;
extern jmp_buf top_level;
extern bool top_level_set;
extern unsigned char flag[128]; /* set -e and friends, by letter */
extern bool interactive;
extern pid_t shell_pid;
enum { TOP_ERROR = 1, TOP_INTERRUPT };

/* redirect.c */
void use_fd(int from, int to);
struct saved_fd {
    struct saved_fd *next;
    int fd, copy;
};
bool redirect(struct redirection *list, struct saved_fd **saved);
void restore_fds(struct saved_fd *saved);

/* builtin.c */
struct builtin {
    const char *name;
    int (*run)(int argc, char **argv);
    bool special;
};
const struct builtin *builtin_find(const char *name);
extern const struct builtin builtins[];
extern struct saved_fd **exec_saved;
#define BUILTIN(name) int name##_builtin(int argc, char **argv);
BUILTIN(alias) BUILTIN(bg) BUILTIN(break) BUILTIN(cd) BUILTIN(colon) BUILTIN(command) BUILTIN(dot) BUILTIN(eval)
BUILTIN(exec) BUILTIN(exit) BUILTIN(export) BUILTIN(fg) BUILTIN(getopts) BUILTIN(history) BUILTIN(jobs)
BUILTIN(kill) BUILTIN(let) BUILTIN(local) BUILTIN(pwd) BUILTIN(read) BUILTIN(return) BUILTIN(set) BUILTIN(shift)
BUILTIN(times) BUILTIN(trap) BUILTIN(type) BUILTIN(ulimit) BUILTIN(umask) BUILTIN(unalias) BUILTIN(unset)
BUILTIN(wait)
#undef BUILTIN

/* trap.c */
void traps_init(void);
void traps_run(void);
void traps_child(void); /* forget them, restore what children expect */
bool traps_set(void);
int trap_pending(void); /* the first signal that waits for its trap, or 0 */
void exit_trap(void);
extern volatile sig_atomic_t interrupted;
void check_interrupt(void);

/* jobs.c */
enum state { RUNNING, STOPPED, DONE };
struct job {
    struct job *next;
    int id;
    pid_t group;
    int count;
    struct member {
        pid_t pid;
        int status;
        enum state state;
    } *members;
    char *text;
    bool control, foreground, changed;
    unsigned order;
};
void jobs_init(void);
struct job *job_new(const char *text);
pid_t job_fork(struct job *job, bool background); /* 0 in the child */
pid_t fork_subshell(void);                        /* outside of any job */
int job_wait(struct job *job);                    /* in the foreground; the shell's status */
void job_background(struct job *job);
void jobs_notify(void);
void jobs_forget(void);
struct job *job_find(const char *spec);
extern bool job_control;
extern pid_t last_background;
void job_control_set(bool on);
void job_remove(struct job *job);
enum state job_state(const struct job *job);
int job_status(const struct job *job);
bool jobs_reap(bool block); /* false: no child has changed */
void job_print(const struct job *job, FILE *to, bool ids);
void job_resume(struct job *job, bool foreground);
bool jobs_stopped(void);
extern struct job *jobs;
int status_of(int wait_status);

/* edit.c, complete.c */
enum { EDIT_LINE, EDIT_END, EDIT_INTERRUPT };
int edit_line(const char *prompt, struct text *line);
char **complete(const char *line, size_t at, size_t *start);
void history_print(void);

#endif
