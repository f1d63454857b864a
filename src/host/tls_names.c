/* SPDX-License-Identifier: MIT */
/* Whom a certificate is for, in words. */
#include "host/tls_names.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

/* More of them help nobody: some certificates are for hundreds of names. */
#define SHOWN 4

static int address_family(int bytes)
{
    return bytes == 4 ? AF_INET : bytes == 16 ? AF_INET6 : AF_UNSPEC;
}

static bool is_server(const GENERAL_NAME *name)
{
    int kind = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    return kind == GEN_DNS ||
           (kind == GEN_IPADD && address_family(ASN1_STRING_length(value)) != AF_UNSPEC);
}

static bool print_server(BIO *bio, const GENERAL_NAME *name)
{
    int kind = 0;
    char address[INET6_ADDRSTRLEN];
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    if (kind == GEN_DNS) {
        return ASN1_STRING_print_ex(bio, value, ASN1_STRFLGS_RFC2253) >= 0;
    }
    return inet_ntop(address_family(ASN1_STRING_length(value)), ASN1_STRING_get0_data(value),
                     address, sizeof(address)) != NULL &&
           BIO_puts(bio, address) > 0;
}

/* False without memory. *count: how many there were to print. */
static bool print_servers(BIO *bio, const GENERAL_NAMES *names, int *count)
{
    bool good = true;
    *count = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && good && *count <= SHOWN; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (is_server(name)) {
            good = *count == 0 || BIO_puts(bio, ", ") > 0;
            good = good && (*count < SHOWN ? print_server(bio, name) : BIO_puts(bio, "...") > 0);
            (*count)++;
        }
    }
    return good;
}

static bool print(BIO *bio, X509 *certificate)
{
    int count = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool good = print_servers(bio, names, &count);
    GENERAL_NAMES_free(names);
    return good && (count > 0 || X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                                    XN_FLAG_RFC2253) >= 0);
}

void pm_tls_names(X509 *certificate, char *text, size_t size)
{
    static const char left_out[] = "...";
    BIO *bio = BIO_new(BIO_s_mem());
    text[0] = '\0';
    if (bio != NULL && print(bio, certificate)) {
        int n = BIO_read(bio, text, (int)size - 1);
        text[n > 0 ? n : 0] = '\0';
        if (BIO_pending(bio) > 0) {
            memcpy(text + size - sizeof(left_out), left_out, sizeof(left_out));
        }
    }
    BIO_free(bio);
    ERR_clear_error();
}
