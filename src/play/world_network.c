/* SPDX-License-Identifier: MIT */
/* The network of a world: contexts, name look-up, echo and time, answered as scripted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/ip.h"
#include "play/world.h"

void world_network_init(struct world *w)
{
    struct world_network *n = &w->network;
    n->reply = (struct pm_ping_reply){.ms = 25, .ttl = 57};
    n->ntp_seconds = 1795428900;
    n->servers[0] = (struct pm_ip){PM_IPV4, {10, 7, 0, 1}};
    n->servers[1] = (struct pm_ip){PM_IPV4, {10, 7, 0, 2}};
}

/* Copies one word of at most size-1 bytes; the text behind it, or NULL. */
static const char *take_word(const char *text, char *word, size_t size)
{
    size_t len = strcspn(text, " ");
    if (len == 0 || len >= size) {
        return NULL;
    }
    memcpy(word, text, len);
    word[len] = '\0';
    return text + len + (text[len] == ' ' ? 1U : 0U);
}

static bool read_addresses(const char *text, struct pm_resolved *resolved)
{
    char word[64];
    const char *at = text + strspn(text, "0123456789");
    resolved->ttl = (uint32_t)strtoul(text, NULL, 10);
    bool good = at != text;
    while (good && *at == ' ') {
        good = take_word(at + 1, word, sizeof word) != NULL && resolved->count < PM_RESOLVED_MAX &&
               pm__ip_parse(pm__slice(word), &resolved->address[resolved->count]);
        if (good) {
            resolved->count++;
            at += 1 + strlen(word);
        }
    }
    return good && *at == '\0';
}

static size_t find_host(const struct world *w, const char *name)
{
    size_t i = 0;
    while (i < WORLD_HOSTS && strcmp(w->network.hosts[i].name, name) != 0) {
        i++;
    }
    return i;
}

bool world_network_host(struct world *w, const char *text)
{
    char name[sizeof w->network.hosts[0].name];
    struct pm_resolved resolved;
    const char *rest = take_word(text, name, sizeof name);
    memset(&resolved, 0, sizeof resolved);
    if (rest == NULL || (*rest != '\0' && !read_addresses(rest, &resolved))) {
        return false;
    }
    size_t i = find_host(w, name);
    i = i < WORLD_HOSTS ? i : find_host(w, "");
    if (i == WORLD_HOSTS) {
        return false;
    }
    (void)snprintf(w->network.hosts[i].name, sizeof name, "%s", *rest != '\0' ? name : "");
    w->network.hosts[i].resolved = resolved;
    return true;
}

/* Begins a line of what was asked of the network, and ends it. */
static void begin_note(struct world *w, struct pm__text *text, const char *what,
                       struct pm_slice host)
{
    size_t len = strlen(w->network.asked);
    pm__text_init(text, w->network.asked + len, sizeof w->network.asked - 1 - len);
    pm__text_add(text, what);
    pm__text_char(text, ' ');
    pm__text_slice(text, host);
}

static void end_note(struct pm__text *text)
{
    pm__text_char(text, '\n');
    text->buf[text->len] = '\0';
}

/* "resolve mail.example context 1 type 1 servers 8.8.8.8 8.8.4.4". */
void world_network_note(struct world *w, const char *what, struct pm_slice host,
                        const struct pm_route *route)
{
    struct pm__text text;
    begin_note(w, &text, what, host);
    pm__text_add(&text, " context ");
    pm__text_number(&text, route->context);
    pm__text_add(&text, " type ");
    pm__text_number(&text, route->type);
    pm__text_add(&text, " servers");
    for (size_t i = 0; i < 2 && route->dns[i].family != PM_IP_NONE; i++) {
        pm__text_char(&text, ' ');
        pm__ip_put(&text, &route->dns[i]);
    }
    end_note(&text);
}

/* "starttls mail.example seclevel 0 verify 1 configured 0 owner 0". */
void world_network_note_tls(struct world *w, const char *what,
                            const struct pm_connect_request *request)
{
    struct pm__text text;
    begin_note(w, &text, what, request->host);
    pm__text_add(&text, " seclevel ");
    pm__text_number(&text, request->tls->seclevel);
    pm__text_add(&text, " verify ");
    pm__text_number(&text, request->tls->verify);
    pm__text_add(&text, " configured ");
    pm__text_number(&text, request->tls->configured);
    pm__text_add(&text, " owner ");
    pm__text_number(&text, request->tls->owner_account);
    end_note(&text);
}

bool world_network_cancel(struct world *w, const struct pm_op *op)
{
    for (size_t i = 0; i < sizeof w->network.never / sizeof w->network.never[0]; i++) {
        if (w->network.never[i] == op) {
            w->network.never[i] = NULL;
            return true;
        }
    }
    return false;
}

/* The answer that is scripted, or none for ever. */
static int32_t answer(struct world *w, struct pm_op *op, int32_t result)
{
    if (world_fails(w)) {
        return world_answer(w, op, PM_ERR_NO_MEMORY);
    }
    if (result != PM_PENDING) {
        return world_answer(w, op, result);
    }
    size_t i = 0;
    while (i < sizeof w->network.never / sizeof w->network.never[0] &&
           w->network.never[i] != NULL) {
        i++;
    }
    if (i == sizeof w->network.never / sizeof w->network.never[0]) {
        world_fail(w, "too many questions to the network at once");
        return PM_ERR_NO_MEMORY;
    }
    w->network.never[i] = op;
    return PM_PENDING;
}

static int32_t context_open(void *user, struct pm_op *op, uint8_t context, uint8_t type)
{
    struct world *w = user;
    (void)context;
    (void)type;
    return answer(w, op, w->network.open);
}

static size_t name_servers(void *user, uint8_t context, struct pm_ip servers[2])
{
    const struct world *w = user;
    (void)context;
    memcpy(servers, w->network.servers, sizeof w->network.servers);
    return 2;
}

static int32_t resolve(void *user, struct pm_op *op, const struct pm_resolve_request *request,
                       struct pm_resolved *resolved)
{
    struct world *w = user;
    int32_t result = w->network.look_up;
    world_network_note(w, "resolve", request->host, &request->route);
    if (result == PM_OK) {
        result = PM_ERR_RESOLVE;
        for (size_t i = 0; i < WORLD_HOSTS; i++) {
            if (pm__slice_equal(request->host, pm__slice(w->network.hosts[i].name))) {
                *resolved = w->network.hosts[i].resolved;
                result = PM_OK;
            }
        }
    }
    return answer(w, op, result);
}

static int32_t ping(void *user, struct pm_op *op, const struct pm_ping_request *request,
                    struct pm_ping_reply *reply)
{
    struct world *w = user;
    char buffer[PM__IP_TEXT];
    struct pm__text address;
    pm__text_init(&address, buffer, sizeof buffer);
    pm__ip_put(&address, &request->address);
    world_network_note(w, "ping", pm__text_get(&address), &request->route);
    *reply = w->network.reply;
    reply->ms += request->sequence; /* so that least, most and average differ */
    return answer(w, op, w->network.ping);
}

static int32_t ntp(void *user, struct pm_op *op, const struct pm_ntp_request *request,
                   int64_t *unix_seconds)
{
    struct world *w = user;
    world_network_note(w, "ntp", request->host, &request->route);
    *unix_seconds = w->network.ntp_seconds;
    return answer(w, op, w->network.ntp);
}

void world_network_platform(struct pm_platform *platform)
{
    platform->context_open = context_open;
    platform->name_servers = name_servers;
    platform->resolve = resolve;
    platform->ping = ping;
    platform->ntp = ntp;
}
