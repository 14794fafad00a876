/* arith.c: $(( )): C's integer operators over long, by precedence climbing. */
#include "shell.h"

static const char *at;
static int dry; /* inside the branch that is not taken */

static long expression(void);

static void blanks(void) {
    while (*at && strchr(" \t\n", *at))
        at++;
}

static bool take(const char *operator) {
    blanks();
    size_t length = strlen(operator);
    if (strncmp(at, operator, length))
        return false;
    at += length;
    return true;
}

static long variable_number(const char *name) {
    const char *text = variable_get(name);
    if (!text || !*text) {
        if (!text && flag['u'] && !dry)
            shell_error("%s: parameter not set", name);
        return 0;
    }
    char *end;
    long value = strtol(text, &end, 0);
    if (*end) { /* a variable that holds an expression */
        const char *saved = at;
        static int depth;
        if (depth > 50)
            shell_error("arithmetic: '%s' nests too deeply", name);
        depth++;
        value = arithmetic(text);
        depth--;
        at = saved;
    }
    return value;
}

static void store(const char *name, long value) {
    char text[24];
    snprintf(text, sizeof text, "%ld", value);
    if (!dry && !variable_set(name, text, 0))
        shell_error(NULL);
}

static const char *name_at(void) {
    const char *start = at;
    while (name_char(*at))
        at++;
    return temp_copy(start, at - start);
}

static long primary(void) {
    blanks();
    if (take("(")) {
        long value = expression();
        if (!take(")"))
            shell_error("arithmetic: ')' expected at '%s'", at);
        return value;
    }
    if (take("++") || take("--")) {
        long step = at[-1] == '+' ? 1 : -1;
        blanks();
        if (!name_start(*at)) /* two signs */
            return primary();
        const char *name = name_at();
        long value = (unsigned long)variable_number(name) + step;
        store(name, value);
        return value;
    }
    if (take("!"))
        return !primary();
    if (take("~"))
        return ~primary();
    if (take("-"))
        return -(unsigned long)primary();
    if (take("+"))
        return primary();
    if (*at >= '0' && *at <= '9') {
        char *end;
        errno = 0;
        long value = (long)strtoul(at, &end, 0);
        at = end;
        if (name_char(*at))
            shell_error("arithmetic: bad number at '%s'", at);
        return value;
    }
    if (!name_start(*at))
        shell_error("arithmetic: syntax error at '%s'", at);
    const char *name = name_at();
    long value = variable_number(name);
    if (take("++") || take("--"))
        store(name, (unsigned long)value + (at[-1] == '+' ? 1 : -1));
    return value;
}

static long apply(int operator, long a, long b) {
    unsigned long ua = a, ub = b;
    switch (operator) {
    case '*': return ua * ub;
    case '/': case '%':
        if (!b) {
            if (dry)
                return 0;
            shell_error("arithmetic: division by zero");
        }
        if (b == -1)
            return operator == '/' ? -ua : 0;
        return operator == '/' ? a / b : a % b;
    case '+': return ua + ub;
    case '-': return ua - ub;
    case 'l': return ua << (ub & 63);
    case 'r': return a >> (ub & 63);
    case '<': return a < b;
    case '>': return a > b;
    case '(': return a <= b;
    case ')': return a >= b;
    case '=': return a == b;
    case '!': return a != b;
    case '&': return a & b;
    case '^': return a ^ b;
    case '|': return a | b;
    }
    return 0;
}

static const struct operator {
    char text[3];
    char code;
    char level;
} operators[] = {{"<<", 'l', 9}, {">>", 'r', 9}, {"<=", '(', 8}, {">=", ')', 8}, {"==", '=', 7}, {"!=", '!', 7},
                 {"&&", 'A', 3}, {"||", 'O', 2}, {"<", '<', 8},  {">", '>', 8},  {"&", '&', 6},  {"^", '^', 5},
                 {"|", '|', 4},  {"+", '+', 10}, {"-", '-', 10}, {"*", '*', 11}, {"/", '/', 11}, {"%", '%', 11}};

static const struct operator *operator_at(void) {
    blanks();
    for (size_t i = 0; i < COUNT(operators); i++)
        if (strncmp(at, operators[i].text, strlen(operators[i].text)) == 0)
            return &operators[i];
    return NULL;
}

static long binary(int level) {
    long left = primary();
    for (;;) {
        const struct operator *operator = operator_at();
        if (!operator || operator->level < level || at[strlen(operator->text)] == '=')
            return left;
        at += strlen(operator->text);
        if (operator->code == 'A' || operator->code == 'O') {
            bool decided = (operator->code == 'O') == (left != 0);
            dry += decided;
            long right = binary(operator->level + 1);
            dry -= decided;
            left = decided ? left != 0 : right != 0;
        } else {
            long right = binary(operator->level + 1);
            left = apply(operator->code, left, right);
        }
    }
}

/* Assignment and ?: associate to the right; the comma is the lowest. */
static long assignment(void) {
    blanks();
    const char *start = at;
    if (name_start(*at)) {
        const char *name = name_at();
        const struct operator *operator = operator_at();
        size_t length = operator ? strlen(operator->text) : 0;
        bool plain = *at == '=' && at[1] != '=';
        bool compound = operator && length && at[length] == '=' && operator->level >= 4 && operator->level != 7 &&
                        operator->level != 8;
        if (plain || compound) {
            at += plain ? 1 : length + 1;
            long value = assignment();
            if (compound)
                value = apply(operator->code, variable_number(name), value);
            store(name, value);
            return value;
        }
        at = start;
    }
    long value = binary(2);
    if (take("?")) {
        dry += !value;
        long yes = expression();
        dry -= !value;
        if (!take(":"))
            shell_error("arithmetic: ':' expected at '%s'", at);
        dry += !!value;
        long no = assignment();
        dry -= !!value;
        value = value ? yes : no;
    }
    return value;
}

static long expression(void) {
    long value = assignment();
    while (take(","))
        value = assignment();
    return value;
}

long arithmetic(const char *text) {
    at = text;
    blanks();
    if (!*at)
        return 0;
    long value = expression();
    blanks();
    if (*at)
        shell_error("arithmetic: syntax error at '%s'", at);
    return value;
}
