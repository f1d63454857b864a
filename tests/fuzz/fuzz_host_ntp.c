/* SPDX-License-Identifier: MIT */
/*
 * Any bytes from a time server. The first 4 bytes are the time the answer took, the rest is the
 * packet. Only an answer that repeats the nonce may be anything but foreign, and a time must be
 * within the eras that 64 bits of NTP can tell.
 */
#include "harness.h"
#include "host/ntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t nonce[8] = {'n', 'o', 'n', 'c', 'e', '1', '2', '3'};
    uint32_t elapsed = 0;
    int64_t ms = INT64_MIN;
    if (size < 4) {
        return 0;
    }
    memcpy(&elapsed, data, 4);
    size_t len = size - 4;
    uint8_t *packet = malloc(len > 0 ? len : 1); /* exact: a byte too far is seen */
    REQUIRE(packet != NULL);
    memcpy(packet, data + 4, len);
    enum pm_ntp_answer answer = pm_ntp_judge(packet, len, nonce, elapsed, &ms);
    bool ours = len >= PM_NTP_PACKET && memcmp(packet + 24, nonce, 8) == 0;
    REQUIRE(ours || answer == PM_NTP_FOREIGN);
    REQUIRE((answer == PM_NTP_TIME) == (ms != INT64_MIN));
    /* 1968 to 2104, and half of what the answer took at most. */
    REQUIRE(answer != PM_NTP_TIME ||
            (ms >= -61505152000LL && ms <= 4233462144000LL + INT64_C(4294967296)));
    free(packet);
    return 0;
}
