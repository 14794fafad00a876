/* lex.c: tokens. A word keeps its quotes and expansions as written; expand.c takes them apart. */
#include "shell.h"

static jmp_buf *abort_to;

bool name_start(int c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool name_char(int c) {
    return name_start(c) || (c >= '0' && c <= '9');
}

bool valid_name(const char *s) {
    if (!name_start(*s))
        return false;
    while (name_char(*s))
        s++;
    return !*s;
}

/* The parser sets where errors return to. */
jmp_buf *parse_abort_target(jmp_buf *target) {
    jmp_buf *old = abort_to;
    abort_to = target;
    return old;
}

void parse_abort(int reason) {
    if (abort_to)
        longjmp(*abort_to, reason);
    last_status = 2; /* while expanding: a here-document's body was not parsed before */
    shell_error(NULL);
}

static void unterminated(const char *what) {
    complain("syntax error: unterminated %s", what);
    parse_abort(PARSE_ERROR);
}

void syntax_error(void) {
    if (input->token == T_EOF)
        complain("syntax error: unexpected end of file");
    else if (input->token == T_NEWLINE)
        complain("syntax error: unexpected newline");
    else
        complain("syntax error: unexpected \"%.*s\"", (int)(input->at - input->token_start),
                 input->buffer + input->token_start);
    parse_abort(PARSE_ERROR);
}

static void scan_single(void) {
    int c;
    while ((c = input_next()) != '\'')
        if (c == EOF)
            unterminated("quoted string");
}

static void scan_double(void) {
    for (;;) {
        int c = input_peek();
        if (c == EOF)
            unterminated("quoted string");
        if (c == '$') {
            scan_dollar(true);
            continue;
        }
        input_next();
        if (c == '"')
            return;
        if (c == '\\')
            input_next();
        else if (c == '`')
            scan_backquote();
    }
}

void scan_backquote(void) {
    int c;
    while ((c = input_next()) != '`') {
        if (c == EOF)
            unterminated("`");
        if (c == '\\')
            input_next();
    }
}

/* After "${": to its "}". Inside double quotes a single quote is only a character, but for # and %. */
static void scan_braces(bool quoted) {
    size_t start = input->at;
    bool operator_seen = false;
    for (;;) {
        int c = input_peek();
        if (c == EOF)
            unterminated("${");
        if (c == '$' && input->at > start) {
            scan_dollar(quoted);
            continue;
        }
        input_next();
        if (!operator_seen && input->at > start + 1 && strchr("#%-+=?", c)) {
            operator_seen = true;
            if (c == '#' || c == '%')
                quoted = false;
        } else if (c == '}') {
            return;
        } else if (c == '\\') {
            input_next();
        } else if (c == '\'' && !quoted) {
            scan_single();
        } else if (c == '"') {
            scan_double();
        } else if (c == '`') {
            scan_backquote();
        }
    }
}

/* After "$((": to its "))"; false if it turns out to be a subshell in a substitution. */
static bool scan_arithmetic(void) {
    int depth = 0;
    for (;;) {
        int c = input_peek();
        if (c == EOF)
            return false;
        if (c == '$') {
            scan_dollar(true);
            continue;
        }
        input_next();
        if (c == '(')
            depth++;
        else if (c == '`')
            scan_backquote();
        else if (c == ')' && depth-- == 0) {
            if (input_peek() != ')')
                return false;
            input_next();
            return true;
        }
    }
}

static void scan_command(void) {
    struct input saved = *input;
    input->peeked = false;
    input->depth++;
    input->heredocs = NULL;
    parse_list_until_close();
    input->depth--;
    input->peeked = saved.peeked;
    input->token = saved.token;
    input->word = saved.word;
    input->token_start = saved.token_start;
    input->last_end = saved.last_end;
    input->heredocs = saved.heredocs;
}

bool scanned_arithmetic; /* what the last scan_dollar found behind "$((" */

void scan_dollar(bool quoted) {
    input_next();
    int c = input_peek();
    if (c == '(') {
        input_next();
        size_t inside = input->at;
        if (input_peek() == '(') {
            input_next();
            if (scan_arithmetic()) {
                scanned_arithmetic = true;
                return;
            }
            input->at = inside;
        }
        scan_command();
        scanned_arithmetic = false;
    } else if (c == '{') {
        input_next();
        scan_braces(quoted);
    } else if (c == '\'' && !quoted) {
        input_next();
        while ((c = input_next()) != '\'') {
            if (c == EOF)
                unterminated("quoted string");
            if (c == '\\')
                input_next();
        }
    }
}

size_t dollar_length(const char *text, bool quoted) {
    struct input in;
    input_string(&in, text);
    scan_dollar(quoted);
    size_t length = in.at;
    input_pop();
    return length;
}

static void scan_word(void) {
    for (;;) {
        int c = input_peek();
        if (c == EOF || strchr(" \t\n|&;<>()", c))
            return;
        if (c == '$') {
            scan_dollar(false);
            continue;
        }
        input_next();
        if (c == '\'')
            scan_single();
        else if (c == '"')
            scan_double();
        else if (c == '`')
            scan_backquote();
        else if (c == '\\')
            input_next();
    }
}

static void skip_blanks(void) {
    for (;;) {
        int c = input_peek();
        if (c == ' ' || c == '\t') {
            input->at++;
        } else if (c == '\\') {
            input->at++;
            if (input_peek() != '\n') {
                input->at--;
                return;
            }
            input->at++;
        } else if (c == '#') {
            while ((c = input_peek()) != EOF && c != '\n')
                input->at++;
        } else {
            return;
        }
    }
}

static int operator_token(void) {
    static const struct {
        char text[3];
        int token;
    } operators[] = {{"&&", T_AND}, {"||", T_OR}, {";;", T_SEMI2}, {"<<", T_LESS2},
                     {">>", T_GREAT2}, {"<&", T_LESS_AND}, {">&", T_GREAT_AND}, {"<>", T_LESS_GREAT},
                     {">|", T_CLOBBER}};
    int c = input_next();
    if (c == '(' || c == ')')
        return T_CHAR + c;
    int second = input_peek();
    for (size_t i = 0; i < COUNT(operators); i++) {
        if (operators[i].text[0] != c || operators[i].text[1] != second)
            continue;
        input_next();
        if (operators[i].token == T_LESS2 && input_peek() == '-') {
            input_next();
            return T_LESS2_DASH;
        }
        return operators[i].token;
    }
    return T_CHAR + c;
}

/* Replaces an alias in the text itself; what it ends with is not replaced again. */
static bool replace_alias(void) {
    struct alias *alias;
    if (!aliases || input->depth || !input->owned || input->token_start < input->alias_end ||
        !(alias = alias_find(input->word)))
        return false;
    size_t length = strlen(alias->value), old = input->at - input->token_start;
    if (input->length + length > input->room) {
        input->room = (input->length + length) * 2;
        input->buffer = xrealloc(input->buffer, input->room);
    }
    char *start = input->buffer + input->token_start;
    memmove(start + length, start + old, input->length - input->at);
    memcpy(start, alias->value, length);
    input->length += length - old;
    input->at = input->token_start;
    input->alias_end = input->token_start + length;
    return true;
}

int peek_token(bool command_position) {
    if (input->peeked)
        return input->token;
    skip_blanks();
    int c = input_peek();
    input->token_start = input->at;
    if (c == EOF) {
        input->token = T_EOF;
    } else if (c == '\n') {
        input->at++;
        input->token = T_NEWLINE;
    } else if (strchr("|&;<>()", c)) {
        input->token = operator_token();
    } else {
        scan_word();
        size_t length = input->at - input->token_start;
        input->word = temp_copy(input->buffer + input->token_start, length);
        bool digits = length < 4 && strspn(input->word, "0123456789") == length;
        c = digits ? input_peek() : EOF;
        input->token = c == '<' || c == '>' ? T_NUMBER : T_WORD;
        if (command_position && replace_alias())
            return peek_token(true);
    }
    input->peeked = true;
    return input->token;
}

int take_token(void) {
    int token = peek_token(false);
    input->peeked = false;
    input->last_end = input->at;
    if (token == T_NEWLINE && input->heredocs)
        read_heredocs();
    return token;
}
