/* redirect.c: redirections, and how a builtin's are undone. */
#include "shell.h"

void use_fd(int from, int to) {
    if (from != to) {
        dup2(from, to);
        close(from);
    }
}

/* The reading end of a pipe that holds the text; a long one needs a writer. */
static int heredoc_fd(const struct redirection *redirection) {
    const char *body = redirection->literal ? redirection->body : expand_heredoc(redirection->body);
    size_t length = strlen(body);
    int ends[2];
    if (pipe(ends))
        return -1;
    if (length <= 4096) {
        write_all(ends[1], body, length);
    } else if (!fork_subshell()) {
        close(ends[0]);
        _exit(!write_all(ends[1], body, length));
    }
    close(ends[1]);
    return ends[0];
}

static int open_target(const struct redirection *redirection, const char *word) {
    int mode = O_RDONLY;
    switch (redirection->operation) {
    case T_LESS2: return heredoc_fd(redirection);
    case T_CHAR + '<': break;
    case T_LESS_GREAT: mode = O_RDWR | O_CREAT; break;
    case T_GREAT2: mode = O_WRONLY | O_CREAT | O_APPEND; break;
    case T_CHAR + '>':
        mode = O_WRONLY | O_CREAT | (flag['C'] ? O_EXCL : O_TRUNC);
        break;
    case T_CLOBBER: mode = O_WRONLY | O_CREAT | O_TRUNC; break;
    }
    int fd = open(word, mode, 0666);
    if (fd < 0 && errno == EEXIST) { /* noclobber is about regular files */
        struct stat info;
        if (!stat(word, &info) && !S_ISREG(info.st_mode))
            fd = open(word, O_WRONLY);
        else
            errno = EEXIST;
    }
    return fd;
}

static void save_fd(int fd, struct saved_fd **saved) {
    struct saved_fd *copy = xmalloc(sizeof *copy);
    copy->fd = fd;
    copy->copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    copy->next = *saved;
    *saved = copy;
}

/* With `saved`, what was there before is kept for restore_fds. */
bool redirect(struct redirection *list, struct saved_fd **saved) {
    if (list)
        fflush(stdout);
    for (struct redirection *r = list; r; r = r->next) {
        const char *word = r->operation == T_LESS2 ? "" : expand_one(r->word);
        if (saved)
            save_fd(r->fd, saved);
        if (r->operation == T_LESS_AND || r->operation == T_GREAT_AND) {
            long from;
            if (streq(word, "-")) {
                close(r->fd);
            } else if (!parse_number(word, &from) || from < 0) {
                complain("%s: bad file descriptor", word);
                return false;
            } else if (from == r->fd ? fcntl(from, F_GETFD) < 0 : dup2(from, r->fd) < 0) {
                fail(word);
                return false;
            }
            continue;
        }
        int fd = open_target(r, word);
        if (fd < 0) {
            complain("can't %s %s: %s", r->operation == T_CHAR + '<' ? "open" : "create", word, strerror(errno));
            return false;
        }
        use_fd(fd, r->fd);
    }
    return true;
}

void restore_fds(struct saved_fd *saved) {
    if (saved)
        fflush(stdout);
    while (saved) {
        struct saved_fd *next = saved->next;
        if (saved->copy >= 0)
            use_fd(saved->copy, saved->fd);
        else
            close(saved->fd);
        free(saved);
        saved = next;
    }
}
