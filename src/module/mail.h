/* SPDX-License-Identifier: MIT */
/* What the files of the SMTP manual share. */
#ifndef PM_MODULE_MAIL_H
#define PM_MODULE_MAIL_H

#include "module/internal.h"

/* Items of AT+QSMTPCFG. */
enum pm__cfg_item {
    PM__CFG_ACCOUNT,
    PM__CFG_SENDER,
    PM__CFG_SERVER,
    PM__CFG_CONTEXT,
    PM__CFG_SSLCTX,
    PM__CFG_SSLTYPE
};

/* A server name or address goes into look-ups, certificates and logs: no blanks, no control
 * characters, no angle brackets. */
bool pm__server_valid(struct pm_slice server);

/* True for an address that can be written to, and whose domain has an ASCII form, when the platform
 * can tell (SD81). */
bool pm__address_accepted(const struct pm_module *module, struct pm_slice address);

/* OK for 0, else +CME ERROR. */
void pm__mail_answer(struct pm_port *port, uint16_t error);

void pm__note_beyond_strict(struct pm_module *module, enum pm__limit limit, size_t amount);

void pm__run_qsmtpcfg(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qsmtpbody(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qsmtpatt(void *owner, enum pm_at_form form, const struct pm_at_values *values);

/* AT+QSMTPDST?: more lines than the output holds, so it waits for the host. */
void pm__list_recipients(struct pm_port *port);

/* An attachment as the arena keeps it. */
struct pm__attachment {
    uint8_t index; /* 1-10 */
    uint8_t storage;
    uint32_t size; /* when it was attached */
    struct pm_slice name;
};
/* The n-th attachment by file index, from 0. */
bool pm__attachment_nth(const struct pm_module *module, uint8_t n, struct pm__attachment *out);

#endif
