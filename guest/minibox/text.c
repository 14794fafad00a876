/* text.c: cat head tail tee wc yes cmp. */
#include "minibox.h"

static char *standard_input[] = {"-", NULL};

static int open_fd(const char *path) {
    int fd = streq(path, "-") ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    return fd;
}

static void close_fd(int fd) {
    if (fd > 0)
        close(fd);
}

int cat_main(int argc, char **argv) {
    (void)argc;
    char **paths = options(argv, "nu");
    int status = 0;
    long line = 0;
    bool at_start = true;
    if (!*paths)
        paths = standard_input;
    for (; *paths; paths++) {
        if (!option('n')) {
            int fd = open_fd(*paths);
            errno = 0;
            if (fd < 0)
                status = 1;
            else if (!copy_fd(fd, 1))
                status = fail(*paths);
            close_fd(fd);
            continue;
        }
        FILE *file = open_input(*paths);
        if (!file) {
            status = 1;
            continue;
        }
        for (int c; (c = getc(file)) != EOF; at_start = c == '\n') {
            if (at_start)
                printf("%6ld\t", ++line);
            putchar(c);
        }
    }
    return status;
}

/* `head -5` is `head -n 5`. */
static void old_count(char **argv) {
    static char text[32];
    if (argv[1] && argv[1][0] == '-' && argv[1][1] >= '0' && argv[1][1] <= '9') {
        snprintf(text, sizeof text, "-n%s", argv[1] + 1);
        argv[1] = text;
    }
}

static void header(const char *path, bool first) {
    printf("%s==> %s <==\n", first ? "" : "\n", streq(path, "-") ? "standard input" : path);
    fflush(stdout);
}

int head_main(int argc, char **argv) {
    (void)argc;
    old_count(argv);
    char **paths = options(argv, "n:c:qv");
    bool bytes = option('c');
    long count = option('n') ? number(option_value('n')) : 10;
    int status = 0;
    if (bytes)
        count = number(option_value('c'));
    if (!*paths)
        paths = standard_input;
    bool headers = (paths[1] && !option('q')) || option('v');
    for (char **path = paths; *path; path++) {
        int fd = open_fd(*path);
        if (fd < 0) {
            status = 1;
            continue;
        }
        if (headers)
            header(*path, path == paths);
        char buffer[4096];
        long left = count;
        ssize_t got;
        while (left > 0 && (got = read(fd, buffer, sizeof buffer)) > 0) {
            ssize_t use = 0;
            if (bytes)
                left -= use = got < left ? got : left;
            else
                while (use < got && left > 0)
                    left -= buffer[use++] == '\n';
            write_all(1, buffer, use);
            if (use < got) /* leave the rest to the next reader, where that is possible */
                lseek(fd, use - got, SEEK_CUR);
        }
        close_fd(fd);
    }
    return status;
}

/* Keeps the last `count` units; lines are found backwards in what was read. */
static void tail_of(int fd, long count, bool bytes, bool from_start) {
    size_t used = 0, room = 0, from;
    char *data = NULL;
    for (;;) {
        if (used == room)
            data = xrealloc(data, room = room * 2 + 8192);
        ssize_t got = read(fd, data + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += got;
    }
    if (from_start) {
        count -= count > 0;
        for (from = 0; from < used && count > 0; from++)
            count -= bytes || data[from] == '\n';
    } else {
        from = used;
        if (bytes) {
            from -= (size_t)count < used ? (size_t)count : used;
        } else if (count > 0) {
            if (from && data[from - 1] == '\n')
                from--;
            while (from && !(data[from - 1] == '\n' && --count == 0))
                from--;
        }
    }
    write_all(1, data + from, used - from);
    free(data);
}

int tail_main(int argc, char **argv) {
    (void)argc;
    if (argv[1] && argv[1][0] == '+') /* tail +5 */
        argv[1] = strcat(strcpy(xmalloc(strlen(argv[1]) + 3), "-n"), argv[1]);
    old_count(argv);
    char **paths = options(argv, "n:c:qvf");
    int status = 0, fd = 0;
    const char *text = option('c') ? option_value('c') : option('n') ? option_value('n') : "10";
    long count = labs(number(text + (*text == '+')));
    if (!*paths)
        paths = standard_input;
    bool headers = (paths[1] && !option('q')) || option('v');
    for (char **path = paths; *path; path++) {
        fd = open_fd(*path);
        if (fd < 0) {
            status = 1;
            continue;
        }
        if (headers)
            header(*path, path == paths);
        tail_of(fd, count, option('c'), *text == '+');
        if (!option('f') || path[1])
            close_fd(fd);
    }
    while (option('f') && fd >= 0) {
        copy_fd(fd, 1);
        sleep(1);
    }
    return status;
}

int tee_main(int argc, char **argv) {
    char **paths = options(argv, "ai");
    int *fds = xmalloc(argc * sizeof *fds), count = 1, status = 0;
    fds[0] = 1;
    for (; *paths; paths++) {
        fds[count] = open(*paths, O_WRONLY | O_CREAT | O_CLOEXEC | (option('a') ? O_APPEND : O_TRUNC), 0666);
        if (fds[count] < 0)
            status = fail(*paths);
        else
            count++;
    }
    char buffer[4096];
    ssize_t got;
    while ((got = read(0, buffer, sizeof buffer)) > 0)
        for (int i = 0; i < count; i++)
            if (!write_all(fds[i], buffer, got))
                status = fail("write");
    return status;
}

static void print_counts(const long counts[4], const char *path) {
    static const char letters[] = "lwcL";
    bool all = !option('l') && !option('w') && !option('c') && !option('L');
    int chosen = all ? 3 : !!option('l') + !!option('w') + !!option('c') + !!option('L');
    bool first = true;
    for (int i = 0; i < 4; i++) {
        if (all ? i == 3 : !option(letters[i]))
            continue;
        printf(chosen == 1 && first ? "%ld" : first ? "%9ld" : " %9ld", counts[i]);
        first = false;
    }
    printf(path ? " %s\n" : "\n", path);
}

int wc_main(int argc, char **argv) {
    (void)argc;
    for (char **arg = argv + 1; *arg; arg++)
        if (streq(*arg, "-m"))
            *arg = "-c";
    char **paths = options(argv, "lwcL");
    int status = 0;
    long total[4] = {0};
    bool named = *paths;
    char **first = named ? paths : standard_input;
    for (char **path = first; *path; path++) {
        FILE *file = open_input(*path);
        if (!file) {
            status = 1;
            continue;
        }
        long counts[4] = {0}, width = 0;
        bool in_word = false;
        for (int c; (c = getc(file)) != EOF; counts[2]++) {
            bool space = c == ' ' || (c >= '\t' && c <= '\r');
            counts[0] += c == '\n';
            counts[1] += !space && !in_word;
            in_word = !space;
            width = c == '\n' ? 0 : width + 1;
            if (width > counts[3])
                counts[3] = width;
        }
        print_counts(counts, named ? *path : NULL);
        for (int i = 0; i < 3; i++)
            total[i] += counts[i];
        total[3] = counts[3] > total[3] ? counts[3] : total[3];
        if (file != stdin)
            fclose(file);
    }
    if (first[0] && first[1])
        print_counts(total, "total");
    return status;
}

int yes_main(int argc, char **argv) {
    do {
        for (int i = 1; i < argc; i++)
            printf("%s%s", argv[i], i + 1 < argc ? " " : "");
    } while (puts(argc > 1 ? "" : "y") != EOF);
    return 1;
}

int cmp_main(int argc, char **argv) {
    char **paths = options(argv, "sl");
    argc = length_of(paths);
    if (argc < 1 || argc > 2)
        die("usage: cmp [-s] FILE1 [FILE2]");
    FILE *a = open_input(paths[0]), *b = open_input(argc > 1 ? paths[1] : "-");
    if (!a || !b)
        return 2;
    long byte = 0, line = 1;
    int status = 0;
    for (;;) {
        int x = getc(a), y = getc(b);
        byte++;
        if (x == EOF && y == EOF)
            return status;
        if (x == EOF || y == EOF) {
            if (!option('s'))
                complain("EOF on %s", x == EOF ? paths[0] : argc > 1 ? paths[1] : "-");
            return 1;
        }
        if (x != y && option('l')) {
            printf("%4ld %3o %3o\n", byte, x, y);
            status = 1;
        } else if (x != y) {
            if (!option('s'))
                printf("%s %s differ: char %ld, line %ld\n", paths[0], argc > 1 ? paths[1] : "-", byte, line);
            return 1;
        }
        line += x == '\n';
    }
}
