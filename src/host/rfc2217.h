/* SPDX-License-Identifier: MIT */
/*
 * The access server's side of RFC 2217: telnet with the COM-PORT option, as a filter between the
 * wire and the bytes of a port. Option negotiation and the escaping of 255 are libtelnet's; the
 * commands of the option are here. Nothing here reads or writes a descriptor.
 *
 * The host's DTR, speed and so on act between the bytes before and those behind the command, as if
 * they had come over a cable: the filter stops in front of each command.
 */
#ifndef PM_HOST_RFC2217_H
#define PM_HOST_RFC2217_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes that one call of the filter, but for pm_rfc2217_send(), sends on the wire. */
#define PM_RFC2217_REPLY 64

/* Most bytes of a command; the rest of a longer one is not looked at. */
#define PM_RFC2217_COMMAND 256

/* What the filter asks of its owner, from inside its functions. */
struct pm_rfc2217_owner {
    void *user;
    /* Bytes for the wire. */
    void (*wire)(void *user, const uint8_t *data, size_t len);
    /* Bytes for the port: from one call of pm_rfc2217_receive() never more than it was given. */
    void (*data)(void *user, const uint8_t *data, size_t len);
    /* The speed of the line, after it was set to `wanted` if it can be; 0 only asks. */
    uint32_t (*speed)(void *user, uint32_t wanted);
    void (*dtr)(void *user, bool on);
    void (*rts)(void *user, bool on);
    /* The host wants no bytes of the port until it says so. */
    void (*suspend)(void *user, bool on);
    /* What waits for the host is to be dropped. */
    void (*purge)(void *user);
};

/* Signals of the modem's side. */
struct pm_rfc2217_signals {
    bool dcd, dsr, cts;
};

struct pm_rfc2217;

/* A filter for one host, DTR on, nothing negotiated yet. NULL: no memory. */
struct pm_rfc2217 *pm_rfc2217_new(const struct pm_rfc2217_owner *owner);
void pm_rfc2217_free(struct pm_rfc2217 *filter);

/* Tells the host what is offered. */
void pm_rfc2217_greet(struct pm_rfc2217 *filter);

/*
 * Takes bytes from the wire: a run of bytes for the port, or a piece of a command, which may then
 * act, but not both. Returns how many were taken, at least one of `len` > 0.
 */
size_t pm_rfc2217_receive(struct pm_rfc2217 *filter, const uint8_t *wire, size_t len);

/* True when what follows is a byte for the port: the next call cannot act. */
bool pm_rfc2217_text(const struct pm_rfc2217 *filter, const uint8_t *wire, size_t len);

/* Wraps bytes of the port; on the wire they are at most twice as many. */
void pm_rfc2217_send(struct pm_rfc2217 *filter, const uint8_t *data, size_t len);

/* The signals are these now: tells the host what has changed, if it wants to know. Returns true
 * when something was sent. */
bool pm_rfc2217_show(struct pm_rfc2217 *filter, const struct pm_rfc2217_signals *signals);

#endif
