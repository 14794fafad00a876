/* variables.c: variables, positional parameters, functions and aliases. */
#include "shell.h"

static struct variable *buckets[64];
struct arguments positional;
const char *shell_name = "sh";
static struct function *functions;
struct alias *aliases;

static struct variable **bucket(const char *name) {
    unsigned hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return &buckets[hash % COUNT(buckets)];
}

struct variable *variable_find(const char *name) {
    struct variable *variable = *bucket(name);
    while (variable && !streq(variable->name, name))
        variable = variable->next;
    return variable;
}

const char *variable_get(const char *name) {
    struct variable *variable = variable_find(name);
    return variable ? variable->value : NULL;
}

/* A NULL value keeps the old one: `export NAME`. */
bool variable_set(const char *name, const char *value, unsigned flags) {
    struct variable *variable = variable_find(name);
    if (!variable) {
        struct variable **head = bucket(name);
        variable = xmalloc(sizeof *variable + strlen(name) + 1);
        strcpy(variable->name, name);
        variable->value = NULL;
        variable->flags = 0;
        variable->next = *head;
        *head = variable;
    }
    if (value) {
        if (variable->flags & V_READONLY) {
            complain("%s: is read only", name);
            return false;
        }
        char *copy = xstrdup(value);
        free(variable->value);
        variable->value = copy;
        if (flag['a'])
            flags |= V_EXPORT;
    }
    variable->flags |= flags;
    return true;
}

void variable_assign(const char *text, unsigned flags) {
    const char *equals = strchr(text, '=');
    char *name = temp_copy(text, equals - text);
    if (!variable_set(name, equals + 1, flags)) {
        last_status = 2;
        shell_error(NULL);
    }
}

bool variable_unset(const char *name) {
    for (struct variable **at = bucket(name); *at; at = &(*at)->next) {
        struct variable *variable = *at;
        if (!streq(variable->name, name))
            continue;
        if (variable->flags & V_READONLY) {
            complain("%s: is read only", name);
            return false;
        }
        *at = variable->next;
        free(variable->value);
        free(variable);
        break;
    }
    return true;
}

void variables_init(char **environment) {
    for (; *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals)
            continue;
        char *name = temp_copy(*environment, equals - *environment);
        if (valid_name(name))
            variable_set(name, equals + 1, V_EXPORT);
    }
    char text[PATH_MAX];
    const char *path = variable_get("PATH"), *old = variable_get("PWD");
    variable_set("PATH", prefer_own_arch(path ? path : arch_path()), path ? 0 : V_EXPORT);
    variable_set("IFS", " \t\n", 0);
    variable_find("IFS")->flags &= ~V_EXPORT;
    variable_set("OPTIND", "1", 0);
    variable_set("PS4", "+ ", 0);
    snprintf(text, sizeof text, "%d", getppid());
    variable_set("PPID", text, 0);
    struct stat here, there;
    if (old && *old == '/' && !stat(old, &there) && !stat(".", &here) && here.st_ino == there.st_ino &&
        here.st_dev == there.st_dev)
        return;
    if (getcwd(text, sizeof text))
        variable_set("PWD", text, 0);
}

char **variable_environment(void) {
    size_t count = 0;
    char **list = NULL;
    for (int pass = 0; pass < 2; pass++) {
        if (pass)
            list = pool_alloc(temporary, (count + 1) * sizeof *list);
        count = 0;
        for (size_t i = 0; i < COUNT(buckets); i++)
            for (struct variable *variable = buckets[i]; variable; variable = variable->next) {
                if (!(variable->flags & V_EXPORT) || !variable->value)
                    continue;
                if (pass) {
                    size_t length = strlen(variable->name) + strlen(variable->value) + 2;
                    list[count] = pool_alloc(temporary, length);
                    snprintf(list[count], length, "%s=%s", variable->name, variable->value);
                }
                count++;
            }
    }
    return list;
}

void print_quoted(const char *value) {
    putchar('\'');
    for (; *value; value++)
        if (*value == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*value);
    putchar('\'');
}

static int by_variable_name(const void *a, const void *b) {
    return strcmp((*(struct variable *const *)a)->name, (*(struct variable *const *)b)->name);
}

void variables_print(unsigned flags, const char *prefix) {
    size_t count = 0;
    struct variable **list = NULL;
    for (size_t i = 0; i < COUNT(buckets); i++)
        for (struct variable *variable = buckets[i]; variable; variable = variable->next)
            if (flags ? variable->flags & flags : variable->value != NULL) {
                list = xrealloc(list, (count + 1) * sizeof *list);
                list[count++] = variable;
            }
    qsort(list, count, sizeof *list, by_variable_name);
    for (size_t i = 0; i < count; i++) {
        printf("%s%s", prefix, list[i]->name);
        if (list[i]->value) {
            putchar('=');
            print_quoted(list[i]->value);
        }
        putchar('\n');
    }
    free(list);
}

void variable_save(struct saved_variable **list, const char *name) {
    struct variable *variable = variable_find(name);
    struct saved_variable *saved = xmalloc(sizeof *saved + strlen(name) + 1);
    strcpy(saved->name, name);
    saved->value = variable && variable->value ? xstrdup(variable->value) : NULL;
    saved->flags = variable ? variable->flags : V_UNSET;
    saved->next = *list;
    *list = saved;
}

void variables_restore(struct saved_variable *list) {
    while (list) {
        struct saved_variable *saved = list;
        list = saved->next;
        struct variable *variable = variable_find(saved->name);
        if (variable)
            variable->flags = 0;
        variable_unset(saved->name);
        if (!(saved->flags & V_UNSET)) {
            variable_set(saved->name, saved->value, 0);
            variable_find(saved->name)->flags = saved->flags;
        }
        free(saved->value);
        free(saved);
    }
}

void positional_set(char **list) {
    struct arguments new = {length_of(list), NULL};
    new.list = xmalloc((new.count + 1) * sizeof *list);
    for (int i = 0; i < new.count; i++)
        new.list[i] = xstrdup(list[i]);
    new.list[new.count] = NULL;
    for (int i = 0; i < positional.count; i++)
        free(positional.list[i]);
    free(positional.list);
    positional = new;
}

struct function *function_find(const char *name) {
    struct function *function = functions;
    while (function && !streq(function->name, name))
        function = function->next;
    return function;
}

bool function_unset(const char *name) {
    for (struct function **at = &functions; *at; at = &(*at)->next) {
        struct function *function = *at;
        if (!streq(function->name, name))
            continue;
        *at = function->next;
        pool_drop(function->pool);
        free(function);
        return true;
    }
    return false;
}

void function_define(const char *name, struct node *body, struct pool *pool) {
    pool->references++;
    function_unset(name);
    struct function *function = xmalloc(sizeof *function + strlen(name) + 1);
    strcpy(function->name, name);
    function->body = body;
    function->pool = pool;
    function->next = functions;
    functions = function;
}

struct alias *alias_find(const char *name) {
    struct alias *alias = aliases;
    while (alias && !streq(alias->name, name))
        alias = alias->next;
    return alias;
}
