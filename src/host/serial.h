/* SPDX-License-Identifier: MIT */
/* Serial lines as users write them. */
#ifndef PM_HOST_SERIAL_H
#define PM_HOST_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_SERIAL_PATH 256

struct pm_serial_line {
    char device[PM_SERIAL_PATH];
    uint32_t baud;
    bool rtscts;
};

/* Reads DEV[,BAUD[,rtscts]]; 115200 without BAUD. False with the reason in `err`. */
bool pm_serial_parse(const char *text, struct pm_serial_line *line, char *err, size_t err_size);

#endif
