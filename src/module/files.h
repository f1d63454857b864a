/* SPDX-License-Identifier: MIT */
/* What the files of the FILE manual share. */
#ifndef PM_MODULE_FILES_H
#define PM_MODULE_FILES_H

#include "module/internal.h"

/* The +CME number of a platform status; `other` for those without one of their own (CD31). */
uint16_t pm__file_error(int32_t status, uint16_t other);

/* Ends the port's task and answers its command with an error. */
void pm__file_fail(struct pm_port *port, uint16_t error);

void pm__run_qfupl(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfdwl(void *owner, enum pm_at_form form, const struct pm_at_values *values);

#endif
