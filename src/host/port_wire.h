/* SPDX-License-Identifier: MIT */
/*
 * The wire of a port whose bytes are wrapped on their way (RFC 2217): what was read and is
 * not unwrapped yet, and what was wrapped and is not written yet. Both are bounded: commands are
 * looked at only while their answers are sure to fit, so a host that reads no answers is
 * not heard any more.
 *
 * All functions take NULL for a port without a wire, where nothing ever waits.
 */
#ifndef PM_HOST_PORT_WIRE_H
#define PM_HOST_PORT_WIRE_H

#include "host/port.h"

struct pm_wire;

/* The wire of a host, until it is gone; then what waits is overwritten. */
struct pm_wire *pm__wire_new(void);
void pm__wire_free(struct pm_wire *wire);

/* ---- From the host ---- */

/* Where the next read goes, PM_TERMINAL_READ bytes; everything before has been used. */
uint8_t *pm__wire_place(struct pm_wire *wire);
/* That many bytes were read there. */
void pm__wire_read(struct pm_wire *wire, size_t len);
/* True when nothing waits to be unwrapped. */
bool pm__wire_read_all(const struct pm_wire *wire);
/* What waits; 0 also while there is no room for answers. */
size_t pm__wire_input(const struct pm_wire *wire, const uint8_t **data);
void pm__wire_input_ack(struct pm_wire *wire, size_t len);

/* ---- To the host ---- */

/* How many bytes can be wrapped now, twice as many on the wire, besides answers. */
size_t pm__wire_room(const struct pm_wire *wire);
/* Adds wrapped bytes; what does not fit is lost, which cannot happen by the rules above. */
void pm__wire_add(struct pm_wire *wire, const uint8_t *data, size_t len);
size_t pm__wire_output(const struct pm_wire *wire, const uint8_t **data);
void pm__wire_output_ack(struct pm_wire *wire, size_t len);

#endif
