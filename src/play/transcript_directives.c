/* SPDX-License-Identifier: MIT */
/* Directives of transcripts: the server, time, ports, and looks at what was sent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/transcript_player.h"

/* What a transcript may flood a port with: it is to end one day. */
#define FLOOD_MOST (64U << 20)

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

bool transcript_flood(struct player *p, const char *rest, unsigned long *times, size_t *skip)
{
    char *end = NULL;
    *times = strtoul(rest, &end, 10);
    *skip = (size_t)(end - rest) + 1;
    if (*skip >= p->step->len) {
        return transcript_fail(p, "nothing to flood with");
    }
    return *times <= FLOOD_MOST / (p->step->len - *skip) ||
           transcript_fail(p, "a flood is at most %u bytes", FLOOD_MOST);
}

/* "flood N text": the text N times, too much for a transcript to hold. */
static bool flood(struct player *p, const char *rest)
{
    unsigned long times = 0;
    size_t skip = 0;
    if (!transcript_flood(p, rest, &times, &skip)) {
        return false;
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

/* A number of milliseconds, at most a week. False, with a report, when it is none. */
static bool milliseconds(struct player *p, const char *text, uint64_t *ms)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *ms = value;
    return (errno == 0 && end != text && *end == '\0' && value <= TRANSCRIPT_LONGEST_MS) ||
           transcript_fail(p, "not a number of milliseconds");
}

static bool do_wait(struct player *p, const char *rest)
{
    uint64_t ms = 0;
    if (!milliseconds(p, rest, &ms)) {
        return false;
    }
    p->earliest += ms;
    p->stage->pass(p, p->stage->now(p) + ms);
    return true;
}

static bool do_within(struct player *p, const char *rest)
{
    return milliseconds(p, rest, &p->within);
}

static bool do_after(struct player *p, const char *rest)
{
    bool ok = milliseconds(p, rest, &p->after);
    p->within = p->after + TRANSCRIPT_ANSWER_MS;
    return ok;
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
    return network_result(p, rest, &p->w->network.open);
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
    return mails == strtoul(rest, NULL, 10) ||
           transcript_amiss(p, "the server has %u mails, not %s", mails, rest);
}

static bool do_connections(struct player *p, const char *rest)
{
    unsigned connections = p->w->server.connections;
    return connections == strtoul(rest, NULL, 10) ||
           transcript_amiss(p, "the server saw %u connections, not %s", connections, rest);
}

static bool has(const struct transcript_step *step, const void *text, size_t len)
{
    const uint8_t *t = text;
    if (step->len == 0) {
        return true;
    }
    for (size_t i = 0; step->len <= len && i <= len - step->len; i++) {
        if (memcmp(t + i, step->bytes, step->len) == 0) {
            return true;
        }
    }
    return false;
}

bool transcript_look(struct player *p, const void *text, size_t len)
{
    const char *name = p->step->word;
    size_t n = strcspn(name, " ");
    bool wanted = n >= 4 && memcmp(name + n - 4, "-has", 4) == 0;
    if (has(p->step, text, len) == wanted) {
        return true;
    }
    bool goes_on = transcript_amiss(p, wanted ? "not in there" : "in there");
    play_report_bytes(p->report, wanted ? "wanted" : "unwanted", p->step->bytes, p->step->len,
                      SIZE_MAX);
    play_report_text(p->report, text, len);
    return goes_on;
}

/* "message-has text", "log-lacks text" and the like. */
static bool do_look(struct player *p, const char *rest)
{
    const struct world_server *s = &p->w->server;
    (void)rest;
    switch (p->step->word[0]) {
    case 'c': return transcript_look(p, s->credentials, s->credentials_len);
    case 'm': return transcript_look(p, s->message, s->message_len);
    case 'e': return transcript_look(p, s->envelope, strlen(s->envelope));
    case 'l': return transcript_look(p, p->w->log, p->w->log_len);
    case 'a': return transcript_look(p, p->w->network.asked, strlen(p->w->network.asked));
    default: return transcript_look(p, p->w->trace, p->w->trace_len);
    }
}

/* ---- All of them --------------------------------------------------------------------- */

static bool do_setting(struct player *p, const char *rest)
{
    return transcript_setting(p, rest);
}

static bool do_virtual(struct player *p, const char *rest)
{
    (void)p;
    (void)rest;
    return true;
}

/* Where a directive can be followed. */
enum place { WORLD, ANYWHERE };

static const struct directive {
    const char *name;
    bool (*run)(struct player *p, const char *rest);
    enum place place;
} directives[] = {
    {"set", do_setting, WORLD},
    {"virtual", do_virtual, WORLD},
    {"server", server_fault, WORLD},
    {"reply", do_reply, WORLD},
    {"reply-close", do_reply_close, WORLD},
    {"capabilities", do_capabilities, WORLD},
    {"preset", do_preset, WORLD},
    {"preset-secret", do_preset_secret, WORLD},
    {"flood", flood, WORLD},
    {"wait", do_wait, ANYWHERE},
    {"within", do_within, ANYWHERE},
    {"after", do_after, ANYWHERE},
    {"port", do_port, ANYWHERE},
    {"reading", do_reading, WORLD},
    {"dtr", do_dtr, WORLD},
    {"lost", do_lost, WORLD},
    {"host", do_host, WORLD},
    {"look-up", do_look_up, WORLD},
    {"ping", do_ping, WORLD},
    {"ntp", do_ntp, WORLD},
    {"network", do_network, WORLD},
    {"context-lost", do_context_lost, WORLD},
    {"mails", do_mails, WORLD},
    {"connections", do_connections, WORLD},
    {"message-has", do_look, WORLD},
    {"message-lacks", do_look, WORLD},
    {"envelope-has", do_look, WORLD},
    {"envelope-lacks", do_look, WORLD},
    {"log-has", do_look, WORLD},
    {"log-lacks", do_look, WORLD},
    {"trace-has", do_look, WORLD},
    {"trace-lacks", do_look, WORLD},
    {"credentials-has", do_look, WORLD},
    {"credentials-lacks", do_look, WORLD},
    {"asked-has", do_look, WORLD},
    {"asked-lacks", do_look, WORLD},
};

static const struct directive *find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        if (strlen(directives[i].name) == len && memcmp(directives[i].name, name, len) == 0) {
            return &directives[i];
        }
    }
    return NULL;
}

bool transcript_directive_known(const char *name, size_t len)
{
    return find(name, len) != NULL;
}

bool transcript_directive_everywhere(const char *name, size_t len)
{
    const struct directive *directive = find(name, len);
    return directive != NULL && directive->place == ANYWHERE;
}

bool transcript_world_directive(struct player *p, const char *name, size_t len, const char *rest)
{
    const struct directive *directive = find(name, len);
    return directive != NULL ? directive->run(p, rest) : transcript_fail(p, "unknown directive");
}

bool transcript_directive(struct player *p)
{
    const char *name = p->step->word;
    size_t len = strcspn(name, " ");
    const char *rest = name + len + (name[len] == ' ' ? 1U : 0U);
    return transcript_directive_everywhere(name, len)
               ? transcript_world_directive(p, name, len, rest)
               : p->stage->directive(p, name, len, rest);
}
