/* SPDX-License-Identifier: MIT */
/* What a module and its SIM keep at once, without AT&W (CD46): small numbers in one record. */
#include <string.h>

#include "base/wipe.h"
#include "module/internal.h"

/* The record: this byte, then one byte per value in the order of enum pm_nvm. What a record written
 * by an older program lacks has its default. */
#define NVM_LAYOUT 1U

/* The largest value of each, and what it is until something is kept. */
static uint8_t largest(size_t i)
{
    switch (i) {
    case PM_NVM_URC_PORT: return PM__URC_ALL;
    case PM_NVM_SIM_LOCK: return 2;
    case PM_NVM_PIN_WRONG: return 3;
    case PM_NVM_PUK_WRONG: return 10;
    case PM_NVM_CTZU: return 3;
    case PM_NVM_INDICATIONS: return 0x7F;
    default: return i <= PM_NVM_PIN_LAST ? 10 : 255; /* a digit, or what its reader checks */
    }
}

static uint8_t preset(size_t i)
{
    return i == PM_NVM_CTZU ? 1 : i == PM_NVM_INDICATIONS ? PM__INDICATIONS_PRESET : 0;
}

void pm__nvm_load(struct pm_module *module)
{
    uint8_t bytes[1 + PM_NVM_COUNT + 1];
    for (size_t i = 0; i < PM_NVM_COUNT; i++) {
        module->nvm[i] = preset(i);
    }
    int32_t len =
        module->platform->profile_load(module->platform->user, PM_PROFILE_NVM, bytes, sizeof bytes);
    bool good = len > 0 && len <= 1 + PM_NVM_COUNT && bytes[0] == NVM_LAYOUT;
    for (int32_t i = 1; good && i < len; i++) {
        good = bytes[i] <= largest((size_t)i - 1);
    }
    for (int32_t i = 1; good && i < len; i++) {
        module->nvm[i - 1] = bytes[i];
    }
    pm__wipe(bytes, sizeof bytes); /* the PIN is in it */
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
