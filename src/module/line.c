/* SPDX-License-Identifier: MIT */
/*
 * The serial line of a port: AT+IPR, AT+IFC, AT+ICF, and what its owner is to do with the wire
 * (CD50). What AT&W keeps of it is kept for each port: other ports have lines of their own.
 */
#include <string.h>

#include "module/internal.h"

/* The record of AT&W: layout, speed, flow control, format, and the name of the port. */
#define LINE_LAYOUT 1U
#define LINE_HEAD   11U
#define LINE_NAME   31U

/* Keys of profile_save from here on are lines, in the order of the ports; contexts lie below. */
#define PROFILE_LINE 64U
#define LINE_PORTS   16U

#define FLOW_NONE 0
#define FLOW_RTS  2

static const uint32_t speeds[] = {4800,   9600,   19200,   38400,   57600,   115200,  230400,
                                  460800, 921600, 2900000, 3000000, 3200000, 3686400, 4000000};

static bool known_speed(uint32_t speed)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i] == speed) {
            return true;
        }
    }
    return false;
}

/* ---- The profile ------------------------------------------------------------------- */

/* The key of a port's record, 0 for a port beyond those that have one. */
static uint8_t line_key(const struct pm_port *port)
{
    uint8_t place = 0;
    for (const struct pm_port *p = port->module->ports; p != NULL && p != port; p = p->next) {
        place++;
        if (place == LINE_PORTS) {
            return 0;
        }
    }
    return (uint8_t)(PROFILE_LINE + place);
}

static size_t name_len(const struct pm_port *port)
{
    size_t len = strlen(port->name);
    return len < LINE_NAME ? len : LINE_NAME;
}

int32_t pm__line_save(struct pm_port *port)
{
    const struct pm_platform *platform = port->module->platform;
    const struct pm_line_state *line = &port->line;
    uint32_t speed = line->asked ? line->speed : 0;
    size_t len = name_len(port);
    const uint8_t head[LINE_HEAD] = {LINE_LAYOUT,
                                     (uint8_t)(speed >> 24),
                                     (uint8_t)(speed >> 16),
                                     (uint8_t)(speed >> 8),
                                     (uint8_t)speed,
                                     line->flow_out,
                                     line->flow_in,
                                     line->format,
                                     line->parity,
                                     0,
                                     (uint8_t)len};
    uint8_t key = line_key(port);
    if (key == 0) {
        return PM_OK;
    }
    memcpy(port->chunk, head, LINE_HEAD);
    memcpy(port->chunk + LINE_HEAD, port->name, len);
    return platform->profile_save(platform->user, &port->op, key, port->chunk, LINE_HEAD + len);
}

/* Takes a record; false, and nothing changes, for one that is damaged or another port's. */
static bool decode(struct pm_port *port, const uint8_t *in, size_t len)
{
    size_t name = name_len(port);
    if (len != LINE_HEAD + name || in[0] != LINE_LAYOUT || in[10] != name ||
        memcmp(in + LINE_HEAD, port->name, name) != 0) {
        return false;
    }
    uint32_t speed =
        (uint32_t)in[1] << 24 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 8 | (uint32_t)in[4];
    if ((speed != 0 && !known_speed(speed)) || (in[5] != FLOW_NONE && in[5] != FLOW_RTS) ||
        (in[6] != FLOW_NONE && in[6] != FLOW_RTS) || in[7] != 3 || in[8] > 3) {
        return false;
    }
    port->line.asked = speed != 0;
    port->line.speed = speed != 0 ? speed : port->line.preset;
    port->line.flow_out = in[5];
    port->line.flow_in = in[6];
    port->line.format = in[7];
    port->line.parity = in[8];
    return true;
}

void pm__line_load(struct pm_port *port)
{
    const struct pm_platform *platform = port->module->platform;
    uint32_t preset = port->line.preset != 0 ? port->line.preset : PM_LINE_SPEED;
    uint8_t record[LINE_HEAD + LINE_NAME + 1];
    uint8_t key = line_key(port);
    port->line =
        (struct pm_line_state){.speed = preset, .preset = preset, .format = 3, .parity = 3};
    int32_t len = key != 0 ? platform->profile_load(platform->user, key, record, sizeof record) : 0;
    if (len > 0 && !decode(port, record, (size_t)len)) {
        pm__log_text(port->module, PM_LOG_WARNING,
                     "what AT&W kept of a serial line is damaged or of another port: not used");
    }
    port->line.active = port->line.speed;
}

/* ---- For the owner of the wire --------------------------------------------------------- */

void pm_port_preset_speed(struct pm_port *port, uint32_t speed)
{
    port->line.preset = speed;
    if (!port->line.asked) {
        port->line.speed = speed;
        port->line.active = speed;
    }
}

bool pm_port_set_speed(struct pm_port *port, uint32_t speed)
{
    if (!known_speed(speed)) {
        return false;
    }
    port->line.speed = speed;
    port->line.active = speed;
    return true;
}

struct pm_line pm_port_line(const struct pm_port *port)
{
    const struct pm_at_settings *set = &port->at.set;
    bool on = !pm__power_off(port->module);
    bool data = on && pm_at_connected(&port->at);
    return (struct pm_line){
        .speed = port->line.active,
        .flow_out = data && port->line.flow_out == FLOW_RTS,
        .flow_in = data && port->line.flow_in == FLOW_RTS,
        .dcd = on && (set->dcd == 0 || data),
        .dsr = on,
        .watch_dtr = data && set->dtr == 1,
    };
}

void pm__line_settle(struct pm_port *port)
{
    if (!pm_at_busy(&port->at)) {
        port->line.active = port->line.speed;
    }
}

/* ---- Commands ------------------------------------------------------------------------- */

static void answer_pair(struct pm_port *port, const char *prefix, uint8_t first, uint8_t second)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, prefix);
    pm_at_put_number(&port->at, first);
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, second);
    pm__ok(port);
}

/* The new speed holds from the end of the command line on, OK still comes at the old one. */
static void run_ipr(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+IPR: ");
        pm_at_put_number(&port->at, port->line.speed);
    } else if (!known_speed((uint32_t)values->v[0].number)) {
        pm_at_bad_parameter(&port->at);
        return;
    } else {
        port->line.speed = (uint32_t)values->v[0].number;
        port->line.asked = true;
    }
    pm__ok(port);
}

static bool is_flow(int32_t number)
{
    return number == FLOW_NONE || number == FLOW_RTS;
}

/* A direction that is not named stays as it is. */
static void run_ifc(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_line_state *line = &port->line;
    if (form == PM_AT_READ) {
        answer_pair(port, "+IFC: ", line->flow_out, line->flow_in);
        return;
    }
    if (!is_flow(values->v[0].number) || !is_flow(values->v[1].number)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    line->flow_out = (uint8_t)values->v[0].number;
    line->flow_in = values->v[1].given ? (uint8_t)values->v[1].number : line->flow_in;
    pm__ok(port);
}

/* 8N1 is all there is; the parity is kept and means nothing with it. */
static void run_icf(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_line_state *line = &port->line;
    if (form == PM_AT_READ) {
        answer_pair(port, "+ICF: ", line->format, line->parity);
        return;
    }
    line->format = (uint8_t)values->v[0].number;
    line->parity = values->v[1].given ? (uint8_t)values->v[1].number : line->parity;
    pm__ok(port);
}

static const struct pm_at_param ipr_params[] = {
    {.name = "rate",
     .min = 4800,
     .max = 4000000,
     .range = "(4800,9600,19200,38400,57600,115200,230400,460800,921600,"
              "2900000,3000000,3200000,3686400,4000000)"},
};
static const struct pm_at_param ifc_params[] = {
    {.name = "dce_by_dte", .max = 2, .range = "(0,2)"},
    {.name = "dte_by_dce", .flags = PM_AT_OPTIONAL, .max = 2, .range = "(0,2)"},
};
static const struct pm_at_param icf_params[] = {
    {.name = "format", .min = 3, .max = 3},
    {.name = "parity", .flags = PM_AT_OPTIONAL, .max = 3},
};

#define LINE(n, p, h)                                                            \
    {                                                                            \
        .name = (n), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,             \
        .param_count = sizeof(p) / sizeof((p)[0]), .params = (p), .handler = (h) \
    }

static const struct pm_at_command rows[] = {
    LINE("+IPR", ipr_params, run_ipr),
    LINE("+IFC", ifc_params, run_ifc),
    LINE("+ICF", icf_params, run_icf),
};

const struct pm__commands pm__line_commands = {rows, sizeof rows / sizeof rows[0]};
