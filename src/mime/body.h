/* SPDX-License-Identifier: MIT */
/* The three body encodings and the base64 of attachments. */
#ifndef PM_MIME_BODY_H
#define PM_MIME_BODY_H

#include "base/text.h"
#include "postmodem/mime.h"

/* Room that each call below needs to make progress. */
#define PM__BODY_ROOM 192

/* Forgets the text before; `size` bytes will be fed. */
void pm__body_begin(struct pm_mime *mime, uint64_t size);

/*
 * Encodes bytes of the feed while there is room. Line ends become CRLF (SD55). False when the
 * text is not what its scan said: nothing that RFC 5321 forbids may leave as 7bit.
 */
bool pm__body_write(struct pm_mime *mime, struct pm__text *out);

/* After the last byte: what was held back. The text ends where it ends, or, as base64, with
 * a line end. */
void pm__body_finish(struct pm_mime *mime, struct pm__text *out);

/* Attachment bytes, base64 straight from the feed to the output. */
void pm__data_write(struct pm_mime *mime, struct pm__text *out);

#endif
