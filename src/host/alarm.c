/* SPDX-License-Identifier: MIT */
/* Mail that fails for too long: told to the log, and to a command. */
#include "host/alarm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_MS 60000
#define VARIABLES  7

/* ---- The command --------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct pm_alarm *alarm = handle->data;
    if (--alarm->handles == 0 && alarm->ending) {
        alarm->ended(alarm->user);
    }
}

/* It leads a session, and what it has started goes with it. */
static void kill_command(const struct pm_alarm *alarm)
{
    (void)uv_kill(-alarm->process.pid, SIGKILL);
}

static void on_patience(uv_timer_t *timer)
{
    const struct pm_alarm *alarm = timer->data;
    pm_log_printf(alarm->options.log, PM_LOG_WARNING, "mail.on_failure takes too long: killed");
    kill_command(alarm);
}

static void on_exit_of_command(uv_process_t *process, int64_t status, int number)
{
    struct pm_alarm *alarm = process->data;
    bool good = status == 0 && number == 0;
    pm_log_printf(alarm->options.log, good ? PM_LOG_INFO : PM_LOG_WARNING,
                  "mail.on_failure has ended: %s %d", number != 0 ? "signal" : "status",
                  number != 0 ? number : (int)status);
    alarm->running = false;
    (void)uv_timer_stop(&alarm->patience);
    uv_close((uv_handle_t *)process, on_closed);
}

static void spawn(struct pm_alarm *alarm, char **environment)
{
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    char path[1001];
    snprintf(path, sizeof path, "%s", alarm->options.command);
    char *arguments[] = {path, NULL};
    uv_process_options_t process = {.exit_cb = on_exit_of_command,
                                    .file = path,
                                    .args = arguments,
                                    .env = environment,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    int status = uv_spawn(alarm->due.loop, &alarm->process, &process);
    alarm->process.data = alarm;
    alarm->handles++;
    if (status != 0) {
        pm_log_printf(alarm->options.log, PM_LOG_ERROR, "mail.on_failure: %s: %s", path,
                      uv_strerror(status));
        uv_close((uv_handle_t *)&alarm->process, on_closed);
        return;
    }
    alarm->running = true;
    (void)uv_timer_start(&alarm->patience, on_patience,
                         alarm->options.command_ms != 0 ? alarm->options.command_ms : COMMAND_MS,
                         0);
}

/* What the last failure was; where the owner's own limit was the cause, its name. */
static const char *describe(const struct pm_alarm *alarm, char *text, size_t size)
{
    const char *error = pm_mail_error_text(alarm->counts.last_error);
    const char *own = !alarm->counts.last_own                            ? ""
                      : alarm->counts.last_error == PM_MAIL_MAILBOX_BUSY ? " (mail.rate_limit)"
                                                                         : " (mail.allow_*)";
    snprintf(text, size, "%s%s", error != NULL ? error : "", own);
    return text;
}

static uint64_t seconds(const struct pm_alarm *alarm)
{
    return (uv_now(alarm->due.loop) - alarm->since) / 1000;
}

static void run_command(struct pm_alarm *alarm)
{
    char texts[VARIABLES][96];
    char text[80];
    char *environment[VARIABLES + 1] = {NULL};
    const char *module = alarm->options.module;
    snprintf(texts[0], sizeof texts[0], "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin");
    snprintf(texts[1], sizeof texts[1], "POSTMODEM_MODULE=%s", module);
    snprintf(texts[2], sizeof texts[2], "POSTMODEM_SECONDS=%llu",
             (unsigned long long)seconds(alarm));
    snprintf(texts[3], sizeof texts[3], "POSTMODEM_FAILED=%u", alarm->failed);
    snprintf(texts[4], sizeof texts[4], "POSTMODEM_ERROR=%u", alarm->counts.last_error);
    snprintf(texts[5], sizeof texts[5], "POSTMODEM_REPLY=%u", alarm->counts.last_reply);
    snprintf(texts[6], sizeof texts[6], "POSTMODEM_TEXT=%s", describe(alarm, text, sizeof text));
    for (size_t i = 0; i < VARIABLES; i++) {
        environment[i] = texts[i];
    }
    if (alarm->handles > 2) {
        pm_log_printf(alarm->options.log, PM_LOG_WARNING,
                      "mail.on_failure still runs: not started again");
        return;
    }
    spawn(alarm, environment);
}

/* ---- The alarm ----------------------------------------------------------------------- */

static void on_due(uv_timer_t *timer)
{
    struct pm_alarm *alarm = timer->data;
    char text[80];
    alarm->raised = true;
    pm_log_printf(alarm->options.log, PM_LOG_ERROR,
                  "alarm: mail has failed for %llu s, %u of them, the last with %u %s",
                  (unsigned long long)seconds(alarm), alarm->failed, alarm->counts.last_error,
                  describe(alarm, text, sizeof text));
    if (alarm->options.command != NULL && *alarm->options.command != '\0') {
        run_command(alarm);
    }
}

static void succeeded(struct pm_alarm *alarm)
{
    if (alarm->raised) {
        pm_log_printf(alarm->options.log, PM_LOG_WARNING,
                      "alarm over: mail leaves again after %llu s, %u had failed",
                      (unsigned long long)seconds(alarm), alarm->failed);
    }
    alarm->raised = false;
    alarm->since = PM_NEVER;
    alarm->failed = 0;
    (void)uv_timer_stop(&alarm->due);
}

void pm_alarm_look(struct pm_alarm *alarm, struct pm_module_counts counts)
{
    uint32_t failed = counts.mails_failed - alarm->counts.mails_failed;
    bool sent = counts.mails_sent != alarm->counts.mails_sent;
    alarm->counts = counts;
    if (sent && alarm->since != PM_NEVER) {
        succeeded(alarm);
    }
    if (failed == 0 || alarm->options.seconds == 0) {
        return;
    }
    alarm->failed += failed;
    if (alarm->since == PM_NEVER) {
        alarm->since = uv_now(alarm->due.loop);
        (void)uv_timer_start(&alarm->due, on_due, (uint64_t)alarm->options.seconds * 1000, 0);
    }
}

void pm_alarm_init(struct pm_alarm *alarm, uv_loop_t *loop, const struct pm_alarm_options *options)
{
    memset(alarm, 0, sizeof *alarm);
    alarm->options = *options;
    alarm->since = PM_NEVER;
    alarm->handles = 2;
    /* These fail only for a loop that is none. */
    (void)uv_timer_init(loop, &alarm->due);
    (void)uv_timer_init(loop, &alarm->patience);
    alarm->due.data = alarm;
    alarm->patience.data = alarm;
}

void pm_alarm_end(struct pm_alarm *alarm, void (*ended)(void *user), void *user)
{
    alarm->ended = ended;
    alarm->user = user;
    alarm->ending = true;
    if (alarm->running) {
        kill_command(alarm); /* Its end, which comes, closes what is left. */
    }
    uv_close((uv_handle_t *)&alarm->due, on_closed);
    uv_close((uv_handle_t *)&alarm->patience, on_closed);
}
