// Integers of 8 to 128 bits: arithmetic, shifts, rotates, bit counts, overflow, conversions; checksums of many cases.
#include "check.h"

#define CASES(T, name, width)                                                                                     \
    static void name(void) {                                                                                      \
        uint64_t state = width, hash[8] = {0};                                                                    \
        for (int i = 0; i < 20000; i++) {                                                                         \
            volatile T va = (T)next_random(&state), vb = (T)(next_random(&state) >> (i % width));                 \
            T a = va, b = vb;                                                                                     \
            int s = (int)(b & (width - 1));                                                                       \
            hash[0] = mix(hash[0], (T)(a + b) ^ (uint64_t)(T)(a - b));                                            \
            hash[1] = mix(hash[1], (T)(a * b));                                                                   \
            if (b) hash[2] = mix(hash[2], (T)(a / b) * 31u + (T)(a % b));                                         \
            hash[3] = mix(hash[3], (T)(a << s) ^ (uint64_t)(T)(a >> s));                                          \
            hash[4] = mix(hash[4], (T)((T)(a << s) | (T)(a >> ((width - s) & (width - 1)))));                     \
            hash[5] = mix(hash[5], (uint64_t)(T)(a & b) + (T)(a | b) * 3u + (T)(a ^ b) * 5u + (T)(~a) + (T)(-a)); \
            hash[6] = mix(hash[6], (a < b) + 2 * (a == b) + 4 * (a > b));                                         \
            T r;                                                                                                  \
            hash[7] = mix(hash[7], __builtin_add_overflow(a, b, &r) + 2 * __builtin_mul_overflow(a, b, &r) +      \
                                       4 * __builtin_sub_overflow(a, b, &r));                                     \
        }                                                                                                         \
        for (int i = 0; i < 8; i++) say(#T " %d %016llx", i, (unsigned long long)hash[i]);                        \
    }
CASES(uint8_t, u8, 8)
CASES(uint16_t, u16, 16)
CASES(uint32_t, u32, 32)
CASES(uint64_t, u64, 64)

#define SIGNED_CASES(T, U, name, width)                                                                            \
    static void name(void) {                                                                                       \
        uint64_t state = width + 1, hash = 0;                                                                      \
        for (int i = 0; i < 20000; i++) {                                                                          \
            volatile T va = (T)next_random(&state), vb = (T)((T)next_random(&state) >> (i % width));               \
            T a = va, b = vb;                                                                                      \
            hash = mix(hash, (uint64_t)(T)(a >> (i % width)) + (a < b) * 7u + (uint64_t)(int64_t)a);               \
            if (b && !(b == -1 && a == (T)((U)1 << (width - 1)))) hash = mix(hash, (uint64_t)(T)(a / b) ^ (U)(a % b)); \
            T r;                                                                                                   \
            hash = mix(hash, __builtin_add_overflow(a, b, &r) + 2 * __builtin_mul_overflow(a, b, &r) + (uint64_t)(U)r); \
        }                                                                                                          \
        say(#T " %016llx", (unsigned long long)hash);                                                              \
    }
SIGNED_CASES(int8_t, uint8_t, i8, 8)
SIGNED_CASES(int16_t, uint16_t, i16, 16)
SIGNED_CASES(int32_t, uint32_t, i32, 32)
SIGNED_CASES(int64_t, uint64_t, i64, 64)

static void wide(void) {
    uint64_t state = 128, hash = 0;
    for (int i = 0; i < 20000; i++) {
        volatile uint64_t parts[4] = {next_random(&state), next_random(&state), next_random(&state), next_random(&state)};
        unsigned __int128 a = (unsigned __int128)parts[0] << 64 | parts[1], b = (unsigned __int128)(parts[2] >> (i % 64)) << 64 | parts[3];
        if (i % 3 == 0) b = (uint64_t)b;
        unsigned __int128 r[] = {a + b, a - b, a * b, b ? a / b : 0, b ? a % b : 0, a << (i % 128), a >> (i % 128)};
        __int128 sa = (__int128)a, sb = (__int128)b;
        for (int k = 0; k < 7; k++) hash = mix(mix(hash, (uint64_t)r[k]), (uint64_t)(r[k] >> 64));
        if (sb && sb != -1) hash = mix(hash, (uint64_t)(sa / sb) ^ (uint64_t)(sa % sb));
        hash = mix(hash, (uint64_t)((__int128)(int64_t)parts[0] * (int64_t)parts[1] >> 64) + (a < b) + (sa < sb));
    }
    say("128 bits %016llx", (unsigned long long)hash);
}

static void bit_counts(void) {
    uint64_t state = 5, hash = 0;
    for (int i = 0; i < 20000; i++) {
        volatile uint64_t v = next_random(&state) >> (i % 64);
        uint32_t w = (uint32_t)v | 1;
        if (v) hash = mix(hash, __builtin_clzll(v) * 100 + __builtin_ctzll(v));
        hash = mix(hash, __builtin_popcountll(v) + __builtin_parityll(v) * 1000 + __builtin_ffsll(v));
        hash = mix(hash, __builtin_bswap64(v) ^ __builtin_bswap32(w) ^ __builtin_bswap16((uint16_t)v));
        hash = mix(hash, __builtin_clz(w) + __builtin_ctz(w) + __builtin_popcount(w));
        uint64_t reversed = 0;
        for (int k = 0; k < 64; k++) reversed |= (v >> k & 1) << (63 - k);
        hash = mix(hash, reversed);
        struct { unsigned a : 3; int b : 11; uint64_t c : 40; } fields = {v & 7, (int)(v << 5) >> 7, v};
        hash = mix(hash, fields.a + (uint64_t)fields.b + fields.c);
    }
    say("bit counts %016llx", (unsigned long long)hash);
}

int main(void) {
    u8(), u16(), u32(), u64();
    i8(), i16(), i32(), i64();
    wide();
    bit_counts();
    return 0;
}
