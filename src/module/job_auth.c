/* SPDX-License-Identifier: MIT */
/* AUTH of the mail job: what may be used, and what the platform computes or gets for it. */
#include <string.h>

#include "base/list.h"
#include "base/wipe.h"
#include "module/job.h"

/* True when `text`, names between commas, holds `name`, case aside. */
static bool listed(const char *text, struct pm_slice name)
{
    struct pm_slice list = pm__list(text);
    struct pm_slice entry;
    while (pm__list_next(&list, &entry)) {
        if (pm__slice_equal_nocase(entry, name)) {
            return true;
        }
    }
    return false;
}

/* Whether the password may be shown to a server on a clear connection (SD59): that of a policy only
 * to servers that are named. */
static enum pm_smtp_clear_auth clear_auth(const struct pm_module *module,
                                          const struct pm__relay *relay)
{
    const struct pm_module_config *config = module->config;
    bool allowed =
        (config->auth_in_clear == PM_SMTP_CLEAR_AUTH_ALLOW && !pm__policy_relays(module)) ||
        listed(config->auth_in_clear_servers, relay->server);
    return allowed ? PM_SMTP_CLEAR_AUTH_ALLOW : PM_SMTP_CLEAR_AUTH_NEVER;
}

static void warn_of_clear(struct pm_module *module, const struct pm__relay *relay,
                          const struct pm_smtp_config *config)
{
    if (relay->ssltype != 0) {
        return;
    }
    if (config->token) {
        pm__log_text(module, PM_LOG_WARNING, "without TLS (ssltype 0) the token is not sent");
    } else if (config->clear_auth == PM_SMTP_CLEAR_AUTH_ALLOW && relay->username.len != 0) {
        pm__log_text(module, PM_LOG_WARNING,
                     "the account may be sent over a connection without TLS (auth_in_clear)");
    }
}

/* A server of the host's choice must not be able to collect tokens. */
bool pm__auth_has_token(const struct pm_module *module, struct pm_slice server)
{
    return module->platform->token != NULL && server.len != 0 &&
           pm__slice_equal_nocase(pm__slice(module->config->token_server), server);
}

void pm__auth_configure(struct pm_module *module, const struct pm__relay *relay,
                        struct pm_smtp_config *config)
{
    const struct pm_platform *platform = module->platform;
    const struct pm_tls_request *tls = &module->job.tls;
    config->clear_auth = clear_auth(module, relay);
    config->forbidden = module->config->auth_forbidden;
    config->token = pm__auth_has_token(module, relay->server);
    warn_of_clear(module, relay, config);
    config->external = tls->configured ? module->config->policy.certificate
                                       : tls->seclevel == 2 && tls->clientcert.len != 0 &&
                                             relay->username.len != 0;
    if (platform->hash == NULL || platform->pbkdf2 == NULL) {
        config->forbidden |= PM_SMTP_SCRAM_SHA_256 | PM_SMTP_SCRAM_SHA_256_PLUS;
    }
    if (platform->channel_binding == NULL) {
        config->forbidden |= PM_SMTP_SCRAM_SHA_256_PLUS;
    }
}

/* From `in` to the end: what composing uses later. */
static size_t room(const struct pm_job *job)
{
    return job->in_size + job->mid_size + job->out_size;
}

static struct pm_slice copy(uint8_t *to, struct pm_slice from)
{
    if (from.len != 0) {
        memcpy(to, from.ptr, from.len);
    }
    return (struct pm_slice){to, from.len};
}

static int32_t compute(struct pm_module *module, const struct pm_smtp_event *event)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    struct pm_slice key = copy(job->in, event->key);
    struct pm_slice data = copy(job->in + key.len, event->data);
    switch (event->crypto) {
    case PM_SMTP_HMAC_MD5:
        return platform->hmac(platform->user, &job->op, PM_HMAC_MD5, key, data, job->digest);
    case PM_SMTP_HMAC_SHA256:
        return platform->hmac(platform->user, &job->op, PM_HMAC_SHA256, key, data, job->digest);
    case PM_SMTP_SHA256: return platform->hash(platform->user, &job->op, data, job->digest);
    case PM_SMTP_PBKDF2:
        return platform->pbkdf2(platform->user, &job->op, key, data, event->count, job->digest);
    case PM_SMTP_BINDING: return platform->channel_binding(platform->user, job->digest);
    default: return platform->random(platform->user, job->digest, PM_SMTP_RANDOM_SIZE);
    }
}

/* Key and data move to the job's memory: the session may get input while the platform works, which
 * overwrites them when it ends the session. */
bool pm__auth_crypto(struct pm_module *module, const struct pm_smtp_event *event)
{
    struct pm_job *job = &module->job;
    bool fits = event->key.len + event->data.len <= room(job);
    pm__job_uses(&job->in_used, room(job));
    job->state = PM_JOB_CRYPTO;
    return pm__job_await(job, fits ? compute(module, event) : PM_ERR_UNSUPPORTED);
}

bool pm__auth_token(struct pm_module *module, bool renew)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    job->state = PM_JOB_TOKEN;
    pm__job_uses(&job->in_used, room(job));
    return pm__job_await(job, platform->token(platform->user, &job->op, renew, job->in, room(job)));
}

void pm__auth_resume(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    int32_t result = job->op.result;
    bool token = job->state == PM_JOB_TOKEN;
    job->state = PM_JOB_SESSION;
    if (token) {
        size_t len = result > 0 ? (size_t)result : 0;
        /* It stays until the message is composed there, or the memory goes back: the session may
         * say the mechanism alone and wait for the server before it says the token. */
        pm_smtp_token(&job->smtp, (struct pm_slice){job->in, len}, module->now);
        return;
    }
    pm_smtp_crypto(&job->smtp, result == PM_OK ? job->digest : NULL, module->now);
    pm__wipe(job->digest, sizeof job->digest);
    pm__wipe(job->in, room(job));
}
