/* processes.c: what /proc says about tasks: ps, and the reading that `tasks` shares. */
#include <dirent.h>

#include "minibox.h"

static bool read_stat(const char *path, struct process *process) {
    char text[1024];
    if (read_small(path, text, sizeof text) <= 0)
        return false;
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close)
        return false;
    *close = 0;
    snprintf(process->name, sizeof process->name, "%s", open + 1);
    process->tid = atoi(text);
    /* Behind the name: state, then numbers (proc(5), fields 4 on). */
    long fields[22] = {0};
    char *at = close + 2;
    process->state = *at++;
    for (size_t i = 0; i < COUNT(fields) && *at; i++)
        fields[i] = strtol(at, &at, 10);
    process->parent = fields[0];
    process->group = fields[1];
    process->session = fields[2];
    process->terminal = fields[3];
    process->ticks = fields[10] + fields[11];
    process->pages = fields[20];
    return true;
}

static int by_value(const void *a, const void *b) {
    return atoi(*(char *const *)a) - atoi(*(char *const *)b);
}

static char **numbers_in(const char *directory) {
    char **names = sorted_entries(directory);
    if (!names)
        return NULL;
    size_t kept = 0;
    for (char **name = names; *name; name++) {
        if (**name >= '0' && **name <= '9')
            names[kept++] = *name;
        else
            free(*name);
    }
    names[kept] = NULL;
    qsort(names, kept, sizeof *names, by_value);
    return names;
}

int each_process(bool threads, int (*visit)(const struct process *process, void *data), void *data) {
    char **names = numbers_in("/proc");
    char path[64];
    int status = 0;
    if (!names)
        return fail("/proc");
    for (char **name = names; *name; name++) {
        struct process process = {.pid = atoi(*name)};
        char **tids = NULL;
        snprintf(path, sizeof path, "/proc/%s/task", *name);
        if (threads && (tids = numbers_in(path))) {
            for (char **tid = tids; *tid; tid++) {
                snprintf(path, sizeof path, "/proc/%s/task/%s/stat", *name, *tid);
                if (read_stat(path, &process))
                    status |= visit(&process, data);
                free(*tid);
            }
            free(tids);
        } else {
            snprintf(path, sizeof path, "/proc/%s/stat", *name);
            if (read_stat(path, &process))
                status |= visit(&process, data);
        }
        free(*name);
    }
    free(names);
    return status;
}

/* The arguments; a task without any (a kernel thread, a zombie) has its name in brackets. */
void command_line(const struct process *process, char *buffer, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", process->pid);
    ssize_t length = read_small(path, buffer, size);
    if (length <= 0) {
        snprintf(buffer, size, "[%s]", process->name);
        return;
    }
    for (ssize_t i = 0; i < length; i++)
        if ((unsigned char)buffer[i] < ' ')
            buffer[i] = ' ';
    while (length && buffer[length - 1] == ' ')
        buffer[--length] = 0;
}

static int print_process(const struct process *process, void *data) {
    char line[512], path[32];
    struct stat info;
    bool many = *(bool *)data;
    snprintf(path, sizeof path, "/proc/%d", process->pid);
    const char *user = stat(path, &info) ? "?" : user_name(info.st_uid);
    command_line(process, line, sizeof line);
    unsigned long seconds = process->ticks / 100;
    printf("%5d ", many ? process->tid : process->pid);
    printf("%5d %-8s %c %3lu:%02lu %s\n", process->parent, user, process->state, seconds / 60, seconds % 60, line);
    return 0;
}

int ps_main(int argc, char **argv) {
    bool threads = false;
    for (int i = 1; i < argc; i++) /* aux, -ef and the like ask for what there is anyway */
        threads |= strpbrk(argv[i], "TL") != NULL;
    puts("  PID  PPID USER     S   TIME COMMAND");
    return each_process(threads, print_process, &threads);
}
