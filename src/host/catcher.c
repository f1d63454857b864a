/* SPDX-License-Identifier: MIT */
/* The catcher as a whole: Maildir, certificate authority, and the list of sessions. */
#include "host/catcher.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/catcher_session.h"

/* Where the mails go, and who signs: one for all catchers of a Maildir. */
struct catcher_box {
    struct pm_maildir *maildir;
    struct pm_catcher_ca ca;
    unsigned users;
};

struct pm_catcher {
    uv_loop_t *loop;
    struct pm_catcher_log log;
    struct catcher_box *box;
    const char *module;
    struct catcher_session *sessions;
    bool verify;
    bool faults;
    bool freed;
};

static bool write_ca(const struct catcher_box *box)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL) {
        return false;
    }
    char *text = NULL;
    bool good = PEM_write_bio_X509(bio, box->ca.certificate) == 1;
    long len = BIO_get_mem_data(bio, &text);
    good = good && len > 0 && pm_maildir_note(box->maildir, "ca.pem", text, (size_t)len);
    BIO_free(bio);
    return good;
}

static void release_box(struct catcher_box *box)
{
    if (box != NULL && --box->users == 0) {
        pm_maildir_close(box->maildir);
        pm_catcher_ca_end(&box->ca);
        free(box);
    }
}

static void release(struct pm_catcher *catcher)
{
    release_box(catcher->box);
    free(catcher);
}

static struct catcher_box *box_new(uv_loop_t *loop, const char *maildir, char *err, size_t err_size)
{
    struct catcher_box *box = calloc(1, sizeof(*box));
    if (box == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    box->users = 1;
    box->maildir = pm_maildir_open(loop, maildir, err, err_size);
    if (box->maildir == NULL) {
        release_box(box);
        return NULL;
    }
    if (!pm_catcher_ca_init(&box->ca)) {
        snprintf(err, err_size, "cannot make a certificate authority");
        release_box(box);
        return NULL;
    }
    if (!write_ca(box)) {
        snprintf(err, err_size, "cannot write %s/ca.pem", maildir);
        release_box(box);
        return NULL;
    }
    return box;
}

struct pm_catcher *pm_catcher_new(uv_loop_t *loop, const struct pm_catcher_options *options,
                                  const struct pm_catcher_log *log, char *err, size_t err_size)
{
    struct pm_catcher *catcher = calloc(1, sizeof(*catcher));
    if (catcher == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    catcher->loop = loop;
    catcher->verify = options->verify;
    catcher->faults = options->faults;
    if (log != NULL) {
        catcher->log = *log;
    }
    catcher->module = options->module != NULL ? options->module : "";
    if (options->like != NULL) {
        catcher->box = options->like->box;
        catcher->box->users++;
    } else {
        catcher->box = box_new(loop, options->maildir, err, err_size);
    }
    if (catcher->box == NULL) {
        release(catcher);
        return NULL;
    }
    return catcher;
}

void pm_catcher_free(struct pm_catcher *catcher)
{
    if (catcher == NULL) {
        return;
    }
    catcher->freed = true;
    if (catcher->sessions == NULL) {
        release(catcher);
        return;
    }
    /* A session leaves the list only when the loop has closed its handles. */
    for (struct catcher_session *s = catcher->sessions; s != NULL; s = s->next) {
        pm__catcher_session_end(s);
    }
}

/* A connection with a session at its other end; -1: no memory or no socket. */
static int connect_session(struct pm_catcher *catcher, const struct catcher_server *server)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        return -1;
    }
    struct catcher_session *session = pm__catcher_session_new(catcher, ends[1], server);
    if (session == NULL) {
        close(ends[0]);
        return -1;
    }
    session->next = catcher->sessions;
    catcher->sessions = session;
    return ends[0];
}

int pm_catcher_connect(struct pm_catcher *catcher, const char *host, uint16_t port, bool tls)
{
    struct catcher_server server = {.host = host, .port = port, .tls = tls};
    if (catcher->faults) {
        server.fault = pm_catcher_fault_of_server(host);
    }
    if (server.fault.kind != CATCHER_FAULT_NONE) {
        pm__catcher_say(catcher, PM_LOG_INFO, "catcher: %s fails on demand", host);
    }
    if (server.fault.kind == CATCHER_FAULT_RESOLVE) {
        return PM_ERR_RESOLVE;
    }
    if (server.fault.kind == CATCHER_FAULT_CONNECT) {
        return PM_ERR_CONNECT;
    }
    int fd = connect_session(catcher, &server);
    if (fd < 0) {
        pm__catcher_say(catcher, PM_LOG_ERROR, "catcher: no memory or socket for a connection");
        return PM_ERR_CONNECT;
    }
    return fd;
}

bool pm_catcher_verify(const struct pm_catcher *catcher)
{
    return catcher->verify;
}

X509 *pm_catcher_ca(const struct pm_catcher *catcher)
{
    return catcher->box->ca.certificate;
}

/* ---- for the sessions ----------------------------------------------------------------- */

struct pm_maildir *pm__catcher_maildir(struct pm_catcher *catcher)
{
    return catcher->box->maildir;
}

const struct pm_catcher_ca *pm__catcher_authority(struct pm_catcher *catcher)
{
    return &catcher->box->ca;
}

const char *pm__catcher_module(const struct pm_catcher *catcher)
{
    return catcher->module;
}

uv_loop_t *pm__catcher_loop(struct pm_catcher *catcher)
{
    return catcher->loop;
}

struct catcher_fault pm__catcher_fault(const struct pm_catcher *catcher, const char *address)
{
    struct catcher_fault none = {CATCHER_FAULT_NONE, 0};
    return catcher->faults ? pm_catcher_fault_of_address(address) : none;
}

void pm__catcher_say(struct pm_catcher *catcher, enum pm_log_level level, const char *format, ...)
{
    if (catcher->log.write == NULL || catcher->freed) {
        return;
    }
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    catcher->log.write(catcher->log.user, level, text);
}

void pm__catcher_remove(struct pm_catcher *catcher, struct catcher_session *session)
{
    struct catcher_session **link = &catcher->sessions;
    while (*link != session) {
        link = &(*link)->next;
    }
    *link = session->next;
    if (catcher->freed && catcher->sessions == NULL) {
        release(catcher);
    }
}
