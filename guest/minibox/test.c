/* test.c: test and [ (POSIX test, with ( ) -a -o), true, false. */
#include "minibox.h"

static char **at;
static const char *error;

static bool expression(void);

static bool compare_numbers(const char *a, const char *operator, const char *b) {
    char *end;
    long values[2];
    const char *texts[] = {a, b};
    for (int i = 0; i < 2; i++) {
        values[i] = strtol(texts[i], &end, 10);
        while (*end == ' ' || *end == '\t' || *end == '\n')
            end++;
        if (!*texts[i] || *end)
            error = texts[i];
    }
    switch (operator[1] * 256 + operator[2]) {
    case 'e' * 256 + 'q': return values[0] == values[1];
    case 'n' * 256 + 'e': return values[0] != values[1];
    case 'l' * 256 + 't': return values[0] < values[1];
    case 'l' * 256 + 'e': return values[0] <= values[1];
    case 'g' * 256 + 't': return values[0] > values[1];
    default: return values[0] >= values[1];
    }
}

static bool newer(const char *a, const char *b) {
    struct stat x, y;
    if (stat(a, &x))
        return false;
    return stat(b, &y) || x.st_mtim.tv_sec > y.st_mtim.tv_sec ||
           (x.st_mtim.tv_sec == y.st_mtim.tv_sec && x.st_mtim.tv_nsec > y.st_mtim.tv_nsec);
}

static bool is_binary(const char *word) {
    static const char words[][4] = {"=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"};
    for (size_t i = 0; word && i < COUNT(words); i++)
        if (streq(word, words[i]))
            return true;
    return false;
}

static bool binary(const char *a, const char *operator, const char *b) {
    struct stat x, y;
    if (operator[0] == '=')
        return streq(a, b);
    if (operator[0] == '!')
        return !streq(a, b);
    if (operator[0] == '<' || operator[0] == '>')
        return operator[0] == '<' ? strcmp(a, b) < 0 : strcmp(a, b) > 0;
    if (streq(operator, "-nt"))
        return newer(a, b);
    if (streq(operator, "-ot"))
        return newer(b, a);
    if (streq(operator, "-ef"))
        return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    return compare_numbers(a, operator, b);
}

static bool unary(char letter, const char *value) {
    struct stat info;
    switch (letter) {
    case 'n': return *value;
    case 'z': return !*value;
    case 't': {
        long fd;
        return parse_number(value, &fd) && isatty(fd);
    }
    case 'r': return !faccessat(AT_FDCWD, value, R_OK, AT_EACCESS);
    case 'w': return !faccessat(AT_FDCWD, value, W_OK, AT_EACCESS);
    case 'x': return !faccessat(AT_FDCWD, value, X_OK, AT_EACCESS);
    case 'h': case 'L': return !lstat(value, &info) && S_ISLNK(info.st_mode);
    }
    if (stat(value, &info))
        return false;
    switch (letter) {
    case 'e': return true;
    case 'f': return S_ISREG(info.st_mode);
    case 'd': return S_ISDIR(info.st_mode);
    case 'b': return S_ISBLK(info.st_mode);
    case 'c': return S_ISCHR(info.st_mode);
    case 'p': return S_ISFIFO(info.st_mode);
    case 'S': return S_ISSOCK(info.st_mode);
    case 's': return info.st_size > 0;
    case 'u': return info.st_mode & S_ISUID;
    case 'g': return info.st_mode & S_ISGID;
    case 'k': return info.st_mode & S_ISVTX;
    case 'O': return info.st_uid == geteuid();
    case 'G': return info.st_gid == getegid();
    }
    return false;
}

static bool primary(void) {
    if (!*at) {
        error = "argument expected";
        return false;
    }
    if (at[1] && is_binary(at[1]) && at[2]) {
        char **words = at;
        at += 3;
        return binary(words[0], words[1], words[2]);
    }
    if (streq(*at, "!") && at[1]) {
        at++;
        return !primary();
    }
    if (streq(*at, "(") && at[1]) {
        at++;
        bool result = expression();
        if (!*at || !streq(*at, ")"))
            error = "')' expected";
        else
            at++;
        return result;
    }
    if ((*at)[0] == '-' && (*at)[1] && !(*at)[2] && strchr("nztrwxhLefdbcpSsugkOG", (*at)[1]) && at[1]) {
        char **words = at;
        at += 2;
        return unary(words[0][1], words[1]);
    }
    return **at++;
}

static bool conjunction(void) {
    bool result = primary();
    while (*at && streq(*at, "-a")) {
        at++;
        result &= primary();
    }
    return result;
}

static bool expression(void) {
    bool result = conjunction();
    while (*at && streq(*at, "-o")) {
        at++;
        result |= conjunction();
    }
    return result;
}

int test_main(int argc, char **argv) {
    char *copy[argc + 1]; /* without the closing bracket */
    memcpy(copy, argv, (argc + 1) * sizeof *argv);
    error = NULL;
    if (streq(base_of(argv[0]), "[")) {
        if (argc < 2 || !streq(argv[argc - 1], "]"))
            return complain("missing ]") + 1;
        copy[--argc] = NULL;
    }
    at = copy + 1;
    if (argc == 1)
        return 1;
    bool result;
    /* POSIX decides by the number of arguments, so that operands may look like operators. */
    if (argc == 2)
        result = *at[0], at++;
    else if (argc == 3 && streq(at[0], "!"))
        result = !*at[1], at += 2;
    else if (argc == 5 && streq(at[0], "!") && is_binary(at[2]))
        result = !binary(at[1], at[2], at[3]), at += 4;
    else
        result = expression();
    if (!error && *at)
        error = *at;
    if (error)
        return complain("%s: unexpected", error) + 1;
    return !result;
}

int true_main(int argc, char **argv) {
    (void)argc, (void)argv;
    return 0;
}

int false_main(int argc, char **argv) {
    (void)argc, (void)argv;
    return 1;
}
