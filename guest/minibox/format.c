/* format.c: the printf family without floating point. It takes the C library's place at link time; with long double in
 * software, as on AArch64, that is 15 KiB less. Conversions: d i u o x X c s p %, with flags, width, precision, length. */
#include "minibox.h"

struct sink {
    FILE *file; /* or, if NULL, a buffer */
    char *buffer;
    size_t room, length;
};

static void emit(struct sink *sink, char c) {
    if (sink->file)
        putc_unlocked(c, sink->file);
    else if (sink->length + 1 < sink->room)
        sink->buffer[sink->length] = c;
    sink->length++;
}

static void emit_padding(struct sink *sink, char c, int count) {
    while (count-- > 0)
        emit(sink, c);
}

struct conversion {
    bool left, zero, plus, space, alternate, upper;
    int width, precision;
};

static void emit_field(struct sink *sink, const struct conversion *how, const char *prefix, const char *text,
                       int length, int zeros) {
    int prefix_length = strlen(prefix), padding = how->width - prefix_length - zeros - length;
    if (how->zero && !how->left && padding > 0) {
        zeros += padding;
        padding = 0;
    }
    if (!how->left)
        emit_padding(sink, ' ', padding);
    while (*prefix)
        emit(sink, *prefix++);
    emit_padding(sink, '0', zeros);
    for (int i = 0; i < length; i++)
        emit(sink, text[i]);
    if (how->left)
        emit_padding(sink, ' ', padding);
}

static void emit_number(struct sink *sink, struct conversion *how, unsigned long long value, bool negative,
                        unsigned base) {
    char digits[24], *first = digits + sizeof digits;
    const char *prefix = negative ? "-" : how->plus ? "+" : how->space ? " " : "";
    if (how->alternate && base == 16 && value)
        prefix = how->upper ? "0X" : "0x";
    for (unsigned long long rest = value; rest; rest /= base)
        *--first = (how->upper ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
    int length = digits + sizeof digits - first;
    int least = how->precision < 0 ? 1 : how->precision;
    if (how->alternate && base == 8 && least <= length)
        least = length + 1;
    if (how->precision >= 0)
        how->zero = false;
    emit_field(sink, how, prefix, first, length, least > length ? least - length : 0);
}

static int number_in(const char **format, va_list *list) {
    int value = 0;
    if (**format == '*') {
        ++*format;
        return va_arg(*list, int);
    }
    while (**format >= '0' && **format <= '9')
        value = value * 10 + *(*format)++ - '0';
    return value;
}

static unsigned long long unsigned_argument(va_list *list, int longs) {
    return longs > 1 ? va_arg(*list, unsigned long long) : longs ? va_arg(*list, unsigned long)
                                                                  : va_arg(*list, unsigned);
}

static void convert(struct sink *sink, const char **format, va_list *list) {
    struct conversion how = {.precision = -1};
    int longs = 0;
    for (;; ++*format) {
        switch (**format) {
        case '-': how.left = true; continue;
        case '0': how.zero = true; continue;
        case '+': how.plus = true; continue;
        case ' ': how.space = true; continue;
        case '#': how.alternate = true; continue;
        }
        break;
    }
    how.width = number_in(format, list);
    if (how.width < 0) {
        how.left = true;
        how.width = -how.width;
    }
    if (**format == '.') {
        ++*format;
        how.precision = number_in(format, list);
    }
    for (; **format == 'l' || **format == 'z' || **format == 'h'; ++*format)
        longs += **format != 'h';
    char kind = *(*format)++;
    unsigned base = 10;
    switch (kind) {
    case 'd': case 'i': {
        long long value = longs > 1 ? va_arg(*list, long long) : longs ? va_arg(*list, long) : va_arg(*list, int);
        emit_number(sink, &how, value < 0 ? -(unsigned long long)value : (unsigned long long)value, value < 0, 10);
        return;
    }
    case 'X': how.upper = true; base = 16; break;
    case 'x': base = 16; break;
    case 'o': base = 8; break;
    case 'u': break;
    case 'c': {
        char c = va_arg(*list, int);
        how.zero = false;
        emit_field(sink, &how, "", &c, 1, 0);
        return;
    }
    case 's': {
        const char *text = va_arg(*list, const char *);
        how.zero = false;
        if (!text)
            text = "(null)";
        emit_field(sink, &how, "", text, how.precision < 0 ? strlen(text) : strnlen(text, how.precision), 0);
        return;
    }
    default:
        emit(sink, kind);
        return;
    }
    how.plus = how.space = false;
    emit_number(sink, &how, unsigned_argument(list, longs), false, base);
}

static void format_into(struct sink *sink, const char *format, va_list list) {
    va_list copy;
    va_copy(copy, list);
    while (*format) {
        if (*format != '%') {
            emit(sink, *format++);
            continue;
        }
        format++;
        convert(sink, &format, &copy);
    }
    va_end(copy);
}

int vfprintf(FILE *restrict file, const char *restrict format, va_list list) {
    struct sink sink = {.file = file};
    if (file != stderr) {
        format_into(&sink, format, list);
        return ferror(file) ? -1 : (int)sink.length;
    }
    char buffer[1024]; /* stderr has no buffer: a message is one write */
    int length = vsnprintf(buffer, sizeof buffer, format, list);
    return fwrite(buffer, 1, length < (int)sizeof buffer ? length : (int)sizeof buffer - 1, file);
}

int vsnprintf(char *restrict buffer, size_t size, const char *restrict format, va_list list) {
    struct sink sink = {.buffer = buffer, .room = size};
    format_into(&sink, format, list);
    if (size)
        buffer[sink.length < size ? sink.length : size - 1] = 0;
    return sink.length;
}

int snprintf(char *restrict buffer, size_t size, const char *restrict format, ...) {
    va_list list;
    va_start(list, format);
    int length = vsnprintf(buffer, size, format, list);
    va_end(list);
    return length;
}

int fprintf(FILE *restrict file, const char *restrict format, ...) {
    va_list list;
    va_start(list, format);
    int length = vfprintf(file, format, list);
    va_end(list);
    return length;
}

int printf(const char *restrict format, ...) {
    va_list list;
    va_start(list, format);
    int length = vfprintf(stdout, format, list);
    va_end(list);
    return length;
}
