/* SPDX-License-Identifier: MIT */
/* What the program makes of the TLS versions and suites that a host asks for. */
#include "host/tls_policy.h"

#include <openssl/tls1.h>
#include <stdio.h>

#define ALL_SUITES 0xFFFF

/* Forward secrecy throughout; CBC only with SHA-2, for servers that know no AEAD suite. */
#define SAFE_SUITES                                                                             \
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:" \
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256"

/* The suites of AT+QSSLCFG="ciphersuite" that have forward secrecy and no SHA-1, RC4 or 3DES. */
static const struct {
    uint16_t number;
    const char *name;
} safe_suites[] = {
    {0xC023, "ECDHE-ECDSA-AES128-SHA256"},   {0xC024, "ECDHE-ECDSA-AES256-SHA384"},
    {0xC027, "ECDHE-RSA-AES128-SHA256"},     {0xC028, "ECDHE-RSA-AES256-SHA384"},
    {0xC02F, "ECDHE-RSA-AES128-GCM-SHA256"}, {0xC030, "ECDHE-RSA-AES256-GCM-SHA384"},
};

static const char *const version_names[] = {"SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "all"};

static const char *safe_suite(uint16_t number)
{
    for (size_t i = 0; i < sizeof(safe_suites) / sizeof(safe_suites[0]); i++) {
        if (safe_suites[i].number == number) {
            return safe_suites[i].name;
        }
    }
    return NULL;
}

struct pm_tls_policy pm_tls_policy(const struct pm_tls_request *request)
{
    struct pm_tls_policy policy = {
        .min_version = TLS1_2_VERSION,
        .max_version = request->version == 3 ? TLS1_2_VERSION : TLS1_3_VERSION,
        .suites = SAFE_SUITES,
        .weak_version = request->version < 3,
    };
    if (request->ciphersuite != ALL_SUITES) {
        const char *suite = safe_suite(request->ciphersuite);
        policy.weak_suite = suite == NULL;
        policy.suites = suite != NULL ? suite : SAFE_SUITES;
    }
    return policy;
}

void pm_tls_asked(const struct pm_tls_request *request, char *text, size_t size)
{
    if (request->configured) {
        snprintf(text, size, "as the configuration says");
        return;
    }
    struct pm_tls_policy policy = pm_tls_policy(request);
    const char *version = request->version < 4 ? version_names[request->version] : version_names[4];
    char suite[40] = "all suites";
    if (request->ciphersuite != ALL_SUITES) {
        snprintf(suite, sizeof(suite), "suite 0X%04X%s", request->ciphersuite,
                 policy.weak_suite ? " (no longer safe)" : "");
    }
    snprintf(text, size, "sslversion %u (%s%s), %s, seclevel %u", request->version, version,
             policy.weak_version ? ", no longer safe" : "", suite, request->seclevel);
}
