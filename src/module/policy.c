/* SPDX-License-Identifier: MIT */
/* What the owner of a module decides about its mail: where it goes, who may get it, how much. */
#include <string.h>

#include "base/ascii.h"
#include "base/list.h"
#include "module/job.h"
#include "postmodem/address.h"

static struct pm_slice given(const char *text)
{
    return pm__slice(text != NULL ? text : "");
}

/* ---- Lists of addresses ------------------------------------------------------------- */

/* From the last @ on: a quoted local part may hold another one. */
static struct pm_slice domain_of(struct pm_slice address)
{
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@') {
        at--;
    }
    size_t skip = at > 0 ? at - 1 : 0;
    return (struct pm_slice){address.ptr + skip, address.len - skip};
}

/* Domains are compared in their ASCII form. */
static bool allowed(const struct pm_module *module, struct pm_slice list, struct pm_slice address)
{
    uint8_t address_ascii[PM_ADDRESS_MAX];
    uint8_t entry_ascii[PM_ADDRESS_MAX];
    struct pm_slice entry;
    if (list.len == 0) {
        return true;
    }
    address = pm__address_ascii(module, address, address_ascii);
    while (pm__list_next(&list, &entry)) {
        entry = pm__address_ascii(module, entry, entry_ascii);
        bool domain = entry.len != 0 && entry.ptr[0] == '@';
        if (entry.len != 0 &&
            pm__slice_equal_nocase(entry, domain ? domain_of(address) : address)) {
            return true;
        }
    }
    return false;
}

/* A domain is judged as the address of somebody there. */
static bool entry_valid(struct pm_slice entry)
{
    uint8_t somebody[1 + PM_ADDRESS_MAX];
    if (entry.len == 0 || entry.len > PM_ADDRESS_MAX) {
        return false;
    }
    if (entry.ptr[0] != '@') {
        return pm_address_valid(entry);
    }
    somebody[0] = 'x';
    memcpy(somebody + 1, entry.ptr, entry.len);
    return memchr(entry.ptr + 1, '@', entry.len - 1) == NULL &&
           pm_address_valid((struct pm_slice){somebody, entry.len + 1});
}

bool pm_policy_list_valid(const char *list)
{
    struct pm_slice rest = pm__list(list);
    struct pm_slice entry;
    while (pm__list_next(&rest, &entry)) {
        if (!entry_valid(entry)) {
            return false;
        }
    }
    return true;
}

/* ---- What is refused ------------------------------------------------------------------ */

static bool refuse(struct pm_module *module, const char *whom, struct pm_slice address)
{
    struct pm__log log;
    pm__log_begin(&log);
    pm__text_add(&log.text, whom);
    pm__text_add(&log.text, " not allowed: ");
    pm__text_slice(&log.text, address);
    pm__log_end(module, PM_LOG_WARNING, &log);
    return true;
}

static bool stranger(struct pm_module *module)
{
    const struct pm_mail_policy *policy = &module->config->policy;
    const struct pm_slice recipients = given(policy->allow_recipients);
    const struct pm_slice sender = pm__arena_get(&module->arena, PM__KEY_SENDER_EMAIL, 0);
    struct pm__record record;
    if (!allowed(module, given(policy->allow_senders), sender)) {
        return refuse(module, "sender", sender);
    }
    for (size_t at = 0; pm__arena_next(&module->arena, &at, &record);) {
        if (record.key == PM__KEY_RECIPIENT && !allowed(module, recipients, record.text)) {
            return refuse(module, "recipient", record.text);
        }
    }
    return false;
}

/*
 * A bucket of rate_mails tokens that fills up in rate_seconds, kept as the time until when what
 * was taken lasts. In units of ms / rate_mails each mail takes rate_seconds * 1000 of them.
 */
static uint64_t cost_of_mail(const struct pm_mail_policy *policy)
{
    return (uint64_t)policy->rate_seconds * 1000U;
}

static void log_rate(struct pm_module *module, uint64_t wait_ms)
{
    const struct pm_mail_policy *policy = &module->config->policy;
    struct pm__log log;
    pm__log_begin(&log);
    pm__text_add(&log.text, "more mails than the rate limit allows (");
    pm__text_number(&log.text, policy->rate_mails);
    pm__text_add(&log.text, " in ");
    pm__text_number(&log.text, policy->rate_seconds);
    pm__text_add(&log.text, " s); the next one in ");
    pm__text_number(&log.text, (wait_ms + 999) / 1000);
    pm__text_add(&log.text, " s");
    pm__log_end(module, PM_LOG_WARNING, &log);
}

static bool too_many(struct pm_module *module)
{
    const struct pm_mail_policy *policy = &module->config->policy;
    const uint64_t mails = policy->rate_mails;
    const uint64_t cost = cost_of_mail(policy);
    const uint64_t now = module->now * mails;
    if (mails == 0) {
        return false;
    }
    uint64_t used = module->rate_used > now ? module->rate_used : now;
    if (used + cost - now > cost * mails) {
        log_rate(module, (used + cost - now - cost * mails) / mails);
        return true;
    }
    module->rate_used = used + cost;
    module->job.counted = true;
    return false;
}

void pm__policy_give_back(struct pm_module *module)
{
    if (module->job.counted) {
        module->rate_used -= cost_of_mail(&module->config->policy);
        module->job.counted = false;
    }
}

uint16_t pm__policy_refuse(struct pm_module *module)
{
    if (stranger(module)) {
        return 550;
    }
    return too_many(module) ? 450 : 0;
}

/* ---- Where a mail goes ------------------------------------------------------------------ */

bool pm__policy_relays(const struct pm_module *module)
{
    return given(module->config->policy.server).len != 0;
}

struct pm__relay pm__policy_relay(const struct pm_module *module)
{
    static const uint8_t ssltypes[] = {
        [PM_POLICY_CLEAR] = 0, [PM_POLICY_STARTTLS] = 2, [PM_POLICY_TLS] = 1};
    const struct pm_mail_policy *policy = &module->config->policy;
    const struct pm_arena *arena = &module->arena;
    struct pm__relay relay = {.server = pm__arena_get(arena, PM__KEY_SERVER, 0),
                              .port = module->draft.port,
                              .ssltype = module->draft.ssltype,
                              .username = pm__arena_get(arena, PM__KEY_USERNAME, 0),
                              .password = pm__arena_get(arena, PM__KEY_PASSWORD, 0),
                              .sender = pm__arena_get(arena, PM__KEY_SENDER_EMAIL, 0)};
    if (pm__policy_relays(module)) {
        relay.server = given(policy->server);
        relay.port = policy->port;
        relay.ssltype = ssltypes[policy->tls];
        relay.username = given(policy->username);
        relay.password = given(policy->password);
    }
    if (given(policy->from).len != 0) {
        relay.sender = given(policy->from);
    }
    return relay;
}

static void describe(struct pm__text *text, const struct pm__relay *relay)
{
    static const char *const words[] = {", no TLS, ", ", TLS, ", ", STARTTLS, "};
    pm__text_slice(text, relay->server);
    pm__text_add(text, " port ");
    pm__text_number(text, relay->port);
    pm__text_add(text, words[relay->ssltype]);
    pm__text_add(text, relay->username.len != 0 ? "with an account" : "no account");
    pm__text_add(text, ", from ");
    pm__text_slice(text, relay->sender);
}

void pm__policy_log(struct pm_module *module)
{
    const struct pm_arena *arena = &module->arena;
    const struct pm__relay done = pm__policy_relay(module);
    const struct pm__relay asked = {.server = pm__arena_get(arena, PM__KEY_SERVER, 0),
                                    .port = module->draft.port,
                                    .ssltype = module->draft.ssltype,
                                    .username = pm__arena_get(arena, PM__KEY_USERNAME, 0),
                                    .sender = pm__arena_get(arena, PM__KEY_SENDER_EMAIL, 0)};
    struct pm__log log;
    if (!pm__policy_relays(module) && given(module->config->policy.from).len == 0) {
        return;
    }
    pm__log_begin(&log);
    pm__text_add(&log.text, "mail asked for: ");
    describe(&log.text, &asked);
    pm__log_end(module, PM_LOG_INFO, &log);
    pm__log_begin(&log);
    pm__text_add(&log.text, "mail goes to: ");
    describe(&log.text, &done);
    pm__log_end(module, PM_LOG_INFO, &log);
}
