/* SPDX-License-Identifier: MIT */
/* Domain names beyond ASCII. */
#include "host/idna.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

/* Longest name in UTF-8 that is looked at: four bytes for each character that a name may have. */
#define NAME_MAX_BYTES 1020

static size_t copy(const char *name, size_t len, char *out, size_t size)
{
    if (len == 0 || len >= size) {
        return 0;
    }
    memcpy(out, name, len);
    out[len] = '\0';
    return len;
}

/* Some characters are mapped to ASCII ones that separate things, such as a wide '>'. (The library's
 * own check for these would leave them out and go on.) */
static bool is_host_name(const char *name)
{
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(name);
}

size_t pm_idna_ascii(struct pm_slice name, char *out, size_t size)
{
    char text[NAME_MAX_BYTES + 1];
    uint8_t *ascii = NULL;
    if (name.len == 0 || name.len > NAME_MAX_BYTES || memchr(name.ptr, '\0', name.len) != NULL) {
        return 0;
    }
    if (pm__slice_is_ascii(name)) {
        return copy((const char *)name.ptr, name.len, out, size);
    }
    snprintf(text, sizeof text, "%.*s", (int)name.len, (const char *)name.ptr);
    int status =
        idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (status != IDN2_OK || ascii == NULL) {
        return 0;
    }
    const char *found = (const char *)ascii;
    size_t len = is_host_name(found) ? copy(found, strlen(found), out, size) : 0;
    idn2_free(ascii);
    return len;
}

int32_t pm_idna_platform(void *user, struct pm_slice name, uint8_t *out, size_t cap)
{
    char text[256];
    (void)user;
    size_t len = pm_idna_ascii(name, text, sizeof text);
    if (len == 0 || len > cap) {
        return PM_ERR_NOT_FOUND;
    }
    memcpy(out, text, len);
    return (int32_t)len;
}
