/* job_builtins.c: jobs fg bg kill wait. */
#include <sys/wait.h>

#include "shell.h"

static struct job *job_of(const char *name, const char *spec) {
    struct job *job = job_find(spec ? spec : "%+");
    if (!job)
        complain(spec ? "%s: %s: no such job" : "%s: no current job", name, spec);
    return job;
}

int jobs_builtin(int argc, char **argv) {
    bool ids = argc > 1 && streq(argv[1], "-l"), only_ids = argc > 1 && streq(argv[1], "-p");
    while (jobs_reap(false))
        continue;
    for (struct job *job = jobs, *next; job; job = next) {
        next = job->next;
        if (job->foreground)
            continue;
        if (only_ids)
            printf("%d\n", (int)job->group);
        else
            job_print(job, stdout, ids);
        job->changed = false;
        if (job_state(job) == DONE && interactive)
            job_remove(job);
    }
    return 0;
}

int fg_builtin(int argc, char **argv) {
    (void)argc;
    struct job *job = job_of("fg", argv[1]);
    if (!job)
        return 1;
    puts(job->text);
    fflush(stdout);
    job_resume(job, true);
    return job_wait(job);
}

int bg_builtin(int argc, char **argv) {
    (void)argc;
    char **spec = argv + 1;
    do {
        struct job *job = job_of("bg", *spec);
        if (!job)
            return 1;
        job_resume(job, false);
        printf("[%d] %s &\n", job->id, job->text);
    } while (*spec && *++spec);
    return 0;
}

int kill_builtin(int argc, char **argv) {
    char **copy = pool_alloc(temporary, (argc + 2) * sizeof *copy), **to = copy;
    int first = argc > 1 && streq(argv[1], "-s") ? 3 : argc > 1 && argv[1][0] == '-' ? 2 : 1;
    pid_t stopped = 0;
    for (int i = 0; i < argc; i++) {
        if (i == first && !streq(argv[1], "-l") && !streq(argv[1], "--"))
            *to++ = "--"; /* what follows may be the negative number of a group */
        *to++ = argv[i];
        if (i == 0 || *argv[i] != '%')
            continue;
        struct job *job = job_of("kill", argv[i]);
        if (!job)
            return 1;
        char text[24];
        snprintf(text, sizeof text, "%d", job->control ? -(int)job->group : (int)job->group);
        to[-1] = temp_copy(text, strlen(text));
        if (job_state(job) == STOPPED && !(first == 2 && signal_number(argv[1] + 1) == SIGSTOP))
            stopped = atoi(text);
    }
    int status = kill_main(to - copy, copy);
    if (stopped && !status)
        kill(stopped, SIGCONT); /* a stopped job could not act on the signal */
    return status;
}

static void on_child(int number) {
    (void)number;
}

/* Sleeps until a child changes or a trapped signal comes; no signal can slip in between. */
static bool wait_for_change(void) {
    sigset_t all, old;
    struct sigaction action = {.sa_handler = on_child}, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    sigaction(SIGCHLD, &action, &before);
    bool changed = false;
    errno = 0;
    while (!trap_pending() && !interrupted && !(changed = jobs_reap(false)) && errno != ECHILD)
        sigsuspend(&old);
    sigaction(SIGCHLD, &before, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    return changed;
}

static int wait_for_job(struct job *job, int member) {
    while (member < 0 ? job_state(job) == RUNNING : job->members[member].state == RUNNING) {
        if (wait_for_change())
            continue;
        int number = trap_pending();
        if (number || interrupted)
            return 128 + (number ? number : SIGINT);
        return 127; /* no such child any more */
    }
    job->changed = false;
    int status = member < 0 ? job_status(job) : status_of(job->members[member].status);
    if (job_state(job) == DONE)
        job_remove(job);
    return status;
}

int wait_builtin(int argc, char **argv) {
    int status = 0;
    if (argc < 2) {
        for (;;) {
            struct job *job = jobs;
            while (job && (job->foreground || job_state(job) == STOPPED))
                job = job->next;
            if (!job)
                return 0;
            status = wait_for_job(job, -1);
            if (trap_pending() || interrupted)
                return status;
            if (status == 127)
                return 0;
        }
    }
    for (char **spec = argv + 1; *spec; spec++) {
        if (**spec == '%') {
            struct job *job = job_of("wait", *spec);
            status = job ? wait_for_job(job, -1) : 127;
            continue;
        }
        long pid;
        if (!parse_number(*spec, &pid))
            return complain("wait: %s: not a process id or job", *spec) + 1;
        status = 127;
        for (struct job *job = jobs; job; job = job->next) {
            int member = 0;
            while (member < job->count && job->members[member].pid != pid)
                member++;
            if (member == job->count)
                continue;
            status = wait_for_job(job, member);
            break;
        }
    }
    return status;
}
