/* SPDX-License-Identifier: MIT */
/* AT+QSMTPCFG: account, sender, server, contexts. */
#include <string.h>

#include "module/mail.h"

static void put_text(struct pm_port *port, enum pm__key key)
{
    pm_at_put(&port->at, ",");
    pm_at_put_quoted(&port->at, pm__arena_get(&port->module->arena, key, 0));
}

/* A preset secret is never shown; one the host typed is, as on a module (SD7, SD8). */
static void put_password(struct pm_port *port)
{
    const struct pm_module *module = port->module;
    bool set = pm__arena_get(&module->arena, PM__KEY_PASSWORD, 0).len != 0;
    if (set && (module->config->mask_password || module->draft.secret_account)) {
        pm_at_put(&port->at, ",\"********\"");
    } else {
        put_text(port, PM__KEY_PASSWORD);
    }
}

static void put_number(struct pm_port *port, uint32_t number)
{
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, number);
}

static void query(struct pm_port *port, const struct pm_at_item *item)
{
    const struct pm_draft *draft = &port->module->draft;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QSMTPCFG: ");
    pm_at_put_quoted(&port->at, pm__slice(item->keyword));
    switch ((enum pm__cfg_item)item->id) {
    case PM__CFG_ACCOUNT:
        put_text(port, PM__KEY_USERNAME);
        put_password(port);
        break;
    case PM__CFG_SENDER:
        put_text(port, PM__KEY_SENDER_NAME);
        put_text(port, PM__KEY_SENDER_EMAIL);
        break;
    case PM__CFG_SERVER:
        put_text(port, PM__KEY_SERVER);
        put_number(port, draft->port);
        break;
    case PM__CFG_CONTEXT: put_number(port, draft->contextid); break;
    case PM__CFG_SSLCTX: put_number(port, draft->sslctxid); break;
    case PM__CFG_SSLTYPE:
    default: put_number(port, draft->ssltype); break;
    }
    pm__ok(port);
}

static uint16_t set_pair(struct pm_module *module, enum pm__key key, enum pm__limit limit,
                         const struct pm_at_value *v)
{
    const struct pm__change changes[] = {
        {key, 0, v[0].text},
        {(enum pm__key)(key + 1), 0, v[1].text},
    };
    if (!pm__arena_set_all(&module->arena, changes, 2)) {
        return PM_MAIL_NO_MEMORY;
    }
    pm__note_beyond_strict(module, limit, v[0].text.len);
    pm__note_beyond_strict(module, (enum pm__limit)(limit + 1), v[1].text.len);
    return 0;
}

/* A preset secret belongs to the server it was preset with: a host that names another one must
 * bring an account of its own. */
static void unbind_account(struct pm_module *module)
{
    struct pm_draft *draft = &module->draft;
    if (!draft->secret_account || !draft->bound_account) {
        return;
    }
    pm__arena_clear(&module->arena, PM__KEY_USERNAME);
    pm__arena_clear(&module->arena, PM__KEY_PASSWORD);
    draft->secret_account = false;
    pm__log_text(module, PM_LOG_WARNING,
                 "another server than the configured one: the configured account is not used");
}

static uint16_t set_server(struct pm_module *module, const struct pm_at_value *v)
{
    if (v[0].text.len == 0 || !pm__server_valid(v[0].text)) {
        return PM_MAIL_PARAMETER;
    }
    const struct pm_slice old = pm__arena_get(&module->arena, PM__KEY_SERVER, 0);
    const bool other = !pm__slice_equal_nocase(v[0].text, old);
    if (!pm__arena_set(&module->arena, PM__KEY_SERVER, 0, v[0].text)) {
        return PM_MAIL_NO_MEMORY;
    }
    if (other) {
        unbind_account(module);
    }
    module->draft.port = (uint16_t)v[1].number;
    pm__note_beyond_strict(module, PM__LIMIT_SERVER, v[0].text.len);
    return 0;
}

static uint16_t set(struct pm_module *module, const struct pm_at_values *values)
{
    struct pm_draft *draft = &module->draft;
    const struct pm_at_value *v = values->v;
    uint16_t error = 0;
    switch ((enum pm__cfg_item)values->item->id) {
    case PM__CFG_ACCOUNT:
        error = set_pair(module, PM__KEY_USERNAME, PM__LIMIT_USERNAME, v);
        draft->secret_account = error == 0 ? false : draft->secret_account;
        return error;
    case PM__CFG_SENDER:
        if (!pm__address_accepted(module, v[1].text)) {
            return PM_MAIL_PARAMETER;
        }
        pm__draft_touch(module);
        return set_pair(module, PM__KEY_SENDER_NAME, PM__LIMIT_SENDER_NAME, v);
    case PM__CFG_SERVER: return set_server(module, v);
    case PM__CFG_CONTEXT: draft->contextid = (uint8_t)v[0].number; return 0;
    case PM__CFG_SSLCTX: draft->sslctxid = (uint8_t)v[0].number; return 0;
    case PM__CFG_SSLTYPE:
    default: draft->ssltype = (uint8_t)v[0].number; return 0;
    }
}

void pm__run_qsmtpcfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    if (values->count == 0) {
        query(port, values->item);
    } else {
        pm__mail_answer(port, set(port->module, values));
    }
}
