/* SPDX-License-Identifier: MIT */
/*
 * AT+QICFG: settings of a module's sockets, in the list of an EG25-G. There are no sockets here:
 * the values are checked and kept, so that a driver that sets them up goes on.
 */
#include "module/internal.h"

#define BIT(n)                \
    {                         \
        .name = (n), .max = 1 \
    }
#define NUMBER(n, least, most)                     \
    {                                              \
        .name = (n), .min = (least), .max = (most) \
    }
#define MORE(n, least, most)                                                \
    {                                                                       \
        .name = (n), .flags = PM_AT_OPTIONAL, .min = (least), .max = (most) \
    }

static const struct pm_at_param transpktsize[] = {NUMBER("size", 1, 1460)};
static const struct pm_at_param transwaittm[] = {NUMBER("time", 0, 20)};
static const struct pm_at_param dataformat[] = {BIT("send"), BIT("recv")};
static const struct pm_at_param one_bit[] = {BIT("value")};
static const struct pm_at_param retranscfg[] = {NUMBER("count", 3, 20), NUMBER("time", 5, 1000)};
static const struct pm_at_param timeout[] = {NUMBER("time", 0, 3600)};
static const struct pm_at_param keepalive[] = {BIT("enable"), MORE("idle", 1, 120),
                                               MORE("interval", 25, 100), MORE("probes", 3, 10)};
static const struct pm_at_param buffersize[] = {NUMBER("size", 10240, 524288)};
static const struct pm_at_param scale[] = {{.name = "value", .max = 1, .range = "(0-1)"}};

/* `id` is the place of the item's first number in pm_module.qicfg. */
static const struct pm_at_item items[] = {
    {.keyword = "transpktsize", .params = transpktsize, .param_count = 1, .id = 0},
    {.keyword = "transwaittm", .params = transwaittm, .param_count = 1, .id = 1},
    {.keyword = "dataformat", .params = dataformat, .param_count = 2, .id = 2},
    {.keyword = "viewmode", .params = one_bit, .param_count = 1, .id = 4},
    {.keyword = "tcp/retranscfg", .params = retranscfg, .param_count = 2, .id = 5},
    {.keyword = "dns/cache", .params = one_bit, .param_count = 1, .id = 7},
    {.keyword = "qisend/timeout", .params = timeout, .param_count = 1, .id = 8},
    {.keyword = "passiveclosed", .params = one_bit, .param_count = 1, .id = 9},
    {.keyword = "udp/readmode", .params = one_bit, .param_count = 1, .id = 10},
    {.keyword = "udp/sendmode", .params = one_bit, .param_count = 1, .id = 11},
    {.keyword = "tcp/accept", .params = one_bit, .param_count = 1, .id = 12},
    {.keyword = "recvind", .params = one_bit, .param_count = 1, .id = 13},
    {.keyword = "tcp/keepalive", .params = keepalive, .param_count = 4, .id = 14},
    {.keyword = "recv/buffersize", .params = buffersize, .param_count = 1, .id = 18},
    {.keyword = "window/scale", .params = scale, .param_count = 1, .id = 19},
};

void pm__qicfg_reset(struct pm_module *module)
{
    static const uint32_t defaults[PM_QICFG_VALUES] = {1024, 2, 0, 0, 0, 12,  600, 1, 0,      0,
                                                       0,    0, 1, 0, 0, 120, 75,  9, 102400, 1};
    for (size_t i = 0; i < PM_QICFG_VALUES; i++) {
        module->qicfg[i] = defaults[i];
    }
}

static void run_qicfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_at_item *item = values->item;
    uint32_t *kept = &port->module->qicfg[item->id];
    (void)form;
    for (uint8_t i = 0; i < values->count; i++) {
        if (values->v[i].given) {
            kept[i] = (uint32_t)values->v[i].number;
        }
    }
    if (values->count == 0) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QICFG: ");
        pm_at_put_quoted(&port->at, pm__slice(item->keyword));
        for (uint8_t i = 0; i < item->param_count; i++) {
            pm_at_put(&port->at, ",");
            pm_at_put_number(&port->at, kept[i]);
        }
    }
    pm__net_result(port, PM__NET_OK);
}

static const struct pm_at_command rows[] = {
    {.name = "+QICFG",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .item_count = sizeof items / sizeof items[0],
     .group = PM__GROUP_NET,
     .items = items,
     .handler = run_qicfg},
};

const struct pm__commands pm__qicfg_commands = {rows, sizeof rows / sizeof rows[0]};
