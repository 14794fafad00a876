// The Mandelbrot set: double arithmetic in a short loop with a data-dependent end.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    int total = 0;
    for (int y = 0; y < 240; y++)
        for (int x = 0; x < 400; x++) {
            double cr = x * 3.0 / 400 - 2.1, ci = y * 2.4 / 240 - 1.2, zr = 0, zi = 0;
            int n = 0;
            for (; n < 200 && zr * zr + zi * zi < 4; n++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci, zr = t;
            }
            total += n;
        }
    printf("mandelbrot %d\n", total);
    return 0;
}
