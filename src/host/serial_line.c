/* SPDX-License-Identifier: MIT */
/*
 * Serial lines by the kernel's own interface: the C library's has no speeds but those with
 * a name, and AT+IPR has some without one.
 */
#include "host/serial_line.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

/* The transmitter's register is empty, in TIOCSERGETLSR. */
#define TRANSMITTER_EMPTY 1U

/* Named speeds, and those of AT+IPR that have no name. */
static const struct {
    uint32_t speed;
    tcflag_t name;
} speeds[] = {
    {300, B300},         {600, B600},         {1200, B1200},       {2400, B2400},
    {4800, B4800},       {9600, B9600},       {19200, B19200},     {38400, B38400},
    {57600, B57600},     {115200, B115200},   {230400, B230400},   {460800, B460800},
    {500000, B500000},   {576000, B576000},   {921600, B921600},   {1000000, B1000000},
    {1152000, B1152000}, {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000},
    {2900000, BOTHER},   {3000000, B3000000}, {3200000, BOTHER},   {3500000, B3500000},
    {3686400, BOTHER},   {4000000, B4000000},
};

static size_t find(uint32_t speed)
{
    size_t i = 0;
    while (i < sizeof speeds / sizeof speeds[0] && speeds[i].speed != speed) {
        i++;
    }
    return i;
}

bool pm_serial_speed(uint32_t speed)
{
    return find(speed) < sizeof speeds / sizeof speeds[0];
}

static int set_up(int fd, const struct pm_serial_mode *mode, uint32_t *got)
{
    struct termios2 termios;
    size_t i = find(mode->speed);
    if (i == sizeof speeds / sizeof speeds[0]) {
        return EINVAL;
    }
    if (ioctl(fd, TCGETS2, &termios) != 0 || ioctl(fd, TIOCEXCL) != 0) {
        return errno;
    }
    termios.c_iflag = IGNBRK;
    termios.c_oflag = 0;
    termios.c_lflag = 0;
    termios.c_cflag &= HUPCL;
    termios.c_cflag |= CS8 | CREAD | CLOCAL | speeds[i].name | (mode->flow ? CRTSCTS : 0);
    termios.c_ispeed = mode->speed;
    termios.c_ospeed = mode->speed;
    termios.c_cc[VMIN] = 1;
    termios.c_cc[VTIME] = 0;
    if (ioctl(fd, TCSETS2, &termios) != 0 || ioctl(fd, TCGETS2, &termios) != 0) {
        return errno;
    }
    *got = termios.c_ospeed;
    return 0;
}

static const struct {
    enum pm_serial_signal signal;
    int bit;
} pins[] = {
    {PM_SERIAL_DSR, TIOCM_DSR}, {PM_SERIAL_DCD, TIOCM_CAR}, {PM_SERIAL_CTS, TIOCM_CTS},
    {PM_SERIAL_RI, TIOCM_RNG},  {PM_SERIAL_DTR, TIOCM_DTR}, {PM_SERIAL_RTS, TIOCM_RTS},
};

static int signals(int fd, unsigned *present)
{
    int bits = 0;
    if (ioctl(fd, TIOCMGET, &bits) != 0) {
        return errno;
    }
    *present = 0;
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        *present |= (bits & pins[i].bit) != 0 ? (unsigned)pins[i].signal : 0;
    }
    return 0;
}

static int drive(int fd, enum pm_serial_signal signal, bool on)
{
    int bit = signal == PM_SERIAL_DTR ? TIOCM_DTR : TIOCM_RTS;
    return ioctl(fd, on ? TIOCMBIS : TIOCMBIC, &bit) == 0 ? 0 : errno;
}

static unsigned unsent(int fd, bool *sure)
{
    int waiting = 0;
    unsigned state = 0;
    *sure = false;
    if (ioctl(fd, TIOCOUTQ, &waiting) == 0 && waiting > 0) {
        return (unsigned)waiting;
    }
    *sure = ioctl(fd, TIOCSERGETLSR, &state) == 0;
    return *sure && (state & TRANSMITTER_EMPTY) == 0 ? 1 : 0;
}

static const struct pm_serial_ops kernel = {set_up, signals, drive, unsent};

const struct pm_serial_ops *pm__serial_ops = &kernel;
