/* SPDX-License-Identifier: MIT */
/*
 * One module with everything Linux around it: loop, log, trace, storage, network and ports.
 *
 * platform->user is the struct pm_host_module. Whoever hands something to the module (a result,
 * bytes, a time) does so from the loop, never from inside a platform function, and calls
 * pm_host_pump() afterwards; the pm_host_done() family does both.
 */
#ifndef PM_HOST_HOST_H
#define PM_HOST_HOST_H

#include <uv.h>

#include "host/log.h"
#include "postmodem/module.h"

struct pm_catcher;  /* catcher.h */
struct pm_net;      /* net.h */
struct pm_store;    /* store.h */
struct pm_trace;    /* trace.h */
struct pm_terminal; /* port.h: one AT channel, whatever its kind */

struct pm_host_module {
    const char *name; /* in trace and ready lines; NULL or "": the only module */
    struct pm_module_config config;
    struct pm_platform platform;
    uv_loop_t *loop;
    struct pm_log *log;         /* never NULL */
    struct pm_trace *trace;     /* NULL: none */
    struct pm_store *store;     /* set before pm_host_start() */
    struct pm_net *net;         /* likewise */
    struct pm_catcher *catcher; /* NULL: mail goes to the real servers */
    uint8_t *arena;
    size_t arena_size;
    struct pm_terminal *terminals; /* in the order of their opening */
    uv_timer_t deadline;           /* the module's one timer */
    uint64_t deadline_at;          /* what it is set to, PM_NEVER: not armed */
    bool started, pumping;
    bool leaving;  /* the program leaves: the ports are not read any more */
    bool finished; /* standard input has ended, and so has all that was asked for there */
    /* Called at the end of each pump, e.g. to see whether a mail job has ended; may be NULL. */
    void (*after_pump)(struct pm_host_module *host, void *user);
    void *after_pump_user;
    /* Called from the loop when the deadline's handle, and when the store has ended, which may be
     * long after pm_store_close(): that part looks at this struct no more. May be NULL. */
    void (*part_ended)(void *user);
    void *part_ended_user;
    struct pm_module module; /* last: most of it is not touched before the first mail */
};

/* Milliseconds of the loop's monotonic clock, read afresh. */
uint64_t pm_host_now(struct pm_host_module *host);

/*
 * To be called after every call into the module: writes what the ports have to say, offers
 * input again that was taken short, and arms the timer. Cheap when there is nothing to do.
 */
void pm_host_pump(struct pm_host_module *host);

/* pm_module_done(), _received(), _writable(), _closed() at the present time, then a pump. */
void pm_host_done(struct pm_host_module *host, struct pm_op *op, int32_t result);
void pm_host_received(struct pm_host_module *host, const uint8_t *data, size_t len);
void pm_host_writable(struct pm_host_module *host);
void pm_host_closed(struct pm_host_module *host);

/* How a part of the module is called where there are several modules: NAME/PART. */
void pm_host_label(const struct pm_host_module *host, const char *part, char *text, size_t size);

/* What the parts reach through platform->user. */
static inline struct pm_store *pm_host_store(void *user)
{
    return ((struct pm_host_module *)user)->store;
}

static inline struct pm_net *pm_host_net(void *user)
{
    return ((struct pm_host_module *)user)->net;
}

/*
 * Starts the module: fills in log, trace, wall clock and cancel of the platform (cancel asks
 * pm_store_cancel(), then pm_net_cancel()), takes the rest from pm_store_platform() and
 * pm_net_platform(), and calls pm_module_init(). `host` is zeroed by the caller but for config,
 * loop, log, trace, store, net, catcher. False with the reason in `err` when it cannot.
 */
bool pm_host_start(struct pm_host_module *host, size_t arena_size, char *err, size_t err_size);

/* Ends the module and wipes its arena; store, net and terminals are the caller's to close. */
void pm_host_end(struct pm_host_module *host);

#endif
