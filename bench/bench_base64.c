/* SPDX-License-Identifier: MIT */
/*
 * How fast attachments become base64 in lines of 76 characters, against OpenSSL's encoder with its
 * lines of 64. Usage: bench_base64 [MiB].
 */
#define _POSIX_C_SOURCE 200809L
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "clock.h"

enum { BLOCK = 57 * 1024, OUT = 2 * BLOCK };

static uint8_t input[BLOCK];
static uint8_t output[OUT];

static bool ours(uint64_t total)
{
    for (uint64_t done = 0; done < total; done += BLOCK) {
        if (pm__base64_lines(output, input, BLOCK) == 0) {
            return false;
        }
    }
    return true;
}

static bool openssl(uint64_t total)
{
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    bool good = context != NULL;
    if (good) {
        EVP_EncodeInit(context);
    }
    for (uint64_t done = 0; done < total && good; done += BLOCK) {
        int len = 0;
        good = EVP_EncodeUpdate(context, output, &len, input, BLOCK) == 1;
    }
    EVP_ENCODE_CTX_free(context);
    return good;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*encode)(uint64_t total);
    } coders[] = {{"ours", ours}, {"OpenSSL", openssl}};
    uint64_t total = (argc > 1 ? strtoull(argv[1], NULL, 10) : 2048) << 20;
    for (size_t i = 0; i < BLOCK; i++) {
        input[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    for (size_t i = 0; i < sizeof coders / sizeof coders[0]; i++) {
        double start = now();
        if (!coders[i].encode(total)) {
            fprintf(stderr, "bench_base64: %s failed\n", coders[i].name);
            return 1;
        }
        printf("base64, %-8s %8.0f MB/s\n", coders[i].name, (double)total / 1e6 / (now() - start));
    }
    return 0;
}
