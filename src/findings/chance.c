#include "findings/chance.h"

#include <math.h>

double wsc_log_tail(double a, double k, double q)
{
    double n = a + k;
    if (n <= 0 || q >= 1 || a / n <= q)
        return 0;
    double kl = a * log(a / n / q);
    if (k > 0)
        kl += k * log(k / n / (1 - q));
    return -kl;
}
