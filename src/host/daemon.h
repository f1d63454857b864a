/* SPDX-License-Identifier: MIT */
/*
 * The program around one module: from settings to open ports, and back to nothing.
 *
 * Used by `serve`, which runs it until a signal comes, and by `demo`, which drives the loop itself.
 */
#ifndef PM_HOST_DAEMON_H
#define PM_HOST_DAEMON_H

#include <uv.h>

#include "host/config.h"
#include "host/host.h"

enum pm_daemon_phase {
    PM_DAEMON_RUNS,
    PM_DAEMON_DRAINS,  /* a running mail may end */
    PM_DAEMON_SETTLES, /* the last words go to the ports */
    PM_DAEMON_LEAVES   /* now */
};

struct pm_daemon {
    uv_loop_t loop;
    struct pm_log log;
    struct pm_host_module host;
    const struct pm_options *options;
    size_t ports;
    uint32_t restarts; /* of the module, as far as its presets were given again */
    uv_signal_t signals[2];
    uv_timer_t patience; /* how long a phase may last */
    enum pm_daemon_phase phase;
    bool hurry;   /* a second signal has come */
    bool handles; /* signals and patience are in the loop */
};

/*
 * Starts everything in order: log, trace, storage, catcher, network, module, presets, ports.
 * `daemon` may hold anything; `options` are finished ones and outlive it. False with the
 * reason in `err`; what had been started is undone.
 */
bool pm_daemon_start(struct pm_daemon *daemon, const struct pm_options *options, size_t ports,
                     char *err, size_t err_size);

/* Gives the module what the configuration presets: account and contexts. To be repeated after each
 * restart of the module, which drops it (SD8). False with the reason in `err`. */
bool pm_daemon_preset(struct pm_daemon *daemon, char *err, size_t err_size);

/* Serves until SIGTERM, SIGINT, or the end of a port on standard input. */
void pm_daemon_run(struct pm_daemon *daemon);

/* Undoes pm_daemon_start(). Runs the loop until all of it is gone. */
void pm_daemon_end(struct pm_daemon *daemon);

#endif
