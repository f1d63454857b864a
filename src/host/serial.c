/* SPDX-License-Identifier: MIT */
/* Serial lines as users write them. */
#include "host/serial.h"

#include <stdio.h>
#include <string.h>

#include "host/serial_line.h"

static bool parse_baud(const char *text, size_t len, uint32_t *speed)
{
    uint32_t baud = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || baud > 4000000) {
            return false;
        }
        baud = baud * 10 + (uint32_t)(text[i] - '0');
    }
    *speed = baud;
    return pm_serial_speed(baud);
}

bool pm_serial_parse(const char *text, struct pm_serial_line *line, char *err, size_t err_size)
{
    size_t device = strcspn(text, ",");
    const char *rest = text + device;
    memset(line, 0, sizeof *line);
    line->baud = 115200;
    if (device == 0 || device >= sizeof line->device) {
        snprintf(err, err_size, "%s is not DEVICE[,BAUD[,rtscts]]", text);
        return false;
    }
    memcpy(line->device, text, device);
    if (*rest == ',') {
        size_t len = strcspn(++rest, ",");
        if (!parse_baud(rest, len, &line->baud)) {
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
