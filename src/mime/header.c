/* SPDX-License-Identifier: MIT */
/* The one writer of header fields. */
#include "mime/header.h"

#include "base/ascii.h"
#include "mime/limits.h"
#include "mime/words.h"

#include <string.h>

/* The longest word that leaves as it is: it fits a line behind any field name of ours. */
enum { PLAIN_WORD_MAX = 64, QUOTED_MAX = 66 };

void pm__header_add(struct pm__header header, const char *text)
{
    pm__text_add(header.out, text);
    *header.column += strlen(text);
}

void pm__header_begin(struct pm__header header, const char *name)
{
    *header.column = 0;
    pm__header_add(header, name);
    pm__header_add(header, ": ");
}

void pm__header_end(struct pm__header header)
{
    pm__text_add(header.out, "\r\n");
    *header.column = 0;
}

void pm__header_fold(struct pm__header header)
{
    pm__text_add(header.out, "\r\n ");
    *header.column = 1;
}

void pm__header_fold_for(struct pm__header header, size_t len)
{
    if (*header.column + 1 + len > PM__LINE_WORDS) {
        pm__header_fold(header);
    } else {
        pm__header_add(header, " ");
    }
}

static void add_slice(struct pm__header header, struct pm_slice slice)
{
    pm__text_slice(header.out, slice);
    *header.column += slice.len;
}

void pm__header_address(struct pm__header header, struct pm_slice address)
{
    add_slice(header, address);
}

/* A run of blanks and the word after it. */
static size_t next_word(struct pm_slice text)
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] == ' ') {
        len++;
    }
    while (len < text.len && text.ptr[len] != ' ') {
        len++;
    }
    return len;
}

/* Printable ASCII in which no reader finds an encoded-word. */
static bool is_printable(struct pm_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool looks_encoded = c == '=' && i + 1 < text.len && text.ptr[i + 1] == '?';
        if (c < 0x20 || c > 0x7E || looks_encoded) {
            return false;
        }
    }
    return true;
}

/* Blanks at the ends would be lost, and a word longer than a line could not be folded. */
static bool is_plain(struct pm_slice text)
{
    if (!is_printable(text)) {
        return false;
    }
    if (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ')) {
        return false;
    }
    while (text.len > 0) {
        size_t len = next_word(text);
        if (len > PLAIN_WORD_MAX) {
            return false;
        }
        text.ptr += len;
        text.len -= len;
    }
    return true;
}

static void plain_piece(struct pm__header header, struct pm_mime_text *text)
{
    struct pm_slice word = {text->rest.ptr, next_word(text->rest)};
    if (text->pieces > 0 && *header.column + word.len > PM__LINE_AIM) {
        /* The fold stands before the blanks, which are part of the text. */
        pm__header_end(header);
    }
    add_slice(header, word);
    text->rest.ptr += word.len;
    text->rest.len -= word.len;
}

bool pm__header_can_quote(struct pm_slice value, size_t limit)
{
    size_t len = 2;
    for (size_t i = 0; i < value.len; i++) {
        len += value.ptr[i] == '"' || value.ptr[i] == '\\' ? 2 : 1;
    }
    return len <= limit && is_printable(value);
}

void pm__header_quoted(struct pm__header header, struct pm_slice value)
{
    pm__header_add(header, "\"");
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\') {
            pm__header_add(header, "\\");
        }
        add_slice(header, (struct pm_slice){value.ptr + i, 1});
    }
    pm__header_add(header, "\"");
}

static void prepare(struct pm_mime_text *text, struct pm_slice value, struct pm_mime_label label,
                    enum pm__text_form form)
{
    text->rest = value;
    text->label = label;
    text->form = (uint8_t)form;
    text->control = ' ';
    text->pieces = 0;
}

void pm__header_unstructured(struct pm_mime_text *text, struct pm_slice value,
                             struct pm_mime_label label)
{
    prepare(text, value, label, is_plain(value) ? PM__FORM_PLAIN : PM__FORM_WORDS);
}

void pm__header_phrase(struct pm_mime_text *text, struct pm_slice value, struct pm_mime_label label)
{
    bool quoted = pm__header_can_quote(value, QUOTED_MAX);
    prepare(text, value, label, quoted ? PM__FORM_QUOTED : PM__FORM_WORDS);
}

bool pm__header_piece(struct pm__header header, struct pm_mime_text *text)
{
    if (text->rest.len == 0) {
        return false;
    }
    if (text->form == PM__FORM_QUOTED) {
        pm__header_quoted(header, text->rest);
        text->rest.len = 0;
    } else if (text->form == PM__FORM_PLAIN) {
        plain_piece(header, text);
    } else {
        pm__word(header, text);
    }
    text->pieces++;
    return true;
}
