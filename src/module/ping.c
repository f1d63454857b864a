/* SPDX-License-Identifier: MIT */
/* AT+QPING: looks the host up once, then sends echo requests one after the other. */
#include <string.h>

#include "base/ip.h"
#include "module/query.h"

#define LOOK_UP_MS 60000U
#define PAYLOAD    32U
/* Least time from one echo request to the next. */
#define PERIOD_MS 1000U

enum { PING_LOOK_UP = PM__QUERY_OWN, PING_NEXT, PING_ECHO, PING_SAY, PING_SUM };

static void looked_up(struct pm_module *module)
{
    struct pm_ping_query *ping = &module->ping;
    int32_t result = ping->query.op.result;
    if (result == PM_OK && (ping->resolved.count == 0 || ping->resolved.count > PM_RESOLVED_MAX)) {
        result = PM_ERR_RESOLVE;
    }
    if (result != PM_OK) {
        pm__query_fail(module, &ping->query, pm__query_error(result));
    } else {
        pm__query_go(&ping->query, PING_NEXT);
    }
}

static bool send_next(struct pm_module *module)
{
    struct pm_ping_query *ping = &module->ping;
    const struct pm_platform *platform = module->platform;
    if (module->now < ping->next) {
        ping->query.wake = ping->next;
        return false;
    }
    struct pm_ping_request request = {
        .address = ping->resolved.address[0], .size = PAYLOAD, .sequence = ping->sent};
    pm__route(module, ping->query.context, &request.route);
    ping->sent++;
    ping->next = module->now + PERIOD_MS;
    memset(&ping->reply, 0, sizeof ping->reply);
    pm__query_await(&ping->query,
                    platform->ping(platform->user, &ping->query.op, &request, &ping->reply),
                    PING_ECHO, module->now + ping->timeout_s * 1000U);
    return true;
}

static void echoed(struct pm_module *module)
{
    struct pm_ping_query *ping = &module->ping;
    if (ping->query.op.result == PM_ERR_UNSUPPORTED) {
        pm__query_fail(module, &ping->query, PM__NET_UNSUPPORTED);
        return;
    }
    if (ping->query.op.result == PM_OK) {
        uint32_t ms = ping->reply.ms;
        ping->least = ping->received == 0 || ms < ping->least ? ms : ping->least;
        ping->most = ms > ping->most ? ms : ping->most;
        ping->total += ms;
        ping->received++;
    }
    pm__query_go(&ping->query, PING_SAY);
}

/* One echo: its reply, or that none came. */
static bool say_echo(struct pm_module *module)
{
    struct pm_ping_query *ping = &module->ping;
    char buffer[PM__QUERY_LINE];
    struct pm__text line;
    pm__text_init(&line, buffer, sizeof buffer);
    pm__text_add(&line, "+QPING: ");
    if (ping->query.op.result == PM_OK) {
        pm__text_add(&line, "0,\"");
        pm__ip_put(&line, &ping->resolved.address[0]);
        pm__text_add(&line, "\",");
        pm__text_number(&line, PAYLOAD);
        pm__text_char(&line, ',');
        pm__text_number(&line, ping->reply.ms);
        pm__text_char(&line, ',');
        pm__text_number(&line, ping->reply.ttl);
    } else {
        pm__text_number(&line, PM__NET_TIMEOUT);
    }
    if (!pm__query_say(module, &ping->query, &line)) {
        return false;
    }
    pm__query_go(&ping->query, ping->sent < ping->count ? PING_NEXT : PING_SUM);
    return true;
}

static bool say_sum(struct pm_module *module)
{
    struct pm_ping_query *ping = &module->ping;
    uint16_t error = ping->received != 0 ? PM__NET_OK : PM__NET_TIMEOUT;
    const uint64_t numbers[] = {
        error,
        ping->sent,
        ping->received,
        (uint64_t)(ping->sent - ping->received),
        ping->least,
        ping->most,
        ping->received != 0 ? ping->total / ping->received : 0,
    };
    char buffer[PM__QUERY_LINE];
    struct pm__text line;
    pm__text_init(&line, buffer, sizeof buffer);
    pm__text_add(&line, "+QPING: ");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        pm__text_add(&line, i > 0 ? "," : "");
        pm__text_number(&line, numbers[i]);
    }
    if (!pm__query_say(module, &ping->query, &line)) {
        return false;
    }
    module->net_error = error;
    pm__query_end(&ping->query);
    return true;
}

bool pm__ping_step(struct pm_module *module)
{
    switch (module->ping.query.state) {
    case PING_LOOK_UP: looked_up(module); return true;
    case PING_NEXT: return send_next(module);
    case PING_ECHO: echoed(module); return true;
    case PING_SAY: return say_echo(module);
    default: return say_sum(module);
    }
}

static void run_qping(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    struct pm_ping_query *ping = &module->ping;
    (void)form;
    if (module->platform->ping == NULL || module->platform->resolve == NULL) {
        pm__net_result(port, PM__NET_UNSUPPORTED);
        return;
    }
    if (ping->query.state != PM__QUERY_IDLE) {
        pm__net_result(port, PM__NET_BUSY);
        return;
    }
    memset(ping, 0, sizeof *ping);
    ping->timeout_s = (uint8_t)values->v[2].number;
    ping->count = (uint8_t)values->v[3].number;
    if (pm__query_begin(module, &ping->query, (uint8_t)values->v[0].number)) {
        pm__query_await(&ping->query,
                        pm__look_up(module, &ping->query, values->v[1].text, &ping->resolved),
                        PING_LOOK_UP, module->now + LOOK_UP_MS);
    }
    pm__ok(port);
}

static const struct pm_at_param params[] = {
    {.name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS},
    {.name = "host", .type = PM_AT_STRING, .min = 1, .max = 255},
    {.name = "timeout", .flags = PM_AT_OPTIONAL, .min = 1, .max = 255, .def = 4},
    {.name = "pingnum", .flags = PM_AT_OPTIONAL, .min = 1, .max = 10, .def = 4},
};

static const struct pm_at_command rows[] = {
    {.name = "+QPING",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .param_count = 4,
     .group = PM__GROUP_NET,
     .params = params,
     .handler = run_qping},
};

const struct pm__commands pm__ping_commands = {rows, sizeof rows / sizeof rows[0]};
