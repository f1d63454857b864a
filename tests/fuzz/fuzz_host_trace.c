/* SPDX-License-Identifier: MIT */
/*
 * What goes over an AT port, as the trace writes it. The first byte seeds the cuts; each other is a
 * byte of the wire, but that 1 to 8 stand for lines with a secret. However it is cut, the file must
 * be the same; no secret may be in it; and where nothing was taken out, it must read back as what
 * was sent.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "host/log.h"
#include "host/trace.h"

#define SECRET "Zq7sEcReT9w"

enum { INPUT_SIZE = 4096, LINE = 120, WIRE_SIZE = INPUT_SIZE * LINE, FILE_SIZE = 12 * WIRE_SIZE };

/* Each begins a line, since a CR stands before it. */
static const char *const lines[] = {
    "\rAT+QSMTPCFG=\"account\",\"u\",\"" SECRET "\"\r",
    "\rAT+QICSGP=1,1,\"apn\",\"u\",\"" SECRET "\",1\r",
    "\rat+qsslcfg = \"clientkey\", 1,\"key.pem\",\"" SECRET "\"\r",
    "\rAT;+QSSLCFG=\"psk\",1,\"id\"," SECRET "\r\n",
    "\rAT+CPIN=" SECRET "\r\n",
    "\rAT+CPWD=\"SC\",\"" SECRET "\",\"x" SECRET "\"\r",
    "\r+QSMTPCFG: \"account\",\"u\",\"" SECRET "\"\r\n",
    "\r-----BEGIN RSA PRIVATE KEY-----\r\n" SECRET "\r\n-----END RSA PRIVATE KEY-----\r\n",
};
enum { LINES = sizeof lines / sizeof lines[0] };

struct text {
    size_t len;
    char bytes[FILE_SIZE];
};

static int file = -1;
static struct pm_trace *trace;

static void open_trace(void)
{
    static struct pm_log log;
    char path[32];
    char err[200];
    if (trace == NULL) {
        file = memfd_create("trace", MFD_CLOEXEC);
        REQUIRE(file >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        pm_log_init(&log, PM_LOG_WARNING, NULL);
        trace = pm_trace_open(path, &log, err, sizeof err);
        REQUIRE(trace != NULL);
    }
    REQUIRE(ftruncate(file, 0) == 0);
}

/* The lines from the port's name on: the time before it is another one each time. */
static void read_trace(struct text *text)
{
    static char all[FILE_SIZE];
    ssize_t n = pread(file, all, sizeof all, 0);
    REQUIRE(n >= 0 && (size_t)n < sizeof all);
    text->len = 0;
    for (char *line = all; line < all + n;) {
        char *end = memchr(line, '\n', (size_t)(all + n - line));
        REQUIRE(end != NULL);
        char *port = memmem(line, (size_t)(end - line), " at > ", 6);
        REQUIRE(port != NULL && port - line < 60);
        memcpy(text->bytes + text->len, port + 6, (size_t)(end + 1 - port - 6));
        text->len += (size_t)(end + 1 - port - 6);
        line = end + 1;
    }
}

static void write_trace(const struct text *wire, uint32_t seed, struct text *shown)
{
    static struct pm_trace_stream stream;
    memset(&stream, 0, sizeof stream);
    open_trace();
    for (size_t at = 0; at < wire->len;) {
        size_t n = next_piece(&seed, wire->len - at);
        pm_trace_bytes(trace, &stream, "at", true, (const uint8_t *)wire->bytes + at, n);
        at += n;
    }
    pm_trace_end(trace, &stream, "at", true);
    read_trace(shown);
}

static unsigned digit(char c)
{
    REQUIRE((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
    return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* The byte that an escape stands for; `*at` is behind its backslash, and goes on. */
static char escaped(const struct text *text, size_t *at)
{
    char c = text->bytes[(*at)++];
    switch (c) {
    case 'r': return '\r';
    case 'n': return '\n';
    case 't': return '\t';
    case 'x':
        *at += 2;
        return (char)(digit(text->bytes[*at - 2]) << 4 | digit(text->bytes[*at - 1]));
    default: REQUIRE(c == '\\'); return c;
    }
}

/* What the lines say, put together: where they break depends on the cuts, as a CR that ends what
 * has come ends a line. */
static void put_together(struct text *text)
{
    size_t len = 0;
    for (size_t at = 0; at < text->len;) {
        char c = text->bytes[at++];
        if (c == '\\' && text->bytes[at] == '\n') {
            at++; /* the line goes on */
        } else if (c != '\n') {
            text->bytes[len++] = c == '\\' ? escaped(text, &at) : c;
        }
    }
    text->len = len;
}

static bool is_same(const struct text *a, const struct text *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool has(const struct text *text, const char *word)
{
    return slice_holds((struct pm_slice){(const uint8_t *)text->bytes, text->len}, word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct text wire;
    static struct text whole;
    static struct text cut;
    if (size < 1 || size > INPUT_SIZE || slice_holds((struct pm_slice){data, size}, SECRET)) {
        return 0;
    }
    wire.len = 0;
    for (size_t i = 1; i < size; i++) {
        const char *line = data[i] >= 1 && data[i] <= LINES ? lines[data[i] - 1] : NULL;
        size_t len = line != NULL ? strlen(line) : 1;
        memcpy(wire.bytes + wire.len, line != NULL ? line : (const char *)data + i, len);
        wire.len += len;
    }
    write_trace(&wire, 0, &whole);
    write_trace(&wire, data[0] + 1u, &cut);
    bool redacted = has(&whole, "<redacted>");
    REQUIRE(!has(&whole, SECRET) && !has(&cut, SECRET));
    put_together(&whole);
    put_together(&cut);
    REQUIRE(is_same(&whole, &cut));
    REQUIRE(redacted || is_same(&whole, &wire));
    return 0;
}
