/* SPDX-License-Identifier: MIT */
/*
 * Command lines through the AT engine, in process: megabytes of input per second with echo on,
 * through the module's full table and the same table filled up. The rows are the
 * module's, their handlers are not called: it is the engine that is measured. Usage: bench_at
 * [MiB].
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "postmodem/module.h"

enum { PIECE = 4096, ROOM = PM_AT_INDEX_SLOTS / 2 };

/* What a driver sends: checks, a setting, a recipient, an account. */
static const char dialogue[] = "AT\r\n"
                               "AT+CSQ\r\n"
                               "AT+CREG?\r\n"
                               "ATE1V1\r\n"
                               "AT+QSMTPDST=1,1,\"somebody.or.other@mail.example.com\"\r\n"
                               "AT+QSMTPCFG=\"account\",\"user@example.com\",\"secret word\"\r\n";

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run(struct pm_at *at, const struct pm_at_event *event)
{
    struct pm_at_values values;
    if (!pm_at_parse(at, &values)) {
        pm_at_bad_parameter(at);
        return;
    }
    if (event->form != PM_AT_WRITE && event->command->name[0] == '+') {
        pm_at_info(at);
        pm_at_put(at, event->command->name);
        pm_at_put(at, ": ");
        pm_at_put_number(at, 28);
        pm_at_put(at, ",99");
    }
    pm_at_result(at, PM_AT_RESULT_OK, 0);
}

/* One piece in, all replies out. Returns the reply bytes. */
static size_t exchange(struct pm_at *at, const uint8_t *piece, size_t len)
{
    size_t replies = 0;
    while (len > 0) {
        size_t n = pm_at_input(at, piece, len, 0);
        piece += n;
        len -= n;
        size_t output = 1;
        while (output > 0) {
            struct pm_at_event event;
            const uint8_t *data = NULL;
            while (pm_at_next_event(at, &event, 0) == PM_AT_EV_COMMAND) {
                run(at, &event);
            }
            output = pm_at_output(at, &data);
            pm_at_output_ack(at, output);
            replies += output;
        }
    }
    return replies;
}

static double measure(const struct pm_at_table *table, size_t total, size_t *replies)
{
    static struct pm_at at;
    static uint8_t input[PIECE * (sizeof dialogue - 1)];
    uint16_t limits[256];
    memset(limits, 0xff, sizeof limits);
    struct pm_at_config config = {.table = table, .limits = limits};
    pm_at_settings_factory(&config.settings);
    for (size_t i = 0; i < sizeof input; i++) {
        input[i] = (uint8_t)dialogue[i % (sizeof dialogue - 1)];
    }
    pm_at_init(&at, &config);
    *replies = 0;
    double start = seconds();
    for (size_t sent = 0; sent < total; sent += PIECE) {
        *replies += exchange(&at, input + sent % sizeof input, PIECE);
    }
    return (double)total / (seconds() - start) / 1e6;
}

/* The best of three runs: what the engine can do, not what else the machine did. */
static double best(const struct pm_at_table *table, size_t total, size_t *replies)
{
    double rate = 0;
    for (int i = 0; i < 3; i++) {
        double once = measure(table, total, replies);
        rate = once > rate ? once : rate;
    }
    return rate;
}

int main(int argc, char **argv)
{
    size_t total = (argc > 1 ? strtoul(argv[1], NULL, 10) : 64) << 20;
    static struct pm_at_table small;
    static struct pm_at_table large;
    static char names[ROOM][16];
    static struct pm_at_command padding[ROOM];
    size_t replies[2] = {0, 0};
    for (int i = 0; i < ROOM; i++) {
        (void)snprintf(names[i], sizeof names[i], "+QPAD%d", i);
        padding[i].name = names[i];
        padding[i].forms = PM_AT_EXEC;
    }
    if (!pm_module_table(&small) || !pm_module_table(&large) ||
        !pm_at_table_add(&large, padding, ROOM - small.count)) {
        fprintf(stderr, "the table is full\n");
        return 1;
    }
    double rates[2] = {best(&small, total, &replies[0]), best(&large, total, &replies[1])};
    if (replies[0] != replies[1] || replies[0] < total) {
        fprintf(stderr, "the replies are wrong: %zu and %zu bytes\n", replies[0], replies[1]);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        printf("command lines, %3u commands  %7.1f MB/s\n",
               (unsigned)(i == 0 ? small.count : large.count), rates[i]);
    }
    printf("ratio                        %7.2f\n", rates[1] / rates[0]);
    printf("struct pm_at                 %7zu bytes\n", sizeof(struct pm_at));
    printf("struct pm_at_table           %7zu bytes\n", sizeof(struct pm_at_table));
    return 0;
}
