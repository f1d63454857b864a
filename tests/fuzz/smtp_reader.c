/* SPDX-License-Identifier: MIT */
/* The commands by their letters: g the greeting, E EHLO and HELO, S STARTTLS, A a line of AUTH,
 * M MAIL, R RCPT, D DATA, . the end of DATA, B of BDAT, Z RSET, Q QUIT. */
#include "smtp_reader.h"

#include "postmodem/config.h"

static void expect(struct smtp_reader *reader, char letter)
{
    REQUIRE(reader->waiting_count < SMTP_READER_WAITING);
    reader->waiting[reader->waiting_count++] = letter;
}

void smtp_reader_connect(struct smtp_reader *reader)
{
    memset(reader, 0, sizeof *reader);
    expect(reader, 'g');
}

void smtp_reader_mail(struct smtp_reader *reader, unsigned number)
{
    reader->mail = number;
    reader->message_ended = false;
    reader->mail_ok = reader->mail_refused = reader->go_ahead = false;
    reader->asked = reader->accepted = reader->refused = 0;
    reader->octets = 0;
    reader->complete = false;
    reader->answer = reader->closing = 0;
}

bool smtp_reader_refuses(const struct smtp_reader *reader)
{
    bool nobody = reader->refused == reader->recipients;
    return reader->mail_refused || (reader->any_recipient ? nobody : reader->refused > 0);
}

/* ---- Commands ---- */

static bool begins(const struct smtp_reader *reader, const char *word)
{
    return strncmp(reader->line, word, strlen(word)) == 0;
}

/* Commands that change everything go alone, and not after the first mail. */
static void opening(struct smtp_reader *reader, char letter)
{
    REQUIRE(reader->waiting_count == 0 && !reader->mails_begun);
    expect(reader, letter);
}

static void auth(struct smtp_reader *reader)
{
    REQUIRE(reader->secure || !reader->demands_tls);
    REQUIRE(!reader->no_account || begins(reader, "AUTH EXTERNAL"));
    if (!reader->secure) {
        bool hides = begins(reader, "AUTH CRAM-MD5") || begins(reader, "AUTH SCRAM-SHA-256");
        bool shows = begins(reader, "AUTH PLAIN") || begins(reader, "AUTH LOGIN");
        REQUIRE(!begins(reader, "AUTH SCRAM-SHA-256-PLUS"));
        REQUIRE(hides || (shows && !reader->no_clear_auth));
    }
    opening(reader, 'A');
}

static void mail(struct smtp_reader *reader)
{
    char sender[40];
    (void)snprintf(sender, sizeof sender, "MAIL FROM:<from%u@example.com>", reader->mail);
    REQUIRE(begins(reader, sender));
    REQUIRE(reader->secure || !reader->demands_tls);
    REQUIRE(!reader->transaction && reader->waiting_count == 0);
    REQUIRE(!reader->complete && reader->asked == 0);
    reader->transaction = reader->mails_begun = true;
    expect(reader, 'M');
}

static void rcpt(struct smtp_reader *reader)
{
    char recipient[40];
    (void)snprintf(recipient, sizeof recipient, "RCPT TO:<to%u-%u@example.net>", reader->mail,
                   reader->asked);
    REQUIRE(begins(reader, recipient) && reader->transaction);
    reader->asked++;
    expect(reader, 'R');
}

/* All recipients were asked for; when it waits for the replies, somebody must be left. */
static void message_begins(struct smtp_reader *reader)
{
    bool answered = reader->waiting_count == 0;
    REQUIRE(reader->transaction && reader->asked == reader->recipients);
    REQUIRE(!answered || (reader->mail_ok && !smtp_reader_refuses(reader)));
}

static void bdat(struct smtp_reader *reader)
{
    char *end = NULL;
    message_begins(reader);
    reader->left = strtoull(reader->line + 5, &end, 10);
    REQUIRE(strcmp(end, " LAST\r\n") == 0 && reader->left == reader->message_size);
    REQUIRE(reader->waiting_count == 0 || reader->left <= reader->group_size);
    REQUIRE(reader->waiting_count == 0 || reader->recipients == 1 || reader->any_recipient);
    reader->mode = READER_CHUNK;
}

static void command(struct smtp_reader *reader)
{
    REQUIRE(!reader->quit && ++reader->lines <= reader->lines_told);
    if (reader->auth_goes_on) {
        reader->auth_goes_on = false;
        expect(reader, 'A');
    } else if (begins(reader, "EHLO me.example\r\n") || begins(reader, "HELO me.example\r\n")) {
        opening(reader, 'E');
    } else if (begins(reader, "STARTTLS\r\n")) {
        REQUIRE(!reader->secure && reader->demands_tls);
        opening(reader, 'S');
    } else if (begins(reader, "AUTH ")) {
        auth(reader);
    } else if (begins(reader, "MAIL ")) {
        mail(reader);
    } else if (begins(reader, "RCPT ")) {
        rcpt(reader);
    } else if (begins(reader, "DATA\r\n")) {
        message_begins(reader);
        expect(reader, 'D');
    } else if (begins(reader, "BDAT ")) {
        bdat(reader);
    } else if (begins(reader, "RSET\r\n")) {
        REQUIRE(reader->waiting_count == 0);
        reader->transaction = false;
        expect(reader, 'Z');
    } else {
        REQUIRE(begins(reader, "QUIT\r\n") && reader->waiting_count == 0);
        reader->quit = true;
        expect(reader, 'Q');
    }
}

/* ---- The message ---- */

/* An octet as the server keeps it. A message that its owner ended amid a line gets a line end. */
static void keep(struct smtp_reader *reader, uint8_t octet)
{
    char right = reader->message[reader->octets++ % reader->message_size];
    REQUIRE(octet == (uint8_t)right || (reader->message_ended && (octet == '\r' || octet == '\n')));
}

static void complete(struct smtp_reader *reader, char letter)
{
    REQUIRE(!reader->complete && reader->transaction && reader->message_ended);
    reader->complete = true;
    reader->transaction = false;
    reader->mode = READER_COMMANDS;
    expect(reader, letter);
}

/* A lone dot, which asks for nothing but an answer, goes where it can deliver nothing. */
static void data_line(struct smtp_reader *reader)
{
    if (strcmp(reader->line, ".\r\n") != 0) {
        REQUIRE(reader->mail_ok && !smtp_reader_refuses(reader));
        for (size_t i = reader->line[0] == '.'; i < reader->line_len; i++) {
            keep(reader, (uint8_t)reader->line[i]);
        }
        return;
    }
    reader->lines++;
    if (!reader->message_ended) {
        REQUIRE(reader->octets == 0 && reader->accepted == 0 && smtp_reader_refuses(reader));
        reader->transaction = false;
        reader->mode = READER_COMMANDS;
        expect(reader, '.');
    } else {
        complete(reader, '.');
    }
}

static void chunk_octet(struct smtp_reader *reader, uint8_t octet)
{
    keep(reader, octet);
    if (--reader->left == 0) {
        REQUIRE(reader->any_recipient || reader->refused == 0);
        complete(reader, 'B');
    }
}

void smtp_reader_takes(struct smtp_reader *reader, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        REQUIRE(bytes[i] != '\0');
        if (reader->mode == READER_CHUNK) {
            chunk_octet(reader, bytes[i]);
            continue;
        }
        if (reader->line_len < SMTP_READER_LINE) {
            reader->line[reader->line_len] = (char)bytes[i];
            reader->line[reader->line_len + 1] = '\0';
        }
        reader->line_len++;
        if (bytes[i] == '\n') {
            REQUIRE(reader->line_len >= 2);
            if (reader->mode == READER_DATA) {
                data_line(reader);
            } else {
                command(reader);
            }
            reader->line_len = 0;
        }
    }
}

/* ---- Replies ---- */

static void reply(struct smtp_reader *reader, char letter, unsigned code)
{
    bool good = code / 100 == 2;
    switch (letter) {
    case 'A': reader->auth_goes_on = code / 100 == 3; break;
    case 'M':
        reader->mail_ok = good;
        reader->mail_refused = code >= 400;
        break;
    case 'R':
        reader->accepted += good ? 1 : 0;
        reader->refused += code >= 400 ? 1 : 0;
        break;
    case 'D':
        reader->go_ahead = code / 100 == 3;
        reader->mode = reader->go_ahead ? READER_DATA : READER_COMMANDS;
        break;
    case '.':
    case 'B': reader->answer = code; break;
    default: break;
    }
}

/* The reply ends: it answers the command that has waited longest. */
static void last_line(struct smtp_reader *reader)
{
    char letter = reader->waiting[0];
    reader->reply_begun = false;
    reader->reply_lines = 0;
    reader->closing = reader->reply_code == 421 ? 421 : reader->closing;
    if (!reader->reply_asked) {
        reader->unasked = true;
        return;
    }
    REQUIRE(reader->waiting_count > 0);
    reader->waiting_count--;
    memmove(reader->waiting, reader->waiting + 1, reader->waiting_count);
    reply(reader, letter, reader->reply_code);
}

/* The code of a line that is fit for a reply, or 0 (RFC 5321 section 4.2, SD60). */
static unsigned code_of(const uint8_t *line, size_t len)
{
    unsigned code = 0;
    if (len < 3 || len > PM_SMTP_LINE_SIZE || memchr(line, 0, len) != NULL) {
        return 0;
    }
    for (size_t i = 0; i < 3; i++) {
        if (line[i] < '0' || line[i] > '9') {
            return 0;
        }
        code = code * 10 + (line[i] - (unsigned)'0');
    }
    bool parted = len == 3 || line[3] == ' ' || line[3] == '-' || (line[3] == '\r' && len == 4);
    return parted && code >= 200 && code <= 599 ? code : 0;
}

static void begin_reply(struct smtp_reader *reader)
{
    if (!reader->reply_begun) {
        reader->reply_begun = true;
        reader->reply_asked = reader->waiting_count > 0;
    }
}

void smtp_reader_says(struct smtp_reader *reader, const uint8_t *bytes, size_t len)
{
    reader->said_len -= reader->read;
    memmove(reader->said, reader->said + reader->read, reader->said_len);
    reader->read = 0;
    REQUIRE(len <= sizeof reader->said - reader->said_len);
    memcpy(reader->said + reader->said_len, bytes, len);
    reader->said_len += len;
}

void smtp_reader_said(struct smtp_reader *reader)
{
    if (reader->read < reader->said_len) {
        begin_reply(reader);
    }
}

void smtp_reader_line(struct smtp_reader *reader)
{
    const uint8_t *line = reader->said + reader->read;
    const uint8_t *end = memchr(line, '\n', reader->said_len - reader->read);
    unsigned code = end != NULL ? code_of(line, (size_t)(end - line)) : 0;
    begin_reply(reader);
    reader->reply_lines++;
    if (code == 0 || reader->reply_lines > PM_SMTP_MAX_LINES ||
        (reader->reply_lines > 1 && code != reader->reply_code)) {
        reader->broken = true;
        return;
    }
    reader->read += (size_t)(end - line) + 1;
    reader->reply_code = code;
    if (line[3] != '-') {
        last_line(reader);
    }
}
