/* SPDX-License-Identifier: MIT */
/* Starting and ending everything around one module, in order. */
#include "host/daemon.h"

#include <stdio.h>
#include <string.h>

#include "host/catcher.h"
#include "host/net.h"
#include "host/port.h"
#include "host/store.h"
#include "host/trace.h"

/* How long the end may take: what then still hangs (a dead disk) hangs without us. */
#define END_MS       5000
#define END_HURRY_MS 200

static const char *given(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static void catcher_log(void *user, enum pm_log_level level, const char *text)
{
    const struct pm_daemon *daemon = user;
    pm_log_write(&daemon->log, level, text, strlen(text));
}

static bool start_storage(struct pm_daemon *daemon, char *err, size_t err_size)
{
    const struct pm_options *options = daemon->options;
    struct pm_store_options store = {.dir = given(options->state_dir),
                                     .ufs_size = options->ufs_size,
                                     .ram_size = options->ram_size,
                                     .sd_dir = given(options->sd_dir)};
    daemon->host.store = pm_store_open(&daemon->host, &daemon->loop, &store, err, err_size);
    return daemon->host.store != NULL;
}

static bool start_network(struct pm_daemon *daemon, char *err, size_t err_size)
{
    const struct pm_options *options = daemon->options;
    if (*options->catch_dir != '\0') {
        struct pm_catcher_log log = {daemon, catcher_log};
        struct pm_catcher_options catcher = {.maildir = options->catch_dir,
                                             .verify = options->catch_verify,
                                             .faults = options->catch_faults};
        daemon->host.catcher = pm_catcher_new(&daemon->loop, &catcher, &log, err, err_size);
        if (daemon->host.catcher == NULL) {
            return false;
        }
    }
    struct pm_net_options net = {.dns_servers = given(options->dns_servers),
                                 .verify_always = options->tls_verify != 0,
                                 .system_ca = options->tls_system_ca,
                                 .catcher = daemon->host.catcher};
    daemon->host.net = pm_net_new(&daemon->host, &net, err, err_size);
    return daemon->host.net != NULL;
}

static bool refuse_preset(const char *keys, char *err, size_t err_size)
{
    snprintf(err, err_size, "%s: the module does not take these values", keys);
    return false;
}

static bool preset_account(struct pm_daemon *daemon, char *err, size_t err_size)
{
    const struct pm_smtp_setting *smtp = &daemon->options->smtp;
    struct pm_module *module = &daemon->host.module;
    bool account = *smtp->username != '\0' || *smtp->password != '\0';
    bool sender = *smtp->sender_name != '\0' || *smtp->sender_email != '\0';
    if (!pm_module_preset(module, "smtpserver", smtp->server, NULL, smtp->port, false)) {
        return refuse_preset("smtp.server, smtp.port", err, err_size);
    }
    if (account && !pm_module_preset(module, "account", smtp->username, smtp->password, 0, true)) {
        return refuse_preset("smtp.username, smtp.password", err, err_size);
    }
    if (sender &&
        !pm_module_preset(module, "sender", smtp->sender_name, smtp->sender_email, 0, false)) {
        return refuse_preset("smtp.sender_name, smtp.sender_email", err, err_size);
    }
    if (!pm_module_preset(module, "contextid", NULL, NULL, smtp->contextid, false) ||
        !pm_module_preset(module, "sslctxid", NULL, NULL, smtp->sslctxid, false) ||
        !pm_module_preset(module, "ssltype", NULL, NULL, smtp->ssltype, false)) {
        return refuse_preset("smtp.contextid, smtp.sslctxid, smtp.ssltype", err, err_size);
    }
    return true;
}

static bool preset_contexts(struct pm_daemon *daemon, char *err, size_t err_size)
{
    for (uint8_t i = 0; i < PM_PDP_CONTEXTS; i++) {
        const struct pm_pdp_setting *pdp = &daemon->options->pdp[i];
        bool any = *pdp->apn != '\0' || *pdp->user != '\0' || *pdp->password != '\0' ||
                   pdp->authentication != 0 || pdp->type != 0;
        if (any && !pm_module_preset_context(&daemon->host.module, (uint8_t)(i + 1),
                                             pdp->type != 0 ? pdp->type : 1, pdp->apn, pdp->user,
                                             pdp->password, pdp->authentication)) {
            snprintf(err, err_size, "pdp.%u: the module does not take these values", i + 1U);
            return false;
        }
    }
    return true;
}

bool pm_daemon_preset(struct pm_daemon *daemon, char *err, size_t err_size)
{
    return preset_account(daemon, err, err_size) && preset_contexts(daemon, err, err_size);
}

static bool start_ports(struct pm_daemon *daemon, char *err, size_t err_size)
{
    for (size_t i = 0; i < daemon->ports; i++) {
        const struct pm_port_setting *port = &daemon->options->port[i];
        struct pm_terminal_options terminal = {.kind = (enum pm_terminal_kind)port->kind,
                                               .where = port->where,
                                               .name = port->name,
                                               .boot_urcs = port->boot_urcs == PM_ON,
                                               .lf_ends_line = port->lf_ends_line == PM_ON};
        if (pm_terminal_open(&daemon->host, &terminal, err, err_size) == NULL) {
            return false;
        }
    }
    return true;
}

static bool start_trace(struct pm_daemon *daemon, char *err, size_t err_size)
{
    const char *path = given(daemon->options->trace);
    daemon->host.trace = path != NULL ? pm_trace_open(path, err, err_size) : NULL;
    return path == NULL || daemon->host.trace != NULL;
}

bool pm_daemon_start(struct pm_daemon *daemon, const struct pm_options *options, size_t ports,
                     char *err, size_t err_size)
{
    memset(daemon, 0, sizeof *daemon);
    daemon->options = options;
    daemon->ports = ports;
    pm_log_init(&daemon->log, (enum pm_log_level)options->log);
    daemon->host.log = &daemon->log;
    daemon->host.loop = &daemon->loop;
    daemon->host.config = options->module;
    if (uv_loop_init(&daemon->loop) != 0) {
        snprintf(err, err_size, "no event loop");
        return false;
    }
    if (start_trace(daemon, err, err_size) && start_storage(daemon, err, err_size) &&
        start_network(daemon, err, err_size) &&
        pm_host_start(&daemon->host, options->arena_size, err, err_size) &&
        pm_daemon_preset(daemon, err, err_size) && start_ports(daemon, err, err_size)) {
        return true;
    }
    pm_daemon_end(daemon);
    return false;
}

static void on_end(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

/* Lets handles and jobs of the thread pool end, but not for ever. */
static void empty_loop(struct pm_daemon *daemon)
{
    uv_timer_t patience;
    uv_timer_init(&daemon->loop, &patience);
    uv_timer_start(&patience, on_end, daemon->hurry ? END_HURRY_MS : END_MS, 0);
    uv_unref((uv_handle_t *)&patience);
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, NULL);
    /* Once more for the timer; a loop that still has something to do is left as it is. */
    uv_run(&daemon->loop, UV_RUN_NOWAIT);
    (void)uv_loop_close(&daemon->loop);
}

void pm_daemon_end(struct pm_daemon *daemon)
{
    struct pm_host_module *host = &daemon->host;
    pm_terminals_close(host);
    pm_host_end(host);
    if (host->net != NULL) {
        pm_net_free(host->net);
    }
    if (host->store != NULL) {
        pm_store_close(host->store);
    }
    if (host->catcher != NULL) {
        pm_catcher_free(host->catcher);
    }
    if (daemon->handles) {
        uv_close((uv_handle_t *)&daemon->signals[0], NULL);
        uv_close((uv_handle_t *)&daemon->signals[1], NULL);
        uv_close((uv_handle_t *)&daemon->patience, NULL);
    }
    empty_loop(daemon);
    pm_terminals_free(host);
    pm_trace_close(host->trace);
    explicit_bzero(&host->module, sizeof host->module);
}
