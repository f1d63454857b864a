/* SPDX-License-Identifier: MIT */
/* Before a mail job connects: memory, TLS settings, identifiers, open files, the size. */
#include <string.h>

#include "module/job.h"

/* The part of the job's memory that holds copies of SSL texts: four file names, the key's
 * password and ALPN at their longest. QSSLCFG may change the originals meanwhile. */
#define TLS_TEXTS (4U * PM_FILE_NAME_SIZE + 64U + 64U)

static struct pm_slice keep(uint8_t **at, struct pm_slice text)
{
    uint8_t *here = *at;
    if (text.len != 0) {
        memcpy(here, text.ptr, text.len);
    }
    *at += text.len;
    return (struct pm_slice){here, text.len};
}

/* TLS with the server of the policy: the best there is, and always checked. */
static void configured_tls(struct pm_tls_request *tls)
{
    *tls = (struct pm_tls_request){.version = 4,
                                   .ciphersuite = 0xFFFF,
                                   .seclevel = 1,
                                   .sni = true,
                                   .negotiate_s = 60,
                                   .configured = true};
}

static void host_tls(struct pm_module *module, const struct pm__relay *relay, uint8_t *texts)
{
    struct pm_job *job = &module->job;
    const uint8_t context = module->draft.sslctxid;
    const struct pm_ssl *ssl = &module->ssl[context];
    const struct pm_arena *arena = &module->arena;
    job->tls = (struct pm_tls_request){
        .version = ssl->sslversion,
        .ciphersuite = ssl->ciphersuite,
        .seclevel = ssl->seclevel,
        .ignore_local_time = ssl->ignorelocaltime != 0,
        .sni = ssl->sni != 0,
        .negotiate_s = ssl->negotiatetime,
        .cacert = keep(&texts, pm__arena_get(arena, PM__KEY_CACERT, context)),
        .cacertex = keep(&texts, pm__arena_get(arena, PM__KEY_CACERTEX, context)),
        .clientcert = keep(&texts, pm__arena_get(arena, PM__KEY_CLIENTCERT, context)),
        .clientkey = keep(&texts, pm__arena_get(arena, PM__KEY_CLIENTKEY, context)),
        .key_password = keep(&texts, pm__arena_get(arena, PM__KEY_KEY_PASSWORD, context)),
        .alpn = keep(&texts, pm__arena_get(arena, PM__KEY_ALPN, context)),
        .owner_account = module->draft.secret_account || pm__auth_has_token(module, relay->server),
    };
}

static void describe_tls(struct pm_module *module, const struct pm__relay *relay, uint8_t *texts)
{
    if (pm__policy_relays(module)) {
        configured_tls(&module->job.tls);
    } else {
        host_tls(module, relay, texts);
    }
}

/* Where the mail goes, and how. The owner's server is not looked up at name servers of the host's:
 * it could name another machine with them. */
static void describe_request(struct pm_module *module, const struct pm__relay *relay)
{
    struct pm_job *job = &module->job;
    struct pm_route *route = &job->request.route;
    job->request = (struct pm_connect_request){
        .host = relay->server,
        .port = relay->port,
        .tls = relay->ssltype == 1 ? &job->tls : NULL,
    };
    pm__route(module, module->draft.contextid, route);
    if (pm__policy_relays(module)) {
        memset(route->dns, 0, sizeof route->dns);
    }
}

/* File bytes grow by 78/57 in base64 lines: the three buffers then fill evenly. */
static void share_memory(struct pm_job *job)
{
    size_t rest = job->memory_size - TLS_TEXTS;
    job->in = job->memory + TLS_TEXTS;
    job->in_size = rest * 3 / 11;
    job->mid = job->in + job->in_size;
    job->mid_size = rest * 4 / 11;
    job->out = job->mid + job->mid_size;
    job->out_size = rest - job->in_size - job->mid_size;
}

/* A Message-ID stays while the draft does (SD38); the boundary is new each time. */
static bool identify(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    struct pm_draft *draft = &module->draft;
    const struct pm_platform *platform = module->platform;
    uint8_t random[12];
    struct pm__text text;
    if (!draft->id_valid) {
        if (platform->random(platform->user, draft->id, sizeof draft->id) != PM_OK) {
            return false;
        }
        draft->id_valid = true;
    }
    if (platform->random(platform->user, random, sizeof random) != PM_OK) {
        return false;
    }
    pm__text_init(&text, job->message_id, sizeof job->message_id - 1);
    for (size_t i = 0; i < sizeof draft->id; i++) {
        pm__text_hex(&text, draft->id[i], 2);
    }
    pm__text_char(&text, '@');
    pm__text_add(&text, module->config->ehlo_name);
    job->message_id[text.len] = '\0';
    pm__text_init(&text, job->boundary, sizeof job->boundary - 1);
    pm__text_add(&text, "=_pm_");
    for (size_t i = 0; i < sizeof random; i++) {
        pm__text_hex(&text, random[i], 2);
    }
    job->boundary[text.len] = '\0';
    return true;
}

uint16_t pm__prepare_begin(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    job->memory = platform->job_memory(platform->user, &job->memory_size);
    if (job->memory == NULL || job->memory_size < 4096) {
        return PM_MAIL_NO_MEMORY;
    }
    share_memory(job);
    if (!identify(module)) {
        return PM_MAIL_UNKNOWN;
    }
    job->changes = pm__reuse_changes(module); /* with what is copied from the settings here */
    const struct pm__relay relay = pm__policy_relay(module);
    describe_tls(module, &relay, job->memory);
    if (module->config->mail_clock_module) {
        pm__clock_local(module, &job->date);
    } else {
        platform->wall_clock(platform->user, &job->date);
    }
    if (module->config->policy.require_tls && relay.ssltype == 0) {
        pm__log_text(module, PM_LOG_WARNING, "mail.require_tls: no mail without TLS");
        return PM_MAIL_SSL;
    }
    job->tls.verify =
        module->config->policy.require_tls || pm__auth_has_token(module, relay.server);
    pm__international_begin(module, relay.sender);
    if (job->sender.len == 0) {
        pm__log_text(module, PM_LOG_WARNING, "the sender's domain has no ASCII form");
        return PM_MAIL_MAILBOX_NAME;
    }
    describe_request(module, &relay);
    pm__policy_log(module);
    return 0;
}

/* A file that AT+QFWRITE or AT+QFTUCAT is at work on is in no state to be sent. */
static bool changing(struct pm_module *module, const struct pm__attachment *attachment)
{
    const struct pm_handle *handle = pm__handle_of(module, attachment->storage, attachment->name);
    return handle != NULL && handle->changing;
}

/* Opens the attachments one by one: from then on each stays as it is (SD19). */
bool pm__prepare_files(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    struct pm__attachment attachment;
    if (job->opening) {
        job->opening = false;
        if (job->op.result < 0) {
            pm__job_fail(module, PM_MAIL_FILE_OPEN, 0);
            return true;
        }
        job->files[job->file_count++] = job->op.result;
    }
    if (!pm__attachment_nth(module, job->file_count, &attachment)) {
        job->state = PM_JOB_MEASURE;
        pm__compose_begin(module);
        return true;
    }
    if (changing(module, &attachment)) {
        pm__job_fail(module, PM_MAIL_FILE_OPEN, 0);
        return true;
    }
    job->opening = true;
    return pm__job_await(job, platform->file_open(platform->user, &job->op,
                                                  (enum pm_storage)attachment.storage,
                                                  attachment.name, &job->sizes[job->file_count]));
}

bool pm__prepare_connect(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    job->state = PM_JOB_CONNECT;
    return pm__job_await(job, platform->conn_open(platform->user, &job->op, &job->request));
}

/* Composes once without attachment bytes, so that SIZE= is exact (RFC 1870), then connects. */
bool pm__prepare_measure(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    size_t written = 0;
    enum pm__composed how = pm__compose(module, &written, true);
    job->message_size += written;
    if (how == PM__COMPOSED_BAD) {
        pm__job_fail(module, PM_MAIL_FILE_OPEN, 0);
        return true;
    }
    if (how != PM__COMPOSED_ALL) {
        return how == PM__COMPOSED_SOME;
    }
    for (uint8_t i = 0; i < job->file_count; i++) {
        job->message_size += pm_mime_attachment_octets(job->sizes[i]);
    }
    pm__compose_begin(module);
    return pm__session_again(module) || pm__prepare_connect(module);
}
