/* SPDX-License-Identifier: MIT */
/*
 * What a serial line can be asked for, below which the kernel is. One table of functions, so
 * that a test can play a line with signals, which no pty has.
 */
#ifndef PM_HOST_SERIAL_LINE_H
#define PM_HOST_SERIAL_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* Signals of a line as seen from this side of it, a DTE's. */
enum pm_serial_signal {
    PM_SERIAL_DSR = 1, /* in */
    PM_SERIAL_DCD = 2,
    PM_SERIAL_CTS = 4,
    PM_SERIAL_RI = 8,
    PM_SERIAL_DTR = 16, /* out */
    PM_SERIAL_RTS = 32
};

struct pm_serial_mode {
    uint32_t speed; /* bits per second */
    bool flow;      /* RTS/CTS */
};

struct pm_serial_ops {
    /* Makes the line this program's alone, raw, 8N1, deaf to breaks. 0 or an errno. *got is the
     * speed that the driver has made of it. */
    int (*set_up)(int fd, const struct pm_serial_mode *mode, uint32_t *got);
    /* The incoming signals. 0 or an errno. */
    int (*signals)(int fd, unsigned *signals);
    /* Drives one outgoing signal. 0 or an errno. */
    int (*drive)(int fd, enum pm_serial_signal signal, bool on);
    /* How many bytes the kernel has yet to send. *sure: 0 means that the wire is silent; else the
     * hardware may still hold some. */
    unsigned (*unsent)(int fd, bool *sure);
};

/* The kernel's, unless a test has put its own here. */
extern const struct pm_serial_ops *pm__serial_ops;

/* True for a speed that lines can be asked for. */
bool pm_serial_speed(uint32_t speed);

#endif
