/* nodes.c: mkdir rmdir mkfifo mknod touch chmod chown readlink stat pwd basename dirname. */
#include <sys/sysmacros.h>

#include "minibox.h"

static int make_directory(char *path, mode_t mode) {
    for (char *slash = path + 1; option('p') && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(path, 0777) && errno != EEXIST)
            return fail(path);
        *slash = '/';
    }
    struct stat info;
    if (!mkdir(path, mode))
        return option('m') && chmod(path, mode) ? fail(path) : 0;
    int error = errno;
    if (error == EEXIST && option('p') && !stat(path, &info) && S_ISDIR(info.st_mode))
        return 0;
    errno = error;
    return complain("can't create directory '%s': %s", path, strerror(errno));
}

static mode_t mode_option(mode_t standard) {
    mode_t mode = standard;
    if (option('m') && !parse_mode(option_value('m'), standard, &mode))
        die("invalid mode '%s'", option_value('m'));
    return mode;
}

int mkdir_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    char **paths = options(argv, "pm:v");
    if (!*paths)
        die("a name is needed");
    for (; *paths; paths++)
        status |= make_directory(*paths, mode_option(0777));
    return status;
}

int rmdir_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    for (char **path = options(argv, "p"); *path; path++) {
        char *slash;
        do {
            if (rmdir(*path)) {
                status = fail(*path);
                break;
            }
            slash = strrchr(*path, '/');
            if (slash)
                *slash = 0;
        } while (option('p') && slash && slash > *path);
    }
    return status;
}

int mkfifo_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    for (char **path = options(argv, "m:"); *path; path++)
        status |= mkfifo(*path, mode_option(0666)) ? fail(*path) : 0;
    return status;
}

int mknod_main(int argc, char **argv) {
    char **words = options(argv, "m:");
    argc = length_of(words);
    if (argc != 2 && argc != 4)
        die("usage: mknod [-m MODE] NAME TYPE [MAJOR MINOR]");
    mode_t type = *words[1] == 'p' ? S_IFIFO : *words[1] == 'b' ? S_IFBLK : S_IFCHR;
    dev_t device = argc == 4 ? makedev(number(words[2]), number(words[3])) : 0;
    return mknod(words[0], mode_option(0666) | type, device) ? fail(words[0]) : 0;
}

int touch_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    char **paths = options(argv, "camd:r:");
    struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    if (option('r')) {
        struct stat info;
        if (stat(option_value('r'), &info))
            return fail(option_value('r'));
        times[0] = info.st_atim;
        times[1] = info.st_mtim;
    }
    if (option('d')) { /* -d @SECONDS */
        const char *text = option_value('d');
        times[0].tv_sec = times[1].tv_sec = number(text + (*text == '@'));
        times[0].tv_nsec = times[1].tv_nsec = 0;
    }
    if (option('a') && !option('m'))
        times[1].tv_nsec = UTIME_OMIT;
    if (option('m') && !option('a'))
        times[0].tv_nsec = UTIME_OMIT;
    for (; *paths; paths++) {
        if (!utimensat(AT_FDCWD, *paths, times, 0))
            continue;
        if (errno != ENOENT) {
            status = fail(*paths);
            continue;
        }
        if (option('c'))
            continue;
        int fd = open(*paths, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) {
            status = fail(*paths);
            continue;
        }
        if (option('r') || option('d'))
            futimens(fd, times);
        close(fd);
    }
    return status;
}

static int change_mode(const char *path, void *text) {
    struct stat info;
    mode_t mode;
    if (lstat(path, &info))
        return fail(path);
    if (S_ISLNK(info.st_mode) && stat(path, &info))
        return fail(path);
    if (!parse_mode(text, info.st_mode, &mode))
        die("invalid mode '%s'", (char *)text);
    int status = chmod(path, mode) ? fail(path) : 0;
    if (option('R') && S_ISDIR(info.st_mode))
        status |= each_entry(path, change_mode, text);
    return status;
}

int chmod_main(int argc, char **argv) {
    int status = 0;
    /* -x and the like are modes, not options. */
    bool recursive = argc > 1 && streq(argv[1], "-R");
    char **words = argv + 1 + recursive;
    if (recursive)
        options((char *[]){argv[0], argv[1], NULL}, "R");
    if (length_of(words) < 2)
        die("a mode and a file name are needed");
    for (char **path = words + 1; *path; path++)
        status |= change_mode(*path, words[0]);
    return status;
}

static int change_owner(const char *path, void *data) {
    unsigned *ids = data;
    struct stat info;
    int status = (option('h') ? lchown : chown)(path, ids[0], ids[1]) ? fail(path) : 0;
    if (option('R') && !lstat(path, &info) && S_ISDIR(info.st_mode))
        status |= each_entry(path, change_owner, data);
    return status;
}

int chown_main(int argc, char **argv) {
    (void)argc;
    char **words = options(argv, "Rh");
    if (length_of(words) < 2)
        die("an owner and a file name are needed");
    unsigned ids[2] = {-1u, -1u}, unused;
    char *group = strpbrk(words[0], ":.");
    if (group)
        *group++ = 0;
    if (*words[0] && !find_user(words[0], &ids[0], &unused))
        die("unknown user '%s'", words[0]);
    if (group && *group && !find_group(group, &ids[1]))
        die("unknown group '%s'", group);
    int status = 0;
    for (char **path = words + 1; *path; path++)
        status |= change_owner(*path, ids);
    return status;
}

int readlink_main(int argc, char **argv) {
    (void)argc;
    int status = 0;
    for (char **path = options(argv, "nfe"); *path; path++) {
        char target[PATH_MAX];
        if (option('f') || option('e')) {
            if (!realpath(*path, target)) {
                status = 1;
                continue;
            }
        } else {
            ssize_t length = readlink(*path, target, sizeof target - 1);
            if (length < 0) {
                status = 1;
                continue;
            }
            target[length] = 0;
        }
        printf(option('n') ? "%s" : "%s\n", target);
    }
    return status;
}

static const char *type_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symbolic link";
    case S_IFCHR: return "character special file";
    case S_IFBLK: return "block special file";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    default: return "regular file";
    }
}

static void print_stat(const char *path, const struct stat *info, const char *format) {
    char letters[11];
    mode_letters(info->st_mode, letters);
    for (; *format; format++) {
        int byte;
        if (*format == '\\' && format[1]) {
            format++;
            if (put_escape(&format, &byte))
                putchar(byte);
            format--;
            continue;
        }
        if (*format != '%' || !format[1]) {
            putchar(*format);
            continue;
        }
        switch (*++format) {
        case 'n': fputs(path, stdout); break;
        case 's': printf("%lld", (long long)info->st_size); break;
        case 'b': printf("%lld", (long long)info->st_blocks); break;
        case 'B': fputs("512", stdout); break;
        case 'o': printf("%ld", (long)info->st_blksize); break;
        case 'a': printf("%o", info->st_mode & 07777); break;
        case 'A': fputs(letters, stdout); break;
        case 'f': printf("%x", info->st_mode); break;
        case 'F': fputs(type_name(info->st_mode), stdout); break;
        case 'u': printf("%u", info->st_uid); break;
        case 'g': printf("%u", info->st_gid); break;
        case 'U': fputs(user_name(info->st_uid), stdout); break;
        case 'G': fputs(group_name(info->st_gid), stdout); break;
        case 'i': printf("%llu", (unsigned long long)info->st_ino); break;
        case 'h': printf("%lu", (unsigned long)info->st_nlink); break;
        case 'd': printf("%llu", (unsigned long long)info->st_dev); break;
        case 't': printf("%x", major(info->st_rdev)); break;
        case 'T': printf("%x", minor(info->st_rdev)); break;
        case 'X': printf("%lld", (long long)info->st_atime); break;
        case 'Y': printf("%lld", (long long)info->st_mtime); break;
        case 'Z': printf("%lld", (long long)info->st_ctime); break;
        case 'x': format_time(info->st_atime, "%F %T"); break;
        case 'y': format_time(info->st_mtime, "%F %T"); break;
        case 'z': format_time(info->st_ctime, "%F %T"); break;
        default: putchar(*format);
        }
    }
}

int stat_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "c:Lt");
    int status = 0;
    const char *format = option('c') ? option_value('c')
                                     : "  File: %n\n  Size: %s\tBlocks: %b\tIO Block: %o\t%F\n"
                                       "Device: %d\tInode: %i\tLinks: %h\n"
                                       "Access: (0%a/%A)  Uid: (%u/%U)  Gid: (%g/%G)\n"
                                       "Access: %x\nModify: %y\nChange: %z";
    if (!*paths)
        die("a file name is needed");
    for (; *paths; paths++) {
        struct stat info;
        if (option('L') ? stat(*paths, &info) : lstat(*paths, &info)) {
            status = fail(*paths);
            continue;
        }
        print_stat(*paths, &info, format);
        putchar('\n');
    }
    return status;
}

int pwd_main(int argc, char **argv) {
    char path[PATH_MAX];
    (void)argc, (void)argv;
    if (!getcwd(path, sizeof path))
        return fail("getcwd");
    puts(path);
    return 0;
}

static char *trimmed(char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = 0;
    return path;
}

int basename_main(int argc, char **argv) {
    if (argc < 2)
        die("a name is needed");
    char *name = (char *)base_of(trimmed(argv[1]));
    size_t length = strlen(name), suffix = argc > 2 ? strlen(argv[2]) : 0;
    if (suffix < length && argc > 2 && streq(name + length - suffix, argv[2]))
        name[length - suffix] = 0;
    puts(name);
    return 0;
}

int dirname_main(int argc, char **argv) {
    if (argc < 2)
        die("a name is needed");
    char *path = trimmed(argv[1]), *slash = strrchr(path, '/');
    if (!slash)
        path = ".";
    else if (slash == path)
        path[1] = 0;
    else
        *slash = 0;
    puts(trimmed(path));
    return 0;
}
