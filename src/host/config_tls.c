/* SPDX-License-Identifier: MIT */
/* The keys tls.*: whether pins and files can serve. */
#include <string.h>

#include "host/config.h"
#include "host/tls_local.h"

static bool same(const struct pm_options *a, const struct pm_options *b)
{
    return strcmp(a->tls_ca_file, b->tls_ca_file) == 0 &&
           strcmp(a->tls_client_cert, b->tls_client_cert) == 0 &&
           strcmp(a->tls_client_key, b->tls_client_key) == 0 &&
           strcmp(a->tls_pins, b->tls_pins) == 0;
}

bool pm__config_check_tls(const struct pm_options *options, const struct pm_options *checked,
                          char *err, size_t err_size)
{
    struct pm_tls_local local;
    if (checked != NULL && same(options, checked)) {
        return true;
    }
    bool good = pm_tls_local_init(&local, options->tls_ca_file, options->tls_client_cert,
                                  options->tls_client_key, options->tls_pins, err, err_size);
    bool files = local.ca_file != NULL || local.cert != NULL;
    good = good && (!files || pm_tls_local_try(&local, err, err_size));
    pm_tls_local_end(&local);
    return good;
}
