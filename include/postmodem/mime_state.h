/* SPDX-License-Identifier: MIT */
/* The composer's state, for owners to allocate. Included by mime.h; nobody else looks inside. */
#ifndef POSTMODEM_MIME_STATE_H
#define POSTMODEM_MIME_STATE_H

#ifndef POSTMODEM_MIME_H
#error "include postmodem/mime.h"
#endif

/* The largest piece written at once is an address line or the head of a multipart. */
#if PM_MIME_TEXT_SIZE < 512
#error "PM_MIME_TEXT_SIZE must be at least 512"
#endif

/* Input bytes of one base64 line. */
#define PM_MIME_LINE_IN 57

/* A charset label, and how its characters are found in bytes. */
struct pm_mime_label {
    struct pm_slice name;
    uint8_t charset; /* enum pm_charset; PM_CHARSET_ASCII: every byte is a character */
};

/* A header text on its way out, piece by piece. */
struct pm_mime_text {
    struct pm_slice rest; /* not yet written */
    struct pm_mime_label label;
    uint8_t form;    /* enum pm__text_form */
    uint8_t control; /* what control characters become in encoded-words */
    uint32_t pieces; /* written so far */
};

struct pm_mime {
    struct pm_mime_config config;
    uint8_t step;     /* enum step of mime.c */
    uint8_t waiting;  /* enum pm_mime_need that the owner has to answer */
    uint8_t encoding; /* enum pm_mime_encoding of the body */
    bool answered;
    uint16_t parts;  /* attachments begun */
    uint16_t listed; /* addresses in the present field */
    bool any_recipient;

    size_t column;          /* characters in the present line */
    struct pm_slice answer; /* address or file name, the owner's */
    struct pm_mime_label body_label;
    struct pm_mime_text text;

    struct pm_slice feed; /* the owner's bytes, not yet taken */
    uint64_t remaining;   /* bytes of the body or part not yet taken */
    bool after_cr;        /* the last byte taken was CR: an LF belongs to it */
    uint8_t blank;        /* QP: space or TAB that may turn out to end its line; 0: none */
    uint8_t held_len;
    uint8_t held[PM_MIME_LINE_IN]; /* base64 line that is not full yet */

    /* Output that was made when the owner had too little room for a whole piece. */
    size_t stage_len;
    size_t stage_pos;
    uint8_t stage[PM_MIME_TEXT_SIZE];
};

#endif
