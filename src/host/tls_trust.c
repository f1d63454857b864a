/* SPDX-License-Identifier: MIT */
/* The system's trust store, read afresh when it changes. */
#include "host/tls_trust.h"

#include <ctype.h>
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *named_file(void)
{
    return secure_getenv(X509_get_default_cert_file_env());
}

static const char *bundle(void)
{
    const char *name = named_file();
    return name != NULL ? name : X509_get_default_cert_file();
}

static const char *directory(void)
{
    const char *name = secure_getenv(X509_get_default_cert_dir_env());
    return name != NULL ? name : X509_get_default_cert_dir();
}

static void look(const char *path, struct stat *seen)
{
    struct stat now = {0};
    *seen = stat(path, &now) == 0 ? now : (struct stat){0};
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* "4f316efb.0": a certificate found by the hash of its name. */
static bool is_hashed(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    return digits == 8 && name[8] == '.' && isdigit((unsigned char)name[9]);
}

static bool has_hashes(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return false;
    }
    bool found = false;
    for (const struct dirent *entry = readdir(dir); entry != NULL && !found; entry = readdir(dir)) {
        found = is_hashed(entry->d_name);
    }
    closedir(dir);
    return found;
}

/* The directory of hashed names gives up only the certificates in need; the bundle, which costs
 * megabytes, is read where there is no such directory or the environment names the file. */
static X509_STORE *read_store(void)
{
    X509_STORE *store = X509_STORE_new();
    if (store == NULL) {
        return NULL;
    }
    /* A missing file is an empty store: the verification fails, and says why. */
    (void)X509_STORE_load_path(store, directory());
    if (named_file() != NULL || !has_hashes(directory())) {
        (void)X509_STORE_load_file(store, bundle());
    }
    ERR_clear_error();
    return store;
}

X509_STORE *pm_tls_trust_get(struct pm_tls_trust *trust)
{
    struct stat file;
    struct stat dir;
    look(bundle(), &file);
    look(directory(), &dir);
    if (trust->store == NULL || !same(&file, &trust->file) || !same(&dir, &trust->dir)) {
        X509_STORE *fresh = read_store();
        if (fresh != NULL) {
            X509_STORE_free(trust->store);
            trust->store = fresh;
            trust->file = file;
            trust->dir = dir;
        }
    }
    if (trust->store != NULL && !X509_STORE_up_ref(trust->store)) {
        return NULL;
    }
    return trust->store;
}

void pm_tls_trust_end(struct pm_tls_trust *trust)
{
    X509_STORE_free(trust->store);
    *trust = (struct pm_tls_trust){0};
}
