/* SPDX-License-Identifier: MIT */
/*
 * The SMTP client session (RFC 5321) for one mail after the other. Sans I/O: the owner feeds what
 * the server sends, asks for events until there are none, and sends what
 * pm_smtp_output() gives. Connecting, TLS and HMAC are the owner's work, asked for
 * by events. The engine never calls anybody and has no clock.
 *
 * Order of a mail: banner, EHLO (HELO when refused), [STARTTLS, EHLO], [AUTH], MAIL,
 * RCPT..., DATA, body, final dot, QUIT. PIPELINING groups what RFC 2920 allows. With CHUNKING
 * (RFC 3030) one BDAT LAST stands for DATA and dot; it goes in the group when the message is no
 * larger than PM_SMTP_GROUP_SIZE and no refused recipient has to stop it (SD35, SD75). With `keep`
 * the connection stays open instead of QUIT, and the next mail begins with MAIL: pm_smtp_again().
 *
 * How sessions end (error, code; SD31-SD35, SD52, SD54, SD60). A negative reply that was read
 * decides, also when the connection is lost right after it.
 *
 *   delivered                                     0,0
 *   AUTH offered, no mechanism in common          655,0
 *   peer closed                                   656,last negative reply code, or 0 when there
 *                                                 was none or the message was given whole
 *   peer silent beyond the time of RFC 5321       658,0
 *   not a reply, or a reply out of place          660,0
 *   a command larger than PM_SMTP_OUT_SIZE        662,0
 *   an address, name or secret that cannot be sent  664,0
 *   STARTTLS not offered, bytes after its 220, connection lost in the handshake  665,0
 *   STARTTLS refused                              665,code
 *   432, 454, 534, 538 in AUTH                    677,code
 *   SCRAM broken by the server, no token to be had  677,0
 *   message larger than the server's SIZE         680,0
 *   REQUIRETLS not offered, or no TLS             665,0
 *   SMTPUTF8 needed and not offered               681,0
 *   any other negative reply                      pm_mail_error_of_reply(code),code
 *
 * Refused recipients (SD35): by default the first one fails the mail, after the replies of the
 * whole group are read; with `any_recipient` only all of them do. Should the server say 354
 * although the mail has failed, a lone dot goes out when nobody was accepted (RFC 2920 3.1),
 * else the connection is to be dropped, as a dot would deliver an empty mail.
 *
 * AUTH is tried when a user name is set and the server offers AUTH, the mechanisms in the order of
 * enum pm_smtp_mechanism; in clear those that do not show the password go first, and with
 * PM_SMTP_CLEAR_AUTH_NEVER alone. 504, 534 and 538 lead to the next mechanism, any refusal of
 * EXTERNAL does, and a token refused with 535 is renewed once; any other refusal ends the session.
 * So does a server that breaks SCRAM: wrong nonce, less than 4096 or too many iterations, no proof
 * that it knows the password (677,0).
 */
#ifndef POSTMODEM_SMTP_H
#define POSTMODEM_SMTP_H

#include "postmodem/config.h"
#include "postmodem/error.h"
#include "postmodem/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* AUTH mechanisms as bits, the first to be tried first. */
enum pm_smtp_mechanism {
    PM_SMTP_EXTERNAL = 1,           /* RFC 4422: the client's certificate; under TLS alone */
    PM_SMTP_SCRAM_SHA_256_PLUS = 2, /* RFC 7677 with tls-exporter (RFC 9266); under TLS alone */
    PM_SMTP_SCRAM_SHA_256 = 4,      /* RFC 7677 */
    PM_SMTP_OAUTHBEARER = 8,        /* RFC 7628; under TLS alone */
    PM_SMTP_XOAUTH2 = 16,           /* its forerunner; under TLS alone */
    PM_SMTP_PLAIN = 32,             /* RFC 4616 */
    PM_SMTP_LOGIN = 64,             /* never standardised, spoken everywhere */
    PM_SMTP_CRAM_MD5 = 128          /* RFC 2195 */
};

/* The bit of a mechanism's name, in any case; 0: unknown. */
uint8_t pm_smtp_mechanism(struct pm_slice name);

/* When AUTH PLAIN and LOGIN may go over a connection without TLS (SD59). */
enum pm_smtp_clear_auth { PM_SMTP_CLEAR_AUTH_ALLOW, PM_SMTP_CLEAR_AUTH_NEVER };

/* What a server shall tell the sender about the mail by mail (RFC 3461), as bits. */
enum pm_smtp_notify {
    PM_SMTP_NOTIFY_NEVER = 1, /* only without the others */
    PM_SMTP_NOTIFY_SUCCESS = 2,
    PM_SMTP_NOTIFY_FAILURE = 4,
    PM_SMTP_NOTIFY_DELAY = 8
};

/* What a mail asks for and its server does not offer, as bits. */
enum pm_smtp_lack {
    PM_SMTP_LACKS_UTF8 = 1,        /* SMTPUTF8 with 8BITMIME (RFC 6531) */
    PM_SMTP_LACKS_REQUIRE_TLS = 2, /* REQUIRETLS under TLS (RFC 8689) */
    PM_SMTP_LACKS_DSN = 4,         /* the mail goes without */
    PM_SMTP_LACKS_STARTTLS = 8     /* which `starttls` wants: the mail fails */
};

/* An enhanced status code (RFC 3463), "5.1.1"; class_digit 0: none was given. */
struct pm_smtp_status {
    uint8_t class_digit;
    uint16_t subject, detail;
};

struct pm_smtp_config {
    struct pm_slice ehlo_name; /* domain or address literal, 1-255 bytes */
    struct pm_slice username;  /* empty: no AUTH (SD52) but EXTERNAL; no NUL */
    struct pm_slice password;  /* no NUL; base64 of both must fit PM_SMTP_OUT_SIZE */
    struct pm_slice sender;    /* reverse-path, without angle brackets; empty: <> */
    uint16_t recipients;       /* number of them, 1 or more */
    uint64_t message_size;     /* octets incl. CRLF, before dot-stuffing (RFC 1870), exactly: BDAT
                                * announces them; 0: not known, and BDAT is not used */
    bool starttls;             /* upgrade before anything else; never go on in clear (SD34) */
    bool tls;                  /* the connection is TLS from the start */
    bool any_recipient;        /* recipients = any (SD35) */
    /* An address of the mail is not ASCII: it needs SMTPUTF8, which is not asked for otherwise. */
    bool international;
    /* How many recipients can be had without: with any_recipient these alone are asked for where
     * the server does not offer it. 0 (always for a sender that is not ASCII): the mail fails. */
    uint16_t ascii_recipients;
    bool require_tls; /* REQUIRETLS; that the certificate is verified is the owner's care */
    uint8_t notify;   /* bits of enum pm_smtp_notify that go together; 0: nothing is said of it */
    struct pm_slice
        envelope_id; /* goes with notify; at most 100 characters as xtext, may be empty */
    bool body_8bit;  /* asks for BODY=8BITMIME where offered (the composer needs it never) */
    enum pm_smtp_clear_auth clear_auth;
    uint8_t forbidden;  /* mechanisms that are never used, bits of enum pm_smtp_mechanism */
    bool external;      /* a client certificate goes with TLS: EXTERNAL may be used */
    bool keep;          /* no QUIT after the mail where another one may follow */
    bool no_pipelining; /* lock step, whatever the server offers */
    bool no_chunking;   /* DATA, whatever the server offers */
    bool token;         /* there are bearer tokens: the password is then never used */
};

#define PM_SMTP_RANDOM_SIZE 15

/* What PM_SMTP_EV_CRYPTO asks for. */
enum pm_smtp_crypto {
    PM_SMTP_HMAC_MD5,    /* of `data` under `key`: 16 bytes */
    PM_SMTP_HMAC_SHA256, /* likewise: 32 bytes */
    PM_SMTP_SHA256,      /* of `data`: 32 bytes */
    PM_SMTP_PBKDF2,      /* with HMAC-SHA-256: password `key`, salt `data`, `count`; 32 bytes */
    PM_SMTP_RANDOM,      /* PM_SMTP_RANDOM_SIZE unpredictable bytes */
    PM_SMTP_BINDING      /* tls-exporter of the connection (RFC 9266): 32 bytes */
};

enum pm_smtp_event_kind {
    PM_SMTP_EV_NONE,
    PM_SMTP_EV_RECIPIENT, /* give recipient `index` with pm_smtp_recipient() */
    PM_SMTP_EV_STARTTLS,  /* the 220 has come: shake hands, then pm_smtp_secured() */
    PM_SMTP_EV_CRYPTO,    /* `crypto` of `key` and `data`: pm_smtp_crypto(), until when both stay
                           * valid, as long as the session gets no input */
    PM_SMTP_EV_TOKEN,     /* a bearer token: pm_smtp_token(); `index` 1: the one given last was
                           * refused */
    PM_SMTP_EV_BODY,      /* the server waits for the message, or will when the output has left:
                           * pm_smtp_body() */
    PM_SMTP_EV_SENT,      /* one command line goes to the output (for logs): `data` without line
                           * end, secrets redacted. The line leaves no earlier than this. */
    PM_SMTP_EV_REPLY,     /* one reply line came (for logs): `data` without line end, control bytes
                           * as '?'. AUTH challenges are redacted, and lines that repeat the
                           * password, the token or an AUTH answer, also in base64: the password
                           * in all replies to a mail, the token until PM_SMTP_EV_BODY, other
                           * answers in AUTH. Between two mails nothing is kept to compare with */
    PM_SMTP_EV_REFUSED, /* a recipient was refused: `index`, `code` (the reply line came before) */
    PM_SMTP_EV_DONE,    /* over: `error` (enum pm_mail_error), `code`; see `graceful`, `kept` */
    PM_SMTP_EV_LEAVE    /* the kept connection is over: close it; see `graceful` */
};

struct pm_smtp_event {
    enum pm_smtp_event_kind kind;
    struct pm_slice data; /* valid until the next call on the session */
    uint16_t index;
    uint16_t code;                /* SMTP reply code behind the error, or 0 */
    uint16_t error;               /* number of the result: 0, 651-682 */
    struct pm_smtp_status status; /* with `code`, and with error 0 that of the final reply */
    uint8_t crypto;               /* enum pm_smtp_crypto */
    uint32_t count;               /* iterations of PM_SMTP_PBKDF2 */
    struct pm_slice key;
    bool graceful;  /* QUIT is in the output and should leave before the connection closes; its
                     * reply need not be waited for. Else drop the connection as it is. */
    bool kept;      /* the connection stays open for pm_smtp_again(); RSET may be in the output */
    bool untouched; /* PM_SMTP_EV_DONE on a kept connection where the server has taken nothing of
                     * the mail: it refused RSET, answered MAIL with 421 or 530, or, without having
                     * had the whole message, left or said nothing for 30 s before it answered
                     * MAIL. The mail may go over a new one, and is not sent twice */
};

/* The session's state, owned by the caller; members are the engine's own business. */
#include "postmodem/smtp_state.h"

/*
 * Starts a session on a connection just opened at `now`. The slices of `config` must stay
 * valid and unchanged until PM_SMTP_EV_DONE or pm_smtp_wipe(). What could not stand in a
 * command (an address that pm_address_valid() refuses, or one beyond ASCII without
 * `international`; an EHLO name with anything but printable ASCII; an account with a NUL, or one
 * that does not fit PM_SMTP_OUT_SIZE; bits of `notify` that contradict each other; an `envelope_id`
 * too long; no recipient) ends the session at once with PM_MAIL_PARAMETER.
 */
void pm_smtp_init(struct pm_smtp *smtp, const struct pm_smtp_config *config, uint64_t now);

/*
 * Starts the next mail on a connection that PM_SMTP_EV_DONE has kept, with what the server
 * announced on it and as who logged in on it: the caller sees to it that server, TLS, EHLO name and
 * account are the same. False, and nothing changes, when the connection cannot be used any more.
 * Events are asked for until there are none before. `config` is as for pm_smtp_init(); between
 * two mails none of its slices is needed, and no secret is kept.
 */
bool pm_smtp_again(struct pm_smtp *smtp, const struct pm_smtp_config *config, uint64_t now);

/* Ends a kept connection: PM_SMTP_EV_LEAVE follows, with QUIT in the output where the server
 * listens. It also comes by itself, when the server speaks or closes between two mails. */
void pm_smtp_leave(struct pm_smtp *smtp, uint64_t now);

/* Forgets everything; secrets are overwritten. */
void pm_smtp_wipe(struct pm_smtp *smtp);

/*
 * Bytes from the server. All are taken; `data` must stay valid until pm_smtp_next_event()
 * has answered PM_SMTP_EV_NONE, since lines are read as their events are asked for; while
 * PM_SMTP_EV_STARTTLS, _CRYPTO or _TOKEN is unanswered, all is read within this call. What cannot
 * be part of a legal dialogue ends the session (SD60), as does a reply that no command which has
 * left (pm_smtp_output_ack()) is waiting for: a negative one with its code, any other with 660,0.
 */
void pm_smtp_input(struct pm_smtp *smtp, const uint8_t *data, size_t len, uint64_t now);

/* The next event; call until PM_SMTP_EV_NONE after every other call, and look at the output
 * then. PM_SMTP_EV_DONE comes exactly once for each mail. */
enum pm_smtp_event_kind pm_smtp_next_event(struct pm_smtp *smtp, struct pm_smtp_event *event,
                                           uint64_t now);

/* Command bytes for the server, valid until the next call. Returns their number. They leave
 * before message bytes, which go through pm_smtp_body(). `n` bytes of it have left, in order:
 * pm_smtp_output_ack(). */
size_t pm_smtp_output(const struct pm_smtp *smtp, const uint8_t **data);
void pm_smtp_output_ack(struct pm_smtp *smtp, size_t n, uint64_t now);

/* Answers to events; they are passed over when not asked for. An address is copied, one that
 * is not valid ends the session with PM_MAIL_PARAMETER. */
void pm_smtp_recipient(struct pm_smtp *smtp, struct pm_slice address);
void pm_smtp_secured(struct pm_smtp *smtp, uint64_t now); /* TLS is up: forget and EHLO again */
/* NULL: it cannot be done, and another mechanism may be tried. */
void pm_smtp_crypto(struct pm_smtp *smtp, const uint8_t *result, uint64_t now);
/* Valid until PM_SMTP_EV_BODY, the next PM_SMTP_EV_TOKEN or PM_SMTP_EV_DONE. Empty, or with bytes
 * that no token has: there is none, and the session ends. */
void pm_smtp_token(struct pm_smtp *smtp, struct pm_slice token, uint64_t now);

/*
 * Takes message bytes (lines end in CRLF) from `in` and makes of them in `out` what the server
 * gets: dot-stuffed for DATA (RFC 5321 4.5.2), as they are for BDAT. Returns the bytes written;
 * *used says how many of `in` were taken. To be called after PM_SMTP_EV_BODY and with an empty
 * output only, else nothing is taken. State carries over, so cuts may be anywhere. `out_size` >= 2;
 * `in` and `out` do not overlap. A bare CR or LF leaves as CRLF; a message must hold no NUL, which
 * some servers drop (CRLF NUL dot CRLF would become an end of data).
 */
size_t pm_smtp_body(struct pm_smtp *smtp, const uint8_t *in, size_t in_len, size_t *used,
                    uint8_t *out, size_t out_size);

/* Progress: the peer took bytes of the body at `now` (restarts the 3-minute block time). */
void pm_smtp_body_progress(struct pm_smtp *smtp, uint64_t now);

/* The message is complete and has left: the final dot goes to the output, after a line end
 * where the message had none; or the last octet of BDAT, which was kept back until now. A message
 * that is not as long as announced, or ends without CRLF, ends the session here with 660,0: the
 * server never gets that octet, and must not take the mail. */
void pm_smtp_body_end(struct pm_smtp *smtp, uint64_t now);

/* The peer closed or the connection failed (SD31, SD54). What came before still counts. */
void pm_smtp_closed(struct pm_smtp *smtp, uint64_t now);

/* RFC 5321 4.5.3.2 time-outs; the owner adds its own limit for the whole mail, for the TLS
 * handshake, for cryptography and tokens, where the answer is PM_NEVER. When input and the deadline
 * come together, all events are asked for before pm_smtp_tick(): what has come still counts. */
uint64_t pm_smtp_deadline(const struct pm_smtp *smtp);
void pm_smtp_tick(struct pm_smtp *smtp, uint64_t now);

/* Bits of enum pm_smtp_lack; from the first PM_SMTP_EV_RECIPIENT on, and when the session ended for
 * a lack. With PM_SMTP_LACKS_UTF8 PM_SMTP_EV_RECIPIENT counts ASCII recipients alone. */
uint8_t pm_smtp_lacks(const struct pm_smtp *smtp);

/* True when the server may have the whole message, but has not said what became of it: such a mail
 * may be delivered although it counts as failed, and must not be sent again without asking. */
bool pm_smtp_unknown(const struct pm_smtp *smtp);

/* True when the mail has failed although PM_SMTP_EV_DONE has yet to come, as after a refusal in a
 * group whose other replies are awaited: sets `error`, `code` and `status`, which are those that
 * PM_SMTP_EV_DONE would bring. Else nothing is set. For an owner whose own time runs out (SD54). */
bool pm_smtp_failed(const struct pm_smtp *smtp, struct pm_smtp_event *event);

/* True once the server has been ready for MAIL: what it says of this mail from then on is about the
 * mail. Before that it may not even have been a server. */
bool pm_smtp_begun(const struct pm_smtp *smtp);

/* A name of the present state for logs; static. */
const char *pm_smtp_state_name(const struct pm_smtp *smtp);

#ifdef __cplusplus
}
#endif

#endif
