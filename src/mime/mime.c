/* SPDX-License-Identifier: MIT */
/* The composer: the order of a message's pieces. The pieces are made in the other files. */
#include "postmodem/mime.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/date.h"
#include "mime/body.h"
#include "mime/charset.h"
#include "mime/filename.h"
#include "mime/header.h"
#include "mime/limits.h"

#include <string.h>

enum { MAX_BOUNDARY = 60, MAX_MESSAGE_ID = PM_ADDRESS_MAX };

/*
 * The pieces in their order. A step writes at most sizeof mime->stage bytes, or, while
 * it works on a feed, as many as the output takes. It answers PM_MIME_ROOM to go on (with the
 * same step or the next), or what it needs, then without having written anything.
 */
enum step {
    STEP_FROM,
    STEP_FROM_NAME,
    STEP_TO,
    STEP_CC,
    STEP_SUBJECT,
    STEP_SUBJECT_TEXT,
    STEP_FIELDS,
    STEP_CONTENT,
    STEP_BODY,
    STEP_PART,
    STEP_PART_NAME,
    STEP_PART_FILENAME,
    STEP_DATA,
    STEP_END,
    STEP_FAILED,
    STEPS
};

static enum pm_mime_need go(struct pm_mime *mime, enum step step)
{
    mime->step = (uint8_t)step;
    return PM_MIME_ROOM;
}

static struct pm__header header_of(struct pm_mime *mime, struct pm__text *out)
{
    return (struct pm__header){out, &mime->column};
}

/* ---- what the configuration must be ---- */

static bool message_id_valid(struct pm_slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] <= ' ' || id.ptr[i] > '~' || id.ptr[i] == '<' || id.ptr[i] == '>') {
            return false;
        }
    }
    return id.len >= 1 && id.len <= MAX_MESSAGE_ID;
}

static bool boundary_valid(struct pm_slice boundary)
{
    for (size_t i = 0; i < boundary.len; i++) {
        uint8_t c = boundary.ptr[i];
        if (!pm__ascii_is_alpha(c) && !pm__ascii_is_digit(c) && c != '=' && c != '_') {
            return false;
        }
    }
    return boundary.len >= 1 && boundary.len <= MAX_BOUNDARY;
}

static bool config_valid(const struct pm_mime_config *config)
{
    return pm_address_valid(config->sender_address) && message_id_valid(config->message_id) &&
           pm_mime_charset_name_valid(config->fallback_charset) &&
           (config->attachments == 0 || boundary_valid(config->boundary)) &&
           config->subject_charset <= PM_CHARSET_BIG5 && config->body.charset <= PM_CHARSET_BIG5;
}

void pm_mime_init(struct pm_mime *mime, const struct pm_mime_config *config)
{
    memset(mime, 0, sizeof *mime);
    mime->config = *config;
    if (config->fallback_charset.len == 0) {
        mime->config.fallback_charset = pm__slice("windows-1252");
    }
    if (config->body.bytes == 0) {
        pm_mime_scan_init(&mime->config.body, (enum pm_charset)config->body_charset);
    }
    mime->step = config_valid(&mime->config) ? STEP_FROM : STEP_FAILED;
    if (mime->step == STEP_FROM) {
        mime->encoding = (uint8_t)pm_mime_scan_encoding(&mime->config.body);
        mime->body_label = pm__label_body(&mime->config.body, mime->config.fallback_charset);
    }
}

/* ---- header fields ---- */

static enum pm_mime_need step_from(struct pm_mime *mime, struct pm__text *out)
{
    const struct pm_mime_config *config = &mime->config;
    struct pm_mime_label label = pm__label_name((enum pm_charset)config->subject_charset,
                                                config->sender_name, config->fallback_charset);
    pm__header_begin(header_of(mime, out), "From");
    pm__header_phrase(&mime->text, config->sender_name, label);
    return go(mime, STEP_FROM_NAME);
}

static enum pm_mime_need step_from_name(struct pm_mime *mime, struct pm__text *out)
{
    struct pm__header header = header_of(mime, out);
    struct pm_slice address = mime->config.sender_address;
    if (pm__header_piece(header, &mime->text)) {
        return PM_MIME_ROOM;
    }
    bool named = mime->config.sender_name.len > 0;
    if (named) {
        pm__header_fold_for(header, address.len + 2);
        pm__header_add(header, "<");
    }
    pm__header_address(header, address);
    if (named) {
        pm__header_add(header, ">");
    }
    pm__header_end(header);
    return go(mime, STEP_TO);
}

/* One address of a list, or the list's end, as the owner answered. */
static enum pm_mime_need list_address(struct pm_mime *mime, struct pm__text *out, const char *field,
                                      enum step next)
{
    struct pm__header header = header_of(mime, out);
    mime->answered = false;
    if (mime->answer.len == 0) {
        if (mime->listed > 0) {
            pm__header_end(header);
        }
        mime->listed = 0;
        return go(mime, next);
    }
    if (!pm_address_valid(mime->answer) || mime->listed == UINT16_MAX) {
        return go(mime, STEP_FAILED);
    }
    if (mime->listed == 0) {
        pm__header_begin(header, field);
    } else {
        pm__header_add(header, ",");
        pm__header_fold_for(header, mime->answer.len + 1);
    }
    pm__header_address(header, mime->answer);
    mime->listed++;
    mime->any_recipient = true;
    return PM_MIME_ROOM;
}

static enum pm_mime_need step_to(struct pm_mime *mime, struct pm__text *out)
{
    return mime->answered ? list_address(mime, out, "To", STEP_CC) : PM_MIME_NEED_TO;
}

static enum pm_mime_need step_cc(struct pm_mime *mime, struct pm__text *out)
{
    return mime->answered ? list_address(mime, out, "Cc", STEP_SUBJECT) : PM_MIME_NEED_CC;
}

static enum pm_mime_need step_subject(struct pm_mime *mime, struct pm__text *out)
{
    const struct pm_mime_config *config = &mime->config;
    struct pm_mime_label label = pm__label_text((enum pm_charset)config->subject_charset,
                                                config->subject, config->fallback_charset);
    if (!mime->any_recipient) {
        /* All recipients are blind ones: an empty group keeps old relays content. */
        pm__text_add(out, "To: undisclosed-recipients:;\r\n");
    }
    pm__header_begin(header_of(mime, out), "Subject");
    pm__header_unstructured(&mime->text, config->subject, label);
    return go(mime, STEP_SUBJECT_TEXT);
}

static enum pm_mime_need step_subject_text(struct pm_mime *mime, struct pm__text *out)
{
    if (pm__header_piece(header_of(mime, out), &mime->text)) {
        return PM_MIME_ROOM;
    }
    pm__header_end(header_of(mime, out));
    return go(mime, STEP_FIELDS);
}

static enum pm_mime_need step_fields(struct pm_mime *mime, struct pm__text *out)
{
    pm__text_add(out, "Date: ");
    pm__date_rfc5322(out, mime->config.date_unix, mime->config.date_offset_minutes);
    pm__text_add(out, "\r\nMessage-ID: <");
    pm__text_slice(out, mime->config.message_id);
    pm__text_add(out, ">\r\nMIME-Version: 1.0\r\n");
    return go(mime, STEP_CONTENT);
}

/* ---- structure ---- */

static void put_boundary(struct pm_mime *mime, struct pm__text *out, const char *end)
{
    pm__text_add(out, "--");
    pm__text_slice(out, mime->config.boundary);
    pm__text_add(out, end);
}

static enum pm_mime_need step_content(struct pm_mime *mime, struct pm__text *out)
{
    static const char *const encodings[] = {"7bit", "quoted-printable", "base64"};
    if (mime->config.attachments > 0) {
        pm__text_add(out, "Content-Type: multipart/mixed;\r\n boundary=\"");
        pm__text_slice(out, mime->config.boundary);
        pm__text_add(out, "\"\r\n\r\n");
        put_boundary(mime, out, "\r\n");
    }
    pm__text_add(out, "Content-Type: text/plain; charset=");
    pm__text_slice(out, mime->body_label.name);
    pm__text_add(out, "\r\nContent-Transfer-Encoding: ");
    pm__text_add(out, encodings[mime->encoding]);
    pm__text_add(out, "\r\n\r\n");
    pm__body_begin(mime, mime->config.body.bytes);
    return go(mime, STEP_BODY);
}

static enum pm_mime_need step_body(struct pm_mime *mime, struct pm__text *out)
{
    if (mime->feed.len > 0) {
        return pm__body_write(mime, out) ? PM_MIME_ROOM : go(mime, STEP_FAILED);
    }
    if (mime->remaining > 0) {
        return PM_MIME_NEED_BODY;
    }
    pm__body_finish(mime, out);
    /* A boundary line owns the line end before it, so that a text without a final line end
     * stays one. A message has to end its last line (RFC 5321 4.1.1.4). Base64 always does. */
    bool multipart = mime->config.attachments > 0;
    if (mime->encoding != PM_MIME_BASE64 && (multipart || mime->column > 0)) {
        pm__text_add(out, "\r\n");
    }
    return go(mime, multipart ? STEP_PART : STEP_END);
}

/* ---- attachments ---- */

static enum pm_mime_need step_part(struct pm_mime *mime, struct pm__text *out)
{
    if (mime->parts == mime->config.attachments) {
        put_boundary(mime, out, "--\r\n");
        return go(mime, STEP_END);
    }
    if (!mime->answered) {
        return PM_MIME_NEED_PART;
    }
    struct pm__header header = header_of(mime, out);
    mime->answered = false;
    mime->parts++;
    mime->answer = pm__filename(mime->answer);
    struct pm_mime_label label = pm__label_name((enum pm_charset)mime->config.subject_charset,
                                                mime->answer, mime->config.fallback_charset);
    put_boundary(mime, out, "\r\n");
    pm__header_begin(header, "Content-Type");
    pm__header_add(header, pm__content_type(mime->answer));
    pm__header_add(header, ";");
    pm__header_fold(header);
    pm__header_add(header, "name=");
    pm__header_phrase(&mime->text, mime->answer, label);
    mime->text.control = '_'; /* as in "filename" */
    if (mime->text.form == PM__FORM_WORDS) {
        pm__header_add(header, "\"");
    }
    return go(mime, STEP_PART_NAME);
}

/* The parameter "name" holds encoded-words, which RFC 2047 does not foresee but readers that
 * do not know RFC 2231 expect; all others look at "filename" first. */
static enum pm_mime_need step_part_name(struct pm_mime *mime, struct pm__text *out)
{
    struct pm__header header = header_of(mime, out);
    if (pm__header_piece(header, &mime->text)) {
        return PM_MIME_ROOM;
    }
    pm__header_add(header, mime->text.form == PM__FORM_WORDS ? "\"" : "");
    pm__header_end(header);
    pm__text_add(out, "Content-Transfer-Encoding: base64\r\n");
    pm__header_begin(header, "Content-Disposition");
    pm__header_add(header, "attachment");
    pm__parameter(&mime->text, mime->answer, mime->text.label);
    return go(mime, STEP_PART_FILENAME);
}

static enum pm_mime_need step_part_filename(struct pm_mime *mime, struct pm__text *out)
{
    if (pm__parameter_piece(header_of(mime, out), &mime->text)) {
        return PM_MIME_ROOM;
    }
    pm__text_add(out, "\r\n\r\n");
    pm__body_begin(mime, mime->remaining);
    return go(mime, STEP_DATA);
}

static enum pm_mime_need step_data(struct pm_mime *mime, struct pm__text *out)
{
    if (mime->feed.len > 0) {
        pm__data_write(mime, out);
        return PM_MIME_ROOM;
    }
    if (mime->remaining > 0) {
        return PM_MIME_NEED_DATA;
    }
    pm__body_finish(mime, out);
    return go(mime, STEP_PART);
}

static enum pm_mime_need step_end(struct pm_mime *mime, struct pm__text *out)
{
    (void)mime;
    (void)out;
    return PM_MIME_END;
}

static enum pm_mime_need step_failed(struct pm_mime *mime, struct pm__text *out)
{
    (void)mime;
    (void)out;
    return PM_MIME_FAILED;
}

static enum pm_mime_need (*const steps[STEPS])(struct pm_mime *, struct pm__text *) = {
    [STEP_FROM] = step_from,
    [STEP_FROM_NAME] = step_from_name,
    [STEP_TO] = step_to,
    [STEP_CC] = step_cc,
    [STEP_SUBJECT] = step_subject,
    [STEP_SUBJECT_TEXT] = step_subject_text,
    [STEP_FIELDS] = step_fields,
    [STEP_CONTENT] = step_content,
    [STEP_BODY] = step_body,
    [STEP_PART] = step_part,
    [STEP_PART_NAME] = step_part_name,
    [STEP_PART_FILENAME] = step_part_filename,
    [STEP_DATA] = step_data,
    [STEP_END] = step_end,
    [STEP_FAILED] = step_failed,
};

/* ---- the pull reader ---- */

static size_t drain(struct pm_mime *mime, uint8_t *out, size_t size)
{
    size_t n = mime->stage_len - mime->stage_pos;
    n = n < size ? n : size;
    memcpy(out, mime->stage + mime->stage_pos, n);
    mime->stage_pos += n;
    return n;
}

/* One step, straight into `out` when that holds whatever a step may write. */
static enum pm_mime_need run_step(struct pm_mime *mime, uint8_t *out, size_t size, size_t *written)
{
    bool direct = size >= sizeof mime->stage;
    struct pm__text text;
    pm__text_init(&text, direct ? (char *)out : (char *)mime->stage,
                  direct ? size : sizeof mime->stage);
    enum pm_mime_need need = steps[mime->step](mime, &text);
    if (direct) {
        *written += text.len;
    } else {
        mime->stage_len = text.len;
        mime->stage_pos = 0;
    }
    return need;
}

enum pm_mime_need pm_mime_read(struct pm_mime *mime, uint8_t *out, size_t size, size_t *written)
{
    size_t n = 0;
    enum pm_mime_need need = PM_MIME_ROOM;
    for (;;) {
        n += drain(mime, out + n, size - n);
        if (n == size || need != PM_MIME_ROOM) {
            break;
        }
        need = run_step(mime, out + n, size - n, &n);
    }
    *written = n;
    mime->waiting = (uint8_t)need;
    return need;
}

static void answer(struct pm_mime *mime, struct pm_slice slice)
{
    mime->answer = slice;
    mime->answered = true;
    mime->waiting = PM_MIME_ROOM;
}

void pm_mime_address(struct pm_mime *mime, struct pm_slice address)
{
    if (mime->waiting == PM_MIME_NEED_TO || mime->waiting == PM_MIME_NEED_CC) {
        answer(mime, address);
    } else {
        mime->step = STEP_FAILED;
    }
}

void pm_mime_part(struct pm_mime *mime, struct pm_slice name, uint64_t size)
{
    if (mime->waiting == PM_MIME_NEED_PART) {
        answer(mime, name);
        mime->remaining = size;
    } else {
        mime->step = STEP_FAILED;
    }
}

void pm_mime_feed(struct pm_mime *mime, const uint8_t *data, size_t len)
{
    bool asked = mime->waiting == PM_MIME_NEED_BODY || mime->waiting == PM_MIME_NEED_DATA;
    if (!asked || len == 0 || len > mime->remaining) {
        mime->step = STEP_FAILED;
        return;
    }
    mime->feed = (struct pm_slice){data, len};
    mime->waiting = PM_MIME_ROOM;
}

uint64_t pm_mime_attachment_octets(uint64_t size)
{
    return pm__base64_lines_size(size);
}
