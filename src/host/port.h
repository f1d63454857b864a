/* SPDX-License-Identifier: MIT */
/*
 * Ports of the program: the AT channels of a module on Linux.
 *
 * A terminal joins a port of the portable library to descriptors. What differs between pty, serial
 * line, TCP and standard input/output (how a host comes and goes) is in pty.c, serial.c, tcp.c and
 * stdio.c; bytes, back-pressure, trace and the loss of a host are the same for all (port.c).
 *
 * Bytes wait in two places only: what one read brought and the module has not taken
 * (PM_TERMINAL_READ), and the engine's own output buffer. While either is full the kernel's
 * buffers fill up, and the sender waits. What a host leaves behind when it goes waits in a third,
 * until it is done or another host comes. Where a port's bytes are wrapped on their way
 * (RFC 2217) one read's worth and one write's worth of wrapped bytes wait as well (port_wire.c).
 */
#ifndef PM_HOST_PORT_H
#define PM_HOST_PORT_H

#include <sys/types.h>

#include "host/host.h"
#include "host/trace.h"

/* Most ports of one module. */
#define PM_TERMINALS 16

/* Bytes of one read. */
#define PM_TERMINAL_READ 4096

/* Most bytes that a host can leave behind unread when it goes: more than a pty keeps. */
#define PM_TERMINAL_REST ((size_t)128 * 1024)

enum pm_terminal_kind {
    PM_TERMINAL_NONE,
    PM_TERMINAL_PTY,
    PM_TERMINAL_SERIAL,
    PM_TERMINAL_TCP,
    PM_TERMINAL_STDIO,
    PM_TERMINAL_RFC2217
};

struct pm_open_watches; /* open_watch.h */

struct pm_terminal_options {
    enum pm_terminal_kind kind;
    const char *where; /* LINK, DEV[,BAUD[,rtscts]], ADDR:PORT; unused for stdio */
    const char *name;  /* in AT+QURCCFG and in the trace (CD44) */
    bool boot_urcs;    /* CD45 */
    bool lf_ends_line; /* CD39 */
    /* Serial lines: the signal that means the host's DTR, and the one that drives its DCD (CD50);
     * enum pm_serial_signal, 0: none. And whether a device that is not there is waited for. */
    uint8_t dtr_pin, dcd_pin;
    bool wait;
    struct pm_open_watches *watches; /* of the loop; for ptys */
    bool shared;                     /* a pty that the members of `group` may use, too */
    gid_t group;
};

struct pm_terminal;

/* What a kind of terminal does of its own. */
struct pm_terminal_ops {
    const char *kind; /* in messages and in the ready line */
    /* Gets ready for hosts, once; fills in t->ready. False with the reason in `err`. */
    bool (*open)(struct pm_terminal *t, const struct pm_terminal_options *options, char *err,
                 size_t err_size);
    /* A host has come, before its first byte. False: it cannot be served. NULL: nothing to do. */
    bool (*attached)(struct pm_terminal *t);
    /* All output has left for the host: looks whether its signals and speed are still as the module
     * wants them. True when that made something to send. NULL: there are none. */
    bool (*line)(struct pm_terminal *t);
    /* The line or its host wants no bytes of the module now; a pump follows when that ends. NULL:
     * never. */
    bool (*stopped)(const struct pm_terminal *t);
    /* Kinds that wrap the bytes (t->wire); NULL: the wire has the port's own bytes. Unwraps up to
     * the next command into t->held, which is empty, or acts on a piece of a command; returns how
     * many bytes were used. */
    size_t (*unwrap)(struct pm_terminal *t, const uint8_t *wire, size_t len);
    /* Wraps bytes for the host: pm__wire_add(), at most twice as many. */
    void (*wrap)(struct pm_terminal *t, const uint8_t *data, size_t len);
    /* Before bytes are read or written: looks whether the host is still the same, and may let go
     * of it. NULL: nothing to do. */
    void (*check)(struct pm_terminal *t);
    /* The host is gone (the channel is already closed): waits for the next. */
    void (*gone)(struct pm_terminal *t);
    /* The program leaves: everything of the kind is undone. t->own is to be freed, at the
     * latest by the loop. */
    void (*close)(struct pm_terminal *t);
    bool keeps_descriptors; /* the channel's descriptors outlive the host */
    bool half_close;        /* what was asked for before the input ended is still done... */
    bool ends_data;         /* ... but data mode ends with it (SD62) */
};

extern const struct pm_terminal_ops pm__terminal_pty;
extern const struct pm_terminal_ops pm__terminal_serial;
extern const struct pm_terminal_ops pm__terminal_tcp;
extern const struct pm_terminal_ops pm__terminal_stdio;
extern const struct pm_terminal_ops pm__terminal_rfc2217;

struct pm_channel; /* port_channel.h: the descriptors of the present host */
struct pm_wire;    /* port_wire.h: wrapped bytes */

struct pm_terminal {
    struct pm_host_module *host;
    struct pm_terminal *next;
    const struct pm_terminal_ops *ops;
    void *own; /* of the kind */
    char name[32];
    char label[72];             /* the same with the module's name, for trace and ready line */
    char ready[300];            /* where it can be reached */
    struct pm_channel *channel; /* NULL: no host */
    struct pm_wire *wire;       /* of the present host; NULL: bytes are not wrapped */
    unsigned hosts;             /* that have come so far */
    bool ended;                 /* the host sends no more, but may still read */
    bool deaf;                  /* the host reads no more: what is for it is dropped */
    bool blocked;               /* the host does not read now */
    bool drained;               /* the last read took all that the host had sent */
    bool backlog;               /* the last host had sent more than was read when it left */
    size_t held_at, held_len;   /* read, and not yet taken by the module */
    uint8_t *rest;              /* what a host left behind; NULL: nothing */
    size_t rest_at, rest_len;
    struct pm_trace_stream *trace_in, *trace_out; /* NULL without a trace */
    /* From here on nothing is touched that is not used: of many ports most are idle. */
    struct pm_port port;
    uint8_t held[PM_TERMINAL_READ];
};

/*
 * Opens a port of a started module and adds it at the end of host->terminals. NULL with the
 * reason in `err` when it cannot be opened.
 */
struct pm_terminal *pm_terminal_open(struct pm_host_module *host,
                                     const struct pm_terminal_options *options, char *err,
                                     size_t err_size);

/* The line that tells users of an open port: "NAME KIND WHERE". */
void pm_terminal_ready(const struct pm_terminal *t, char *text, size_t size);

/* True when nothing is on its way to the host: no command runs, nothing waits to be said. */
bool pm_terminal_settled(const struct pm_terminal *t);

/* Undoes all that the host's terminals have made on the system: links, listeners, descriptors. */
void pm_terminals_close(struct pm_host_module *host);

/* Frees them; after pm_host_end(), which still looks at the ports. */
void pm_terminals_free(struct pm_host_module *host);

/* One round of the pump: writes, offers held input. True when anything moved. */
bool pm_terminal_pump(struct pm_terminal *t);

/* ---- For the kinds ------------------------------------------------------------ */

/* A host is there, to be read from `in` and written to at `out` (the same one, but for stdio);
 * both non-blocking. False: the loop takes no more, the descriptors are the caller's. */
bool pm_terminal_attach(struct pm_terminal *t, int in, int out);

/* The host is gone, or another takes the port over (SD62): drops what was for it. */
void pm_terminal_detach(struct pm_terminal *t);

/* Reads what is there now, as if the loop had said so. */
void pm_terminal_read(struct pm_terminal *t);

/* The host has gone, but may have left commands behind: they are taken out of the kernel's hands,
 * where those of the next host would mix with them, and done; the answers are dropped. */
void pm_terminal_take_rest(struct pm_terminal *t);

/* A log line of the port. */
void pm_terminal_log(const struct pm_terminal *t, enum pm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
