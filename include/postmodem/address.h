/* SPDX-License-Identifier: MIT */
/* The one check of mail addresses, used wherever an address enters or leaves the library. */
#ifndef POSTMODEM_ADDRESS_H
#define POSTMODEM_ADDRESS_H

#include "postmodem/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* RFC 5321 4.5.3.1, in bytes. */
#define PM_ADDRESS_LOCAL_MAX  64
#define PM_ADDRESS_DOMAIN_MAX 255
#define PM_ADDRESS_MAX        (PM_ADDRESS_LOCAL_MAX + 1 + PM_ADDRESS_DOMAIN_MAX)

/*
 * True when `address` has the form local@domain (SD13, SD40) and can stand in an SMTP
 * command and in a header field without any quoting of ours:
 *  - the local part is 1-64 bytes of atom characters and dots (their order is free: some
 *    carriers give out addresses such as "a..b@example.net"), or a quoted string;
 *  - the domain is 1-255 bytes, either a name without the separators of RFC 5322 or an
 *    address literal in brackets;
 *  - all of it is valid UTF-8 without white space, control characters (C0, DEL, C1, the
 *    line and paragraph separators) and angle brackets, even inside a quoted string.
 * Characters beyond ASCII are legal on both sides (RFC 6532).
 */
bool pm_address_valid(struct pm_slice address);

#ifdef __cplusplus
}
#endif

#endif
