/* SPDX-License-Identifier: MIT */
/* Terminals: bytes between descriptors and ports of the module, whatever their kind. */
#include "host/port_channel.h"
#include "host/port_wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Reads of one terminal before the others get their turn. */
#define READ_ROUNDS 16

/* Bytes handed to the module between two looks at who is there. */
#define CHECK_INTERVAL 512

/* More than a host sends at once that waits for answers. */
#define LARGE_READ 1024

static const struct pm_terminal_ops *ops_of(enum pm_terminal_kind kind)
{
    switch (kind) {
    case PM_TERMINAL_PTY: return &pm__terminal_pty;
    case PM_TERMINAL_SERIAL: return &pm__terminal_serial;
    case PM_TERMINAL_TCP: return &pm__terminal_tcp;
    case PM_TERMINAL_STDIO: return &pm__terminal_stdio;
    case PM_TERMINAL_RFC2217: return &pm__terminal_rfc2217;
    case PM_TERMINAL_NONE:
    default: return NULL;
    }
}

void pm_terminal_log(const struct pm_terminal *t, enum pm_log_level level, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len >= 0) {
        pm_log_printf(t->host->log, level, "port %s: %s", t->name, text);
    }
}

static void trace(const struct pm_terminal *t, bool to_module, const uint8_t *data, size_t len)
{
    if (t->host->trace != NULL && t->trace_in != NULL) {
        pm_trace_bytes(t->host->trace, to_module ? t->trace_in : t->trace_out, t->label, to_module,
                       data, len);
    }
}

static void trace_end(const struct pm_terminal *t)
{
    if (t->host->trace != NULL && t->trace_in != NULL) {
        pm_trace_end(t->host->trace, t->trace_in, t->label, true);
        pm_trace_end(t->host->trace, t->trace_out, t->label, false);
    }
}

/* ---- Hosts ----------------------------------------------------------------------- */

/* The descriptors stay the caller's. */
static bool refuse(struct pm_terminal *t)
{
    pm__channel_close(t->channel, true);
    t->channel = NULL;
    pm__wire_free(t->wire);
    t->wire = NULL;
    return false;
}

bool pm_terminal_attach(struct pm_terminal *t, int in, int out)
{
    t->channel = pm__channel_open(t, in, out);
    if (t->channel == NULL) {
        return false;
    }
    if (t->ops->unwrap != NULL && (t->wire = pm__wire_new()) == NULL) {
        return refuse(t);
    }
    t->hosts++;
    t->ended = false;
    t->deaf = false;
    t->blocked = false;
    t->drained = true;
    t->held_len = 0;
    if (t->ops->attached != NULL && !t->ops->attached(t)) {
        return refuse(t);
    }
    pm_host_pump(t->host);
    return true;
}

static void drop_rest(struct pm_terminal *t)
{
    if (t->rest != NULL) {
        explicit_bzero(t->rest, t->rest_len);
        free(t->rest);
        t->rest = NULL;
    }
}

void pm_terminal_detach(struct pm_terminal *t)
{
    if (t->channel == NULL) {
        return;
    }
    pm__channel_close(t->channel, t->ops->keeps_descriptors);
    t->channel = NULL;
    t->backlog = t->rest == NULL && (t->held_len > 0 || t->blocked || !t->drained);
    t->held_len = 0;
    t->blocked = false;
    pm__wire_free(t->wire);
    t->wire = NULL;
    drop_rest(t);
    trace_end(t);
    pm_port_lost(&t->port, pm_host_now(t->host));
    t->ops->gone(t);
    pm_host_pump(t->host);
}

static bool all_taken(const struct pm_terminal *t)
{
    return t->held_len == 0 && (t->rest == NULL || t->rest_at == t->rest_len) &&
           pm__wire_read_all(t->wire);
}

/* Waits for what the terminal can use now, and for nothing else. */
static void wait_for_events(struct pm_terminal *t)
{
    bool reads = !t->ended && all_taken(t) && !t->host->leaving && pm_port_wants_input(&t->port);
    pm__channel_wait(t->channel, reads, t->blocked);
}

/* ---- Bytes ----------------------------------------------------------------------- */

/* Writes to the host: the bytes taken, 0 when there are none now. What nobody is there to read is
 * dropped, as on a line without a host. */
static size_t write_bytes(struct pm_terminal *t, const uint8_t *data, size_t len)
{
    if (t->channel == NULL || t->deaf) {
        return len;
    }
    ssize_t result = write(t->channel->out, data, len);
    if (result > 0) {
        return (size_t)result;
    }
    if (result < 0 && errno != EAGAIN && errno != EINTR) {
        t->deaf = true;
        return len;
    }
    t->blocked = errno != EINTR;
    return 0;
}

/* Writes wrapped bytes, as many as go. */
static bool write_wire(struct pm_terminal *t)
{
    const uint8_t *data;
    bool moved = false;
    size_t len;
    while (!t->blocked && (len = pm__wire_output(t->wire, &data)) > 0) {
        size_t sent = write_bytes(t, data, len);
        pm__wire_output_ack(t->wire, sent);
        moved = moved || sent > 0;
    }
    return moved;
}

/* Takes bytes of the module for the host, and returns how many. */
static size_t write_some(struct pm_terminal *t, const uint8_t *data, size_t len)
{
    size_t sent = len;
    if (t->wire == NULL) {
        sent = write_bytes(t, data, len);
    } else if (t->channel != NULL && !t->deaf) {
        size_t room = pm__wire_room(t->wire);
        sent = len < room ? len : room;
        t->ops->wrap(t, data, sent);
        (void)write_wire(t);
    }
    if (sent > 0 && t->channel != NULL && !t->deaf) {
        trace(t, false, data, sent);
    }
    return sent;
}

/* A host that sends no more cannot let the bytes go on either: it gets them. */
static bool is_stopped(const struct pm_terminal *t)
{
    return t->channel != NULL && !t->ended && t->ops->stopped != NULL && t->ops->stopped(t);
}

static bool write_output(struct pm_terminal *t)
{
    const uint8_t *data;
    bool moved = write_wire(t);
    for (;;) {
        if (t->channel != NULL && t->ops->check != NULL) {
            t->ops->check(t);
        }
        size_t len = pm_port_output(&t->port, &data);
        if (len == 0 || t->blocked || is_stopped(t)) {
            return moved;
        }
        size_t sent = write_some(t, data, len);
        if (sent > 0) {
            pm_port_output_ack(&t->port, sent, pm_host_now(t->host));
            moved = true;
        }
    }
}

/* Puts the next piece of what a host left behind where read bytes wait. */
static void refill(struct pm_terminal *t)
{
    size_t len = t->rest_len - t->rest_at;
    t->held_at = 0;
    t->held_len = len < sizeof t->held ? len : sizeof t->held;
    memcpy(t->held, t->rest + t->rest_at, t->held_len);
    t->rest_at += t->held_len;
}

/* Unwraps what comes next: bytes, or a command. True when that moved anything. */
static bool unwrap(struct pm_terminal *t)
{
    const uint8_t *data;
    size_t len = pm__wire_input(t->wire, &data);
    if (len == 0) {
        return false;
    }
    t->held_at = 0;
    pm__wire_input_ack(t->wire, t->ops->unwrap(t, data, len));
    if (t->held_len > 0) {
        trace(t, true, t->held, t->held_len);
    }
    return true;
}

static bool offer_held(struct pm_terminal *t)
{
    bool moved = false;
    if (t->held_len == 0 && t->rest != NULL) {
        refill(t);
    }
    while (t->held_len == 0 && unwrap(t)) {
        moved = true;
    }
    if (t->held_len == 0) {
        return moved;
    }
    size_t len = t->held_len;
    if (t->ops->check != NULL && len > CHECK_INTERVAL) {
        len = CHECK_INTERVAL;
    }
    size_t taken = pm_port_input(&t->port, t->held + t->held_at, len, pm_host_now(t->host));
    t->held_at += taken;
    t->held_len -= taken;
    if (t->drained && all_taken(t)) {
        pm_port_input_end(&t->port, pm_host_now(t->host));
    }
    return moved || taken > 0;
}

bool pm_terminal_settled(const struct pm_terminal *t)
{
    const uint8_t *data;
    return all_taken(t) && pm__wire_output(t->wire, &data) == 0 && !pm_at_busy(&t->port.at) &&
           pm_port_output(&t->port, &data) == 0 && !pm_module_mail_running(&t->host->module) &&
           pm_at_deadline(&t->port.at) == PM_NEVER;
}

/*
 * Whether to let go of the host. One that sends no more may have meant what it asked for to be
 * done; data mode has nothing left to wait for, though (SD62).
 */
static bool is_over(const struct pm_terminal *t)
{
    if (!t->ops->half_close) {
        return t->ended || t->deaf;
    }
    return t->ended && ((t->ops->ends_data && all_taken(t) && pm_at_connected(&t->port.at)) ||
                        pm_terminal_settled(t));
}

bool pm_terminal_pump(struct pm_terminal *t)
{
    const uint8_t *data;
    bool moved = write_output(t);
    moved = offer_held(t) || moved;
    if (moved || t->channel == NULL) {
        return moved;
    }
    if (is_over(t)) {
        pm_terminal_detach(t);
        return true;
    }
    if (t->ops->line != NULL && pm_port_output(&t->port, &data) == 0 && t->ops->line(t)) {
        return true;
    }
    wait_for_events(t);
    return false;
}

/*
 * Whether the read just made has taken all that the host has sent. Asked before the answers
 * leave: a host that waits for them has sent nothing more, and what comes afterwards may be
 * from its successor. The kernel counts only what has reached its line buffer, hence
 * a large read is taken as a sign that there is more.
 */
static bool is_drained(const struct pm_terminal *t, size_t len)
{
    int waiting = 0;
    return len < LARGE_READ && (ioctl(t->channel->in, FIONREAD, &waiting) != 0 || waiting == 0);
}

/*
 * Takes what was read. Who sent it is asked afterwards: a host that came in place of another
 * did so before it wrote. Only where the old one had left unread bytes behind nobody can tell.
 */
static void take_read(struct pm_terminal *t, size_t len)
{
    unsigned host = t->hosts;
    t->drained = is_drained(t, len);
    if (t->ops->check != NULL) {
        t->ops->check(t);
    }
    if (t->channel == NULL || (t->hosts != host && t->backlog)) {
        return;
    }
    if (t->wire != NULL) {
        pm__wire_read(t->wire, len);
    } else {
        trace(t, true, t->held, len);
        t->held_at = 0;
        t->held_len = len;
    }
    (void)offer_held(t);
}

void pm_terminal_read(struct pm_terminal *t)
{
    for (int i = 0; i < READ_ROUNDS; i++) {
        if (t->channel == NULL || t->ended || !all_taken(t) || t->host->leaving ||
            !pm_port_wants_input(&t->port)) {
            break;
        }
        uint8_t *to = t->wire != NULL ? pm__wire_place(t->wire) : t->held;
        ssize_t len = read(t->channel->in, to, PM_TERMINAL_READ);
        if (len > 0) {
            take_read(t, (size_t)len);
            pm_host_pump(t->host);
            if (t->drained) {
                break;
            }
        } else if (len < 0 && errno == EAGAIN) {
            break;
        } else if (len == 0 || errno == EIO) {
            t->ended = true;
        } else if (errno != EINTR) {
            pm_terminal_detach(t);
        }
    }
    pm_host_pump(t->host);
}

void pm_terminal_take_rest(struct pm_terminal *t)
{
    t->deaf = true;
    t->blocked = false;
    if (t->rest != NULL || t->ended || (t->rest = malloc(PM_TERMINAL_REST)) == NULL) {
        return;
    }
    t->rest_at = 0;
    t->rest_len = 0;
    while (t->rest_len < PM_TERMINAL_REST) {
        ssize_t len = read(t->channel->in, t->rest + t->rest_len, PM_TERMINAL_REST - t->rest_len);
        if (len > 0) {
            trace(t, true, t->rest + t->rest_len, (size_t)len);
            t->rest_len += (size_t)len;
        } else if (len == 0 || errno != EINTR) {
            t->ended = len == 0 || errno == EIO;
            break;
        }
    }
}

/* ---- Life ------------------------------------------------------------------------ */

static void terminal_free(struct pm_terminal *t)
{
    drop_rest(t);
    pm__wire_free(t->wire);
    free(t->trace_in);
    free(t->trace_out);
    free(t);
}

static struct pm_terminal *terminal_new(struct pm_host_module *host,
                                        const struct pm_terminal_options *options)
{
    struct pm_terminal *t = malloc(sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, offsetof(struct pm_terminal, port));
    t->host = host;
    t->ops = ops_of(options->kind);
    snprintf(t->name, sizeof t->name, "%s", options->name);
    pm_host_label(host, t->name, t->label, sizeof t->label);
    if (host->trace != NULL) {
        t->trace_in = calloc(1, sizeof *t->trace_in);
        t->trace_out = calloc(1, sizeof *t->trace_out);
        if (t->trace_in == NULL || t->trace_out == NULL) {
            terminal_free(t);
            return NULL;
        }
    }
    return t;
}

struct pm_terminal *pm_terminal_open(struct pm_host_module *host,
                                     const struct pm_terminal_options *options, char *err,
                                     size_t err_size)
{
    struct pm_terminal *t = terminal_new(host, options);
    if (t == NULL) {
        snprintf(err, err_size, "port %s: out of memory", options->name);
        return NULL;
    }
    char why[300] = "";
    pm_port_init(&t->port, &host->module, t->name, options->boot_urcs, options->lf_ends_line,
                 pm_host_now(host));
    struct pm_terminal **end = &host->terminals;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = t;
    if (!t->ops->open(t, options, why, sizeof why)) {
        /* It stays in the list: the module knows its port by now. */
        snprintf(err, err_size, "port %s: %s", t->name, why);
        return NULL;
    }
    pm_host_pump(host);
    return t;
}

void pm_terminal_ready(const struct pm_terminal *t, char *text, size_t size)
{
    snprintf(text, size, "%s %s %s", t->label, t->ops->kind, t->ready);
}

void pm_terminals_close(struct pm_host_module *host)
{
    for (struct pm_terminal *t = host->terminals; t != NULL; t = t->next) {
        if (t->channel != NULL) {
            pm__channel_close(t->channel, t->ops->keeps_descriptors);
            t->channel = NULL;
        }
        trace_end(t);
        if (t->own != NULL) {
            t->ops->close(t);
            t->own = NULL;
        }
    }
}

void pm_terminals_free(struct pm_host_module *host)
{
    while (host->terminals != NULL) {
        struct pm_terminal *t = host->terminals;
        host->terminals = t->next;
        explicit_bzero(t->held, sizeof t->held);
        terminal_free(t);
    }
}
