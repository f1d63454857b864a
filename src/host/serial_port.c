/* SPDX-License-Identifier: MIT */
/*
 * A port on a serial line: 8N1, raw, for this program alone. A line that vanishes (a USB adapter
 * unplugged) is looked for once a second and taken up again.
 *
 * Linux is a DTE: over a null modem the host's DTR comes in as one of our inputs, and one of our
 * outputs reaches it as DCD; which, is for the configuration to say (CD50). The input is looked at
 * only while its drop would mean something, so an idle line costs nothing.
 *
 * Speed and flow control change when the transmitter is empty: a driver may spoil the character
 * that it is sending, and AT+IPR's OK is for the old speed. Until then the module is not asked for
 * more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/port.h"
#include "host/port_channel.h"
#include "host/serial.h"
#include "host/serial_line.h"

#define REOPEN_MS 1000

/* Between two looks at DTR. A host that means it drops it for longer (V.250, S25). */
#define WATCH_MS 20

/* Longest time between two looks at the transmitter, and what hardware that does not tell may
 * still hold when the kernel has handed on everything. */
#define DRAIN_MS        100
#define HIDDEN_BYTES    64
#define BITS_PER_BYTE   10
#define SPEED_TOLERANCE 33 /* one part of so many */

struct serial {
    struct pm_terminal *terminal;
    struct pm_serial_line line;
    unsigned dtr_pin, dcd_pin;  /* enum pm_serial_signal, 0: none */
    bool no_signals;            /* the line turned out to have none; until it is opened again */
    struct pm_serial_mode mode; /* as set up */
    bool dcd;                   /* as driven */
    bool draining, hidden_sent; /* a change of mode waits for the transmitter */
    bool watching, dtr;
    uv_timer_t reopen, drain, watch;
    unsigned handles;
};

/* ---- Speed and flow control ---------------------------------------------------------------- */

/* What the line is to be like: RTS/CTS always if the configuration says so, else as AT+IFC. */
static struct pm_serial_mode wanted_mode(const struct serial *serial)
{
    struct pm_line line = pm_port_line(&serial->terminal->port);
    bool free = serial->dtr_pin != PM_SERIAL_CTS && serial->dcd_pin != PM_SERIAL_RTS;
    return (struct pm_serial_mode){line.speed, serial->line.rtscts ||
                                                   ((line.flow_out || line.flow_in) && free)};
}

static bool same_mode(const struct pm_serial_mode *a, const struct pm_serial_mode *b)
{
    return a->speed == b->speed && a->flow == b->flow;
}

/* Makes the line so. 0 or an errno. */
static int set_mode(struct serial *serial, int fd, const struct pm_serial_mode *mode)
{
    uint32_t got = mode->speed;
    int error = pm__serial_ops->set_up(fd, mode, &got);
    uint32_t off = got > mode->speed ? got - mode->speed : mode->speed - got;
    if (error == 0 && off > mode->speed / SPEED_TOLERANCE) {
        pm_terminal_log(serial->terminal, PM_LOG_WARNING, "%s runs at %u, not at %u",
                        serial->line.device, got, mode->speed);
    }
    if (error == 0 && mode->speed != serial->mode.speed) {
        pm_terminal_log(serial->terminal, PM_LOG_INFO, "%s at %u", serial->line.device,
                        mode->speed);
    }
    serial->mode = *mode;
    return error;
}

static uint64_t sending_time(const struct serial *serial, unsigned bytes)
{
    return 1 + (uint64_t)bytes * BITS_PER_BYTE * 1000 / serial->mode.speed;
}

static void on_drain(uv_timer_t *timer)
{
    struct serial *serial = timer->data;
    struct pm_terminal *t = serial->terminal;
    bool sure = true;
    unsigned bytes = pm__serial_ops->unsent(t->channel->out, &sure);
    if (bytes == 0 && !sure && !serial->hidden_sent) {
        serial->hidden_sent = true;
        uv_timer_start(timer, on_drain, sending_time(serial, HIDDEN_BYTES), 0);
        return;
    }
    if (bytes > 0) {
        uint64_t ms = sending_time(serial, bytes);
        uv_timer_start(timer, on_drain, ms < DRAIN_MS ? ms : DRAIN_MS, 0);
        return;
    }
    struct pm_serial_mode mode = wanted_mode(serial);
    int error = set_mode(serial, t->channel->in, &mode);
    if (error != 0) {
        pm_terminal_log(t, PM_LOG_ERROR, "%s cannot be set to %u%s: %s", serial->line.device,
                        mode.speed, mode.flow ? ",rtscts" : "", strerror(error));
    }
    serial->draining = false;
    pm_host_pump(t->host);
}

static void change_mode(struct serial *serial)
{
    serial->draining = true;
    serial->hidden_sent = false;
    uv_timer_start(&serial->drain, on_drain, 0, 0);
}

/* Nothing leaves while the speed is about to change. */
static bool serial_stopped(const struct pm_terminal *t)
{
    return ((const struct serial *)t->own)->draining;
}

/* ---- Signals --------------------------------------------------------------------------------- */

/* The host's DTR; on where it cannot be read. */
static bool read_dtr(struct serial *serial)
{
    unsigned signals = 0;
    int error = pm__serial_ops->signals(serial->terminal->channel->in, &signals);
    if (error != 0) {
        pm_terminal_log(serial->terminal, PM_LOG_ERROR, "%s: its signals cannot be read: %s",
                        serial->line.device, strerror(error));
        serial->no_signals = true;
        return true;
    }
    return (signals & serial->dtr_pin) != 0;
}

static void stop_watching(struct serial *serial)
{
    serial->watching = false;
    uv_timer_stop(&serial->watch);
}

/* What the host has sent before the drop still counts. */
static void on_watch(uv_timer_t *timer)
{
    struct serial *serial = timer->data;
    struct pm_terminal *t = serial->terminal;
    bool dtr = read_dtr(serial);
    if (dtr == serial->dtr) {
        return;
    }
    serial->dtr = dtr;
    pm_terminal_log(t, PM_LOG_DEBUG, "DTR %s", dtr ? "on" : "off");
    if (!dtr) {
        pm_terminal_read(t);
    }
    pm_port_dtr(&t->port, dtr, pm_host_now(t->host));
    pm_host_pump(t->host);
}

/* DTR that is off already when data mode begins does not drop: nothing is said of it. */
static void watch_dtr(struct serial *serial, bool on)
{
    struct pm_terminal *t = serial->terminal;
    if (!on) {
        stop_watching(serial);
        return;
    }
    serial->watching = true;
    serial->dtr = read_dtr(serial);
    if (serial->dtr) {
        pm_port_dtr(&t->port, true, pm_host_now(t->host));
    }
    uv_timer_start(&serial->watch, on_watch, WATCH_MS, WATCH_MS);
}

static void drive_dcd(struct serial *serial, int fd, bool on)
{
    serial->dcd = on;
    int error = pm__serial_ops->drive(fd, (enum pm_serial_signal)serial->dcd_pin, on);
    if (error != 0) {
        pm_terminal_log(serial->terminal, PM_LOG_ERROR, "%s: its signals cannot be driven: %s",
                        serial->line.device, strerror(error));
        serial->no_signals = true;
    }
}

static bool serial_line(struct pm_terminal *t)
{
    struct serial *serial = t->own;
    struct pm_line line = pm_port_line(&t->port);
    struct pm_serial_mode mode = wanted_mode(serial);
    if (serial->dcd_pin != 0 && !serial->no_signals && line.dcd != serial->dcd) {
        drive_dcd(serial, t->channel->out, line.dcd);
    }
    bool watch = serial->dtr_pin != 0 && !serial->no_signals && line.watch_dtr;
    if (watch != serial->watching) {
        watch_dtr(serial, watch);
    }
    if (!serial->draining && !same_mode(&mode, &serial->mode)) {
        change_mode(serial);
    }
    return false;
}

/* ---- Coming and going ------------------------------------------------------------------------ */

/* Opens the device and hands it to the terminal. 0 or an errno. */
static int take_line(struct serial *serial)
{
    struct pm_terminal *t = serial->terminal;
    struct pm_serial_mode mode = wanted_mode(serial);
    int fd = open(serial->line.device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    serial->no_signals = false;
    int error = set_mode(serial, fd, &mode);
    if (error == 0 && serial->dcd_pin != 0) {
        drive_dcd(serial, fd, pm_port_line(&t->port).dcd);
    }
    if (error == 0 && !pm_terminal_attach(t, fd, fd)) {
        error = ENOMEM;
    }
    if (error != 0) {
        close(fd);
    }
    return error;
}

static void on_reopen(uv_timer_t *timer)
{
    struct serial *serial = timer->data;
    if (take_line(serial) == 0) {
        uv_timer_stop(timer);
        pm_terminal_log(serial->terminal, PM_LOG_INFO, "%s is there", serial->line.device);
    }
}

static void wait_for_line(struct serial *serial)
{
    uv_timer_start(&serial->reopen, on_reopen, REOPEN_MS, REOPEN_MS);
}

static void serial_gone(struct pm_terminal *t)
{
    struct serial *serial = t->own;
    pm_terminal_log(t, PM_LOG_WARNING, "%s is gone; waiting for it", serial->line.device);
    stop_watching(serial);
    serial->draining = false;
    uv_timer_stop(&serial->drain);
    wait_for_line(serial);
}

static void on_closed(uv_handle_t *handle)
{
    struct serial *serial = handle->data;
    if (--serial->handles == 0) {
        free(serial);
    }
}

static void serial_close(struct pm_terminal *t)
{
    struct serial *serial = t->own;
    uv_close((uv_handle_t *)&serial->reopen, on_closed);
    uv_close((uv_handle_t *)&serial->drain, on_closed);
    uv_close((uv_handle_t *)&serial->watch, on_closed);
}

static struct serial *serial_new(struct pm_terminal *t, const struct pm_serial_line *line,
                                 const struct pm_terminal_options *options)
{
    struct serial *serial = calloc(1, sizeof *serial);
    if (serial == NULL) {
        return NULL;
    }
    uv_timer_t *const timers[] = {&serial->reopen, &serial->drain, &serial->watch};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        uv_timer_init(t->host->loop, timers[i]);
        timers[i]->data = serial;
        serial->handles++;
    }
    serial->terminal = t;
    serial->line = *line;
    serial->dtr_pin = options->dtr_pin;
    serial->dcd_pin = options->dcd_pin;
    serial->mode.speed = line->baud;
    return serial;
}

static bool serial_open(struct pm_terminal *t, const struct pm_terminal_options *options, char *err,
                        size_t err_size)
{
    struct pm_serial_line line;
    if (!pm_serial_parse(options->where, &line, err, err_size)) {
        return false;
    }
    struct serial *serial = serial_new(t, &line, options);
    if (serial == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    t->own = serial;
    snprintf(t->ready, sizeof t->ready, "%s,%u%s", line.device, line.baud,
             line.rtscts ? ",rtscts" : "");
    pm_port_preset_speed(&t->port, line.baud);
    int error = take_line(serial);
    if (error != 0 && options->wait) {
        pm_terminal_log(t, PM_LOG_WARNING, "%s: %s; waiting for it", line.device, strerror(error));
        wait_for_line(serial);
        return true;
    }
    if (error != 0) {
        snprintf(err, err_size, "%s: %s", line.device, strerror(error));
    }
    return error == 0;
}

const struct pm_terminal_ops pm__terminal_serial = {
    .kind = "serial",
    .open = serial_open,
    .line = serial_line,
    .stopped = serial_stopped,
    .gone = serial_gone,
    .close = serial_close,
};
