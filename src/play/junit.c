/* SPDX-License-Identifier: MIT */
/* The JUnit document. Its text may hold any bytes of a file name, and so is checked and escaped. */
#include "play/junit.h"

#include <string.h>
#include <time.h>

#include "base/utf8.h"

/* U+FFFE and U+FFFF are UTF-8, but no characters of XML. */
static bool is_xml(struct pm_slice text, size_t len)
{
    return len != 3 || text.ptr[0] != 0xEF || text.ptr[1] != 0xBF || text.ptr[2] < 0xBE;
}

/* Text as XML has it; what XML cannot hold as \xHH. */
static void put(FILE *out, const char *text, size_t text_len)
{
    struct pm_slice rest = {(const uint8_t *)text, text_len};
    while (rest.len != 0) {
        uint8_t c = rest.ptr[0];
        size_t len = pm__utf8_char(rest);
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\n' || c == '\t') {
            (void)fprintf(out, "&#%u;", c);
            len = 1;
        } else if (c < 0x20 || c == 0x7F || len == 0 || !is_xml(rest, len)) {
            (void)fprintf(out, "\\x%02X", c);
            len = 1;
        } else {
            (void)fwrite(rest.ptr, 1, len, out);
        }
        rest.ptr += len;
        rest.len -= len;
    }
}

static void put_attribute(FILE *out, const char *name, const char *text)
{
    (void)fprintf(out, " %s=\"", name);
    put(out, text, strlen(text));
    (void)fputc('"', out);
}

static void put_text(FILE *out, const struct play_report *report)
{
    if (report->text != NULL) {
        put(out, report->text, report->text_len);
    }
}

static void put_case(FILE *out, const struct play_result *result)
{
    const struct play_report *report = &result->report;
    (void)fputs("    <testcase classname=\"transcripts\"", out);
    put_attribute(out, "name", result->path);
    put_attribute(out, "file", result->path);
    (void)fprintf(out, " time=\"%.3f\">\n", report->seconds);
    if (report->verdict == PLAY_SKIPPED) {
        (void)fputs("      <skipped", out);
        put_attribute(out, "message", report->headline);
        (void)fputs("/>\n", out);
    } else if (report->verdict == PLAY_FAILED) {
        const char *kind = report->error ? "error" : "failure";
        (void)fprintf(out, "      <%s type=\"%s\"", kind,
                      report->error ? "not played" : "difference");
        put_attribute(out, "message", report->headline);
        (void)fputc('>', out);
        put_text(out, report);
        (void)fprintf(out, "</%s>\n", kind);
    } else if (report->text_len != 0) {
        (void)fputs("      <system-out>", out);
        put_text(out, report);
        (void)fputs("</system-out>\n", out);
    }
    (void)fputs("    </testcase>\n", out);
}

bool play_junit_write(FILE *out, const struct play_result *results, size_t count, int64_t started)
{
    size_t failed = 0;
    size_t errors = 0;
    size_t skipped = 0;
    double seconds = 0;
    char stamp[32] = "1970-01-01T00:00:00";
    struct tm utc;
    time_t clock = (time_t)started;
    for (size_t i = 0; i < count; i++) {
        bool error = results[i].report.error;
        errors += error ? 1U : 0U;
        failed += results[i].report.verdict == PLAY_FAILED && !error ? 1U : 0U;
        skipped += results[i].report.verdict == PLAY_SKIPPED ? 1U : 0U;
        seconds += results[i].report.seconds;
    }
    if (gmtime_r(&clock, &utc) != NULL) {
        (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    (void)fprintf(
        out,
        "  <testsuite name=\"postmodem play\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
        "skipped=\"%zu\" time=\"%.3f\" timestamp=\"%s\">\n",
        count, failed, errors, skipped, seconds, stamp);
    for (size_t i = 0; i < count; i++) {
        put_case(out, &results[i]);
    }
    (void)fputs("  </testsuite>\n</testsuites>\n", out);
    return ferror(out) == 0;
}
