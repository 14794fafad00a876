// SHA-256: rotates, adds, unrolled loops (FIPS 180-4).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t K[64];
static uint32_t rotate(uint32_t v, int n) { return v >> n | v << (32 - n); }
static void block(uint32_t h[8], const unsigned char *at) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)at[4 * i] << 24 | at[4 * i + 1] << 16 | at[4 * i + 2] << 8 | at[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, h, 32);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
        uint32_t t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 28);
        v[4] += t1, v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}
// The constants are the fractions of roots of primes: integer Newton steps on 2^96 * p and 2^64 * p.
static uint32_t cube_root(unsigned p) {
    unsigned __int128 low = 0, high = (unsigned __int128)8 << 32;
    while (high - low > 1) {
        unsigned __int128 middle = (low + high) / 2;
        if (middle * middle * middle <= (unsigned __int128)p << 96) low = middle; else high = middle;
    }
    return (uint32_t)low;
}
static uint32_t square_root(unsigned p) {
    unsigned __int128 low = 0, high = (unsigned __int128)8 << 32;
    while (high - low > 1) {
        unsigned __int128 middle = (low + high) / 2;
        if (middle * middle <= (unsigned __int128)p << 64) low = middle; else high = middle;
    }
    return (uint32_t)low;
}
int main(void) {
    static unsigned char data[64];
    uint32_t h[8];
    int n = 0;
    for (unsigned p = 2; n < 64; p++) {
        int prime = 1;
        for (unsigned d = 2; d * d <= p; d++) prime &= p % d != 0;
        if (!prime) continue;
        if (n < 8) h[n] = square_root(p);
        K[n++] = cube_root(p);
    }
    data[0] = 0x61, data[1] = 0x62, data[2] = 0x63, data[3] = 0x80, data[63] = 24;
    block(h, data);
    printf("sha256 of abc %08x\n", h[0]);
    for (int i = 0; i < 250000; i++) {
        memcpy(data + 8, h, 32);
        block(h, data);
    }
    printf("sha256 %08x\n", h[0]);
    return 0;
}
