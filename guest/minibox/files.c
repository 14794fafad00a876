/* files.c: reading, writing and listing that several applets share. */
#include <dirent.h>

#include "minibox.h"

bool write_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t done = write(fd, data, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        data += done;
        size -= done;
    }
    return true;
}

bool copy_fd(int from, int to) {
    static char buffer[32768];
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        if (!write_all(to, buffer, got))
            return false;
    }
}

ssize_t read_small(const char *path, char *buffer, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = -1;
    if (fd >= 0)
        while (used < size - 1 && (got = read(fd, buffer + used, size - 1 - used)) > 0)
            used += got;
    buffer[used] = 0;
    if (fd >= 0)
        close(fd);
    return got < 0 && !used ? -1 : (ssize_t)used;
}

char *read_line(FILE *file) {
    size_t used = 0, room = 0;
    char *line = NULL;
    int c;
    while ((c = getc(file)) != EOF) {
        if (used + 1 >= room)
            line = xrealloc(line, room = room * 2 + 80);
        if (c == '\n')
            break;
        line[used++] = c;
    }
    if (line)
        line[used] = 0;
    return line;
}

FILE *open_input(const char *path) {
    if (streq(path, "-"))
        return stdin;
    FILE *file = fopen(path, "re");
    if (!file)
        fail(path);
    return file;
}

int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **sorted_entries(const char *dir) {
    DIR *stream = opendir(dir);
    if (!stream)
        return NULL;
    size_t count = 0;
    char **names = xmalloc(sizeof *names);
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
            continue;
        names = xrealloc(names, (count + 2) * sizeof *names);
        names[count++] = xstrdup(entry->d_name);
    }
    closedir(stream);
    names[count] = NULL;
    qsort(names, count, sizeof *names, by_name);
    return names;
}

int each_entry(const char *dir, int (*visit)(const char *path, void *data), void *data) {
    char **names = sorted_entries(dir);
    if (!names)
        return fail(dir);
    int status = 0;
    for (char **name = names; *name; name++) {
        char *path = path_join(dir, *name);
        status |= visit(path, data);
        free(path);
        free(*name);
    }
    free(names);
    return status;
}
