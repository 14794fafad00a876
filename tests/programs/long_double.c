// long double arithmetic to its last bit: x87's 80 bits on x86-64, soft binary128 on AArch64.
// per architecture
#include "check.h"
#include <float.h>
#include <math.h>

static void show(const char *what, long double value) {
    unsigned char bytes[sizeof value] = {0};
    memcpy(bytes, &value, LDBL_MANT_DIG == 64 ? 10 : sizeof value);
    printf("%-12s ", what);
    for (int i = sizeof value - 1; i >= 0; i--) printf("%02x", bytes[i]);
    printf(" %.36Lg\n", value);
}

int main(void) {
    volatile long double a = 1.1L, b = 3.7L, tiny = LDBL_MIN, huge = LDBL_MAX;
    show("a", a);
    show("a+b", a + b);
    show("a-b", a - b);
    show("a*b", a * b);
    show("a/b", a / b);
    show("1/3", 1 / (b - 0.7L));
    show("sqrt", sqrtl(b));
    show("tiny/2", tiny / 2);
    show("tiny/3", tiny / 3);
    show("huge", huge);
    show("huge*2", huge * 2);
    show("-huge*2", -huge * 2);
    show("floor", floorl(-b));
    show("ceil", ceill(b));
    show("rint", rintl(2.5L * a));
    show("trunc", truncl(-b));
    show("fmod", fmodl(1e18L, b));
    show("ldexp", ldexpl(a, -16000));
    show("scalbn", scalbnl(a, 16000));
    int exponent;
    show("frexp", frexpl(1234.5L * a, &exponent));
    printf("exponent %d\n", exponent);
    show("from u64", (long double)(volatile uint64_t){18446744073709551615u});
    show("from i64", (long double)(volatile int64_t){INT64_MIN});
    show("from float", (long double)(volatile float){0.1f});
    show("from double", (long double)(volatile double){0.1});
    printf("to i64 %lld, u64 %llu, int %d\n", (long long)(a * 1e17L), (unsigned long long)(b * 4e18L), (int)-b);
    printf("to double %a, float %a\n", (double)(a / b), (double)(float)(a / b));
    printf("order %d %d %d %d %d\n", a < b, a > b, a == a, a != b, isunordered(a, (huge * 2) - (huge * 2)));
    printf("class %d %d %d\n", !!isnormal(a), !!isinf(huge * 2), fpclassify(tiny / 2) == FP_SUBNORMAL);
    long double sum = 0;
    for (int i = 1; i <= 1000; i++) sum += 1.0L / i;
    show("harmonic", sum);
    show("strtold", strtold("0.1234567890123456789012345678901234567890", 0));
    return 0;
}
