/* SPDX-License-Identifier: MIT */
/* Starting and ending everything around one module, in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/binding.h"
#include "host/daemon.h"
#include "host/net.h"
#include "host/port.h"
#include "host/serial_line.h"
#include "host/store.h"

static const char *given(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static void let_go(struct pm_daemon_module *module);

static void on_part_ended(void *user)
{
    let_go(user);
}

static void on_patience_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

/* ---- The beginning ------------------------------------------------------------------ */

static bool start_storage(struct pm_daemon_module *module, char *err, size_t err_size)
{
    const struct pm_options *options = module->options;
    struct pm_store_options store = {.dir = given(options->state_dir),
                                     .ufs_size = options->ufs_size,
                                     .ram_size = options->ram_size,
                                     .sd_dir = given(options->sd_dir),
                                     .late = *options->name != '\0'};
    if (*options->state_base != '\0') {
        /* That it cannot be made is found when the module's own directory cannot be. */
        (void)mkdir(options->state_base, 0700);
    }
    module->host.store = pm_store_open(&module->host, &module->daemon->loop, &store, err, err_size);
    module->holds += module->host.store != NULL ? 1 : 0;
    return module->host.store != NULL;
}

static bool start_network(struct pm_daemon_module *module, char *err, size_t err_size)
{
    const struct pm_options *options = module->options;
    struct pm_binding bindings[PM_PDP_CONTEXTS];
    for (size_t i = 0; i < PM_PDP_CONTEXTS; i++) {
        if (!pm_binding_read(&bindings[i], options->pdp[i].interface, options->pdp[i].source, err,
                             err_size)) {
            return false;
        }
        bindings[i].any_family = options->pdp[i].any_family;
    }
    struct pm_net_options net = {.dns_servers = given(options->dns_servers),
                                 .dns_port = options->dns_port,
                                 .ping = options->ping,
                                 .bindings = bindings,
                                 .lab_hosts = options->dns_hosts,
                                 .lab_faults = options->catch_faults,
                                 .verify_always = options->tls_verify != 0,
                                 .trust = &module->daemon->trust,
                                 .system_ca = options->tls_system_ca,
                                 .token_file = options->smtp.token_file,
                                 .token_command = options->smtp.token_command,
                                 .tls_ca_file = options->tls_ca_file,
                                 .tls_client_cert = options->tls_client_cert,
                                 .tls_client_key = options->tls_client_key,
                                 .tls_pins = options->tls_pins,
                                 .catcher = module->host.catcher};
    module->host.net = pm_net_new(&module->host, &net, err, err_size);
    return module->host.net != NULL;
}

static bool start_module(struct pm_daemon_module *module, char *err, size_t err_size)
{
    bool started = pm_host_start(&module->host, module->options->arena_size, err, err_size);
    module->holds += started ? 1 : 0;
    return started;
}

static bool start_ports(struct pm_daemon_module *module, char *err, size_t err_size)
{
    for (size_t i = 0; i < module->options->port_count; i++) {
        static const uint8_t inputs[] = {0, PM_SERIAL_DSR, PM_SERIAL_DCD, PM_SERIAL_CTS,
                                         PM_SERIAL_RI};
        static const uint8_t outputs[] = {0, PM_SERIAL_DTR, PM_SERIAL_RTS};
        const struct pm_port_setting *port = &module->options->port[i];
        struct pm_terminal_options terminal = {.kind = (enum pm_terminal_kind)port->kind,
                                               .where = port->where,
                                               .name = port->name,
                                               .watches = &module->daemon->watches,
                                               .shared = *port->group != '\0',
                                               .group = port->gid,
                                               .boot_urcs = port->boot_urcs == PM_ON,
                                               .lf_ends_line = port->lf_ends_line == PM_ON,
                                               .dtr_pin = inputs[port->dtr_pin],
                                               .dcd_pin = outputs[port->dcd_pin],
                                               .wait = port->wait};
        if (pm_terminal_open(&module->host, &terminal, err, err_size) == NULL) {
            return false;
        }
    }
    return true;
}

/* In the loop from the beginning, so that their end is always the same. */
static void start_timers(struct pm_daemon_module *module)
{
    const struct pm_alarm_options alarm = {.log = &module->log,
                                           .module = module->options->name,
                                           .command = module->options->mail.on_failure,
                                           .seconds = module->options->mail.alarm_seconds};
    uv_timer_init(&module->daemon->loop, &module->patience);
    module->patience.data = module;
    pm_alarm_init(&module->alarm, &module->daemon->loop, &alarm);
    module->holds += 2;
}

static struct pm_daemon_module *module_new(struct pm_daemon *daemon, struct pm_options *options)
{
    struct pm_daemon_module *module = malloc(sizeof *module);
    if (module == NULL) {
        return NULL;
    }
    memset(module, 0, offsetof(struct pm_daemon_module, host.module));
    module->daemon = daemon;
    module->options = options;
    pm_log_init(&module->log, (enum pm_log_level)options->log, options->name);
    module->host.name = options->name;
    module->host.log = &module->log;
    module->host.loop = &daemon->loop;
    module->host.config = options->module;
    module->host.part_ended = on_part_ended;
    module->host.part_ended_user = module;
    module->link = daemon->end;
    *daemon->end = module;
    daemon->end = &module->next;
    daemon->active++;
    return module;
}

struct pm_daemon_module *pm_daemon_add(struct pm_daemon *daemon, struct pm_options *options,
                                       char *err, size_t err_size)
{
    char why[500] = "out of memory";
    const char *name = options->name;
    struct pm_daemon_module *module = module_new(daemon, options);
    if (module != NULL) {
        start_timers(module);
        if (options->open_secret != NULL) {
            pm_log_printf(&module->log, PM_LOG_WARNING, "all can read the file that %s names",
                          options->open_secret);
        }
        if (pm__daemon_share(module, why, sizeof why) && start_storage(module, why, sizeof why) &&
            start_network(module, why, sizeof why) && start_module(module, why, sizeof why) &&
            pm__daemon_preset(module, why, sizeof why) && start_ports(module, why, sizeof why)) {
            if (daemon->running) {
                pm__daemon_watch(module);
            }
            return module;
        }
    }
    snprintf(err, err_size, "%s%s%s", name, *name != '\0' ? ": " : "", why);
    if (module != NULL) {
        pm__daemon_stop(module);
    } else {
        pm_options_delete(options);
    }
    return NULL;
}

/* ---- The end --------------------------------------------------------------------------- */

void pm__daemon_stop(struct pm_daemon_module *module)
{
    struct pm_host_module *host = &module->host;
    if (module->phase == PM_DAEMON_CLOSES) {
        return;
    }
    module->phase = PM_DAEMON_CLOSES;
    module->daemon->active--;
    host->after_pump = NULL;
    pm_terminals_close(host);
    pm_host_end(host);
    pm_net_free(host->net);
    host->net = NULL;
    pm__daemon_unshare(module);
    uv_close((uv_handle_t *)&module->patience, on_patience_closed);
    pm_alarm_end(&module->alarm, on_part_ended, module);
    pm_store_close(host->store);
    host->store = NULL;
}

/* The memory of a module that nothing in the loop looks at any more. */
static void module_free(struct pm_daemon_module *module)
{
    *module->link = module->next;
    if (module->next != NULL) {
        module->next->link = module->link;
    } else {
        module->daemon->end = module->link;
    }
    pm_terminals_free(&module->host);
    if (!module->ran || !pm__daemon_keep_former(module->daemon, module->options)) {
        pm_options_delete(module->options);
    }
    explicit_bzero(module, sizeof *module);
    free(module);
}

static void let_go(struct pm_daemon_module *module)
{
    struct pm_daemon *daemon = module->daemon;
    if (--module->holds == 0) {
        module_free(module);
        pm__daemon_gone(daemon);
    }
}

void pm__daemon_forget(struct pm_daemon *daemon)
{
    struct pm_daemon_module *next;
    for (struct pm_daemon_module *module = daemon->modules; module != NULL; module = next) {
        next = module->next;
        module_free(module);
    }
}
