/* SPDX-License-Identifier: MIT */
/* The person at the terminal: types, waits, and sees what comes. */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A person's patience with one answer. */
#define DEMO_PATIENCE_MS 10000

/* A pause of this length is told. */
#define DEMO_PAUSE_MS 500

static void demo_on_bytes(uv_poll_t *poll, int status, int events)
{
    struct demo_terminal *t = poll->data;
    (void)events;
    ssize_t n = status == 0 ? read(t->fd, t->in + t->len, sizeof t->in - 1 - t->len) : -1;
    if (n > 0) {
        t->len += (size_t)n;
        t->in[t->len] = 0;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        t->gone = true;
        (void)uv_poll_stop(poll);
    }
}

static void demo_on_patience(uv_timer_t *timer)
{
    struct demo_terminal *t = timer->data;
    t->expired = true;
}

static void demo_on_interrupt(uv_signal_t *handle, int number)
{
    struct demo_terminal *t = handle->data;
    (void)number;
    t->interrupted = true;
}

bool pm__demo_terminal_open(struct demo_terminal *t, uv_loop_t *loop, const char *path, FILE *out,
                            char *err, size_t err_size)
{
    memset(t, 0, sizeof *t);
    t->loop = loop;
    t->out = out;
    t->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        (void)snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return false;
    }
    int rc = uv_poll_init(loop, &t->poll, t->fd);
    if (rc != 0) {
        (void)snprintf(err, err_size, "%s: %s", path, uv_strerror(rc));
        (void)close(t->fd);
        t->fd = -1;
        return false;
    }
    /* These fail only for handles that were not initialised, and for unknown signals. */
    (void)uv_timer_init(loop, &t->timer);
    t->poll.data = t->timer.data = t;
    for (int i = 0; i < 2; i++) {
        (void)uv_signal_init(loop, &t->interrupt[i]);
        t->interrupt[i].data = t;
        (void)uv_signal_start(&t->interrupt[i], demo_on_interrupt, i == 0 ? SIGINT : SIGTERM);
    }
    (void)uv_poll_start(&t->poll, UV_READABLE, demo_on_bytes);
    return true;
}

/* As a terminal shows it: CR moves to the start of the line, which needs no character here. */
static void demo_show(struct demo_terminal *t, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\r') {
            (void)fputc(text[i], t->out);
        }
    }
    (void)fflush(t->out);
}

bool pm__demo_type(struct demo_terminal *t, const char *text, size_t len, bool shown)
{
    if (shown) {
        demo_show(t, text, len);
    }
    while (len > 0) {
        ssize_t n = write(t->fd, text, len);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        } else {
            (void)uv_run(t->loop, UV_RUN_NOWAIT);
        }
    }
    return true;
}

/* Where the awaited text ends, 0 while it has not come. */
static size_t demo_find(const struct demo_terminal *t, const char *text)
{
    const char *at = strstr(t->in, text);
    return at != NULL ? (size_t)(at - t->in) + strlen(text) : 0;
}

/* Runs the loop until `end` or an error is there. */
static size_t demo_await(struct demo_terminal *t, const char *end)
{
    size_t found = 0;
    uint64_t started = uv_now(t->loop);
    t->expired = false;
    (void)uv_timer_start(&t->timer, demo_on_patience, DEMO_PATIENCE_MS, 0);
    while ((found = demo_find(t, end)) == 0 && demo_find(t, "ERROR") == 0 && !t->expired &&
           !t->gone && !t->interrupted) {
        (void)uv_run(t->loop, UV_RUN_ONCE);
    }
    (void)uv_timer_stop(&t->timer);
    uint64_t waited = uv_now(t->loop) - started;
    if (waited >= DEMO_PAUSE_MS) {
        (void)fprintf(t->out, "   (%u.%u s later)\n", (unsigned int)(waited / 1000),
                      (unsigned int)(waited % 1000 / 100));
    }
    return found;
}

bool pm__demo_expect(struct demo_terminal *t, const char *end, const char *answer)
{
    size_t found = demo_await(t, end);
    size_t upto = found > 0 ? found : t->len;
    demo_show(t, t->in, upto);
    char after = t->in[upto];
    t->in[upto] = 0;
    bool good = found > 0 && (answer == NULL || strstr(t->in, answer) != NULL);
    t->in[upto] = after;
    memmove(t->in, t->in + upto, t->len - upto + 1);
    t->len -= upto;
    return good;
}

void pm__demo_terminal_close(struct demo_terminal *t)
{
    if (t->fd < 0 || t->loop == NULL) {
        return;
    }
    uv_close((uv_handle_t *)&t->poll, NULL);
    uv_close((uv_handle_t *)&t->timer, NULL);
    uv_close((uv_handle_t *)&t->interrupt[0], NULL);
    uv_close((uv_handle_t *)&t->interrupt[1], NULL);
    (void)close(t->fd);
    t->fd = -1;
}
