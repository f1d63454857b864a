/* SPDX-License-Identifier: MIT */
/* Channels: descriptors in the loop. */
#include "host/port_channel.h"

#include <stdlib.h>
#include <unistd.h>

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

void pm__channel_close(struct pm_channel *channel, bool keep_descriptors)
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

struct pm_channel *pm__channel_open(struct pm_terminal *t, int in, int out)
{
    struct pm_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return NULL;
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
        pm__channel_close(channel, true);
        return NULL;
    }
    return channel;
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

void pm__channel_wait(struct pm_channel *channel, bool reads, bool writes)
{
    int read_events = reads ? UV_READABLE : 0;
    int write_events = writes ? UV_WRITABLE : 0;
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
