/* SPDX-License-Identifier: MIT */
/*
 * The MIME composer: a pull reader that makes one RFC 5322 message with bounded memory.
 *
 * The owner calls pm_mime_read() with room for output. The composer fills it and says
 * what it needs next: an address, an attachment's name, bytes of the body or of an
 * attachment. It never opens a file and never calls anybody. The output is 7-bit with
 * lines ended by CRLF, at most 998 bytes each without the CRLF (RFC 5322 2.1.1), without dot-stuffing.
 */
#ifndef POSTMODEM_MIME_H
#define POSTMODEM_MIME_H

#include "postmodem/address.h"
#include "postmodem/config.h"
#include "postmodem/types.h"

/* How a body leaves; found by pm_mime_scan while it is typed (SD40, SD41, SD55). */
enum pm_mime_encoding { PM_MIME_7BIT, PM_MIME_QUOTED_PRINTABLE, PM_MIME_BASE64 };

/* What a body consists of, gathered piece by piece. Owned by the caller. */
struct pm_mime_scan {
    uint64_t bytes;
    uint32_t line;      /* bytes of the line so far, line ends not counted */
    uint32_t utf8;      /* state of the UTF-8 check */
    uint32_t dbcs;      /* state of the double-byte check */
    bool long_line;     /* a line over 998 bytes */
    bool eight_bit;     /* a byte >= 0x80 */
    bool control;       /* a control byte but TAB, CR, LF */
    bool bad_utf8;
    bool bad_dbcs;      /* does not fit the charset given */
    uint8_t charset;    /* enum pm_charset */
};

/* Starts scanning text in `charset`. */
void pm_mime_scan_init(struct pm_mime_scan *scan, enum pm_charset charset);
/* More bytes of the text; cuts may be anywhere. */
void pm_mime_scan_update(struct pm_mime_scan *scan, const uint8_t *data, size_t len);
/* True when all of the text fits its stated charset (SD40; an unfinished character does not). */
bool pm_mime_scan_fits(const struct pm_mime_scan *scan);

/* True when all of `text` fits `charset` (for subjects; same rule as the scan). */
bool pm_mime_text_fits(enum pm_charset charset, struct pm_slice text);

/* All slices stay valid and unchanged until the message is read. */
struct pm_mime_config {
    struct pm_slice sender_name;    /* may be empty */
    struct pm_slice sender_address;
    struct pm_slice subject;
    uint8_t subject_charset;        /* enum pm_charset */
    struct pm_slice message_id;     /* without angle brackets */
    struct pm_slice boundary;       /* 1-60 bytes of [0-9A-Za-z=_]; must be unpredictable */
    struct pm_slice fallback_charset; /* label for bytes of unknown charset, "windows-1252" */
    int64_t date_unix;              /* Date: header */
    int16_t date_offset_minutes;
    uint8_t body_charset;
    struct pm_mime_scan body;       /* of exactly the bytes that will be fed; bytes 0: empty body */
    uint16_t attachments;           /* number of them; 0: no multipart (SD43) */
};

enum pm_mime_need {
    PM_MIME_ROOM,       /* the output is full: come again */
    PM_MIME_NEED_TO,    /* the next To address, pm_mime_address(); empty slice: no more */
    PM_MIME_NEED_CC,    /* likewise for Cc */
    PM_MIME_NEED_PART,  /* the next attachment: pm_mime_part() */
    PM_MIME_NEED_BODY,  /* bytes of the body: pm_mime_feed() */
    PM_MIME_NEED_DATA,  /* bytes of the present attachment: pm_mime_feed() */
    PM_MIME_END,        /* the message is complete */
    PM_MIME_FAILED      /* what was fed breaks the promise: other length, bad address */
};

/* The composer's state, owned by the caller; members are the engine's own business. */
#include "postmodem/mime_state.h"

/* Starts a message; `config` is copied, its slices are not. */
void pm_mime_init(struct pm_mime *mime, const struct pm_mime_config *config);

/*
 * Writes up to `size` bytes (>= 1; large is fast) of the message to `out`, *written says how many.
 * Returns what is needed to go on. Bytes may have been written with any answer.
 */
enum pm_mime_need pm_mime_read(struct pm_mime *mime, uint8_t *out, size_t size, size_t *written);

/* Answers PM_MIME_NEED_TO / CC. Valid until the next need. Without angle brackets. */
void pm_mime_address(struct pm_mime *mime, struct pm_slice address);

/* Answers PM_MIME_NEED_PART: the file name as the recipient shall see it (the composer uses
 * the last path component, SD42), and the exact number of bytes that will be fed. `name` must stay
 * valid until the need for the next part or PM_MIME_END. */
void pm_mime_part(struct pm_mime *mime, struct pm_slice name, uint64_t size);

/* Answers PM_MIME_NEED_BODY / DATA: the next bytes, len >= 1. They must stay valid and unchanged until
 * pm_mime_read() asks for something again. The composer knows the total from config.body.bytes and
 * pm_mime_part(): it stops asking when it has them; feeding more makes it PM_MIME_FAILED. */
void pm_mime_feed(struct pm_mime *mime, const uint8_t *data, size_t len);

/*
 * The exact octets base64 needs for an attachment of `size` bytes: what pm_mime_read() writes between the
 * part's blank line and its next boundary line. For SIZE= (RFC 1870) run the composer once with every
 * attachment announced as size 0 (the size of a zero-byte part is 0 encoded octets) and add these.
 */
uint64_t pm_mime_attachment_octets(uint64_t size);

#endif
