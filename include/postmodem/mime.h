/* SPDX-License-Identifier: MIT */
/*
 * The MIME composer: a pull reader that makes one RFC 5322 message with bounded memory.
 *
 * The owner calls pm_mime_read() with room for output. The composer fills it and says
 * what it needs next: an address, an attachment's name, bytes of the body or of an
 * attachment. It never opens a file and never calls anybody. The message does not depend
 * on how the output and the fed bytes are cut.
 *
 * The output consists of lines ended by CRLF, at most 998 bytes each without the CRLF
 * (RFC 5322 2.1.1), the last one too, without dot-stuffing; a CR or LF never stands alone.
 * All bytes are 7-bit but for those of non-ASCII addresses, which RFC 6532 wants as raw UTF-8
 * (the owner sends such a mail with SMTPUTF8).
 *
 * Structure: From, To, Cc, Subject, Date, Message-ID, MIME-Version (SD38), then the
 * body as text/plain; with attachments a multipart/mixed whose first part is the body (SD43).
 * A mail with blind recipients alone has "To: undisclosed-recipients:;".
 */
#ifndef POSTMODEM_MIME_H
#define POSTMODEM_MIME_H

#include "postmodem/address.h"
#include "postmodem/config.h"
#include "postmodem/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a body leaves; found by pm_mime_scan while it is typed (SD40, SD41, SD55). */
enum pm_mime_encoding { PM_MIME_7BIT, PM_MIME_QUOTED_PRINTABLE, PM_MIME_BASE64 };

/* What a body consists of, gathered piece by piece. Owned by the caller. */
struct pm_mime_scan {
    uint64_t bytes;
    uint32_t line;  /* bytes of the line so far, line ends not counted */
    uint32_t utf8;  /* state of the UTF-8 check */
    uint32_t dbcs;  /* state of the double-byte check */
    bool long_line; /* a line over 998 bytes */
    bool eight_bit; /* a byte >= 0x80 */
    bool control;   /* a control byte but TAB, CR, LF */
    bool bad_utf8;
    bool bad_dbcs;   /* does not fit the charset given */
    uint8_t charset; /* enum pm_charset */
};

/* Starts scanning text in `charset`. */
void pm_mime_scan_init(struct pm_mime_scan *scan, enum pm_charset charset);
/* More bytes of the text; cuts may be anywhere. */
void pm_mime_scan_update(struct pm_mime_scan *scan, const uint8_t *data, size_t len);
/* True when all of the text fits its stated charset (SD40; an unfinished character does not). */
bool pm_mime_scan_fits(const struct pm_mime_scan *scan);

/* The encoding that a body scanned so far takes: 7bit when it is ASCII with lines of at most
 * 998 bytes; base64 for GB2312 and BIG5 and for other control bytes than TAB, CR, LF; else
 * quoted-printable. */
enum pm_mime_encoding pm_mime_scan_encoding(const struct pm_mime_scan *scan);

/* True when all of `text` fits `charset` (for subjects; same rule as the scan). */
bool pm_mime_text_fits(enum pm_charset charset, struct pm_slice text);

/* True when `name` may label a text: 1-40 letters, digits and "-_.+" (for `fallback_charset`). */
bool pm_mime_charset_name_valid(struct pm_slice name);

/*
 * What a message is made of. All slices stay valid and unchanged until the message is read.
 *
 * Texts are labelled by SD40: with the stated charset when they fit it, else utf-8 when they
 * are valid UTF-8, else the stated charset when that is one of 1-3, else `fallback_charset`.
 * Names of people and files are utf-8 when valid, else as text of the subject's charset.
 * Control characters in a subject or display name become blanks, in a file name "_".
 */
struct pm_mime_config {
    struct pm_slice sender_name;    /* may be empty */
    struct pm_slice sender_address; /* pm_address_valid(), else PM_MIME_FAILED */
    struct pm_slice subject;        /* any bytes, any length; may be empty */
    uint8_t subject_charset;        /* enum pm_charset */
    struct pm_slice message_id;     /* without angle brackets, 1-320 bytes, printable ASCII */
    /* 1-60 bytes of [0-9A-Za-z=_]. It must be unpredictable (20 random characters or more): that
     * is what keeps a body from containing it. Not looked at without attachments. */
    struct pm_slice boundary;
    struct pm_slice fallback_charset; /* a valid name; empty: "windows-1252" */
    int64_t date_unix;                /* Date: seconds since 1970, UTC */
    int16_t date_offset_minutes;      /* the zone it is shown in, -840 to 840 */
    uint8_t body_charset;     /* enum pm_charset of an empty body; else body.charset counts */
    struct pm_mime_scan body; /* of exactly the bytes that will be fed; bytes 0: empty body */
    uint16_t attachments;     /* number of them; 0: no multipart (SD43) */
};

enum pm_mime_need {
    PM_MIME_ROOM,      /* the output is full: come again */
    PM_MIME_NEED_TO,   /* the next To address: pm_mime_address() */
    PM_MIME_NEED_CC,   /* likewise for Cc */
    PM_MIME_NEED_PART, /* the next attachment: pm_mime_part() */
    PM_MIME_NEED_BODY, /* bytes of the body: pm_mime_feed() */
    PM_MIME_NEED_DATA, /* bytes of the present attachment: pm_mime_feed() */
    PM_MIME_END,       /* the message is complete */
    PM_MIME_FAILED     /* the configuration or an answer breaks its promise */
};

/* The composer's state, owned by the caller; members are the engine's own business. */
#include "postmodem/mime_state.h"

/* Starts a message; `config` is copied, its slices are not. Whatever in `config` breaks its
 * description above makes the first pm_mime_read() answer PM_MIME_FAILED. */
void pm_mime_init(struct pm_mime *mime, const struct pm_mime_config *config);

/*
 * Writes up to `size` bytes (>= 1; fast from 4 KiB on) of the message to `out`, *written says how
 * many. Returns what is needed to go on. Bytes may have been written with any answer.
 * PM_MIME_END and PM_MIME_FAILED repeat when called again.
 */
enum pm_mime_need pm_mime_read(struct pm_mime *mime, uint8_t *out, size_t size, size_t *written);

/*
 * The answers below are for the need that pm_mime_read() returned last; one that was not asked for
 * makes the message PM_MIME_FAILED.
 */

/* Answers PM_MIME_NEED_TO and PM_MIME_NEED_CC with an address without angle brackets; empty: no
 * more. The bytes stay valid until the next need. One that is not pm_address_valid() fails the
 * message. */
void pm_mime_address(struct pm_mime *mime, struct pm_slice address);

/*
 * Answers PM_MIME_NEED_PART: the file name as the recipient shall see it, and the exact number of
 * bytes that will be fed. The composer uses the last path component without its storage prefix
 * (SD42): in ASCII as a quoted-string, else by RFC 2231, and as encoded-words in the parameter
 * "name" for old readers; its suffix makes the content type. `name` stays valid until the need for
 * the next part or PM_MIME_END.
 */
void pm_mime_part(struct pm_mime *mime, struct pm_slice name, uint64_t size);

/*
 * Answers PM_MIME_NEED_BODY and PM_MIME_NEED_DATA with the next bytes. They stay valid and
 * unchanged until pm_mime_read() asks for something again. The composer knows the total from
 * config.body.bytes and pm_mime_part(): it stops asking when it has them. Feeding more, or `len` 0
 * (there are no more bytes, although they were promised), fails the message; so does a body that
 * its scan did not see. In a body CRLF, CR and LF each are one line end (SD55). A body that ends
 * without one is given one where the message must end in CRLF (7bit and quoted-printable without
 * attachments).
 */
void pm_mime_feed(struct pm_mime *mime, const uint8_t *data, size_t len);

/*
 * The exact octets base64 needs for an attachment of `size` bytes: what pm_mime_read() writes
 * between the part's blank line and its next boundary line. For SIZE= (RFC 1870) run the composer
 * once with every attachment announced as size 0 (the size of a zero-byte part is 0 encoded octets)
 * and add these.
 */
uint64_t pm_mime_attachment_octets(uint64_t size);

#ifdef __cplusplus
}
#endif

#endif
