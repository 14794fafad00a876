/* ls.c: ls. */
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "minibox.h"

struct entry {
    char *name, *path;
    struct stat info;
};

static int status;
static bool several, printed;

static int by_time(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->info.st_mtime != y->info.st_mtime)
        return x->info.st_mtime < y->info.st_mtime ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int by_size(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->info.st_size != y->info.st_size)
        return x->info.st_size < y->info.st_size ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int by_entry_name(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void sort_entries(struct entry *list, size_t count) {
    if (!option('U'))
        qsort(list, count, sizeof *list, option('t') ? by_time : option('S') ? by_size : by_entry_name);
    for (size_t i = 0; option('r') && i < count / 2; i++) {
        struct entry swap = list[i];
        list[i] = list[count - 1 - i];
        list[count - 1 - i] = swap;
    }
}

static char mark_of(mode_t mode) {
    if (S_ISDIR(mode))
        return '/';
    if (option('p') && !option('F'))
        return 0;
    return S_ISLNK(mode) ? '@' : S_ISFIFO(mode) ? '|' : S_ISSOCK(mode) ? '=' : S_ISREG(mode) && mode & 0111 ? '*' : 0;
}

static void print_size(long long size, int width) {
    static const char units[] = "KMGT";
    if (!option('h') || size < 1024) {
        printf("%*lld", width, size);
        return;
    }
    long long tenths = size * 10;
    int unit = -1;
    while (tenths >= 10240)
        tenths = (tenths + 512) / 1024, unit++;
    printf("%*lld.%lld%c", width - 3, tenths / 10, tenths % 10, units[unit]);
}

static void print_entry(const struct entry *entry, int width) {
    const struct stat *info = &entry->info;
    char letters[11];
    if (option('i'))
        printf("%7llu ", (unsigned long long)info->st_ino);
    if (option('s'))
        printf("%6llu ", (unsigned long long)info->st_blocks / 2);
    if (option('l') || option('n')) {
        mode_letters(info->st_mode, letters);
        printf("%s %4lu ", letters, (unsigned long)info->st_nlink);
        if (option('n'))
            printf("%-8u %-8u ", info->st_uid, info->st_gid);
        else {
            printf("%-8s ", user_name(info->st_uid));
            printf("%-8s ", group_name(info->st_gid));
        }
        if (S_ISCHR(info->st_mode) || S_ISBLK(info->st_mode))
            printf("%4u, %3u", major(info->st_rdev), minor(info->st_rdev));
        else
            print_size(info->st_size, 9);
        long age = time(NULL) - info->st_mtime;
        putchar(' ');
        format_time(info->st_mtime, age > 15552000 || age < -3600 ? "%b %e  %Y " : "%b %e %H:%M ");
    }
    char mark = option('F') || option('p') ? mark_of(info->st_mode) : 0;
    fputs(entry->name, stdout);
    if (mark)
        putchar(mark);
    if ((option('l') || option('n')) && S_ISLNK(info->st_mode)) {
        char target[PATH_MAX];
        ssize_t length = readlink(entry->path, target, sizeof target - 1);
        if (length >= 0)
            printf(" -> %.*s", (int)length, target);
    }
    if (width)
        printf("%*s", width - (int)strlen(entry->name) - !!mark, "");
    else
        putchar('\n');
}

static void print_entries(struct entry *list, size_t count) {
    struct winsize size;
    int width = 0, across = 1;
    bool plain = !option('l') && !option('n') && !option('1');
    sort_entries(list, count);
    if (count)
        printed = true;
    if (plain && (isatty(1) || option('C'))) {
        int room = ioctl(1, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
        for (size_t i = 0; i < count; i++)
            if ((int)strlen(list[i].name) + 2 > width)
                width = strlen(list[i].name) + 2;
        width += !!option('F');
        int prefix = option('i') * 8 + option('s') * 7;
        across = width + prefix && room / (width + prefix) ? room / (width + prefix) : 1;
    }
    size_t down = (count + across - 1) / across;
    for (size_t row = 0; row < down; row++)
        for (size_t i = row; i < count; i += down)
            print_entry(&list[i], i + down < count ? width : 0);
}

static bool look(struct entry *entry, bool follow) {
    if ((follow && !stat(entry->path, &entry->info)) || !lstat(entry->path, &entry->info))
        return true;
    status = fail(entry->path);
    return false;
}

static void list_directory(const char *path) {
    char **names = sorted_entries(path);
    if (!names) {
        status = fail(path);
        return;
    }
    if (several) {
        printf("%s%s:\n", printed ? "\n" : "", path);
        printed = true;
    }
    size_t count = 0;
    struct entry *list = xmalloc((length_of(names) + 2) * sizeof *list);
    const char *dots[] = {".", ".."};
    for (int i = 0; option('a') && i < 2; i++) {
        list[count] = (struct entry){xstrdup(dots[i]), path_join(path, dots[i]), {0}};
        count += look(&list[count], false);
    }
    for (char **name = names; *name; name++) {
        if (**name == '.' && !option('a') && !option('A'))
            continue;
        list[count] = (struct entry){*name, path_join(path, *name), {0}};
        count += look(&list[count], option('L'));
    }
    long long blocks = 0;
    for (size_t i = 0; i < count; i++)
        blocks += list[i].info.st_blocks;
    if (option('l') || option('n') || option('s'))
        printf("total %lld\n", blocks / 2);
    print_entries(list, count);
    for (size_t i = 0; option('R') && i < count; i++)
        if (S_ISDIR(list[i].info.st_mode) && !streq(list[i].name, ".") && !streq(list[i].name, ".."))
            list_directory(list[i].path);
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
        free(list[i].path);
    }
    free(list);
    free(names);
}

int ls_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "laA1diRtrSFphnsULC"), *here[] = {".", NULL};
    if (!*paths)
        paths = here;
    int total = length_of(paths);
    struct entry *files = xmalloc(total * sizeof *files), *directories = xmalloc(total * sizeof *files);
    size_t file_count = 0, directory_count = 0;
    several = total > 1 || option('R');
    for (int i = 0; i < total; i++) {
        struct entry entry = {paths[i], paths[i], {0}};
        bool follow = !(option('l') || option('d') || option('F')) || paths[i][strlen(paths[i]) - 1] == '/';
        if (!look(&entry, follow || option('L')))
            continue;
        if (S_ISDIR(entry.info.st_mode) && !option('d'))
            directories[directory_count++] = entry;
        else
            files[file_count++] = entry;
    }
    print_entries(files, file_count);
    sort_entries(directories, directory_count);
    for (size_t i = 0; i < directory_count; i++)
        list_directory(directories[i].path);
    return status;
}
