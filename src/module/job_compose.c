/* SPDX-License-Identifier: MIT */
/* What the composer asks for comes from the draft and from the platform's files. */
#include <string.h>

#include "module/job.h"

void pm__compose_begin(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    const struct pm_draft *draft = &module->draft;
    const struct pm_arena *arena = &module->arena;
    struct pm_mime_config config = {
        .sender_name = pm__arena_get(arena, PM__KEY_SENDER_NAME, 0),
        .sender_address = job->sender,
        .subject = pm__arena_get(arena, PM__KEY_SUBJECT, 0),
        .subject_charset = draft->subject_charset,
        .message_id = pm__slice(job->message_id),
        .boundary = pm__slice(job->boundary),
        .fallback_charset = pm__slice(module->config->fallback_charset),
        .date_unix = job->date.unix_seconds,
        .date_offset_minutes = job->date.offset_minutes,
        .attachments = job->file_count,
    };
    if (draft->has_body) {
        config.body = draft->scan;
        config.body_charset = draft->body_charset;
    } else {
        pm_mime_scan_init(&config.body, PM_CHARSET_ASCII);
    }
    job->recipient = 0;
    job->part = 0;
    job->offset = 0;
    pm_mime_init(&job->mime, &config);
}

/* The next recipient of a kind from the job's cursor on; empty when there is no more, and the
 * cursor then starts over for the next kind. */
static struct pm_slice next_recipient(struct pm_module *module, uint8_t kind)
{
    struct pm_job *job = &module->job;
    struct pm__record record;
    while (pm__recipient_nth(module, job->recipient, &record)) {
        job->recipient++;
        if (record.index == kind) {
            return pm__address_ascii(module, record.text, job->address_ascii);
        }
    }
    job->recipient = 0;
    return (struct pm_slice){NULL, 0};
}

static void next_part(struct pm_module *module, bool measuring)
{
    struct pm_job *job = &module->job;
    struct pm__attachment attachment;
    if (pm__attachment_nth(module, job->part, &attachment)) {
        pm_mime_part(&job->mime, attachment.name, measuring ? 0 : job->sizes[job->part]);
    }
    job->part++;
    job->offset = 0;
}

/* Starts reading the file at hand; false when the platform needs time. */
static bool read_on(struct pm_module *module, pm_file file, uint64_t size)
{
    struct pm_job *job = &module->job;
    const struct pm_platform *platform = module->platform;
    uint64_t left = size - job->offset;
    size_t want = left < job->in_size ? (size_t)left : job->in_size;
    job->reading = true;
    pm__job_uses(&job->in_used, want);
    return pm__job_await(
        job, platform->file_read(platform->user, &job->op, file, job->offset, job->in, want));
}

/* True when attachment `part` is no longer the file that was opened. */
static bool changed(const struct pm_module *module, uint8_t part)
{
    const struct pm_platform *platform = module->platform;
    return platform->file_changed != NULL &&
           platform->file_changed(platform->user, module->job.files[part]);
}

static bool any_changed(const struct pm_module *module)
{
    for (uint8_t part = 0; part < module->job.file_count; part++) {
        if (changed(module, part)) {
            return true;
        }
    }
    return false;
}

/* Takes what was read. A file that ends early is not the one that was announced. */
static bool take_read(struct pm_module *module)
{
    struct pm_job *job = &module->job;
    job->reading = false;
    if (job->part > 0 && changed(module, job->part - 1)) {
        return false;
    }
    if (job->op.result <= 0) {
        pm__log_text(module, PM_LOG_WARNING, "the storage does not give all bytes of a file");
        return false;
    }
    job->offset += (uint64_t)job->op.result;
    pm_mime_feed(&job->mime, job->in, (size_t)job->op.result);
    return true;
}

/* Gives the composer what it asks for. Returns false when that is yet to be read. */
static bool serve(struct pm_module *module, enum pm_mime_need need, bool measuring)
{
    struct pm_job *job = &module->job;
    switch (need) {
    case PM_MIME_NEED_TO:
        pm_mime_address(&job->mime, next_recipient(module, PM_RECIPIENT_TO));
        return true;
    case PM_MIME_NEED_CC:
        pm_mime_address(&job->mime, next_recipient(module, PM_RECIPIENT_CC));
        return true;
    case PM_MIME_NEED_PART: next_part(module, measuring); return true;
    case PM_MIME_NEED_BODY: return read_on(module, module->draft.body, job->mime.config.body.bytes);
    default: return read_on(module, job->files[job->part - 1], job->sizes[job->part - 1]);
    }
}

enum pm__composed pm__compose(struct pm_module *module, size_t *written, bool measuring)
{
    struct pm_job *job = &module->job;
    *written = 0;
    for (;;) {
        if (job->reading) {
            if (job->op.pending) {
                return PM__COMPOSED_WAIT;
            }
            if (!take_read(module)) {
                return PM__COMPOSED_BAD;
            }
        }
        if (*written == job->mid_size) {
            return PM__COMPOSED_SOME;
        }
        size_t n = 0;
        enum pm_mime_need need =
            pm_mime_read(&job->mime, job->mid + *written, job->mid_size - *written, &n);
        *written += n;
        pm__job_uses(&job->mid_used, *written);
        if (need == PM_MIME_END) { /* Empty files were not read, others may have changed since. */
            return any_changed(module) ? PM__COMPOSED_BAD : PM__COMPOSED_ALL;
        }
        if (need == PM_MIME_FAILED) {
            return PM__COMPOSED_BAD;
        }
        if (need != PM_MIME_ROOM) {
            (void)serve(module, need, measuring);
        }
    }
}
