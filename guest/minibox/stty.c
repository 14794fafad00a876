/* stty.c: terminal modes. */
#include <sys/ioctl.h>
#include <termios.h>

#include "minibox.h"

static const struct mode {
    char name[9];
    char group; /* i o c l */
    tcflag_t bit;
    bool sane;
} modes[] = {
    {"ignbrk", 'i', IGNBRK, false}, {"brkint", 'i', BRKINT, true},  {"ignpar", 'i', IGNPAR, false},
    {"inpck", 'i', INPCK, false},   {"istrip", 'i', ISTRIP, false}, {"inlcr", 'i', INLCR, false},
    {"igncr", 'i', IGNCR, false},   {"icrnl", 'i', ICRNL, true},    {"ixon", 'i', IXON, true},
    {"ixoff", 'i', IXOFF, false},   {"opost", 'o', OPOST, true},    {"onlcr", 'o', ONLCR, true},
    {"ocrnl", 'o', OCRNL, false},   {"cread", 'c', CREAD, true},    {"parenb", 'c', PARENB, false},
    {"hupcl", 'c', HUPCL, false},   {"clocal", 'c', CLOCAL, false}, {"isig", 'l', ISIG, true},
    {"icanon", 'l', ICANON, true},  {"iexten", 'l', IEXTEN, true},  {"echo", 'l', ECHO, true},
    {"echoe", 'l', ECHOE, true},    {"echok", 'l', ECHOK, true},    {"echonl", 'l', ECHONL, false},
    {"noflsh", 'l', NOFLSH, false}, {"tostop", 'l', TOSTOP, false}, {"echoctl", 'l', ECHOCTL, true},
    {"echoke", 'l', ECHOKE, true},
};

static const struct key {
    char name[7];
    unsigned char index, standard;
} keys[] = {{"intr", VINTR, 3},   {"quit", VQUIT, 28},  {"erase", VERASE, 127}, {"kill", VKILL, 21},
            {"eof", VEOF, 4},     {"start", VSTART, 17}, {"stop", VSTOP, 19},    {"susp", VSUSP, 26},
            {"werase", VWERASE, 23}};

static tcflag_t *flags_of(struct termios *settings, char group) {
    return group == 'i' ? &settings->c_iflag : group == 'o' ? &settings->c_oflag
                                           : group == 'c' ? &settings->c_cflag : &settings->c_lflag;
}

static void print_all(struct termios *settings, bool everything) {
    static const char groups[] = "ciol";
    struct winsize size = {0};
    ioctl(0, TIOCGWINSZ, &size);
    if (everything)
        printf("rows %d; columns %d;\n", size.ws_row, size.ws_col);
    for (size_t i = 0; i < COUNT(keys) && everything; i++) {
        int c = settings->c_cc[keys[i].index];
        printf(!c ? "%s = <undef>;%c" : c == 127 ? "%s = ^?;%c" : "%s = ^%c;", keys[i].name, c && c != 127 ? c + '@' : ' ');
        putchar(i + 1 < COUNT(keys) ? ' ' : '\n');
    }
    for (const char *group = groups; *group; group++) {
        bool any = false;
        for (size_t i = 0; i < COUNT(modes); i++) {
            bool on = *flags_of(settings, modes[i].group) & modes[i].bit;
            if (modes[i].group != *group || (!everything && on == modes[i].sane))
                continue;
            printf("%s%s%s", any ? " " : "", on ? "" : "-", modes[i].name);
            any = true;
        }
        if (any)
            putchar('\n');
    }
}

static void set_raw(struct termios *settings, bool raw) {
    if (raw) {
        cfmakeraw(settings);
        settings->c_cc[VMIN] = 1;
        settings->c_cc[VTIME] = 0;
        return;
    }
    settings->c_iflag |= BRKINT | ICRNL | IXON;
    settings->c_oflag |= OPOST;
    settings->c_lflag |= ISIG | ICANON;
}

static void set_sane(struct termios *settings) {
    for (size_t i = 0; i < COUNT(modes); i++) {
        tcflag_t *flags = flags_of(settings, modes[i].group);
        *flags = modes[i].sane ? *flags | modes[i].bit : modes[i].group == 'c' ? *flags : *flags & ~modes[i].bit;
    }
    for (size_t i = 0; i < COUNT(keys); i++)
        settings->c_cc[keys[i].index] = keys[i].standard;
}

static bool set_one(struct termios *settings, const char *word) {
    bool on = *word != '-';
    const char *name = word + !on;
    if (streq(name, "sane") || streq(name, "raw") || streq(name, "cooked")) {
        *name == 's' ? set_sane(settings) : set_raw(settings, (*name == 'r') == on);
        return true;
    }
    for (size_t i = 0; i < COUNT(modes); i++) {
        if (!streq(modes[i].name, name))
            continue;
        tcflag_t *flags = flags_of(settings, modes[i].group);
        *flags = on ? *flags | modes[i].bit : *flags & ~modes[i].bit;
        return true;
    }
    return false;
}

static void set_size(const char *name, const char *value) {
    struct winsize size = {0};
    ioctl(0, TIOCGWINSZ, &size);
    *(*name == 'r' ? &size.ws_row : &size.ws_col) = number(value);
    if (ioctl(0, TIOCSWINSZ, &size))
        fail("TIOCSWINSZ");
}

int stty_main(int argc, char **argv) {
    struct termios settings;
    if (argc > 2 && streq(argv[1], "-F")) {
        int fd = open(argv[2], O_RDWR | O_NONBLOCK);
        if (fd < 0)
            return fail(argv[2]);
        dup2(fd, 0);
        argc -= 2;
        argv += 2;
    }
    if (tcgetattr(0, &settings))
        return fail("standard input");
    if (argc == 1 || streq(argv[1], "-a")) {
        print_all(&settings, argc > 1);
        return 0;
    }
    if (streq(argv[1], "size")) {
        struct winsize size;
        if (ioctl(0, TIOCGWINSZ, &size))
            return fail("standard input");
        printf("%d %d\n", size.ws_row, size.ws_col);
        return 0;
    }
    for (char **word = argv + 1; *word; word++) {
        size_t key = 0;
        if (word[1] && (streq(*word, "rows") || streq(*word, "cols") || streq(*word, "columns"))) {
            set_size(word[0], word[1]);
            word++;
            continue;
        }
        if (word[1] && (streq(*word, "min") || streq(*word, "time"))) {
            settings.c_cc[**word == 'm' ? VMIN : VTIME] = number(word[1]);
            word++;
            continue;
        }
        while (key < COUNT(keys) && !streq(keys[key].name, *word))
            key++;
        if (key < COUNT(keys) && word[1]) {
            word++;
            settings.c_cc[keys[key].index] = **word == '^' && (*word)[1] ? (*word)[1] == '?' ? 127 : (*word)[1] & 31
                                                                         : **word;
        } else if (!set_one(&settings, *word)) {
            die("invalid argument '%s'", *word);
        }
    }
    return tcsetattr(0, TCSADRAIN, &settings) ? fail("standard input") : 0;
}
