/* SPDX-License-Identifier: MIT */
/*
 * Addresses beyond ASCII (SD81). A domain has an ASCII form, in which it leaves, so that only a
 * local part needs SMTPUTF8. What the host has typed stays in the draft.
 */
#include <string.h>

#include "base/ascii.h"
#include "module/job.h"
#include "postmodem/address.h"

/* Bytes up to the last @, with it: a quoted local part may hold another one. */
static size_t local_size(struct pm_slice address)
{
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@') {
        at--;
    }
    return at;
}

struct pm_slice pm__address_ascii(const struct pm_module *module, struct pm_slice address,
                                  uint8_t out[PM_ADDRESS_MAX])
{
    static const struct pm_slice none;
    const struct pm_platform *platform = module->platform;
    const size_t local = local_size(address);
    const struct pm_slice domain = {address.ptr + local, address.len - local};
    if (pm__slice_is_ascii(domain) || platform->idna == NULL) {
        return address;
    }
    if (local >= PM_ADDRESS_MAX) {
        return none;
    }
    memcpy(out, address.ptr, local);
    int32_t len = platform->idna(platform->user, domain, out + local, PM_ADDRESS_MAX - local);
    return len > 0 ? (struct pm_slice){out, local + (size_t)len} : none;
}

bool pm__address_accepted(const struct pm_module *module, struct pm_slice address)
{
    uint8_t ascii[PM_ADDRESS_MAX];
    return pm_address_valid(address) && pm_address_valid(pm__address_ascii(module, address, ascii));
}

bool pm__address_international(const struct pm_module *module, struct pm_slice address)
{
    const bool mapped = module->platform->idna != NULL;
    const size_t part = mapped ? local_size(address) : address.len;
    return !pm__slice_is_ascii((struct pm_slice){address.ptr, part});
}

bool pm__recipient_nth(const struct pm_module *module, uint16_t index, struct pm__record *record)
{
    for (size_t at = 0; pm__arena_next(&module->arena, &at, record);) {
        const bool out = module->job.ascii_only && pm__address_international(module, record->text);
        if (record->key == PM__KEY_RECIPIENT && !out && index-- == 0) {
            return true;
        }
    }
    return false;
}

void pm__international_begin(struct pm_module *module, struct pm_slice sender)
{
    struct pm_job *job = &module->job;
    struct pm__record record;
    uint16_t recipients = 0;
    job->sender = pm__address_ascii(module, sender, job->sender_ascii);
    while (pm__recipient_nth(module, recipients, &record)) {
        recipients++;
        if (!pm__address_international(module, record.text)) {
            job->ascii_recipients++;
        }
    }
    if (pm__address_international(module, sender)) {
        job->ascii_recipients = 0;
        job->international = true;
    }
    job->international = job->international || job->ascii_recipients < recipients;
}

void pm__international_leave_out(struct pm_module *module)
{
    struct pm__record record;
    for (uint16_t i = 0; pm__recipient_nth(module, i, &record); i++) {
        struct pm__log log;
        if (pm__address_international(module, record.text)) {
            pm__log_begin(&log);
            pm__text_add(&log.text, "recipient left out, as the server has no SMTPUTF8: ");
            pm__text_slice(&log.text, record.text);
            pm__log_end(module, PM_LOG_WARNING, &log);
        }
    }
    module->job.ascii_only = true;
}
