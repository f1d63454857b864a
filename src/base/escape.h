/* SPDX-License-Identifier: MIT */
/* Bytes of the wire as people read them: in the trace, in send-test and in the reports of play. */
#ifndef PM_BASE_ESCAPE_H
#define PM_BASE_ESCAPE_H

#include "postmodem/types.h"

/* The most characters that one byte becomes. */
#define PM__ESCAPE_MAX 4U

/* Writes a byte as \r \n \t \\, as \xHH when it is outside 0x20-0x7E, else as it is; there is no
 * NUL at the end. Returns how many characters that are. */
size_t pm__escape(uint8_t byte, char out[PM__ESCAPE_MAX]);

#endif
