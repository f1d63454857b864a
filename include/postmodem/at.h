/* SPDX-License-Identifier: MIT */
/*
 * The AT engine: one port's line discipline (V.250), parser, result codes,
 * unsolicited result codes and data mode.
 *
 * Sans I/O: the owner feeds bytes with pm_at_input(), asks for events with
 * pm_at_next_event() until there are none, and sends what pm_at_output() gives.
 * Time is an argument: milliseconds of any monotonic clock. For equal times, and
 * pm_at_input_end() at the same places if at all, the output does not depend on how the
 * input was cut into pieces.
 *
 * The engine never calls anybody. A command is an event; its owner answers with
 * information lines (pm_at_info...) and exactly one of pm_at_result(),
 * pm_at_cme(); before that it may open data mode once (pm_at_data_in/out).
 * Until the result the command is "running": it may take as long as it needs.
 */
#ifndef POSTMODEM_AT_H
#define POSTMODEM_AT_H

#include "postmodem/config.h"
#include "postmodem/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pm_at;
struct pm_at_values;

/* ---- Command tables ------------------------------------------------------- */

/* Forms of a command; a table row allows a set of them. V.250 5.4. */
enum pm_at_form {
    PM_AT_EXEC = 1, /* AT+X, and every basic command: ATE0 */
    PM_AT_READ = 2, /* AT+X?, ATS3? */
    PM_AT_TEST = 4, /* AT+X=? */
    PM_AT_WRITE = 8 /* AT+X=..., ATS3=13 */
};

enum pm_at_type {
    PM_AT_NUMBER, /* decimal, signless; quoted only under lenient syntax (SD53) */
    PM_AT_STRING, /* in double quotes; bare only under lenient syntax */
    PM_AT_TOKEN,  /* quoted or bare in either syntax: PIN, ciphersuite (CD36) */
};

/* Flags of a parameter. */
#define PM_AT_OPTIONAL 0x01 /* may be left out or empty; `def` serves */
#define PM_AT_CONTROL  0x02 /* control bytes are allowed in the string (none today) */

/* One parameter: the source of range checks, test answers and the AT reference. */
struct pm_at_param {
    const char *name; /* printed as <name> in a test answer */
    uint8_t type;     /* enum pm_at_type */
    uint8_t flags;
    uint8_t limit;     /* string: index into pm_at_config.limits, 0: `max` counts */
    int32_t min, max;  /* number: range; string: length in bytes */
    int32_t def;       /* number: default when left out */
    const char *range; /* test answer where "(min-max)" or <name> is not the form; NULL else */
};

/* One keyword of a command such as +QSMTPCFG, with the parameters after it. */
struct pm_at_item {
    const char *keyword;
    const struct pm_at_param *params;
    uint8_t param_count;
    uint8_t id;       /* the owner's number for it */
    const char *test; /* test answer behind `+X: "keyword",`; NULL: made from params */
};

/* Flags of a command. */
#define PM_AT_DATA     0x01 /* its write form opens data mode: must end its line (SD61) */
#define PM_AT_TEST_OK  0x02 /* the test form answers OK alone */
#define PM_AT_TEST_OWN 0x04 /* the handler answers the test form, not pm_at_answer_test() */

/* How a bad parameter is answered (CD35): 0 is plain ERROR, else the CME number. */
typedef uint16_t pm_at_bad;

/*
 * A handler, carried in the table for the owner and never called by the engine.
 * `owner` is whatever the owner passes; `values` are the parsed parameters
 * (count 0 unless the form is PM_AT_WRITE or a basic command with a number).
 */
typedef void (*pm_at_handler)(void *owner, enum pm_at_form form, const struct pm_at_values *values);

struct pm_at_command {
    const char *name; /* upper case with prefix: "+QSMTPCFG", "E", "&F", "S" */
    uint8_t forms;    /* set of enum pm_at_form */
    uint8_t flags;
    uint8_t param_count;
    uint8_t item_count;
    pm_at_bad bad;
    uint16_t group; /* the owner's grouping, e.g. which manual */
    const struct pm_at_param *params;
    const struct pm_at_item *items; /* keyword commands; params is then unused */
    const char *test; /* whole test answer, lines split by '\n'; NULL: made from descriptors */
    pm_at_handler handler;
};

/*
 * An index over command rows; look-up cost does not grow with their number.
 * Built once, then read only: one index serves every port of every module.
 */
struct pm_at_table {
    const struct pm_at_command *slots[PM_AT_INDEX_SLOTS];
    uint16_t count;
};

/* Empties a table. */
void pm_at_table_init(struct pm_at_table *table);

/*
 * Adds `count` rows, which must stay valid as long as the table is used.
 * Returns false, with the table as it was before the failing row, when a name
 * stands twice, is empty or not upper case, or more than half the slots would be used.
 */
bool pm_at_table_add(struct pm_at_table *table, const struct pm_at_command *rows, size_t count);

/* The row of a name in any case, or NULL. `name` holds the prefix character. */
const struct pm_at_command *pm_at_table_find(const struct pm_at_table *table, const char *name,
                                             size_t len);

/* ---- Settings and state of a port ------------------------------------------ */

/* What ATE, ATV, ... set; the owner reads and writes it in its handlers. */
struct pm_at_settings {
    uint8_t echo;    /* E: 0, 1 */
    uint8_t verbose; /* V: 0, 1 */
    uint8_t quiet;   /* Q: 0, 1 */
    uint8_t connect; /* X: 0-4 */
    uint8_t dcd;     /* &C: 0, 1 */
    uint8_t dtr;     /* &D: 0-2 */
    uint8_t cmee;    /* 0-2 */
    uint8_t s0, s3, s4, s5, s6, s7, s8, s10, s12;
};

/* Factory settings of the EC2x family: E1 V1 Q0 X4 &C1 &D2, CMEE 1 (CD15). */
void pm_at_settings_factory(struct pm_at_settings *settings);

struct pm_at_config {
    const struct pm_at_table *table; /* valid as long as the port */
    const uint16_t *limits;          /* string limits by index, [0] unused; valid likewise */
    bool lenient;                    /* SD53 */
    bool lf_ends_line;               /* CD39 */
    struct pm_at_settings settings;  /* at start */
};

/* One parsed parameter. Strings point into the line: valid until the result. */
struct pm_at_value {
    bool given; /* false: left out or empty; `number` is then the default */
    bool quoted;
    int32_t number;
    struct pm_slice text;
};

struct pm_at_values {
    uint8_t count;                 /* parameters present on the line, keyword not counted */
    const struct pm_at_item *item; /* the keyword found, else NULL */
    struct pm_at_value v[PM_AT_MAX_PARAMS];
};

/* Final results, V.250 6.2; the numbers are those of ATV0. */
enum pm_at_result { PM_AT_RESULT_OK = 0, PM_AT_RESULT_NO_CARRIER = 3, PM_AT_RESULT_ERROR = 4 };

enum pm_at_event_kind {
    PM_AT_EV_NONE,    /* nothing to do until more input, output room or time */
    PM_AT_EV_COMMAND, /* a command to run: `command`, `form` */
    PM_AT_EV_DATA,    /* data-mode bytes: `data`, until pm_at_data_ack() */
    PM_AT_EV_DATA_END /* data mode is over: `reason`; the command still runs */
};

enum pm_at_data_end {
    PM_AT_END_COUNT,   /* the counted length has arrived */
    PM_AT_END_ESCAPE,  /* +++ with both guard times */
    PM_AT_END_DTR,     /* DTR dropped under &D1 */
    PM_AT_END_TIMEOUT, /* either time limit */
    PM_AT_END_LOST     /* the port's host is gone (SD62) */
};

struct pm_at_event {
    enum pm_at_event_kind kind;
    const struct pm_at_command *command;
    enum pm_at_form form;
    struct pm_slice data;
    enum pm_at_data_end reason;
};

/* How data mode is to run. */
struct pm_at_data {
    uint32_t length;        /* bytes after which it ends by itself, >= 1 */
    uint32_t total_ms;      /* whole time from CONNECT, 0: none */
    uint32_t idle_ms;       /* time between two pieces, 0: none */
    uint32_t connect_delay; /* ms until CONNECT; input until then is discarded (SD25, CD26) */
};

/* State of one port, owned by the caller; members are the engine's own business
 * except `set`. See at_state.h for what they mean. */
#include "postmodem/at_state.h"

/* ---- Life and bytes -------------------------------------------------------- */

/* Starts a port. `config` is copied; what it points to must outlive the port. */
void pm_at_init(struct pm_at *at, const struct pm_at_config *config);

/*
 * Takes host bytes that arrived at `now`. Returns how many were taken; take all
 * events then, and offer the rest as long as any is taken. None is taken while the host
 * does not read its replies or data mode waits for pm_at_data_ack(): offer
 * the rest again after the next output ack or data ack.
 *
 * Before a prefix nothing is kept or echoed. Echoed is what is kept: the prefix once it is
 * complete, the line, its end; not LF and control characters that are ignored,
 * not the rest of an over-long line (CD13), not empty lines. The last line is kept
 * until the next prefix, for A/.
 *
 * While a command runs all bytes are taken and up to PM_AT_IN_SIZE are kept; they
 * are echoed when they are looked at. Beyond that the oldest go (CD26): noise before
 * a prefix silently; then whole command lines, each answered ERROR in its turn, which is
 * right behind the running command's result; they are not echoed. A single line that
 * does not fit is dropped up to its end and answered ERROR once.
 */
size_t pm_at_input(struct pm_at *at, const uint8_t *data, size_t len, uint64_t now);

/*
 * What pm_at_input() has taken is all that the host has sent at `now`: URCs need not wait for more
 * of it until the next input. An owner may call it or not; without it a piece ends with its
 * millisecond.
 */
void pm_at_input_end(struct pm_at *at, uint64_t now);

/*
 * The next event. To be called after every other call on the port until
 * it answers PM_AT_EV_NONE. Returns the kind.
 */
enum pm_at_event_kind pm_at_next_event(struct pm_at *at, struct pm_at_event *event, uint64_t now);

/* Bytes for the host, valid until the next call on the port. Returns their number. */
size_t pm_at_output(const struct pm_at *at, const uint8_t **data);

/* The first `n` bytes of the output have been handed on. */
void pm_at_output_ack(struct pm_at *at, size_t n);

/* When pm_at_tick() must be called at the latest; PM_NEVER when no time is waited for. */
uint64_t pm_at_deadline(const struct pm_at *at);

/* Time has come to `now`. Clocks that seem to go back are taken as standing still. */
void pm_at_tick(struct pm_at *at, uint64_t now);

/* The host's DTR, on at start. Its drop ends open data mode under AT&D1, and does nothing under
 * AT&D0 and AT&D2 (SD47) or before CONNECT. */
void pm_at_set_dtr(struct pm_at *at, bool on, uint64_t now);

/*
 * The module is about to restart: type-ahead, waiting URCs and the rest of the line behind the
 * running command are dropped. Its own result still comes.
 */
void pm_at_stop(struct pm_at *at);

/*
 * The host has gone: unread output, the line, waiting input and waiting URCs are
 * dropped and overwritten; data mode ends with PM_AT_END_LOST, and what came in before is
 * still delivered; a running command goes on, its reply and the rest of its line are
 * dropped. Settings stay, as on a module.
 */
void pm_at_lost(struct pm_at *at, uint64_t now);

/* True while a command line runs: from its first command to its result. */
bool pm_at_busy(const struct pm_at *at);

/* ---- Answering a command --------------------------------------------------- */

/*
 * Parses the parameters of the command of the last PM_AT_EV_COMMAND against its
 * descriptors. Returns false when they break them (the owner then usually calls
 * pm_at_bad_parameter()). For forms without parameters it succeeds with count 0.
 *
 * The defaults of all described parameters are filled in. Refused are: a required parameter
 * that is missing or empty, too many parameters, a number that is no number, too
 * large or out of range, a string that is too long or short, unquoted (unless lenient) or holds
 * control bytes, an open quote, anything but a comma behind a closing quote. A keyword
 * alone, without a comma, succeeds with `item` set and count 0: the query form.
 *
 * Basic commands: v[0] is the number behind the letter (ATE1), given or not; without
 * descriptors its range is not checked. S registers: v[0] is the register, under PM_AT_WRITE v[1]
 * the value. ATD: v[0].text is the dial string. Valid for one call per event or more, until the
 * result.
 */
bool pm_at_parse(struct pm_at *at, struct pm_at_values *values);

/* Answers the command of the last event as its row says for a bad parameter. */
void pm_at_bad_parameter(struct pm_at *at);

/* Prints the test answer of the command from its row and ends it with OK. */
void pm_at_answer_test(struct pm_at *at);

/*
 * Information lines. pm_at_info() opens a line (and ends the one before): the
 * first of a command gets the leading CRLF that V1 asks for, or none when `bare`
 * (the EC25's +QFUPL: after data, CD1). pm_at_put...() add to the open line. The
 * result closes it. A line that does not fit into pm_at_room() is lost as a whole: a
 * handler that may print more than PM_AT_REPLY_ROOM - 160 bytes asks pm_at_room() first,
 * flushes, and goes on after the next output ack.
 */
void pm_at_info(struct pm_at *at);
void pm_at_info_bare(struct pm_at *at);
void pm_at_put(struct pm_at *at, const char *text);
void pm_at_put_bytes(struct pm_at *at, const uint8_t *data, size_t len);
void pm_at_put_quoted(struct pm_at *at, struct pm_slice text);
void pm_at_put_number(struct pm_at *at, uint32_t number);
void pm_at_put_hex(struct pm_at *at, uint32_t number); /* lower case, no leading zeros */

/* Free bytes for information lines or raw data, room for the result kept back. */
size_t pm_at_room(const struct pm_at *at);

/* Ends the open line and hands out what has been printed so far although the command still runs.
 * By itself output is held back until the result, to leave in one write (SD57), or
 * until less than PM_AT_REPLY_ROOM is free when a line is opened. */
void pm_at_flush(struct pm_at *at);

/* The final result of the running command. After OK the next command of the line becomes an event;
 * the line's only OK follows its last command. Anything else ends the line. Ends data mode.
 * Without a running command nothing happens. */
void pm_at_result(struct pm_at *at, enum pm_at_result result, uint64_t now);

/* Final result +CME ERROR as CMEE says: ERROR, the number, or the text of pm_cme_text(), where
 * there is one and the command has not opened data mode (CD3). Ends the line and data mode. */
void pm_at_cme(struct pm_at *at, uint16_t number, uint64_t now);

/* The same with +CMS ERROR and pm_cms_text(): for the commands of short messages (27.005 3.2.5). */
void pm_at_cms(struct pm_at *at, uint16_t number, uint64_t now);

/* ---- Data mode ------------------------------------------------------------- */

/*
 * Opens data mode towards the module: CONNECT, then PM_AT_EV_DATA events, then one
 * PM_AT_EV_DATA_END. `data->length` must be at least 1. At most once per command.
 *
 * Input from the command's line end to CONNECT is discarded (CD26), type-ahead as well. With a
 * connect_delay of 0 that is what came before this millisecond, and a run of CR and LF
 * right behind the command's line end in the same millisecond; use a delay where a
 * line is slower than that.
 *
 * +++ ends it when no byte came for 1 s before, the three came within 1 s, and none comes for 1 s
 * after, judged by arrival times. Until that is decided the pluses are held back; they become
 * data when the rule is broken, a time limit runs out, or DTR or the host is lost. Pluses
 * that would complete the count: three are held (an escape wins), fewer are data at once.
 * Idle time does not run while bytes wait for pm_at_data_ack().
 */
void pm_at_data_in(struct pm_at *at, const struct pm_at_data *data, uint64_t now);

/* The owner is done with the first `n` >= 1 bytes of the last PM_AT_EV_DATA; until then no other
 * PM_AT_EV_DATA or PM_AT_EV_DATA_END comes. Bytes not acknowledged come again. */
void pm_at_data_ack(struct pm_at *at, size_t n);

/* Opens data mode towards the host after `connect_delay` ms, at least 1: CONNECT, then what
 * pm_at_raw() adds. pm_at_connected() tells when. Input is discarded; +++ makes one
 * PM_AT_EV_DATA_END. The result ends it. */
void pm_at_data_out(struct pm_at *at, uint32_t connect_delay, uint64_t now);

/* The same with "CONNECT <count>" (QFREAD, CD24), `count` at least 1. V0 has no number for that:
 * it stays text there, and ends as information lines do. */
void pm_at_data_out_counted(struct pm_at *at, uint32_t count, uint32_t connect_delay, uint64_t now);

/* True once CONNECT of the open data mode has been printed. */
bool pm_at_connected(const struct pm_at *at);

/* Raw bytes to the host in data mode (file contents, the `A` of ackmode): as many as
 * fit; returns how many (all when the host is lost, none before CONNECT). They leave at once. */
size_t pm_at_raw(struct pm_at *at, const uint8_t *data, size_t len);

/* ---- Unsolicited result codes ---------------------------------------------- */

/*
 * Queues one URC (text without its CRLFs) for the time when the port is in
 * command mode, runs nothing and holds no half-typed line younger than 2 s
 * (SD37), has no input waiting, and not before `not_before`; and never in the same millisecond
 * as the last input or result, so that its place does not depend on how input is
 * cut; pm_at_input_end() behind that input takes this millisecond away. Stays under ATQ1 (CD18).
 * Returns false when it is longer than PM_AT_URC_SIZE allows; when the queue is full the oldest go.
 */
bool pm_at_urc(struct pm_at *at, const char *text, size_t len, uint64_t not_before);

/* Whether a URC of `len` bytes fits without driving out an older one. */
bool pm_at_urc_fits(const struct pm_at *at, size_t len);

#ifdef __cplusplus
}
#endif

#endif
