/* SPDX-License-Identifier: MIT */
/*
 * Telnet around RFC 2217. libtelnet acts by itself on options that nobody here has offered:
 * it inflates what a host says is compressed and takes apart environments, whether or not they were
 * negotiated. So it gets to see no subnegotiation but that of the COM-PORT option, and none
 * that is long.
 */
#include "host/rfc2217.h"

#include <libtelnet.h>
#include <stdlib.h>
#include <string.h>

#include "host/rfc2217_control.h"

/* Where the byte stream is, as far as a command's boundaries go. */
enum scan {
    SCAN_TEXT,
    SCAN_IAC,    /* 255 was seen */
    SCAN_OPTION, /* WILL, WONT, DO, DONT: the option follows */
    SCAN_SB,     /* a subnegotiation: the option follows */
    SCAN_SB_TEXT,
    SCAN_SB_IAC
};

/* In place of the options that libtelnet must not act on: nobody has this number. */
#define NO_OPTION 254

struct pm_rfc2217 {
    struct pm_rfc2217_owner owner;
    struct pm_rfc2217_control control;
    telnet_t *telnet;
    enum scan scan;
    size_t command;    /* bytes of the present subnegotiation */
    bool binary;       /* the host's bytes are as they are; else a NUL behind CR is telnet's */
    bool after_return; /* the last byte for the port was CR */
};

static const telnet_telopt_t options[] = {
    {TELNET_TELOPT_BINARY, TELNET_WILL, TELNET_DO},
    {TELNET_TELOPT_ECHO, TELNET_WILL, TELNET_DONT},
    {TELNET_TELOPT_SGA, TELNET_WILL, TELNET_DO},
    {PM_COM_PORT, TELNET_WILL, TELNET_DO},
    {-1, 0, 0},
};

/* ---- From libtelnet ---------------------------------------------------------------------- */

/* A line end is CR LF or CR NUL where binary transmission was not agreed upon (RFC 854). */
static void take_text(struct pm_rfc2217 *filter, const uint8_t *data, size_t len)
{
    while (len > 0) {
        if (filter->after_return && *data == '\0') {
            filter->after_return = false;
            data++;
            len--;
            continue;
        }
        const uint8_t *end = memchr(data, '\r', len);
        size_t n = end != NULL ? (size_t)(end - data) + 1 : len;
        filter->owner.data(filter->owner.user, data, n);
        filter->after_return = end != NULL;
        data += n;
        len -= n;
    }
}

static void take_data(struct pm_rfc2217 *filter, const uint8_t *data, size_t len)
{
    if (filter->binary) {
        filter->owner.data(filter->owner.user, data, len);
    } else {
        take_text(filter, data, len);
    }
}

static void take_option(struct pm_rfc2217 *filter, uint8_t option, bool his, bool on)
{
    if (option == TELNET_TELOPT_BINARY && his) {
        filter->binary = on;
        filter->after_return = false;
    } else if (option == PM_COM_PORT && on) {
        pm_rfc2217_control_begin(&filter->control);
    }
}

static void on_event(telnet_t *telnet, telnet_event_t *event, void *user)
{
    struct pm_rfc2217 *filter = user;
    (void)telnet;
    switch (event->type) {
    case TELNET_EV_DATA:
        take_data(filter, (const uint8_t *)event->data.buffer, event->data.size);
        break;
    case TELNET_EV_SEND:
        filter->owner.wire(filter->owner.user, (const uint8_t *)event->data.buffer,
                           event->data.size);
        break;
    case TELNET_EV_WILL: take_option(filter, event->neg.telopt, true, true); break;
    case TELNET_EV_WONT: take_option(filter, event->neg.telopt, true, false); break;
    case TELNET_EV_DO: take_option(filter, event->neg.telopt, false, true); break;
    case TELNET_EV_SUBNEGOTIATION:
        if (event->sub.telopt == PM_COM_PORT) {
            pm_rfc2217_control_take(&filter->control, (const uint8_t *)event->sub.buffer,
                                    event->sub.size);
        }
        break;
    default: break; /* AYT and its like; what the host got wrong is its own affair */
    }
}

/* ---- To libtelnet ------------------------------------------------------------------------ */

static void feed(struct pm_rfc2217 *filter, const uint8_t *data, size_t len)
{
    telnet_recv(filter->telnet, (const char *)data, len);
}

static enum scan behind_iac(uint8_t byte)
{
    switch (byte) {
    case TELNET_WILL:
    case TELNET_WONT:
    case TELNET_DO:
    case TELNET_DONT: return SCAN_OPTION;
    case TELNET_SB: return SCAN_SB;
    default: return SCAN_TEXT; /* 255 itself, escaped, or a command of one byte */
    }
}

static enum scan behind_sb_iac(uint8_t byte)
{
    return byte == TELNET_IAC ? SCAN_SB_TEXT : behind_iac(byte);
}

/* One byte that is no run of text. */
static void step(struct pm_rfc2217 *filter, uint8_t byte)
{
    uint8_t fed = byte;
    switch (filter->scan) {
    case SCAN_TEXT: filter->scan = SCAN_IAC; break;
    case SCAN_IAC: filter->scan = behind_iac(byte); break;
    case SCAN_SB:
        filter->scan = SCAN_SB_TEXT;
        filter->command = 0;
        fed = byte == PM_COM_PORT ? byte : NO_OPTION;
        break;
    case SCAN_SB_TEXT: filter->scan = SCAN_SB_IAC; break;
    case SCAN_SB_IAC: filter->scan = behind_sb_iac(byte); break;
    case SCAN_OPTION:
    default: filter->scan = SCAN_TEXT; break;
    }
    feed(filter, &fed, 1);
}

/* The bytes before the next 255. */
static size_t run_of(const uint8_t *wire, size_t len)
{
    const uint8_t *iac = memchr(wire, TELNET_IAC, len);
    return iac != NULL ? (size_t)(iac - wire) : len;
}

size_t pm_rfc2217_receive(struct pm_rfc2217 *filter, const uint8_t *wire, size_t len)
{
    bool text = filter->scan == SCAN_TEXT;
    if (len == 0) {
        return 0;
    }
    size_t run = text || filter->scan == SCAN_SB_TEXT ? run_of(wire, len) : 0;
    if (run == 0) {
        step(filter, *wire);
        return 1;
    }
    if (text) {
        feed(filter, wire, run);
        return run;
    }
    size_t room = PM_RFC2217_COMMAND - filter->command;
    size_t n = run < room ? run : room;
    filter->command += n;
    if (n > 0) {
        feed(filter, wire, n);
    }
    return run;
}

bool pm_rfc2217_text(const struct pm_rfc2217 *filter, const uint8_t *wire, size_t len)
{
    bool escaped = filter->scan == SCAN_TEXT && len > 1 && wire[1] == TELNET_IAC;
    if (len == 0 || (filter->scan != SCAN_TEXT && filter->scan != SCAN_IAC)) {
        return false;
    }
    return filter->scan == SCAN_TEXT ? *wire != TELNET_IAC || escaped : *wire == TELNET_IAC;
}

void pm_rfc2217_send(struct pm_rfc2217 *filter, const uint8_t *data, size_t len)
{
    telnet_send(filter->telnet, (const char *)data, len);
}

void pm__rfc2217_command(struct pm_rfc2217 *filter, const uint8_t *data, size_t len)
{
    telnet_subnegotiation(filter->telnet, PM_COM_PORT, (const char *)data, len);
}

bool pm_rfc2217_show(struct pm_rfc2217 *filter, const struct pm_rfc2217_signals *signals)
{
    return pm_rfc2217_control_show(&filter->control, signals);
}

/* ---- Life -------------------------------------------------------------------------------- */

struct pm_rfc2217 *pm_rfc2217_new(const struct pm_rfc2217_owner *owner)
{
    struct pm_rfc2217 *filter = calloc(1, sizeof *filter);
    if (filter == NULL) {
        return NULL;
    }
    filter->owner = *owner;
    filter->telnet = telnet_init(options, on_event, 0, filter);
    if (filter->telnet == NULL) {
        free(filter);
        return NULL;
    }
    pm_rfc2217_control_init(&filter->control, filter, &filter->owner);
    return filter;
}

void pm_rfc2217_free(struct pm_rfc2217 *filter)
{
    if (filter != NULL) {
        telnet_free(filter->telnet);
        free(filter);
    }
}

/* The echo is the module's own, which a person at a telnet client expects. */
void pm_rfc2217_greet(struct pm_rfc2217 *filter)
{
    telnet_negotiate(filter->telnet, TELNET_WILL, PM_COM_PORT);
    telnet_negotiate(filter->telnet, TELNET_DO, TELNET_TELOPT_BINARY);
    telnet_negotiate(filter->telnet, TELNET_WILL, TELNET_TELOPT_BINARY);
    telnet_negotiate(filter->telnet, TELNET_WILL, TELNET_TELOPT_SGA);
    telnet_negotiate(filter->telnet, TELNET_WILL, TELNET_TELOPT_ECHO);
}
