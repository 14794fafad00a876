/* edit.c: line editing on a terminal. Needs only backspace, carriage return and "erase to end of line"; a line longer
 * than the window scrolls sideways, and a window of unknown size counts as 80 columns. */
#include <poll.h>
#include <sys/ioctl.h>

#include "shell.h"

enum { HISTORY = 200 };
static char *history[HISTORY];
static int history_count;

static struct text *line;
static size_t cursor, shown_from;
static const char *prompt_text; /* its last line */
static size_t prompt_width;

static size_t columns(void) {
    struct winsize size;
    return ioctl(1, TIOCGWINSZ, &size) || size.ws_col < 10 ? 80 : size.ws_col;
}

/* Whether a byte goes on with a UTF-8 character. */
static bool goes_on(size_t at) {
    return at < line->length && (line->s[at] & 0xc0) == 0x80;
}

static size_t before(size_t at) {
    while (goes_on(--at) && at)
        continue;
    return at;
}

static size_t after(size_t at) {
    while (goes_on(++at))
        continue;
    return at;
}

/* A terminal that does not echo has no person before it (a script on a pipe): the line is shown once, when it is whole. */
static bool echoes = true;

static void redraw(void) {
    if (!echoes)
        return;
    struct text out = {0};
    size_t room = columns();
    room = room > prompt_width + 8 ? room - prompt_width - 1 : 8;
    if (cursor < shown_from)
        shown_from = cursor > room / 2 ? cursor - room / 2 : 0;
    if (cursor > shown_from + room)
        shown_from = cursor - room / 2;
    if (line->length <= room)
        shown_from = 0;
    size_t shown = line->length - shown_from;
    if (shown > room)
        shown = room;
    text_char(&out, '\r');
    text_add(&out, prompt_text, strlen(prompt_text));
    text_add(&out, line->s + shown_from, shown);
    text_add(&out, "\033[K", 3);
    for (size_t i = shown_from + shown; i > cursor; i--)
        if (!goes_on(i - 1))
            text_char(&out, '\b');
    write_all(1, out.s, out.length);
    free(out.s);
}

static void insert(const char *s, size_t length) {
    text_add(line, s, length); /* makes room */
    memmove(line->s + cursor + length, line->s + cursor, line->length - length - cursor);
    memcpy(line->s + cursor, s, length);
    cursor += length;
    if (echoes && cursor == line->length && shown_from == 0 && prompt_width + line->length + 1 < columns())
        write_all(1, s, length);
    else
        redraw();
}

static void erase(size_t from, size_t to) {
    memmove(line->s + from, line->s + to, line->length - to + 1);
    line->length -= to - from;
    cursor = from;
    redraw();
}

static void replace(const char *s) {
    line->length = 0;
    text_add(line, s, strlen(s));
    cursor = line->length;
    redraw();
}

static void remember(const char *s) {
    if (!*s || (history_count && streq(history[history_count - 1], s)))
        return;
    if (history_count == HISTORY) {
        free(history[0]);
        memmove(history, history + 1, --history_count * sizeof *history);
    }
    history[history_count++] = xstrdup(s);
}

void history_print(void) {
    for (int i = 0; i < history_count; i++)
        printf("%5d  %s\n", i + 1, history[i]);
}

static void list_matches(char **matches) {
    size_t widest = 0, room = columns();
    int count = length_of(matches);
    for (int i = 0; i < count; i++)
        if (strlen(matches[i]) > widest)
            widest = strlen(matches[i]);
    int across = room / (widest + 2) ? room / (widest + 2) : 1, down = (count + across - 1) / across;
    putchar('\n');
    for (int row = 0; row < down; row++) {
        for (int i = row; i < count; i += down)
            printf("%-*s", i + down < count ? (int)widest + 2 : 0, matches[i]);
        putchar('\n');
    }
    fflush(stdout);
    redraw();
}

static void try_complete(bool again) {
    size_t start;
    char **matches = complete(line->s, cursor, &start);
    int count = length_of(matches);
    if (!count)
        return;
    size_t common = strlen(matches[0]), typed = cursor - start;
    for (int i = 1; i < count; i++)
        for (size_t j = 0; j < common; j++)
            if (matches[0][j] != matches[i][j])
                common = j;
    if (common > typed)
        insert(matches[0] + typed, common - typed);
    if (count == 1 && matches[0][common - 1] != '/')
        insert(" ", 1);
    else if (count > 1 && common <= typed && again)
        list_matches(matches);
}

static int read_key(void) {
    unsigned char c;
    ssize_t got;
    while ((got = read(0, &c, 1)) < 0 && errno == EINTR)
        continue;
    return got == 1 ? c : EOF;
}

enum { K_UP = 256, K_DOWN, K_RIGHT, K_LEFT, K_HOME, K_END, K_DELETE, K_NONE };

/* ESC [ A, ESC O A, ESC [ 3 ~: after the escape. */
static int escape_key(void) {
    struct pollfd more = {.fd = 0, .events = POLLIN};
    if (poll(&more, 1, 100) <= 0)
        return K_NONE;
    int c = read_key();
    if (c != '[' && c != 'O')
        return K_NONE;
    int digits = 0;
    while ((c = read_key()) >= '0' && c <= '9')
        digits = digits * 10 + c - '0';
    while (c == ';' || (c >= '0' && c <= '9'))
        c = read_key();
    switch (c) {
    case 'A': return K_UP;
    case 'B': return K_DOWN;
    case 'C': return K_RIGHT;
    case 'D': return K_LEFT;
    case 'H': return K_HOME;
    case 'F': return K_END;
    case '~': return digits == 3 ? K_DELETE : digits == 1 || digits == 7 ? K_HOME : digits == 4 || digits == 8 ? K_END
                                                                                                               : K_NONE;
    }
    return K_NONE;
}

static void move_in_history(int *place, int step, char **draft) {
    int next = *place + step;
    if (next < 0 || next > history_count)
        return;
    if (*place == history_count) {
        free(*draft);
        *draft = xstrdup(line->s);
    }
    *place = next;
    replace(next == history_count ? *draft : history[next]);
}

static int edit_keys(void) {
    int place = history_count, previous = 0, result = -1;
    char *draft = NULL;
    while (result < 0) {
        int key = read_key();
        if (key == 27)
            key = escape_key();
        switch (key) {
        case EOF: result = line->length ? EDIT_LINE : EDIT_END; break; /* a last line may lack its newline */
        case '\r': case '\n': result = EDIT_LINE; break;
        case 3:
            write_all(1, "^C", 2);
            result = EDIT_INTERRUPT;
            break;
        case 4:
            if (!line->length)
                result = EDIT_END;
            else if (cursor < line->length)
                erase(cursor, after(cursor));
            break;
        case K_DELETE:
            if (cursor < line->length)
                erase(cursor, after(cursor));
            break;
        case 127: case 8:
            if (cursor)
                erase(before(cursor), cursor);
            break;
        case 1: case K_HOME: cursor = 0, redraw(); break;
        case 5: case K_END: cursor = line->length, redraw(); break;
        case 2: case K_LEFT:
            if (cursor)
                cursor = before(cursor), redraw();
            break;
        case 6: case K_RIGHT:
            if (cursor < line->length)
                cursor = after(cursor), redraw();
            break;
        case 21: erase(0, cursor); break;
        case 11:
            line->s[line->length = cursor] = 0;
            redraw();
            break;
        case 23: {
            size_t from = cursor;
            while (from && line->s[from - 1] == ' ')
                from--;
            while (from && line->s[from - 1] != ' ')
                from--;
            erase(from, cursor);
            break;
        }
        case 12:
            write_all(1, "\033[H\033[J", 6);
            redraw();
            break;
        case 16: case K_UP: move_in_history(&place, -1, &draft); break;
        case 14: case K_DOWN: move_in_history(&place, 1, &draft); break;
        case '\t': try_complete(previous == '\t'); break;
        default:
            if (key >= ' ' && key < 256)
                insert(&(char){key}, 1);
        }
        previous = key;
    }
    free(draft);
    return result;
}

int edit_line(const char *prompt, struct text *into) {
    struct termios modes, raw;
    bool is_terminal = !tcgetattr(0, &modes);
    echoes = is_terminal && modes.c_lflag & ECHO;
    if (is_terminal) {
        raw = modes;
        raw.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
        raw.c_iflag &= ~(ICRNL | INLCR | IXON);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        tcsetattr(0, TCSADRAIN, &raw);
    }
    line = into;
    line->length = cursor = shown_from = 0;
    text_add(line, "", 0);
    const char *last = strrchr(prompt, '\n');
    prompt_text = last ? last + 1 : prompt;
    prompt_width = strlen(prompt_text);
    write_all(1, prompt, strlen(prompt));
    int result = edit_keys();
    if (result == EDIT_END) {
        line->length = 0;
    } else {
        if (!echoes)
            write_all(1, line->s, line->length);
        write_all(1, "\n", 1);
    }
    if (result == EDIT_LINE) {
        remember(line->s);
        text_char(line, '\n');
    }
    if (is_terminal)
        tcsetattr(0, TCSADRAIN, &modes);
    return result;
}
