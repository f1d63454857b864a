/* SPDX-License-Identifier: MIT */
/* Parameters of MAIL and RCPT (RFC 1870, 3461, 4954, 6152, 6531, 8689). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/list.h"
#include "base/utf8.h"
#include "host/catcher_session.h"

/* Longest ENVID and ORCPT (RFC 3461 sections 4.2 and 4.4). */
#define ENVID_MAX 100
#define ORCPT_MAX 500

/* What stands behind "NAME=", or NULL when the parameter is another one. */
static const char *value_of(const char *parameter, const char *name)
{
    size_t len = strlen(name);
    return strncasecmp(parameter, name, len) == 0 && parameter[len] == '=' ? parameter + len + 1
                                                                           : NULL;
}

static bool is_word(struct pm_slice word, const char *name)
{
    return word.len == strlen(name) && strncasecmp((const char *)word.ptr, name, word.len) == 0;
}

/* RFC 3461 section 4: printable ASCII, where + stands for itself and = only as two hex digits. */
static bool is_xtext(const char *text, size_t most)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = strlen(text);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '+') {
            if (c[1] == '\0' || c[2] == '\0' || strchr(hex, c[1]) == NULL ||
                strchr(hex, c[2]) == NULL) {
                return false;
            }
            c += 2;
        } else if (*c < '!' || *c > '~' || *c == '=') {
            return false;
        }
    }
    return len > 0 && len <= most;
}

/* NEVER alone, or any of the others. */
static bool is_notify(const char *value)
{
    static const char *const others[] = {"SUCCESS", "FAILURE", "DELAY"};
    struct pm_slice list = pm__list(value);
    struct pm_slice word = list;
    if (is_word(word, "NEVER")) {
        return true;
    }
    while (pm__list_next(&list, &word)) {
        bool known = false;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            known = known || is_word(word, others[i]);
        }
        if (!known) {
            return false;
        }
    }
    return *value != '\0';
}

static bool is_original_recipient(const char *value)
{
    const char *semicolon = strchr(value, ';');
    return semicolon != NULL && semicolon != value && is_xtext(semicolon + 1, ORCPT_MAX);
}

/* A parameter that is known: refused with 501 when its value is no good. */
static bool judge(struct catcher_session *session, const char *parameter, bool good)
{
    if (!good) {
        pm__catcher_reply(session, "501 %.*s has no such value", (int)strcspn(parameter, "="),
                          parameter);
    }
    return good;
}

static bool take_size(struct catcher_session *session, const char *value)
{
    char *end = NULL;
    unsigned long long size = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0') {
        pm__catcher_reply(session, "501 SIZE needs a number");
        return false;
    }
    if (size > PM_CATCHER_MAIL) {
        pm__catcher_reply(session, "552 mail too large");
        return false;
    }
    return true;
}

bool pm__catcher_mail_parameter(struct catcher_session *session, const char *parameter)
{
    const char *value = value_of(parameter, "SIZE");
    if (value != NULL) {
        return take_size(session, value);
    }
    if (strcasecmp(parameter, "REQUIRETLS") == 0 && session->tls[0] != '\0') {
        session->require_tls = true;
        return true;
    }
    if (strcasecmp(parameter, "SMTPUTF8") == 0) {
        session->utf8 = true;
        return true;
    }
    if ((value = value_of(parameter, "BODY")) != NULL) {
        return judge(session, parameter,
                     strcasecmp(value, "7BIT") == 0 || strcasecmp(value, "8BITMIME") == 0);
    }
    if ((value = value_of(parameter, "RET")) != NULL) {
        return judge(session, parameter,
                     strcasecmp(value, "FULL") == 0 || strcasecmp(value, "HDRS") == 0);
    }
    if ((value = value_of(parameter, "ENVID")) != NULL) {
        return judge(session, parameter, is_xtext(value, ENVID_MAX));
    }
    if (value_of(parameter, "AUTH") != NULL) {
        return true;
    }
    pm__catcher_reply(session, "555 unknown parameter");
    return false;
}

bool pm__catcher_rcpt_parameter(struct catcher_session *session, const char *parameter)
{
    const char *value = value_of(parameter, "NOTIFY");
    if (value != NULL) {
        return judge(session, parameter, is_notify(value));
    }
    if ((value = value_of(parameter, "ORCPT")) != NULL) {
        return judge(session, parameter, is_original_recipient(value));
    }
    pm__catcher_reply(session, "555 unknown parameter");
    return false;
}

bool pm__catcher_charset(struct catcher_session *session, const char *path)
{
    const struct pm_slice text = {(const uint8_t *)path, strlen(path)};
    bool ascii = true;
    for (size_t i = 0; i < text.len; i++) {
        ascii = ascii && text.ptr[i] < 0x80;
    }
    if (!ascii && (!session->utf8 || !pm__utf8_valid(text))) {
        pm__catcher_reply(session, "553 the address is not ASCII, and %s",
                          session->utf8 ? "no UTF-8" : "SMTPUTF8 was not asked for");
        return false;
    }
    return true;
}
