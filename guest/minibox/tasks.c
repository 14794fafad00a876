/* tasks.c: every task of the machine as minikern sees it. PID/task/TID/minikern is this kernel's own file; on another
 * kernel what only it can tell is a question mark. */
#include "minibox.h"

static void field_of(const char *text, const char *name, char *value, size_t size) {
    size_t length = strlen(name);
    strcpy(value, "?");
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
        if (strncmp(line, name, length) || line[length] != ':')
            continue;
        line += length + 1;
        line += strspn(line, " \t");
        snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
        return;
    }
}

/* /proc/PID/cgroup: "hierarchy:subsystems:path"; the freezer's line, or the only one of cgroup2. */
static void cgroup_of(const char *text, char *value, size_t size) {
    strcpy(value, "-");
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
        const char *subsystems = strchr(line, ':'), *path = subsystems ? strchr(subsystems + 1, ':') : NULL;
        if (!path)
            continue;
        const char *freezer = strstr(subsystems, "freezer");
        bool unified = path == subsystems + 1;
        if ((freezer && freezer < path) || (unified && *value == '-'))
            snprintf(value, size, "%.*s", (int)strcspn(path + 1, "\n"), path + 1);
    }
}

static int print_task(const struct process *process, void *data) {
    char path[96], text[1024], arch[16], flags[128], bits[24], cgroup[64], wait[32], line[256];
    (void)data;
    int end = snprintf(path, sizeof path, "/proc/%d/task/%d/", process->pid, process->tid);
    strcpy(path + end, "minikern");
    read_small(path, text, sizeof text);
    field_of(text, "arch", arch, sizeof arch);
    field_of(text, "tif", flags, sizeof flags);
    field_of(text, "tif_bits", bits, sizeof bits);
    snprintf(path + end, sizeof path - end, "cgroup");
    if (read_small(path, text, sizeof text) <= 0) {
        snprintf(path, sizeof path, "/proc/%d/cgroup", process->pid);
        read_small(path, text, sizeof text);
    }
    cgroup_of(text, cgroup, sizeof cgroup);
    snprintf(path, sizeof path, "/proc/%d/task/%d/wchan", process->pid, process->tid);
    if (read_small(path, wait, sizeof wait) <= 0) {
        snprintf(path, sizeof path, "/proc/%d/wchan", process->pid);
        if (read_small(path, wait, sizeof wait) <= 0)
            strcpy(wait, "-");
    }
    wait[strcspn(wait, "\n")] = 0;
    command_line(process, line, sizeof line);
    printf("%5d %-8s %c %-10s %-18s %-12s %-18s %s\n", process->tid, arch, process->state, bits, flags, cgroup,
           streq(wait, "0") ? "-" : wait, line);
    return 0;
}

int tasks_main(int argc, char **argv) {
    (void)argc, (void)argv;
    printf("%5s %-8s %s %-10s %-18s %-12s %-18s %s\n", "TID", "ARCH", "S", "TIF", "FLAGS", "CGROUP", "WCHAN", "COMMAND");
    return each_process(true, print_task, NULL);
}
