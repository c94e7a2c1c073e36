/* How likely chance alone is, for all rules. */
#ifndef WSC_FINDINGS_CHANCE_H
#define WSC_FINDINGS_CHANCE_H

/* Natural logarithm of an upper bound (Chernoff) of P(X >= a), X being how many of |a| + |k| fall
 * where each falls with probability |q|; 0 if |a| is no more than expected. For k = 0 exact. */
double wsc_log_tail(double a, double k, double q);

#endif
