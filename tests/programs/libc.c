// Broad use of the C library: conversions, sorting, regular expressions, formatted input and output, time, search.
#include "check.h"
#include <ctype.h>
#include <fnmatch.h>
#include <glob.h>
#include <inttypes.h>
#include <libgen.h>
#include <math.h>
#include <regex.h>
#include <search.h>
#include <time.h>
#include <wchar.h>
#include <locale.h>

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
static int backwards(const void *a, const void *b) { return -strcmp(*(char *const *)a, *(char *const *)b); }

static void numbers(void) {
    static const char *texts[] = {"0", "-1", "1e308", "1e309", "-1e-400", "0x1.8p3", "0.1", "3.14159265358979323846", "  42xyz",
                                  "inf", "-Infinity", "1e", "123456789012345678901234567890", "2.2250738585072011e-308",
                                  "9007199254740993", "0.500000000000000166533453693773481063544750213623046875"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *end;
        errno = 0;
        double v = strtod(texts[i], &end);
        say("strtod %.24s: %.17g rest '%.10s' range %d", texts[i], v, end, errno == ERANGE);
        say("strtof %.9g", strtof(texts[i], 0));
    }
    say("%ld %lu %lld %ld %ld", strtol("-0x1f", 0, 16), strtoul("777", 0, 8), strtoll("zz", 0, 36), strtol("0b1", 0, 0),
        strtol("99999999999999999999", 0, 10));
    say("%d %i %u %x %X %o %#x %#o %+d % d %05d %-5d| %.3d %c %% %5s %-5s| %.2s %p", -5, 7, 8u, 255, 255, 8, 255, 8, 5, 5, 42,
        42, 7, 'c', "ab", "ab", "abcdef", (void *)0x1234);
    say("%hhd %hd %ld %lld %zd %jd %" PRId64 " %*d %.*f", (char)300, (short)70000, -1l, -1ll, (ssize_t)-2, (intmax_t)3,
        INT64_MIN, 6, 12, 2, 2.345);
    char small[8];
    int wanted = snprintf(small, sizeof small, "truncated output");
    say("%s %d", small, wanted);
    int a, b, n;
    float f;
    char word[16], set[16];
    n = sscanf("12 0x1f 2.5 word [abc]rest", "%d %i %f %15s [%15[a-c]", &a, &b, &f, word, set);
    say("sscanf %d: %d %d %g %s %s", n, a, b, f, word, set);
    div_t d = div(-7, 2);
    say("div %d %d, abs %ld, labs %lld", d.quot, d.rem, labs(-5), llabs(INT64_MIN + 1));
}

static void sorting(void) {
    static uint32_t values[5000];
    uint64_t state = 99, hash = 0;
    for (int i = 0; i < 5000; i++) values[i] = next_random(&state) >> 40;
    qsort(values, 5000, sizeof *values, by_value);
    for (int i = 0; i < 5000; i++) hash = mix(hash, values[i]);
    uint32_t key = values[1234];
    uint32_t *found = bsearch(&key, values, 5000, sizeof key, by_value);
    say("qsort %016llx, bsearch %d", (unsigned long long)hash, found && *found == key);
    char *words[] = {"pear", "fig", "apple", "kiwi", "date"};
    qsort(words, 5, sizeof *words, backwards);
    say("%s %s %s %s %s", words[0], words[1], words[2], words[3], words[4]);
    hcreate(50);
    for (int i = 0; i < 5; i++) hsearch((ENTRY){words[i], (void *)(intptr_t)(i * 10)}, ENTER);
    ENTRY *entry = hsearch((ENTRY){"apple", 0}, FIND);
    say("hash table %ld", entry ? (long)(intptr_t)entry->data : -1);
    hdestroy();
}

static void patterns(void) {
    static const char *rules[] = {"^[a-z]+([0-9]{2,3})$", "(a|b)*c", "[[:upper:]][^ ]*", "x?y+z*", "\\.(c|h)$", "(foo)(bar)?", "^$"};
    static const char *texts[] = {"abc123", "ababc", "some Word here", "yyz", "main.c", "foobar foo", "", "abc1"};
    for (unsigned i = 0; i < 7; i++) {
        regex_t regex;
        REQUIRE(regcomp(&regex, rules[i], REG_EXTENDED) == 0);
        for (unsigned k = 0; k < 8; k++) {
            regmatch_t m[3];
            if (regexec(&regex, texts[k], 3, m, 0) == 0)
                say("'%s' in '%s': %d-%d, group %d-%d", rules[i], texts[k], (int)m[0].rm_so, (int)m[0].rm_eo, (int)m[1].rm_so, (int)m[1].rm_eo);
        }
        regfree(&regex);
    }
    say("fnmatch %d %d %d", fnmatch("*.c", "x.c", 0) == 0, fnmatch("[!a]*", "abc", 0) == 0, fnmatch("a?c", "abc", 0) == 0);
    scratch();
    for (const char *const *n = (const char *const[]){"b.txt", "a.txt", "c.dat", 0}; *n; n++) close(open(*n, O_CREAT | O_WRONLY, 0600));
    glob_t matches;
    int failed = glob("*.txt", 0, 0, &matches);
    say("glob %d: %zu %s", failed, matches.gl_pathc, matches.gl_pathv[0]);
    char path[] = "/usr/lib/file.so", again[] = "/usr/lib/file.so";
    say("%s %s", basename(path), dirname(again));
}

static void streams(void) {
    FILE *f = fopen("stream", "w+");
    for (int i = 0; i < 3000; i++) fprintf(f, "line %d\n", i);
    fseek(f, 0, SEEK_SET);
    char line[64];
    int lines = 0;
    while (fgets(line, sizeof line, f)) lines++;
    long end = ftell(f);
    say("%d lines, %ld bytes, eof %d", lines, end, feof(f) != 0);
    rewind(f);
    ungetc('X', f);
    int first = getc(f), second = getc(f);
    say("%c%c", first, second);
    fclose(f);
    char *text = 0;
    size_t size = 0;
    f = open_memstream(&text, &size);
    fprintf(f, "%s-%d", "memory", 7);
    fclose(f);
    say("%s %zu", text, size);
    free(text);
}

static void rest(void) {
    time_t t = 951782400; // a leap day
    struct tm tm;
    char text[80];
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%A %d %B %Y %H:%M:%S day %j week %U %y %p %e", &tm);
    say("%s", text);
    tm.tm_mday += 400;
    t = timegm(&tm);
    say("%ld %d %d", (long)t, tm.tm_mon, tm.tm_mday);
    strptime("2021-03-04 05:06:07", "%Y-%m-%d %H:%M:%S", &tm);
    say("%d %d %d", tm.tm_year, tm.tm_mon, tm.tm_sec);
    int upper = 0, digits = 0, spaces = 0, punctuation = 0;
    for (int c = 0; c < 128; c++) upper += !!isupper(c), digits += !!isxdigit(c), spaces += !!isspace(c), punctuation += !!ispunct(c);
    say("%d %d %d %d %c", upper, digits, spaces, punctuation, toupper('q'));
    setlocale(LC_CTYPE, "C.UTF-8");
    srand48(7);
    long positive = lrand48();
    say("%ld %ld", positive, mrand48());
    unsetenv("NOTHING");
    setenv("NAME", "first", 1), setenv("NAME", "second", 0), putenv("OTHER=x");
    say("%s %s %d", getenv("NAME"), getenv("OTHER"), getenv("NOTHING") == 0);
    say("%.10g %.10g %.10g %.10g %.10g", sin(1.0), exp(2.5), log(10.0), pow(2, 0.5), atan2(1, -2));
    say("%.10g %.10g %.10g %.6g %.6g", tan(100.0), cbrt(27.0), tgamma(5.5), (double)sinf(2.0f), (double)expf(1.0f));
    char *copy = strdup("allocated"), *bigger = realloc(copy, 100000);
    say("%s", bigger);
    free(bigger);
}

int main(void) {
    numbers();
    sorting();
    patterns();
    streams();
    rest();
    return 0;
}
