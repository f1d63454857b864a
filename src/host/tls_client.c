/* SPDX-License-Identifier: MIT */
/* The client's side of TLS as AT+QSSLCFG asks for it and SD58 grants it. */
#include "host/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#include "host/resolver.h"
#include "host/tls_files.h"
#include "host/tls_names.h"
#include "host/tls_policy.h"

/* OpenSSL's level 2: no SHA-1 in certificates, no RSA below 2048 bits. */
#define SECURITY_LEVEL 2

/* A file of the module in memory. */
struct module_file {
    uint8_t *data;
    size_t len;
};

static void free_file(struct module_file *file)
{
    if (file->data != NULL) {
        OPENSSL_cleanse(file->data, file->len); /* it may be a key */
        free(file->data);
    }
}

/* Takes the storage prefix off a file name; without one the file is in UFS. */
static enum pm_storage split_name(struct pm_slice *name)
{
    static const struct {
        const char *prefix;
        size_t len;
        enum pm_storage storage;
    } prefixes[] = {
        {"UFS:", 4, PM_STORAGE_UFS}, {"RAM:", 4, PM_STORAGE_RAM}, {"SD:", 3, PM_STORAGE_SD}};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (name->len >= prefixes[i].len &&
            strncasecmp((const char *)name->ptr, prefixes[i].prefix, prefixes[i].len) == 0) {
            name->ptr += prefixes[i].len;
            name->len -= prefixes[i].len;
            return prefixes[i].storage;
        }
    }
    return PM_STORAGE_UFS;
}

static const char *load_problem(int status)
{
    switch (status) {
    case PM_ERR_NOT_FOUND: return "no such file";
    case PM_ERR_NO_STORAGE: return "no such storage";
    case PM_ERR_NO_SPACE: return "too long";
    default: return "cannot be read";
    }
}

static void describe_file(const char *item, struct pm_slice name, const char *problem, char *err,
                          size_t err_size)
{
    snprintf(err, err_size, "%s \"%.*s\": %s", item, (int)name.len, (const char *)name.ptr,
             problem);
}

static bool load(const struct pm_tls_setup *setup, const char *item, struct pm_slice name,
                 struct module_file *file, char *err, size_t err_size)
{
    struct pm_slice bare = name;
    enum pm_storage storage = split_name(&bare);
    *file = (struct module_file){0};
    int status = setup->load(setup->user, storage, bare.ptr, bare.len, &file->data, &file->len,
                             PM_TLS_FILE_MAX);
    if (status != PM_OK) {
        *file = (struct module_file){0};
        describe_file(item, name, load_problem(status), err, err_size);
        return false;
    }
    return true;
}

/* The certificates of one file of the module; NULL with the reason. */
static STACK_OF(X509) * load_certificates(const struct pm_tls_setup *setup, const char *item,
                                          struct pm_slice name, char *err, size_t err_size)
{
    struct module_file file;
    if (!load(setup, item, name, &file, err, err_size)) {
        return NULL;
    }
    STACK_OF(X509) *list = pm_tls_certificates(file.data, file.len);
    if (list == NULL) {
        describe_file(item, name, "no certificate in it, or damaged", err, err_size);
    }
    free_file(&file);
    return list;
}

/* ---- trust -------------------------------------------------------------------- */

static bool add_anchors(const struct pm_tls_setup *setup, X509_STORE *store, const char *item,
                        struct pm_slice name, char *err, size_t err_size)
{
    if (name.len == 0) {
        return true;
    }
    STACK_OF(X509) *list = load_certificates(setup, item, name, err, err_size);
    if (list == NULL) {
        return false;
    }
    bool good = true;
    for (int i = 0; i < sk_X509_num(list) && good; i++) {
        good = X509_STORE_add_cert(store, sk_X509_value(list, i)) == 1;
    }
    sk_X509_pop_free(list, X509_free);
    if (!good) {
        describe_file(item, name, "cannot be used", err, err_size);
    }
    return good;
}

/* The store of what the host uploaded, and of the anchor. Whatever the host names is trusted as it
 * is, be it a root, an intermediate authority or the server's own certificate. */
static X509_STORE *own_store(const struct pm_tls_setup *setup, char *err, size_t err_size)
{
    snprintf(err, err_size, "out of memory");
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) {
        return NULL;
    }
    if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
        (setup->anchor == NULL || X509_STORE_add_cert(store, setup->anchor) == 1) &&
        add_anchors(setup, store, "cacert", setup->request->cacert, err, err_size) &&
        add_anchors(setup, store, "cacertex", setup->request->cacertex, err, err_size)) {
        return store;
    }
    X509_STORE_free(store);
    return NULL;
}

/* The host's own authority would let whoever it likes take the owner's account. */
static bool trusts_uploads(const struct pm_tls_setup *setup)
{
    const struct pm_tls_request *request = setup->request;
    bool for_owner = setup->verify_always || request->verify;
    return (request->cacert.len > 0 || request->cacertex.len > 0) &&
           !(request->owner_account && for_owner && setup->anchor == NULL);
}

static bool set_trust(const struct pm_tls_setup *setup, SSL_CTX *context, char *err,
                      size_t err_size)
{
    const struct pm_tls_local *local = setup->local;
    X509_STORE *store;
    if (local != NULL && local->ca_file != NULL && setup->anchor == NULL) {
        store = pm_tls_local_store(local, err, err_size);
    } else if (trusts_uploads(setup) || setup->anchor != NULL) {
        store = own_store(setup, err, err_size);
    } else if (setup->system_ca) {
        snprintf(err, err_size, "out of memory");
        store = pm_tls_trust_get(setup->trust);
    } else {
        snprintf(err, err_size,
                 "no authority to trust: tls.system_ca is off, and no cacert counts");
        return false;
    }
    if (store == NULL) {
        return false;
    }
    SSL_CTX_set_cert_store(context, store);
    return true;
}

/* ---- the client's own certificate ---------------------------------------------- */

static bool use_chain(SSL_CTX *context, STACK_OF(X509) * list)
{
    bool good = SSL_CTX_use_certificate(context, sk_X509_value(list, 0)) == 1;
    for (int i = 1; i < sk_X509_num(list) && good; i++) {
        good = SSL_CTX_add1_chain_cert(context, sk_X509_value(list, i)) == 1;
    }
    return good;
}

static bool use_key(const struct pm_tls_setup *setup, SSL_CTX *context, char *err, size_t err_size)
{
    struct pm_slice name = setup->request->clientkey;
    struct module_file file;
    if (!load(setup, "clientkey", name, &file, err, err_size)) {
        return false;
    }
    EVP_PKEY *key = pm_tls_private_key(file.data, file.len, setup->request->key_password);
    free_file(&file);
    if (key == NULL) {
        describe_file("clientkey", name, "no key in it, damaged, or another password", err,
                      err_size);
        return false;
    }
    bool good = SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    if (!good) {
        describe_file("clientkey", name, "does not belong to clientcert", err, err_size);
    }
    return good;
}

static bool set_client(const struct pm_tls_setup *setup, SSL_CTX *context, char *err,
                       size_t err_size)
{
    struct pm_slice name = setup->request->clientcert;
    if (name.len == 0 || setup->request->clientkey.len == 0) {
        snprintf(err, err_size, "seclevel 2 needs clientcert and clientkey");
        return false;
    }
    STACK_OF(X509) *list = load_certificates(setup, "clientcert", name, err, err_size);
    if (list == NULL) {
        return false;
    }
    bool good = use_chain(context, list);
    sk_X509_pop_free(list, X509_free);
    if (!good) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        describe_file("clientcert", name, reason != NULL ? reason : "cannot be used", err,
                      err_size);
        return false;
    }
    return use_key(setup, context, err, err_size);
}

/* ---- the session --------------------------------------------------------------- */

static bool set_policy(const struct pm_tls_setup *setup, SSL_CTX *context)
{
    struct pm_tls_policy policy = pm_tls_policy(setup->request);
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, policy.min_version) == 1 &&
           SSL_CTX_set_max_proto_version(context, policy.max_version) == 1 &&
           SSL_CTX_set_cipher_list(context, policy.suites) == 1;
}

static bool pins(const struct pm_tls_setup *setup)
{
    return !setup->pass && setup->local != NULL && setup->local->pin_count > 0;
}

/* What the configuration adds to what the host asked for. */
static bool set_local(const struct pm_tls_setup *setup, SSL_CTX *context, char *err,
                      size_t err_size)
{
    const struct pm_tls_local *local = setup->local;
    if (pins(setup)) {
        pm_tls_local_pin(local, context, pm_tls_checks(setup));
    }
    return !setup->request->configured || local == NULL || local->cert == NULL ||
           pm_tls_local_client(local, context, err, err_size);
}

static SSL_CTX *make_context(const struct pm_tls_setup *setup, char *err, size_t err_size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || !set_policy(setup, context)) {
        snprintf(err, err_size, "OpenSSL refuses the settings");
        SSL_CTX_free(context);
        return NULL;
    }
    if ((pm_tls_checks(setup) && !set_trust(setup, context, err, err_size)) ||
        !set_local(setup, context, err, err_size)) {
        SSL_CTX_free(context);
        return NULL;
    }
    /* The catcher takes a client without a certificate as well. */
    if (setup->request->seclevel == 2 && !set_client(setup, context, err, err_size) &&
        !setup->pass) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

/* Sets the name that is asked for (SNI), and checked. A final dot is not part of a name there. */
static bool set_name(const struct pm_tls_setup *setup, SSL *ssl)
{
    char name[PM_HOST_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s", setup->host);
    size_t len = strlen(name);
    if (len > 0 && name[len - 1] == '.') {
        name[len - 1] = '\0';
    }
    struct pm_addresses literal;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (pm_resolver_literal(name, 0, &literal)) {
        name[strcspn(name, "%")] = '\0';
        return !pm_tls_checks(setup) || X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 &&
           (!pm_tls_checks(setup) || X509_VERIFY_PARAM_set1_host(param, name, 0) == 1);
}

static bool set_alpn(const struct pm_tls_setup *setup, SSL *ssl)
{
    struct pm_slice name = setup->request->alpn;
    uint8_t list[256];
    if (name.len == 0) {
        return true;
    }
    if (name.len > sizeof(list) - 1) {
        return false;
    }
    list[0] = (uint8_t)name.len;
    memcpy(list + 1, name.ptr, name.len);
    return SSL_set_alpn_protos(ssl, list, (unsigned)name.len + 1) == 0;
}

SSL *pm_tls_client(const struct pm_tls_setup *setup, char *err, size_t err_size)
{
    ERR_clear_error();
    SSL_CTX *context = make_context(setup, err, err_size);
    if (context == NULL) {
        ERR_clear_error();
        return NULL;
    }
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context); /* the session keeps it */
    if (ssl == NULL || !set_name(setup, ssl) || !set_alpn(setup, ssl)) {
        snprintf(err, err_size, "host name or ALPN name cannot be used for TLS");
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    bool checks = pm_tls_checks(setup);
    SSL_set_verify(ssl, checks || pins(setup) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (checks && setup->request->ignore_local_time && !setup->verify_always &&
        !setup->request->verify) {
        X509_VERIFY_PARAM_set_flags(SSL_get0_param(ssl), X509_V_FLAG_NO_CHECK_TIME);
    }
    SSL_set_connect_state(ssl);
    ERR_clear_error();
    return ssl;
}

bool pm_tls_checks(const struct pm_tls_setup *setup)
{
    return !setup->pass &&
           (setup->verify_always || setup->request->verify || setup->request->seclevel > 0);
}

const char *pm_tls_checked(const struct pm_tls_setup *setup)
{
    if (pm_tls_checks(setup)) {
        return pins(setup) ? "verified and pinned" : "verified";
    }
    return pins(setup) ? "pinned" : "not verified";
}

uint32_t pm_tls_handshake_ms(const struct pm_tls_request *request)
{
    uint32_t seconds = request->negotiate_s;
    seconds = seconds < 10 ? 10 : seconds > 300 ? 300 : seconds;
    return seconds * 1000;
}

/* ---- the log ------------------------------------------------------------------- */

/* The subject of the server's certificate, with everything but printable ASCII escaped. */
static void peer_name(SSL *ssl, char *text, size_t size)
{
    X509 *peer = SSL_get0_peer_certificate(ssl);
    BIO *bio = peer != NULL ? BIO_new(BIO_s_mem()) : NULL;
    text[0] = '\0';
    if (bio == NULL) {
        return;
    }
    if (X509_NAME_print_ex(bio, X509_get_subject_name(peer), 0, XN_FLAG_RFC2253) >= 0) {
        int n = BIO_read(bio, text, (int)size - 1);
        text[n > 0 ? n : 0] = '\0';
    }
    BIO_free(bio);
    ERR_clear_error();
}

/* Whom a certificate is for that was refused for its name; "" when it was not. The server's is
 * found in the chain that was tried: the session takes none as the peer's that was refused. */
static void names_held(SSL *ssl, long verdict, char *text, size_t size)
{
    char names[300];
    text[0] = '\0';
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        X509 *peer = sk_X509_value(SSL_get0_verified_chain(ssl), 0);
        if (peer != NULL) {
            pm_tls_names(peer, names, sizeof(names));
            snprintf(text, size, " (it is for %s)", names);
        }
    }
}

/* What a failure means for who has set the connection up; "" where its name says it. */
static const char *meaning(const struct pm_tls_handshake *handshake, long verdict)
{
    const char *no_tls =
        ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, SSL_R_WRONG_VERSION_NUMBER));
    switch (verdict) {
    case X509_V_OK:
        return !handshake->upgrade && no_tls != NULL && strcmp(handshake->problem, no_tls) == 0
                   ? " (the server does not begin with TLS: STARTTLS may be right)"
                   : "";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return " (it leads to no authority that is trusted: see tls.ca_file)";
    default: return "";
    }
}

void pm_tls_outcome(const struct pm_tls_handshake *handshake, char *text, size_t size)
{
    SSL *ssl = handshake->ssl;
    const char *host = handshake->host;
    const char *asked = handshake->asked;
    if (handshake->problem == NULL) {
        char peer[160];
        peer_name(ssl, peer, sizeof(peer));
        snprintf(text, size, "TLS with %s: asked %s; done %s, %s, server %s (%s)", host, asked,
                 SSL_get_version(ssl), SSL_get_cipher_name(ssl), handshake->checked, peer);
        return;
    }
    bool counts = ssl != NULL && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE;
    long verdict = counts ? SSL_get_verify_result(ssl) : X509_V_OK;
    if (verdict == X509_V_ERR_APPLICATION_VERIFICATION) {
        snprintf(text, size, "TLS with %s failed: its key is none of tls.pin_sha256; asked %s",
                 host, asked);
        return;
    }
    char names[320];
    names_held(ssl, verdict, names, sizeof(names));
    snprintf(text, size, "TLS with %s failed: %s%s%s%s; asked %s", host,
             verdict != X509_V_OK ? "certificate refused: " : "",
             verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : handshake->problem,
             meaning(handshake, verdict), names, asked);
}
