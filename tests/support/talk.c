/* SPDX-License-Identifier: MIT */
/* Types and hears in the test world. */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct talk *talk_new(void)
{
    struct talk *t = calloc(1, sizeof *t);
    assert_non_null(t);
    world_init(&t->w);
    return t;
}

struct talk *talk_begin(size_t ports)
{
    struct talk *t = talk_new();
    world_begin(&t->w, ports);
    return t;
}

struct talk *talk_again(struct talk *old)
{
    struct talk *t = talk_new();
    memcpy(t->w.profiles, old->w.profiles, sizeof t->w.profiles);
    talk_end(old);
    world_begin(&t->w, 1);
    return t;
}

void talk_end(struct talk *t)
{
    assert_string_equal(world_end(&t->w), "");
    free(t);
}

const char *talk_hear(struct talk *t, size_t port)
{
    size_t n = world_read(&t->w, port, (uint8_t *)t->got, sizeof t->got - 1);
    t->got[n] = '\0';
    return t->got;
}

const char *talk_say_on(struct talk *t, size_t port, const char *text)
{
    world_type(&t->w, port, text, strlen(text));
    world_advance(&t->w, t->w.now + TALK_WAIT_MS);
    return talk_hear(t, port);
}

const char *talk_say(struct talk *t, const char *text)
{
    return talk_say_on(t, 0, text);
}

void talk_ok(struct talk *t, const char *line)
{
    const char *got = talk_say(t, line);
    if (strcmp(got, "\r\nOK\r\n") != 0) {
        fail_msg("%s is not answered OK: %s", line, got);
    }
}

const char *talk_later(struct talk *t, uint64_t ms)
{
    world_advance(&t->w, t->w.now + ms);
    return talk_hear(t, 0);
}

void talk_type_only(struct talk *t, size_t port, const char *text)
{
    size_t n = strlen(text);
    assert_int_equal(pm_port_input(&t->w.ports[port], (const uint8_t *)text, n, t->w.now), n);
}

void talk_mail_settings(struct talk *t)
{
    (void)talk_say(t, "ATE0\r");
    talk_ok(t, "AT+QIACT=1\r");
    talk_ok(t, "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r");
    talk_ok(t, "AT+QSMTPCFG=\"sender\",\"Module\",\"module@example.com\"\r");
}

void talk_mail_body(struct talk *t, const char *text)
{
    char line[64];
    (void)snprintf(line, sizeof line, "AT+QSMTPBODY=0,%zu\r", strlen(text));
    assert_string_equal(talk_say(t, line), "\r\nCONNECT\r\n");
    (void)talk_say(t, text);
}

struct world_profile *talk_stored(struct talk *t, uint8_t key)
{
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        if (t->w.profiles[i].used && t->w.profiles[i].key == key) {
            return &t->w.profiles[i];
        }
    }
    fail_msg("nothing is stored under %u", key);
    return NULL;
}

unsigned talk_open_files(const struct world *w)
{
    unsigned open = 0;
    for (size_t i = 0; i < WORLD_FILES; i++) {
        open += w->files[i].opened;
    }
    return open;
}
