/* SPDX-License-Identifier: MIT */
/* The catcher's certificate authority. */
#include "host/catcher_ca.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* Valid from a day ago, for clocks that run late, for ten years. */
#define DAY      (24L * 60 * 60)
#define LIFETIME (3650 * DAY)

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[16];
    BIGNUM *number = NULL;
    bool good = RAND_bytes(bytes, sizeof(bytes)) == 1;
    bytes[0] &= 0x7F; /* a serial number is positive */
    good = good && (number = BN_bin2bn(bytes, sizeof(bytes), NULL)) != NULL &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return good;
}

static bool set_name(X509_NAME *name, const char *common_name)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1;
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

/* What every certificate has: version 3, a serial number, a time, a subject, a key. */
static X509 *make_certificate(EVP_PKEY *key, const char *common_name)
{
    X509 *certificate = X509_new();
    if (certificate == NULL) {
        return NULL;
    }
    if (X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), LIFETIME) != NULL &&
        X509_set_pubkey(certificate, key) == 1 &&
        set_name(X509_get_subject_name(certificate), common_name)) {
        return certificate;
    }
    X509_free(certificate);
    return NULL;
}

static X509 *make_authority(EVP_PKEY *key)
{
    X509 *ca = make_certificate(key, "Postmodem catcher CA");
    if (ca == NULL) {
        return NULL;
    }
    if (X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1 &&
        add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(ca, ca, NID_subject_key_identifier, "hash") &&
        X509_sign(ca, key, EVP_sha256()) > 0) {
        return ca;
    }
    X509_free(ca);
    return NULL;
}

/* The subject's name goes in as a value of its own, never through a text that OpenSSL parses. */
static bool add_subject_name(X509 *certificate, const char *host)
{
    ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
    ASN1_IA5STRING *dns = ip == NULL ? ASN1_IA5STRING_new() : NULL;
    GENERAL_NAME *name = GENERAL_NAME_new();
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    ERR_clear_error();
    bool good = name != NULL && names != NULL;
    if (good && ip != NULL) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, ip);
        ip = NULL;
    } else if (good && dns != NULL && ASN1_STRING_set(dns, host, -1) == 1) {
        GENERAL_NAME_set0_value(name, GEN_DNS, dns);
        dns = NULL;
    } else {
        good = false;
    }
    if (good && sk_GENERAL_NAME_push(names, name) > 0) {
        name = NULL;
        good = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
    } else {
        good = false;
    }
    ASN1_OCTET_STRING_free(ip);
    ASN1_IA5STRING_free(dns);
    GENERAL_NAME_free(name);
    GENERAL_NAMES_free(names);
    return good;
}

static X509 *make_leaf(const struct pm_catcher_ca *ca, const char *host)
{
    X509 *leaf = make_certificate(ca->leaf_key, "Postmodem catcher");
    if (leaf == NULL) {
        return NULL;
    }
    if (X509_set_issuer_name(leaf, X509_get_subject_name(ca->certificate)) == 1 &&
        add_extension(leaf, ca->certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(leaf, ca->certificate, NID_key_usage, "critical,digitalSignature") &&
        add_extension(leaf, ca->certificate, NID_ext_key_usage, "serverAuth") &&
        add_extension(leaf, ca->certificate, NID_authority_key_identifier, "keyid:always") &&
        add_subject_name(leaf, host) && X509_sign(leaf, ca->key, EVP_sha256()) > 0) {
        return leaf;
    }
    X509_free(leaf);
    return NULL;
}

bool pm_catcher_ca_init(struct pm_catcher_ca *ca)
{
    *ca = (struct pm_catcher_ca){
        .key = EVP_EC_gen("P-256"),
        .leaf_key = EVP_EC_gen("P-256"),
    };
    if (ca->key != NULL && ca->leaf_key != NULL) {
        ca->certificate = make_authority(ca->key);
    }
    if (ca->certificate == NULL) {
        pm_catcher_ca_end(ca);
        return false;
    }
    return true;
}

void pm_catcher_ca_end(struct pm_catcher_ca *ca)
{
    EVP_PKEY_free(ca->key);
    EVP_PKEY_free(ca->leaf_key);
    X509_free(ca->certificate);
    *ca = (struct pm_catcher_ca){0};
    ERR_clear_error();
}

/* A client's certificate is looked at, never judged. */
static int accept_client(X509_STORE_CTX *context, void *user)
{
    (void)context;
    (void)user;
    return 1;
}

static SSL_CTX *server_context(const struct pm_catcher_ca *ca, X509 *leaf)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        return NULL;
    }
    SSL_CTX_set_options(context,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, accept_client, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_use_certificate(context, leaf) == 1 &&
        SSL_CTX_use_PrivateKey(context, ca->leaf_key) == 1) {
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

SSL *pm_catcher_ca_server(const struct pm_catcher_ca *ca, const char *host)
{
    X509 *leaf = make_leaf(ca, host);
    SSL_CTX *context = leaf != NULL ? server_context(ca, leaf) : NULL;
    SSL *ssl = context != NULL ? SSL_new(context) : NULL;
    if (ssl != NULL) {
        SSL_set_accept_state(ssl);
    }
    SSL_CTX_free(context); /* the session keeps it */
    X509_free(leaf);
    ERR_clear_error();
    return ssl;
}
