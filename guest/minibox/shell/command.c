/* command.c: find a command, become it, or run one for its output. */
#include <sys/wait.h>

#include "shell.h"

int substitution_status;

/* The path to run for a name, in temporary memory, or NULL. */
char *find_command(const char *name) {
    struct stat info;
    if (strchr(name, '/'))
        return access(name, X_OK) ? NULL : temp_copy(name, strlen(name));
    const char *path = variable_get("PATH");
    while (path) {
        size_t length = strcspn(path, ":"), name_length = strlen(name);
        char *file = pool_alloc(temporary, length + name_length + 2);
        memcpy(file, path, length);
        if (length)
            file[length++] = '/';
        strcpy(file + length, name);
        if (!stat(file, &info) && S_ISREG(info.st_mode) && !access(file, X_OK))
            return file;
        path = strchr(path, ':');
        path += !!path;
    }
    return NULL;
}

/* A file without #! that is not a program is a script (POSIX XCU 2.9.1.1). */
static void run_script(const char *path, char **words) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char start[64];
    ssize_t got = fd < 0 ? -1 : read(fd, start, sizeof start);
    close(fd);
    if (got < 0 || memchr(start, 0, got))
        return;
    int count = length_of(words);
    char **arguments = pool_alloc(temporary, (count + 2) * sizeof *arguments);
    arguments[0] = "sh";
    arguments[1] = (char *)path;
    memcpy(arguments + 2, words + 1, count * sizeof *words);
    const char *shell = find_command("sh");
    execve(shell ? shell : "/proc/self/exe", arguments, variable_environment());
}

void exec_command(char **words) {
    const char *path = find_command(words[0]);
    char **environment = variable_environment();
    if (!path) {
        struct stat info;
        bool there = strchr(words[0], '/') && !stat(words[0], &info);
        complain(there ? S_ISDIR(info.st_mode) ? "%s: Is a directory" : "%s: Permission denied" : "%s: not found",
                 words[0]);
        shell_exit(there ? 126 : 127);
    }
    execve(path, words, environment);
    int error = errno;
    if (error == ENOEXEC)
        run_script(path, words);
    complain("%s: %s", words[0], error == ENOENT ? "not found" : strerror(error));
    shell_exit(error == ENOENT ? 127 : 126);
}

/* $( ): what the command prints, without the newlines at its end. */
char *command_output(const char *command) {
    int ends[2];
    struct text output = {0};
    if (pipe(ends))
        shell_error("pipe: %s", strerror(errno));
    pid_t pid = fork_subshell();
    if (!pid) {
        close(ends[0]);
        if (ends[1] != 1) {
            dup2(ends[1], 1);
            close(ends[1]);
        }
        run_string(command, E_EXIT);
        shell_exit(last_status);
    }
    close(ends[1]);
    char buffer[1024];
    ssize_t got;
    while ((got = read(ends[0], buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            text_add(&output, buffer, got);
    close(ends[0]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    substitution_status = status_of(status);
    while (output.length && output.s[output.length - 1] == '\n')
        output.length--;
    size_t length = 0;
    for (size_t i = 0; i < output.length; i++) /* NULs cannot be in a word */
        if (output.s[i])
            output.s[length++] = output.s[i];
    char *copy = temp_copy(output.length ? output.s : "", length);
    free(output.s);
    check_interrupt();
    return copy;
}
