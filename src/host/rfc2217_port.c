/* SPDX-License-Identifier: MIT */
/*
 * A port on an RFC 2217 listener: TCP as in tcp.c, with the signals and the speed of a serial line
 * in the same stream. The module follows the speed that the host sets, as if it found it out by
 * itself: bytes are never garbled.
 */
#include <string.h>

#include "host/port.h"
#include "host/port_wire.h"
#include "host/rfc2217.h"
#include "host/tcp.h"

static void add_wire(void *user, const uint8_t *data, size_t len)
{
    pm__wire_add(((struct pm_terminal *)user)->wire, data, len);
}

static void add_data(void *user, const uint8_t *data, size_t len)
{
    struct pm_terminal *t = user;
    memmove(t->held + t->held_len, data, len);
    t->held_len += len;
}

static uint32_t speed(void *user, uint32_t wanted)
{
    struct pm_terminal *t = user;
    if (wanted != 0 && pm_port_set_speed(&t->port, wanted)) {
        pm_terminal_log(t, PM_LOG_DEBUG, "speed %u", wanted);
    }
    return pm_port_line(&t->port).speed;
}

static void dtr(void *user, bool on)
{
    struct pm_terminal *t = user;
    pm_terminal_log(t, PM_LOG_DEBUG, "DTR %s", on ? "on" : "off");
    pm_port_dtr(&t->port, on, pm_host_now(t->host));
}

static struct pm_tcp_port *own(const struct pm_terminal *t)
{
    return t->own;
}

static void rts(void *user, bool on)
{
    own(user)->rts = on;
}

static void suspend(void *user, bool on)
{
    own(user)->suspended = on;
}

/* What the module has said so far; what it says next is new. */
static void purge(void *user)
{
    struct pm_terminal *t = user;
    const uint8_t *data;
    size_t len = pm_port_output(&t->port, &data);
    if (len > 0) {
        pm_port_output_ack(&t->port, len, pm_host_now(t->host));
    }
}

/* CTS is always on, as the network has flow control of its own. */
static struct pm_rfc2217_signals signals(const struct pm_terminal *t)
{
    struct pm_line line = pm_port_line(&t->port);
    return (struct pm_rfc2217_signals){.dcd = line.dcd, .dsr = line.dsr, .cts = line.dsr};
}

static bool rfc2217_attached(struct pm_terminal *t)
{
    const struct pm_rfc2217_owner owner = {t, add_wire, add_data, speed, dtr, rts, suspend, purge};
    struct pm_tcp_port *tcp = own(t);
    struct pm_rfc2217_signals now = signals(t);
    tcp->suspended = false;
    tcp->rts = true;
    tcp->filter = pm_rfc2217_new(&owner);
    if (tcp->filter == NULL) {
        return false;
    }
    pm_port_dtr(&t->port, true, pm_host_now(t->host));
    (void)pm_rfc2217_show(tcp->filter, &now);
    pm_rfc2217_greet(tcp->filter);
    return true;
}

static bool rfc2217_line(struct pm_terminal *t)
{
    struct pm_rfc2217_signals now = signals(t);
    return pm__wire_room(t->wire) > 0 && pm_rfc2217_show(own(t)->filter, &now);
}

static size_t rfc2217_unwrap(struct pm_terminal *t, const uint8_t *wire, size_t len)
{
    struct pm_rfc2217 *filter = own(t)->filter;
    size_t used = pm_rfc2217_receive(filter, wire, len);
    while (pm_rfc2217_text(filter, wire + used, len - used)) {
        used += pm_rfc2217_receive(filter, wire + used, len - used);
    }
    return used;
}

static void rfc2217_wrap(struct pm_terminal *t, const uint8_t *data, size_t len)
{
    pm_rfc2217_send(own(t)->filter, data, len);
}

/* RTS stops the module where AT+IFC says so, FLOWCONTROL-SUSPEND everywhere. */
static bool rfc2217_stopped(const struct pm_terminal *t)
{
    return own(t)->suspended || (!own(t)->rts && pm_port_line(&t->port).flow_out);
}

static void drop_filter(struct pm_terminal *t)
{
    pm_rfc2217_free(own(t)->filter);
    own(t)->filter = NULL;
}

static void rfc2217_gone(struct pm_terminal *t)
{
    drop_filter(t);
    pm__tcp_gone(t);
}

static void rfc2217_close(struct pm_terminal *t)
{
    drop_filter(t);
    pm__tcp_close(t);
}

const struct pm_terminal_ops pm__terminal_rfc2217 = {
    .kind = "rfc2217",
    .open = pm__tcp_open,
    .attached = rfc2217_attached,
    .line = rfc2217_line,
    .stopped = rfc2217_stopped,
    .unwrap = rfc2217_unwrap,
    .wrap = rfc2217_wrap,
    .gone = rfc2217_gone,
    .close = rfc2217_close,
    .half_close = true,
    .ends_data = true,
};
