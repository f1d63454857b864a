/* SPDX-License-Identifier: MIT */
/*
 * Loaded into the OpenSMTPD of Debian 12 by a test (LD_PRELOAD). That server was written for
 * OpenSSL 1.1: it marks the key that EVP_PKEY_get1_RSA() returns and looks for the mark when the
 * EVP_PKEY signs. Since OpenSSL 3 what is returned is a copy, and each handshake fails (OpenSMTPD
 * issue 1171). Here the copy becomes the EVP_PKEY's own key first, so that the mark arrives.
 */
#define _GNU_SOURCE
/* The server is the one that uses what is deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

struct rsa_st *EVP_PKEY_get1_RSA(EVP_PKEY *pkey)
{
    struct rsa_st *(*next)(EVP_PKEY *) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "EVP_PKEY_get1_RSA");
    struct rsa_st *rsa = next != NULL ? next(pkey) : NULL;
    if (rsa != NULL && EVP_PKEY_set1_RSA(pkey, rsa) != 1) {
        abort();
    }
    return rsa;
}
