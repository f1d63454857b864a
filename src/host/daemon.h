/* SPDX-License-Identifier: MIT */
/*
 * The program around its modules: one loop, from settings to open ports, and back to nothing.
 *
 * A module that leaves, alone or with the program, first lets a running mail end (drain_seconds),
 * then says its last words to its ports, and QUIT to a mail server that it is still connected to.
 */
#ifndef PM_HOST_DAEMON_H
#define PM_HOST_DAEMON_H

#include <uv.h>

#include "host/alarm.h"
#include "host/configuration.h"
#include "host/host.h"
#include "host/open_watch.h"
#include "host/tls_trust.h"

enum pm_daemon_phase {
    PM_DAEMON_RUNS,
    PM_DAEMON_DRAINS,  /* a running mail may end */
    PM_DAEMON_SETTLES, /* the last words go to ports and mail servers */
    PM_DAEMON_LEAVES,  /* now */
    PM_DAEMON_CLOSES   /* what it had in the loop goes, and then its memory */
};

struct pm_daemon;

/* A module of the daemon. */
struct pm_daemon_module {
    struct pm_daemon *daemon;
    struct pm_daemon_module *next, **link; /* the list, and the pointer that points here */
    struct pm_options *options;            /* the module's */
    struct pm_log log;                     /* with the module's name */
    uint32_t restarts;     /* of the module, as far as its presets were given again */
    uv_timer_t patience;   /* how long a phase may last */
    struct pm_alarm alarm; /* from the loop's first turn to its last */
    enum pm_daemon_phase phase;
    bool ran;       /* it has been started whole */
    unsigned holds; /* handles and parts that may still look at this struct */
    struct pm_host_module host;
};

/* What several modules use: opened with the first, closed with the last. */
struct pm_daemon_shared {
    struct pm_daemon_shared *next;
    struct pm_trace *trace;
    unsigned users;
    char path[]; /* that tells them apart */
};

/* A module that starts when those are gone which have what it wants. */
struct pm_daemon_waiting {
    struct pm_daemon_waiting *next;
    struct pm_options *options;
    struct pm_options *former; /* what it ran with before, should it not start; NULL: nothing */
    bool returns;              /* `options` are former ones */
};

/* What the daemon asks of the program. */
struct pm_daemon_calls {
    void *user;
    /* SIGHUP: makes a finished configuration. False with the reason in `err`; `configuration` is
     * to be freed in either case. */
    bool (*reload)(void *user, struct pm_configuration *configuration, char *err, size_t err_size);
    /* A module has been started by a reload. */
    void (*started)(void *user, const struct pm_daemon_module *module);
};

struct pm_daemon {
    uv_loop_t loop;
    struct pm_log log;
    struct pm_daemon_module *modules, **end; /* in the order of their start; also leaving ones */
    size_t active;                           /* those that do not close yet */
    struct pm_daemon_shared *traces;
    struct pm_tls_trust trust; /* of all modules */
    struct pm_open_watches watches;
    struct pm_daemon_waiting *waiting;
    struct pm_daemon_calls calls;
    uv_signal_t signals[3];
    uv_timer_t watchdog; /* tells systemd that the loop runs */
    bool running;        /* signals and watchdog are in the loop */
    bool leaving;        /* all modules are to leave */
    bool hurry;          /* a second signal has come */
};

/* A daemon without modules. `daemon` may hold anything. False with the reason in `err`. */
bool pm_daemon_init(struct pm_daemon *daemon, enum pm_log_level level, char *err, size_t err_size);

/*
 * Makes room for the modules of a configuration, before the first of them is added: as many
 * descriptors as the system allows, threads for their disks, and a heap that large buffers leave.
 * False with the reason in `err` when they need more descriptors than that.
 */
bool pm_daemon_reserve(const struct pm_configuration *configuration, char *err, size_t err_size);

/*
 * Starts a module in order: trace, storage, catcher, network, module, presets, ports. `options`
 * are finished ones, allocated, and the daemon's from now on, also on failure. NULL with the
 * reason in `err`; what had been started is undone, while the loop runs on.
 */
struct pm_daemon_module *pm_daemon_add(struct pm_daemon *daemon, struct pm_options *options,
                                       char *err, size_t err_size);

/*
 * SIGHUP waits (SIG_BLOCK) until it is heard (SIG_UNBLOCK): it would end a program that starts. So
 * pm_daemon_init() does it. `ends`: and so do SIGTERM and SIGINT, from when others are told that
 * the program is there, until pm_daemon_run() hears them: its links would outlive it.
 */
void pm_daemon_hold(int how, bool ends);

/*
 * Serves until SIGTERM, SIGINT, or the end of a port on standard input. At SIGHUP the configuration
 * is made again: new modules start, those that are gone from it leave, those whose settings
 * differ leave and start again, the rest are not touched. A configuration with an error changes
 * nothing; a module that does not start with its new settings starts again with its former ones.
 */
void pm_daemon_run(struct pm_daemon *daemon, const struct pm_daemon_calls *calls);

/* Ends all modules and the loop, which runs until all of it is gone. */
void pm_daemon_end(struct pm_daemon *daemon);

/* ---- Between the files of the daemon ------------------------------------------- */

/* Lets a module leave in its own time; nothing when it does so already. */
void pm__daemon_dismiss(struct pm_daemon_module *module);

/* From now on the module leaves by itself when it is time to. */
void pm__daemon_watch(struct pm_daemon_module *module);

/* Ends a module at once. Not from inside a call of its own. */
void pm__daemon_stop(struct pm_daemon_module *module);

/* A module closes, or is gone. */
void pm__daemon_gone(struct pm_daemon *daemon);

/* What systemd is told: how many modules there are; that the program is ready, too. */
void pm__daemon_status(const struct pm_daemon *daemon);
void pm__daemon_ready(const struct pm_daemon *daemon);

/* The present configuration, after SIGHUP. */
void pm__daemon_reload(struct pm_daemon *daemon);

/* Starts the waiting modules that nothing is in the way of. */
void pm__daemon_start_waiting(struct pm_daemon *daemon);
void pm__daemon_drop_waiting(struct pm_daemon *daemon);

/* Takes the settings of a module that is gone if one of its name waits, which may need them yet. */
bool pm__daemon_keep_former(struct pm_daemon *daemon, struct pm_options *options);

/* Frees the modules that the loop has not let go: it does not run any more. */
void pm__daemon_forget(struct pm_daemon *daemon);

/* Gives the module what the configuration presets: account and contexts. To be repeated after each
 * restart of the module, which drops it (SD8). False with the reason in `err`. */
bool pm__daemon_preset(struct pm_daemon_module *module, char *err, size_t err_size);

/* What the options name, shared with those modules that name the same. False with the reason in
 * `err`. The end of it is for every module that had a beginning. */
bool pm__daemon_share(struct pm_daemon_module *module, char *err, size_t err_size);
void pm__daemon_unshare(struct pm_daemon_module *module);

#endif
