/* SPDX-License-Identifier: MIT */
/* What AUTH of the mail connection needs from the network's side: keys, bindings and tokens. */
#include <openssl/crypto.h>
#include <string.h>

#include "host/crypto.h"
#include "host/net_internal.h"
#include "host/token.h"

static void end(struct pm_net *net, int32_t result)
{
    struct pm_op *op = net->auth.op;
    net->auth.op = NULL;
    net->auth.derivation = NULL;
    net->sink.done(net->sink.user, op, result);
}

static void on_derived(void *user, const uint8_t *key)
{
    struct pm_net *net = user;
    if (key != NULL) {
        memcpy(net->auth.out, key, 32);
    }
    end(net, key != NULL ? PM_OK : PM_ERR_UNSUPPORTED);
}

int32_t pm_net_pbkdf2(struct pm_net *net, struct pm_op *op, struct pm_slice password,
                      struct pm_slice salt, uint32_t count, uint8_t *out)
{
    net->auth.derivation = pm_crypto_derive(net->loop, password, salt, count, on_derived, net);
    if (net->auth.derivation == NULL) {
        return PM_ERR_UNSUPPORTED;
    }
    net->auth.op = op;
    net->auth.out = out;
    return PM_PENDING;
}

int32_t pm_net_binding(const struct pm_net *net, uint8_t *out)
{
    bool bound = net->conn != NULL && pm_conn_binding(net->conn, out);
    return bound ? PM_OK : PM_ERR_UNSUPPORTED;
}

static void on_token(void *user, int32_t result)
{
    end(user, result);
}

static void on_token_log(void *user, enum pm_log_level level, const char *text)
{
    pm__net_say(user, level, "%s", text);
}

bool pm__net_auth_start(struct pm_net *net, const struct pm_net_options *options)
{
    const struct pm_token_source source = {.file = options->token_file,
                                           .command = options->token_command,
                                           .user = net,
                                           .log = on_token_log,
                                           .done = on_token};
    bool wanted = (source.file != NULL && *source.file != '\0') ||
                  (source.command != NULL && *source.command != '\0');
    net->auth.token = wanted ? pm_token_new(net->loop, &source) : NULL;
    return !wanted || net->auth.token != NULL;
}

int32_t pm_net_token(struct pm_net *net, struct pm_op *op, bool renew, uint8_t *out, size_t cap)
{
    if (net->auth.token == NULL) {
        return PM_ERR_NOT_FOUND;
    }
    int32_t result = pm_token_get(net->auth.token, renew, out, cap);
    net->auth.op = result == PM_PENDING ? op : NULL;
    return result;
}

bool pm__net_auth_cancel(struct pm_net *net, const struct pm_op *op)
{
    if (net->auth.op == NULL || (op != NULL && net->auth.op != op)) {
        return false;
    }
    if (net->auth.derivation != NULL) {
        pm_crypto_derive_cancel(net->auth.derivation);
        net->auth.derivation = NULL;
    } else {
        pm_token_cancel(net->auth.token);
    }
    net->auth.op = NULL;
    return true;
}

void pm__net_auth_end(struct pm_net *net)
{
    (void)pm__net_auth_cancel(net, NULL);
    pm_token_free(net->auth.token);
    net->auth.token = NULL;
}
