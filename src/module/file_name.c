/* SPDX-License-Identifier: MIT */
/* File names as hosts type and read them: "a.txt", "UFS:a.txt", "RAM:a.txt", "SD:a.txt". */
#include <string.h>

#include "module/files.h"

static const char *const prefixes[] = {"UFS:", "RAM:", "SD:"};

uint16_t pm__file_name(struct pm_slice text, uint8_t *storage, struct pm_slice *name)
{
    if (text.len == 0 || text.len > PM_FILE_NAME_SIZE) {
        return PM__FILE_NAME;
    }
    *storage = PM_STORAGE_UFS;
    *name = text;
    for (uint8_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct pm_slice prefix = pm__slice(prefixes[i]);
        if (pm__slice_starts_nocase(text, prefix)) {
            *storage = i;
            *name = (struct pm_slice){text.ptr + prefix.len, text.len - prefix.len};
        }
    }
    if (name->len == 0 || memchr(name->ptr, ':', name->len) != NULL) {
        return PM__FILE_NAME;
    }
    return 0;
}

uint16_t pm__file_name_one(struct pm_slice text, uint8_t *storage, struct pm_slice *name)
{
    uint16_t error = pm__file_name(text, storage, name);
    return error == 0 && name->len == 1 && name->ptr[0] == '*' ? PM__FILE_NAME : error;
}

void pm__put_file_name(struct pm_at *at, uint8_t storage, struct pm_slice name, bool full)
{
    if (full || storage != PM_STORAGE_UFS) {
        pm_at_put(at, prefixes[storage]);
    }
    pm_at_put_bytes(at, name.ptr, name.len);
}

void pm__put_file_name_quoted(struct pm_at *at, uint8_t storage, struct pm_slice name, bool full)
{
    pm_at_put(at, "\"");
    pm__put_file_name(at, storage, name, full);
    pm_at_put(at, "\"");
}
