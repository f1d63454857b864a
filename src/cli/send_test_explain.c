/* SPDX-License-Identifier: MIT */
/* What a test mail uses, and what its result means, in words. */
#include <stdio.h>
#include <string.h>

#include "cli/send_test_explain.h"

static const struct {
    uint16_t error;
    const char *hint;
} hints[] = {
    {PM_MAIL_RESOLVE, "No name server knows the server's name: is it spelt right, do dns.servers "
                      "or resolv.conf name servers that answer?"},
    {PM_MAIL_NETWORK, "No connection could be made: a firewall, another port, or the server is "
                      "down."},
    {PM_MAIL_AUTH_TYPE, "The server offers no way to log in that may be used. Without TLS a "
                        "password goes only where auth_in_clear lets it; with tokens no password "
                        "is used."},
    {PM_MAIL_CLOSED, "The server has closed the connection in the middle."},
    {PM_MAIL_CONTEXT, "The context has no network: see its interface and source."},
    {PM_MAIL_TIMEOUT, "The server was silent for too long. A port that begins with TLS, as 465 "
                      "does, wants mail.override_tls = tls (or smtp.ssltype = 1)."},
    {PM_MAIL_SSL, "TLS failed: the last lines of the log above tell why. A server without STARTTLS "
                  "may speak TLS from the first byte, mostly on port 465 (mail.override_tls = "
                  "tls, or smtp.ssltype = 1)."},
    {PM_MAIL_ACCESS, "The server wants a login, or TLS, before it takes mail."},
    {PM_MAIL_AUTH, "The server does not take the account, or there is no token to log in with."},
    {PM_MAIL_SERVICE, "The server is not ready at the moment: trying later may help."},
    {PM_MAIL_MAILBOX_BUSY, "Put off, by the server or by mail.rate_limit. Greylisting looks like "
                           "this: a relay with a queue tries again."},
    {PM_MAIL_LOCAL, "The server has a problem of its own at the moment, or puts off those that it "
                    "does not know (greylisting): trying later may help."},
    {PM_MAIL_STORAGE, "The server has no room at the moment: trying later may help."},
    {PM_MAIL_MAILBOX, "An address was refused, by the server or by mail.allow_recipients and "
                      "mail.allow_senders."},
    {PM_MAIL_ALLOCATION, "The mail is too large for the server, or the mailbox is full."},
};

void pm__send_test_result(FILE *out, uint16_t error, uint16_t reply)
{
    const char *text = pm_mail_error_text(error);
    if (error == PM_MAIL_OK) {
        fprintf(out, "   The server has taken the mail.\n");
        return;
    }
    fprintf(out, "   The mail was not sent: a host would read +QSMTPPUT: %u,%u (%s).\n", error,
            reply, text != NULL ? text : "unknown");
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (hints[i].error == error) {
            fprintf(out, "   %s\n", hints[i].hint);
        }
    }
}

/* Finished options know the server of a token if there is one. */
static bool has_token(const struct pm_options *options)
{
    return *options->module.token_server != '\0';
}

static void show_server(FILE *out, const struct pm_options *options)
{
    static const char *const tls[] = {"none", "STARTTLS", "from the first byte"};
    static const uint8_t of_ssltype[] = {0, 2, 1};
    const struct pm_mail_policy *policy = &options->module.policy;
    bool override = *options->mail.override_server != '\0';
    uint8_t kind = override ? policy->tls : of_ssltype[options->smtp.ssltype];
    fprintf(out, "   server   %s port %u (%s)\n", override ? policy->server : options->smtp.server,
            override ? policy->port : options->smtp.port,
            override ? "mail.override_server" : "smtp.server");
    fprintf(out, "   TLS      %s%s\n", tls[kind], kind == 0 ? "" : ", 1.2 or 1.3");
    if (kind != 0) {
        bool checked =
            override || options->tls_verify != 0 || policy->require_tls || has_token(options);
        fprintf(out, "   trust    %s%s%s\n",
                !checked                        ? "the certificate is not checked"
                : *options->tls_ca_file != '\0' ? options->tls_ca_file
                : options->tls_system_ca        ? "the system's store"
                                                : "nobody",
                *options->tls_pins != '\0' ? ", and pins" : "",
                override && *options->tls_client_cert != '\0' ? "; own certificate shown" : "");
    }
}

void pm__send_test_plan(FILE *out, const struct pm_options *options, const char *from,
                        const char *to)
{
    bool override = *options->mail.override_server != '\0';
    const char *user = override ? options->mail.override_username : options->smtp.username;
    fprintf(out, "1. What is used\n");
    if (*options->catch_dir != '\0') {
        fprintf(out, "   The catcher in %s takes all mail: no network is touched.\n",
                options->catch_dir);
    }
    show_server(out, options);
    fprintf(out, "   account  %s\n", *user != '\0' ? user : "none");
    if (has_token(options)) {
        fprintf(out, "   token    by %s, for a verified server alone\n",
                *options->smtp.token_file != '\0' ? "smtp.token_file" : "smtp.token_command");
    }
    fprintf(out, "   from     %s\n", *options->mail.from != '\0' ? options->mail.from : from);
    fprintf(out, "   to       %s\n", to);
}
