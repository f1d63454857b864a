/* SPDX-License-Identifier: MIT */
/* Lists of the configuration: entries between commas, with blanks around them or without. */
#ifndef PM_BASE_LIST_H
#define PM_BASE_LIST_H

#include "postmodem/types.h"

/* The list that a text is. An empty text has no entries. */
struct pm_slice pm__list(const char *text);

/* Takes the next entry off the list; false when there is no more. Where a comma has nothing beside
 * it, an entry is empty. */
bool pm__list_next(struct pm_slice *list, struct pm_slice *entry);

#endif
