/* Floating point with every digit printed: planets, spectral norm, elimination, FFT, series. Compiled without contraction, so that
 * what is rounded is the same everywhere. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t state = 20081020;
static double random_double(void) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (double)(state * 0x2545f4914f6cdd1d >> 11) / (1ull << 53);
}

struct body { double x[3], v[3], mass; };

static double energy(struct body *b, int n) {
    double e = 0;
    for (int i = 0; i < n; i++) {
        e += 0.5 * b[i].mass * (b[i].v[0] * b[i].v[0] + b[i].v[1] * b[i].v[1] + b[i].v[2] * b[i].v[2]);
        for (int j = i + 1; j < n; j++) {
            double d2 = 0;
            for (int k = 0; k < 3; k++) d2 += (b[i].x[k] - b[j].x[k]) * (b[i].x[k] - b[j].x[k]);
            e -= b[i].mass * b[j].mass / sqrt(d2);
        }
    }
    return e;
}

static void planets(void) {
    struct body b[5];
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 3; k++) b[i].x[k] = 10 * random_double() - 5, b[i].v[k] = random_double() - 0.5;
        b[i].mass = 0.1 + random_double();
    }
    printf("planets %.17g", energy(b, 5));
    for (int step = 0; step < 2000; step++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                double d[3], d2 = 0;
                for (int k = 0; k < 3; k++) d[k] = b[i].x[k] - b[j].x[k], d2 += d[k] * d[k];
                double magnitude = 0.001 / (d2 * sqrt(d2));
                for (int k = 0; k < 3; k++) {
                    b[i].v[k] -= d[k] * b[j].mass * magnitude;
                    b[j].v[k] += d[k] * b[i].mass * magnitude;
                }
            }
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 3; k++) b[i].x[k] += 0.001 * b[i].v[k];
    }
    printf(" %.17g\n", energy(b, 5));
}

static void spectral_norm(void) {
    enum { N = 60 };
    double u[N], v[N], t[N];
    for (int i = 0; i < N; i++) u[i] = 1;
    for (int round = 0; round < 20; round++) {
        double *from = round % 2 ? v : u, *to = round % 2 ? u : v;
        for (int i = 0; i < N; i++) {
            t[i] = 0;
            for (int j = 0; j < N; j++) t[i] += from[j] / ((i + j) * (i + j + 1) / 2 + i + 1);
        }
        for (int i = 0; i < N; i++) {
            to[i] = 0;
            for (int j = 0; j < N; j++) to[i] += t[j] / ((i + j) * (i + j + 1) / 2 + j + 1);
        }
    }
    double uv = 0, vv = 0;
    for (int i = 0; i < N; i++) uv += u[i] * v[i], vv += v[i] * v[i];
    printf("spectral norm %.17g\n", sqrt(uv / vv));
}

static void elimination(void) {
    enum { N = 48 };
    static double a[N][N + 1];
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= N; j++) a[i][j] = random_double() - 0.5;
    double determinant = 1;
    for (int c = 0; c < N; c++) {
        int pivot = c;
        for (int i = c; i < N; i++)
            if (fabs(a[i][c]) > fabs(a[pivot][c])) pivot = i;
        for (int j = 0; j <= N; j++) {
            double x = a[c][j];
            a[c][j] = a[pivot][j], a[pivot][j] = x;
        }
        determinant *= a[c][c];
        for (int i = 0; i < N; i++)
            if (i != c) {
                double f = a[i][c] / a[c][c];
                for (int j = c; j <= N; j++) a[i][j] -= f * a[c][j];
            }
    }
    double sum = 0;
    for (int i = 0; i < N; i++) sum += a[i][N] / a[i][i];
    printf("elimination %.17g %.17g\n", determinant, sum);
}

static void transform(void) {
    enum { N = 512 };
    static float re[N], im[N];
    for (int i = 0; i < N; i++) re[i] = (float)random_double(), im[i] = 0;
    for (int i = 1, j = 0; i < N; i++) {
        int bit = N / 2;
        for (; j & bit; bit /= 2) j ^= bit;
        j ^= bit;
        if (i < j) {
            float x = re[i];
            re[i] = re[j], re[j] = x;
        }
    }
    for (int len = 2; len <= N; len *= 2) {
        /* The root by half angles: square roots are exact everywhere, sines are not. */
        double c = -1, s = 0;
        for (int n = 2; n < len; n *= 2) {
            double half = sqrt((1 + c) / 2);
            s = n == 2 ? 1 : s / (2 * half), c = half;
        }
        for (int i = 0; i < N; i += len) {
            float wr = 1, wi = 0;
            for (int j = 0; j < len / 2; j++) {
                float *ar = re + i + j, *ai = im + i + j, *br = ar + len / 2, *bi = ai + len / 2;
                float xr = *br * wr - *bi * wi, xi = *br * wi + *bi * wr;
                *br = *ar - xr, *bi = *ai - xi, *ar += xr, *ai += xi;
                float next = (float)(wr * c - wi * s);
                wi = (float)(wr * s + wi * c), wr = next;
            }
        }
    }
    double sum = 0;
    for (int i = 0; i < N; i++) sum += (double)re[i] * re[i] + (double)im[i] * im[i];
    printf("transform %.9g %.9g %.9g %.17g\n", re[1], im[1], re[300], sum);
}

static void series(void) {
    double pi = 0, e = 1, term = 1, harmonic = 0;
    float single = 0;
    for (int i = 0; i < 20000; i++) pi += (i % 2 ? -4.0 : 4.0) / (2 * i + 1);
    for (int i = 1; i < 25; i++) term /= i, e += term;
    for (int i = 1; i <= 20000; i++) harmonic += 1.0 / i, single += 1.0f / i;
    printf("series %.17g %.17g %.17g %.9g\n", pi, e, harmonic, single);
    printf("fused %.17g %.17g %.9g\n", fma(0.1, 10, -1), fma(DBL_MAX, 2, -DBL_MAX), fmaf(0.1f, 10, -1));
    printf("rounded %.17g %.17g %.17g %ld %lld\n", rint(2.5), nearbyint(-3.5), round(2.5), lrint(-2.5), llround(0.49999999999999994));
    printf("edges %g %g %g %g %d\n", 1e308 * 10, -1 / HUGE_VAL, DBL_MIN / 3, 5e-324 / 2, (int)isnan(0 * HUGE_VAL));
    printf("functions %.13g %.13g %.13g %.13g %.13g\n", sin(1e6), exp(-3.3), pow(1.7, 31.3), log(7e-300), atan2(-1, -3));
}

static void digits(void) {
    uint64_t hash = 0xcbf29ce484222325;
    for (int i = 0; i < 2000; i++) {
        char text[64];
        uint64_t bits = (uint64_t)(random_double() * 0x1p53) * 2048 ^ (uint64_t)i << 52;
        double value, back;
        memcpy(&value, &bits, 8);
        if (value != value) continue;
        snprintf(text, sizeof text, i % 2 ? "%.17g" : "%.40e", value);
        sscanf(text, "%lf", &back);
        if (memcmp(&value, &back, 8)) printf("%s is not what it was\n", text);
        for (char *p = text; *p; p++) hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
    }
    printf("digits %016llx\n", (unsigned long long)hash);
}

int main(void) {
    planets();
    spectral_norm();
    elimination();
    transform();
    series();
    digits();
    return 0;
}
