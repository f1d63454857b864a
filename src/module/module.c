/* SPDX-License-Identifier: MIT */
/* Life of a module, results from the platform, and time. */
#include <stddef.h>
#include <string.h>

#include "base/wipe.h"
#include "module/internal.h"

void pm_module_config_default(struct pm_module_config *config)
{
    memset(config, 0, sizeof *config);
    config->manufacturer = "Quectel";
    config->model = "AG35";
    config->revision = "AG35CEVAR05A07T4G";
    config->sub_revision = "01.001.01.001";
    config->serial = "POSTMODEM0000001";
    config->imei = "860000000000009";
    config->imsi = "001010000000001";
    config->iccid = "89860000000000000010";
    config->operator_name = "POSTMODEM";
    config->operator_numeric = "00101";
    config->lac = "D509";
    config->cell_id = "80D413D";
    config->rssi = 28;
    config->ber = 99;
    config->registration = 1;
    config->sim_pin = "1234";
    config->sim_puk = "12345678";
    config->band = "LTE BAND 3";
    config->channel = 1650;
    config->limits = PM_LIMITS_WIDE;
    config->att_list_size = true;
    config->pipelining = true;
    config->chunking = true;
    config->fallback_charset = "windows-1252";
    config->boot_delay = true;
    config->connect_delay = 10;
    config->urc_gap = 20;
    config->power_on_delay = 2000;
    config->power_off_delay = 1000;
    config->ehlo_name = "[127.0.0.1]";
    config->auth_in_clear = PM_SMTP_CLEAR_AUTH_ALLOW;
    config->auth_in_clear_servers = "";
    config->token_server = "";
}

bool pm_module_table(struct pm_at_table *table)
{
    const struct pm__commands *const groups[] = {
        &pm__general_commands,   &pm__profile_commands,  &pm__line_commands,
        &pm__urc_commands,       &pm__boot_commands,     &pm__power_commands,
        &pm__sim_commands,       &pm__sim_file_commands, &pm__registration_commands,
        &pm__network_commands,   &pm__clock_commands,    &pm__charset_commands,
        &pm__kept_commands,      &pm__qcfg_commands,     &pm__sms_commands,
        &pm__phonebook_commands, &pm__calls_commands,    &pm__equipment_commands,
        &pm__file_commands,      &pm__tcpip_commands,    &pm__cgdcont_commands,
        &pm__qicfg_commands,     &pm__dns_commands,      &pm__ping_commands,
        &pm__ntp_commands,       &pm__ssl_commands,      &pm__smtp_commands,
    };
    pm_at_table_init(table);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (!pm_at_table_add(table, groups[i]->rows, groups[i]->count)) {
            return false;
        }
    }
    return true;
}

bool pm_module_init(struct pm_module *module, const struct pm_module_config *config,
                    const struct pm_platform *platform, const struct pm_at_table *table,
                    uint8_t *arena, size_t arena_size, uint64_t now)
{
    if (table->count == 0) {
        return false;
    }
    /* The composer and the session are made when a mail starts. */
    memset(module, 0, offsetof(struct pm_module, job) + offsetof(struct pm_job, mime));
    module->config = config;
    module->platform = platform;
    module->table = table;
    module->now = now;
    module->clock_zone = INT16_MIN;
    pm__arena_init(&module->arena, arena, arena_size);
    pm__draft_reset(module);
    pm__contexts_reset(module);
    pm__profile_load(module);
    pm__nvm_load(module);
    pm__power_start(module);
    return true;
}

static void cancel(struct pm_module *module, struct pm_op *op)
{
    if (op->pending) {
        module->platform->cancel(module->platform->user, op);
        op->pending = false;
    }
}

void pm_module_end(struct pm_module *module)
{
    pm__job_drop(module);
    pm__queries_drop(module);
    pm__activation_drop(module);
    cancel(module, &module->op);
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        cancel(module, &port->op);
        pm__task_end(port);
        pm__wipe(&port->at, sizeof port->at);
    }
    pm__handles_close(module);
    pm__draft_drop_body(module);
    pm__wipe(module->arena.base, module->arena.used); /* what was removed is wiped */
    pm__wipe(module, sizeof *module);
}

void pm_module_done(struct pm_module *module, struct pm_op *op, int32_t result, uint64_t now)
{
    module->now = now;
    op->pending = false;
    op->result = result;
    pm__module_run(module);
}

void pm_module_received(struct pm_module *module, const uint8_t *data, size_t len, uint64_t now)
{
    module->now = now;
    pm__job_received(module, data, len);
    pm__module_run(module);
}

void pm_module_writable(struct pm_module *module, uint64_t now)
{
    module->now = now;
    pm__module_run(module);
}

void pm_module_closed(struct pm_module *module, uint64_t now)
{
    module->now = now;
    pm__job_closed(module);
    pm__module_run(module);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t pm_module_deadline(const struct pm_module *module)
{
    uint64_t deadline = earlier(pm__boot_deadline(module), pm__job_deadline(module));
    deadline = earlier(deadline, pm__reuse_deadline(module));
    deadline = earlier(deadline, pm__queries_deadline(module));
    deadline = earlier(deadline, pm__power_deadline(module));
    deadline = earlier(deadline, pm__registration_deadline(module));
    deadline = earlier(deadline, pm__activation_deadline(module));
    for (const struct pm_port *port = module->ports; port != NULL; port = port->next) {
        deadline = earlier(deadline, pm_at_deadline(&port->at));
        deadline = earlier(deadline, port->op.pending ? port->task.give_up : port->task.wake);
    }
    return deadline;
}

void pm_module_tick(struct pm_module *module, uint64_t now)
{
    module->now = now;
    for (struct pm_port *port = module->ports; port != NULL; port = port->next) {
        pm_at_tick(&port->at, now);
    }
    pm__module_run(module);
}

bool pm_module_mail_running(const struct pm_module *module)
{
    return module->job.state != PM_JOB_IDLE;
}

void pm_module_mail_abort(struct pm_module *module, uint64_t now)
{
    module->now = now;
    if (pm_module_mail_running(module)) {
        pm__job_fail(module, PM_MAIL_UNKNOWN, 0);
    }
    pm__module_run(module);
}

void pm_module_mail_leave(struct pm_module *module, uint64_t now)
{
    module->now = now;
    pm__reuse_leave(module, "the owner ends the kept connection");
    pm__module_run(module);
}

struct pm_module_counts pm_module_count(const struct pm_module *module)
{
    return (struct pm_module_counts){module->restarts,   module->mails_sent, module->mails_failed,
                                     module->last_error, module->last_reply, module->last_own};
}

void pm__log_begin(struct pm__log *log)
{
    pm__text_init(&log->text, log->line, sizeof log->line);
}

void pm__log_end(struct pm_module *module, enum pm_log_level level, struct pm__log *log)
{
    module->platform->log(module->platform->user, level, log->line, log->text.len);
}

void pm__log_text(struct pm_module *module, enum pm_log_level level, const char *text)
{
    module->platform->log(module->platform->user, level, text, strlen(text));
}
