/* SPDX-License-Identifier: MIT */
/* IPv4 and IPv6 addresses as text. */
#ifndef PM_BASE_IP_H
#define PM_BASE_IP_H

#include "base/text.h"

/* The longest text of an address, without a NUL. */
#define PM__IP_TEXT 39U

/*
 * Reads a whole slice: four decimal numbers without leading zeros between dots, or the text form
 * of RFC 4291 section 2.2, its last 32 bits possibly as an IPv4 address, without a zone. False
 * for anything else; *ip is then unchanged.
 */
bool pm__ip_parse(struct pm_slice text, struct pm_ip *ip);

/* Writes the canonical text: dotted decimal, or RFC 5952 section 4. Nothing for family 0. */
void pm__ip_put(struct pm__text *text, const struct pm_ip *ip);

#endif
