/* SPDX-License-Identifier: MIT */
/*
 * The one writer of header fields. Whatever text comes in, CR and LF leave only as
 * the writer's own line ends and folds.
 *
 * A text (subject, display name, file name) leaves in pieces of bounded size, so that it
 * may be of any length: pm__header_unstructured() or pm__header_phrase() prepares it,
 * pm__header_piece() writes one piece.
 */
#ifndef PM_MIME_HEADER_H
#define PM_MIME_HEADER_H

#include "base/text.h"
#include "postmodem/mime.h"

/* Output and the place in its present line. */
struct pm__header {
    struct pm__text *out;
    size_t *column; /* characters since the last line end */
};

enum pm__text_form {
    PM__FORM_PLAIN,    /* as it is, folded at blanks */
    PM__FORM_QUOTED,   /* a quoted-string in one piece */
    PM__FORM_WORDS,    /* RFC 2047 encoded-words */
    PM__FORM_PARAMETER /* RFC 2231 extended parameter values (parameter.c) */
};

/* `name`, ": ". */
void pm__header_begin(struct pm__header header, const char *name);
/* Trusted ASCII without line ends. */
void pm__header_add(struct pm__header header, const char *text);
/* A blank, for a token of `len` characters that follows: on a new line when this one gets too
 * long (76 characters, as there may be encoded-words on it). */
void pm__header_fold_for(struct pm__header header, size_t len);
void pm__header_fold(struct pm__header header);
void pm__header_end(struct pm__header header);
/* An address that pm_address_valid() accepted. */
void pm__header_address(struct pm__header header, struct pm_slice address);

/* Text where RFC 5322 allows "unstructured": plain when it can be, else encoded-words. */
void pm__header_unstructured(struct pm_mime_text *text, struct pm_slice value,
                             struct pm_mime_label label);
/* Text where a phrase or a parameter value stands: a quoted-string when it is short and
 * ASCII, else encoded-words. */
void pm__header_phrase(struct pm_mime_text *text, struct pm_slice value,
                       struct pm_mime_label label);
/* True when `value` can stand as a quoted-string of at most `limit` characters. */
bool pm__header_can_quote(struct pm_slice value, size_t limit);
void pm__header_quoted(struct pm__header header, struct pm_slice value);

/* Writes the next piece, at most PM__LINE_AIM + 3 bytes; false when there is none left. */
bool pm__header_piece(struct pm__header header, struct pm_mime_text *text);

#endif
