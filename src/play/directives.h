/* SPDX-License-Identifier: MIT */
/* The words of transcripts that are not bytes: settings, time, ports, the server, looks. */
#ifndef PM_PLAY_DIRECTIVES_H
#define PM_PLAY_DIRECTIVES_H

#include <stdbool.h>
#include <stddef.h>

/* True when a transcript may hold this directive. */
bool transcript_directive_known(const char *name, size_t len);
/* True when it means the same in the world and on a real line. */
bool transcript_directive_everywhere(const char *name, size_t len);

/* The tag of a name, or 0. */
unsigned transcript_tag_of(const char *name, size_t len);

#endif
