/* SPDX-License-Identifier: MIT */
/* The clock that the benchmarks of the library's parts are measured by. */
#ifndef PM_BENCH_CLOCK_H
#define PM_BENCH_CLOCK_H

#include <time.h>

/* Seconds since some moment. */
static inline double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

#endif
