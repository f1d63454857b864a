/* SPDX-License-Identifier: MIT */
/*
 * How fast pm_smtp_body() passes a message on, in 64 KiB pieces: base64 in lines of 76, text with
 * a dot at the start of every line, and one endless line; memcpy() of the same beside it.
 * Usage: bench_stuff [MiB].
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "postmodem/smtp.h"

enum { BLOCK = 78 * 840, OUT = 2 * BLOCK };

static uint8_t input[BLOCK];
static uint8_t output[OUT];

static struct pm_slice text(const char *string)
{
    return (struct pm_slice){(const uint8_t *)string, strlen(string)};
}

/* Answers the session until it asks for the body. */
static bool reach_body(struct pm_smtp *smtp)
{
    static const char *const replies[] = {"220 x\r\n", "250 x\r\n", "250 x\r\n", "250 x\r\n",
                                          "354 x\r\n"};
    struct pm_smtp_config config = {.recipients = 1};
    struct pm_smtp_event event = {.kind = PM_SMTP_EV_NONE};
    config.ehlo_name = text("me.example");
    config.sender = text("from@example.com");
    pm_smtp_init(smtp, &config, 0);
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        const uint8_t *data;
        pm_smtp_input(smtp, (const uint8_t *)replies[i], 7, 0);
        while (pm_smtp_next_event(smtp, &event, 0) != PM_SMTP_EV_NONE) {
            if (event.kind == PM_SMTP_EV_RECIPIENT) {
                pm_smtp_recipient(smtp, text("to@example.net"));
            } else if (event.kind == PM_SMTP_EV_BODY) {
                return true;
            }
        }
        pm_smtp_output_ack(smtp, pm_smtp_output(smtp, &data), 0);
    }
    return false;
}

static void fill(unsigned line, uint8_t first)
{
    for (size_t i = 0; i < BLOCK; i++) {
        size_t column = i % line;
        input[i] = column == 0 ? first : (uint8_t)('A' + i % 26);
        if (line < BLOCK && column >= line - 2) {
            input[i] = column == line - 1 ? '\n' : '\r';
        }
    }
}

/* MB/s of input; 0 when the session refused. */
static double stuff(uint64_t total)
{
    struct pm_smtp smtp;
    double start = now();
    if (!reach_body(&smtp)) {
        return 0;
    }
    for (uint64_t done = 0; done < total; done += BLOCK) {
        size_t used;
        (void)pm_smtp_body(&smtp, input, BLOCK, &used, output, OUT);
        if (used != BLOCK) {
            return 0;
        }
    }
    return (double)total / 1e6 / (now() - start);
}

/* The barrier keeps the copies from being merged into one. */
static double copy(uint64_t total)
{
    double start = now();
    for (uint64_t done = 0; done < total; done += BLOCK) {
        memcpy(output, input, BLOCK);
        __asm__ volatile("" ::"r"(output) : "memory");
    }
    return (double)total / 1e6 / (now() - start);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned line;
        uint8_t first;
    } cases[] = {{"base64", 78, 'x'}, {"dots", 78, '.'}, {"one line", BLOCK, 'x'}};
    uint64_t total = (argc > 1 ? strtoull(argv[1], NULL, 10) : 2048) << 20;
    bool good = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fill(cases[i].line, cases[i].first);
        double speed = stuff(total);
        good = good && speed > 0;
        printf("dot-stuffing, %-8s %8.0f MB/s, memcpy %8.0f MB/s\n", cases[i].name, speed,
               copy(total));
    }
    return good ? 0 : 1;
}
