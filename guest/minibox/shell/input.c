/* input.c: a stack of command sources. Each keeps the text of the command being read, so that a token is a slice. */
#include "shell.h"

struct input *input;
int prompt_level; /* 0: PS1, else PS2 */

static void push(struct input *in) {
    in->outer = input;
    input = in;
}

void input_file(struct input *in, int fd) {
    memset(in, 0, sizeof *in);
    in->fd = fd;
    in->owned = true;
    /* Commands read the same standard input as the shell: never take more than a line of it. */
    in->one_byte = fd == 0;
    in->edit = fd == 0 && interactive && isatty(0);
    push(in);
}

/* A copy, in which aliases can be replaced. */
void input_command(struct input *in, const char *text) {
    memset(in, 0, sizeof *in);
    in->fd = -1;
    in->owned = true;
    in->buffer = xstrdup(text);
    in->length = strlen(text);
    in->room = in->length + 1;
    push(in);
}

/* The text itself. */
void input_string(struct input *in, const char *text) {
    memset(in, 0, sizeof *in);
    in->fd = -1;
    in->buffer = (char *)text;
    in->length = strlen(text);
    push(in);
}

void input_pop(void) {
    if (input->owned)
        free(input->buffer);
    if (input->fd > 2)
        close(input->fd);
    input = input->outer;
}

static void make_room(size_t size) {
    if (input->length + size > input->room) {
        input->room = (input->length + size) * 2;
        input->buffer = xrealloc(input->buffer, input->room);
    }
}

static const char *prompt(void) {
    const char *name = prompt_level ? "PS2" : "PS1", *format = variable_get(name);
    static struct text text;
    text.length = 0;
    text_add(&text, "", 0);
    if (!format)
        format = prompt_level ? "> " : "\\w \\$ ";
    char *expanded = NULL;
    if (strchr(format, '$') && !strstr(format, "\\$"))
        format = expanded = expand_heredoc(format);
    for (; *format; format++) {
        char directory[PATH_MAX];
        if (*format != '\\' || !format[1]) {
            text_char(&text, *format);
            continue;
        }
        switch (*++format) {
        case 'w':
            if (getcwd(directory, sizeof directory))
                text_add(&text, directory, strlen(directory));
            break;
        case 'W':
            if (getcwd(directory, sizeof directory))
                text_add(&text, base_of(directory), strlen(base_of(directory)));
            break;
        case 'h':
            if (!gethostname(directory, sizeof directory))
                text_add(&text, directory, strcspn(directory, "."));
            break;
        case 'u':
            text_add(&text, user_name(geteuid()), strlen(user_name(geteuid())));
            break;
        case '$': text_char(&text, geteuid() ? '$' : '#'); break;
        case 'n': text_char(&text, '\n'); break;
        case 'e': text_char(&text, 27); break;
        case '[': case ']': break;
        default: text_char(&text, *format);
        }
    }
    return text.s;
}

/* Reads the next line of standard input without taking what follows it. */
static ssize_t read_one_line(void) {
    size_t start = input->length;
    bool seekable = lseek(0, 0, SEEK_CUR) >= 0;
    for (;;) {
        make_room(512);
        char *at = input->buffer + input->length;
        ssize_t got = read(0, at, seekable ? 512 : 1);
        if (got < 0 && errno == EINTR) {
            check_interrupt();
            continue;
        }
        if (got <= 0)
            break;
        char *newline = memchr(at, '\n', got);
        if (newline) {
            if (at + got > newline + 1)
                lseek(0, newline + 1 - (at + got), SEEK_CUR);
            input->length += newline + 1 - at;
            break;
        }
        input->length += got;
    }
    return input->length - start;
}

static bool fill(void) {
    if (input->fd < 0 || input->ended)
        return false;
    ssize_t got;
    if (input->edit) {
        static struct text line;
        line.length = 0;
        int result = edit_line(prompt(), &line);
        prompt_level = 1;
        if (result == EDIT_INTERRUPT)
            parse_abort(PARSE_INTERRUPT);
        make_room(line.length + 1);
        memcpy(input->buffer + input->length, line.s, line.length);
        input->length += line.length;
        got = line.length;
    } else if (input->one_byte) {
        if (interactive) {
            const char *text = prompt();
            write_all(2, text, strlen(text));
            prompt_level = 1;
        }
        got = read_one_line();
    } else {
        make_room(4096);
        do
            got = read(input->fd, input->buffer + input->length, 4096);
        while (got < 0 && errno == EINTR);
        input->length += got > 0 ? got : 0;
    }
    if (got <= 0)
        input->ended = true;
    return got > 0;
}

int input_peek(void) {
    if (input->at == input->length && !fill())
        return EOF;
    return (unsigned char)input->buffer[input->at];
}

int input_next(void) {
    int c = input_peek();
    if (c != EOF)
        input->at++;
    return c;
}

void input_forget(void) {
    if (!input->owned)
        return;
    input->length -= input->at;
    if (input->length)
        memmove(input->buffer, input->buffer + input->at, input->length);
    input->alias_end = input->alias_end > input->at ? input->alias_end - input->at : 0;
    input->at = input->last_end = 0;
    input->peeked = false;
}

/* After a command of a string: does nothing else follow? Then its process need not outlive it. */
bool input_rest_blank(void) {
    if (input->fd >= 0 || input->peeked)
        return false;
    for (size_t i = input->at; i < input->length; i++)
        if (!strchr(" \t\n", input->buffer[i]))
            return false;
    return true;
}
