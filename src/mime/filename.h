/* SPDX-License-Identifier: MIT */
/* File names as a recipient sees them, and the content type that goes with them (SD42). */
#ifndef PM_MIME_FILENAME_H
#define PM_MIME_FILENAME_H

#include "mime/header.h"

/* The last path component without a storage prefix (UFS:, RAM:, SD:); "attachment" when
 * nothing is left that names a file. */
struct pm_slice pm__filename(struct pm_slice path);

/* "image/png" for "x.PNG"; "application/octet-stream" when the suffix says nothing. Static. */
const char *pm__content_type(struct pm_slice filename);

/*
 * Prepares `filename` as the value of the parameter "filename": a quoted-string when it is
 * ASCII and short, else RFC 2231 with the charset's name, in as many segments as it takes.
 */
void pm__parameter(struct pm_mime_text *text, struct pm_slice filename, struct pm_mime_label label);

/* Writes the next piece, each on a line of its own that fits; false when there is none left. */
bool pm__parameter_piece(struct pm__header header, struct pm_mime_text *text);

#endif
