/* SPDX-License-Identifier: MIT */
/* AT+QNTP: asks a time server, and sets the clock of AT+CCLK. */
#include <string.h>

#include "base/date.h"
#include "module/query.h"

/* Longest synchronisation, ms. */
#define NTP_MS 125000U
/* A record of the arena: two bytes of port, then the server's name. */
#define RECORD_HEAD 2U

enum { NTP_ASK = PM__QUERY_OWN, NTP_SAY };

static void put_pair(struct pm__text *line, char lead, unsigned number)
{
    pm__text_char(line, lead);
    pm__text_padded(line, number, 2);
}

/* "2026/11/23,11:15:00+04": local time, and its distance to UTC in quarters of an hour. */
static void put_time(struct pm__text *line, int64_t unix_seconds, int16_t offset_minutes)
{
    struct pm__civil civil;
    int quarters = offset_minutes / 15;
    pm__civil_from_unix(unix_seconds + (int64_t)offset_minutes * 60, &civil);
    pm__text_padded(line, (uint64_t)civil.year, 4);
    put_pair(line, '/', civil.month);
    put_pair(line, '/', civil.day);
    put_pair(line, ',', civil.hour);
    put_pair(line, ':', civil.minute);
    put_pair(line, ':', civil.second);
    put_pair(line, quarters < 0 ? '-' : '+', (unsigned)(quarters < 0 ? -quarters : quarters));
}

void pm__ntp_forget(struct pm_module *module)
{
    (void)pm__arena_set(&module->arena, PM__KEY_NTP, 0, (struct pm_slice){NULL, 0});
}

static bool say_time(struct pm_module *module)
{
    struct pm_ntp_query *ntp = &module->ntp;
    struct pm_wall_time zone;
    char buffer[PM__QUERY_LINE];
    struct pm__text line;
    pm__clock_local(module, &zone);
    pm__text_init(&line, buffer, sizeof buffer);
    pm__text_add(&line, "+QNTP: 0,\"");
    put_time(&line, ntp->unix_seconds, zone.offset_minutes);
    pm__text_char(&line, '"');
    if (!pm__query_say(module, &ntp->query, &line)) {
        return false;
    }
    pm__ntp_forget(module);
    pm__query_end(&ntp->query);
    return true;
}

bool pm__ntp_step(struct pm_module *module)
{
    struct pm_ntp_query *ntp = &module->ntp;
    const struct pm_platform *platform = module->platform;
    struct pm_wall_time now;
    if (ntp->query.state == NTP_SAY) {
        return say_time(module);
    }
    if (ntp->query.op.result != PM_OK) {
        pm__query_fail(module, &ntp->query, pm__query_error(ntp->query.op.result));
        return true;
    }
    if (ntp->set_clock) {
        platform->wall_clock(platform->user, &now);
        module->clock_offset = ntp->unix_seconds - now.unix_seconds;
    }
    pm__query_go(&ntp->query, NTP_SAY);
    return true;
}

/* The server that is asked at the moment, if any. */
static void print_server(struct pm_port *port)
{
    struct pm_slice record = pm__arena_get(&port->module->arena, PM__KEY_NTP, 0);
    if (port->module->ntp.query.state != PM__QUERY_IDLE && record.len > RECORD_HEAD) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QNTP: ");
        pm_at_put_quoted(&port->at,
                         (struct pm_slice){record.ptr + RECORD_HEAD, record.len - RECORD_HEAD});
        pm_at_put(&port->at, ",");
        pm_at_put_number(&port->at, (uint32_t)record.ptr[0] << 8 | record.ptr[1]);
    }
    pm__net_result(port, PM__NET_OK);
}

/* Keeps server and port for AT+QNTP? while the answer is waited for. */
static bool keep_server(struct pm_module *module, struct pm_slice server, uint16_t port)
{
    const uint8_t head[RECORD_HEAD] = {(uint8_t)(port >> 8), (uint8_t)port};
    pm__ntp_forget(module);
    return pm__arena_add2(&module->arena, PM__KEY_NTP, 0, (struct pm_slice){head, sizeof head},
                          server);
}

static void begin(struct pm_port *port, const struct pm_at_value *v)
{
    struct pm_module *module = port->module;
    struct pm_ntp_query *ntp = &module->ntp;
    const struct pm_platform *platform = module->platform;
    struct pm_ntp_request request = {.host = v[1].text, .port = (uint16_t)v[2].number};
    if (pm__query_begin(module, &ntp->query, (uint8_t)v[0].number)) {
        pm__route(module, ntp->query.context, &request.route);
        ntp->set_clock = v[3].number == 1;
        pm__query_await(&ntp->query,
                        platform->ntp(platform->user, &ntp->query.op, &request, &ntp->unix_seconds),
                        NTP_ASK, module->now + NTP_MS);
    }
    pm__ok(port);
}

static void run_qntp(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_READ) {
        print_server(port);
    } else if (module->platform->ntp == NULL) {
        pm__net_result(port, PM__NET_UNSUPPORTED);
    } else if (module->ntp.query.state != PM__QUERY_IDLE) {
        pm__net_result(port, PM__NET_BUSY);
    } else if (!keep_server(module, values->v[1].text, (uint16_t)values->v[2].number)) {
        pm__net_result(port, PM__NET_MEMORY);
    } else {
        begin(port, values->v);
    }
}

static const struct pm_at_param params[] = {
    {.name = "contextID", .min = 1, .max = PM_PDP_CONTEXTS},
    {.name = "server", .type = PM_AT_STRING, .min = 1, .max = 255},
    {.name = "port", .flags = PM_AT_OPTIONAL, .min = 1, .max = 65535, .def = 123},
    {.name = "autosettime", .flags = PM_AT_OPTIONAL, .max = 1, .def = 1},
};

static const struct pm_at_command rows[] = {
    {.name = "+QNTP",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 4,
     .group = PM__GROUP_NET,
     .params = params,
     .handler = run_qntp},
};

const struct pm__commands pm__ntp_commands = {rows, sizeof rows / sizeof rows[0]};
