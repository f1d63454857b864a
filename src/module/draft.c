/* SPDX-License-Identifier: MIT */
/* The draft and the account: limits, defaults, clearing, presets. */
#include <string.h>

#include "module/mail.h"

/* Lengths in bytes and counts, by enum pm__limit (SD9, SD27). */
static const uint16_t limits_table[2][PM__LIMIT_COUNT] = {
    [PM_LIMITS_STRICT] = {0, 50, 50, 50, 50, 50, 50, 100, 20, 10},
    [PM_LIMITS_WIDE] = {0, 320, 2048, 128, 320, 255, 320, 998, 100, 1024},
};

const uint16_t *pm__limits(uint8_t limits)
{
    return limits_table[limits == PM_LIMITS_STRICT ? PM_LIMITS_STRICT : PM_LIMITS_WIDE];
}

void pm__draft_touch(struct pm_module *module)
{
    module->draft.id_valid = false;
}

void pm__draft_drop_body(struct pm_module *module)
{
    if (module->draft.has_body) {
        module->platform->file_close(module->platform->user, module->draft.body);
        module->draft.has_body = false;
    }
}

void pm__draft_clear(struct pm_module *module)
{
    pm__draft_drop_body(module);
    pm__arena_clear(&module->arena, PM__KEY_RECIPIENT);
    pm__arena_clear(&module->arena, PM__KEY_SUBJECT);
    pm__arena_clear(&module->arena, PM__KEY_ATTACHMENT);
    module->draft.recipients = 0;
    module->draft.attachments = 0;
    module->draft.subject_charset = PM_CHARSET_ASCII;
    pm__draft_touch(module);
}

void pm__draft_reset(struct pm_module *module)
{
    pm__draft_clear(module);
    for (uint8_t key = PM__KEY_USERNAME; key <= PM__KEY_SERVER; key++) {
        pm__arena_clear(&module->arena, (enum pm__key)key);
    }
    module->draft.port = 25; /* SD4 */
    module->draft.contextid = 1;
    module->draft.sslctxid = 1;
    module->draft.ssltype = 0;
    module->draft.secret_account = false;
    module->draft.bound_account = false;
}

bool pm__server_valid(struct pm_slice server)
{
    for (size_t i = 0; i < server.len; i++) {
        uint8_t c = server.ptr[i];
        if (c <= ' ' || c == 0x7F || c == '<' || c == '>') {
            return false;
        }
    }
    return true;
}

static bool fits(const char *text, enum pm__limit limit)
{
    struct pm_slice slice = pm__slice(text);
    return slice.len <= pm__limits(PM_LIMITS_WIDE)[limit] && !pm__slice_has_control(slice);
}

static bool preset_texts(struct pm_module *module, enum pm__key first, const char *text,
                         enum pm__limit limit, const char *text2, enum pm__limit limit2)
{
    if (text == NULL || text2 == NULL || !fits(text, limit) || !fits(text2, limit2)) {
        return false;
    }
    const struct pm__change changes[] = {
        {first, 0, pm__slice(text)},
        {(enum pm__key)(first + 1), 0, pm__slice(text2)},
    };
    return pm__arena_set_all(&module->arena, changes, 2);
}

static bool preset_number(uint32_t number, uint32_t max, uint8_t *value)
{
    if (number > max) {
        return false;
    }
    *value = (uint8_t)number;
    return true;
}

bool pm_module_preset(struct pm_module *module, const char *item, const char *text,
                      const char *text2, uint32_t number, bool secret)
{
    struct pm_draft *draft = &module->draft;
    struct pm_slice name = pm__slice(item);
    if (pm__slice_equal(name, pm__slice("account"))) {
        bool set = preset_texts(module, PM__KEY_USERNAME, text, PM__LIMIT_USERNAME, text2,
                                PM__LIMIT_PASSWORD);
        draft->secret_account = set ? secret : draft->secret_account;
        return set;
    }
    if (pm__slice_equal(name, pm__slice("sender"))) {
        return text2 != NULL && pm__address_accepted(module, pm__slice(text2)) &&
               preset_texts(module, PM__KEY_SENDER_NAME, text, PM__LIMIT_SENDER_NAME, text2,
                            PM__LIMIT_SENDER_EMAIL);
    }
    if (pm__slice_equal(name, pm__slice("smtpserver"))) {
        if (number == 0 || number > 65535 || text == NULL || !fits(text, PM__LIMIT_SERVER) ||
            !pm__server_valid(pm__slice(text)) ||
            !pm__arena_set(&module->arena, PM__KEY_SERVER, 0, pm__slice(text))) {
            return false;
        }
        draft->port = (uint16_t)number;
        draft->bound_account = *text != '\0';
        return true;
    }
    if (pm__slice_equal(name, pm__slice("contextid"))) {
        return number >= 1 && preset_number(number, PM_PDP_CONTEXTS, &draft->contextid);
    }
    if (pm__slice_equal(name, pm__slice("sslctxid"))) {
        return preset_number(number, PM_SSL_CONTEXTS - 1, &draft->sslctxid);
    }
    return pm__slice_equal(name, pm__slice("ssltype")) && preset_number(number, 2, &draft->ssltype);
}
