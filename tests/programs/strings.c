// The C library's string functions at every alignment and right up to an unmapped page.
#include "check.h"
#include <sys/mman.h>
#include <wchar.h>

enum { PAGE = 4096 };
static char *page, *other; // each two pages, the byte after them is unmapped

static char *map_before_hole(void) {
    char *at = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED && munmap(at + 2 * PAGE, PAGE) == 0);
    return at;
}

static void fill(char *at, int length, uint64_t seed) {
    for (int i = 0; i < length; i++) at[i] = 'a' + next_random(&seed) % 25;
}

static void copies(void) {
    uint64_t hash = 0;
    static char expect[2 * PAGE];
    for (int from = 0; from < 17; from++)
        for (int to = 0; to < 17; to++)
            for (int length = 0; length < 300; length += 1 + length / 9) {
                fill(page, 400, from * 100 + length);
                memset(other, '.', 400);
                memcpy(other + to, page + from, length);
                REQUIRE(memcmp(other + to, page + from, length) == 0);
                REQUIRE(other[to + length] == '.' && (to == 0 || other[to - 1] == '.'));
                memcpy(expect, page, 400);
                memmove(page + to, page + from, length);
                for (int i = 0; i < length; i++) REQUIRE(page[to + i] == expect[from + i]);
                for (int i = 0; i < 400; i += 7) hash = mix(hash, (unsigned char)page[i]);
            }
    say("memcpy, memmove %016llx", (unsigned long long)hash);
    hash = 0;
    for (int length = 0; length < 2 * PAGE; length += 1 + length / 5) {
        memset(page + 2 * PAGE - length, length, length);
        for (int i = 0; i < length; i++) REQUIRE(page[2 * PAGE - 1 - i] == (char)length);
        hash = mix(hash, length);
        memcpy(other + 2 * PAGE - length, page + 2 * PAGE - length, length);
        REQUIRE(memcmp(other + 2 * PAGE - length, page + 2 * PAGE - length, length) == 0);
    }
    say("memset to the hole %016llx", (unsigned long long)hash);
}

static void searches(void) {
    uint64_t hash = 0;
    for (int length = 0; length < 160; length++) {
        char *s = page + 2 * PAGE - length - 1, *t = other + 2 * PAGE - length - 1;
        fill(s, length, 7);
        s[length] = 0;
        strcpy(t, s);
        REQUIRE(strlen(s) == (size_t)length && strnlen(s, 1000) == (size_t)length);
        REQUIRE(strcmp(s, t) == 0 && strncmp(s, t, 500) == 0 && strchr(s, 'z') == 0 && memchr(s, 'z', length) == 0);
        REQUIRE(strchr(s, 0) == s + length && strrchr(s, 'z') == 0);
        for (int i = 0; i < length; i += 3) {
            char kept = s[i];
            s[i] = 'z';
            REQUIRE(strchr(s, 'z') == s + i && strrchr(s, 'z') == s + i && memchr(s, 'z', length) == s + i);
            REQUIRE(memrchr(s, 'z', length) == s + i && strchrnul(s, 'z') == s + i && strpbrk(s, "zZ") == s + i);
            REQUIRE(strcmp(s, t) > 0 && strcmp(t, s) < 0 && memcmp(s, t, length) > 0);
            REQUIRE((int)strcspn(s, "z") == i && (int)strspn(t, "abcdefghijklmnopqrstuvwxy") == length);
            s[i] = kept;
            hash = mix(hash, i);
        }
        if (length > 12) {
            memcpy(s + length - 6, "needle", 6);
            REQUIRE(strstr(s, "needle") == s + length - 6 && memmem(s, length, "needle", 6) == s + length - 6);
            REQUIRE(strstr(s, "needlf") == 0 && strcasestr(s, "NEEDLE") == s + length - 6);
        }
    }
    say("searches %016llx", (unsigned long long)hash);
}

int main(void) {
    page = map_before_hole();
    other = map_before_hole();
    copies();
    searches();
    char text[64] = "one,two;three", *state;
    for (char *word = strtok_r(text, ",;", &state); word; word = strtok_r(0, ",;", &state)) say("word %s", word);
    wchar_t wide[32] = L"wide";
    wcscat(wide, L" text");
    say("%ls %zu", wide, wcslen(wide));
    char joined[16] = "ab";
    strncat(joined, "cdefg", 3);
    say("%s %s %d", joined, strdup("copy"), strcasecmp("ABC", "abd") < 0);
    char *end = stpcpy(joined, "end");
    say("%td %s", end - joined, (char *)memccpy(text, "stop here", ' ', 9) == text + 5 ? "after the space" : "wrong");
    return 0;
}
