/* SPDX-License-Identifier: MIT */
/* Plays a transcript against a module in virtual time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transcript.h"

/* Time a local answer may take (SD45). */
#define ANSWER_MS 300U

struct player {
    struct transcript *t;
    struct world *w;
    const struct transcript_step *step;
    enum transcript_cut cut;
    size_t number;
    size_t typed;
    unsigned seed;
    size_t port;
    uint64_t within, after;
    uint8_t got[262144];
    size_t got_len, got_at;
    bool begun;
    size_t ports;
    bool lf_ends_line, boot_urcs;
    bool deaf; /* the host does not read */
};

static bool fail(struct player *p, const char *format, ...)
{
    struct transcript *t = p->t;
    va_list args;
    int n = snprintf(t->error, sizeof t->error, "%s:%u (cut %d at %zu): ", t->path, p->step->line,
                     (int)p->cut, p->number);
    va_start(args, format);
    (void)vsnprintf(t->error + n, sizeof t->error - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* Bytes as a person can read them. */
static const char *readable(const uint8_t *bytes, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 5 < size; i++) {
        uint8_t c = bytes[i];
        if (c == '\r' || c == '\n') {
            out[n++] = '\\';
            out[n++] = c == '\r' ? 'r' : 'n';
        } else if (c >= 0x20 && c < 0x7F) {
            out[n++] = (char)c;
        } else {
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        }
    }
    out[n] = '\0';
    return out;
}

static void drain(struct player *p)
{
    if (p->deaf) {
        return;
    }
    p->got_len += world_read(p->w, p->port, p->got + p->got_len, sizeof p->got - p->got_len);
}

static bool nothing_left(struct player *p)
{
    char text[100];
    drain(p);
    if (p->got_at == p->got_len) {
        return true;
    }
    return fail(p, "nobody expected \"%s\"",
                readable(p->got + p->got_at, p->got_len - p->got_at, text, sizeof text));
}

/* ---- Typing ---------------------------------------------------------------------- */

static size_t piece(struct player *p, size_t left)
{
    switch (p->cut) {
    case TRANSCRIPT_BYTES:
        return 1;
    case TRANSCRIPT_AT:
        return p->typed < p->number && p->number - p->typed < left ? p->number - p->typed : left;
    case TRANSCRIPT_RANDOM:
        p->seed = p->seed * 1103515245U + 12345U;
        return (p->seed >> 16) % 16U + 1U < left ? (p->seed >> 16) % 16U + 1U : left;
    case TRANSCRIPT_WHOLE:
    default:
        return left;
    }
}

static bool type(struct player *p)
{
    size_t done = 0;
    unsigned refused = 0;
    if (!nothing_left(p)) {
        return false;
    }
    while (done < p->step->len) { /* A port that is full of echo takes more once that is read. */
        size_t n = pm_port_input(&p->w->ports[p->port], p->step->bytes + done,
                                 piece(p, p->step->len - done), p->w->now);
        world_run(p->w);
        drain(p);
        done += n;
        p->typed += n;
        refused = n == 0 ? refused + 1 : 0;
        if (refused == 2) {
            return fail(p, "the port takes no input");
        }
    }
    return true;
}

/* "flood N text": the text N times, too much for a transcript to hold. */
static bool flood(struct player *p, const char *rest)
{
    char *end = NULL;
    unsigned long times = strtoul(rest, &end, 10);
    size_t skip = (size_t)(end - rest) + 1;
    if (skip >= p->step->len) {
        return fail(p, "nothing to flood with");
    }
    while (times-- != 0) {
        size_t done = skip;
        for (unsigned tries = 0; done < p->step->len && tries < 100; tries++) {
            done += pm_port_input(&p->w->ports[p->port], p->step->bytes + done,
                                  p->step->len - done, p->w->now);
            world_run(p->w);
            drain(p);
        }
        if (done < p->step->len) {
            return fail(p, "the port takes no input");
        }
    }
    return true;
}

/* ---- Expecting ------------------------------------------------------------------- */

/* Length of the got bytes that match the step's bytes, where '*' in a pattern stands for any
 * bytes of a line. 0: more bytes are needed; SIZE_MAX: they differ. */
static size_t match(const struct transcript_step *step, const uint8_t *got, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < step->len; i++) {
        if (step->kind == '~' && step->bytes[i] == '*') {
            uint8_t stop = step->bytes[i + 1];
            while (at < len && got[at] != stop && got[at] != '\r') {
                at++;
            }
            continue;
        }
        if (at == len) {
            return 0;
        }
        if (got[at++] != step->bytes[i]) {
            return SIZE_MAX;
        }
    }
    return at;
}

static bool differ(struct player *p, const char *why)
{
    char want[90];
    char got[90];
    return fail(p, "%s: expected \"%s\", got \"%s\"", why,
                readable(p->step->bytes, p->step->len, want, sizeof want),
                readable(p->got + p->got_at, p->got_len - p->got_at, got, sizeof got));
}

static bool expect(struct player *p)
{
    uint64_t start = p->w->now;
    uint64_t limit = start + p->within;
    if (p->after != 0) {
        world_advance(p->w, start + p->after - 1);
        if (!nothing_left(p)) {
            return false;
        }
    }
    for (;;) {
        drain(p);
        size_t n = match(p->step, p->got + p->got_at, p->got_len - p->got_at);
        if (n == SIZE_MAX) {
            return differ(p, "other bytes");
        }
        if (n != 0) {
            p->got_at += n;
            p->within = ANSWER_MS;
            p->after = 0;
            return true;
        }
        uint64_t deadline = pm_module_deadline(&p->w->module);
        if (deadline > limit) {
            return differ(p, "no answer in time");
        }
        world_advance(p->w, deadline);
    }
}

/* ---- Directives ------------------------------------------------------------------ */

static bool number_setting(struct pm_module_config *c, const char *key, unsigned long value)
{
    const struct {
        const char *key;
        uint32_t *value;
    } settings[] = {
        {"connect_delay", &c->connect_delay},
        {"urc_gap", &c->urc_gap},
        {"qiact_delay", &c->qiact_delay},
        {"power_on_delay", &c->power_on_delay},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(settings[i].key, key) == 0) {
            *settings[i].value = (uint32_t)value;
            return true;
        }
    }
    return false;
}

static bool word_setting(struct player *p, const char *pair)
{
    struct pm_module_config *c = &p->w->config;
    const struct {
        const char *pair;
        uint8_t *value;
        uint8_t number;
    } words[] = {
        {"limits wide", &c->limits, PM_LIMITS_WIDE},
        {"upl_crlf on", &c->upl_crlf, PM_UPL_CRLF_ON},
        {"upl_crlf off", &c->upl_crlf, PM_UPL_CRLF_OFF},
        {"boot_profile ag35-cet", &c->boot_profile, PM_BOOT_AG35_CET},
        {"recipients any", &c->recipients, PM_RECIPIENTS_ANY},
        {"charset_check refuse", &c->charset_check, PM_CHARSET_REFUSE},
        {"sim absent", &c->sim, PM_SIM_ABSENT},
        {"registration 0", &c->registration, 0},
        {"registration 2", &c->registration, 2},
        {"registration 5", &c->registration, 5},
    };
    if (strcmp(pair, "auth_in_clear never") == 0) {
        c->auth_in_clear = PM_SMTP_CLEAR_AUTH_NEVER;
        return true;
    }
    const struct {
        const char *pair;
        bool *value;
        bool on;
    } flags[] = {
        {"syntax lenient", &c->lenient, true},      {"att_list_size off", &c->att_list_size, false},
        {"mask_password on", &c->mask_password, true}, {"qiact_again ok", &c->qiact_again_ok, true},
        {"boot_delay off", &c->boot_delay, false},  {"boot_urcs on", &p->boot_urcs, true},
        {"lf_ends_line on", &p->lf_ends_line, true},
        {"mail_clock module", &c->mail_clock_module, true},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].pair, pair) == 0) {
            *words[i].value = words[i].number;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].pair, pair) == 0) {
            *flags[i].value = flags[i].on;
            return true;
        }
    }
    return false;
}

static bool setting(struct player *p, const char *pair)
{
    char key[40];
    unsigned long value = 0;
    if (p->begun) {
        return fail(p, "a setting after the start");
    }
    if (word_setting(p, pair)) {
        return true;
    }
    if (sscanf(pair, "%39s %lu", key, &value) == 2) {
        if (strcmp(key, "ports") == 0 && value <= WORLD_PORTS) {
            p->ports = value;
            return true;
        }
        if (strcmp(key, "active_at_start") == 0) {
            p->w->config.active_at_start = (uint16_t)value;
            return true;
        }
        if (strcmp(key, "arena") == 0) {
            p->w->arena_size = value;
            return true;
        }
        if (strcmp(key, "storage") == 0) {
            p->w->ufs_size = value;
            return true;
        }
        if (number_setting(&p->w->config, key, value)) {
            return true;
        }
    }
    return fail(p, "unknown setting \"%s\"", pair);
}

static bool server_fault(struct player *p, const char *name)
{
    static const char *const names[] = {
        "ok",       "no-host",    "no-connect", "no-tls",       "silent",      "close-data", "refuse-rcpt",
        "refuse-one", "bad-password", "no-starttls", "refuse-starttls", "busy", "stuck"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            p->w->server.fault = (enum world_fault)i;
            return true;
        }
    }
    return fail(p, "unknown fault \"%s\"", name);
}

/* "reply VERB text" for what the server says from now on; without a text it forgets it. */
static bool scripted_reply(struct player *p, const char *rest, bool then_close)
{
    char verb[sizeof p->w->server.replies[0].verb];
    size_t n = strcspn(rest, " ");
    const struct transcript_step *step = p->step;
    size_t skip = n + (rest[n] == ' ' ? 1U : 0U);
    if (n >= sizeof verb) {
        return fail(p, "no such verb");
    }
    memcpy(verb, rest, n);
    verb[n] = '\0';
    return world_server_reply(p->w, verb, step->bytes + skip, step->len - skip, then_close) ||
           fail(p, "too many scripted replies");
}

/* "preset item text text2-or-number": what a configuration may preset (SD8). */
static bool preset(struct player *p, const char *rest, bool secret)
{
    char item[40];
    char text[128] = "";
    char text2[128] = "";
    int n = sscanf(rest, "%39s %127s %127s", item, text, text2);
    unsigned long number = strtoul(n == 2 ? text : text2, NULL, 10);
    return (n >= 2 && pm_module_preset(&p->w->module, item, text, text2, (uint32_t)number,
                                       secret)) ||
           fail(p, "the module takes no such preset");
}

static bool has(const struct transcript_step *step, const void *text, size_t len)
{
    const uint8_t *t = text;
    for (size_t i = 0; step->len <= len && i <= len - step->len; i++) {
        if (memcmp(t + i, step->bytes, step->len) == 0) {
            return true;
        }
    }
    return false;
}

static void begin(struct player *p)
{
    static const char *const names[WORLD_PORTS] = {"usbat", "usbmodem", "uart1"};
    world_begin(p->w, 0);
    p->w->port_count = p->ports;
    for (size_t i = 0; i < p->ports; i++) {
        pm_port_init(&p->w->ports[i], &p->w->module, names[i], p->boot_urcs, p->lf_ends_line,
                     p->w->now);
    }
    p->begun = true;
}

/* The rest of a directive behind its first word, or NULL when it is another one. */
static const char *directive(const struct transcript_step *step, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(step->word, name, n) != 0 || (step->word[n] != '\0' && step->word[n] != ' ')) {
        return NULL;
    }
    return step->word[n] == ' ' ? step->word + n + 1 : step->word + n;
}

static bool check(struct player *p)
{
    const struct world_server *s = &p->w->server;
    const char *rest = NULL;
    if ((rest = directive(p->step, "mails")) != NULL) {
        return s->mails == strtoul(rest, NULL, 10) || fail(p, "the server has %u mails", s->mails);
    }
    if ((rest = directive(p->step, "connections")) != NULL) {
        return s->connections == strtoul(rest, NULL, 10) ||
               fail(p, "the server saw %u connections", s->connections);
    }
    if (directive(p->step, "message-has") != NULL) {
        if (has(p->step, s->message, s->message_len)) {
            return true;
        }
        (void)fprintf(stderr, "%.*s\n", (int)s->message_len, (const char *)s->message);
        return fail(p, "not in the message above");
    }
    if (directive(p->step, "message-lacks") != NULL) {
        return !has(p->step, s->message, s->message_len) || fail(p, "in the message");
    }
    if (directive(p->step, "envelope-has") != NULL) {
        return has(p->step, s->envelope, strlen(s->envelope)) ||
               fail(p, "not in the envelope: %s", s->envelope);
    }
    if (directive(p->step, "envelope-lacks") != NULL) {
        return !has(p->step, s->envelope, strlen(s->envelope)) || fail(p, "in the envelope");
    }
    if (directive(p->step, "log-lacks") != NULL) {
        return !has(p->step, p->w->log, p->w->log_len) || fail(p, "in the log");
    }
    if (directive(p->step, "trace-has") != NULL) {
        return has(p->step, p->w->trace, p->w->trace_len) || fail(p, "not in the trace");
    }
    if (directive(p->step, "log-has") != NULL) {
        return has(p->step, p->w->log, p->w->log_len) || fail(p, "not in the log: %s", p->w->log);
    }
    if (directive(p->step, "trace-lacks") != NULL) {
        return !has(p->step, p->w->trace, p->w->trace_len) || fail(p, "in the trace");
    }
    return fail(p, "unknown directive");
}

static bool act(struct player *p)
{
    const char *rest = NULL;
    if ((rest = directive(p->step, "set")) != NULL) {
        return setting(p, rest);
    }
    if (!p->begun) {
        begin(p);
    }
    if ((rest = directive(p->step, "server")) != NULL) {
        return server_fault(p, rest);
    }
    if ((rest = directive(p->step, "reply")) != NULL) {
        return scripted_reply(p, rest, false);
    }
    if ((rest = directive(p->step, "reply-close")) != NULL) {
        return scripted_reply(p, rest, true);
    }
    if ((rest = directive(p->step, "capabilities")) != NULL) {
        p->w->server.capabilities = rest;
        return true;
    }
    if ((rest = directive(p->step, "preset")) != NULL) {
        return preset(p, rest, false);
    }
    if ((rest = directive(p->step, "preset-secret")) != NULL) {
        return preset(p, rest, true);
    }
    if ((rest = directive(p->step, "wait")) != NULL) {
        world_advance(p->w, p->w->now + strtoull(rest, NULL, 10));
        return true;
    }
    if ((rest = directive(p->step, "within")) != NULL) {
        p->within = strtoull(rest, NULL, 10);
        return true;
    }
    if ((rest = directive(p->step, "after")) != NULL) {
        p->after = strtoull(rest, NULL, 10);
        p->within = p->after + ANSWER_MS;
        return true;
    }
    if ((rest = directive(p->step, "port")) != NULL) {
        if (!nothing_left(p)) {
            return false;
        }
        p->port = strtoul(rest, NULL, 10) - 1;
        return p->port < p->ports || fail(p, "no such port");
    }
    if ((rest = directive(p->step, "flood")) != NULL) {
        return flood(p, rest);
    }
    if ((rest = directive(p->step, "reading")) != NULL) {
        p->deaf = strcmp(rest, "off") == 0;
        drain(p);
        return true;
    }
    if ((rest = directive(p->step, "dtr")) != NULL) {
        pm_port_dtr(&p->w->ports[p->port], strcmp(rest, "on") == 0, p->w->now);
        world_run(p->w);
        return true;
    }
    if (directive(p->step, "lost") != NULL) {
        pm_port_lost(&p->w->ports[p->port], p->w->now);
        world_run(p->w);
        return true;
    }
    return check(p);
}

static bool run_step(struct player *p)
{
    if (p->step->kind == ' ') {
        return act(p);
    }
    if (!p->begun) {
        begin(p);
    }
    return p->step->kind == '>' ? type(p) : expect(p);
}

bool transcript_play(struct transcript *t, enum transcript_cut cut, size_t number, bool async)
{
    struct player *p = calloc(1, sizeof *p);
    struct world *w = calloc(1, sizeof *w);
    bool ok = p != NULL && w != NULL;
    if (ok) {
        world_init(w);
        w->async = async;
        *p = (struct player){.t = t,
                             .w = w,
                             .cut = cut,
                             .number = number,
                             .seed = (unsigned)number,
                             .ports = 1,
                             .within = ANSWER_MS};
        for (size_t i = 0; ok && i < t->count; i++) {
            p->step = &t->steps[i];
            ok = run_step(p);
        }
        ok = ok && nothing_left(p);
        if (p->begun) {
            world_end(w);
        }
    }
    free(p);
    free(w);
    return ok;
}
