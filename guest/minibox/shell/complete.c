/* complete.c: what the Tab key offers: commands for the first word, file names for the others. */
#include <dirent.h>

#include "shell.h"

static void offer_directory(struct fields *found, const char *directory, const char *prefix, const char *start,
                            bool commands) {
    DIR *stream = opendir(*directory ? directory : ".");
    if (!stream)
        return;
    size_t length = strlen(start), prefix_length = strlen(prefix);
    for (struct dirent *entry; (entry = readdir(stream));) {
        const char *name = entry->d_name;
        if (strncmp(name, start, length) || (*name == '.' && *start != '.') || streq(name, ".") || streq(name, ".."))
            continue;
        char *match = pool_alloc(temporary, prefix_length + strlen(name) + 2);
        stpcpy(stpcpy(match, prefix), name);
        char *path = path_join(directory, name);
        struct stat info;
        bool is_directory = !stat(path, &info) && S_ISDIR(info.st_mode);
        free(path);
        if (commands && is_directory)
            continue;
        if (is_directory)
            strcat(match, "/");
        add_field(found, match);
    }
    closedir(stream);
}

static void offer_commands(struct fields *found, const char *start) {
    for (const struct builtin *builtin = builtins; builtin->name; builtin++)
        if (!strncmp(builtin->name, start, strlen(start)))
            add_field(found, (char *)builtin->name);
    const char *path = variable_get("PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        offer_directory(found, temp_copy(path, length), "", start, true);
        path += length + (path[length] == ':');
    }
}

/* The matches of the word that ends at `at`, sorted; NULL-terminated. */
char **complete(const char *line, size_t at, size_t *start) {
    struct fields found = {0};
    size_t from = at;
    while (from && !strchr(" \t;|&<>(`=", line[from - 1]))
        from--;
    *start = from;
    char *word = temp_copy(line + from, at - from), *slash = strrchr(word, '/');
    size_t before = from;
    while (before && strchr(" \t", line[before - 1]))
        before--;
    bool first = !before || strchr(";|&(`", line[before - 1]);
    if (first && !slash) {
        offer_commands(&found, word);
    } else {
        char *prefix = slash ? temp_copy(word, slash + 1 - word) : "";
        offer_directory(&found, prefix, prefix, slash ? slash + 1 : word, false);
    }
    if (!found.list)
        found.list = pool_alloc(temporary, sizeof *found.list);
    qsort(found.list, found.count, sizeof *found.list, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < found.count; i++)
        if (!kept || !streq(found.list[kept - 1], found.list[i]))
            found.list[kept++] = found.list[i];
    found.list[kept] = NULL;
    return found.list;
}
