/* SPDX-License-Identifier: MIT */
/* Virtual time and the life of a module in a world of its own. */
#include "play/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOIL 0xA5

void world_fail(struct world *w, const char *what)
{
    if (w->failed[0] == '\0') {
        (void)snprintf(w->failed, sizeof w->failed, "%s", what);
    }
}

/* Forgets the older half, to the end of a line. */
static void forget(char *log, size_t *len)
{
    const char *newline = memchr(log + *len / 2, '\n', *len - *len / 2);
    size_t from = newline != NULL ? (size_t)(newline - log) + 1 : *len;
    *len -= from;
    memmove(log, log + from, *len);
}

/* Without room the oldest lines go: what is asked about is mostly what came last. */
static void append(char *log, size_t size, size_t *len, const char *text, size_t n)
{
    if (n + 2 >= size) {
        return; /* No line is so long. */
    }
    while (*len + n + 2 >= size) {
        forget(log, len);
    }
    memcpy(log + *len, text, n);
    log[*len + n] = '\n';
    *len += n + 1;
    log[*len] = '\0';
}

static void take_log(void *user, enum pm_log_level level, const char *text, size_t len)
{
    struct world *w = user;
    (void)level;
    append(w->log, sizeof w->log, &w->log_len, text, len);
}

static void take_trace(void *user, bool sent, const uint8_t *line, size_t len)
{
    struct world *w = user;
    (void)sent;
    append(w->trace, sizeof w->trace, &w->trace_len, (const char *)line, len);
}

/* 2026-11-23 10:15:00 UTC at virtual time 0. */
static void wall_clock(void *user, struct pm_wall_time *time)
{
    const struct world *w = user;
    time->unix_seconds = 1795428900 + (int64_t)(w->now / 1000);
    time->offset_minutes = 60;
}

static int32_t random_bytes(void *user, uint8_t *out, size_t len)
{
    struct world *w = user;
    if (world_fails(w)) {
        return PM_ERR_IO;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(0xA0 + i);
    }
    return PM_OK;
}

/* The names beyond ASCII that the world knows; every other one has no ASCII form. */
static int32_t idna(void *user, struct pm_slice name, uint8_t *out, size_t cap)
{
    static const char *const names[][2] = {
        {"b\xC3\xBC"
         "cher.example",
         "xn--bcher-kva.example"},
        {"\xE4\xBE\x8B\xE5\xAD\x90.example", "xn--fsqu00a.example"},
    };
    (void)user;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t len = strlen(names[i][1]);
        if (name.len == strlen(names[i][0]) && memcmp(name.ptr, names[i][0], name.len) == 0 &&
            len <= cap) {
            memcpy(out, names[i][1], len);
            return (int32_t)len;
        }
    }
    return PM_ERR_NOT_FOUND;
}

static void cancel(void *user, struct pm_op *op)
{
    struct world *w = user;
    if (world_network_cancel(w, op)) {
        return;
    }
    for (size_t i = 0; i < w->op_count; i++) {
        if (w->ops[i].op == op) {
            if (w->ops[i].file && w->ops[i].result >= 0) {
                w->platform.file_close(w, w->ops[i].result);
            }
            if (w->ops[i].connection) {
                world_server_reset(w);
            }
            w->ops[i] = w->ops[--w->op_count];
            return;
        }
    }
    world_fail(w, "cancel of an operation that is not pending");
}

bool world_fails(struct world *w)
{
    return ++w->calls == w->fail_at;
}

int32_t world_answer(struct world *w, struct pm_op *op, int32_t result)
{
    if (!w->async) {
        return result;
    }
    if (w->op_count == WORLD_OPS) {
        world_fail(w, "too many operations at once");
        return PM_ERR_NO_MEMORY;
    }
    memset(&w->ops[w->op_count], 0, sizeof w->ops[0]);
    w->ops[w->op_count].op = op;
    w->ops[w->op_count].result = result;
    w->op_count++;
    return PM_PENDING;
}

int32_t world_answer_file(struct world *w, struct pm_op *op, int32_t file)
{
    int32_t answer = world_answer(w, op, file);
    if (answer == PM_PENDING) {
        w->ops[w->op_count - 1].file = true;
    }
    return answer;
}

int32_t world_answer_connection(struct world *w, struct pm_op *op, int32_t result)
{
    int32_t answer = world_answer(w, op, result);
    if (answer == PM_PENDING) {
        w->ops[w->op_count - 1].connection = true;
    }
    return answer;
}

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->now = 1000000;
    w->ufs_size = 4U << 20;
    w->arena_size = 65536;
    w->platform.user = w;
    w->platform.log = take_log;
    w->platform.trace = take_trace;
    w->platform.wall_clock = wall_clock;
    w->platform.random = random_bytes;
    w->platform.cancel = cancel;
    w->platform.idna = idna;
    world_files_platform(&w->platform);
    world_net_platform(&w->platform);
    world_network_platform(&w->platform);
    world_network_init(w);
    pm_module_config_default(&w->config);
    w->config.limits = PM_LIMITS_STRICT;
    w->config.ehlo_name = "module.example";
}

/* Memory as an owner may give it: nothing of it means anything before it is written. */
static void soil(struct world *w)
{
    memset(w->arena, SOIL, w->arena_size);
    memset(&w->module, SOIL, sizeof w->module);
    memset(w->ports, SOIL, sizeof w->ports);
}

void world_begin(struct world *w, size_t ports)
{
    static const char *const names[WORLD_PORTS] = {"usbat", "usbmodem", "uart1"};
    w->arena = malloc(w->arena_size);
    if (w->arena != NULL) {
        soil(w);
    }
    if (w->arena == NULL || !pm_module_table(&w->table) ||
        !pm_module_init(&w->module, &w->config, &w->platform, &w->table, w->arena, w->arena_size,
                        w->now)) {
        world_fail(w, "the module does not start with these settings");
        return;
    }
    w->started = true;
    w->port_count = ports;
    for (size_t i = 0; i < ports && i < WORLD_PORTS; i++) {
        pm_port_init(&w->ports[i], &w->module, names[i], false, false, w->now);
    }
}

static void look_for_leftovers(struct world *w)
{
    if (w->op_count != 0 || w->server.connected || w->job_memory_out) {
        world_fail(w, "the module left an operation, a connection or memory behind");
    }
    for (size_t i = 0; i < sizeof w->network.never / sizeof w->network.never[0]; i++) {
        if (w->network.never[i] != NULL) {
            world_fail(w, "the module left a question to the network behind");
        }
    }
    if (world_temporary(w) != 0) {
        world_fail(w, "the module left a temporary file behind");
    }
    for (size_t i = 0; i < WORLD_FILES; i++) {
        if (w->files[i].used && w->files[i].opened != 0) {
            world_fail(w, "the module left a file open");
        }
    }
}

const char *world_end(struct world *w)
{
    if (w->started) {
        pm_module_end(&w->module);
        look_for_leftovers(w);
    }
    w->started = false;
    for (size_t i = 0; i < WORLD_FILES; i++) {
        free(w->files[i].data);
    }
    free(w->server.message);
    free(w->arena);
    return w->failed;
}

static bool run_op(struct world *w)
{
    if (w->op_count == 0) {
        return false;
    }
    struct pm_op *op = w->ops[0].op;
    int32_t result = w->ops[0].result;
    memmove(&w->ops[0], &w->ops[1], (w->op_count - 1) * sizeof w->ops[0]);
    w->op_count--;
    pm_module_done(&w->module, op, result, w->now);
    return true;
}

static bool run_server(struct world *w)
{
    uint8_t bytes[sizeof w->server.out];
    size_t len = w->server.out_len;
    if (w->writable) {
        w->writable = false;
        pm_module_writable(&w->module, w->now);
        return true;
    }
    if (len != 0 && w->server.connected) {
        memcpy(bytes, w->server.out, len);
        w->server.out_len = 0;
        pm_module_received(&w->module, bytes, len, w->now);
        return true;
    }
    if (w->server.closed_told && w->server.connected) {
        w->server.closed_told = false;
        pm_module_closed(&w->module, w->now);
        return true;
    }
    return false;
}

void world_run(struct world *w)
{
    while (run_op(w) || run_server(w)) {
    }
}

void world_advance(struct world *w, uint64_t until)
{
    world_run(w);
    for (;;) {
        uint64_t deadline = pm_module_deadline(&w->module);
        if (deadline > until) {
            break;
        }
        w->now = deadline > w->now ? deadline : w->now;
        pm_module_tick(&w->module, w->now);
        world_run(w);
        if (pm_module_deadline(&w->module) <= w->now) {
            world_fail(w, "a deadline does not go away");
            break;
        }
    }
    w->now = until;
    pm_module_tick(&w->module, w->now);
    world_run(w);
}

void world_type(struct world *w, size_t port, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len != 0) {
        size_t n = pm_port_input(&w->ports[port], at, len, w->now);
        world_run(w);
        if (n == 0) {
            world_fail(w, "the port takes no input");
            return;
        }
        at += n;
        len -= n;
    }
}

size_t world_read(struct world *w, size_t port, uint8_t *out, size_t size)
{
    const uint8_t *data = NULL;
    size_t total = 0;
    size_t len = pm_port_output(&w->ports[port], &data);
    while (len != 0 && total < size) {
        size_t n = len < size - total ? len : size - total;
        memcpy(out + total, data, n);
        total += n;
        pm_port_output_ack(&w->ports[port], n, w->now);
        world_run(w);
        len = pm_port_output(&w->ports[port], &data);
    }
    return total;
}
