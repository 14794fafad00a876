// Bodies under gravity: double arithmetic with square roots and divisions.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
struct body { double x[3], v[3], mass; };
int main(void) {
    static struct body b[6];
    for (int i = 0; i < 6; i++) {
        b[i].mass = 1.0 / (i + 1);
        for (int k = 0; k < 3; k++) b[i].x[k] = sin(i * 3 + k) * (i + 1), b[i].v[k] = cos(i * 5 + k) * 0.3;
    }
    for (int step = 0; step < 100000; step++) {
        for (int i = 0; i < 6; i++)
            for (int j = i + 1; j < 6; j++) {
                double d[3], square = 0.01;
                for (int k = 0; k < 3; k++) d[k] = b[i].x[k] - b[j].x[k], square += d[k] * d[k];
                double scale = 0.001 / (square * sqrt(square));
                for (int k = 0; k < 3; k++) b[i].v[k] -= d[k] * b[j].mass * scale, b[j].v[k] += d[k] * b[i].mass * scale;
            }
        for (int i = 0; i < 6; i++)
            for (int k = 0; k < 3; k++) b[i].x[k] += 0.001 * b[i].v[k];
    }
    double energy = 0;
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 3; k++) energy += b[i].mass * b[i].v[k] * b[i].v[k];
    printf("nbody %.9g\n", energy);
    return 0;
}
