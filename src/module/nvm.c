/* SPDX-License-Identifier: MIT */
/* What a module and its SIM keep at once, without AT&W (CD46): small numbers in one record. */
#include <string.h>

#include "module/internal.h"

/* The record: this byte, then one byte per value in the order of enum pm_nvm. What a record written
 * by an older program lacks has its default. */
#define NVM_LAYOUT 1U

/* The largest value of each, and what it is until something is kept. */
static const struct {
    uint8_t max, def;
} values[PM_NVM_COUNT] = {
    [PM_NVM_URC_PORT] = {PM__URC_ALL, 0}, [PM_NVM_SIM_LOCK] = {2, 0}, [PM_NVM_PIN_WRONG] = {3, 0},
    [PM_NVM_PUK_WRONG] = {10, 0},         [PM_NVM_PIN] = {10, 0},     [PM_NVM_PIN + 1] = {10, 0},
    [PM_NVM_PIN + 2] = {10, 0},           [PM_NVM_PIN + 3] = {10, 0}, [PM_NVM_PIN + 4] = {10, 0},
    [PM_NVM_PIN + 5] = {10, 0},           [PM_NVM_PIN + 6] = {10, 0}, [PM_NVM_PIN + 7] = {10, 0},
};

void pm__nvm_load(struct pm_module *module)
{
    uint8_t bytes[1 + PM_NVM_COUNT + 1];
    for (size_t i = 0; i < PM_NVM_COUNT; i++) {
        module->nvm[i] = values[i].def;
    }
    int32_t len =
        module->platform->profile_load(module->platform->user, PM_PROFILE_NVM, bytes, sizeof bytes);
    bool good = len > 0 && len <= 1 + PM_NVM_COUNT && bytes[0] == NVM_LAYOUT;
    for (int32_t i = 1; good && i < len; i++) {
        good = bytes[i] <= values[i - 1].max;
    }
    for (int32_t i = 1; good && i < len; i++) {
        module->nvm[i - 1] = bytes[i];
    }
    if (len > 0 && !good) {
        pm__log_text(module, PM_LOG_WARNING, "the stored settings are damaged: defaults serve");
    }
}

enum { SAVE_START, SAVE_DONE };

static bool save_step(struct pm_port *port)
{
    struct pm_module *module = port->module;
    const struct pm_platform *platform = module->platform;
    if (port->task.state == SAVE_START) {
        port->chunk[0] = NVM_LAYOUT;
        memcpy(port->chunk + 1, module->nvm, PM_NVM_COUNT);
        return pm__await(port,
                         platform->profile_save(platform->user, &port->op, PM_PROFILE_NVM,
                                                port->chunk, 1 + PM_NVM_COUNT),
                         SAVE_DONE);
    }
    if (port->op.result != PM_OK) { /* It serves until a restart; that is worth knowing. */
        pm__log_text(module, PM_LOG_ERROR, "a setting could not be stored");
    }
    uint16_t error = port->task.error;
    pm__task_end(port);
    if (error == 0) {
        pm__ok(port);
    } else {
        pm__cme(port, error);
    }
    return true;
}

void pm__nvm_save(struct pm_port *port, uint16_t cme)
{
    pm__task_begin(port, save_step);
    port->task.error = cme;
}
