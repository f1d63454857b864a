/* SPDX-License-Identifier: MIT */
#include "host/open_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

struct pm_open_instance {
    struct pm_open_watches *all;
    uv_poll_t poll;
    uv_timer_t wake; /* events were read for others than the one that read them */
    unsigned handles;
    int fd;
};

/* Calls those that have notes, one after the other: each may end its own watch or another one. */
static void tell(struct pm_open_watches *all)
{
    struct pm_open_watch *watch = all->list;
    while (watch != NULL) {
        if (watch->noted) {
            watch->noted = false;
            watch->on_noted(watch);
            watch = all->list;
        } else {
            watch = watch->next;
        }
    }
}

static void note(struct pm_open_watches *all, const struct inotify_event *event)
{
    bool lost = (event->mask & IN_Q_OVERFLOW) != 0;
    for (struct pm_open_watch *watch = all->list; watch != NULL; watch = watch->next) {
        if (lost || event->wd == watch->number || event->wd == watch->earlier) {
            watch->noted = true;
            watch->on_event(watch, event->mask);
        }
    }
}

/* True when there were events. */
static bool read_events(struct pm_open_watches *all)
{
    union {
        struct inotify_event event;
        char bytes[1024];
    } buffer;
    bool any = false;
    ssize_t len = 0;
    while ((len = read(all->instance->fd, buffer.bytes, sizeof buffer)) > 0) {
        any = true;
        /* Events of a watched file carry no name, hence all have the same size. */
        for (ssize_t at = 0; at + (ssize_t)sizeof buffer.event <= len;
             at += (ssize_t)sizeof buffer.event) {
            struct inotify_event event;
            memcpy(&event, buffer.bytes + at, sizeof event);
            note(all, &event);
        }
    }
    return any;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct pm_open_instance *instance = poll->data;
    struct pm_open_watches *all = instance->all;
    (void)status;
    (void)events;
    (void)read_events(all);
    tell(all);
}

static void on_wake(uv_timer_t *timer)
{
    struct pm_open_instance *instance = timer->data;
    tell(instance->all);
}

static void on_closed(uv_handle_t *handle)
{
    struct pm_open_instance *instance = handle->data;
    if (--instance->handles == 0) {
        free(instance);
    }
}

static void end_instance(struct pm_open_watches *all)
{
    uv_close((uv_handle_t *)&all->instance->poll, on_closed);
    uv_close((uv_handle_t *)&all->instance->wake, on_closed);
    close(all->instance->fd);
    all->instance = NULL;
}

static bool start_instance(struct pm_open_watches *all, uv_loop_t *loop)
{
    struct pm_open_instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return false;
    }
    instance->all = all;
    instance->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (instance->fd < 0 || uv_poll_init(loop, &instance->poll, instance->fd) != 0) {
        int error = errno;
        if (instance->fd >= 0) {
            close(instance->fd);
        }
        free(instance);
        errno = error;
        return false;
    }
    uv_timer_init(loop, &instance->wake);
    instance->poll.data = instance;
    instance->wake.data = instance;
    instance->handles = 2;
    uv_poll_start(&instance->poll, UV_READABLE, on_readable);
    all->instance = instance;
    return true;
}

bool pm_open_watch_start(struct pm_open_watch *watch, struct pm_open_watches *all, uv_loop_t *loop,
                         const char *path)
{
    if (all->instance == NULL && !start_instance(all, loop)) {
        return false;
    }
    watch->all = all;
    watch->number = -1;
    watch->earlier = -1;
    watch->noted = false;
    watch->next = all->list;
    watch->link = &all->list;
    if (all->list != NULL) {
        all->list->link = &watch->next;
    }
    all->list = watch;
    if (!pm_open_watch_resume(watch, path)) {
        int error = errno;
        pm_open_watch_end(watch);
        errno = error;
        return false;
    }
    return true;
}

void pm_open_watch_pause(struct pm_open_watch *watch)
{
    if (watch->all != NULL && watch->number >= 0) {
        /* The end of a watch is an event, too. */
        (void)inotify_rm_watch(watch->all->instance->fd, watch->number);
        watch->earlier = watch->number;
        watch->number = -1;
    }
}

bool pm_open_watch_resume(struct pm_open_watch *watch, const char *path)
{
    watch->number = inotify_add_watch(watch->all->instance->fd, path, IN_OPEN | IN_CLOSE);
    return watch->number >= 0;
}

void pm_open_watch_read(struct pm_open_watch *watch)
{
    if (watch->all == NULL) {
        return;
    }
    if (read_events(watch->all)) {
        uv_timer_start(&watch->all->instance->wake, on_wake, 0, 0);
    }
    watch->noted = false;
}

void pm_open_watch_end(struct pm_open_watch *watch)
{
    struct pm_open_watches *all = watch->all;
    if (all == NULL) {
        return;
    }
    pm_open_watch_pause(watch);
    *watch->link = watch->next;
    if (watch->next != NULL) {
        watch->next->link = watch->link;
    }
    watch->all = NULL;
    if (all->list == NULL) {
        end_instance(all);
    }
}
