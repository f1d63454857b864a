/* SPDX-License-Identifier: MIT */
/* The commands of telnet's COM-PORT option (RFC 2217), behind the negotiation. */
#ifndef PM_HOST_RFC2217_CONTROL_H
#define PM_HOST_RFC2217_CONTROL_H

#include "host/rfc2217.h"

/* The option's number. */
#define PM_COM_PORT 44

struct pm_rfc2217_control {
    struct pm_rfc2217 *filter;
    const struct pm_rfc2217_owner *owner;
    bool agreed; /* the option was negotiated, by whichever side: its commands count */
    bool dtr, rts, brk;
    bool flow_out, flow_in; /* hardware flow control; else none */
    uint8_t line_mask, modem_mask;
    uint8_t modem; /* the signals as last shown, upper four bits */
};

void pm_rfc2217_control_init(struct pm_rfc2217_control *control, struct pm_rfc2217 *filter,
                             const struct pm_rfc2217_owner *owner);

/* The option has been agreed upon. */
void pm_rfc2217_control_begin(struct pm_rfc2217_control *control);

/* A command of the host: its number and what follows. */
void pm_rfc2217_control_take(struct pm_rfc2217_control *control, const uint8_t *data, size_t len);

/* As pm_rfc2217_show(). */
bool pm_rfc2217_control_show(struct pm_rfc2217_control *control,
                             const struct pm_rfc2217_signals *signals);

/* rfc2217.c: sends a command of the option. */
void pm__rfc2217_command(struct pm_rfc2217 *filter, const uint8_t *data, size_t len);

#endif
