/* SPDX-License-Identifier: MIT */
/* Certificates made at run time for the tests of TLS. */
#ifndef PM_TEST_HOST_NET_CERTS_H
#define PM_TEST_HOST_NET_CERTS_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE __attribute__((unused)) static

struct cert_spec {
    const char *cn;
    const char *san;     /* "DNS:a,IP:127.0.0.1"; NULL: none */
    const char *raw_dns; /* one DNS name byte for byte, of raw_len; NULL: none */
    size_t raw_len;
    int rsa_bits;            /* 0: P-256 */
    long from_days, to_days; /* both 0: a year on both sides */
    bool ca;
    bool sha1;
};

struct cert {
    X509 *x509;
    EVP_PKEY *key;
};

FIXTURE void cert_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

FIXTURE void cert_raw_dns(X509 *x509, const char *data, size_t len)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    assert_int_equal(ASN1_STRING_set(text, data, (int)len), 1);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    assert_true(sk_GENERAL_NAME_push(names, name) > 0);
    assert_int_equal(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0), 1);
    GENERAL_NAMES_free(names);
}

FIXTURE void cert_name(X509_NAME *name, const char *cn)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0),
        1);
}

/* `issuer` NULL: self-signed. */
FIXTURE struct cert cert_make(const struct cert_spec *spec, const struct cert *issuer)
{
    static long serial = 1000;
    long day = 24L * 3600;
    bool dated = spec->from_days != 0 || spec->to_days != 0;
    struct cert made = {.x509 = X509_new()};
    made.key = spec->rsa_bits != 0 ? EVP_RSA_gen((unsigned)spec->rsa_bits) : EVP_EC_gen("P-256");
    assert_non_null(made.key);
    assert_int_equal(X509_set_version(made.x509, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(made.x509), serial++), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.x509), (dated ? spec->from_days : -365) * day);
    X509_gmtime_adj(X509_getm_notAfter(made.x509), (dated ? spec->to_days : 365) * day);
    assert_int_equal(X509_set_pubkey(made.x509, made.key), 1);
    cert_name(X509_get_subject_name(made.x509), spec->cn);
    X509 *issuer_cert = issuer != NULL ? issuer->x509 : made.x509;
    assert_int_equal(X509_set_issuer_name(made.x509, X509_get_subject_name(issuer_cert)), 1);
    cert_extension(made.x509, issuer_cert, NID_basic_constraints,
                   spec->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (spec->san != NULL) {
        cert_extension(made.x509, issuer_cert, NID_subject_alt_name, spec->san);
    }
    if (spec->raw_dns != NULL) {
        cert_raw_dns(made.x509, spec->raw_dns, spec->raw_len);
    }
    assert_true(X509_sign(made.x509, issuer != NULL ? issuer->key : made.key,
                          spec->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return made;
}

FIXTURE void cert_free(struct cert *cert)
{
    X509_free(cert->x509);
    EVP_PKEY_free(cert->key);
    *cert = (struct cert){0};
}

/* What a BIO in memory has gathered, malloc()ed; frees the BIO. */
FIXTURE uint8_t *cert_take(BIO *bio, size_t *len)
{
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    assert_true(n > 0);
    uint8_t *copy = malloc((size_t)n);
    assert_non_null(copy);
    memcpy(copy, text, (size_t)n);
    *len = (size_t)n;
    BIO_free(bio);
    return copy;
}

FIXTURE uint8_t *cert_pem(const struct cert *cert, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509(bio, cert->x509), 1);
    return cert_take(bio, len);
}

FIXTURE uint8_t *cert_der(const struct cert *cert, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(i2d_X509_bio(bio, cert->x509), 1);
    return cert_take(bio, len);
}

/* `password` NULL: not encrypted. */
FIXTURE uint8_t *cert_key_pem(const struct cert *cert, const char *password, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(
                         bio, cert->key, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                         password != NULL ? (int)strlen(password) : 0, NULL, NULL),
                     1);
    return cert_take(bio, len);
}

#endif
