/* SPDX-License-Identifier: MIT */
#include "module/query.h"

#include <string.h>

/* How long a query waits for a host that does not read. */
#define PATIENCE_MS 10000U

static const struct kind {
    const char *prefix;
    bool (*step)(struct pm_module *module);
} kinds[] = {
    {"+QIURC: \"dnsgip\",", pm__dns_step},
    {"+QPING: ", pm__ping_step},
    {"+QNTP: ", pm__ntp_step},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static struct pm_query *nth(struct pm_module *module, size_t n)
{
    return n == 0 ? &module->dns.query : n == 1 ? &module->ping.query : &module->ntp.query;
}

uint16_t pm__query_error(int32_t result)
{
    switch (result) {
    case PM_OK: return PM__NET_OK;
    case PM_ERR_RESOLVE: return PM__NET_DNS_FAILED;
    case PM_ERR_TIMEOUT: return PM__NET_TIMEOUT;
    case PM_ERR_CONNECT: return PM__NET_CONNECT_FAILED;
    case PM_ERR_UNSUPPORTED: return PM__NET_UNSUPPORTED;
    case PM_ERR_NO_MEMORY: return PM__NET_MEMORY;
    default: return PM__NET_UNKNOWN;
    }
}

bool pm__query_begin(struct pm_module *module, struct pm_query *query, uint8_t context)
{
    memset(query, 0, sizeof *query);
    query->context = context;
    query->wake = PM_NEVER;
    query->patience = PM_NEVER;
    query->since = module->now + module->config->urc_gap;
    query->state = PM__QUERY_OWN;
    module->net_error = PM__NET_OK;
    if (!pm__context_active(module, context)) {
        pm__query_fail(module, query, PM__NET_OPEN_FAILED);
        return false;
    }
    return true;
}

void pm__query_await(struct pm_query *query, int32_t result, uint8_t state, uint64_t until)
{
    query->state = state;
    query->wake = until;
    query->op.pending = result == PM_PENDING;
    query->op.result = result;
}

void pm__query_go(struct pm_query *query, uint8_t state)
{
    query->state = state;
    query->wake = PM_NEVER;
}

static void cancel(struct pm_module *module, struct pm_query *query)
{
    if (query->op.pending) {
        module->platform->cancel(module->platform->user, &query->op);
        query->op.pending = false;
    }
}

void pm__query_fail(struct pm_module *module, struct pm_query *query, uint16_t error)
{
    cancel(module, query);
    query->error = error;
    module->net_error = error;
    pm__query_go(query, PM__QUERY_FAILED);
}

void pm__query_end(struct pm_query *query)
{
    pm__query_go(query, PM__QUERY_IDLE);
}

bool pm__query_say(struct pm_module *module, struct pm_query *query, const struct pm__text *line)
{
    bool fits = pm__urc_fits(module, line->len);
    if (!fits && module->now < query->patience) {
        if (query->patience == PM_NEVER) {
            query->patience = module->now + PATIENCE_MS;
        }
        query->wake = query->patience;
        return false;
    }
    /* Who has not read is not waited for again. */
    query->patience = fits ? PM_NEVER : query->patience;
    query->wake = PM_NEVER;
    query->line++;
    pm__urc(module, line->buf, line->len, query->since);
    return true;
}

static bool say_failure(struct pm_module *module, struct pm_query *query, const char *prefix)
{
    char buffer[PM__QUERY_LINE];
    struct pm__text line;
    pm__text_init(&line, buffer, sizeof buffer);
    pm__text_add(&line, prefix);
    pm__text_number(&line, query->error);
    if (!pm__query_say(module, query, &line)) {
        return false;
    }
    if (query == &module->ntp.query) {
        pm__ntp_forget(module);
    }
    pm__query_end(query);
    return true;
}

static bool run(struct pm_module *module, struct pm_query *query, const struct kind *kind)
{
    if (query->state == PM__QUERY_IDLE) {
        return false;
    }
    if (query->op.pending) {
        if (module->now < query->wake) {
            return false;
        }
        cancel(module, query);
        query->op.result = PM_ERR_TIMEOUT;
    }
    return query->state == PM__QUERY_FAILED ? say_failure(module, query, kind->prefix)
                                            : kind->step(module);
}

bool pm__queries_run(struct pm_module *module)
{
    bool moved = false;
    for (size_t i = 0; i < KINDS; i++) {
        while (run(module, nth(module, i), &kinds[i])) {
            moved = true;
        }
    }
    return moved;
}

uint64_t pm__queries_deadline(const struct pm_module *module)
{
    const struct pm_query *const queries[] = {&module->dns.query, &module->ping.query,
                                              &module->ntp.query};
    uint64_t deadline = PM_NEVER;
    for (size_t i = 0; i < KINDS; i++) {
        if (queries[i]->state != PM__QUERY_IDLE && queries[i]->wake < deadline) {
            deadline = queries[i]->wake;
        }
    }
    return deadline;
}

void pm__queries_context_gone(struct pm_module *module, uint8_t context)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct pm_query *query = nth(module, i);
        if (query->state != PM__QUERY_IDLE && query->state != PM__QUERY_FAILED &&
            query->context == context) {
            pm__query_fail(module, query, PM__NET_BROKEN);
        }
    }
}

void pm__queries_drop(struct pm_module *module)
{
    for (size_t i = 0; i < KINDS; i++) {
        cancel(module, nth(module, i));
        pm__query_end(nth(module, i));
    }
}
