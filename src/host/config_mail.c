/* SPDX-License-Identifier: MIT */
/* The keys mail.*: what they must be, and the policy that is made of them. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/list.h"
#include "host/config.h"
#include "host/idna.h"
#include "postmodem/address.h"

static bool no(char *err, size_t err_size, const char *key, const char *value, const char *wanted)
{
    snprintf(err, err_size, "%s: \"%.60s\" is not %s", key, value, wanted);
    return false;
}

/* Ports by RFC 6409 and RFC 8314, in the order of enum pm_policy_tls. */
static uint16_t usual_port(uint8_t tls)
{
    static const uint16_t ports[] = {25, 587, 465};
    return ports[tls];
}

/* The end of the host in HOST[:PORT], where an IPv6 literal stands in brackets. */
static const char *host_end(const char *text)
{
    if (*text == '[') {
        const char *end = strchr(text, ']');
        return end != NULL ? end + 1 : text;
    }
    return text + strcspn(text, ":");
}

static bool read_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long number = digits > 0 && digits < 6 ? strtoul(text, NULL, 10) : 0;
    *port = (uint16_t)number;
    return text[digits] == '\0' && number >= 1 && number <= 65535;
}

static bool finish_server(struct pm_options *options, char *err, size_t err_size)
{
    const struct pm_mail_setting *mail = &options->mail;
    struct pm_mail_policy *policy = &options->module.policy;
    const char *text = mail->override_server;
    const char *end = host_end(text);
    bool brackets = *text == '[';
    char ascii[256];
    size_t len = (size_t)(end - text) - (brackets && end != text ? 2 : 0);
    policy->port = usual_port(mail->override_tls);
    if (len == 0 || len > 255 || strpbrk(text, " <>\"/@") != NULL ||
        (*end != '\0' && (*end != ':' || !read_port(end + 1, &policy->port)))) {
        return no(err, err_size, "mail.override_server", text, "HOST or HOST:PORT");
    }
    if (pm_idna_ascii((struct pm_slice){(const uint8_t *)text + (brackets ? 1 : 0), len}, ascii,
                      sizeof ascii) == 0) {
        return no(err, err_size, "mail.override_server", text, "a name that IDNA knows");
    }
    policy->server = pm_options_keep(options, text + (brackets ? 1 : 0), len);
    policy->tls = mail->override_tls;
    policy->username = mail->override_username;
    policy->certificate = *options->tls_client_cert != '\0';
    return policy->server != NULL;
}

/* An account is whole, and belongs to a server. */
static bool finish_account(struct pm_options *options, char *err, size_t err_size)
{
    const struct pm_mail_setting *mail = &options->mail;
    if (!pm__config_password_file(options, "mail.override_password_file",
                                  mail->override_password_file, "mail.override_password",
                                  mail->override_password, err, err_size)) {
        return false;
    }
    bool user = *mail->override_username != '\0';
    bool server = *mail->override_server != '\0';
    bool file = *mail->override_password_file != '\0';
    if (user && !server) {
        snprintf(err, err_size, "mail.override_username: there is no mail.override_server");
        return false;
    }
    if (!user && *mail->override_password != '\0') {
        snprintf(err, err_size, "mail.override_password%s: there is no mail.override_%s",
                 file ? "_file" : "", server ? "username" : "server");
        return false;
    }
    if (user && *mail->override_password == '\0' && *options->smtp.token_file == '\0' &&
        *options->smtp.token_command == '\0' && *options->tls_client_cert == '\0') {
        snprintf(err, err_size,
                 "mail.override_username: there is no mail.override_password, no token and no "
                 "tls.client_cert");
        return false;
    }
    options->module.policy.password = mail->override_password;
    return true;
}

static bool finish_rate(struct pm_options *options, char *err, size_t err_size)
{
    static const struct {
        const char *unit;
        uint32_t seconds;
    } units[] = {{"/second", 1}, {"/minute", 60}, {"/hour", 3600}, {"/day", 86400}};
    const char *text = options->mail.rate_limit;
    size_t digits = strspn(text, "0123456789");
    unsigned long mails = digits > 0 && digits < 8 ? strtoul(text, NULL, 10) : 0;
    if (*text == '\0') {
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + digits, units[i].unit) == 0 && mails >= 1 && mails <= 1000000) {
            options->module.policy.rate_mails = (uint32_t)mails;
            options->module.policy.rate_seconds = units[i].seconds;
            return true;
        }
    }
    return no(err, err_size, "mail.rate_limit", text,
              "a number from 1 to 1000000 and /second, /minute, /hour or /day");
}

/* A domain beyond ASCII that IDNA does not know is nobody's: no mail can have it. */
static bool has_domain(struct pm_slice address)
{
    const uint8_t *at = memrchr(address.ptr, '@', address.len);
    char ascii[256];
    const size_t local = at != NULL ? (size_t)(at - address.ptr) + 1 : address.len;
    const struct pm_slice domain = {address.ptr + local, address.len - local};
    return pm__slice_is_ascii(domain) || pm_idna_ascii(domain, ascii, sizeof ascii) != 0;
}

static bool check_list(const char *key, const char *list, char *err, size_t err_size)
{
    struct pm_slice rest = pm__list(list);
    struct pm_slice entry;
    char text[PM_ADDRESS_MAX + 2];
    while (pm__list_next(&rest, &entry)) {
        /* One byte more than an address has makes it too long all the same. */
        size_t len = entry.len < sizeof text ? entry.len : sizeof text - 1;
        memcpy(text, entry.ptr, len);
        text[len] = '\0';
        if (len == 0 || !pm_policy_list_valid(text) || !has_domain(entry)) {
            return no(err, err_size, key, text, "an address or @domain");
        }
    }
    return true;
}

/* What keeps a file from being run, as errno has it; 0: nothing. */
static int run_problem(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || access(path, X_OK) != 0) {
        return errno;
    }
    return S_ISDIR(status.st_mode) ? EISDIR : 0;
}

/* True when a program stands before the first blank. */
static bool has_arguments(const char *command)
{
    char path[PATH_MAX];
    size_t len = strcspn(command, " ");
    if (command[len] == '\0' || len >= sizeof path) {
        return false;
    }
    memcpy(path, command, len);
    path[len] = '\0';
    return run_problem(path) == 0;
}

static bool check_command(const char *path, char *err, size_t err_size)
{
    static const char key[] = "mail.on_failure";
    if (*path == '\0') {
        return true;
    }
    if (*path != '/') {
        return no(err, err_size, key, path, "the full path of a program");
    }
    int problem = run_problem(path);
    if (problem != 0 && has_arguments(path)) {
        snprintf(err, err_size, "%s: \"%.60s\": takes no arguments", key, path);
    } else if (problem != 0) {
        snprintf(err, err_size, "%s: \"%.60s\": %s", key, path, strerror(problem));
    }
    return problem == 0;
}

/* What DSN may ask for, by the order of enum pm_smtp_notify; 0: nothing of that name. */
static unsigned notify_bit(struct pm_slice name)
{
    static const char *const words[] = {"never", "success", "failure", "delay"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (pm__slice_equal_nocase(name, pm__slice(words[i]))) {
            return 1U << i;
        }
    }
    return 0;
}

static bool finish_notify(struct pm_options *options, char *err, size_t err_size)
{
    struct pm_slice list = pm__list(options->mail.dsn_notify);
    struct pm_slice name;
    unsigned bits = 0;
    while (pm__list_next(&list, &name)) {
        unsigned bit = notify_bit(name);
        if (bit == 0) {
            snprintf(err, err_size,
                     "mail.dsn_notify: \"%.*s\" is not never, success, failure or delay",
                     (int)name.len, (const char *)name.ptr);
            return false;
        }
        bits |= bit;
    }
    if (bits > PM_SMTP_NOTIFY_NEVER && (bits & PM_SMTP_NOTIFY_NEVER) != 0) {
        snprintf(err, err_size, "mail.dsn_notify: never stands alone");
        return false;
    }
    options->module.policy.notify = (uint8_t)bits;
    return true;
}

bool pm__config_finish_mail(struct pm_options *options, char *err, size_t err_size)
{
    const struct pm_mail_setting *mail = &options->mail;
    struct pm_mail_policy *policy = &options->module.policy;
    if (*mail->from != '\0' &&
        (!pm_address_valid(pm__slice(mail->from)) || !has_domain(pm__slice(mail->from)))) {
        return no(err, err_size, "mail.from", mail->from, "a mail address");
    }
    policy->from = mail->from;
    policy->allow_recipients = mail->allow_recipients;
    policy->allow_senders = mail->allow_senders;
    return check_list("mail.allow_recipients", mail->allow_recipients, err, err_size) &&
           check_list("mail.allow_senders", mail->allow_senders, err, err_size) &&
           check_command(mail->on_failure, err, err_size) && finish_rate(options, err, err_size) &&
           finish_notify(options, err, err_size) && finish_account(options, err, err_size) &&
           (*mail->override_server == '\0' || finish_server(options, err, err_size));
}
