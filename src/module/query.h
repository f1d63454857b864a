/* SPDX-License-Identifier: MIT */
/* What AT+QIDNSGIP, AT+QPING and AT+QNTP share: they answer OK, and tell the rest in URCs. */
#ifndef PM_MODULE_QUERY_H
#define PM_MODULE_QUERY_H

#include "module/internal.h"

/* States of pm_query.state that all three have; their own begin at PM__QUERY_OWN. */
enum { PM__QUERY_IDLE, PM__QUERY_FAILED, PM__QUERY_OWN };

/* Longest line of theirs: two addresses' worth. */
#define PM__QUERY_LINE 96U

/* Starts a query for a context; one that is not active ends it with 561 at once (as a sibling
 * module was seen to do, after its OK). False then. */
bool pm__query_begin(struct pm_module *module, struct pm_query *query, uint8_t context);

/* Notes what an operation on query->op answered, and until when it may go on. */
void pm__query_await(struct pm_query *query, int32_t result, uint8_t state, uint64_t until);

/* Goes on in `state`, at once. */
void pm__query_go(struct pm_query *query, uint8_t state);

/* Ends the query with an error of +QIGETERROR's numbers, which its host reads in a URC. */
void pm__query_fail(struct pm_module *module, struct pm_query *query, uint16_t error);

/* Ends it without a word: all has been said. */
void pm__query_end(struct pm_query *query);

/* Says a line where URCs go. False while the lines before it wait there and leave it no room: the
 * query then comes again; a host that does not read for long loses the oldest lines. */
bool pm__query_say(struct pm_module *module, struct pm_query *query, const struct pm__text *line);

/* The number of +QIGETERROR for a result of the platform. */
uint16_t pm__query_error(int32_t result);

/* One step of each kind, called while its query runs and no operation is pending. True when
 * something moved. */
bool pm__dns_step(struct pm_module *module);
bool pm__ping_step(struct pm_module *module);
bool pm__ntp_step(struct pm_module *module);
/* Forgets the server that was asked. */
void pm__ntp_forget(struct pm_module *module);

#endif
