/* SPDX-License-Identifier: MIT */
/* Differences for people: bytes escaped, long ones cut to where they differ. */
#include "play/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"

/* Bytes shown before and behind the one that differs. */
#define BEFORE 40U
#define BEHIND 80U
/* Bytes of a text that are shown. */
#define TEXT_MOST 8192U

void play_report_begin(struct play_report *report)
{
    memset(report, 0, sizeof *report);
    report->out = open_memstream(&report->text, &report->text_len);
}

void play_report_end(struct play_report *report)
{
    if (report->out != NULL) {
        (void)fclose(report->out);
        report->out = NULL;
    }
}

void play_report_free(struct play_report *report)
{
    play_report_end(report);
    free(report->text);
    report->text = NULL;
}

void play_report_difference(struct play_report *report, bool note, const char *line)
{
    report->muted = note && report->notes_told;
    if (report->muted) {
        return;
    }
    if (note) {
        report->notes++;
    } else {
        report->differences++;
        report->verdict = PLAY_FAILED;
    }
    if (!note && report->headline[0] == '\0') {
        (void)snprintf(report->headline, sizeof report->headline, "%s", line);
    }
    if (report->out != NULL) {
        (void)fprintf(report->out, "%s%s\n", note ? "note: " : "", line);
    }
}

void play_report_error(struct play_report *report, const char *line)
{
    report->error = true;
    play_report_difference(report, false, line);
}

size_t play_escape(const uint8_t *bytes, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + PM__ESCAPE_MAX < size; i++) {
        n += pm__escape(bytes[i], out + n);
    }
    out[n] = '\0';
    return n;
}

void play_report_bytes(struct play_report *report, const char *label, const uint8_t *bytes,
                       size_t len, size_t mark)
{
    char text[5 * (BEFORE + BEHIND) + 1];
    size_t at = mark == SIZE_MAX ? 0 : mark;
    size_t from = at > BEFORE ? at - BEFORE : 0;
    size_t to = len - from > BEFORE + BEHIND ? from + BEFORE + BEHIND : len;
    if (report->out == NULL || report->muted) {
        return;
    }
    if (len == 0) {
        (void)fprintf(report->out, "    %-9s(nothing)\n", label);
        return;
    }
    (void)play_escape(bytes + from, to - from, text, sizeof text);
    (void)fprintf(report->out, "    %-9s%s%s%s", label, from != 0 ? "..." : "", text,
                  to != len ? "..." : "");
    (void)fprintf(report->out, from != 0 || to != len ? "  (%zu bytes)\n" : "\n", len);
    if (mark <= len) {
        size_t column = play_escape(bytes + from, at - from, text, sizeof text);
        (void)fprintf(report->out, "    %-9s%*s^ byte %zu\n", "",
                      (int)(column + (from != 0 ? 3U : 0U)), "", at + 1);
    }
}

/* `shown`: the bytes at the end of a line belong to the text. */
static void put_lines(struct play_report *report, const uint8_t *at, size_t len, bool shown)
{
    char line[401];
    for (size_t from = 0; from < len;) {
        const uint8_t *newline = memchr(at + from, '\n', len - from);
        size_t n = newline != NULL ? (size_t)(newline - at) - from + 1 : len - from;
        (void)play_escape(at + from, n - (newline != NULL && !shown ? 1U : 0U), line, sizeof line);
        (void)fprintf(report->out, "    | %s\n", line);
        from += n;
    }
}

void play_report_text(struct play_report *report, const void *text, size_t len)
{
    size_t skip = len > TEXT_MOST ? len - TEXT_MOST : 0;
    if (report->out != NULL && !report->muted && len != 0) {
        put_lines(report, (const uint8_t *)text + skip, len - skip, true);
    }
}

void play_report_log(struct play_report *report, const char *log, size_t len)
{
    size_t skip = len > PLAY_LOG_SHOWN ? len - PLAY_LOG_SHOWN : 0;
    const char *newline = skip != 0 ? memchr(log + skip - 1, '\n', PLAY_LOG_SHOWN) : NULL;
    skip = newline != NULL ? (size_t)(newline - log) + 1 : skip;
    report->muted = false; /* It belongs to the play, not to the last note. */
    if (report->out != NULL && len != 0) {
        (void)fprintf(report->out, "    the module's log:\n");
        put_lines(report, (const uint8_t *)log + skip, len - skip, false);
    }
}
