/* SPDX-License-Identifier: MIT */
/* The file below a trace: trace.c makes the text of records, trace_file.c writes it. */
#ifndef PM_HOST_TRACE_FILE_H
#define PM_HOST_TRACE_FILE_H

#include "host/trace.h"

/* More of the present record's text. */
void pm__trace_put(struct pm_trace *trace, const char *text, size_t len);

/* The record ends, with its line: it goes to the file now. */
void pm__trace_commit(struct pm_trace *trace);

#endif
