/* SPDX-License-Identifier: MIT */
/*
 * How fast the composer writes a mail with one large attachment: 64 KiB feeds, 64 KiB output.
 * Usage: bench_mime [MiB]. One line: attachment MiB per second, message MiB per second.
 */
#define _POSIX_C_SOURCE 200809L
#include "clock.h"
#include "postmodem/mime.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 65536 };

static struct pm_slice literal(const char *text, size_t len)
{
    return (struct pm_slice){(const uint8_t *)text, len};
}

#define TEXT(s) literal(s, sizeof(s) - 1)

/* Returns the octets of the message, or 0 when the composer failed. */
static uint64_t compose(struct pm_mime *mime, uint64_t size)
{
    static uint8_t input[BLOCK];
    static uint8_t output[BLOCK];
    uint64_t total = 0;
    uint64_t left = size;
    for (size_t i = 0; i < BLOCK; i++) {
        input[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    for (;;) {
        size_t written = 0;
        enum pm_mime_need need = pm_mime_read(mime, output, BLOCK, &written);
        total += written;
        if (need == PM_MIME_NEED_DATA) {
            size_t n = left < BLOCK ? (size_t)left : BLOCK;
            pm_mime_feed(mime, input, n);
            left -= n;
        } else if (need == PM_MIME_NEED_TO || need == PM_MIME_NEED_CC) {
            pm_mime_address(mime, literal(NULL, 0));
        } else if (need == PM_MIME_NEED_PART) {
            pm_mime_part(mime, TEXT("block.bin"), size);
        } else if (need != PM_MIME_ROOM) {
            return need == PM_MIME_END ? total : 0;
        }
    }
}

int main(int argc, char **argv)
{
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 1024;
    struct pm_mime mime;
    struct pm_mime_config config = {
        .sender_address = TEXT("sender@example.com"),
        .subject = TEXT("benchmark"),
        .message_id = TEXT("1@example.com"),
        .boundary = TEXT("=_0123456789abcdefghij"),
        .attachments = 1,
    };
    pm_mime_init(&mime, &config);
    double start = now();
    uint64_t octets = compose(&mime, mib << 20);
    double seconds = now() - start;
    if (octets == 0 || seconds <= 0) {
        fprintf(stderr, "bench_mime: the composer failed\n");
        return 1;
    }
    printf("composer: %.0f MiB/s of attachment, %.0f MiB/s of message (%llu MiB in %.3f s); "
           "struct pm_mime %zu bytes\n",
           (double)mib / seconds, (double)octets / 1048576.0 / seconds, (unsigned long long)mib,
           seconds, sizeof mime);
    return 0;
}
