/* SPDX-License-Identifier: MIT */
/* The states of a session, and what each class of reply does in each of them. */
#ifndef PM_SMTP_TRANSITIONS_H
#define PM_SMTP_TRANSITIONS_H

#include "postmodem/types.h"

/* Classes of a complete reply (RFC 5321 section 4.2.1). 421 may come at any time. */
enum pm__smtp_class {
    PM__SMTP_2YZ,
    PM__SMTP_3YZ,
    PM__SMTP_4YZ,
    PM__SMTP_5YZ,
    PM__SMTP_421,
    PM__SMTP_BAD, /* not a reply (SD60) */
    PM__SMTP_CLASSES
};

/*
 * X(state, name for logs, time-out in s (0: none), action for 2yz, 3yz, 4yz, 5yz, 421, BAD).
 *
 * A state is named after the command whose reply comes next. With PIPELINING commands run
 * ahead of it, but replies keep their order, so that one state is enough. The row of IDLE
 * also serves for replies that nobody asked for, but on a KEPT connection. The time-outs are those
 * of RFC 5321 4.5.3.2; the platform bounds the handshake, and in AUTH_OWNER the owner computes
 * something or gets a token. In BODY and CHUNK the message leaves (by BDAT it may begin to in
 * MAIL), in DOT and BDAT all of it was given.
 */
#define PM__SMTP_STATES(X)                                                                      \
    X(IDLE, "idle", 0, BAD, BAD, DROP, DROP, DROP, BAD)                                         \
    X(BANNER, "banner", 300, EHLO, BAD, REFUSE, REFUSE, REFUSE, BAD)                            \
    X(EHLO, "ehlo", 300, GREETED, BAD, REFUSE, HELO, REFUSE, BAD)                               \
    X(HELO, "helo", 300, GREETED, BAD, REFUSE, REFUSE, REFUSE, BAD)                             \
    X(STARTTLS, "starttls", 300, HANDSHAKE, NO_TLS, TLS_REFUSED, TLS_REFUSED, TLS_REFUSED, BAD) \
    X(HANDSHAKE, "handshake", 0, NO_TLS, NO_TLS, NO_TLS, NO_TLS, NO_TLS, NO_TLS)                \
    X(AUTH_INITIAL, "auth", 300, BAD, INITIAL, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)         \
    X(AUTH_LOGIN, "auth", 300, BAD, LOGIN, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)             \
    X(AUTH_PASSWORD, "auth", 300, BAD, PASSWORD, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)       \
    X(AUTH_CRAM, "auth", 300, BAD, CHALLENGE, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)          \
    X(AUTH_SCRAM, "auth", 300, UNPROVEN, SCRAM_FIRST, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)  \
    X(AUTH_PROOF, "auth", 300, UNPROVEN, SCRAM_FINAL, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)  \
    X(AUTH_TOKEN, "auth", 300, ENVELOPE, TOKEN_ERROR, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)  \
    X(AUTH_OWNER, "auth", 0, BAD, BAD, DROP, DROP, DROP, BAD)                                   \
    X(AUTH_RESULT, "auth", 300, ENVELOPE, BAD, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)         \
    X(AUTH_DENIED, "auth", 300, BAD, BAD, AUTH_REFUSED, AUTH_REFUSED, REFUSE, BAD)              \
    X(AUTH_CANCEL, "auth", 300, BAD, BAD, CANCELLED, CANCELLED, REFUSE, BAD)                    \
    X(MAIL, "mail", 300, MAIL_OK, BAD, MAIL_REFUSED, MAIL_REFUSED, REFUSE, BAD)                 \
    X(RCPT, "rcpt", 300, RCPT_OK, BAD, RCPT_REFUSED, RCPT_REFUSED, REFUSE, BAD)                 \
    X(DATA, "data", 120, BAD, DATA_GO, DATA_REFUSED, DATA_REFUSED, REFUSE, BAD)                 \
    X(BODY, "body", 180, BAD, BAD, DROP, DROP, DROP, BAD)                                       \
    X(DOT, "final dot", 600, DELIVERED, BAD, REFUSE, REFUSE, REFUSE, BAD)                       \
    X(CHUNK, "chunk", 180, BAD, BAD, DROP, DROP, DROP, BAD)                                     \
    X(BDAT, "bdat", 600, DELIVERED, BAD, REFUSE, REFUSE, REFUSE, BAD)                           \
    X(LONE_DOT, "lone dot", 600, REFUSE, REFUSE, REFUSE, REFUSE, REFUSE, BAD)                   \
    X(RESET, "rset", 300, RESET_OK, LEAVE, LEAVE, LEAVE, LEAVE, LEAVE)                          \
    X(RESET_MAIL, "rset", 300, ENVELOPE, BAD, REFUSE, REFUSE, REFUSE, BAD)                      \
    X(KEPT, "kept", 0, LEAVE, LEAVE, LEAVE, LEAVE, LEAVE, LEAVE)                                \
    X(DONE, "done", 0, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)

enum pm__smtp_state {
#define PM_X(state, name, seconds, r2, r3, r4, r5, r421, bad) PM__SMTP_##state,
    PM__SMTP_STATES(PM_X)
#undef PM_X
        PM__SMTP_STATE_COUNT
};

/* Each action sends a command (or asks the owner for something), finishes, or fails. */
#define PM__SMTP_ACTIONS(X)                                                     \
    X(NOTHING)      /* the session is over already */                           \
    X(EHLO)         /* sends EHLO */                                            \
    X(HELO)         /* sends HELO */                                            \
    X(GREETED)      /* sends STARTTLS, AUTH or MAIL, or fails without them */   \
    X(HANDSHAKE)    /* asks for TLS */                                          \
    X(NO_TLS)       /* fails: 665,0 */                                          \
    X(TLS_REFUSED)  /* fails: 665,code */                                       \
    X(INITIAL)      /* sends the mechanism's first message */                   \
    X(LOGIN)        /* sends the user name */                                   \
    X(PASSWORD)     /* sends the password */                                    \
    X(CHALLENGE)    /* asks for HMAC, or sends "*" */                           \
    X(SCRAM_FIRST)  /* asks for the proof's parts, or sends "*" */              \
    X(SCRAM_FINAL)  /* sends an empty line when the server has proven itself */ \
    X(UNPROVEN)     /* fails: 677,0; the connection is dropped */               \
    X(TOKEN_ERROR)  /* sends what the mechanism demands after an error */       \
    X(AUTH_REFUSED) /* sends the next mechanism's AUTH, or fails (SD52) */      \
    X(CANCELLED)    /* the same after "*" */                                    \
    X(ENVELOPE)     /* sends MAIL, or fails on SIZE */                          \
    X(MAIL_OK)      /* sends RCPT */                                            \
    X(MAIL_REFUSED) /* fails when the group's replies are read */               \
    X(RCPT_OK)      /* sends RCPT, DATA or BDAT; fails when one was refused */  \
    X(RCPT_REFUSED) /* by SD35 the same */                                      \
    X(DATA_GO)      /* asks for the body, sends a lone dot, or fails */         \
    X(DATA_REFUSED) /* fails */                                                 \
    X(DELIVERED)    /* finishes: 0,0 */                                         \
    X(RESET_OK)     /* the next mail may begin */                               \
    X(LEAVE)        /* the kept connection is of no use any more */             \
    X(REFUSE)       /* fails with the verdict or the code, and QUIT */          \
    X(DROP)         /* fails with the code; the connection is dropped */        \
    X(BAD)          /* fails: 660,0; the connection is dropped */

enum pm__smtp_action {
#define PM_X(action) PM__SMTP_DO_##action,
    PM__SMTP_ACTIONS(PM_X)
#undef PM_X
        PM__SMTP_ACTION_COUNT
};

/* What to do with a reply of class `reply` in `state`. */
enum pm__smtp_action pm__smtp_transition(enum pm__smtp_state state, enum pm__smtp_class reply);

/* The class of a valid reply code (200-599). */
enum pm__smtp_class pm__smtp_classify(uint16_t code);

/* The longest wait of a state in ms; 0: unbounded. */
uint32_t pm__smtp_timeout(enum pm__smtp_state state);

/* The name of a state for logs. */
const char *pm__smtp_state_text(enum pm__smtp_state state);

#endif
