/* SPDX-License-Identifier: MIT */
/* The SMTP commands of a catcher session (RFC 5321, 3207). */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/catcher_session.h"

void pm__catcher_greet(struct catcher_session *session)
{
    switch (session->fault.kind) {
    case CATCHER_FAULT_SILENT: session->state = CATCHER_SILENT; break;
    case CATCHER_FAULT_SYNTAX: pm__catcher_reply(session, "This is no reply of SMTP."); break;
    case CATCHER_FAULT_BANNER:
        pm__catcher_refuse(session, session->fault.code);
        session->state = CATCHER_CLOSING;
        break;
    default:
        pm__catcher_reply(session, "220 postmodem.invalid ESMTP catcher, every mail is kept");
        if (session->fault.kind == CATCHER_FAULT_CLOSE) {
            session->state = CATCHER_CLOSING;
        }
        break;
    }
}

void pm__catcher_reset(struct catcher_session *session)
{
    if (session->delivery != NULL) {
        pm_delivery_leave(session->delivery);
        session->delivery = NULL;
    }
    session->bdat = BDAT_NONE;
    session->mail_given = session->require_tls = session->utf8 = false;
    session->from[0] = '\0';
    session->recipients_len = 0;
    session->recipient_count = 0;
    session->data_code = session->dot_code = 0;
}

/* ---- greeting ------------------------------------------------------------------------- */

static bool hello(struct catcher_session *session, const char *name)
{
    if (name[0] == '\0' || strlen(name) >= sizeof(session->helo)) {
        pm__catcher_reply(session, "501 a domain or an address literal is needed");
        return false;
    }
    snprintf(session->helo, sizeof(session->helo), "%s", name);
    pm__catcher_reset(session);
    return true;
}

static void do_helo(struct catcher_session *session)
{
    if (hello(session, session->argument)) {
        pm__catcher_reply(session, "250 postmodem.invalid");
    }
}

static bool offers_starttls(const struct catcher_session *session)
{
    bool hidden = session->fault.kind == CATCHER_FAULT_STARTTLS && session->fault.code == 0;
    return session->tls[0] == '\0' && !hidden;
}

/* Not SCRAM: a server proves with it that it knows the password, and this one knows none. */
static const char *mechanisms(const struct catcher_session *session)
{
    if (session->fault.kind == CATCHER_FAULT_AUTH) {
        return "X-NOBODY-KNOWS";
    }
    return session->tls[0] != '\0' ? "PLAIN LOGIN CRAM-MD5 OAUTHBEARER XOAUTH2"
                                   : "PLAIN LOGIN CRAM-MD5";
}

static void do_ehlo(struct catcher_session *session)
{
    if (!hello(session, session->argument)) {
        return;
    }
    pm__catcher_reply(session, "250-postmodem.invalid");
    pm__catcher_reply(session, "250-PIPELINING");
    pm__catcher_reply(session, "250-8BITMIME");
    pm__catcher_reply(session, "250-CHUNKING");
    pm__catcher_reply(session, "250-SMTPUTF8");
    pm__catcher_reply(session, "250-DSN");
    if (offers_starttls(session)) {
        pm__catcher_reply(session, "250-STARTTLS");
    }
    if (session->tls[0] != '\0') {
        pm__catcher_reply(session, "250-REQUIRETLS");
    }
    pm__catcher_reply(session, "250-AUTH %s", mechanisms(session));
    pm__catcher_reply(session, "250 SIZE %llu", (unsigned long long)PM_CATCHER_MAIL);
}

static void do_starttls(struct catcher_session *session)
{
    if (session->argument[0] != '\0') {
        pm__catcher_reply(session, "501 STARTTLS takes no parameter");
    } else if (session->tls[0] != '\0' || session->helo[0] == '\0') {
        pm__catcher_reply(session, "503 not now");
    } else if (session->fault.kind == CATCHER_FAULT_STARTTLS) {
        pm__catcher_refuse(session, session->fault.code != 0 ? session->fault.code : 502);
    } else {
        pm__catcher_reply(session, "220 go ahead");
        session->begin_tls = true;
    }
}

/* ---- the transaction ------------------------------------------------------------------- */

/* The end of a path that begins with "<": its ">", which a quoted local part may hold, too. */
static char *path_end(char *path)
{
    bool quoted = false;
    for (char *c = path + 1; *c != '\0'; c++) {
        if (quoted && *c == '\\' && c[1] != '\0') {
            c++;
        } else if (*c == '"') {
            quoted = !quoted;
        } else if (*c == '>' && !quoted) {
            return c;
        }
    }
    return NULL;
}

/*
 * Takes "FROM:<path> parameters" apart. Returns the path without its brackets, and where the
 * parameters begin; NULL after a reply.
 */
static char *take_path(struct catcher_session *session, const char *keyword, char **parameters)
{
    char *argument = session->argument;
    size_t len = strlen(keyword);
    char *path = strncasecmp(argument, keyword, len) == 0 ? argument + len : NULL;
    if (path != NULL) {
        path += strspn(path, " ");
    }
    char *end = path != NULL && path[0] == '<' ? path_end(path) : NULL;
    if (end == NULL || (end[1] != '\0' && end[1] != ' ')) {
        pm__catcher_reply(session, "501 %s<address> is needed", keyword);
        return NULL;
    }
    *end = '\0';
    path++;
    *parameters = end + 1 + strspn(end + 1, " ");
    if (strlen(path) > PM_CATCHER_PATH) {
        pm__catcher_reply(session, "501 address too long");
        return NULL;
    }
    return path;
}

/* Whether a parameter of the same name stands before this one, with a NUL behind each of them. */
static bool is_repeated(const char *first, const char *parameter)
{
    size_t len = strcspn(parameter, "=");
    for (const char *p = first; p < parameter; p += strlen(p) + 1) {
        p += strspn(p, " ");
        if (p < parameter && strcspn(p, "=") == len && strncasecmp(p, parameter, len) == 0) {
            return true;
        }
    }
    return false;
}

/* All parameters of a command, each of them once. False after a reply. */
static bool take_parameters(struct catcher_session *session, char *rest,
                            bool (*take)(struct catcher_session *session, const char *parameter))
{
    char *state = NULL;
    char *p = strtok_r(rest, " ", &state);
    while (p != NULL && take(session, p)) {
        p = strtok_r(NULL, " ", &state);
        if (p != NULL && is_repeated(rest, p)) {
            pm__catcher_reply(session, "501 %.*s is given twice", (int)strcspn(p, "="), p);
            return false;
        }
    }
    return p == NULL;
}

static void do_mail(struct catcher_session *session)
{
    if (session->helo[0] == '\0' || session->mail_given) {
        pm__catcher_reply(session, "503 not now");
        return;
    }
    char *rest = NULL;
    const char *path = take_path(session, "FROM:", &rest);
    session->utf8 = session->require_tls = false;
    if (path == NULL || !take_parameters(session, rest, pm__catcher_mail_parameter) ||
        !pm__catcher_charset(session, path)) {
        return;
    }
    struct catcher_fault fault = pm__catcher_fault(session->catcher, path);
    if (fault.kind == CATCHER_FAULT_REPLY) {
        pm__catcher_refuse(session, fault.code);
        return;
    }
    snprintf(session->from, sizeof(session->from), "%s", path);
    session->mail_given = true;
    pm__catcher_reply(session, "250 sender ok");
}

static bool add_recipient(struct catcher_session *session, const char *path)
{
    size_t size = strlen(path) + 1;
    if (session->recipient_count == PM_CATCHER_RECIPIENTS ||
        session->recipients_len + size > PM_CATCHER_RECIPIENT_BYTES) {
        return false;
    }
    char *grown = realloc(session->recipients, session->recipients_len + size);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + session->recipients_len, path, size);
    session->recipients = grown;
    session->recipients_len += size;
    session->recipient_count++;
    return true;
}

/* Of several recipients that want the same reply refused the first decides. */
static void keep_fault(struct catcher_session *session, struct catcher_fault fault)
{
    if (fault.kind == CATCHER_FAULT_DATA_REPLY && session->data_code == 0) {
        session->data_code = fault.code;
    } else if (fault.kind == CATCHER_FAULT_DOT_REPLY && session->dot_code == 0) {
        session->dot_code = fault.code;
    }
}

static void take_recipient(struct catcher_session *session, const char *path)
{
    struct catcher_fault fault = pm__catcher_fault(session->catcher, path);
    if (fault.kind == CATCHER_FAULT_REPLY) {
        pm__catcher_refuse(session, fault.code);
    } else if (!add_recipient(session, path)) {
        pm__catcher_reply(session, "452 too many recipients");
    } else {
        keep_fault(session, fault);
        pm__catcher_reply(session, "250 recipient ok");
    }
}

static void do_rcpt(struct catcher_session *session)
{
    if (!session->mail_given || session->bdat != BDAT_NONE) {
        pm__catcher_reply(session, "503 MAIL first");
        return;
    }
    char *rest = NULL;
    const char *path = take_path(session, "TO:", &rest);
    if (path == NULL) {
        return;
    }
    if (path[0] == '\0') {
        pm__catcher_reply(session, "501 TO:<address> is needed");
    } else if (take_parameters(session, rest, pm__catcher_rcpt_parameter) &&
               pm__catcher_charset(session, path)) {
        take_recipient(session, path);
    }
}

static void do_data(struct catcher_session *session)
{
    if (session->argument[0] != '\0') {
        pm__catcher_reply(session, "501 DATA takes no parameter");
    } else if (session->recipient_count == 0 || session->bdat != BDAT_NONE) {
        pm__catcher_reply(session, "503 RCPT first");
    } else if (session->data_code != 0) {
        pm__catcher_refuse(session, session->data_code);
    } else {
        pm__catcher_data_begin(session);
    }
}

/* ---- the others ------------------------------------------------------------------------ */

static void do_rset(struct catcher_session *session)
{
    pm__catcher_reset(session);
    pm__catcher_reply(session, "250 ok");
}

static void do_noop(struct catcher_session *session)
{
    pm__catcher_reply(session, "250 ok");
}

static void do_vrfy(struct catcher_session *session)
{
    pm__catcher_reply(session, "252 every address is taken");
}

static void do_quit(struct catcher_session *session)
{
    pm__catcher_reply(session, "221 bye");
    session->state = CATCHER_CLOSING;
}

static const struct {
    const char *verb;
    void (*handle)(struct catcher_session *session);
} commands[] = {
    {"EHLO", do_ehlo},         {"HELO", do_helo},
    {"STARTTLS", do_starttls}, {"AUTH", pm__catcher_auth_begin},
    {"MAIL", do_mail},         {"RCPT", do_rcpt},
    {"DATA", do_data},         {"BDAT", pm__catcher_bdat},
    {"RSET", do_rset},         {"NOOP", do_noop},
    {"VRFY", do_vrfy},         {"QUIT", do_quit},
};

/* Control bytes have no place in a command, least of all in what becomes an envelope line. */
static bool has_controls(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
    }
    return false;
}

void pm__catcher_command(struct catcher_session *session, char *line, size_t len)
{
    if (session->state == CATCHER_AUTH) {
        pm__catcher_auth_answer(session, line);
        OPENSSL_cleanse(line, len);
        return;
    }
    while (len > 0 && line[len - 1] == ' ') {
        line[--len] = '\0';
    }
    size_t verb = strcspn(line, " ");
    session->argument = line + verb + strspn(line + verb, " ");
    if (has_controls(line, len)) {
        pm__catcher_reply(session, "500 control characters in the command");
        return;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].verb) == verb && strncasecmp(line, commands[i].verb, verb) == 0) {
            commands[i].handle(session);
            OPENSSL_cleanse(line, len); /* AUTH may have brought a password */
            return;
        }
    }
    pm__catcher_reply(session, "500 unknown command");
}
