/* SPDX-License-Identifier: MIT */
/*
 * The network of one module: its mail connection, the cryptography that the platform owes the
 * module, and the working memory of a mail job.
 *
 * Nothing here blocks the loop but the reading of certificate files.
 */
#ifndef PM_HOST_NET_H
#define PM_HOST_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "postmodem/platform.h"

struct pm_binding;
struct pm_catcher;
struct pm_tls_trust;
struct pm_host_module;
struct pm_net;

/* All zero (and `system_ca` true) is the default behaviour. Strings are copied. */
struct pm_net_options {
    const char *dns_servers; /* "192.0.2.1,[2001:db8::1]:5353"; NULL or "": resolv.conf */
    const char *resolv_conf; /* in place of /etc/resolv.conf; NULL: that one */
    uint32_t connect_ms;     /* longest wait for one address; 0: PM_CONN_CONNECT_MS */
    bool verify_always;      /* tls.verify = always (SD58) */
    bool system_ca; /* tls.system_ca (SD58): without cacert the system's trust store serves */
    /* tls.ca_file, tls.client_cert, tls.client_key, tls.pin_sha256; NULL or "": none. */
    const char *tls_ca_file, *tls_client_cert, *tls_client_key, *tls_pins;
    const struct pm_binding *bindings; /* PM_PDP_CONTEXTS of them, copied; NULL: none is bound */
    uint16_t dns_port;                 /* of the servers that AT+QIDNSCFG names; 0: 53 */
    uint8_t ping;                      /* enum pm_ping_mode */
    struct pm_tls_trust *trust; /* the system's, common to several nets, which it outlives; NULL:
                                 * the net has its own */
    const char *lab_hosts;      /* with a catcher: "NAME=ADDRESS[ ADDRESS...],..."; NULL: none */
    bool lab_faults;            /* with a catcher: names like fault-resolve fail */
    const char *token_file;     /* see token.h; NULL or "": none */
    const char *token_command;
    struct pm_catcher *catcher; /* every connection ends there; NULL: the real network. It must
                                 * outlive the net */
};

/* Where a net reports to, from the loop only, and where it finds the module's files. */
struct pm_net_sink {
    void *user;
    void (*done)(void *user, struct pm_op *op, int32_t result);
    void (*received)(void *user, const uint8_t *data, size_t len);
    void (*writable)(void *user);
    void (*closed)(void *user);
    void (*log)(void *user, enum pm_log_level level, const char *text);
    /* What a context is bound to is gone. NULL: nobody wants to know. */
    void (*context_lost)(void *user, uint8_t context);
    /* pm_net_settled() may have become true. NULL: nobody wants to know. */
    void (*settled)(void *user);
    /* As pm_store_load(). */
    int (*load)(void *user, enum pm_storage storage, const uint8_t *name, size_t len,
                uint8_t **data, size_t *data_len, size_t max);
};

/* The network of `host`, on host->loop. Returns NULL and says in `err` why. */
struct pm_net *pm_net_new(struct pm_host_module *host, const struct pm_net_options *options,
                          char *err, size_t err_size);

/* As pm_net_new() with a sink of the caller's choice. */
struct pm_net *pm_net_new_sink(const struct pm_net_sink *sink, uv_loop_t *loop,
                               const struct pm_net_options *options, char *err, size_t err_size);

/* Drops every connection; the sink is not called any more. The memory goes while the loop runs
 * on. Not from inside a call of the sink. */
void pm_net_free(struct pm_net *net);

/* Fills in random, conn_..., context_open to ntp, hmac to token and job_memory... of `platform`;
 * their `user` is then platform->user, which must be a struct pm_host_module: pm_host_net() finds
 * the net. */
void pm_net_platform(struct pm_net *net, struct pm_platform *platform);

/* Ends a pending operation without a result; false when it is not one of the net's. */
bool pm_net_cancel(struct pm_net *net, struct pm_op *op);

/* The platform calls as platform.h describes them, for a net on its own. */
int32_t pm_net_open(struct pm_net *net, struct pm_op *op, const struct pm_connect_request *request);
int32_t pm_net_starttls(struct pm_net *net, struct pm_op *op,
                        const struct pm_connect_request *request);
int32_t pm_net_send(struct pm_net *net, const uint8_t *data, size_t len);
/* No more is to be sent for now: what was taken leaves. */
void pm_net_flush(struct pm_net *net);
void pm_net_close(struct pm_net *net, bool graceful);
/* True when no connection finishes in the background. */
bool pm_net_settled(const struct pm_net *net);
int32_t pm_net_pbkdf2(struct pm_net *net, struct pm_op *op, struct pm_slice password,
                      struct pm_slice salt, uint32_t count, uint8_t *out);
int32_t pm_net_binding(const struct pm_net *net, uint8_t *out);
int32_t pm_net_token(struct pm_net *net, struct pm_op *op, bool renew, uint8_t *out, size_t cap);
int32_t pm_net_context_open(struct pm_net *net, uint8_t context);
size_t pm_net_name_servers(struct pm_net *net, struct pm_ip servers[2]);
int32_t pm_net_resolve(struct pm_net *net, struct pm_op *op,
                       const struct pm_resolve_request *request, struct pm_resolved *resolved);
int32_t pm_net_ping(struct pm_net *net, struct pm_op *op, const struct pm_ping_request *request,
                    struct pm_ping_reply *reply);
int32_t pm_net_ntp(struct pm_net *net, struct pm_op *op, const struct pm_ntp_request *request,
                   int64_t *unix_seconds);

#endif
