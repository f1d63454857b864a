/* SPDX-License-Identifier: MIT */
/* The stored profile: ATZ, AT&F, AT&W, AT&V (CD32, CD46). */
#include <string.h>

#include "module/internal.h"

/* What AT&W keeps, in this order; the first byte tells the layout apart. */
#define PROFILE_LAYOUT 1U
#define PROFILE_LEN    14U

static void encode(const struct pm_at_settings *set, const uint8_t reg[3], uint8_t out[PROFILE_LEN])
{
    const uint8_t bytes[PROFILE_LEN] = {
        PROFILE_LAYOUT, set->echo, set->quiet, set->verbose, set->connect, set->dcd, set->dtr,
        set->s0,        set->s7,   set->s10,   set->s12,     reg[0],       reg[1],   reg[2],
    };
    memcpy(out, bytes, sizeof bytes);
}

/* Returns false for anything AT&W would not have written: the factory values then serve. */
static bool decode(const uint8_t *in, int32_t len, struct pm_at_settings *set, uint8_t reg[3])
{
    if (len != (int32_t)PROFILE_LEN || in[0] != PROFILE_LAYOUT || in[1] > 1 || in[2] > 1 ||
        in[3] > 1 || in[4] > 4 || in[5] > 1 || in[6] > 2 || in[11] > 2 || in[12] > 2 ||
        in[13] > 2) {
        return false;
    }
    pm_at_settings_factory(set);
    set->echo = in[1];
    set->quiet = in[2];
    set->verbose = in[3];
    set->connect = in[4];
    set->dcd = in[5];
    set->dtr = in[6];
    set->s0 = in[7];
    set->s7 = in[8];
    set->s10 = in[9];
    set->s12 = in[10];
    memcpy(reg, in + 11, 3);
    return true;
}

void pm__profile_load(struct pm_module *module)
{
    uint8_t bytes[PROFILE_LEN + 1];
    int32_t len = module->platform->profile_load(module->platform->user, PM_PROFILE_SETTINGS, bytes,
                                                 sizeof bytes);
    module->profile_valid = len > 0 && decode(bytes, len, &module->profile, module->profile_reg);
    if (len > 0 && !module->profile_valid) {
        pm__log_text(module, PM_LOG_WARNING, "the stored profile is damaged: factory settings");
    }
}

/* What is not in the profile (S3-S5, CMEE) goes back to its default. */
void pm__profile_apply(struct pm_port *port)
{
    struct pm_module *module = port->module;
    if (module->profile_valid) {
        port->at.set = module->profile;
        memcpy(port->reg_n, module->profile_reg, sizeof port->reg_n);
    } else {
        pm_at_settings_factory(&port->at.set);
        memset(port->reg_n, 0, sizeof port->reg_n);
    }
}

static void run_z(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    pm__profile_apply(owner);
    pm__ok(owner);
}

static void run_factory(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    pm_at_settings_factory(&port->at.set);
    memset(port->reg_n, 0, sizeof port->reg_n);
    pm__settings_factory(port->module);
    pm__ok(port);
}

enum { SAVE_START, SAVE_LINE, SAVE_DONE };

static bool save_step(struct pm_port *port)
{
    struct pm_module *module = port->module;
    const struct pm_platform *platform = module->platform;
    if (port->task.state == SAVE_START) {
        encode(&port->at.set, port->reg_n, port->chunk);
        return pm__await(port,
                         platform->profile_save(platform->user, &port->op, PM_PROFILE_SETTINGS,
                                                port->chunk, PROFILE_LEN),
                         SAVE_LINE);
    }
    bool saved = port->op.result == PM_OK;
    if (saved && port->task.state == SAVE_LINE) {
        /* What is stored is what a later ATZ takes, not more. */
        module->profile_valid =
            decode(port->chunk, (int32_t)PROFILE_LEN, &module->profile, module->profile_reg);
        return pm__await(port, pm__line_save(port), SAVE_DONE);
    }
    pm__task_end(port);
    if (saved) {
        pm__ok(port);
    } else {
        pm__error(port);
    }
    return true;
}

static void run_save(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    pm__task_begin(owner, save_step);
}

static void run_view(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_at_settings *set = &port->at.set;
    (void)form;
    (void)values;
    const struct {
        const char *name;
        uint8_t value;
    } lines[] = {
        {"&C: ", set->dcd},  {"&D: ", set->dtr},  {"&F: ", 0},           {"&W: ", 0},
        {"E: ", set->echo},  {"Q: ", set->quiet}, {"V: ", set->verbose}, {"X: ", set->connect},
        {"Z: ", 0},          {"S0: ", set->s0},   {"S3: ", set->s3},     {"S4: ", set->s4},
        {"S5: ", set->s5},   {"S6: ", set->s6},   {"S7: ", set->s7},     {"S8: ", set->s8},
        {"S10: ", set->s10}, {"S12: ", set->s12},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, lines[i].name);
        pm_at_put_number(&port->at, lines[i].value);
    }
    pm__ok(port);
}

static const struct pm_at_param zero[] = {{.name = "value", .flags = PM_AT_OPTIONAL, .max = 0}};

#define BASIC(n, h)                                                                        \
    {                                                                                      \
        .name = (n), .forms = PM_AT_EXEC, .param_count = 1, .params = zero, .handler = (h) \
    }

static const struct pm_at_command rows[] = {
    BASIC("Z", run_z),
    BASIC("&F", run_factory),
    BASIC("&W", run_save),
    BASIC("&V", run_view),
};

const struct pm__commands pm__profile_commands = {rows, sizeof rows / sizeof rows[0]};
