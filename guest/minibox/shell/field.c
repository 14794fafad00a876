/* field.c: field splitting and file name expansion (POSIX XCU 2.6.5, 2.6.6). */
#include <dirent.h>
#include <fnmatch.h>

#include "shell.h"

void add_field(struct fields *fields, char *word) {
    if (fields->count + 1 >= fields->room) {
        char **old = fields->list;
        fields->room = fields->room * 2 + 16;
        fields->list = pool_alloc(temporary, fields->room * sizeof *old);
        if (fields->count)
            memcpy(fields->list, old, fields->count * sizeof *old);
    }
    fields->list[fields->count++] = word;
    fields->list[fields->count] = NULL;
}

/* The text of an expansion with everything that was quoted made literal for fnmatch. */
char *as_pattern(const struct expansion *e, size_t start, size_t end) {
    char *pattern = pool_alloc(temporary, 2 * (end - start) + 1), *to = pattern;
    for (size_t i = start; i < end; i++) {
        if (e->how[i] == H_EMPTY || e->how[i] == H_BREAK)
            continue;
        if (e->how[i] == H_QUOTED || e->s[i] == '\\')
            *to++ = '\\';
        *to++ = e->s[i];
    }
    return pattern;
}

static void finish_field(const struct expansion *e, size_t start, size_t end, struct fields *fields) {
    bool magic = false, open = false;
    char *plain = pool_alloc(temporary, end - start + 1), *to = plain;
    for (size_t i = start; i < end; i++) {
        if (e->how[i] == H_EMPTY)
            continue;
        *to++ = e->s[i];
        if (e->how[i] == H_QUOTED)
            continue;
        open |= e->s[i] == '[';
        /* A bracket that nothing closes, as in [ 1 = 1 ], is no pattern. */
        magic |= e->s[i] == '*' || e->s[i] == '?' || (e->s[i] == ']' && open);
    }
    if (!magic || flag['f'] || !glob_into(fields, as_pattern(e, start, end)))
        add_field(fields, plain);
}

void split_fields(const struct expansion *e, struct fields *fields) {
    const char *separators = variable_get("IFS");
    if (!separators)
        separators = " \t\n";
    size_t start = 0;
    bool have = false, after_blank = false;
    for (size_t i = 0; i < e->length; i++) {
        int how = e->how[i];
        char c = e->s[i];
        bool separator = how == H_RESULT && c && strchr(separators, c);
        if (how != H_BREAK && !separator) {
            if (!have)
                start = i;
            have = true;
            after_blank = false;
            continue;
        }
        bool blank = separator && strchr(" \t\n", c);
        if (have)
            finish_field(e, start, i, fields);
        else if (separator && !blank && !after_blank)
            add_field(fields, "");
        after_blank = blank && (have || after_blank);
        have = false;
    }
    if (have)
        finish_field(e, start, e->length, fields);
}

static bool has_magic(const char *s, const char *end) {
    for (; s < end; s++) {
        if (*s == '\\' && s[1])
            s++;
        else if (strchr("*?[", *s))
            return true;
    }
    return false;
}

/* `directory` ends in a slash or is empty; `pattern` starts with a component. */
static void glob_below(struct fields *fields, const char *directory, const char *pattern) {
    size_t length = strcspn(pattern, "/"), directory_length = strlen(directory);
    const char *rest = pattern + length;
    size_t slashes = strspn(rest, "/");
    char *component = temp_copy(pattern, length);
    if (!has_magic(pattern, rest)) {
        char *path = pool_alloc(temporary, directory_length + length + slashes + 1);
        char *to = stpcpy(path, directory);
        for (char *from = component; *from; from++) {
            if (*from == '\\' && from[1])
                from++;
            *to++ = *from;
        }
        memcpy(to, rest, slashes);
        struct stat info;
        if (rest[slashes])
            glob_below(fields, path, rest + slashes);
        else if (!lstat(path, &info))
            add_field(fields, path);
        return;
    }
    DIR *stream = opendir(*directory ? directory : ".");
    if (!stream)
        return;
    struct fields names = {0};
    for (struct dirent *entry; (entry = readdir(stream));)
        if (!fnmatch(component, entry->d_name, FNM_PERIOD))
            add_field(&names, temp_copy(entry->d_name, strlen(entry->d_name)));
    closedir(stream);
    if (names.count)
        qsort(names.list, names.count, sizeof *names.list, by_name);
    for (size_t i = 0; i < names.count; i++) {
        size_t name_length = strlen(names.list[i]);
        char *path = pool_alloc(temporary, directory_length + name_length + slashes + 1);
        memcpy(stpcpy(stpcpy(path, directory), names.list[i]), rest, slashes);
        struct stat info;
        if (!slashes)
            add_field(fields, path);
        else if (!stat(path, &info) && S_ISDIR(info.st_mode)) {
            if (rest[slashes])
                glob_below(fields, path, rest + slashes);
            else
                add_field(fields, path);
        }
    }
}

int glob_into(struct fields *fields, const char *pattern) {
    size_t before = fields->count, slashes = strspn(pattern, "/");
    glob_below(fields, temp_copy(pattern, slashes), pattern + slashes);
    return fields->count - before;
}
