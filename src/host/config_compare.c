/* SPDX-License-Identifier: MIT */
/* Whether two modules are set up alike. */
#include <string.h>

#include "host/config.h"

static bool same_port(const struct pm_port_setting *a, const struct pm_port_setting *b)
{
    return a->kind == b->kind && strcmp(a->where, b->where) == 0;
}

static bool same_text(const void *a, const void *b)
{
    const char *left;
    const char *right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return strcmp(left, right) == 0;
}

static bool same_value(const struct pm_config_key *key, const void *a, const void *b)
{
    switch (key->type) {
    case PM_CONFIG_PORT: return same_port(a, b);
    case PM_CONFIG_TEXT:
    case PM_CONFIG_DIGITS:
    case PM_CONFIG_HEX: return same_text(a, b);
    default: return memcmp(a, b, key->size) == 0;
    }
}

const struct pm_config_key *pm_options_difference(const struct pm_options *a,
                                                  const struct pm_options *b)
{
    for (size_t i = 0; i < pm_config_key_count; i++) {
        const struct pm_config_key *key = &pm_config_keys[i];
        size_t count = key->count > 0 ? key->count : 1;
        for (size_t n = 0; n < count; n++) {
            size_t at = key->offset + n * key->stride;
            if (!same_value(key, (const char *)a + at, (const char *)b + at)) {
                return key;
            }
        }
    }
    return NULL;
}
