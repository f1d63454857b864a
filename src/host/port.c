/* SPDX-License-Identifier: MIT */
/* Terminals: bytes between descriptors and ports of the module, whatever their kind. */
#include "host/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads of one terminal before the others get their turn. */
#define READ_ROUNDS 16

/*
 * The descriptors of the present host. Allocated, as libuv ends handles later: the terminal may
 * have its next host by then.
 */
struct pm_channel {
    struct pm_terminal *terminal;
    int in, out;
    bool polled;     /* false: a plain file, always ready, which epoll refuses */
    bool polled_out; /* `out` has a handle of its own */
    int events, events_out;
    unsigned handles; /* those that are not ended */
    uv_poll_t poll, poll_out;
    uv_idle_t idle;
};

static const struct pm_terminal_ops *ops_of(enum pm_terminal_kind kind)
{
    switch (kind) {
    case PM_TERMINAL_PTY: return &pm__terminal_pty;
    case PM_TERMINAL_SERIAL: return &pm__terminal_serial;
    case PM_TERMINAL_TCP: return &pm__terminal_tcp;
    case PM_TERMINAL_STDIO: return &pm__terminal_stdio;
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
        pm_trace_bytes(t->host->trace, to_module ? t->trace_in : t->trace_out, t->name, to_module,
                       data, len);
    }
}

static void trace_end(const struct pm_terminal *t)
{
    if (t->host->trace != NULL && t->trace_in != NULL) {
        pm_trace_end(t->host->trace, t->trace_in, t->name, true);
        pm_trace_end(t->host->trace, t->trace_out, t->name, false);
    }
}

/* ---- Channels -------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct pm_channel *channel = handle->data;
    if (--channel->handles == 0) {
        free(channel);
    }
}

static void close_handle(struct pm_channel *channel, uv_handle_t *handle)
{
    handle->data = channel;
    uv_close(handle, on_handle_closed);
}

static void channel_close(struct pm_channel *channel, bool keep_descriptors)
{
    channel->terminal = NULL;
    if (channel->polled) {
        close_handle(channel, (uv_handle_t *)&channel->poll);
    }
    if (channel->polled_out) {
        close_handle(channel, (uv_handle_t *)&channel->poll_out);
    }
    close_handle(channel, (uv_handle_t *)&channel->idle);
    if (!keep_descriptors) {
        close(channel->in);
        if (channel->out != channel->in) {
            close(channel->out);
        }
    }
}

/* An error is not told apart from readiness: the read or write that follows finds it. The
 * loop stops polling at an error by itself. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pm_channel *channel = poll->data;
    struct pm_terminal *t = channel->terminal;
    if (status != 0) {
        channel->events = 0;
    }
    if (status != 0 || (events & UV_WRITABLE) != 0) {
        t->blocked = false;
    }
    if (status != 0 || (events & UV_READABLE) != 0) {
        pm_terminal_read(t);
    } else {
        pm_host_pump(t->host);
    }
}

static void on_poll_out(uv_poll_t *poll, int status, int events)
{
    struct pm_channel *channel = poll->data;
    (void)events;
    if (status != 0) {
        channel->events_out = 0;
    }
    channel->terminal->blocked = false;
    pm_host_pump(channel->terminal->host);
}

static void on_idle(uv_idle_t *idle)
{
    const struct pm_channel *channel = idle->data;
    pm_terminal_read(channel->terminal);
}

/* A plain file cannot be polled, which is no error: it is always ready. */
static bool watch(uv_loop_t *loop, uv_poll_t *poll, int fd, struct pm_channel *channel,
                  bool *polled)
{
    int result = uv_poll_init(loop, poll, fd);
    if (result != 0 && result != UV_EPERM) {
        return false;
    }
    *polled = result == 0;
    if (*polled) {
        poll->data = channel;
        channel->handles++;
    }
    return true;
}

bool pm_terminal_attach(struct pm_terminal *t, int in, int out)
{
    struct pm_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return false;
    }
    channel->terminal = t;
    channel->in = in;
    channel->out = out;
    uv_idle_init(t->host->loop, &channel->idle);
    channel->idle.data = channel;
    channel->handles = 1;
    if (!watch(t->host->loop, &channel->poll, in, channel, &channel->polled) ||
        (out != in &&
         !watch(t->host->loop, &channel->poll_out, out, channel, &channel->polled_out))) {
        channel_close(channel, true);
        return false;
    }
    t->channel = channel;
    t->ended = false;
    t->blocked = false;
    t->held_len = 0;
    pm_host_pump(t->host);
    return true;
}

void pm_terminal_detach(struct pm_terminal *t)
{
    if (t->channel == NULL) {
        return;
    }
    channel_close(t->channel, t->ops->keeps_descriptors);
    t->channel = NULL;
    t->backlog = t->held_len > 0 || t->blocked;
    t->held_len = 0;
    t->ended = false;
    t->blocked = false;
    trace_end(t);
    pm_port_lost(&t->port, pm_host_now(t->host));
    t->ops->gone(t);
    pm_host_pump(t->host);
}

static void poll_for(uv_poll_t *poll, int *present, int events, uv_poll_cb on_event)
{
    if (events == *present) {
        return;
    }
    *present = events;
    if (events == 0) {
        uv_poll_stop(poll);
    } else {
        uv_poll_start(poll, events, on_event);
    }
}

/* Waits for what the terminal can use now, and for nothing else. */
static void wait_for_events(struct pm_terminal *t)
{
    struct pm_channel *channel = t->channel;
    bool reads =
        !t->ended && t->held_len == 0 && !t->host->leaving && pm_port_wants_input(&t->port);
    int read_events = reads ? UV_READABLE : 0;
    int write_events = t->blocked ? UV_WRITABLE : 0;
    if (channel->out == channel->in) {
        read_events |= write_events;
    } else if (channel->polled_out) {
        poll_for(&channel->poll_out, &channel->events_out, write_events, on_poll_out);
    }
    if (channel->polled) {
        poll_for(&channel->poll, &channel->events, read_events, on_poll);
    } else if (reads) {
        uv_idle_start(&channel->idle, on_idle);
    } else {
        uv_idle_stop(&channel->idle);
    }
}

/* ---- Bytes ----------------------------------------------------------------------- */

/* What nobody is there to read is dropped, as on a line without a host. */
static bool write_output(struct pm_terminal *t)
{
    const uint8_t *data;
    bool moved = false;
    size_t len = pm_port_output(&t->port, &data);
    while (len > 0 && !t->blocked) {
        size_t sent = len;
        if (t->channel != NULL) {
            ssize_t result = write(t->channel->out, data, len);
            if (result < 0 && errno == EINTR) {
                continue;
            }
            if (result < 0 && errno != EAGAIN) {
                pm_terminal_detach(t);
                return true;
            }
            t->blocked = result <= 0;
            sent = result > 0 ? (size_t)result : 0;
            trace(t, false, data, sent);
        }
        if (sent > 0) {
            pm_port_output_ack(&t->port, sent, pm_host_now(t->host));
            moved = true;
        }
        len = pm_port_output(&t->port, &data);
    }
    return moved;
}

static bool offer_held(struct pm_terminal *t)
{
    if (t->held_len == 0) {
        return false;
    }
    size_t taken = pm_port_input(&t->port, t->held + t->held_at, t->held_len, pm_host_now(t->host));
    t->held_at += taken;
    t->held_len -= taken;
    return taken > 0;
}

bool pm_terminal_settled(const struct pm_terminal *t)
{
    const uint8_t *data;
    return t->held_len == 0 && !pm_at_busy(&t->port.at) && pm_port_output(&t->port, &data) == 0 &&
           !pm_module_mail_running(&t->host->module) && pm_at_deadline(&t->port.at) == PM_NEVER;
}

bool pm_terminal_pump(struct pm_terminal *t)
{
    bool moved = write_output(t);
    moved = offer_held(t) || moved;
    if (moved || t->channel == NULL) {
        return moved;
    }
    if (t->ended && pm_terminal_settled(t)) {
        pm_terminal_detach(t);
        return true;
    }
    wait_for_events(t);
    return false;
}

/* The host sends no more. Where that may be half a close, what it asked for is still answered. */
static void input_ended(struct pm_terminal *t)
{
    if (t->ops->half_close && !(t->ops->ends_data && pm_at_connected(&t->port.at))) {
        t->ended = true;
    } else {
        pm_terminal_detach(t);
    }
}

void pm_terminal_read(struct pm_terminal *t)
{
    if (t->ops->before_read != NULL) {
        t->ops->before_read(t);
    }
    for (int i = 0; i < READ_ROUNDS; i++) {
        if (t->channel == NULL || t->ended || t->held_len > 0 || t->host->leaving ||
            !pm_port_wants_input(&t->port)) {
            break;
        }
        ssize_t len = read(t->channel->in, t->held, sizeof t->held);
        if (len > 0) {
            t->held_at = 0;
            t->held_len = (size_t)len;
            trace(t, true, t->held, t->held_len);
            (void)offer_held(t);
            pm_host_pump(t->host);
        } else if (len < 0 && errno == EAGAIN) {
            break;
        } else if (len == 0) {
            input_ended(t);
        } else if (errno != EINTR) {
            pm_terminal_detach(t);
        }
    }
    pm_host_pump(t->host);
}

/* ---- Life ------------------------------------------------------------------------ */

static void terminal_free(struct pm_terminal *t)
{
    free(t->trace_in);
    free(t->trace_out);
    free(t);
}

static struct pm_terminal *terminal_new(struct pm_host_module *host,
                                        const struct pm_terminal_options *options)
{
    struct pm_terminal *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->host = host;
    t->ops = ops_of(options->kind);
    snprintf(t->name, sizeof t->name, "%s", options->name);
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
    if (!t->ops->open(t, options->where, why, sizeof why)) {
        /* It stays in the list: the module knows its port by now. */
        snprintf(err, err_size, "port %s: %s", t->name, why);
        return NULL;
    }
    pm_host_pump(host);
    return t;
}

void pm_terminal_ready(const struct pm_terminal *t, char *text, size_t size)
{
    snprintf(text, size, "%s %s %s", t->name, t->ops->kind, t->ready);
}

void pm_terminals_close(struct pm_host_module *host)
{
    for (struct pm_terminal *t = host->terminals; t != NULL; t = t->next) {
        if (t->channel != NULL) {
            channel_close(t->channel, t->ops->keeps_descriptors);
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
