/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4, RFC 2045 section 6.8). */
#ifndef PM_BASE_BASE64_H
#define PM_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One full line: 57 bytes become 76 characters and CRLF. */
#define PM__BASE64_LINE_IN  57
#define PM__BASE64_LINE_OUT 78

/* Characters that `n` bytes make, padding included. */
#define PM__BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Encodes without line breaks and without a final NUL. `out` holds PM__BASE64_SIZE(n)
 * bytes and does not overlap `in`. Returns the bytes written. */
size_t pm__base64_encode(uint8_t *out, const uint8_t *in, size_t n);

/*
 * Encodes in lines of 76 characters, each ended by CRLF, the last one too. A text that is
 * encoded in several calls must be cut at multiples of PM__BASE64_LINE_IN. `out` holds
 * pm__base64_lines_size(n) bytes and does not overlap `in`. Returns the bytes written.
 */
size_t pm__base64_lines(uint8_t *out, const uint8_t *in, size_t n);
uint64_t pm__base64_lines_size(uint64_t n);

/*
 * Decodes strictly: only the alphabet, whole groups of four, padding at the end alone and
 * no stray bits under it. False when `in` is anything else or the result exceeds `cap`;
 * `out` may then hold a part. `out` may be `in` itself. Empty input is fine.
 */
bool pm__base64_decode(const uint8_t *in, size_t n, uint8_t *out, size_t cap, size_t *out_n);

/* True when some part of `in`, wherever it begins, is base64 of bytes that hold the `m` bytes of
 * `part`. Nothing is written, so that a secret can be looked for. */
bool pm__base64_holds(const uint8_t *in, size_t n, const uint8_t *part, size_t m);

#endif
