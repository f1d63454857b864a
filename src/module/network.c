/* SPDX-License-Identifier: MIT */
/* The cell as the host sees it: signal, network and operator names. */
#include <string.h>

#include "module/internal.h"

static void run_csq(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CSQ: ");
    pm__put_signal(port);
    pm__ok(port);
}

void pm__put_signal(struct pm_port *port)
{
    const struct pm_module *module = port->module;
    bool radio = module->cfun == 1;
    pm_at_put_number(&port->at, radio ? module->config->rssi : 99);
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, radio ? module->config->ber : 99);
}

static void put_dbm(struct pm_port *port, int32_t dbm)
{
    pm_at_put(&port->at, dbm < 0 ? ",-" : ",");
    pm_at_put_number(&port->at, (uint32_t)(dbm < 0 ? -dbm : dbm));
}

/* RSSI as AT+CSQ tells it, in dBm; the others lie as far below as in an idle cell of 20 MHz. */
#define RSSI_FLOOR  (-113)
#define RSRP_BELOW  31
#define SINR_FIFTHS 130
#define RSRQ        (-11)

static void run_qcsq(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module *module = port->module;
    int32_t rssi = RSSI_FLOOR + 2 * (module->config->rssi == 99 ? 0 : module->config->rssi);
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    if (!pm__registered(module)) {
        pm_at_put(&port->at, "+QCSQ: \"NOSERVICE\"");
        pm__ok(port);
        return;
    }
    pm_at_put(&port->at, "+QCSQ: \"LTE\"");
    put_dbm(port, rssi);
    put_dbm(port, rssi - RSRP_BELOW);
    put_dbm(port, SINR_FIFTHS);
    put_dbm(port, RSRQ);
    pm__ok(port);
}

static void run_qnwinfo(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module_config *config = port->module->config;
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    if (!pm__registered(port->module)) {
        pm_at_put(&port->at, "+QNWINFO: No Service");
        pm__ok(port);
        return;
    }
    pm_at_put(&port->at, "+QNWINFO: \"FDD LTE\",");
    pm_at_put_quoted(&port->at, pm__slice(config->operator_numeric));
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__slice(config->band));
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, config->channel);
    pm__ok(port);
}

/* Full name, short name, name of the service provider, alphabet, numeric code. */
static void run_qspn(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_module_config *config = port->module->config;
    bool registered = pm__registered(port->module);
    struct pm_slice name = pm__slice(registered ? config->operator_name : "");
    (void)form;
    (void)values;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QSPN: ");
    pm_at_put_quoted(&port->at, name);
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, name);
    pm_at_put(&port->at, ",\"\",0,");
    pm_at_put_quoted(&port->at, pm__slice(registered ? config->operator_numeric : ""));
    pm__ok(port);
}

#define PLAIN(n, t, h)                                                                        \
    {                                                                                         \
        .name = (n), .forms = PM_AT_EXEC | PM_AT_TEST, .bad = PM__CME_PARAMETER, .test = (t), \
        .handler = (h)                                                                        \
    }

static const struct pm_at_command rows[] = {
    PLAIN("+CSQ", "+CSQ: (0-31,99),(0-7,99)", run_csq),
    PLAIN("+QCSQ", "+QCSQ: \"NOSERVICE\",\"LTE\"", run_qcsq),
    PLAIN("+QNWINFO", "", run_qnwinfo),
    PLAIN("+QSPN", "", run_qspn),
};

const struct pm__commands pm__network_commands = {rows, sizeof rows / sizeof rows[0]};
