/* SPDX-License-Identifier: MIT */
/* What is in the packets of a time server, and which of them are believed. */
#include <string.h>

#include "host/ntp.h"

/* Fields of the header (RFC 5905 figure 8). */
#define STRATUM  1
#define ORIGIN   24
#define RECEIVE  32
#define TRANSMIT 40

#define VERSION     4U
#define MODE_CLIENT 3U
#define MODE_SERVER 4U

/* Seconds from 1900 to 1970, and of one era of 32 bits. */
#define EPOCH 2208988800LL
#define ERA   4294967296LL

void pm_ntp_request(uint8_t packet[PM_NTP_PACKET], const uint8_t nonce[8])
{
    memset(packet, 0, PM_NTP_PACKET);
    packet[0] = (uint8_t)(VERSION << 3 | MODE_CLIENT);
    memcpy(packet + TRANSMIT, nonce, 8);
}

static uint32_t number(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Milliseconds since 1970: times with a clear top bit are of the era that begins in 2036
 * (RFC 4330 section 3). */
static int64_t timestamp(const uint8_t *p)
{
    uint32_t seconds = number(p);
    int64_t era = (seconds >> 31) != 0 ? 0 : ERA;
    return (era + seconds - EPOCH) * 1000 + (int64_t)(((uint64_t)number(p + 4) * 1000) >> 32);
}

static bool is_zero(const uint8_t *p)
{
    return number(p) == 0 && number(p + 4) == 0;
}

enum pm_ntp_answer pm_ntp_judge(const uint8_t *packet, size_t len, const uint8_t nonce[8],
                                uint32_t elapsed_ms, int64_t *unix_ms)
{
    if (len < PM_NTP_PACKET || (packet[0] & 7U) != MODE_SERVER ||
        memcmp(packet + ORIGIN, nonce, 8) != 0) {
        return PM_NTP_FOREIGN;
    }
    unsigned version = packet[0] >> 3 & 7U;
    unsigned leap = packet[0] >> 6;
    uint8_t stratum = packet[STRATUM];
    if (version < 1 || version > VERSION || leap == 3 || stratum == 0 || stratum > 15 ||
        is_zero(packet + TRANSMIT)) {
        return PM_NTP_REFUSED;
    }
    int64_t sent = timestamp(packet + TRANSMIT);
    int64_t inside = sent - timestamp(packet + RECEIVE);
    /* Half of what the way took; a server that says it took longer than all of it is not heeded. */
    int64_t way = inside >= 0 && inside <= elapsed_ms ? elapsed_ms - inside : elapsed_ms;
    *unix_ms = sent + way / 2;
    return PM_NTP_TIME;
}
