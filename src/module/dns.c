/* SPDX-License-Identifier: MIT */
/* AT+QIDNSCFG and AT+QIDNSGIP: the name servers of a context, and the addresses of a name. */
#include <string.h>

#include "base/ip.h"
#include "module/query.h"

/* Longest look-up, ms. */
#define LOOK_UP_MS 60000U

enum { DNS_ASK = PM__QUERY_OWN, DNS_SAY };

/* ---- The servers of a context ------------------------------------------------------- */

static void get_servers(const struct pm_module *module, uint8_t context, struct pm_ip servers[2])
{
    struct pm_slice record = pm__arena_get(&module->arena, PM__KEY_DNS, context);
    memset(servers, 0, 2 * sizeof servers[0]);
    if (record.len == 2 * sizeof servers[0]) {
        memcpy(servers, record.ptr, record.len);
    }
}

void pm__route(const struct pm_module *module, uint8_t context, struct pm_route *route)
{
    route->context = context;
    route->type = module->pdp[context - 1].type;
    get_servers(module, context, route->dns);
}

bool pm__type_has(uint8_t type, uint8_t family)
{
    return type == 3 || type == (family == PM_IPV6 ? 2 : 1);
}

static void put_server(struct pm_port *port, const struct pm_ip *server)
{
    const struct pm_ip none = {.family = PM_IPV4};
    char buffer[PM__IP_TEXT];
    struct pm__text text;
    pm__text_init(&text, buffer, sizeof buffer);
    pm__ip_put(&text, server->family != PM_IP_NONE ? server : &none);
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__text_get(&text));
}

static void print_servers(struct pm_port *port, uint8_t context)
{
    const struct pm_platform *platform = port->module->platform;
    struct pm_ip servers[2];
    get_servers(port->module, context, servers);
    if (servers[0].family == PM_IP_NONE && platform->name_servers != NULL) {
        (void)platform->name_servers(platform->user, context, servers);
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QIDNSCFG: ");
    pm_at_put_number(&port->at, context);
    put_server(port, &servers[0]);
    put_server(port, &servers[1]);
    pm__net_result(port, PM__NET_OK);
}

/* "0.0.0.0", as a server that is not set prints, and "::" are none. */
static bool parse_server(struct pm_slice text, uint8_t type, struct pm_ip *server)
{
    static const uint8_t zeros[sizeof server->bytes];
    if (!pm__ip_parse(text, server)) {
        return false;
    }
    if (memcmp(server->bytes, zeros, sizeof zeros) == 0) {
        memset(server, 0, sizeof *server);
        return true;
    }
    return pm__type_has(type, server->family);
}

static void run_qidnscfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    uint8_t context = (uint8_t)values->v[0].number;
    struct pm_ip servers[2];
    uint8_t bytes[sizeof servers];
    (void)form;
    memset(servers, 0, sizeof servers);
    if (!pm__context_active(module, context)) {
        pm__net_result(port, PM__NET_OPEN_FAILED);
        return;
    }
    if (values->count == 1) {
        print_servers(port, context);
        return;
    }
    for (uint8_t i = 0; i < 2; i++) {
        const struct pm_at_value *value = &values->v[i + 1];
        if ((value->given || i == 0) &&
            !parse_server(value->text, module->pdp[context - 1].type, &servers[i])) {
            pm__net_result(port, PM__NET_PARAMETERS);
            return;
        }
    }
    if (servers[0].family == PM_IP_NONE) {
        servers[0] = servers[1];
        memset(&servers[1], 0, sizeof servers[1]);
    }
    memcpy(bytes, servers, sizeof bytes);
    size_t len = servers[0].family != PM_IP_NONE ? sizeof bytes : 0; /* none: the network's own */
    bool set = pm__arena_set(&module->arena, PM__KEY_DNS, context, (struct pm_slice){bytes, len});
    pm__net_result(port, set ? PM__NET_OK : PM__NET_MEMORY);
}

/* ---- The addresses of a name --------------------------------------------------------- */

static bool say_line(struct pm_module *module)
{
    struct pm_dns_query *dns = &module->dns;
    uint8_t count = dns->resolved.count;
    char buffer[PM__QUERY_LINE];
    struct pm__text line;
    pm__text_init(&line, buffer, sizeof buffer);
    pm__text_add(&line, "+QIURC: \"dnsgip\",");
    if (dns->query.line == 0) {
        pm__text_add(&line, "0,");
        pm__text_number(&line, count);
        pm__text_char(&line, ',');
        pm__text_number(&line, dns->resolved.ttl);
    } else {
        pm__text_char(&line, '"');
        pm__ip_put(&line, &dns->resolved.address[dns->query.line - 1]);
        pm__text_char(&line, '"');
    }
    if (!pm__query_say(module, &dns->query, &line)) {
        return false;
    }
    if (dns->query.line > count) {
        pm__query_end(&dns->query);
    }
    return true;
}

bool pm__dns_step(struct pm_module *module)
{
    struct pm_dns_query *dns = &module->dns;
    if (dns->query.state == DNS_SAY) {
        return say_line(module);
    }
    int32_t result = dns->query.op.result;
    if (result == PM_OK && (dns->resolved.count == 0 || dns->resolved.count > PM_RESOLVED_MAX)) {
        result = PM_ERR_RESOLVE;
    }
    if (result != PM_OK) {
        pm__query_fail(module, &dns->query, pm__query_error(result));
    } else {
        pm__query_go(&dns->query, DNS_SAY);
    }
    return true;
}

int32_t pm__look_up(struct pm_module *module, struct pm_query *query, struct pm_slice host,
                    struct pm_resolved *resolved)
{
    const struct pm_platform *platform = module->platform;
    struct pm_resolve_request request = {.host = host};
    memset(resolved, 0, sizeof *resolved);
    pm__route(module, query->context, &request.route);
    if (pm__ip_parse(host, &resolved->address[0])) {
        resolved->count = 1;
        return pm__type_has(request.route.type, resolved->address[0].family) ? PM_OK
                                                                             : PM_ERR_RESOLVE;
    }
    return platform->resolve(platform->user, &query->op, &request, resolved);
}

static void run_qidnsgip(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    struct pm_dns_query *dns = &module->dns;
    (void)form;
    if (module->platform->resolve == NULL) {
        pm__net_result(port, PM__NET_UNSUPPORTED);
        return;
    }
    if (dns->query.state != PM__QUERY_IDLE) {
        pm__net_result(port, PM__NET_DNS_BUSY);
        return;
    }
    if (pm__query_begin(module, &dns->query, (uint8_t)values->v[0].number)) {
        pm__query_await(&dns->query,
                        pm__look_up(module, &dns->query, values->v[1].text, &dns->resolved),
                        DNS_ASK, module->now + LOOK_UP_MS);
    }
    pm__ok(port);
}

static const struct pm_at_param qidnscfg_params[] = {
    {.name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS},
    {.name = "pridnsaddr", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .min = 1, .max = 45},
    {.name = "secdnsaddr", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 45},
};
static const struct pm_at_param qidnsgip_params[] = {
    {.name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS},
    {.name = "hostname", .type = PM_AT_STRING, .min = 1, .max = 255},
};

static const struct pm_at_command rows[] = {
    {.name = "+QIDNSCFG",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .param_count = 3,
     .group = PM__GROUP_NET,
     .params = qidnscfg_params,
     .handler = run_qidnscfg},
    {.name = "+QIDNSGIP",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .param_count = 2,
     .group = PM__GROUP_NET,
     .params = qidnsgip_params,
     .handler = run_qidnsgip},
};

const struct pm__commands pm__dns_commands = {rows, sizeof rows / sizeof rows[0]};
