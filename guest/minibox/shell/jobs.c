/* jobs.c: processes in groups, the terminal that one group at a time owns, and what became of them. */
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "shell.h"

struct job *jobs;
bool job_control;
pid_t last_background;
static int terminal = -1;
static pid_t own_group;
static struct termios own_modes;
static unsigned order;

void job_control_set(bool on) {
    if (on == job_control)
        return;
    if (on && terminal < 0) {
        int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
        if (fd < 0 && isatty(2))
            fd = dup(2);
        if (fd < 0)
            return;
        terminal = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        close(fd);
    }
    if (on && tcgetpgrp(terminal) < 0) {
        complain("can't access tty; job control turned off");
        return;
    }
    if (on) {
        pid_t group;
        while ((group = tcgetpgrp(terminal)) >= 0 && group != getpgrp())
            if (kill(0, SIGTTIN)) /* started in the background: wait for our turn */
                break;
        own_group = getpid();
        setpgid(0, own_group);
        own_group = getpgrp();
        tcsetpgrp(terminal, own_group);
        tcgetattr(terminal, &own_modes);
    }
    job_control = on;
    flag['m'] = on;
}

struct job *job_new(const char *text) {
    struct job *job = xmalloc(sizeof *job), **tail = &jobs;
    *job = (struct job){.text = xstrdup(text), .foreground = true, .control = job_control, .order = ++order};
    job->id = 1;
    while (*tail) {
        if ((*tail)->id >= job->id)
            job->id = (*tail)->id + 1;
        tail = &(*tail)->next;
    }
    *tail = job;
    return job;
}

void job_remove(struct job *job) {
    struct job **at = &jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    free(job->members);
    free(job->text);
    free(job);
}

void jobs_forget(void) {
    while (jobs)
        job_remove(jobs);
    job_control = false;
    interactive = false;
}

enum state job_state(const struct job *job) {
    enum state state = DONE;
    for (int i = 0; i < job->count; i++) {
        if (job->members[i].state == RUNNING)
            return RUNNING;
        if (job->members[i].state == STOPPED)
            state = STOPPED;
    }
    return state;
}

int status_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + (WIFSTOPPED(status) ? WSTOPSIG(status) : WTERMSIG(status));
}

int job_status(const struct job *job) {
    return job->count ? status_of(job->members[job->count - 1].status) : 0;
}

static sigset_t mask_before_fork;

static void restore_mask(void) {
    sigprocmask(SIG_SETMASK, &mask_before_fork, NULL);
}

/* The child starts with every signal blocked and calls restore_mask when it handles them as a child: until then one
 * that this shell ignores, such as SIGTERM, would be lost. */
static pid_t fork_child(void) {
    sigset_t all;
    fflush(stdout);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask_before_fork);
    pid_t pid = fork();
    if (pid)
        restore_mask();
    if (pid < 0)
        shell_error("can't fork: %s", strerror(errno));
    return pid;
}

pid_t fork_subshell(void) {
    pid_t pid = fork_child();
    if (!pid) {
        traps_child();
        restore_mask();
        jobs_forget();
    }
    return pid;
}

pid_t job_fork(struct job *job, bool background) {
    pid_t pid = fork_child();
    if (pid) {
        if (!job->group)
            job->group = pid;
        if (job->control)
            setpgid(pid, job->group);
        job->members = xrealloc(job->members, (job->count + 1) * sizeof *job->members);
        job->members[job->count++] = (struct member){pid, 0, RUNNING};
        return pid;
    }
    bool first = !job->group;
    if (job->control) {
        pid_t group = first ? getpid() : job->group;
        setpgid(0, group);
        if (!background)
            tcsetpgrp(terminal, group); /* SIGTTOU is still ignored */
    }
    traps_child();
    if (!job->control && background) {
        signal(SIGINT, SIG_IGN);
        signal(SIGQUIT, SIG_IGN);
        if (first) {
            int null = open("/dev/null", O_RDONLY);
            if (null > 0)
                use_fd(null, 0);
        }
    }
    restore_mask();
    jobs_forget();
    return 0;
}

static void record(pid_t pid, int status) {
    for (struct job *job = jobs; job; job = job->next)
        for (int i = 0; i < job->count; i++) {
            struct member *member = &job->members[i];
            if (member->pid != pid || member->state == DONE)
                continue;
            enum state before = job_state(job);
            if (WIFCONTINUED(status)) {
                member->state = RUNNING;
            } else {
                member->status = status;
                member->state = WIFSTOPPED(status) ? STOPPED : DONE;
            }
            if (job_state(job) != before)
                job->changed = true;
            return;
        }
}

bool jobs_reap(bool block) {
    int status;
    pid_t pid = waitpid(-1, &status, (block ? 0 : WNOHANG) | (job_control ? WUNTRACED | WCONTINUED : 0));
    if (pid > 0)
        record(pid, status);
    return pid > 0;
}

void job_print(const struct job *job, FILE *to, bool ids) {
    char state[64];
    int status = job->count ? job->members[job->count - 1].status : 0;
    switch (job_state(job)) {
    case RUNNING: strcpy(state, "Running"); break;
    case STOPPED: strcpy(state, "Stopped"); break;
    case DONE:
        if (WIFSIGNALED(status))
            snprintf(state, sizeof state, "%s", strsignal(WTERMSIG(status)));
        else if (WEXITSTATUS(status))
            snprintf(state, sizeof state, "Done(%d)", WEXITSTATUS(status));
        else
            strcpy(state, "Done");
    }
    char mark = job == job_find("%+") ? '+' : job == job_find("%-") ? '-' : ' ';
    fprintf(to, "[%d]%c ", job->id, mark);
    if (ids)
        fprintf(to, "%d ", (int)job->group);
    fprintf(to, "%-24s%s%s\n", state, job->text, job_state(job) == RUNNING ? " &" : "");
}

/* Tells what changed in the background since the last prompt. */
void jobs_notify(void) {
    while (jobs_reap(false))
        continue;
    for (struct job *job = jobs, *next; job; job = next) {
        next = job->next;
        if (job->changed && job_state(job) != RUNNING)
            job_print(job, stderr, false);
        job->changed = false;
        if (job_state(job) == DONE)
            job_remove(job);
    }
}

static void take_terminal(const struct job *job) {
    if (!job->control)
        return;
    tcsetpgrp(terminal, own_group);
    int last = job->members[job->count - 1].status;
    if (job_state(job) == STOPPED || WIFSIGNALED(last))
        tcsetattr(terminal, TCSADRAIN, &own_modes);
    else
        tcgetattr(terminal, &own_modes);
}

int job_wait(struct job *job) {
    while (job_state(job) == RUNNING)
        if (!jobs_reap(true) && errno == ECHILD)
            for (int i = 0; i < job->count; i++)
                job->members[i].state = DONE;
    take_terminal(job);
    int status = job_status(job);
    job->changed = false;
    if (job_state(job) == STOPPED) {
        job->foreground = false;
        job->order = ++order;
        fputc('\n', stderr);
        job_print(job, stderr, false);
        return status;
    }
    int last = job->count ? job->members[job->count - 1].status : 0;
    if (WIFSIGNALED(last)) {
        int number = WTERMSIG(last);
        if (number == SIGINT && interactive) {
            fputc('\n', stderr);
            interrupted = 1; /* the list or loop around it ends too */
        } else if (number != SIGINT && number != SIGPIPE) {
            fprintf(stderr, "%s%s\n", strsignal(number), WCOREDUMP(last) ? " (core dumped)" : "");
        }
    }
    job_remove(job);
    return status;
}

void job_background(struct job *job) {
    job->foreground = false;
    last_background = job->members[job->count - 1].pid;
    if (interactive)
        fprintf(stderr, "[%d] %d\n", job->id, (int)last_background);
}

void job_resume(struct job *job, bool foreground) {
    for (int i = 0; i < job->count; i++)
        if (job->members[i].state == STOPPED)
            job->members[i].state = RUNNING;
    job->foreground = foreground;
    job->changed = false;
    if (foreground && job->control)
        tcsetpgrp(terminal, job->group);
    kill(job->control ? -job->group : job->group, SIGCONT);
}

bool jobs_stopped(void) {
    for (struct job *job = jobs; job; job = job->next)
        if (!job->foreground && job_state(job) == STOPPED)
            return true;
    return false;
}

/* %+ %% %- %N %TEXT %?TEXT; stopped jobs come before running ones, later ones before earlier. */
struct job *job_find(const char *spec) {
    long id = 0;
    if (*spec == '%')
        spec++;
    bool current = !*spec || streq(spec, "+") || streq(spec, "%"), previous = streq(spec, "-");
    bool by_id = parse_number(spec, &id);
    struct job *best = NULL, *second = NULL;
    for (struct job *job = jobs; job; job = job->next) {
        if (job->foreground)
            continue;
        if (by_id ? job->id == id
                  : *spec == '?' ? strstr(job->text, spec + 1) != NULL
                                 : !current && !previous && !strncmp(job->text, spec, strlen(spec)))
            return job;
        unsigned weight = job->order + (job_state(job) == STOPPED ? 1u << 30 : 0);
        if (!best || weight > best->order + (job_state(best) == STOPPED ? 1u << 30 : 0))
            second = best, best = job;
        else if (!second || weight > second->order + (job_state(second) == STOPPED ? 1u << 30 : 0))
            second = job;
    }
    return current ? best : previous ? second ? second : best : NULL;
}
