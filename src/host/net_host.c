/* SPDX-License-Identifier: MIT */
/* The net as a part of a host module: the network members of its platform. */
#include <string.h>

#include "host/crypto.h"
#include "host/host.h"
#include "host/net.h"
#include "host/store.h"

/* ---- from the net to the module ---------------------------------------------------- */

static void host_done(void *user, struct pm_op *op, int32_t result)
{
    pm_host_done(user, op, result);
}

static void host_received(void *user, const uint8_t *data, size_t len)
{
    pm_host_received(user, data, len);
}

static void host_writable(void *user)
{
    pm_host_writable(user);
}

static void host_closed(void *user)
{
    pm_host_closed(user);
}

static void host_log(void *user, enum pm_log_level level, const char *text)
{
    const struct pm_host_module *host = user;
    pm_log_write(host->log, level, text, strlen(text));
}

static void host_context_lost(void *user, uint8_t context)
{
    struct pm_host_module *host = user;
    pm_module_context_lost(&host->module, context, pm_host_now(host));
    pm_host_pump(host);
}

static void host_settled(void *user)
{
    pm_host_pump(user);
}

static int host_load(void *user, enum pm_storage storage, const uint8_t *name, size_t len,
                     uint8_t **data, size_t *data_len, size_t max)
{
    return pm_store_load(pm_host_store(user), storage, name, len, data, data_len, max);
}

struct pm_net *pm_net_new(struct pm_host_module *host, const struct pm_net_options *options,
                          char *err, size_t err_size)
{
    const struct pm_net_sink sink = {
        .user = host,
        .done = host_done,
        .received = host_received,
        .writable = host_writable,
        .closed = host_closed,
        .log = host_log,
        .context_lost = host_context_lost,
        .settled = host_settled,
        .load = host_load,
    };
    return pm_net_new_sink(&sink, host->loop, options, err, err_size);
}

/* ---- from the module to the net ---------------------------------------------------- */

static int32_t host_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    return pm_crypto_random(out, len);
}

static int32_t host_hmac(void *user, struct pm_op *op, enum pm_hmac algorithm, struct pm_slice key,
                         struct pm_slice data, uint8_t *out)
{
    (void)user;
    (void)op; /* The answer comes at once. */
    return pm_crypto_hmac(algorithm, key, data, out);
}

static int32_t host_hash(void *user, struct pm_op *op, struct pm_slice data, uint8_t *out)
{
    (void)user;
    (void)op; /* The answer comes at once. */
    return pm_crypto_hash(data, out);
}

static int32_t host_pbkdf2(void *user, struct pm_op *op, struct pm_slice password,
                           struct pm_slice salt, uint32_t count, uint8_t *out)
{
    return pm_net_pbkdf2(pm_host_net(user), op, password, salt, count, out);
}

static int32_t host_channel_binding(void *user, uint8_t *out)
{
    return pm_net_binding(pm_host_net(user), out);
}

static int32_t host_token(void *user, struct pm_op *op, bool renew, uint8_t *out, size_t cap)
{
    return pm_net_token(pm_host_net(user), op, renew, out, cap);
}

static uint8_t *host_job_memory(void *user, size_t *size)
{
    (void)user;
    return pm_job_memory(size);
}

static void host_job_memory_free(void *user, uint8_t *memory)
{
    (void)user;
    pm_job_memory_free(memory);
}

static int32_t host_conn_open(void *user, struct pm_op *op,
                              const struct pm_connect_request *request)
{
    return pm_net_open(pm_host_net(user), op, request);
}

static int32_t host_conn_starttls(void *user, struct pm_op *op,
                                  const struct pm_connect_request *request)
{
    return pm_net_starttls(pm_host_net(user), op, request);
}

static int32_t host_conn_send(void *user, const uint8_t *data, size_t len)
{
    return pm_net_send(pm_host_net(user), data, len);
}

static void host_conn_close(void *user, bool graceful)
{
    pm_net_close(pm_host_net(user), graceful);
}

static int32_t host_context_open(void *user, struct pm_op *op, uint8_t context, uint8_t type)
{
    (void)op; /* The answer comes at once. */
    (void)type;
    return pm_net_context_open(pm_host_net(user), context);
}

static size_t host_name_servers(void *user, uint8_t context, struct pm_ip servers[2])
{
    (void)context; /* All have the same. */
    return pm_net_name_servers(pm_host_net(user), servers);
}

static int32_t host_resolve(void *user, struct pm_op *op, const struct pm_resolve_request *request,
                            struct pm_resolved *resolved)
{
    return pm_net_resolve(pm_host_net(user), op, request, resolved);
}

static int32_t host_ping(void *user, struct pm_op *op, const struct pm_ping_request *request,
                         struct pm_ping_reply *reply)
{
    return pm_net_ping(pm_host_net(user), op, request, reply);
}

static int32_t host_ntp(void *user, struct pm_op *op, const struct pm_ntp_request *request,
                        int64_t *unix_seconds)
{
    return pm_net_ntp(pm_host_net(user), op, request, unix_seconds);
}

void pm_net_platform(struct pm_net *net, struct pm_platform *platform)
{
    (void)net; /* The functions find it through platform->user. */
    platform->random = host_random;
    platform->hmac = host_hmac;
    platform->hash = host_hash;
    platform->pbkdf2 = host_pbkdf2;
    platform->channel_binding = host_channel_binding;
    platform->token = host_token;
    platform->job_memory = host_job_memory;
    platform->job_memory_free = host_job_memory_free;
    platform->conn_open = host_conn_open;
    platform->conn_starttls = host_conn_starttls;
    platform->conn_send = host_conn_send;
    platform->conn_close = host_conn_close;
    platform->context_open = host_context_open;
    platform->name_servers = host_name_servers;
    platform->resolve = host_resolve;
    platform->ping = host_ping;
    platform->ntp = host_ntp;
}
