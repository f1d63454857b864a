/* SPDX-License-Identifier: MIT */
/*
 * The alarm of a module: mail has failed for too long. One line in the log, one run of a command,
 * and a line when mail leaves again.
 *
 * The time counts from the first failure since the last mail that left. The command is run without
 * a shell, in a session of its own, with nothing on standard input, its output going to standard
 * error; one at a time, and not beyond its time. It reads its environment: PATH,
 * POSTMODEM_MODULE, POSTMODEM_SECONDS (how long mail has failed), POSTMODEM_FAILED (how many),
 * POSTMODEM_ERROR, POSTMODEM_REPLY (SMTP code or 0) and POSTMODEM_TEXT of the last one.
 */
#ifndef PM_HOST_ALARM_H
#define PM_HOST_ALARM_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "host/log.h"
#include "postmodem/module.h"

struct pm_alarm_options {
    const struct pm_log *log;
    const char *module;  /* its name, "": the only one */
    const char *command; /* path of a program, NULL or "": none */
    uint32_t seconds;    /* 0: no alarm */
    uint32_t command_ms; /* longest run, 0: a minute */
};

/* The members are the alarm's own business. */
struct pm_alarm {
    struct pm_alarm_options options;
    struct pm_module_counts counts; /* as seen last */
    uv_timer_t due, patience;
    uv_process_t process;
    uint64_t since;  /* of the loop's clock: the first failure, PM_NEVER: none */
    uint32_t failed; /* mails since then */
    bool raised;
    bool running; /* the command */
    bool ending;
    unsigned handles;
    void (*ended)(void *user);
    void *user;
};

/* What `options` points to must outlive the alarm. */
void pm_alarm_init(struct pm_alarm *alarm, uv_loop_t *loop, const struct pm_alarm_options *options);

/* To be called whenever the module may have counted a mail. */
void pm_alarm_look(struct pm_alarm *alarm, struct pm_module_counts counts);

/* Ends it, and the command with it. `ended` is called from the loop when nothing of it is left
 * there. */
void pm_alarm_end(struct pm_alarm *alarm, void (*ended)(void *user), void *user);

#endif
