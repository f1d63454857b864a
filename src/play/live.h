/* SPDX-License-Identifier: MIT */
/*
 * Transcripts in real time: on a serial device, over TCP, over RFC 2217, or on ptys of a module
 * that is started for each transcript.
 */
#ifndef PM_PLAY_LIVE_H
#define PM_PLAY_LIVE_H

#include "play/transcript.h"

#define LIVE_PORTS  3
#define LIVE_HAVE   32
#define LIVE_BEFORE 32

struct live_options {
    /* Where the module is: DEV[,BAUD[,rtscts]], tcp:HOST:PORT, rfc2217:HOST:PORT for its first,
     * second and third port; or "pty", "tcp" or "rfc2217" alone: a module of the player's own with
     * ports of that kind. */
    const char *ports[LIVE_PORTS];
    size_t port_count;
    /* Settings "key=value" that the module at the ports has been made with. */
    const char *have[LIVE_HAVE];
    size_t have_count;
    /* Command lines typed on each port before each transcript; their answers are not judged. */
    const char *before[LIVE_BEFORE];
    size_t before_count;
    unsigned longest; /* transcripts that wait for more seconds are skipped; 0: none is */
};

/* True when the module is started by the player. */
bool live_starts_module(const struct live_options *options);

/* True for "pty", "tcp" and "rfc2217". */
bool live_is_kind(const char *port);

/* False, with the reason, when a port is not written as one. */
bool live_check_port(const char *port, char *err, size_t err_size);

/*
 * Plays a transcript once. The report's verdict is PLAY_SKIPPED where the transcript asks for
 * something that these ports do not have. Interrupted by a signal, the play ends soon and fails.
 */
bool live_play(struct transcript *t, const struct transcript_rules *rules,
               const struct live_options *options, struct play_report *report);

/* For signal handlers: ends the present play, and removes what it has made. */
void live_interrupt(void);

#endif
