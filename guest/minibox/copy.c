/* copy.c: cp mv rm ln. */
#include <sys/time.h>

#include "minibox.h"

static int copy(const char *from, const char *to);

static int copy_child(const char *path, void *to) {
    char *target = path_join(to, base_of(path));
    int status = copy(path, target);
    free(target);
    return status;
}

static void copy_attributes(const char *to, const struct stat *info) {
    struct timespec times[2] = {info->st_atim, info->st_mtim};
    if (!option('p') && !option('a'))
        return;
    if (lchown(to, info->st_uid, info->st_gid) && errno != EPERM)
        fail(to);
    if (!S_ISLNK(info->st_mode))
        chmod(to, info->st_mode & 07777);
    utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_regular(const char *from, const char *to, mode_t mode) {
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return fail(from);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0777);
    if (out < 0 && option('f') && !unlink(to))
        out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0777);
    int status = 0;
    if (out < 0 || !copy_fd(in, out))
        status = fail(to);
    close(in);
    if (out >= 0 && close(out))
        status = fail(to);
    return status;
}

static int copy(const char *from, const char *to) {
    struct stat info, there;
    bool keep_links = option('P') || option('d') || option('a') || (option('r') && !option('L')) || option('R');
    if (keep_links ? lstat(from, &info) : stat(from, &info))
        return fail(from);
    bool exists = !stat(to, &there);
    if (exists && info.st_dev == there.st_dev && info.st_ino == there.st_ino)
        return complain("'%s' and '%s' are the same file", from, to);
    int status = 0;
    if (S_ISDIR(info.st_mode)) {
        if (!option('r') && !option('R') && !option('a'))
            return complain("omitting directory '%s'", from);
        if (!(exists && S_ISDIR(there.st_mode)) && mkdir(to, (info.st_mode & 0777) | 0700))
            return fail(to);
        if (option('v'))
            printf("'%s' -> '%s'\n", from, to);
        status = each_entry(from, copy_child, (void *)to);
        if (!exists && !option('p') && !option('a')) {
            mode_t mask = umask(0);
            umask(mask);
            chmod(to, info.st_mode & 0777 & ~mask);
        }
        copy_attributes(to, &info);
        return status;
    }
    if (S_ISLNK(info.st_mode)) {
        char target[PATH_MAX];
        ssize_t length = readlink(from, target, sizeof target - 1);
        if (length < 0)
            return fail(from);
        target[length] = 0;
        unlink(to);
        status = symlink(target, to) ? fail(to) : 0;
    } else if (S_ISREG(info.st_mode) || !(option('r') || option('R') || option('a'))) {
        status = copy_regular(from, to, info.st_mode);
    } else {
        status = mknod(to, info.st_mode, info.st_rdev) ? fail(to) : 0;
    }
    if (!status)
        copy_attributes(to, &info);
    if (option('v'))
        printf("'%s' -> '%s'\n", from, to);
    return status;
}

/* Calls `act` for every source with the place it goes to: into the last operand if that is a directory. */
static int to_last(char **paths, int (*act)(const char *from, const char *to)) {
    int count = length_of(paths), status = 0;
    struct stat info;
    if (count < 2)
        die("a source and a destination are needed");
    char *last = paths[count - 1];
    bool into = !stat(last, &info) && S_ISDIR(info.st_mode) && !option('T');
    struct stat link;
    if (into && option('n') && applet_name[0] == 'l' && !lstat(last, &link) && S_ISLNK(link.st_mode))
        into = false;
    if (!into && count > 2)
        die("'%s' is not a directory", last);
    for (int i = 0; i < count - 1; i++) {
        char *clean = xstrdup(paths[i]);
        for (size_t length = strlen(clean); length > 1 && clean[length - 1] == '/';)
            clean[--length] = 0;
        char *to = into ? path_join(last, base_of(clean)) : xstrdup(last);
        status |= act(clean, to);
        free(to);
        free(clean);
    }
    return status;
}

int cp_main(int argc, char **argv) {
    (void)argc;
    return to_last(options(argv, "rRfpadPLTvi"), copy);
}

static int remove_path(const char *path, void *data) {
    struct stat info;
    (void)data;
    if (lstat(path, &info))
        return option('f') && errno == ENOENT ? 0 : fail(path);
    if (S_ISDIR(info.st_mode)) {
        if (!option('r') && !option('R'))
            return complain("'%s' is a directory", path);
        int status = each_entry(path, remove_path, NULL);
        return rmdir(path) ? fail(path) : status;
    }
    return unlink(path) ? fail(path) : 0;
}

int rm_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    char **paths = options(argv, "rRfi");
    if (!*paths && !option('f'))
        die("a file name is needed");
    for (; *paths; paths++) {
        const char *name = base_of(*paths);
        if (streq(name, ".") || streq(name, ".."))
            status = complain("can't remove '%s'", *paths);
        else
            status |= remove_path(*paths, NULL);
    }
    return status;
}

static int move(const char *from, const char *to) {
    if (option('n') && !access(to, F_OK))
        return 0;
    if (option('v'))
        printf("'%s' -> '%s'\n", from, to);
    if (!rename(from, to))
        return 0;
    if (errno != EXDEV)
        return complain("can't move '%s' to '%s': %s", from, to, strerror(errno));
    options((char *[]){"mv", "-rfa", NULL}, "rfa"); /* another filesystem: copy everything, then remove */
    int status = copy(from, to);
    return status ? status : remove_path(from, NULL);
}

int mv_main(int argc, char **argv) {
    (void)argc;
    return to_last(options(argv, "fnvT"), move);
}

static int make_link(const char *from, const char *to) {
    if (option('f'))
        unlink(to);
    if (option('v'))
        printf("'%s' -> '%s'\n", to, from);
    return (option('s') ? symlink(from, to) : link(from, to)) ? fail(to) : 0;
}

int ln_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "sfnvT");
    if (length_of(paths) == 1)
        return make_link(paths[0], base_of(paths[0]));
    return to_last(paths, make_link);
}
