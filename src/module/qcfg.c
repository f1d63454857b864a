/* SPDX-License-Identifier: MIT */
/* Settings of the module that are kept at once: AT+QCFG, AT+QINDCFG, AT+CTZU. Apart from the URCs
 * of QINDCFG they have nothing to act on here. */
#include <string.h>

#include "module/internal.h"

/* ---- Lists of values ------------------------------------------------------------------ */

/* Reads one number of a list; *at is behind it then. */
static uint32_t list_number(const char *list, size_t *at)
{
    uint32_t number = 0;
    while (pm__ascii_is_digit((uint8_t)list[*at])) {
        number = number * 10 + (uint32_t)(list[*at] - '0');
        (*at)++;
    }
    return number;
}

/* True when a list as test answers print it, "(0,1,3)" or "(6,8,10-24)", has the number. */
static bool in_list(const char *list, int32_t number)
{
    size_t at = 0;
    while (list[at] == '(' || list[at] == ',') {
        at++;
        uint32_t low = list_number(list, &at);
        uint32_t high = low;
        if (list[at] == '-') {
            at++;
            high = list_number(list, &at);
        }
        if ((uint32_t)number >= low && (uint32_t)number <= high) {
            return true;
        }
    }
    return false;
}

/* ---- QCFG ---------------------------------------------------------------------------- */

#define LIST(list, most, preset, f)                                                    \
    {                                                                                  \
        .name = "value", .flags = (f), .max = (most), .def = (preset), .range = (list) \
    }
/* At once or at the next start: no difference here. */
#define EFFECT LIST("(0,1)", 1, 0, PM_AT_OPTIONAL)

static const struct pm_at_param gprsattach[] = {LIST("(0,1)", 1, 1, 0)};
static const struct pm_at_param nwscanmode[] = {LIST("(0-8)", 8, 0, 0), EFFECT};
static const struct pm_at_param servicedomain[] = {LIST("(0,1,2)", 2, 2, 0), EFFECT};
static const struct pm_at_param roamservice[] = {LIST("(1,2,255)", 255, 255, 0), EFFECT};
static const struct pm_at_param rrc[] = {LIST("(0-4)", 4, 3, 0)};
static const struct pm_at_param msc[] = {LIST("(0-2)", 2, 2, 0)};
static const struct pm_at_param sgsn[] = {LIST("(0-2)", 2, 2, 0)};
static const struct pm_at_param hsdpacat[] = {LIST("(6,8,10-24)", 24, 24, 0)};
static const struct pm_at_param hsupacat[] = {LIST("(5,6)", 6, 6, 0)};
static const struct pm_at_param usbnet[] = {LIST("(0-3)", 3, 1, 0)};
static const struct pm_at_param ledmode[] = {LIST("(0-2)", 2, 0, 0)};
static const struct pm_at_param urcport[] = {LIST("(0-4)", 4, 0, 0)};
static const struct pm_at_param ims[] = {LIST("(0-2)", 2, 0, 0)};
static const struct pm_at_param flag[] = {LIST("(0,1)", 1, 0, 0)};
static const struct pm_at_param risignaltype[] = {
    {.name = "type", .type = PM_AT_STRING, .max = 10, .range = "(\"respective\",\"physical\")"}};
static const struct pm_at_param band[] = {
    {.name = "bandval", .type = PM_AT_TOKEN, .min = 1, .max = 6},
    {.name = "ltebandval", .type = PM_AT_TOKEN, .min = 1, .max = 18},
    {.name = "tdsbandval", .type = PM_AT_TOKEN, .min = 1, .max = 18},
    EFFECT,
};

#define ITEM(k, p, i)                                                                       \
    {                                                                                       \
        .keyword = (k), .params = (p), .param_count = sizeof(p) / sizeof((p)[0]), .id = (i) \
    }

/* The order in which they were captured; `id` is the place of the value in what is kept. */
enum { ID_RISIGNALTYPE = 19, ID_BAND = 20 };
static const struct pm_at_item qcfg_items[] = {
    ITEM("gprsattach", gprsattach, 0),
    ITEM("nwscanmode", nwscanmode, 1),
    ITEM("servicedomain", servicedomain, 2),
    ITEM("roamservice", roamservice, 3),
    {.keyword = "band",
     .params = band,
     .param_count = 4,
     .id = ID_BAND,
     .test = "(0-200),(0-7FFFFFFFFFFFFFFF),(0-7FFFFFFFFFFFFFFF),(0,1)"},
    ITEM("rrc", rrc, 4),
    ITEM("msc", msc, 5),
    ITEM("sgsn", sgsn, 6),
    ITEM("hsdpacat", hsdpacat, 7),
    ITEM("hsupacat", hsupacat, 8),
    ITEM("pdp/duplicatechk", flag, 9),
    ITEM("tdscsq", flag, 10),
    ITEM("airplanecontrol", flag, 11),
    ITEM("ledmode", ledmode, 12),
    ITEM("usbnet", usbnet, 13),
    ITEM("risignaltype", risignaltype, ID_RISIGNALTYPE),
    ITEM("urc/delay", flag, 14),
    ITEM("cmux/urcport", urcport, 15),
    ITEM("ims", ims, 16),
    ITEM("tone/incoming", flag, 17),
    ITEM("urc/cache", flag, 18),
};

_Static_assert(PM_QCFG_VALUES == ID_RISIGNALTYPE + 1, "one byte for each but the bands");

static const char *const signal_types[] = {"respective", "physical"};

/* Kept is the value plus one, so that 0 is the default; 255 plus one is 0 in a byte, and 255 is the
 * default where it may be. */
static uint8_t qcfg_value(const struct pm_module *module, const struct pm_at_item *item)
{
    const struct pm_at_param *param = &item->params[0];
    uint8_t kept = module->nvm[PM_NVM_QCFG + item->id];
    uint8_t value = (uint8_t)(kept - 1);
    return kept != 0 && in_list(param->range, value) ? value : (uint8_t)param->def;
}

/* The bands: 16, 64 and 64 bits, big endian. What is 0 is not restricted: all that the module has,
 * which for an EC25-E is this. */
static const struct {
    uint8_t at, len;
    uint64_t all;
} bands[3] = {{0, 2, 0x93}, {2, 8, 0x1E200000095}, {10, 8, 0x21}};

_Static_assert(PM_BAND_BYTES == 18, "three bands");

static uint64_t band_value(const struct pm_module *module, size_t i)
{
    uint64_t value = 0;
    for (size_t k = 0; k < bands[i].len; k++) {
        value = value << 8 | module->nvm[PM_NVM_BAND + bands[i].at + k];
    }
    return value;
}

static void keep_band(struct pm_module *module, size_t i, uint64_t value)
{
    for (size_t k = bands[i].len; k-- > 0;) {
        module->nvm[PM_NVM_BAND + bands[i].at + k] = (uint8_t)value;
        value >>= 8;
    }
}

/* "0x93" or "93": at most as many digits as fit. */
static bool parse_hex(struct pm_slice text, size_t bytes, uint64_t *value)
{
    if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] | 0x20) == 'x') {
        text.ptr += 2;
        text.len -= 2;
    }
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = pm__ascii_hex(text.ptr[i]);
        if (digit < 0) {
            return false;
        }
        *value = *value << 4 | (uint64_t)digit;
    }
    return text.len >= 1 && text.len <= 2 * bytes;
}

static bool set_bands(struct pm_module *module, const struct pm_at_values *values)
{
    uint64_t value[3];
    for (size_t i = 0; i < 3; i++) {
        if (!parse_hex(values->v[i].text, bands[i].len, &value[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        keep_band(module, i, value[i]);
    }
    return true;
}

static void put_bands(struct pm_port *port)
{
    for (size_t i = 0; i < 3; i++) {
        uint64_t value = band_value(port->module, i);
        uint32_t high = (uint32_t)((value != 0 ? value : bands[i].all) >> 32);
        uint32_t low = (uint32_t)(value != 0 ? value : bands[i].all);
        pm_at_put(&port->at, i == 0 ? "0x" : ",0x");
        if (high != 0) {
            pm_at_put_hex(&port->at, high);
            for (uint32_t limit = 1U << 28; limit > low && limit > 1; limit >>= 4) {
                pm_at_put(&port->at, "0");
            }
        }
        pm_at_put_hex(&port->at, low);
    }
}

static bool set_qcfg(struct pm_module *module, const struct pm_at_values *values)
{
    uint8_t *kept = &module->nvm[PM_NVM_QCFG + values->item->id];
    if (values->item->id == ID_BAND) {
        return set_bands(module, values);
    }
    if (values->item->id == ID_RISIGNALTYPE) {
        for (uint8_t i = 0; i < 2; i++) {
            if (pm__slice_equal_nocase(values->v[0].text, pm__slice(signal_types[i]))) {
                *kept = i;
                return true;
            }
        }
        return false;
    }
    if (!in_list(values->item->params[0].range, values->v[0].number)) {
        return false;
    }
    *kept = (uint8_t)(values->v[0].number + 1);
    return true;
}

static void put_qcfg(struct pm_port *port, const struct pm_at_item *item)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QCFG: \"");
    pm_at_put(&port->at, item->keyword);
    pm_at_put(&port->at, "\",");
    if (item->id == ID_BAND) {
        put_bands(port);
    } else if (item->id == ID_RISIGNALTYPE) {
        uint8_t kept = port->module->nvm[PM_NVM_QCFG + ID_RISIGNALTYPE];
        pm_at_put_quoted(&port->at, pm__slice(signal_types[kept == 1 ? 1 : 0]));
    } else {
        pm_at_put_number(&port->at, qcfg_value(port->module, item));
    }
}

static void run_qcfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    if (values->count == 0) {
        put_qcfg(port, values->item);
        pm__ok(port);
    } else if (set_qcfg(port->module, values)) {
        pm__nvm_save(port, 0);
    } else {
        pm_at_bad_parameter(&port->at);
    }
}

/* ---- QINDCFG ------------------------------------------------------------------------- */

enum { IND_ALL, IND_CSQ, IND_SMSFULL, IND_RING, IND_SMSINCOMING, IND_ACT, IND_CCINFO, IND_COUNT };

static const struct pm_at_param ind_params[] = {
    LIST("(0,1)", 1, 0, 0),
    LIST("(0,1)", 1, 0, PM_AT_OPTIONAL),
};
static const struct pm_at_item ind_items[] = {
    ITEM("all", ind_params, IND_ALL),
    ITEM("csq", ind_params, IND_CSQ),
    ITEM("smsfull", ind_params, IND_SMSFULL),
    ITEM("ring", ind_params, IND_RING),
    ITEM("smsincoming", ind_params, IND_SMSINCOMING),
    ITEM("act", ind_params, IND_ACT),
    ITEM("ccinfo", ind_params, IND_CCINFO),
};

void pm__indications_load(struct pm_module *module)
{
    module->indications = module->nvm[PM_NVM_INDICATIONS];
}

/* A value holds until the restart unless it is to be kept. */
static void run_qindcfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    uint8_t bit = (uint8_t)(1U << values->item->id);
    (void)form;
    if (values->count == 0) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QINDCFG: \"");
        pm_at_put(&port->at, values->item->keyword);
        pm_at_put(&port->at, (module->indications & bit) != 0 ? "\",1" : "\",0");
        pm__ok(port);
        return;
    }
    bool on = values->v[0].number == 1;
    module->indications = (uint8_t)(on ? module->indications | bit : module->indications & ~bit);
    if (values->v[1].number == 0) {
        pm__ok(port);
        return;
    }
    uint8_t *kept = &module->nvm[PM_NVM_INDICATIONS];
    *kept = (uint8_t)(on ? *kept | bit : *kept & ~bit);
    pm__nvm_save(port, 0);
}

static bool indicates(const struct pm_module *module, uint8_t item)
{
    return (module->indications >> IND_ALL & 1U) != 0 && (module->indications >> item & 1U) != 0;
}

void pm__indicate_network(struct pm_module *module, bool registered)
{
    static const char act[] = "+QIND: \"act\",\"LTE\"";
    static const char none[] = "+QIND: \"act\",\"NOSERVICE\"";
    char line[32];
    struct pm__text text;
    if (indicates(module, IND_CSQ)) {
        pm__text_init(&text, line, sizeof line);
        pm__text_add(&text, "+QIND: \"csq\",");
        pm__text_number(&text, module->cfun == 1 ? module->config->rssi : 99);
        pm__text_add(&text, ",");
        pm__text_number(&text, module->cfun == 1 ? module->config->ber : 99);
        pm__urc(module, line, text.len, 0);
    }
    if (indicates(module, IND_ACT)) {
        pm__urc(module, registered ? act : none, registered ? sizeof act - 1 : sizeof none - 1, 0);
    }
}

/* ---- CTZU ---------------------------------------------------------------------------- */

static const struct pm_at_param ctzu_params[] = {LIST("(0,1,3)", 3, 1, 0)};

static void run_ctzu(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t *kept = &port->module->nvm[PM_NVM_CTZU];
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CTZU: ");
        pm_at_put_number(&port->at, *kept);
        pm__ok(port);
    } else if (in_list(ctzu_params[0].range, values->v[0].number)) {
        *kept = (uint8_t)values->v[0].number;
        pm__nvm_save(port, 0);
    } else {
        pm_at_bad_parameter(&port->at);
    }
}

static const struct pm_at_command rows[] = {
    {.name = "+QCFG",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .item_count = sizeof qcfg_items / sizeof qcfg_items[0],
     .items = qcfg_items,
     .handler = run_qcfg},
    {.name = "+QINDCFG",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .item_count = IND_COUNT,
     .items = ind_items,
     .handler = run_qindcfg},
    {.name = "+CTZU",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = ctzu_params,
     .handler = run_ctzu},
};

const struct pm__commands pm__qcfg_commands = {rows, sizeof rows / sizeof rows[0]};
