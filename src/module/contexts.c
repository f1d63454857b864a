/* SPDX-License-Identifier: MIT */
/* What a PDP context keeps: texts in the arena, and a copy in the state store (CD46). */
#include <string.h>

#include "base/wipe.h"
#include "module/internal.h"

/* Keys of profile_save from here on are contexts. */
#define PROFILE_CONTEXT 32U
/* Layout, type, authentication, options of +CGDCONT, then three texts with a length byte each. The
 * first layout had no options. */
#define CONTEXT_LAYOUT 2U
#define LAYOUT_BEFORE  1U
#define CONTEXT_BYTES  (4U + 3U * 128U)

_Static_assert(PM_PORT_CHUNK >= CONTEXT_BYTES, "a context is encoded in a port's chunk");
_Static_assert(PM_PDP_CONTEXTS <= 16 && PM_PDP_CONTEXTS <= PM_CGD_CONTEXTS,
               "active_at_start has 16 bits");

bool pm__context_set(struct pm_module *module, uint8_t context, const struct pm_pdp *pdp,
                     struct pm_slice apn, struct pm_slice user, struct pm_slice password)
{
    const struct pm__change changes[] = {
        {PM__KEY_APN, context, apn},
        {PM__KEY_PDP_USER, context, user},
        {PM__KEY_PDP_PASSWORD, context, password},
    };
    if (!pm__arena_set_all(&module->arena, changes, sizeof changes / sizeof changes[0])) {
        return false;
    }
    module->pdp[context - 1].type = pdp->type;
    module->pdp[context - 1].authentication = pdp->authentication;
    module->pdp[context - 1].options = pdp->options;
    return true;
}

static size_t put(uint8_t *out, size_t at, struct pm_slice text)
{
    size_t len = text.len <= 127 ? text.len : 0; /* the parameters are never longer */
    out[at] = (uint8_t)len;
    if (len != 0) {
        memcpy(out + at + 1, text.ptr, len);
    }
    return at + 1 + len;
}

static size_t encode(const struct pm_module *module, uint8_t context, uint8_t *out)
{
    const struct pm_pdp *pdp = &module->pdp[context - 1];
    out[0] = CONTEXT_LAYOUT;
    out[1] = pdp->type;
    out[2] = pdp->authentication;
    out[3] = pdp->options;
    size_t at = put(out, 4, pm__arena_get(&module->arena, PM__KEY_APN, context));
    at = put(out, at, pm__arena_get(&module->arena, PM__KEY_PDP_USER, context));
    return put(out, at, pm__arena_get(&module->arena, PM__KEY_PDP_PASSWORD, context));
}

/* Reads one text at *at; false when the bytes end before it does, or when no host can have set it:
 * it would break the answer that shows it. */
static bool take(const uint8_t *in, size_t len, size_t *at, struct pm_slice *text)
{
    if (*at >= len || in[*at] > 127 || in[*at] > len - *at - 1) {
        return false;
    }
    *text = (struct pm_slice){in + *at + 1, in[*at]};
    *at += 1 + text->len;
    return !pm__slice_has_control(*text);
}

static bool decode(struct pm_module *module, uint8_t context, const uint8_t *in, size_t len)
{
    struct pm_slice text[3];
    bool before = len > 0 && in[0] == LAYOUT_BEFORE;
    size_t at = before ? 3 : 4;
    if (len < at + 3 || (!before && in[0] != CONTEXT_LAYOUT) || in[1] > 3 || in[2] > 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (!take(in, len, &at, &text[i])) {
            return false;
        }
    }
    const struct pm_pdp pdp = {
        .type = in[1], .authentication = in[2], .options = before ? 0 : in[3] & 0x7FU};
    return at == len && pm__context_set(module, context, &pdp, text[0], text[1], text[2]);
}

void pm__contexts_reset(struct pm_module *module)
{
    const struct pm_platform *platform = module->platform;
    uint8_t bytes[CONTEXT_BYTES];
    pm__ssl_reset(module);
    pm__qicfg_reset(module);
    pm__arena_clear(&module->arena, PM__KEY_DNS);
    pm__arena_clear(&module->arena, PM__KEY_NTP);
    module->net_error = 0;
    for (uint8_t context = 1; context <= PM_CGD_CONTEXTS; context++) {
        struct pm_pdp *pdp = &module->pdp[context - 1];
        pdp->active = pdp->lost = false;
        pdp->bearer = PM_BEARER_DEFAULT;
        int32_t len = platform->profile_load(platform->user, (uint8_t)(PROFILE_CONTEXT + context),
                                             bytes, sizeof bytes);
        bool stored = len > 0 && decode(module, context, bytes, (size_t)len);
        if (len > 0 && !stored) {
            pm__log_text(module, PM_LOG_WARNING, "a stored context is damaged: not used");
        }
        if (!stored && context == 1 && pdp->type == 0) {
            pdp->type = 1; /* A module always has its default context. */
        }
    }
    pm__wipe(bytes, sizeof bytes);
}

enum { SAVE_START, SAVE_DONE };

static bool save_step(struct pm_port *port)
{
    struct pm_module *module = port->module;
    const struct pm_platform *platform = module->platform;
    uint8_t context = port->task.argument[0];
    if (port->task.state == SAVE_START) {
        size_t len = encode(module, context, port->chunk);
        return pm__await(port,
                         platform->profile_save(platform->user, &port->op,
                                                (uint8_t)(PROFILE_CONTEXT + context), port->chunk,
                                                len),
                         SAVE_DONE);
    }
    if (port->op.result != PM_OK) { /* It serves until a restart; that is worth knowing. */
        pm__log_text(module, PM_LOG_ERROR, "a context could not be stored");
    }
    pm__task_end(port);
    pm__ok(port);
    return true;
}

void pm__context_save(struct pm_port *port, uint8_t context)
{
    pm__task_begin(port, save_step);
    port->task.argument[0] = context;
}

/* As long as AT+QICSGP allows, and nothing in it that would break a line of a reply. */
static bool fits(const char *text, size_t max)
{
    return strlen(text) <= max && !pm__slice_has_control(pm__slice(text));
}

bool pm_module_preset_context(struct pm_module *module, uint8_t context, uint8_t type,
                              const char *apn, const char *user, const char *password,
                              uint8_t authentication)
{
    if (context < 1 || context > PM_PDP_CONTEXTS || type < 1 || type > 3 || authentication > 3 ||
        !fits(apn, 100) || !fits(user, 127) || !fits(password, 127)) {
        return false;
    }
    const struct pm_pdp pdp = {.type = type, .authentication = authentication};
    return pm__context_set(module, context, &pdp, pm__slice(apn), pm__slice(user),
                           pm__slice(password));
}
