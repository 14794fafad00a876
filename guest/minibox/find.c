/* find.c: find, with -name -iname -path -type -size -mtime -newer -empty -perm -maxdepth -mindepth -depth -prune -print
 * -print0 -delete -exec, ! ( ) -a -o. */
#include <fnmatch.h>
#include <sys/wait.h>
#include <time.h>

#include "minibox.h"

extern char **environ;

static char **expression, **at;
static long deepest = LONG_MAX, shallowest;
static bool children_first, has_action, pruned;
static int status;

struct place {
    const char *path;
    struct stat info;
};

static bool disjunction(const struct place *place, bool run);

static bool run_command(const struct place *place, char **words, int count) {
    char **command = xmalloc((count + 1) * sizeof *command);
    for (int i = 0; i < count; i++)
        command[i] = streq(words[i], "{}") ? (char *)place->path : words[i];
    command[count] = NULL;
    int result = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        run_program(command, environ);
    if (pid < 0)
        status = fail("fork");
    else
        while (waitpid(pid, &result, 0) < 0 && errno == EINTR)
            continue;
    free(command);
    return pid > 0 && WIFEXITED(result) && !WEXITSTATUS(result);
}

/* -size +10k: more than ten units of 1024; without sign the same, with a minus fewer. */
static bool compare_count(const char *text, long value) {
    long wanted = strtol(text + (*text == '+' || *text == '-'), NULL, 10);
    return *text == '+' ? value > wanted : *text == '-' ? value < wanted : value == wanted;
}

static bool is_type(mode_t mode, char letter) {
    switch (letter) {
    case 'f': return S_ISREG(mode);
    case 'd': return S_ISDIR(mode);
    case 'l': return S_ISLNK(mode);
    case 'c': return S_ISCHR(mode);
    case 'b': return S_ISBLK(mode);
    case 'p': return S_ISFIFO(mode);
    case 's': return S_ISSOCK(mode);
    }
    die("-type %c: unknown", letter);
}

static bool is_empty(const struct place *place) {
    if (!S_ISDIR(place->info.st_mode))
        return S_ISREG(place->info.st_mode) && !place->info.st_size;
    char **names = sorted_entries(place->path);
    return names && !*names;
}

static const char *operand(const char *name) {
    if (!*at)
        die("%s needs a value", name);
    return *at++;
}

/* One primary; `run` false only skips over it. */
static bool primary(const struct place *place, bool run) {
    const char *name = *at++;
    if (!name)
        die("an expression is missing");
    if (streq(name, "!") || streq(name, "-not"))
        return !primary(place, run);
    if (streq(name, "(")) {
        bool result = disjunction(place, run);
        if (!*at || !streq(*at++, ")"))
            die("')' is missing");
        return result;
    }
    if (streq(name, "-name"))
        return !fnmatch(operand(name), base_of(place->path), 0);
    if (streq(name, "-iname"))
        return !fnmatch(operand(name), base_of(place->path), FNM_CASEFOLD);
    if (streq(name, "-path"))
        return !fnmatch(operand(name), place->path, 0);
    if (streq(name, "-type"))
        return is_type(place->info.st_mode, *operand(name));
    if (streq(name, "-size")) {
        const char *text = operand(name);
        char unit = text[strlen(text) - 1];
        long size = unit == 'c' ? 1 : unit == 'k' ? 1024 : 512;
        return compare_count(text, (place->info.st_size + size - 1) / size);
    }
    if (streq(name, "-mtime"))
        return compare_count(operand(name), (time(NULL) - place->info.st_mtime) / 86400);
    if (streq(name, "-newer")) {
        struct stat other;
        return !stat(operand(name), &other) && place->info.st_mtime > other.st_mtime;
    }
    if (streq(name, "-perm")) {
        const char *text = operand(name);
        mode_t bits = strtoul(text + (*text == '-'), NULL, 8), mode = place->info.st_mode & 07777;
        return *text == '-' ? (mode & bits) == bits : mode == bits;
    }
    if (streq(name, "-maxdepth") || streq(name, "-mindepth"))
        return operand(name);
    if (streq(name, "-depth") || streq(name, "-true") || streq(name, "-xdev"))
        return true;
    if (streq(name, "-empty"))
        return is_empty(place);
    if (streq(name, "-prune"))
        return pruned |= run, true;
    if (streq(name, "-print") || streq(name, "-print0"))
        return run ? printf("%s%c", place->path, name[6] ? 0 : '\n') > 0 : true;
    if (streq(name, "-delete")) {
        if (run && (S_ISDIR(place->info.st_mode) ? rmdir(place->path) : unlink(place->path)))
            status = fail(place->path);
        return true;
    }
    if (streq(name, "-exec")) {
        char **words = at;
        while (*at && !streq(*at, ";") && !streq(*at, "+"))
            at++;
        if (!*at)
            die("-exec needs a ';'");
        return run ? run_command(place, words, at++ - words) : (at++, true);
    }
    die("unknown expression '%s'", name);
}

static bool conjunction(const struct place *place, bool run) {
    bool result = primary(place, run);
    while (*at && !streq(*at, "-o") && !streq(*at, ")")) {
        if (streq(*at, "-a"))
            at++;
        result = primary(place, run && result) && result;
    }
    return result;
}

static bool disjunction(const struct place *place, bool run) {
    bool result = conjunction(place, run);
    while (*at && streq(*at, "-o")) {
        at++;
        result = conjunction(place, run && !result) || result;
    }
    return result;
}

static void examine(const struct place *place, long depth) {
    if (depth < shallowest)
        return;
    at = expression;
    if (!*at || (disjunction(place, true) && !has_action))
        if (!has_action)
            puts(place->path);
}

static int visit(const char *path, void *depth_pointer) {
    struct place place = {.path = path};
    long depth = *(long *)depth_pointer;
    if (lstat(path, &place.info)) {
        status = fail(path);
        return 0;
    }
    pruned = false;
    if (!children_first)
        examine(&place, depth);
    if (S_ISDIR(place.info.st_mode) && depth < deepest && !pruned) {
        long below = depth + 1;
        status |= each_entry(path, visit, &below);
    }
    if (children_first)
        examine(&place, depth);
    return 0;
}

int find_main(int argc, char **argv) {
    (void)argc;
    char **paths = argv + 1, *here[] = {".", NULL};
    expression = paths;
    while (*expression && **expression != '-' && !streq(*expression, "!") && !streq(*expression, "("))
        expression++;
    for (char **word = expression; *word; word++) {
        if (word[1] && streq(*word, "-maxdepth"))
            deepest = number(word[1]);
        if (word[1] && streq(*word, "-mindepth"))
            shallowest = number(word[1]);
        children_first |= streq(*word, "-depth") || streq(*word, "-delete");
        has_action |= streq(*word, "-print") || streq(*word, "-print0") || streq(*word, "-delete") ||
                      streq(*word, "-exec");
    }
    int count = expression - paths;
    if (!count)
        paths = here, count = 1;
    for (int i = 0; i < count; i++) {
        long depth = 0;
        visit(paths[i], &depth);
    }
    return status;
}
