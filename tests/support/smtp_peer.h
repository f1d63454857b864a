/* SPDX-License-Identifier: MIT */
/*
 * A scripted SMTP server for the session engine: plays a dialogue with its bytes in one piece,
 * one by one and cut in two at every position, and demands the same of each run.
 */
#ifndef PM_TEST_SMTP_PEER_H
#define PM_TEST_SMTP_PEER_H

#include "postmodem/smtp.h"

/* What the owner of the session brings along. */
struct smtp_setup {
    struct pm_smtp_config config;
    const char *const *recipients; /* config.recipients of them */
    const char *body;
    bool hold_body; /* keeps the body back until a step "B" */
    bool hold_tls;  /* never says that TLS is up */
    bool hold_auth; /* never answers what AUTH asks for */
    /* Fills in `result`, or answers false: it cannot. NULL: the HMAC-MD5 of RFC 2195's example,
     * zeros for anything else. */
    bool (*crypto)(const struct pm_smtp_event *event, uint8_t result[32]);
    const char *tokens[2]; /* the first, and what comes after a refusal; NULL: none */
};

/*
 * A script is a list of steps, ended by NULL:
 *   "S<bytes>"  the server sends
 *   "C<bytes>"  the client must have sent exactly this since the last "C"
 *   "B"         the owner sends the body that was held back
 *   "X"         the connection is lost
 *   "T"         nothing happens until the engine's deadline passes
 *   "A"         the next mail begins on the kept connection
 *   "L"         the owner leaves the kept connection
 * "<TLS>" stands in the client's bytes where the handshake was asked for.
 */
typedef const char *smtp_script;

/* How a run is cut. */
struct smtp_cut {
    size_t piece;    /* bytes per input; 0: as the script says */
    size_t at;       /* cuts the server's byte stream here as well; 0: not */
    size_t ack;      /* bytes that leave at a time; 0: all */
    size_t out_size; /* buffer of pm_smtp_body() */
};

enum { SMTP_LOG_SIZE = 1 << 18, SMTP_SENT_SIZE = 1 << 18 };

/* One run, open for looks between the steps. */
struct smtp_peer {
    struct pm_smtp smtp;
    const struct smtp_setup *setup;
    struct smtp_cut cut;
    uint64_t now;
    size_t received; /* bytes the server has sent */
    size_t log_len;
    size_t sent_len;
    size_t checked; /* bytes of `sent` that a step has compared */
    unsigned done;  /* times PM_SMTP_EV_DONE came */
    unsigned again; /* mails after the first one */
    unsigned left;  /* times PM_SMTP_EV_LEAVE came */
    unsigned asked; /* events that the owner must act upon */
    bool body_due;
    struct pm_smtp_event result;
    char log[SMTP_LOG_SIZE]; /* every event, one per line */
    char sent[SMTP_SENT_SIZE];
};

/* Clear, no user, one recipient, a short body; text that the scripts may rely on:
 * EHLO name me.example, sender from@example.com, recipients r0@example.net... */
void smtp_setup_default(struct smtp_setup *setup);
/* The same with user "tim" and password "tanstaaftanstaaf", in clear or under TLS. */
void smtp_setup_auth(struct smtp_setup *setup, bool tls);
struct pm_slice smtp_text(const char *text);

/* One run by hand. */
void smtp_peer_start(struct smtp_peer *peer, const struct smtp_setup *setup, struct smtp_cut cut);
void smtp_peer_step(struct smtp_peer *peer, const char *step);
void smtp_peer_steps(struct smtp_peer *peer, const smtp_script *script);
void smtp_peer_feed(struct smtp_peer *peer, const void *bytes, size_t len);
bool smtp_peer_logged(const struct smtp_peer *peer, const char *text);

/* Plays the script with every cut. Each run must end once with this result and leave the
 * same events and the same bytes; QUIT is expected when `graceful`. */
void smtp_play(const struct smtp_setup *setup, const smtp_script *script, uint16_t error,
               uint16_t code, bool graceful);

#define SMTP_PLAY(setup, error, code, graceful, ...)              \
    do {                                                          \
        static const smtp_script script_[] = {__VA_ARGS__, NULL}; \
        smtp_play((setup), script_, (error), (code), (graceful)); \
    } while (0)

/* Steps of a lock-step dialogue with the default setup. */
#define SMTP_BANNER    "S220 mx.example ESMTP\r\n", "CEHLO me.example\r\n"
#define SMTP_GREETING  SMTP_BANNER, "S250 mx.example\r\n"
#define SMTP_MAIL      "CMAIL FROM:<from@example.com>\r\n"
#define SMTP_RCPT      "S250 sender ok\r\n", "CRCPT TO:<r0@example.net>\r\n"
#define SMTP_DATA      "S250 recipient ok\r\n", "CDATA\r\n"
#define SMTP_BODY      "S354 go ahead\r\n", "CSubject: x\r\n\r\nhello\r\n.\r\n"
#define SMTP_DELIVERED "S250 queued\r\n"
#define SMTP_REST      SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_BODY, SMTP_DELIVERED

/* Server steps of a script: its round trips, after the one that opens the connection. */
unsigned smtp_trips(const smtp_script *script);

#endif
