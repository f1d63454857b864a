/* SPDX-License-Identifier: MIT */
/* What a transcript asks for, before it is played: can these ports do that? */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/live_internal.h"

bool live_skip(struct player *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->report->headline, sizeof p->report->headline, format, args);
    va_end(args);
    p->report->verdict = PLAY_SKIPPED;
    return false;
}

/* ---- Settings --------------------------------------------------------------------------- */

/* Settings whose key in the program is another one; the others have the same. */
static const char *key_of(const char *name)
{
    static const char *const keys[][2] = {
        {"sim", "network.sim"},
        {"registration", "network.registration"},
        {"register_delay", "network.register_delay"},
        {"arena", "arena_size"},
        {"policy_tls", "mail.override_tls"},
        {"policy_username", "mail.override_username"},
        {"policy_password", "mail.override_password"},
        {"policy_from", "mail.from"},
        {"allow_recipients", "mail.allow_recipients"},
        {"pipelining", "smtp.pipelining"},
        {"chunking", "smtp.chunking"},
        {"allow_senders", "mail.allow_senders"},
        {"require_tls", "mail.require_tls"},
        {"dsn_notify", "mail.dsn_notify"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i][0], name) == 0) {
            return keys[i][1];
        }
    }
    return name;
}

static bool set_contexts(struct live_child *child, unsigned long contexts)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < 16; i++) {
        char key[40];
        (void)snprintf(key, sizeof key, "pdp.%u.active_at_start", i + 1);
        ok = (contexts >> i & 1U) == 0 || live_child_set(child, key, "on");
    }
    return ok;
}

/* "boot_urcs on" or the number of a port. */
static bool set_boot(struct player *p, const char *value)
{
    struct live_child *child = &p->live->child;
    char key[40];
    if (p->boot_port == 0) {
        return live_child_set(child, "boot_urcs", value);
    }
    (void)snprintf(key, sizeof key, "port.%zu.boot_urcs", p->boot_port);
    return live_child_set(child, "boot_urcs", "off") && live_child_set(child, key, "on");
}

/* Two settings of transcripts are one key, which is complete with the second one. The world knows
 * what has been set so far. */
static bool set_policy_server(struct player *p)
{
    const struct pm_mail_policy *policy = &p->w->config.policy;
    char value[300];
    if (policy->server == NULL || policy->port == 0) {
        return true;
    }
    (void)snprintf(value, sizeof value, "%s:%u", policy->server, policy->port);
    return live_child_set(&p->live->child, "mail.override_server", value);
}

static bool set_rate(struct player *p)
{
    static const struct {
        uint32_t seconds;
        const char *unit;
    } units[] = {{1, "second"}, {60, "minute"}, {3600, "hour"}, {86400, "day"}};
    const struct pm_mail_policy *policy = &p->w->config.policy;
    char value[40];
    if (policy->rate_mails == 0 || policy->rate_seconds == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].seconds == policy->rate_seconds) {
            (void)snprintf(value, sizeof value, "%u/%s", policy->rate_mails, units[i].unit);
            return live_child_set(&p->live->child, "mail.rate_limit", value);
        }
    }
    return live_skip(p, "the program has no rate per %u s", policy->rate_seconds);
}

/* Settings for a module of the player's own. */
static bool set_own(struct player *p, const char *name, const char *value)
{
    struct live_child *child = &p->live->child;
    if (strcmp(name, "ports") == 0) {
        return true;
    }
    if (strcmp(name, "active_at_start") == 0) {
        return set_contexts(child, strtoul(value, NULL, 10));
    }
    if (strcmp(name, "boot_urcs") == 0) {
        if (strcmp(p->live->options->ports[0], "pty") != 0) {
            return live_skip(p, "what a module says before a host is there is lost on %s",
                             p->live->options->ports[0]);
        }
        return set_boot(p, value);
    }
    if (strcmp(name, "storage") == 0) {
        return live_child_set(child, "ufs_size", value) && live_child_set(child, "ram_size", value);
    }
    if (strcmp(name, "policy_server") == 0 || strcmp(name, "policy_port") == 0) {
        return set_policy_server(p);
    }
    if (strncmp(name, "rate_", 5) == 0) {
        return set_rate(p);
    }
    return live_child_set(child, key_of(name), value);
}

static bool is_had(const struct live_options *options, const char *name, const char *value)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < options->have_count; i++) {
        const char *have = options->have[i];
        if (strncmp(have, name, n) == 0 && have[n] == '=' && strcmp(have + n + 1, value) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_setting(struct player *p, const char *pair)
{
    char name[40];
    size_t n = strcspn(pair, " ");
    const char *value = pair + n + (pair[n] == ' ' ? 1U : 0U);
    if (!transcript_setting(p, pair)) {
        return false;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)n, pair);
    if (live_starts_module(p->live->options)) {
        bool ok = set_own(p, name, value);
        return ok || p->report->verdict == PLAY_SKIPPED ? ok
                                                        : transcript_fail(p, "too many settings");
    }
    if (strcmp(name, "ports") == 0) {
        return p->ports <= p->live->options->port_count ||
               live_skip(p, "it needs %zu ports", p->ports);
    }
    return is_had(p->live->options, name, value) ||
           live_skip(p, "it needs a module with %s=%s (--have)", name, value);
}

/* ---- Presets ---------------------------------------------------------------------------- */

/* "preset ITEM TEXT [TEXT]" as keys of the mail account. */
static bool preset(struct player *p, const char *rest, bool secret)
{
    static const char *const items[][3] = {
        {"smtpserver", "smtp.server", "smtp.port"},
        {"account", "smtp.username", "smtp.password"},
        {"sender", "smtp.sender_name", "smtp.sender_email"},
        {"contextid", "smtp.contextid", NULL},
        {"sslctxid", "smtp.sslctxid", NULL},
        {"ssltype", "smtp.ssltype", NULL},
    };
    char item[40];
    char text[2][128] = {"", ""};
    struct live_child *child = &p->live->child;
    int n = sscanf(rest, "%39s %127s %127s", item, text[0], text[1]);
    if (!live_starts_module(p->live->options)) {
        return live_skip(p, "it needs a module with a preset mail account");
    }
    if (!secret && strcmp(item, "account") == 0) {
        return live_skip(p, "the program shows no preset password");
    }
    for (size_t i = 0; n >= 2 && i < sizeof items / sizeof items[0]; i++) {
        if (strcmp(items[i][0], item) == 0) {
            return live_child_set(child, items[i][1], text[0]) &&
                   (n < 3 || items[i][2] == NULL || live_child_set(child, items[i][2], text[1]));
        }
    }
    return transcript_fail(p, "the module takes no such preset");
}

/* ---- All steps -------------------------------------------------------------------------- */

/* True when all ports are of one of two kinds, "NAME" alone or "NAME:...". */
static bool all_are(const struct live_options *options, const char *one, const char *other)
{
    for (size_t i = 0; i < options->port_count; i++) {
        const char *port = options->ports[i];
        size_t n = strcspn(port, ":");
        if ((strlen(one) != n || memcmp(port, one, n) != 0) &&
            (strlen(other) != n || memcmp(port, other, n) != 0)) {
            return false;
        }
    }
    return true;
}

/* A serial device may have DTR; whether it has shows when it is driven. */
static bool may_have_dtr(const struct live_options *options)
{
    return !all_are(options, "pty", "tcp");
}

/* Adds up what the transcript waits in any case; false when that is more than the user wants to.
 * `within` is left out: what it allows is seldom needed. */
static bool check_time(struct player *p, uint64_t *sum)
{
    const char *word = p->step->word;
    const char *ms = strncmp(word, "wait ", 5) == 0    ? word + 5
                     : strncmp(word, "after ", 6) == 0 ? word + 6
                                                       : "0";
    uint64_t longest = (uint64_t)p->live->options->longest * 1000;
    uint64_t more = strtoul(ms, NULL, 10);
    *sum += more < TRANSCRIPT_LONGEST_MS ? more : TRANSCRIPT_LONGEST_MS;
    return longest == 0 || *sum <= longest ||
           live_skip(p, "it waits for more than %u s (wait, after)", p->live->options->longest);
}

static bool check_word(struct player *p)
{
    const char *word = p->step->word;
    size_t len = strcspn(word, " ");
    const char *rest = word + len + (word[len] == ' ' ? 1U : 0U);
    if (strncmp(word, "set ", 4) == 0) {
        return check_setting(p, rest);
    }
    if (len == 7 && memcmp(word, "virtual", 7) == 0) {
        return live_skip(p, "%s", *rest != '\0' ? rest : "it holds in virtual time only");
    }
    if (strncmp(word, "preset", 6) == 0) {
        return preset(p, rest, len > 6);
    }
    bool able = true;
    switch (live_ability(word, len)) {
    case LIVE_NEVER: able = transcript_directive_everywhere(word, len); break;
    case LIVE_WITH_DTR: able = may_have_dtr(p->live->options); break;
    case LIVE_WITH_CONNECTION: able = all_are(p->live->options, "tcp", "rfc2217"); break;
    case LIVE_ALWAYS:
    case LIVE_WITH_CHILD:
    default: break;
    }
    return able || live_skip(p, "line %u: no \"%.40s\" on %s", p->step->line, word,
                             p->live->options->ports[0]);
}

bool live_check(struct player *p)
{
    struct world *w = malloc(sizeof *w);
    if (w == NULL || !live_child_init(&p->live->child)) {
        free(w);
        return transcript_fail(p, "out of memory");
    }
    world_init(w); /* Nothing is played in it: it knows what a setting may be. */
    p->w = w;
    bool ok = true;
    uint64_t time = 0;
    for (size_t i = 0; ok && i < p->t->count; i++) {
        p->step = &p->t->steps[i];
        ok = p->step->kind != ' ' || (check_word(p) && check_time(p, &time));
    }
    p->w = NULL;
    free(w);
    return ok;
}
