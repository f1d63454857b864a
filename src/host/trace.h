/* SPDX-License-Identifier: MIT */
/*
 * The wire trace: every byte of the AT ports and every SMTP line, with time and direction.
 *
 * One line of the file is one line of the wire, or a piece of a longer one:
 *
 *   2026-11-23T10:15:00.123456Z 512.000417 usbat > AT+QSMTPPUT=300\r
 *   <wall clock, UTC> <monotonic seconds> <port> <direction> <bytes>[\]
 *
 * `>` is from the host to the module and from the module to the mail server, `<` the other way; the
 * mail connection goes by the name "smtp". Named modules show as NAME/PORT and NAME/smtp. Bytes
 * outside 0x20-0x7E and the backslash are written as \r \n \t \\ \xHH; a backslash at the very end
 * of a line says that the wire line goes on.
 *
 * A line that cannot be written, as on a full disk, is missing, or cut short; the log tells. The
 * next one that is written begins a line of the file.
 *
 * Secrets are replaced by <redacted>: passwords of QSMTPCFG, QICSGP and QSSLCFG, the key of
 * QSSLCFG's psk, PINs, and private keys in PEM form. Bytes are therefore held until their line is
 * complete (or PM_TRACE_LINE bytes have come), and each direction of each port is a stream of its
 * own: a secret is found however it was cut into reads, typed, echoed or queried.
 */
#ifndef PM_HOST_TRACE_H
#define PM_HOST_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes held for one line: the longest command line and room for an answer that repeats it. */
#define PM_TRACE_LINE 5120

/* Bytes of the wire in one line of the file. */
#define PM_TRACE_PIECE 256

struct pm_log; /* log.h */
struct pm_trace;

/* When a line of the wire began. */
struct pm_trace_time {
    uint64_t monotonic_us;
    int64_t wall_s; /* UTC */
    uint32_t wall_us;
};

/* One direction of one port. Zeroed at start, and ended by pm_trace_end(). */
struct pm_trace_stream {
    struct pm_trace_time time;
    bool secret_line;    /* the wire line began before the held bytes, and goes on as a secret */
    size_t secret_block; /* inside a private key: bytes that it may still have, 0: not */
    size_t len;
    uint8_t line[PM_TRACE_LINE];
};

/* Opens (appends to) the file, readable for its owner only. `log` is told of lines that could not
 * be written, and outlives the trace. NULL with the reason in `err`. */
struct pm_trace *pm_trace_open(const char *path, const struct pm_log *log, char *err,
                               size_t err_size);
void pm_trace_close(struct pm_trace *trace);

/* Bytes of a port; `to_module` says which way. */
void pm_trace_bytes(struct pm_trace *trace, struct pm_trace_stream *stream, const char *port,
                    bool to_module, const uint8_t *data, size_t len);

/* Writes what is held although its line is not complete. */
void pm_trace_end(struct pm_trace *trace, struct pm_trace_stream *stream, const char *port,
                  bool to_module);

/* One line of the mail connection, without CRLF; its secrets are already out. `name`: "smtp", with
 * that of the module where there are several. */
void pm_trace_smtp(struct pm_trace *trace, const char *name, bool sent, const uint8_t *line,
                   size_t len);

/*
 * Finds the secrets of a command line, its echo or an answer: calls `found` with the place
 * and length of each, from left to right, without overlap. Returns true when the last one has no
 * end in this line, so that a continuation of the line is a secret, too.
 */
bool pm_trace_secrets(const uint8_t *line, size_t len,
                      void (*found)(void *user, size_t at, size_t len), void *user);

#endif
