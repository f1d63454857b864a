/* SPDX-License-Identifier: MIT */
/* UTF-8 as the Unicode Standard's table 3-7 defines it: no surrogates, no overlong forms. */
#ifndef PM_BASE_UTF8_H
#define PM_BASE_UTF8_H

#include "postmodem/types.h"

/*
 * One byte of a stream. `*state` starts as 0 and is 0 again whenever a character is complete;
 * a text is valid when no byte was refused and the state is 0 at its end. False: the byte
 * cannot stand here; the state is 0 then and the byte was not taken as a new start.
 */
bool pm__utf8_next(uint32_t *state, uint8_t byte);

/* Bytes of the character at the start of `text` (1-4), or 0 when none is whole and valid. */
size_t pm__utf8_char(struct pm_slice text);

bool pm__utf8_valid(struct pm_slice text);

#endif
