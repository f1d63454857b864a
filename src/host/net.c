/* SPDX-License-Identifier: MIT */
/* The mail connection of one module: which socket, which TLS, and where its events go. */
#include "host/net.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "host/catcher.h"
#include "host/idna.h"
#include "host/net_internal.h"
#include "host/tls_client.h"
#include "host/tls_policy.h"

/* Where name servers listen (RFC 1035 section 4.2). */
#define DNS_PORT 53

void pm__net_say(const struct pm_net *net, enum pm_log_level level, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (!net->freed) {
        net->sink.log(net->sink.user, level, text);
    }
}

/* ---- events of a connection ----------------------------------------------------- */

static void on_opened(void *user, int32_t result)
{
    struct pm_net *net = user;
    struct pm_op *op = net->op;
    net->op = NULL;
    net->sink.done(net->sink.user, op, result);
}

static void on_handshake(void *user, SSL *ssl, const char *problem)
{
    struct pm_net *net = user;
    char text[1000];
    const struct pm_tls_handshake handshake = {.ssl = ssl,
                                               .host = net->host,
                                               .asked = net->asked,
                                               .checked = net->checked,
                                               .problem = problem,
                                               .upgrade = net->upgrade};
    pm_tls_outcome(&handshake, text, sizeof(text));
    pm__net_say(net, problem == NULL ? PM_LOG_INFO : PM_LOG_WARNING, "%s", text);
}

static void on_received(void *user, const uint8_t *data, size_t len)
{
    struct pm_net *net = user;
    net->sink.received(net->sink.user, data, len);
}

static void on_writable(void *user)
{
    struct pm_net *net = user;
    net->sink.writable(net->sink.user);
}

static void on_closed(void *user)
{
    struct pm_net *net = user;
    net->sink.closed(net->sink.user);
}

static void on_log(void *user, enum pm_log_level level, const char *text)
{
    pm__net_say(user, level, "%s", text);
}

static void release(struct pm_net *net)
{
    pm_tls_trust_end(&net->trust);
    pm_tls_local_end(&net->local);
    free(net->lab_hosts);
    free(net->bindings);
    free(net);
}

static void on_gone(void *user, struct pm_conn *conn)
{
    struct pm_net *net = user;
    for (size_t i = 0; i < LINGERING_MAX; i++) {
        if (net->lingering[i] == conn) {
            net->lingering[i] = NULL;
        }
    }
    net->living--;
    if (!net->freed && net->sink.settled != NULL) {
        net->sink.settled(net->sink.user);
    }
    if (net->freed && net->living == 0) {
        release(net);
    }
}

static const struct pm_conn_events conn_events = {
    .opened = on_opened,
    .handshake = on_handshake,
    .received = on_received,
    .writable = on_writable,
    .closed = on_closed,
    .log = on_log,
    .gone = on_gone,
};

/* ---- letting go ------------------------------------------------------------------- */

/* Keeps track of a connection that finishes in the background; the oldest gives way. */
static void keep_lingering(struct pm_net *net, struct pm_conn *conn)
{
    struct pm_conn *oldest = net->lingering[0];
    for (size_t i = 1; i < LINGERING_MAX; i++) {
        net->lingering[i - 1] = net->lingering[i];
    }
    net->lingering[LINGERING_MAX - 1] = conn;
    if (oldest != NULL) {
        pm_conn_close(oldest, false);
    }
}

void pm_net_close(struct pm_net *net, bool graceful)
{
    struct pm_conn *conn = net->conn;
    net->conn = NULL;
    net->op = NULL;
    if (conn == NULL) {
        return;
    }
    if (graceful) {
        keep_lingering(net, conn);
    }
    pm_conn_close(conn, graceful);
}

bool pm_net_settled(const struct pm_net *net)
{
    for (size_t i = 0; i < LINGERING_MAX; i++) {
        if (net->lingering[i] != NULL) {
            return false;
        }
    }
    return true;
}

bool pm_net_cancel(struct pm_net *net, struct pm_op *op)
{
    if (op == NULL) {
        return false;
    }
    if (net->op == op) {
        pm_net_close(net, false);
        return true;
    }
    return pm__net_auth_cancel(net, op) || pm__net_query_cancel(net, op);
}

/* ---- opening ---------------------------------------------------------------------- */

static bool keep_host(struct pm_net *net, struct pm_slice host)
{
    if (pm_idna_ascii(host, net->host, sizeof net->host) == 0) {
        pm__net_say(net, PM_LOG_WARNING, "no valid host name, %zu bytes long", host.len);
        return false;
    }
    return true;
}

static int load_file(void *user, enum pm_storage storage, const uint8_t *name, size_t len,
                     uint8_t **data, size_t *data_len, size_t max)
{
    const struct pm_net *net = user;
    return net->sink.load(net->sink.user, storage, name, len, data, data_len, max);
}

/* The TLS session of a request; NULL after a line in the log. */
static SSL *make_tls(struct pm_net *net, const struct pm_tls_request *request)
{
    const struct pm_catcher *catcher = net->options.catcher;
    bool pass = catcher != NULL && !pm_catcher_verify(catcher);
    struct pm_tls_setup setup = {
        .request = request,
        .host = net->host,
        .verify_always = net->options.verify_always,
        .system_ca = net->options.system_ca,
        .pass = pass,
        .anchor = catcher != NULL && !pass ? pm_catcher_ca(catcher) : NULL,
        .local = &net->local,
        .trust = net->options.trust != NULL ? net->options.trust : &net->trust,
        .user = net,
        .load = load_file,
    };
    char err[300] = "";
    pm_tls_asked(request, net->asked, sizeof(net->asked));
    net->checked = pm_tls_checked(&setup);
    SSL *ssl = pm_tls_client(&setup, err, sizeof(err));
    if (ssl == NULL) {
        pm__net_say(net, PM_LOG_ERROR, "TLS with %s failed: %s; asked %s", net->host, err,
                    net->asked);
    }
    return ssl;
}

static int32_t begin(struct pm_net *net, const struct pm_conn_target *target)
{
    int fd = -1;
    if (net->options.catcher != NULL) {
        fd = pm_catcher_connect(net->options.catcher, net->host, target->port, target->ssl != NULL);
        if (fd < 0) {
            SSL_free(target->ssl);
            return fd;
        }
    }
    struct pm_conn *conn = pm_conn_new(net->loop, &conn_events, net);
    if (conn == NULL) {
        SSL_free(target->ssl);
        pm__net_say(net, PM_LOG_ERROR, "no memory for a connection");
        if (fd >= 0) {
            close(fd);
        }
        return PM_ERR_CONNECT;
    }
    net->living++;
    net->conn = conn;
    if (fd >= 0) {
        pm_conn_attach(conn, fd, target);
    } else {
        pm_conn_open(conn, net->resolver, target);
    }
    return PM_PENDING;
}

bool pm__net_path(const struct pm_net *net, const struct pm_route *route, struct pm_path *path)
{
    *path = (struct pm_path){0};
    bool known = route->context >= 1 && route->context <= PM_PDP_CONTEXTS;
    path->binding = known && net->bindings != NULL ? &net->bindings[route->context - 1] : NULL;
    path->family = pm_binding_family(path->binding, route->type);
    for (size_t i = 0; i < 2 && route->dns[i].family != PM_IP_NONE; i++) {
        char text[INET6_ADDRSTRLEN] = "";
        size_t len = strlen(path->servers);
        bool v6 = route->dns[i].family == PM_IPV6;
        (void)uv_inet_ntop(v6 ? AF_INET6 : AF_INET, route->dns[i].bytes, text, sizeof(text));
        snprintf(path->servers + len, sizeof(path->servers) - len, v6 ? "%s[%s]:%u" : "%s%s:%u",
                 i > 0 ? "," : "", text, net->options.dns_port);
    }
    if (path->family < 0) {
        pm__net_say(net, PM_LOG_WARNING,
                    "context %u has no addresses of the family that it is bound to",
                    route->context);
    }
    return path->family >= 0;
}

int32_t pm_net_open(struct pm_net *net, struct pm_op *op, const struct pm_connect_request *request)
{
    pm_net_close(net, false);
    if (!keep_host(net, request->host)) {
        return PM_ERR_RESOLVE;
    }
    if (!pm__slice_is_ascii(request->host)) {
        pm__net_say(net, PM_LOG_INFO, "%.*s is asked for as %s", (int)request->host.len,
                    (const char *)request->host.ptr, net->host);
    }
    struct pm_conn_target target = {
        .host = net->host,
        .port = request->port,
        .connect_ms = net->options.connect_ms,
    };
    if (!pm__net_path(net, &request->route, &target.path)) {
        return PM_ERR_CONNECT;
    }
    net->upgrade = false;
    if (request->tls != NULL) {
        target.ssl = make_tls(net, request->tls);
        target.handshake_ms = pm_tls_handshake_ms(request->tls);
        if (target.ssl == NULL) {
            return PM_ERR_TLS;
        }
    }
    int32_t status = begin(net, &target);
    net->op = status == PM_PENDING ? op : NULL;
    return status;
}

int32_t pm_net_starttls(struct pm_net *net, struct pm_op *op,
                        const struct pm_connect_request *request)
{
    if (net->conn == NULL || net->op != NULL) {
        return PM_ERR_CLOSED;
    }
    if (request->tls == NULL || !keep_host(net, request->host)) {
        return PM_ERR_TLS;
    }
    SSL *ssl = make_tls(net, request->tls);
    if (ssl == NULL) {
        return PM_ERR_TLS;
    }
    net->upgrade = true;
    int32_t status = pm_conn_starttls(net->conn, ssl, pm_tls_handshake_ms(request->tls));
    net->op = status == PM_PENDING ? op : NULL;
    return status;
}

int32_t pm_net_send(struct pm_net *net, const uint8_t *data, size_t len)
{
    return net->conn != NULL ? pm_conn_send(net->conn, data, len) : PM_ERR_CLOSED;
}

void pm_net_flush(struct pm_net *net)
{
    if (net->conn != NULL) {
        pm_conn_flush(net->conn);
    }
}

/* ---- interfaces ----------------------------------------------------------------------- */

/* Says once that what a context is bound to is not there, until it is there again. */
static void say_missing(struct pm_net *net, size_t index)
{
    const struct pm_binding *binding = &net->bindings[index];
    uint32_t bit = UINT32_C(1) << index;
    if ((net->missing & bit) == 0) {
        net->missing |= bit;
        pm__net_say(net, PM_LOG_WARNING, "context %zu has no network: %s is not there", index + 1,
                    binding->interface[0] != '\0' ? binding->interface : "its source address");
    }
}

static void on_link_lost(void *user, size_t index)
{
    struct pm_net *net = user;
    say_missing(net, index);
    if (net->sink.context_lost != NULL) {
        net->sink.context_lost(net->sink.user, (uint8_t)(index + 1));
    }
}

int32_t pm_net_context_open(struct pm_net *net, uint8_t context)
{
    if (net->bindings == NULL) {
        return PM_OK;
    }
    if (!pm_binding_up(&net->bindings[context - 1])) {
        say_missing(net, context - 1U);
        return PM_ERR_CONNECT;
    }
    net->missing &= ~(UINT32_C(1) << (context - 1));
    return PM_OK;
}

/* ---- life --------------------------------------------------------------------------- */

/* Who answers for names: the resolver, or the lab that goes with a catcher. */
static bool start_names(struct pm_net *net, const struct pm_net_options *options, char *err,
                        size_t err_size)
{
    net->options.lab_hosts = NULL;
    if (options->catcher == NULL) {
        net->resolver =
            pm_resolver_new(net->loop, options->dns_servers, options->resolv_conf, err, err_size);
        return net->resolver != NULL;
    }
    net->lab_hosts = strdup(options->lab_hosts != NULL ? options->lab_hosts : "");
    net->lab = (struct pm_lab){.hosts = net->lab_hosts, .faults = options->lab_faults};
    if (net->lab_hosts == NULL) {
        snprintf(err, err_size, "out of memory");
    }
    return net->lab_hosts != NULL;
}

/* Most modules have nothing bound: they keep no place for it. */
static bool start_bindings(struct pm_net *net, const struct pm_net_options *options)
{
    const size_t size = PM_PDP_CONTEXTS * sizeof(net->bindings[0]);
    bool any = false;
    for (size_t i = 0; options->bindings != NULL && i < PM_PDP_CONTEXTS; i++) {
        const struct pm_binding *binding = &options->bindings[i];
        any = any || binding->any_family || !pm_binding_empty(binding);
    }
    if (!any || options->catcher != NULL) {
        return true;
    }
    net->bindings = malloc(size);
    if (net->bindings == NULL) {
        return false;
    }
    memcpy(net->bindings, options->bindings, size);
    net->links = pm_links_new(net->loop, net->bindings, PM_PDP_CONTEXTS, on_link_lost, net);
    return true;
}

struct pm_net *pm_net_new_sink(const struct pm_net_sink *sink, uv_loop_t *loop,
                               const struct pm_net_options *options, char *err, size_t err_size)
{
    struct pm_net *net = calloc(1, sizeof(*net));
    if (net == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    net->sink = *sink;
    net->loop = loop;
    net->options = *options;
    net->options.dns_servers = net->options.resolv_conf = NULL;
    net->options.token_file = net->options.token_command = NULL;
    net->options.bindings = NULL;
    net->options.dns_port = options->dns_port != 0 ? options->dns_port : DNS_PORT;
    if (net->options.connect_ms == 0) {
        net->options.connect_ms = PM_CONN_CONNECT_MS;
    }
    net->options.tls_ca_file = net->options.tls_pins = NULL;
    net->options.tls_client_cert = net->options.tls_client_key = NULL;
    if (!pm_tls_local_init(&net->local, options->tls_ca_file, options->tls_client_cert,
                           options->tls_client_key, options->tls_pins, err, err_size) ||
        !start_names(net, options, err, err_size)) {
        pm_tls_local_end(&net->local);
        free(net);
        return NULL;
    }
    if (!start_bindings(net, options) || !pm__net_auth_start(net, options)) {
        snprintf(err, err_size, "out of memory");
        pm_net_free(net);
        return NULL;
    }
    return net;
}

void pm_net_free(struct pm_net *net)
{
    if (net == NULL) {
        return;
    }
    net->freed = true;
    pm_net_close(net, false);
    pm__net_auth_end(net);
    (void)pm__net_query_cancel(net, NULL);
    pm_links_free(net->links);
    net->links = NULL;
    for (size_t i = 0; i < LINGERING_MAX; i++) {
        if (net->lingering[i] != NULL) {
            pm_conn_close(net->lingering[i], false);
        }
    }
    pm_resolver_free(net->resolver);
    net->resolver = NULL;
    if (net->living == 0) {
        release(net);
    }
}
