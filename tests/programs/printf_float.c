// Printing of double and long double: decimal conversion, rounding, padding, special values.
#include "check.h"
#include <float.h>
#include <math.h>

static const double VALUES[] = {
    0.0, -0.0, 1.0, -1.5, 0.1, 1.0 / 3, 2.0 / 3, 1e-5, 123456.789, 1e15, 1e16, 1e21, 9.995, 0.5, 2.5, 1e100,
    3.14159265358979, 1e-100, DBL_MAX, DBL_MIN, 4.9406564584124654e-324, 9007199254740993.0, 999999.25,
};

int main(void) {
    for (unsigned i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        double v = VALUES[i];
        printf("%f|%.0f|%.3f|%e|%.17g|%g|%#g|%+.2e\n", v, v, v, v, v, v, v, v);
        if (v == 0 || fabs(v) >= DBL_MIN) printf("%a|%.3a|%A\n", v, v, v);
    }
    printf("[%12.3f][%-12.3f][%012.3f][% f][%+f][%*.*f]\n", 3.14159, 3.14159, -3.14159, 1.5, 1.5, 9, 2, 2.71828);
    volatile double zero = 0;
    printf("%f %F %e %g [%8f] [%-8f] [%08f]\n", 1 / zero, -1 / zero, 1 / zero, -1 / zero, 1 / zero, 1 / zero, -1 / zero);
    printf("%f %g\n", fabs(zero / zero), fabs(zero / zero));

    // Values whose digits the 80-bit and the 128-bit format share.
    volatile long double one = 1, three = 3, ten = 10;
    printf("%.15Lf|%.15Le|%.15Lg\n", one / three, ten / three, one / three * 1000);
    printf("%Lf|%Le|%Lg|%.20Lf\n", 1.5L, -0.0625L, 1e10L, 0x1p-20L);
    printf("%.0Lf\n", 0x1p100L);
    printf("%.0Lf\n", 0x1.fffffffffffffffep+63L);
    printf("%.10Le|%.10Le\n", LDBL_MAX, LDBL_MIN);
    printf("%Lf %Lf %Lg\n", one / (long double)zero, -one / (long double)zero, fabsl(zero / (one - 1)));
    long double product = one;
    for (int i = 1; i <= 25; i++) product *= i;
    printf("25! = %.0Lf\n", product);
    for (int p = 0; p <= 20; p++) printf("%.*f %.*Lg\n", p, 0.1, p, 0.125L);
    for (int e = -300; e <= 300; e += 50) printf("%.17g\n", strtod("1.2345678901234567", 0) * pow(10, e / 50));
    return 0;
}
