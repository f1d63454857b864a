/* SPDX-License-Identifier: MIT */
/*
 * One SMTP session of the catcher (RFC 5321, server's side). The files of a session:
 *
 *   catcher_session.c     the socket: handshake, reading, replies, the end
 *   catcher_smtp.c        the commands
 *   catcher_parameters.c  what stands behind the addresses of MAIL and RCPT
 *   catcher_auth.c        AUTH
 *   catcher_data.c        the mail: envelope lines, dot-unstuffing, the Maildir
 *   catcher_bdat.c        the mail in chunks
 *   catcher_faults.c      which name asks for which fault
 */
#ifndef PM_HOST_CATCHER_SESSION_H
#define PM_HOST_CATCHER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "host/catcher_ca.h"
#include "host/catcher_faults.h"
#include "host/conn_stream.h"
#include "host/maildir.h"
#include "host/resolver.h"
#include "postmodem/platform.h"

/* Longest line of a client, with its CRLF: the challenge answers of RFC 4954 section 4. */
#define PM_CATCHER_LINE 12288
/* Longest address (RFC 5321 section 4.5.3.1.3), host name and user that are kept. */
#define PM_CATCHER_PATH 256
#define PM_CATCHER_USER 512
/* Most recipients of one mail, and the bytes they may take: all envelope lines must fit into one
 * buffer of a delivery. */
#define PM_CATCHER_RECIPIENTS      1000
#define PM_CATCHER_RECIPIENT_BYTES (96 * 1024)
/* Largest mail; it is announced with SIZE. */
#define PM_CATCHER_MAIL 1073741824ULL

enum catcher_state {
    CATCHER_HANDSHAKE,
    CATCHER_COMMAND,
    CATCHER_AUTH,    /* the next line answers a challenge */
    CATCHER_DATA,    /* the mail comes */
    CATCHER_CHUNK,   /* so many bytes of it come */
    CATCHER_STORING, /* waiting for the disk before the reply to the end of the mail */
    CATCHER_SILENT,  /* whatever comes is dropped */
    CATCHER_CLOSING, /* the last reply is on its way */
    CATCHER_DEAD,    /* handles are closing */
};

enum catcher_auth {
    AUTH_PLAIN,
    AUTH_LOGIN_USER,
    AUTH_LOGIN_PASSWORD,
    AUTH_CRAM_MD5,
    AUTH_OAUTHBEARER,
    AUTH_XOAUTH2
};

/* Where dot-unstuffing is (RFC 5321 section 4.5.2). */
enum catcher_dot { DOT_LINE_START, DOT_DOT, DOT_DOT_CR, DOT_TEXT, DOT_CR };

/* How a transaction is with BDAT: after a failed chunk it takes nothing but RSET (RFC 3030
 * section 2). */
enum catcher_bdat { BDAT_NONE, BDAT_CHUNKS, BDAT_FAILED };

/* A chunk that is not taken is read all the same, and then refused. */
enum catcher_chunk { CHUNK_TAKEN, CHUNK_NOT_NOW, CHUNK_NO_MEMORY, CHUNK_ON_DEMAND };

/* The server that a session plays. */
struct catcher_server {
    const char *host;
    uint16_t port;
    bool tls; /* from the start */
    struct catcher_fault fault;
};

struct catcher_session {
    struct pm_catcher *catcher;
    struct catcher_session *next; /* of the catcher's list */
    uv_poll_t poll;
    int poll_events;
    struct pm_stream stream;
    enum catcher_state state;
    bool begin_tls; /* after the replies are out */
    /* Input that has been read and not been used. */
    uint8_t in[PM_STREAM_RECORD];
    size_t in_start, in_end;
    /* The line that is being gathered. */
    char line[PM_CATCHER_LINE];
    size_t line_len;
    bool line_too_long;
    char *argument; /* of the command that is being handled, behind its verb */
    /* Replies on their way. */
    char out[4096];
    size_t out_start, out_end;
    /* What the client has said. */
    char host[PM_HOST_NAME_MAX + 1]; /* the server that we play */
    uint16_t port;
    struct catcher_fault fault; /* of that server */
    char helo[PM_CATCHER_PATH];
    char tls[256]; /* version, suite, client certificate; "": clear */
    enum catcher_auth auth;
    char user[PM_CATCHER_USER];
    const char *mechanism; /* NULL: not authenticated */
    bool mail_given;
    bool require_tls; /* MAIL said REQUIRETLS */
    bool utf8;        /* and SMTPUTF8 */
    char from[PM_CATCHER_PATH + 1];
    char *recipients; /* one after the other, each with its NUL */
    size_t recipients_len;
    unsigned recipient_count;
    unsigned data_code, dot_code; /* a recipient wants DATA, the final dot refused; 0: none */
    /* The mail. */
    struct pm_delivery *delivery;
    enum catcher_dot dot;
    enum catcher_bdat bdat;
    enum catcher_chunk chunk;
    bool chunk_last;
    uint64_t chunk_left; /* bytes of the chunk that are still to come */
    uint64_t size;
};

/* ---- catcher_session.c ---- */

/* Starts a session on `fd`, which becomes its own. NULL: no memory, and `fd` is closed. */
struct catcher_session *pm__catcher_session_new(struct pm_catcher *catcher, int fd,
                                                const struct catcher_server *server);

/* Ends a session in any state; it takes itself off the catcher when its handles are closed. */
void pm__catcher_session_end(struct catcher_session *session);

/* Queues one reply line, without CRLF. */
void pm__catcher_reply(struct catcher_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Refuses with a code that a name has asked for. */
void pm__catcher_refuse(struct catcher_session *session, unsigned code);

/* Goes on with the input after the disk has made room or has kept the mail. */
void pm__catcher_session_resume(struct catcher_session *session);

/* ---- catcher_smtp.c ---- */

void pm__catcher_greet(struct catcher_session *session);

/* Handles one line, without its line end but with a NUL behind it. */
void pm__catcher_command(struct catcher_session *session, char *line, size_t len);

/* Forgets sender and recipients, and chunks of a mail that has not ended. */
void pm__catcher_reset(struct catcher_session *session);

/* ---- catcher_parameters.c ---- */

/* Takes one parameter of MAIL, or RCPT. False after a reply. */
bool pm__catcher_mail_parameter(struct catcher_session *session, const char *parameter);
bool pm__catcher_rcpt_parameter(struct catcher_session *session, const char *parameter);

/* An address beyond ASCII needs SMTPUTF8, and is UTF-8 then. False after a reply. */
bool pm__catcher_charset(struct catcher_session *session, const char *path);

/* ---- catcher_auth.c ---- */

void pm__catcher_auth_begin(struct catcher_session *session);
void pm__catcher_auth_answer(struct catcher_session *session, char *line);

/* ---- catcher_data.c ---- */

void pm__catcher_data_begin(struct catcher_session *session);

/* Takes mail bytes: how many. Fewer than given: no room now, or the mail has ended. */
size_t pm__catcher_data(struct catcher_session *session, const uint8_t *data, size_t len);

/* Begins a mail with its envelope; false: no memory. */
bool pm__catcher_mail_begin(struct catcher_session *session);

/* Keeps mail bytes, for which there is room. */
void pm__catcher_mail_keep(struct catcher_session *session, const uint8_t *data, size_t len);

/* The mail is whole, or too large: it is stored or refused, and the reply follows. */
void pm__catcher_mail_end(struct catcher_session *session);

/* ---- catcher_bdat.c ---- */

void pm__catcher_bdat(struct catcher_session *session);

/* Takes bytes of a chunk: how many. Fewer than given: no room now, or the chunk has ended. */
size_t pm__catcher_chunk(struct catcher_session *session, const uint8_t *data, size_t len);

/* ---- catcher.c ---- */

struct pm_maildir *pm__catcher_maildir(struct pm_catcher *catcher);
const struct pm_catcher_ca *pm__catcher_authority(struct pm_catcher *catcher);
uv_loop_t *pm__catcher_loop(struct pm_catcher *catcher);
/* The module whose mails these are, "" where there is only one. */
const char *pm__catcher_module(const struct pm_catcher *catcher);
/* What an address or a user asks for. */
struct catcher_fault pm__catcher_fault(const struct pm_catcher *catcher, const char *address);
void pm__catcher_say(struct pm_catcher *catcher, enum pm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes a session whose handles are closed off the list. */
void pm__catcher_remove(struct pm_catcher *catcher, struct catcher_session *session);

#endif
