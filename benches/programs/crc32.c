// CRC-32 by table, and bit by bit.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    static uint32_t table[256];
    static unsigned char data[1 << 16];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        table[i] = c;
    }
    for (unsigned i = 0; i < sizeof data; i++) data[i] = i * 167 + (i >> 8);
    uint32_t crc = ~0u;
    for (int round = 0; round < 1200; round++)
        for (unsigned i = 0; i < sizeof data; i++) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    for (unsigned i = 0; i < sizeof data * 20; i++) {
        crc ^= data[i % sizeof data];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
    }
    printf("crc32 %08x\n", ~crc);
    return 0;
}
