/* SPDX-License-Identifier: MIT */
/* The keys tls.*: whether pins and files can serve. */
#include "host/config.h"
#include "host/tls_local.h"

bool pm__config_finish_tls(const struct pm_options *options, char *err, size_t err_size)
{
    struct pm_tls_local local;
    bool good = pm_tls_local_init(&local, options->tls_ca_file, options->tls_client_cert,
                                  options->tls_client_key, options->tls_pins, err, err_size);
    bool files = local.ca_file != NULL || local.cert != NULL;
    good = good && (!files || pm_tls_local_try(&local, err, err_size));
    pm_tls_local_end(&local);
    return good;
}
