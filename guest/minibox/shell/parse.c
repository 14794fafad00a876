/* parse.c: recursive descent from tokens to a tree (POSIX XCU 2.10). */
#include "shell.h"

static struct pool *tree; /* of the line being parsed */

static struct node *new_node(enum kind kind) {
    struct node *node = pool_alloc(tree, sizeof *node);
    node->kind = kind;
    return node;
}

char *keep(const char *s, size_t length) {
    char *copy = pool_alloc(tree, length + 1);
    memcpy(copy, s, length);
    return copy;
}

static char *take_word(void) {
    if (take_token() != T_WORD)
        syntax_error();
    return keep(input->word, strlen(input->word));
}

struct words {
    char **list;
    size_t count, room;
};

static void add_word(struct words *words, char *word) {
    if (words->count + 1 >= words->room) {
        char **old = words->list;
        words->room = words->room * 2 + 8;
        words->list = pool_alloc(tree, words->room * sizeof *old);
        if (words->count)
            memcpy(words->list, old, words->count * sizeof *old);
    }
    words->list[words->count++] = word;
}

static bool at_word(const char *word) {
    return peek_token(true) == T_WORD && streq(input->word, word);
}

static bool take_if(const char *word) {
    if (!at_word(word))
        return false;
    take_token();
    return true;
}

static void expect(const char *word) {
    if (!take_if(word))
        take_token(), syntax_error();
}

static void expect_char(char c) {
    if (take_token() != T_CHAR + c)
        syntax_error();
}

static void skip_newlines(void) {
    while (peek_token(true) == T_NEWLINE)
        take_token();
}

static struct node *parse_and_or(void);
static struct node *parse_command(void);

static bool at_list_end(void) {
    static const char enders[][5] = {"then", "else", "elif", "fi", "do", "done", "esac", "}"};
    int token = peek_token(true);
    if (token == T_EOF || token == T_SEMI2 || token == T_CHAR + ')')
        return true;
    for (size_t i = 0; i < COUNT(enders) && token == T_WORD; i++)
        if (streq(input->word, enders[i]))
            return true;
    return false;
}

static char *source_from(size_t start) {
    return keep(input->buffer + start, input->last_end - start);
}

/* Commands separated by ; & or newlines; on one line only if `line`. */
static struct node *parse_list(bool line) {
    struct node *list = NULL, **tail = &list;
    if (!line)
        skip_newlines();
    while (!at_list_end()) {
        size_t start = input->token_start;
        struct node *node = parse_and_or();
        int token = peek_token(false);
        if (token == T_CHAR + '&') {
            struct node *background = new_node(N_BACKGROUND);
            background->text = source_from(start);
            background->first = node;
            node = background;
        }
        *tail = new_node(N_SEQUENCE);
        (*tail)->first = node;
        tail = &(*tail)->second;
        if (token == T_CHAR + '&' || token == T_CHAR + ';')
            take_token();
        else if (token != T_NEWLINE)
            break;
        if (line && peek_token(true) == T_NEWLINE)
            break;
        if (!line)
            skip_newlines();
    }
    return list && !list->second ? list->first : list;
}

static struct node *parse_body(void) {
    struct node *list = parse_list(false);
    if (!list)
        take_token(), syntax_error();
    return list;
}

void parse_list_until_close(void) {
    struct pool *outer = tree;
    tree = temporary;
    parse_list(false);
    expect_char(')');
    tree = outer;
}

static bool at_redirection(void) {
    int token = peek_token(false);
    return token == T_NUMBER || (token >= T_LESS2 && token <= T_CLOBBER) || token == T_CHAR + '<' ||
           token == T_CHAR + '>';
}

static void parse_redirection(struct redirection ***tail) {
    struct redirection *redirection = pool_alloc(tree, sizeof *redirection);
    int token = take_token();
    int fd = -1;
    if (token == T_NUMBER) {
        fd = atoi(input->word);
        token = take_token();
    }
    bool input_side = token == T_CHAR + '<' || token == T_LESS_AND || token == T_LESS_GREAT ||
                      token == T_LESS2 || token == T_LESS2_DASH;
    redirection->fd = fd >= 0 ? fd : !input_side;
    redirection->operation = token;
    redirection->word = take_word();
    if (token == T_LESS2 || token == T_LESS2_DASH) {
        redirection->strip = token == T_LESS2_DASH;
        redirection->operation = T_LESS2;
        redirection->body = "";
        struct redirection **last = &input->heredocs;
        while (*last)
            last = &(*last)->next_heredoc;
        *last = redirection;
    }
    **tail = redirection;
    *tail = &redirection->next;
}

static void parse_redirections(struct node *node) {
    struct redirection **tail = &node->redirections;
    while (at_redirection())
        parse_redirection(&tail);
}

static struct node *parse_if(void) {
    struct node *node = new_node(N_IF);
    node->first = parse_body();
    expect("then");
    node->second = parse_body();
    if (take_if("elif"))
        node->third = parse_if();
    else if (take_if("else"))
        node->third = parse_body();
    return node;
}

static struct node *parse_loop(enum kind kind) {
    struct node *node = new_node(kind);
    node->first = parse_body();
    expect("do");
    node->second = parse_body();
    expect("done");
    return node;
}

static struct node *parse_for(void) {
    struct node *node = new_node(N_FOR);
    node->name = take_word();
    if (!valid_name(node->name))
        syntax_error();
    skip_newlines();
    if (take_if("in")) {
        struct words words = {0};
        while (peek_token(false) == T_WORD)
            add_word(&words, take_word());
        add_word(&words, NULL);
        node->words = words.list;
        node->has_words = true;
    }
    if (peek_token(true) == T_CHAR + ';')
        take_token();
    skip_newlines();
    expect("do");
    node->second = parse_body();
    expect("done");
    return node;
}

static struct node *parse_case(void) {
    struct node *node = new_node(N_CASE);
    struct clause **tail = &node->clauses;
    node->name = take_word();
    skip_newlines();
    expect("in");
    skip_newlines();
    while (!at_word("esac")) {
        struct clause *clause = *tail = pool_alloc(tree, sizeof *clause);
        struct words words = {0};
        tail = &clause->next;
        if (peek_token(false) == T_CHAR + '(')
            take_token();
        do
            add_word(&words, take_word());
        while (peek_token(false) == T_CHAR + '|' && take_token());
        add_word(&words, NULL);
        clause->patterns = words.list;
        expect_char(')');
        clause->body = parse_list(false);
        if (peek_token(true) != T_SEMI2)
            break;
        take_token();
        skip_newlines();
    }
    expect("esac");
    return node;
}

static struct node *parse_function(char *name) {
    struct node *node = new_node(N_FUNCTION);
    node->name = name;
    node->pool = tree;
    skip_newlines();
    node->first = parse_command();
    return node;
}

static struct node *parse_simple(void) {
    struct node *node = new_node(N_SIMPLE);
    struct redirection **redirection_tail = &node->redirections;
    struct words words = {0}, assignments = {0};
    for (;;) {
        if (at_redirection()) {
            parse_redirection(&redirection_tail);
            continue;
        }
        int token = peek_token(!words.count);
        if (token == T_CHAR + '(' && words.count == 1 && !assignments.count && !node->redirections) {
            take_token();
            expect_char(')');
            return parse_function(words.list[0]);
        }
        if (token != T_WORD)
            break;
        char *word = take_word();
        const char *end = word;
        while (name_char(*end))
            end++;
        if (!words.count && name_start(*word) && *end == '=')
            add_word(&assignments, word);
        else
            add_word(&words, word);
    }
    if (!words.count && !assignments.count && !node->redirections)
        take_token(), syntax_error();
    add_word(&words, NULL);
    add_word(&assignments, NULL);
    node->words = words.list;
    node->assignments = assignments.list;
    return node;
}

static struct node *parse_command(void) {
    struct node *node;
    int token = peek_token(true);
    if (token == T_CHAR + '(') {
        take_token();
        node = new_node(N_SUBSHELL);
        node->first = parse_body();
        expect_char(')');
    } else if (token != T_WORD) {
        return parse_simple();
    } else if (take_if("{")) {
        node = new_node(N_GROUP);
        node->first = parse_body();
        expect("}");
    } else if (take_if("if")) {
        node = parse_if();
        expect("fi");
    } else if (take_if("while")) {
        node = parse_loop(N_WHILE);
    } else if (take_if("until")) {
        node = parse_loop(N_UNTIL);
    } else if (take_if("for")) {
        node = parse_for();
    } else if (take_if("case")) {
        node = parse_case();
    } else {
        return parse_simple();
    }
    parse_redirections(node);
    return node;
}

static struct node *parse_pipeline(void) {
    bool negate = false;
    while (take_if("!"))
        negate = !negate;
    peek_token(true);
    size_t start = input->token_start;
    struct node *node = parse_command();
    if (peek_token(false) == T_CHAR + '|') {
        struct node *pipe = new_node(N_PIPE), **tail = &node->next;
        pipe->first = node;
        while (peek_token(false) == T_CHAR + '|') {
            take_token();
            skip_newlines();
            *tail = parse_command();
            tail = &(*tail)->next;
        }
        node = pipe;
    }
    node->text = source_from(start);
    if (negate) {
        struct node *not = new_node(N_NOT);
        not->first = node;
        node = not;
    }
    return node;
}

static struct node *parse_and_or(void) {
    struct node *node = parse_pipeline();
    for (;;) {
        int token = peek_token(false);
        if (token != T_AND && token != T_OR)
            return node;
        take_token();
        skip_newlines();
        struct node *both = new_node(token == T_AND ? N_AND : N_OR);
        both->first = node;
        both->second = parse_pipeline();
        node = both;
    }
}

/* One line, or as many as the command on it needs. */
int parse_line(struct node **node, struct pool *pool) {
    jmp_buf here, *outer_target;
    struct input *volatile source = input;
    struct pool *volatile outer_tree = tree;
    *node = NULL;
    prompt_level = 0;
    input_forget();
    input->heredocs = NULL;
    outer_target = parse_abort_target(&here);
    int result = setjmp(here);
    if (!result) {
        tree = pool;
        result = PARSE_OK;
        if (peek_token(true) == T_EOF) {
            result = PARSE_END;
        } else if (input->token != T_NEWLINE) {
            *node = parse_list(true);
            int token = take_token();
            if (token != T_NEWLINE && token != T_EOF)
                syntax_error();
        } else {
            take_token();
        }
    } else {
        input = source;
        input->depth = 0;
        if (interactive) /* what is left of the line makes no sense any more */
            input->at = input->length;
    }
    input->peeked = false;
    tree = outer_tree;
    parse_abort_target(outer_target);
    return result;
}
