/* SPDX-License-Identifier: MIT */
/* Directives of transcripts: settings, the server, time, ports, and looks at what was sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/transcript_player.h"

/* ---- Settings ---------------------------------------------------------------------- */

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
        {"syntax lenient", &c->lenient, true},
        {"att_list_size off", &c->att_list_size, false},
        {"mask_password on", &c->mask_password, true},
        {"qiact_again ok", &c->qiact_again_ok, true},
        {"boot_delay off", &c->boot_delay, false},
        {"boot_urcs on", &p->boot_urcs, true},
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

/* "key number". */
static bool pair_setting(struct player *p, const char *pair)
{
    char key[40];
    char *end = NULL;
    size_t n = strcspn(pair, " ");
    if (n >= sizeof key || pair[n] != ' ') {
        return false;
    }
    memcpy(key, pair, n);
    key[n] = '\0';
    unsigned long value = strtoul(pair + n + 1, &end, 10);
    if (end == pair + n + 1) {
        return false;
    }
    if (strcmp(key, "ports") == 0) {
        p->ports = value;
        return value >= 1 && value <= WORLD_PORTS;
    }
    if (strcmp(key, "boot_urcs") == 0) {
        p->boot_urcs = true;
        p->boot_port = value;
    } else if (strcmp(key, "active_at_start") == 0) {
        p->w->config.active_at_start = (uint16_t)value;
    } else if (strcmp(key, "arena") == 0) {
        p->w->arena_size = value;
    } else if (strcmp(key, "storage") == 0) {
        p->w->ufs_size = value;
    } else {
        return number_setting(&p->w->config, key, value);
    }
    return true;
}

static bool setting(struct player *p, const char *pair)
{
    if (p->begun) {
        return transcript_fail(p, "a setting after the start");
    }
    return word_setting(p, pair) || pair_setting(p, pair) ||
           transcript_fail(p, "unknown setting \"%s\"", pair);
}

/* ---- The server ---------------------------------------------------------------------- */

static bool server_fault(struct player *p, const char *name)
{
    static const char *const names[] = {
        "ok",          "no-host",    "no-connect",   "no-tls",      "silent",          "close-data",
        "refuse-rcpt", "refuse-one", "bad-password", "no-starttls", "refuse-starttls", "busy",
        "stuck"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            p->w->server.fault = (enum world_fault)i;
            return true;
        }
    }
    return transcript_fail(p, "unknown fault \"%s\"", name);
}

/* "reply VERB text" for what the server says from now on; without a text it forgets it. */
static bool script_reply(struct player *p, const char *rest, bool then_close)
{
    char verb[sizeof p->w->server.replies[0].verb];
    size_t n = strcspn(rest, " ");
    const struct transcript_step *step = p->step;
    size_t skip = n + (rest[n] == ' ' ? 1U : 0U);
    if (n >= sizeof verb) {
        return transcript_fail(p, "no such verb");
    }
    memcpy(verb, rest, n);
    verb[n] = '\0';
    return world_server_reply(p->w, verb, step->bytes + skip, step->len - skip, then_close) ||
           transcript_fail(p, "too many scripted replies");
}

/* "preset item text text2-or-number": what a configuration may preset (SD8). */
static bool preset(struct player *p, const char *rest, bool secret)
{
    char item[40];
    char text[128] = "";
    char text2[128] = "";
    int n = sscanf(rest, "%39s %127s %127s", item, text, text2);
    unsigned long number = strtoul(n == 2 ? text : text2, NULL, 10);
    return (n >= 2 &&
            pm_module_preset(&p->w->module, item, text, text2, (uint32_t)number, secret)) ||
           transcript_fail(p, "the module takes no such preset");
}

static bool do_reply(struct player *p, const char *rest)
{
    return script_reply(p, rest, false);
}

static bool do_reply_close(struct player *p, const char *rest)
{
    return script_reply(p, rest, true);
}

static bool do_capabilities(struct player *p, const char *rest)
{
    p->w->server.capabilities = rest;
    return true;
}

static bool do_preset(struct player *p, const char *rest)
{
    return preset(p, rest, false);
}

static bool do_preset_secret(struct player *p, const char *rest)
{
    return preset(p, rest, true);
}

/* ---- Time and ports ------------------------------------------------------------------ */

/* "flood N text": the text N times, too much for a transcript to hold. */
static bool flood(struct player *p, const char *rest)
{
    char *end = NULL;
    unsigned long times = strtoul(rest, &end, 10);
    size_t skip = (size_t)(end - rest) + 1;
    if (skip >= p->step->len) {
        return transcript_fail(p, "nothing to flood with");
    }
    while (times-- != 0) {
        size_t done = skip;
        for (unsigned tries = 0; done < p->step->len && tries < 100; tries++) {
            done += pm_port_input(&p->w->ports[p->port], p->step->bytes + done, p->step->len - done,
                                  p->w->now);
            world_run(p->w);
            transcript_drain(p);
        }
        if (done < p->step->len) {
            return transcript_fail(p, "the port takes no input");
        }
    }
    return true;
}

static bool do_wait(struct player *p, const char *rest)
{
    world_advance(p->w, p->w->now + strtoull(rest, NULL, 10));
    return true;
}

static bool do_within(struct player *p, const char *rest)
{
    p->within = strtoull(rest, NULL, 10);
    return true;
}

static bool do_after(struct player *p, const char *rest)
{
    p->after = strtoull(rest, NULL, 10);
    p->within = p->after + TRANSCRIPT_ANSWER_MS;
    return true;
}

static bool do_port(struct player *p, const char *rest)
{
    if (!transcript_nothing_left(p)) {
        return false;
    }
    p->port = strtoul(rest, NULL, 10) - 1;
    return p->port < p->ports || transcript_fail(p, "no such port");
}

static bool do_reading(struct player *p, const char *rest)
{
    p->deaf = strcmp(rest, "off") == 0;
    transcript_drain(p);
    return true;
}

static bool do_dtr(struct player *p, const char *rest)
{
    pm_port_dtr(&p->w->ports[p->port], strcmp(rest, "on") == 0, p->w->now);
    world_run(p->w);
    return true;
}

static bool do_lost(struct player *p, const char *rest)
{
    (void)rest;
    pm_port_lost(&p->w->ports[p->port], p->w->now);
    world_run(p->w);
    return true;
}

/* ---- The network ----------------------------------------------------------------------- */

/* The result that a word stands for, into *result. */
static bool network_result(struct player *p, const char *word, int32_t *result)
{
    static const struct {
        const char *word;
        int32_t result;
    } words[] = {
        {"ok", PM_OK},
        {"silent", PM_PENDING},
        {"no-host", PM_ERR_RESOLVE},
        {"refused", PM_ERR_CONNECT},
        {"timeout", PM_ERR_TIMEOUT},
        {"unsupported", PM_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, word) == 0) {
            *result = words[i].result;
            return true;
        }
    }
    return transcript_fail(p, "unknown answer of the network \"%s\"", word);
}

static bool do_host(struct player *p, const char *rest)
{
    return world_network_host(p->w, rest) || transcript_fail(p, "no host, or too many");
}

static bool do_look_up(struct player *p, const char *rest)
{
    return network_result(p, rest, &p->w->network.look_up);
}

static bool do_ping(struct player *p, const char *rest)
{
    return network_result(p, rest, &p->w->network.ping);
}

/* A number: the seconds since 1970 that the server tells. */
static bool do_ntp(struct player *p, const char *rest)
{
    char *end = NULL;
    long long seconds = strtoll(rest, &end, 10);
    if (end != rest && *end == '\0') {
        p->w->network.ntp_seconds = seconds;
        p->w->network.ntp = PM_OK;
        return true;
    }
    return network_result(p, rest, &p->w->network.ntp);
}

static bool do_network(struct player *p, const char *rest)
{
    p->w->network.closed = strcmp(rest, "closed") == 0;
    return p->w->network.closed || strcmp(rest, "open") == 0 ||
           transcript_fail(p, "the network is open or closed");
}

static bool do_context_lost(struct player *p, const char *rest)
{
    pm_module_context_lost(&p->w->module, (uint8_t)strtoul(rest, NULL, 10), p->w->now);
    world_run(p->w);
    return true;
}

/* ---- Looks at what was sent ------------------------------------------------------------ */

static bool do_mails(struct player *p, const char *rest)
{
    unsigned mails = p->w->server.mails;
    return mails == strtoul(rest, NULL, 10) || transcript_fail(p, "the server has %u mails", mails);
}

static bool do_connections(struct player *p, const char *rest)
{
    unsigned connections = p->w->server.connections;
    return connections == strtoul(rest, NULL, 10) ||
           transcript_fail(p, "the server saw %u connections", connections);
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

/* "message-has text", "log-lacks text" and the like. */
static bool look(struct player *p, const char *name, size_t len, bool *known)
{
    const struct world_server *s = &p->w->server;
    const struct {
        const char *name;
        const void *text;
        size_t len;
    } places[] = {
        {"message-", s->message, s->message_len},
        {"envelope-", s->envelope, strlen(s->envelope)},
        {"log-", p->w->log, p->w->log_len},
        {"trace-", p->w->trace, p->w->trace_len},
        {"asked-", p->w->network.asked, strlen(p->w->network.asked)},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        size_t n = strlen(places[i].name);
        bool wanted = len == n + 3 && memcmp(name + n, "has", 3) == 0;
        bool unwanted = len == n + 5 && memcmp(name + n, "lacks", 5) == 0;
        if ((!wanted && !unwanted) || memcmp(name, places[i].name, n) != 0) {
            continue;
        }
        *known = true;
        if (has(p->step, places[i].text, places[i].len) == wanted) {
            return true;
        }
        (void)fprintf(stderr, "%.*s\n", (int)places[i].len, (const char *)places[i].text);
        return transcript_fail(p, wanted ? "not in the text above" : "in the text above");
    }
    *known = false;
    return false;
}

/* ---- All of them --------------------------------------------------------------------- */

bool transcript_begin(struct player *p)
{
    static const char *const names[WORLD_PORTS] = {"usbat", "usbmodem", "uart1"};
    world_begin(p->w, 0);
    if (!p->w->started) {
        return transcript_fail(p, "%s", p->w->failed);
    }
    p->w->port_count = p->ports;
    for (size_t i = 0; i < p->ports && i < WORLD_PORTS; i++) {
        pm_port_init(&p->w->ports[i], &p->w->module, names[i],
                     p->boot_urcs && (p->boot_port == 0 || p->boot_port == i + 1), p->lf_ends_line,
                     p->w->now);
    }
    p->begun = true;
    return true;
}

bool transcript_directive(struct player *p)
{
    static const struct {
        const char *name;
        bool (*run)(struct player *p, const char *rest);
    } directives[] = {
        {"server", server_fault},
        {"reply", do_reply},
        {"reply-close", do_reply_close},
        {"capabilities", do_capabilities},
        {"preset", do_preset},
        {"preset-secret", do_preset_secret},
        {"flood", flood},
        {"wait", do_wait},
        {"within", do_within},
        {"after", do_after},
        {"port", do_port},
        {"reading", do_reading},
        {"dtr", do_dtr},
        {"lost", do_lost},
        {"host", do_host},
        {"look-up", do_look_up},
        {"ping", do_ping},
        {"ntp", do_ntp},
        {"network", do_network},
        {"context-lost", do_context_lost},
        {"mails", do_mails},
        {"connections", do_connections},
    };
    const char *name = p->step->word;
    size_t len = strcspn(name, " ");
    const char *rest = name + len + (name[len] == ' ' ? 1U : 0U);
    if (len == 3 && memcmp(name, "set", 3) == 0) {
        return setting(p, rest);
    }
    if (!p->begun && !transcript_begin(p)) {
        return false;
    }
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        if (strlen(directives[i].name) == len && memcmp(directives[i].name, name, len) == 0) {
            return directives[i].run(p, rest);
        }
    }
    bool known = false;
    bool good = look(p, name, len, &known);
    return known ? good : transcript_fail(p, "unknown directive");
}
