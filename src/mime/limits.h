/* SPDX-License-Identifier: MIT */
/* Line lengths of a message, in characters without the CRLF. */
#ifndef PM_MIME_LIMITS_H
#define PM_MIME_LIMITS_H

#define PM__LINE_MAX   998 /* RFC 5322 2.1.1: must not */
#define PM__LINE_AIM   78  /* RFC 5322 2.1.1: should not */
#define PM__LINE_WORDS 76  /* RFC 2047 section 2: a line with encoded-words */
#define PM__LINE_QP    76  /* RFC 2045 6.7, a soft line break included */
#define PM__WORD_MAX   75  /* RFC 2047 section 2: one encoded-word */

#endif
