/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include <string.h>

#include "base/ascii.h"

static struct pm_slice trim(struct pm_slice text)
{
    while (text.len != 0 && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len != 0 && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

struct pm_slice pm__list(const char *text)
{
    struct pm_slice list = pm__slice(text);
    return list.len != 0 ? list : (struct pm_slice){NULL, 0};
}

bool pm__list_next(struct pm_slice *list, struct pm_slice *entry)
{
    if (list->ptr == NULL) {
        return false;
    }
    const uint8_t *comma = list->len != 0 ? memchr(list->ptr, ',', list->len) : NULL;
    size_t len = comma != NULL ? (size_t)(comma - list->ptr) : list->len;
    *entry = trim((struct pm_slice){list->ptr, len});
    *list = comma != NULL ? (struct pm_slice){comma + 1, list->len - len - 1}
                          : (struct pm_slice){NULL, 0};
    return true;
}
