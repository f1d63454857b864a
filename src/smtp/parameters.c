/* SPDX-License-Identifier: MIT */
/* SIZE, 8BITMIME, SMTPUTF8, REQUIRETLS and DSN: asked for where the server offers them. */
#include "smtp/parameters.h"

#include "postmodem/error.h"
#include "smtp/auth.h"
#include "smtp/output.h"

enum { ENVELOPE_ID_MAX = 100 };

/* RFC 3461 section 4: what xtext cannot have as it is. */
static bool is_escaped(uint8_t c)
{
    return c <= ' ' || c > '~' || c == '+' || c == '=';
}

bool pm__smtp_envelope_id_fits(struct pm_slice id)
{
    size_t len = 0;
    for (size_t i = 0; i < id.len; i++) {
        len += is_escaped(id.ptr[i]) ? 3 : 1;
    }
    return len <= ENVELOPE_ID_MAX;
}

bool pm__smtp_notify_valid(uint8_t notify)
{
    const unsigned others = PM_SMTP_NOTIFY_SUCCESS | PM_SMTP_NOTIFY_FAILURE | PM_SMTP_NOTIFY_DELAY;
    return notify == PM_SMTP_NOTIFY_NEVER || (notify & ~others) == 0;
}

static void put_xtext(struct pm_smtp_out *out, struct pm_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        const uint8_t escaped[] = {'+', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15u]};
        pm__smtp_put_slice(out, is_escaped(c) ? (struct pm_slice){escaped, sizeof escaped}
                                              : (struct pm_slice){text.ptr + i, 1});
    }
}

/* RFC 6531 3.1: who offers SMTPUTF8 offers 8BITMIME as well. */
static bool takes_utf8(const struct pm_smtp *smtp)
{
    return smtp->capabilities.utf8 && smtp->capabilities.eight_bit;
}

/* RFC 8689 4.2.1: the extension counts when it was offered under TLS. */
static bool takes_require_tls(const struct pm_smtp *smtp)
{
    return smtp->capabilities.require_tls && pm__smtp_is_secure(smtp);
}

static uint8_t lacks(const struct pm_smtp *smtp)
{
    const struct pm_smtp_config *config = &smtp->config;
    unsigned bits = 0;
    if (config->international && !takes_utf8(smtp)) {
        bits |= PM_SMTP_LACKS_UTF8;
    }
    if (config->require_tls && !takes_require_tls(smtp)) {
        bits |= PM_SMTP_LACKS_REQUIRE_TLS;
    }
    if (config->notify != 0 && !smtp->capabilities.dsn) {
        bits |= PM_SMTP_LACKS_DSN;
    }
    return (uint8_t)bits;
}

uint16_t pm__smtp_judge_server(struct pm_smtp *smtp)
{
    struct pm_smtp_config *config = &smtp->config;
    const uint64_t limit = smtp->capabilities.size_limit;
    smtp->lacks = lacks(smtp);
    if ((smtp->lacks & PM_SMTP_LACKS_REQUIRE_TLS) != 0) {
        return PM_MAIL_SSL;
    }
    if (limit != 0 && config->message_size > limit) {
        return PM_MAIL_ALLOCATION;
    }
    if ((smtp->lacks & PM_SMTP_LACKS_UTF8) != 0) {
        if (!config->any_recipient || config->ascii_recipients == 0) {
            return PM_MAIL_MAILBOX_NAME;
        }
        config->recipients = config->ascii_recipients;
    }
    return 0;
}

uint8_t pm_smtp_lacks(const struct pm_smtp *smtp)
{
    return smtp->lacks;
}

void pm__smtp_put_mail_parameters(struct pm_smtp *smtp)
{
    const struct pm_smtp_config *config = &smtp->config;
    struct pm_smtp_out *out = &smtp->out;
    const bool utf8 = config->international && takes_utf8(smtp);
    if (smtp->capabilities.size && config->message_size != 0) {
        pm__smtp_put(out, " SIZE=");
        pm__smtp_put_number(out, config->message_size);
    }
    if (utf8 || (smtp->capabilities.eight_bit && config->body_8bit)) {
        pm__smtp_put(out, " BODY=8BITMIME");
    }
    if (utf8) {
        pm__smtp_put(out, " SMTPUTF8");
    }
    if (config->require_tls) {
        pm__smtp_put(out, " REQUIRETLS");
    }
    if (config->notify != 0 && smtp->capabilities.dsn) {
        pm__smtp_put(out, " RET=HDRS");
        if (config->envelope_id.len != 0) {
            pm__smtp_put(out, " ENVID=");
            put_xtext(out, config->envelope_id);
        }
    }
}

void pm__smtp_put_rcpt_parameters(struct pm_smtp *smtp)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } words[] = {{PM_SMTP_NOTIFY_NEVER, "NEVER"},
                 {PM_SMTP_NOTIFY_SUCCESS, "SUCCESS"},
                 {PM_SMTP_NOTIFY_FAILURE, "FAILURE"},
                 {PM_SMTP_NOTIFY_DELAY, "DELAY"}};
    const char *separator = " NOTIFY=";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (smtp->capabilities.dsn && (smtp->config.notify & words[i].bit) != 0) {
            pm__smtp_put(&smtp->out, separator);
            pm__smtp_put(&smtp->out, words[i].word);
            separator = ",";
        }
    }
}

size_t pm__smtp_rcpt_parameters_room(const struct pm_smtp *smtp)
{
    const bool told = smtp->capabilities.dsn && smtp->config.notify != 0;
    return told ? sizeof " NOTIFY=SUCCESS,FAILURE,DELAY" - 1 : 0;
}
