/* SPDX-License-Identifier: MIT */
/*
 * The state of one SMTP session: public only so that a caller can own it. Included by
 * postmodem/smtp.h; the members are the engine's own business and may change.
 */
#ifndef POSTMODEM_SMTP_STATE_H
#define POSTMODEM_SMTP_STATE_H

#ifndef POSTMODEM_SMTP_H
#error "include postmodem/smtp.h"
#endif

/* The reply being read (RFC 5321 section 4.2), one line of it at a time. */
struct pm_smtp_reply {
    uint8_t line[PM_SMTP_LINE_SIZE]; /* the present line, without its end */
    size_t len;
    uint16_t lines;               /* complete lines of this reply */
    uint16_t code;                /* of its first line; 0: none read yet */
    bool started;                 /* a byte of this reply has come */
    bool unasked;                 /* it began while no command waited for a reply */
    struct pm_smtp_status status; /* of the last line, when complete */
    bool line_done;               /* `line` is complete: the next byte starts another one */
};

/* What the server announced in its last EHLO reply. */
struct pm_smtp_capabilities {
    uint64_t size_limit; /* octets; 0: no limit */
    uint8_t mechanisms;  /* bits of the known AUTH mechanisms */
    bool auth;           /* AUTH was announced, with whatever mechanisms */
    bool size;           /* MAIL may say how large the message is (RFC 1870) */
    bool starttls;
    bool pipelining;
    bool eight_bit;
    bool utf8;
    bool dsn;
    bool require_tls;
    bool chunking;
};

/* Command lines on their way out: [head, logged) is what pm_smtp_output() shows and
 * [logged, tail) still waits for its PM_SMTP_EV_SENT. */
struct pm_smtp_out {
    uint8_t buf[PM_SMTP_OUT_SIZE];
    size_t head;
    size_t logged;
    size_t tail;
    const char *redacted; /* stands in the log for the secret line in the buffer, or NULL */
    size_t encoded;       /* bytes of a long AUTH message that were put into the buffer so far */
    bool more;            /* the rest of that message follows when the buffer is empty */
    bool overflow;        /* a command did not fit: the session fails */
};

/* SCRAM (RFC 5802). The AuthMessage lies in `out.buf` while the proof is computed. */
struct pm_smtp_scram {
    uint8_t a[32]; /* the client's nonce, 20 characters; SaltedPassword; ServerSignature */
    uint8_t b[32]; /* ClientKey; ClientProof */
    uint8_t c[32]; /* the channel binding; StoredKey; ClientSignature; ServerKey */
    uint32_t iterations;
    uint16_t message;  /* length of the AuthMessage */
    uint16_t final_at; /* where its last part begins: the client-final-message */
    uint16_t salt;     /* length of the salt, which lies behind the AuthMessage */
    uint8_t step;      /* of the computation: enum step in scram.c */
    uint8_t flag;      /* gs2-cbind-flag: n, y or p */
};

/* How far the envelope (MAIL, RCPT..., DATA) has come. */
struct pm_smtp_envelope {
    bool begun;        /* the server listens to MAIL: the greeting and AUTH are over */
    uint16_t asked;    /* RCPT commands built so far */
    uint16_t answered; /* RCPT replies so far */
    uint16_t accepted; /* of these the positive ones */
    bool mail_ok;      /* MAIL was accepted */
    bool data_sent;    /* DATA or BDAT is in the output or has left */
    bool asking;       /* PM_SMTP_EV_RECIPIENT waits for pm_smtp_recipient() */
};

/* The message on its way, by DATA or BDAT. */
struct pm_smtp_message {
    uint64_t left; /* BDAT: octets that have not been given out */
    uint8_t stage; /* enum pm__smtp_stage */
    uint8_t line;  /* enum pm__smtp_body_line */
    bool bdat;
    bool announced; /* the BDAT command has left */
};

struct pm_smtp {
    struct pm_smtp_config config;
    struct pm_smtp_capabilities capabilities;
    struct pm_smtp_envelope envelope;
    struct pm_smtp_reply reply;
    struct pm_smtp_out out;
    struct pm_smtp_message message;
    const uint8_t *in; /* input not yet read; the caller's */
    size_t in_len;
    uint64_t since; /* when the present wait began */
    union {
        size_t challenge; /* CRAM-MD5: length of the decoded challenge in `out.buf` */
        struct pm_smtp_scram scram;
        struct pm_slice token; /* OAUTHBEARER, XOAUTH2 */
    } auth;
    int32_t awaited;     /* replies due for the command lines that have left */
    uint16_t error;      /* the verdict: the first failure, or 0 */
    uint16_t error_code; /* reply code behind it */
    uint16_t negative;   /* last negative reply code, or 0 (SD31) */
    uint16_t refused;    /* first refused RCPT: its reply code, or 0 */
    struct pm_smtp_status status, negative_status, refused_status; /* of error_code and so on */
    uint8_t lacks;                                                 /* bits of enum pm_smtp_lack */
    uint8_t state;                                                 /* enum pm__smtp_state */
    uint8_t tried;     /* AUTH mechanisms that were tried, as bits */
    uint8_t mechanism; /* the present one: its row in auth.c */
    uint8_t asked;     /* what the owner was asked for in AUTH: enum pm__smtp_asked */
    bool renewed;      /* a refused token has been renewed */
    bool secured;      /* TLS came by STARTTLS */
    bool closed;       /* the peer is gone; what it sent before still counts */
    bool event_due;    /* the state's own event has not been told yet */
    bool refused_due;  /* PM_SMTP_EV_REFUSED has not been told yet */
    bool graceful;
    bool told;       /* PM_SMTP_EV_DONE of the mail has been given */
    bool fresh;      /* a mail on a kept connection that the server has not answered yet */
    bool untouched;  /* it ended so */
    bool logged_out; /* its MAIL was refused because the login is no longer good (SD94) */
};

#endif
