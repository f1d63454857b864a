/* SPDX-License-Identifier: MIT */
/* Runs a command whose output is a secret. */
#include "host/token_command.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_SIZE   8256
#define ARGUMENTS_MAX 32

struct pm_token_command {
    uv_process_t process;
    uv_pipe_t output;
    uv_timer_t timer;
    void (*done)(void *user, const uint8_t *text, size_t len, const char *problem);
    void *user;
    unsigned handles; /* not closed yet */
    bool started, exited, ended, late;
    int64_t status;
    int signal;
    size_t len;
    uint8_t text[OUTPUT_SIZE + 1]; /* one more than allowed, to see what is too long */
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct pm_token_command *c = handle->data;
    if (--c->handles == 0) {
        OPENSSL_cleanse(c, sizeof *c);
        free(c);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_handle_closed);
    }
}

/* The process handle closes when the process has ended, so that it is reaped. */
static void close_rest(struct pm_token_command *c)
{
    close_handle((uv_handle_t *)&c->output);
    close_handle((uv_handle_t *)&c->timer);
    if (!c->started || c->exited) {
        close_handle((uv_handle_t *)&c->process);
    }
}

/* The command leads a process group of its own. */
static void kill_all(const struct pm_token_command *c)
{
    if (c->started) {
        (void)kill(-c->process.pid, SIGKILL);
    }
}

static const char *problem_of(const struct pm_token_command *c, char *text, size_t size)
{
    if (c->late) {
        return "it takes too long";
    }
    if (c->len > OUTPUT_SIZE) {
        return "it says too much";
    }
    if (c->signal != 0) {
        snprintf(text, size, "it ended by signal %d", c->signal);
        return text;
    }
    snprintf(text, size, "it ended with status %lld", (long long)c->status);
    return c->status != 0 ? text : NULL;
}

/* What is over: the command and its output, or our patience. */
static void finish(struct pm_token_command *c)
{
    char text[60];
    if (c->done != NULL) {
        const char *problem = problem_of(c, text, sizeof text);
        void (*done)(void *, const uint8_t *, size_t, const char *) = c->done;
        c->done = NULL;
        done(c->user, c->text, problem == NULL ? c->len : 0, problem);
    }
    close_rest(c);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct pm_token_command *c = process->data;
    c->exited = true;
    c->status = status;
    c->signal = signal;
    if (c->ended || c->done == NULL) {
        finish(c);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct pm_token_command *c = handle->data;
    (void)suggested;
    *buffer = uv_buf_init((char *)c->text + c->len, (unsigned)(sizeof c->text - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct pm_token_command *c = stream->data;
    (void)buffer;
    if (n > 0) {
        c->len += (size_t)n;
    }
    if (c->len > OUTPUT_SIZE) {
        kill_all(c);
        finish(c);
    } else if (n < 0) {
        c->ended = true;
        uv_read_stop(stream);
        if (c->exited) {
            finish(c);
        }
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct pm_token_command *c = timer->data;
    c->late = true;
    kill_all(c);
    finish(c);
}

void pm_token_command_cancel(struct pm_token_command *command)
{
    command->done = NULL;
    kill_all(command);
    close_rest(command);
}

/* Cuts the words; 0 when there are none, or too many. */
static size_t split(char *words, char **arguments)
{
    char *rest = NULL;
    size_t count = 0;
    char *word = strtok_r(words, " ", &rest);
    while (word != NULL && count < ARGUMENTS_MAX) {
        arguments[count++] = word;
        word = strtok_r(NULL, " ", &rest);
    }
    arguments[count] = NULL;
    return word == NULL ? count : 0;
}

static int spawn(struct pm_token_command *c, uv_loop_t *loop, char **arguments)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->output},
        {.flags = UV_IGNORE}};
    const uv_process_options_t options = {.file = arguments[0],
                                          .args = arguments,
                                          .exit_cb = on_exit_of,
                                          .flags = UV_PROCESS_DETACHED,
                                          .stdio = stdio,
                                          .stdio_count = 3};
    c->process.data = c->output.data = c->timer.data = c;
    (void)uv_pipe_init(loop, &c->output, 0);
    (void)uv_timer_init(loop, &c->timer);
    c->handles = 3;
    int error = uv_spawn(loop, &c->process, &options);
    c->started = error == 0;
    return error != 0 ? error : uv_read_start((uv_stream_t *)&c->output, on_alloc, on_read);
}

struct pm_token_command *pm_token_command_run(uv_loop_t *loop, const char *command,
                                              uint64_t timeout_ms,
                                              void (*done)(void *user, const uint8_t *text,
                                                           size_t len, const char *problem),
                                              void *user, char *err, size_t err_size)
{
    char *arguments[ARGUMENTS_MAX + 1];
    struct pm_token_command *c = calloc(1, sizeof *c);
    char *words = strdup(command);
    if (c == NULL || words == NULL || split(words, arguments) == 0) {
        snprintf(err, err_size, "%s",
                 c == NULL || words == NULL ? "out of memory" : "no command, or too many words");
        free(c);
        free(words);
        return NULL;
    }
    c->user = user;
    int error = spawn(c, loop, arguments);
    free(words);
    if (error != 0) {
        snprintf(err, err_size, "%s", uv_strerror(error));
        kill_all(c);
        close_rest(c);
        return NULL;
    }
    c->done = done;
    (void)uv_timer_start(&c->timer, on_timeout, timeout_ms, 0);
    return c;
}
