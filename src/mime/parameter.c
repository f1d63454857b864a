/* SPDX-License-Identifier: MIT */
/* The parameter "filename" (RFC 2183) with RFC 2231 for what a quoted-string cannot hold. */
#include "base/ascii.h"
#include "mime/charset.h"
#include "mime/filename.h"
#include "mime/limits.h"

#include <string.h>

#define NAME "filename"

/* Characters that stand for themselves: RFC 2231 attribute-char, as far as any name needs. */
static bool is_attribute_char(uint8_t c)
{
    return pm__ascii_is_alpha(c) || pm__ascii_is_digit(c) || memchr("-_.+!#$&^`{}~", c, 13) != NULL;
}

static size_t encoded_len(const uint8_t *bytes, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        len += is_attribute_char(bytes[i]) ? 1 : 3;
    }
    return len;
}

static void add_encoded(struct pm__header header, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = bytes[i];
        if (is_attribute_char(c)) {
            pm__text_char(header.out, (char)c);
            continue;
        }
        /* No file has control characters in its name on a recipient's machine. */
        pm__text_char(header.out, '%');
        pm__text_hex(header.out, pm__ascii_is_control(c) ? '_' : c, 2);
    }
    *header.column += encoded_len(bytes, n);
}

void pm__parameter(struct pm_mime_text *text, struct pm_slice filename, struct pm_mime_label label)
{
    const size_t around = sizeof(" " NAME "=") - 1;
    text->rest = filename;
    text->label = label;
    text->pieces = 0;
    text->form = PM__FORM_PARAMETER;
    if (pm__header_can_quote(filename, PM__LINE_AIM - around)) {
        text->form = PM__FORM_QUOTED;
    }
}

/* Writes as many whole characters as a line holds, with room for the separator after it. */
static void add_characters(struct pm__header header, struct pm_mime_text *text)
{
    while (text->rest.len > 0) {
        size_t n = pm__charset_char((enum pm_charset)text->label.charset, text->rest);
        if (*header.column + encoded_len(text->rest.ptr, n) + 1 > PM__LINE_AIM) {
            break;
        }
        add_encoded(header, text->rest.ptr, n);
        text->rest.ptr += n;
        text->rest.len -= n;
    }
}

static void segment(struct pm__header header, struct pm_mime_text *text)
{
    size_t label = text->label.name.len;
    size_t single =
        sizeof(" " NAME "*=''") - 1 + label + encoded_len(text->rest.ptr, text->rest.len);
    pm__header_add(header, NAME "*");
    if (text->pieces > 0 || single >= PM__LINE_AIM) {
        size_t before = header.out->len;
        pm__text_number(header.out, text->pieces);
        *header.column += header.out->len - before;
        pm__header_add(header, "*");
    }
    pm__header_add(header, "=");
    if (text->pieces == 0) {
        pm__text_slice(header.out, text->label.name);
        *header.column += label;
        pm__header_add(header, "''");
    }
    add_characters(header, text);
}

bool pm__parameter_piece(struct pm__header header, struct pm_mime_text *text)
{
    if (text->rest.len == 0) {
        return false;
    }
    pm__header_add(header, ";");
    pm__header_fold(header);
    if (text->form == PM__FORM_QUOTED) {
        pm__header_add(header, NAME "=");
        pm__header_quoted(header, text->rest);
        text->rest.len = 0;
    } else {
        segment(header, text);
    }
    text->pieces++;
    return true;
}
