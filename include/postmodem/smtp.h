/* SPDX-License-Identifier: MIT */
/*
 * The SMTP client session (RFC 5321) for one mail. Sans I/O: the owner feeds what
 * the server sends, asks for events until there are none, and sends what
 * pm_smtp_output() gives. Connecting, TLS and HMAC are the owner's work, asked for
 * by events. The engine never calls anybody and has no clock.
 *
 * Order of a mail: banner, EHLO (HELO when refused), [STARTTLS, EHLO], [AUTH], MAIL,
 * RCPT..., DATA, body, final dot, QUIT. PIPELINING groups what RFC 2920 allows.
 */
#ifndef POSTMODEM_SMTP_H
#define POSTMODEM_SMTP_H

#include "postmodem/config.h"
#include "postmodem/error.h"
#include "postmodem/types.h"

/* When AUTH PLAIN and LOGIN may go over a connection without TLS (SD59). */
enum pm_smtp_clear_auth { PM_SMTP_CLEAR_AUTH_ALLOW, PM_SMTP_CLEAR_AUTH_NEVER };

struct pm_smtp_config {
    struct pm_slice ehlo_name; /* domain or address literal */
    struct pm_slice username;  /* empty: no AUTH (SD52) */
    struct pm_slice password;
    struct pm_slice sender;    /* reverse-path, without angle brackets */
    uint16_t recipients;       /* number of them, 1 or more */
    uint64_t message_size;     /* octets incl. CRLF, before dot-stuffing; 0: not known (RFC 1870) */
    bool starttls;             /* upgrade before anything else; never go on in clear (SD34) */
    bool tls;                  /* the connection is TLS from the start */
    bool any_recipient;        /* recipients = any (SD35) */
    bool body_8bit;            /* the message holds 8-bit bytes (the composer never makes them) */
    enum pm_smtp_clear_auth clear_auth;
};

enum pm_smtp_event_kind {
    PM_SMTP_EV_NONE,
    PM_SMTP_EV_RECIPIENT, /* give recipient `index` with pm_smtp_recipient() */
    PM_SMTP_EV_STARTTLS,  /* the 220 has come: shake hands, then pm_smtp_secured() */
    PM_SMTP_EV_HMAC,      /* HMAC-MD5 of `data` with the password: pm_smtp_hmac() */
    PM_SMTP_EV_BODY,      /* the server waits for the message: pm_smtp_body() */
    PM_SMTP_EV_SENT,      /* one command line left (for logs): `data`, secrets redacted */
    PM_SMTP_EV_REPLY,     /* one reply line came (for logs): `data`, AUTH challenges redacted */
    PM_SMTP_EV_REFUSED,   /* a recipient was refused: `index`, `code` (the reply line came before) */
    PM_SMTP_EV_DONE       /* over: `error` (enum pm_mail_error), `code`; see `graceful` */
};

struct pm_smtp_event {
    enum pm_smtp_event_kind kind;
    struct pm_slice data; /* valid until the next call on the session */
    uint16_t index;
    uint16_t code;  /* SMTP reply code behind the error, or 0 */
    uint16_t error; /* number of the result: 0, 651-682 */
    bool graceful;  /* QUIT is in the output and should leave before the connection closes */
};

/* The session's state, owned by the caller; members are the engine's own business. */
#include "postmodem/smtp_state.h"

/*
 * Starts a session on a connection just opened at `now`. The slices of `config` must stay
 * valid and unchanged until PM_SMTP_EV_DONE or pm_smtp_wipe(). An address or name with a
 * control byte makes the session end at once with PM_MAIL_PARAMETER.
 */
void pm_smtp_init(struct pm_smtp *smtp, const struct pm_smtp_config *config, uint64_t now);

/* Forgets everything; secrets are overwritten. */
void pm_smtp_wipe(struct pm_smtp *smtp);

/* Bytes from the server. All are taken; what cannot be part of a legal dialogue
 * ends the session (SD60). */
void pm_smtp_input(struct pm_smtp *smtp, const uint8_t *data, size_t len, uint64_t now);

/* The next event; call until PM_SMTP_EV_NONE after every other call. */
enum pm_smtp_event_kind pm_smtp_next_event(struct pm_smtp *smtp, struct pm_smtp_event *event,
                                           uint64_t now);

/* Command bytes for the server, valid until the next call. Returns their number. While
 * the body runs the output is empty: the body goes through pm_smtp_body(). */
size_t pm_smtp_output(const struct pm_smtp *smtp, const uint8_t **data);
void pm_smtp_output_ack(struct pm_smtp *smtp, size_t n, uint64_t now);

/* Answers to events. */
void pm_smtp_recipient(struct pm_smtp *smtp, struct pm_slice address); /* copied */
void pm_smtp_secured(struct pm_smtp *smtp, uint64_t now); /* TLS is up: forget and EHLO again */
void pm_smtp_hmac(struct pm_smtp *smtp, const uint8_t digest[16], uint64_t now);

/*
 * Dot-stuffs message bytes (lines end in CRLF) from `in` into `out` (RFC 5321 4.5.2).
 * Returns the bytes written; *used says how many of `in` were taken. To be called after
 * PM_SMTP_EV_BODY only. State carries over, so cuts may be anywhere. `out_size` >= 2.
 */
size_t pm_smtp_body(struct pm_smtp *smtp, const uint8_t *in, size_t in_len, size_t *used,
                    uint8_t *out, size_t out_size);

/* Progress: the peer took bytes of the body at `now` (restarts the 3-minute block time). */
void pm_smtp_body_progress(struct pm_smtp *smtp, uint64_t now);

/* The message is complete and has left: the final dot goes to the output. */
void pm_smtp_body_end(struct pm_smtp *smtp, uint64_t now);

/* The peer closed or the connection failed (SD31, SD54). */
void pm_smtp_closed(struct pm_smtp *smtp, uint64_t now);

/* RFC 5321 4.5.3.2 time-outs; the owner adds its own limit for the whole mail. */
uint64_t pm_smtp_deadline(const struct pm_smtp *smtp);
void pm_smtp_tick(struct pm_smtp *smtp, uint64_t now);

/* A name of the present state for logs; static. */
const char *pm_smtp_state_name(const struct pm_smtp *smtp);

#endif
