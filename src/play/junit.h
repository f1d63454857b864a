/* SPDX-License-Identifier: MIT */
/* Reports as JUnit XML, the form that CI systems read: one test case per transcript. */
#ifndef PM_PLAY_JUNIT_H
#define PM_PLAY_JUNIT_H

#include "play/report.h"

/* One transcript and what came of it. */
struct play_result {
    const char *path; /* the caller's */
    struct play_report report;
};

/* Writes the document. `started`: seconds since 1970 when the run began. False when the stream
 * has an error. */
bool play_junit_write(FILE *out, const struct play_result *results, size_t count, int64_t started);

#endif
