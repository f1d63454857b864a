/* SPDX-License-Identifier: MIT */
/*
 * What a server makes of the bytes that leave a client on one connection, and of its own replies
 * to them. It knows nothing of the client's state: it takes the commands off the wire, sets the
 * replies against them one by one, and tells what a mail has come to. A client that breaks the
 * dialogue is caught here.
 */
#ifndef PM_FUZZ_SMTP_READER_H
#define PM_FUZZ_SMTP_READER_H

#include "harness.h"

enum { SMTP_READER_LINE = 600, SMTP_READER_WAITING = 400, SMTP_READER_INPUT = 16384 };

struct smtp_reader {
    /* Told by the owner. */
    bool secure;         /* the connection is TLS */
    bool demands_tls;    /* nothing but STARTTLS is allowed before it is */
    bool no_clear_auth;  /* no password in clear */
    bool no_account;     /* no user name: no AUTH at all but EXTERNAL */
    bool any_recipient;  /* a refused recipient does not stop the mail */
    unsigned mail;       /* the number in the sender's address of the present one */
    unsigned recipients; /* of each mail */
    bool message_ended;  /* the owner has said that the message is complete */
    const char *message; /* as it should arrive */
    size_t message_size; /* of it */
    size_t group_size;   /* a larger one by BDAT waits for the recipients' replies */
    unsigned lines_told; /* command lines that were told before they left */

    /* The connection. */
    enum { READER_COMMANDS, READER_DATA, READER_CHUNK } mode;
    char line[SMTP_READER_LINE + 1];   /* the command or the line of the message being read */
    size_t line_len;                   /* of all of it, more than is kept */
    unsigned lines;                    /* command lines that have left */
    char waiting[SMTP_READER_WAITING]; /* a letter for each command that waits for its reply */
    size_t waiting_count;
    bool auth_goes_on; /* the reply to the last line of AUTH was 3yz */
    bool mails_begun;  /* MAIL has left on this connection */
    bool quit;

    /* What the server says. */
    uint8_t said[SMTP_READER_INPUT]; /* what the client has not read yet begins at `read` */
    size_t said_len, read;
    bool reply_begun, reply_asked;    /* a reply's first byte has come; a command waited then */
    unsigned reply_lines, reply_code; /* of the present reply */
    bool unasked;                     /* a reply came that nothing waited for */
    bool broken;                      /* what came is no reply */

    /* The present mail. */
    bool transaction; /* MAIL has left, and neither the end of the message nor RSET */
    bool mail_ok, mail_refused, go_ahead;
    unsigned asked, accepted, refused;
    size_t octets;    /* of the message, as the server keeps it */
    uint64_t left;    /* of a chunk */
    bool complete;    /* the server has all that it needs to deliver the mail */
    unsigned answer;  /* to the complete message, or 0 */
    unsigned closing; /* the code of a 421 */
};

/* A new connection. What the owner tells is set after it. */
void smtp_reader_connect(struct smtp_reader *reader);

/* The next mail begins. */
void smtp_reader_mail(struct smtp_reader *reader, unsigned number);

/* Bytes that have left. */
void smtp_reader_takes(struct smtp_reader *reader, const uint8_t *bytes, size_t len);

/* Bytes that the server says: before the client gets them, and after it has read what it can. */
void smtp_reader_says(struct smtp_reader *reader, const uint8_t *bytes, size_t len);
void smtp_reader_said(struct smtp_reader *reader);

/* The client has read one more line of it. */
void smtp_reader_line(struct smtp_reader *reader);

/* The mail has been refused: by a reply to MAIL, or for its recipients. */
bool smtp_reader_refuses(const struct smtp_reader *reader);

#endif
