/* SPDX-License-Identifier: MIT */
/* What the parts of the real-time player share: lines, the module of its own, and checks. */
#ifndef PM_PLAY_LIVE_INTERNAL_H
#define PM_PLAY_LIVE_INTERNAL_H

#include <libtelnet.h>
#include <sys/types.h>

#include "play/live.h"
#include "play/transcript_player.h"

/* How long opening, starting, ending or writing may take without any progress, ms. */
#define LIVE_PATIENCE_MS 10000U

#define LIVE_PATH      512
#define LIVE_ARGUMENTS 160

enum live_kind { LIVE_SERIAL, LIVE_TCP, LIVE_RFC2217 };

/* One port, from the host's side. */
struct live_line {
    enum live_kind kind;
    char where[LIVE_PATH]; /* as users write it */
    int fd;                /* -1: not open */
    int held;              /* the other side of a pty that stands in for a serial line, or -1 */
    bool ended;            /* the other side has closed it */
    bool com_port;         /* the terminal server controls lines (RFC 2217) */
    bool refused;          /* it does not */
    telnet_t *telnet;
    struct player *player;
};

/* The module that the player has started. */
struct live_child {
    pid_t pid;        /* 0: none */
    int out;          /* its standard output */
    char ready[4096]; /* its ready lines */
    char folder[LIVE_PATH];
    char *arguments[LIVE_ARGUMENTS];
    size_t argument_count;
};

struct live {
    const struct live_options *options;
    struct live_line lines[LIVE_PORTS];
    struct live_child child;
};

/* ---- live_clock in live.c ---- */

/* Milliseconds of the monotonic clock. */
uint64_t live_now(void);
/* Waits until the descriptor is ready for one of the events, not beyond `until`; what is ready, 0
 * when the time is over or a signal has come. */
short live_poll(int fd, short events, uint64_t until);
bool live_interrupted(void);

/* ---- live_line.c ---- */

bool live_line_open(struct live_line *line, char *err, size_t err_size);
void live_line_close(struct live_line *line);
/* Opens a pty whose other side (`name`) the module takes for its serial line. */
bool live_line_stand_in(struct live_line *line, char *name, size_t size);
/* Takes what has come, into the player's buffer. */
void live_line_read(struct live_line *line);
/* Writes all of it, and waits until it has left. What comes meanwhile is taken. */
bool live_line_write(struct live_line *line, const uint8_t *bytes, size_t len);
/* Drives DTR. False where the line has none. */
bool live_line_dtr(struct live_line *line, bool on);
bool live_line_has_dtr(const struct live_line *line);
/* Adds received bytes to what the player has to look at. */
void live_take(struct player *p, const uint8_t *bytes, size_t len);

/* ---- live_telnet.c ---- */

bool live_telnet_open(struct live_line *line);
void live_telnet_dtr(struct live_line *line, bool on);
/* Raw bytes to the network; live_line.c. */
bool live_send(struct live_line *line, const uint8_t *bytes, size_t len);

/* ---- live_child.c ---- */

/* Begins its command line with what every world of a transcript has; settings added later win. */
bool live_child_init(struct live_child *child);
/* Adds --set KEY=VALUE. False when there are too many. */
bool live_child_set(struct live_child *child, const char *key, const char *value);
/* Starts the module with the ports and opens them. False: the report says why, as a difference
 * or, where the program refuses a setting, as a skip. */
bool live_child_start(struct player *p);
/* Ends it. False, with a report, when it did not leave cleanly. Removes its files. */
bool live_child_end(struct player *p);

/* ---- live_check.c ---- */

/* Looks through the transcript before it is played, and gathers the settings for a module of its
 * own. False: the report says why it cannot be played here, or what is wrong with it. */
bool live_check(struct player *p);
/* Reports a skip. */
bool live_skip(struct player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- live_looks.c, live_directives.c ---- */

bool live_directive(struct player *p, const char *name, size_t len, const char *rest);
/* How a directive can be followed on a real line. */
enum live_ability { LIVE_NEVER, LIVE_ALWAYS, LIVE_WITH_DTR, LIVE_WITH_CONNECTION, LIVE_WITH_CHILD };
enum live_ability live_ability(const char *name, size_t len);
bool live_look(struct player *p);
bool live_mails(struct player *p, const char *rest);
bool live_connections(struct player *p, const char *rest);

#endif
