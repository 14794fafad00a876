/* minibox.h: what every applet of the multi-call program shares. */
#ifndef MINIBOX_H
#define MINIBOX_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH "riscv64"
#else
#error "name this architecture here"
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define streq(a, b) (strcmp((a), (b)) == 0)

/* Messages go to stderr and start with this name; the shell's builtins change it. */
extern const char *applet_name;
_Noreturn void die(const char *format, ...);
int complain(const char *format, ...); /* returns 1, the usual exit status */
int fail(const char *subject);         /* complain "subject: strerror(errno)" */

void *xmalloc(size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s);
char *path_join(const char *dir, const char *name);
const char *base_of(const char *path); /* what follows the last slash */

/* Options: `spec` holds letters, each followed by ':' if it takes a value; a leading '+' stops at the
 * first operand. Returns the operands; option() counts a letter, option_value() is its last value. */
char **options(char **argv, const char *spec);
int option(char letter);
const char *option_value(char letter);
int length_of(char **list);

bool parse_number(const char *text, long *value); /* whole text, decimal, 0x or 0 */
long number(const char *text);                    /* the same, dies */
bool parse_seconds(const char *text, struct timespec *time);

/* Files. */
bool copy_fd(int from, int to); /* until end of file */
bool write_all(int fd, const char *data, size_t size);
ssize_t read_small(const char *path, char *buffer, size_t size); /* NUL-terminated */
char *read_line(FILE *file);                     /* malloc'ed, no newline; NULL at the end */
FILE *open_input(const char *path);              /* "-" is stdin; complains */
int each_entry(const char *dir, int (*visit)(const char *path, void *data), void *data);
char **sorted_entries(const char *dir);          /* names without . and ..; NULL if unreadable */
int by_name(const void *a, const void *b);

/* Names. */
const char *user_name(unsigned id);
const char *group_name(unsigned id);
bool find_user(const char *name, unsigned *uid, unsigned *gid);
bool find_group(const char *name, unsigned *gid);
int signal_number(const char *name); /* "9", "KILL", "SIGKILL"; -1 */
const char *signal_short_name(int number);
bool parse_mode(const char *text, mode_t old, mode_t *mode);
void mode_letters(mode_t mode, char out[11]);
void format_time(long seconds, const char *format); /* UTC, to stdout */
bool put_escape(const char **text, int *byte);  /* after a backslash; false is \c */

/* Every process or, with `threads`, every task in /proc, in the order of its number. */
struct process {
    int pid, tid, parent, group, session, terminal;
    char state;
    char name[64];
    unsigned long ticks, pages;
};
int each_process(bool threads, int (*visit)(const struct process *process, void *data), void *data);
void command_line(const struct process *process, char *buffer, size_t size);

_Noreturn void run_program(char **argv, char **environment); /* PATH search, 126 or 127 */
const char *arch_path(void); /* PATH with this architecture's tools first */
const char *prefer_own_arch(const char *path);

#define APPLET(name) int name##_main(int argc, char **argv);
#include "applets.h"
#undef APPLET

#endif
