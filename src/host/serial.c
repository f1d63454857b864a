/* SPDX-License-Identifier: MIT */
/*
 * A port on a serial line: 8N1, raw, for this program alone. A line that vanishes (a USB adapter
 * unplugged) is looked for once a second and taken up again.
 */
#include "host/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/port.h"

#define REOPEN_MS 1000

struct serial {
    struct pm_terminal *terminal;
    struct pm_serial_line line;
    uv_timer_t reopen;
};

static const struct {
    unsigned baud;
    speed_t speed;
} speeds[] = {
    {300, B300},         {600, B600},         {1200, B1200},       {2400, B2400},
    {4800, B4800},       {9600, B9600},       {19200, B19200},     {38400, B38400},
    {57600, B57600},     {115200, B115200},   {230400, B230400},   {460800, B460800},
    {500000, B500000},   {576000, B576000},   {921600, B921600},   {1000000, B1000000},
    {1152000, B1152000}, {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000},
    {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
};

static bool parse_baud(const char *text, size_t len, struct pm_serial_line *line)
{
    unsigned long baud = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || baud > 4000000) {
            return false;
        }
        baud = baud * 10 + (unsigned long)(text[i] - '0');
    }
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            line->baud = speeds[i].baud;
            line->speed = speeds[i].speed;
            return true;
        }
    }
    return false;
}

bool pm_serial_parse(const char *text, struct pm_serial_line *line, char *err, size_t err_size)
{
    size_t device = strcspn(text, ",");
    const char *rest = text + device;
    memset(line, 0, sizeof *line);
    line->baud = 115200;
    line->speed = B115200;
    if (device == 0 || device >= sizeof line->device) {
        snprintf(err, err_size, "%s is not DEVICE[,BAUD[,rtscts]]", text);
        return false;
    }
    memcpy(line->device, text, device);
    if (*rest == ',') {
        size_t len = strcspn(++rest, ",");
        if (!parse_baud(rest, len, line)) {
            snprintf(err, err_size, "%.*s is not a line speed that Linux knows (9600, 115200...)",
                     (int)len, rest);
            return false;
        }
        rest += len;
    }
    if (*rest != '\0') {
        line->rtscts = strcmp(rest, ",rtscts") == 0;
        if (!line->rtscts) {
            snprintf(err, err_size, "%s: only rtscts may follow the line speed", text);
            return false;
        }
    }
    return true;
}

/* Prepares the line. 0 or an errno. */
static int set_up(int fd, const struct pm_serial_line *line)
{
    struct termios termios;
    if (tcgetattr(fd, &termios) != 0 || ioctl(fd, TIOCEXCL) != 0) {
        return errno;
    }
    cfmakeraw(&termios);
    termios.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
    termios.c_cflag |= CLOCAL | CREAD | (line->rtscts ? CRTSCTS : 0);
    termios.c_cc[VMIN] = 1;
    termios.c_cc[VTIME] = 0;
    if (cfsetspeed(&termios, line->speed) != 0 || tcsetattr(fd, TCSANOW, &termios) != 0) {
        return errno;
    }
    return 0;
}

/* Opens the device and hands it to the terminal. 0 or an errno. */
static int take_line(struct serial *serial)
{
    int fd = open(serial->line.device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int error = set_up(fd, &serial->line);
    if (error == 0 && !pm_terminal_attach(serial->terminal, fd, fd)) {
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
        pm_terminal_log(serial->terminal, PM_LOG_INFO, "%s is back", serial->line.device);
    }
}

static void serial_gone(struct pm_terminal *t)
{
    struct serial *serial = t->own;
    pm_terminal_log(t, PM_LOG_WARNING, "%s is gone; waiting for it", serial->line.device);
    uv_timer_start(&serial->reopen, on_reopen, REOPEN_MS, REOPEN_MS);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void serial_close(struct pm_terminal *t)
{
    struct serial *serial = t->own;
    uv_close((uv_handle_t *)&serial->reopen, on_closed);
}

static bool serial_open(struct pm_terminal *t, const char *where, char *err, size_t err_size)
{
    struct pm_serial_line line;
    if (!pm_serial_parse(where, &line, err, err_size)) {
        return false;
    }
    struct serial *serial = calloc(1, sizeof *serial);
    if (serial == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    serial->terminal = t;
    serial->line = line;
    uv_timer_init(t->host->loop, &serial->reopen);
    serial->reopen.data = serial;
    t->own = serial;
    snprintf(t->ready, sizeof t->ready, "%s,%u%s", line.device, line.baud,
             line.rtscts ? ",rtscts" : "");
    int error = take_line(serial);
    if (error != 0) {
        snprintf(err, err_size, "%s: %s", line.device, strerror(error));
        return false;
    }
    return true;
}

const struct pm_terminal_ops pm__terminal_serial = {
    .kind = "serial",
    .open = serial_open,
    .gone = serial_gone,
    .close = serial_close,
};
