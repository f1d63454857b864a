/* SPDX-License-Identifier: MIT */
/* The host's side of a terminal server: 8-bit data, and DTR by RFC 2217 where it is offered. */
#include <poll.h>
#include <string.h>

#include "play/live_internal.h"

#define COM_PORT    44 /* RFC 2217, not among libtelnet's names */
#define SET_CONTROL 5
#define DTR_ON      8
#define DTR_OFF     9

static const telnet_telopt_t options[] = {
    {TELNET_TELOPT_BINARY, TELNET_WILL, TELNET_DO},
    {TELNET_TELOPT_SGA, TELNET_WILL, TELNET_DO},
    {TELNET_TELOPT_ECHO, TELNET_WONT, TELNET_DO},
    {COM_PORT, TELNET_WILL, TELNET_DONT},
    {-1, 0, 0},
};

static void on_event(telnet_t *telnet, telnet_event_t *event, void *user)
{
    struct live_line *line = user;
    (void)telnet;
    switch (event->type) {
    case TELNET_EV_DATA:
        live_take(line->player, (const uint8_t *)event->data.buffer, event->data.size);
        break;
    case TELNET_EV_SEND:
        if (!live_send(line, (const uint8_t *)event->data.buffer, event->data.size)) {
            line->ended = true;
        }
        break;
    case TELNET_EV_DO: line->com_port = line->com_port || event->neg.telopt == COM_PORT; break;
    case TELNET_EV_DONT: line->refused = line->refused || event->neg.telopt == COM_PORT; break;
    default: break;
    }
}

/* Offers what is needed, and waits for the answer about COM-PORT, which a plain telnet server may
 * never give: then there is no DTR. */
bool live_telnet_open(struct live_line *line)
{
    uint64_t limit = live_now() + TRANSCRIPT_ANSWER_MS + line->player->rules->slack;
    line->com_port = false;
    line->refused = false;
    line->telnet = telnet_init(options, on_event, 0, line);
    if (line->telnet == NULL) {
        return false;
    }
    telnet_negotiate(line->telnet, TELNET_WILL, COM_PORT);
    telnet_negotiate(line->telnet, TELNET_WILL, TELNET_TELOPT_BINARY);
    telnet_negotiate(line->telnet, TELNET_DO, TELNET_TELOPT_BINARY);
    telnet_negotiate(line->telnet, TELNET_DO, TELNET_TELOPT_SGA);
    while (!line->com_port && !line->refused && !line->ended &&
           live_poll(line->fd, POLLIN, limit) != 0) {
        live_line_read(line);
    }
    return !line->ended;
}

void live_telnet_dtr(struct live_line *line, bool on)
{
    const char command[2] = {SET_CONTROL, on ? DTR_ON : DTR_OFF};
    telnet_subnegotiation(line->telnet, COM_PORT, command, sizeof command);
}
