/* SPDX-License-Identifier: MIT */
/* Any bytes as an IP address: what is read must be what the C library reads, and what is written
 * must be what it writes and read as the same again. */
#include <arpa/inet.h>

#include "base/ip.h"
#include "harness.h"

static void check_text(const struct pm_ip *ip)
{
    char buffer[PM__IP_TEXT + 1];
    struct pm__text text;
    struct pm_ip again;
    uint8_t bytes[16];
    pm__text_init(&text, buffer, sizeof buffer);
    pm__ip_put(&text, ip);
    REQUIRE(!text.cut && pm__ip_parse(pm__text_get(&text), &again));
    REQUIRE(memcmp(ip, &again, sizeof again) == 0);
    REQUIRE(pm__text_terminate(&text));
    REQUIRE(inet_pton(ip->family == PM_IPV4 ? AF_INET : AF_INET6, buffer, bytes) == 1);
    REQUIRE(memcmp(bytes, ip->bytes, ip->family == PM_IPV4 ? 4 : 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_ip ip = {PM_IP_NONE, {0}};
    uint8_t bytes[16];
    char *text = malloc(size + 1);
    REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    bool whole = strlen(text) == size;
    bool four = whole && inet_pton(AF_INET, text, bytes) == 1;
    bool six = whole && !four && inet_pton(AF_INET6, text, bytes) == 1;
    bool good = pm__ip_parse((struct pm_slice){data, size}, &ip);
    REQUIRE(good == (four || six));
    if (good) {
        REQUIRE(ip.family == (four ? PM_IPV4 : PM_IPV6));
        REQUIRE(memcmp(ip.bytes, bytes, four ? 4 : 16) == 0);
        check_text(&ip);
    }
    free(text);
    return 0;
}
