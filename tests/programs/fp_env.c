// The floating point environment and every basic operation: rounding modes, flags, conversions, special values.
#include "check.h"
#include <fenv.h>
#include <float.h>
#include <math.h>
#pragma STDC FENV_ACCESS ON

static uint64_t bits(double v) {
    uint64_t b;
    memcpy(&b, &v, 8);
    return v != v ? 0x7ff8000000000000 : b; // which NaN differs between architectures
}
static uint32_t bits32(float v) {
    uint32_t b;
    memcpy(&b, &v, 4);
    return v != v ? 0x7fc00000 : b;
}
static const char *flags(void) {
    static char text[8];
    int raised = fetestexcept(FE_ALL_EXCEPT);
    snprintf(text, sizeof text, "%c%c%c%c%c", raised & FE_INVALID ? 'i' : '-', raised & FE_DIVBYZERO ? 'z' : '-',
             raised & FE_OVERFLOW ? 'o' : '-', raised & FE_UNDERFLOW ? 'u' : '-', raised & FE_INEXACT ? 'x' : '-');
    feclearexcept(FE_ALL_EXCEPT);
    return text;
}
static double random_double(uint64_t *state) {
    uint64_t b = next_random(state);
    double v;
    if (b % 8 == 0) return (double)(int64_t)(next_random(state) >> (b % 60)) / 16;
    memcpy(&v, &b, 8);
    return v;
}

int main(void) {
    int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    const char *names[] = {"nearest", "up", "down", "zero"};
    volatile double one = 1, three = 3, tenth = 0.1, max = DBL_MAX, min = DBL_MIN, zero = 0, two = 2;
    volatile float onef = 1, threef = 3;
    for (int m = 0; m < 4; m++) {
        REQUIRE(fesetround(modes[m]) == 0 && fegetround() == modes[m]);
        feclearexcept(FE_ALL_EXCEPT);
        double q = one / three, n = -one / three, s = tenth + two, r = sqrt(two);
        volatile float f = onef / threef;
        say("%s: %016llx %016llx %016llx %016llx %08x %s", names[m], (long long)bits(q), (long long)bits(n), (long long)bits(s),
            (long long)bits(r), bits32(f), flags());
        double o = max * two, u = min / three;
        say("  overflow %016llx underflow %016llx %s", (long long)bits(o), (long long)bits(u), flags());
        volatile double half[] = {2.5, -2.5, 3.5, 0.4, 2.7};
        for (int i = 0; i < 4; i++) half[i] = rint(half[i]);
        half[4] = nearbyint(half[4]);
        volatile long whole = lrint(2.5 * one), negative = lrint(-1.5 * one);
        say("  rint %g %g %g %g, nearbyint %g, lrint %ld %ld %s", half[0], half[1], half[2], half[3], half[4], whole, negative, flags());
        volatile float narrow = (float)tenth;
        volatile int64_t large = INT64_MAX;
        volatile double from = (double)large, fused = fma(tenth, tenth, -0.01 * one);
        say("  to float %08x, from int64 %016llx, fma %016llx %s", bits32(narrow), (long long)bits(from), (long long)bits(fused), flags());
        uint64_t state = 42, hash = 0;
        for (int i = 0; i < 20000; i++) {
            volatile double a = random_double(&state), b = random_double(&state), c;
            c = a + b, hash = mix(hash, bits(c));
            c = a - b, hash = mix(hash, bits(c));
            c = a * b, hash = mix(hash, bits(c));
            c = a / b, hash = mix(hash, bits(c));
            c = sqrt(a), hash = mix(hash, bits(c));
            volatile float f1 = (float)a, f2 = (float)b, f3;
            hash = mix(hash, bits32(f1));
            f3 = f1 * f2, hash = mix(hash, bits32(f3));
            f3 = f1 + f2, hash = mix(hash, bits32(f3));
            f3 = f1 / f2, hash = mix(hash, bits32(f3));
            hash = mix(hash, (a < b) | (a <= b) << 1 | (a == b) << 2 | (a > b) << 3 | isunordered(a, b) << 4);
            hash = mix(hash, bits(floor(a)) ^ bits(ceil(b)) ^ bits(trunc(a)) ^ bits(round(b)) ^ bits(fmod(a, 3)));
            if (fabs(a) < 1e18) hash = mix(hash, (uint64_t)(int64_t)a);
        }
        say("  random %016llx", (unsigned long long)hash);
        feclearexcept(FE_ALL_EXCEPT);
    }
    fesetround(FE_TONEAREST);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double sink;
    sink = one / zero, say("1/0 %g %s", sink, flags());
    sink = zero / zero, say("0/0 nan %d %s", isnan(sink) != 0, flags());
    sink = sqrt(-one), say("sqrt(-1) nan %d %s", isnan(sink) != 0, flags());
    sink = one + two, say("exact %g %s", sink, flags());
    sink = INFINITY - (INFINITY * one), say("inf-inf nan %d %s", isnan(sink) != 0, flags());
    sink = 4.9406564584124654e-324 * one, say("subnormal %016llx %s", (long long)bits(sink), flags());
    feraiseexcept(FE_DIVBYZERO | FE_INEXACT);
    fenv_t held;
    fegetenv(&held);
    feclearexcept(FE_ALL_EXCEPT);
    fesetround(FE_UPWARD);
    fesetenv(&held);
    say("restored %s, nearest %d", flags(), fegetround() == FE_TONEAREST);
    say("%.17g %.17g %.17g %.17g", hypot(3, 4), copysign(1, -0.0), nextafter(1, 2), ldexp(0.7, 10));
    int exponent;
    double fraction = frexp(100.25, &exponent), whole;
    say("%.17g %d %.17g %.17g", fraction, exponent, modf(-3.75, &whole), remainder(7, 4));
    say("min %g max %g signs %d%d%d", fmin(1, NAN), fmax(NAN, 2), !!signbit(-0.0), !!signbit(-one), !!signbit(zero));
    return 0;
}
