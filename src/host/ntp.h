/* SPDX-License-Identifier: MIT */
/* The time of a server, for AT+QNTP: an SNTP client (RFC 4330, RFC 5905). */
#ifndef PM_HOST_NTP_H
#define PM_HOST_NTP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "host/conn.h"

struct pm_ntp;

struct pm_ntp_setup {
    const char *host; /* name or IP literal */
    uint16_t port;
    struct pm_path path;
    int64_t *unix_seconds; /* filled in at PM_OK, valid until then */
    /* Called once, from the loop: PM_OK, PM_ERR_RESOLVE, PM_ERR_TIMEOUT, PM_ERR_CONNECT. */
    void (*done)(void *user, int32_t result);
    void (*log)(void *user, enum pm_log_level level, const char *text);
    void *user;
};

/* NULL: out of memory. The strings are copied. Not freed by done(): that takes pm_ntp_end(). */
struct pm_ntp *pm_ntp_start(uv_loop_t *loop, struct pm_resolver *resolver,
                            const struct pm_ntp_setup *setup);

/* Ends a question, answered or not; done() will not be called any more. */
void pm_ntp_end(struct pm_ntp *ntp);

/* ---- The packet, for those who look closer ---------------------------------------------- */

#define PM_NTP_PACKET 48

/* A request with `nonce` in place of the time of transmission: only its server can answer it. */
void pm_ntp_request(uint8_t packet[PM_NTP_PACKET], const uint8_t nonce[8]);

enum pm_ntp_answer {
    PM_NTP_TIME,    /* *unix_ms is the server's time at its arrival */
    PM_NTP_FOREIGN, /* no answer to this request: wait on */
    PM_NTP_REFUSED  /* the server does not give the time: kiss-of-death, not synchronised */
};

/* Judges an answer to the request with `nonce` that came `elapsed_ms` after it. */
enum pm_ntp_answer pm_ntp_judge(const uint8_t *packet, size_t len, const uint8_t nonce[8],
                                uint32_t elapsed_ms, int64_t *unix_ms);

#endif
