/* SPDX-License-Identifier: MIT */
/* Wrapped bytes on their way. */
#include "host/port_wire.h"

#include <stdlib.h>
#include <string.h>

/* Wrapped bytes that wait to be written, and the part of them kept free for answers. */
#define WIRE_OUT     4096
#define WIRE_ANSWERS 512

struct pm_wire {
    size_t in_at, in_len;
    size_t out_at, out_len; /* from out_at to out_len */
    uint8_t in[PM_TERMINAL_READ];
    uint8_t out[WIRE_OUT];
};

struct pm_wire *pm__wire_new(void)
{
    return calloc(1, sizeof(struct pm_wire));
}

void pm__wire_free(struct pm_wire *wire)
{
    if (wire != NULL) {
        explicit_bzero(wire, sizeof *wire);
        free(wire);
    }
}

uint8_t *pm__wire_place(struct pm_wire *wire)
{
    return wire->in;
}

void pm__wire_read(struct pm_wire *wire, size_t len)
{
    wire->in_at = 0;
    wire->in_len = len;
}

bool pm__wire_read_all(const struct pm_wire *wire)
{
    return wire == NULL || wire->in_at == wire->in_len;
}

size_t pm__wire_input(const struct pm_wire *wire, const uint8_t **data)
{
    if (wire == NULL || WIRE_OUT - (wire->out_len - wire->out_at) < WIRE_ANSWERS / 2) {
        return 0;
    }
    *data = wire->in + wire->in_at;
    return wire->in_len - wire->in_at;
}

void pm__wire_input_ack(struct pm_wire *wire, size_t len)
{
    wire->in_at += len;
}

size_t pm__wire_room(const struct pm_wire *wire)
{
    size_t room = WIRE_OUT - (wire->out_len - wire->out_at);
    return room > WIRE_ANSWERS ? (room - WIRE_ANSWERS) / 2 : 0;
}

void pm__wire_add(struct pm_wire *wire, const uint8_t *data, size_t len)
{
    if (wire->out_at > 0) {
        memmove(wire->out, wire->out + wire->out_at, wire->out_len - wire->out_at);
        wire->out_len -= wire->out_at;
        wire->out_at = 0;
    }
    if (len <= WIRE_OUT - wire->out_len) {
        memcpy(wire->out + wire->out_len, data, len);
        wire->out_len += len;
    }
}

size_t pm__wire_output(const struct pm_wire *wire, const uint8_t **data)
{
    if (wire == NULL) {
        return 0;
    }
    *data = wire->out + wire->out_at;
    return wire->out_len - wire->out_at;
}

void pm__wire_output_ack(struct pm_wire *wire, size_t len)
{
    wire->out_at += len;
    if (wire->out_at == wire->out_len) {
        explicit_bzero(wire->out, wire->out_len);
        wire->out_at = wire->out_len = 0;
    }
}
