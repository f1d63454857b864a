/* SPDX-License-Identifier: MIT */
/* What outlives a command: presets, stored contexts and profile, restart, several ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/world.h"

struct talk {
    struct world w;
    char got[65536];
};

static struct talk *begin(size_t ports)
{
    struct talk *t = calloc(1, sizeof *t);
    assert_non_null(t);
    world_init(&t->w);
    if (ports != 0) {
        world_begin(&t->w, ports);
    }
    return t;
}

static void end(struct talk *t)
{
    assert_string_equal(world_end(&t->w), "");
    free(t);
}

static const char *say(struct talk *t, size_t port, const char *text)
{
    world_type(&t->w, port, text, strlen(text));
    world_advance(&t->w, t->w.now + 500);
    size_t n = world_read(&t->w, port, (uint8_t *)t->got, sizeof t->got - 1);
    t->got[n] = '\0';
    return t->got;
}

static void presets_show_and_hide(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    struct pm_module *m = &t->w.module;
    assert_true(pm_module_preset(m, "smtpserver", "mail.example", NULL, 587, false));
    assert_true(pm_module_preset(m, "account", "user", "hidden", 0, true));
    assert_true(pm_module_preset(m, "sender", "Name", "a@example.com", 0, false));
    assert_true(pm_module_preset(m, "contextid", NULL, NULL, 2, false));
    assert_true(pm_module_preset(m, "sslctxid", NULL, NULL, 5, false));
    assert_true(pm_module_preset(m, "ssltype", NULL, NULL, 2, false));
    (void)say(t, 0, "ATE0\r");
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"account\"\r"),
                        "\r\n+QSMTPCFG: \"account\",\"user\",\"********\"\r\n\r\nOK\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"smtpserver\"\r"),
                        "\r\n+QSMTPCFG: \"smtpserver\",\"mail.example\",587\r\n\r\nOK\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"ssltype\"\r"),
                        "\r\n+QSMTPCFG: \"ssltype\",2\r\n\r\nOK\r\n");
    /* What the host types itself it may read, as on a module. */
    (void)say(t, 0, "AT+QSMTPCFG=\"account\",\"own\",\"typed\"\r");
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"account\"\r"),
                        "\r\n+QSMTPCFG: \"account\",\"own\",\"typed\"\r\n\r\nOK\r\n");
    end(t);
}

/* A host cannot collect the configured password by naming a server of its own. */
static void a_preset_secret_stays_with_its_server(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    struct pm_module *m = &t->w.module;
    assert_true(pm_module_preset(m, "smtpserver", "mail.example", NULL, 587, false));
    assert_true(pm_module_preset(m, "account", "user", "hidden", 0, true));
    (void)say(t, 0, "ATE0\r");
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"smtpserver\",\"MAIL.example\",25\r"),
                        "\r\nOK\r\n");
    assert_non_null(strstr(say(t, 0, "AT+QSMTPCFG=\"account\"\r"), "\"user\",\"********\""));
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"smtpserver\",\"evil.example\",25\r"),
                        "\r\nOK\r\n");
    assert_non_null(strstr(say(t, 0, "AT+QSMTPCFG=\"account\"\r"), "\"account\",\"\",\"\""));
    assert_string_equal(say(t, 0, "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r"),
                        "\r\nOK\r\n");
    assert_non_null(strstr(say(t, 0, "AT+QSMTPCFG=\"account\"\r"), "\"account\",\"\",\"\""));
    assert_non_null(strstr(t->w.log, "another server"));
    end(t);
}

static void bad_presets_are_refused(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    struct pm_module *m = &t->w.module;
    assert_false(pm_module_preset(m, "smtpserver", "mail.example", NULL, 0, false));
    assert_false(pm_module_preset(m, "smtpserver", "mail.example", NULL, 65536, false));
    assert_false(pm_module_preset(m, "smtpserver", "mail\r\nexample", NULL, 25, false));
    assert_false(pm_module_preset(m, "smtpserver", "mail example", NULL, 25, false));
    assert_false(pm_module_preset(m, "smtpserver", "<mail.example>", NULL, 25, false));
    assert_false(pm_module_preset(m, "account", "us\ter", "secret", 0, true));
    assert_false(pm_module_preset(m, "account", "user", "sec\x7Fret", 0, true));
    assert_false(pm_module_preset(m, "sender", "Name", "no address", 0, false));
    assert_false(pm_module_preset(m, "account", "user", "a\nb", 0, false));
    assert_false(pm_module_preset(m, "contextid", NULL, NULL, 0, false));
    assert_false(pm_module_preset(m, "contextid", NULL, NULL, 17, false));
    assert_false(pm_module_preset(m, "sslctxid", NULL, NULL, 6, false));
    assert_false(pm_module_preset(m, "ssltype", NULL, NULL, 3, false));
    assert_false(pm_module_preset(m, "colour", "red", NULL, 0, false));
    assert_false(pm_module_preset_context(m, 0, 1, "apn", "", "", 0));
    assert_false(pm_module_preset_context(m, 1, 4, "apn", "", "", 0));
    assert_true(pm_module_preset_context(m, 2, 3, "apn", "u", "p", 2));
    (void)say(t, 0, "ATE0\r");
    assert_string_equal(say(t, 0, "AT+QICSGP=2\r"),
                        "\r\n+QICSGP: 3,\"apn\",\"u\",\"p\",2\r\n\r\nOK\r\n");
    end(t);
}

/* Starts the same world again, as after a power cut: the stored blobs are all that is left. */
static struct talk *start_again(struct talk *old)
{
    struct talk *t = begin(0);
    memcpy(t->w.profiles, old->w.profiles, sizeof t->w.profiles);
    end(old);
    world_begin(&t->w, 1);
    return t;
}

static void contexts_and_profile_survive(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)say(t, 0, "AT+QICSGP=3,2,\"six\",\"user\",\"pw\",1\r");
    (void)say(t, 0, "AT+CGDCONT=20,\"IPV6\",\"far\"\r");
    (void)say(t, 0, "ATE0V1&D1S12=60&W\r");
    t = start_again(t);
    assert_string_equal(say(t, 0, "AT+QICSGP=3\r"),
                        "\r\n+QICSGP: 2,\"six\",\"user\",\"pw\",1\r\n\r\nOK\r\n");
    assert_non_null(strstr(say(t, 0, "AT+CGDCONT?\r"), "+CGDCONT: 20,\"IPV6\",\"far\""));
    assert_non_null(strstr(say(t, 0, "AT&V\r"), "&D: 1\r\n"));
    end(t);
}

static void damaged_blobs_are_not_used(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)say(t, 0, "AT+QICSGP=1,1,\"apn\",\"user\",\"pw\",1\r");
    (void)say(t, 0, "ATE0&W\r");
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        if (t->w.profiles[i].used) {
            t->w.profiles[i].len--;
        }
    }
    t = start_again(t);
    assert_string_equal(say(t, 0, "AT\r"), "AT\r\r\nOK\r\n");
    assert_non_null(strstr(t->w.log, "damaged"));
    assert_non_null(strstr(say(t, 0, "AT+QICSGP=1\r"), "+QICSGP: 1,\"\",\"\",\"\",0"));
    end(t);
}

/* A record with what no host can have set would break the answer that shows it. */
static void a_stored_context_with_a_line_end_is_not_used(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)say(t, 0, "AT+QICSGP=1,1,\"apn\",\"user\",\"pw\",1\r");
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        struct world_profile *profile = &t->w.profiles[i];
        uint8_t *apn = memmem(profile->data, profile->len, "apn", 3);
        if (profile->used && apn != NULL) {
            apn[1] = '\r';
        }
    }
    t = start_again(t);
    assert_non_null(strstr(t->w.log, "a stored context is damaged"));
    assert_non_null(strstr(say(t, 0, "AT+QICSGP=1\r"), "+QICSGP: 1,\"\",\"\",\"\",0"));
    end(t);
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)say(t, 0, "ATE0\r");
    t->w.fail_at = t->w.calls + 1;
    assert_string_equal(say(t, 0, "AT&W\r"), "\r\nERROR\r\n");
    t->w.fail_at = t->w.calls + 1;
    assert_string_equal(say(t, 0, "AT+QICSGP=1,1,\"apn\"\r"), "\r\nOK\r\n");
    assert_non_null(strstr(t->w.log, "could not be stored"));
    end(t);
}

static void restart_forgets_mail_and_ram(void **state)
{
    (void)state;
    for (int async = 0; async <= 1; async++) {
        struct talk *t = begin(0);
        t->w.async = async != 0;
        world_begin(&t->w, 1);
        (void)say(t, 0, "AT+QSMTPSUB=0,\"x\"\r");
        (void)say(t, 0, "AT+QIACT=1\r");
        world_add_file(&t->w, PM_STORAGE_RAM, "a", "1", 1);
        world_add_file(&t->w, PM_STORAGE_RAM, "b", "2", 1);
        world_add_file(&t->w, PM_STORAGE_UFS, "c", "3", 1);
        (void)say(t, 0, "AT+CFUN=1,1\r");
        assert_string_equal(say(t, 0, "AT\r"), ""); /* off */
        world_advance(&t->w, t->w.now + 2000);
        assert_int_equal(pm_module_count(&t->w.module).restarts, 1);
        (void)say(t, 0, "ATE0\r");
        assert_string_equal(say(t, 0, "AT+QSMTPSUB?\r"), "\r\n+QSMTPSUB: 0,\"\"\r\n\r\nOK\r\n");
        assert_string_equal(say(t, 0, "AT+QIACT?\r"), "\r\nOK\r\n");
        assert_string_equal(say(t, 0, "AT+QFLST=\"RAM:*\"\r"), "\r\nOK\r\n");
        assert_non_null(strstr(say(t, 0, "AT+QFLST\r"), "\"UFS:c\""));
        end(t);
    }
}

/* A file listing longer than the output goes on as the host reads. */
static void long_lists_wait_for_the_host(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    char line[120];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(line, sizeof line, "AT+QSMTPDST=1,%d,\"%040d@example.com\"\r", i % 3 + 1, i);
        (void)say(t, 0, line);
    }
    for (int i = 0; i < WORLD_FILES; i++) {
        (void)snprintf(line, sizeof line, "%076d", i);
        world_add_file(&t->w, PM_STORAGE_UFS, line, "x", 1);
    }
    (void)say(t, 0, "ATE0\r");
    const char *got = say(t, 0, "AT+QFLST\r");
    size_t lines = 0;
    for (const char *p = got; (p = strstr(p, "+QFLST: ")) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, WORLD_FILES);
    assert_true(strlen(got) < sizeof t->got);
    assert_string_equal(got + strlen(got) - 8, "\r\n\r\nOK\r\n");
    end(t);
}

static void ports_share_the_draft_but_not_their_settings(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    (void)say(t, 0, "ATE0\r");
    assert_string_equal(say(t, 0, "AT+QSMTPSUB=0,\"shared\"\r"), "\r\nOK\r\n");
    assert_string_equal(say(t, 1, "AT+QSMTPSUB?\r"),
                        "AT+QSMTPSUB?\r\r\n+QSMTPSUB: 0,\"shared\"\r\n\r\nOK\r\n");
    (void)say(t, 1, "ATE0\r");
    assert_string_equal(say(t, 0, "AT+QSMTPBODY=0,5\r"), "\r\nCONNECT\r\n");
    assert_string_equal(say(t, 1, "AT+QSMTPBODY=0,5\r"), "\r\n+CME ERROR: 652\r\n");
    assert_string_equal(say(t, 1, "AT+QSMTPCLR\r"), "\r\n+CME ERROR: 652\r\n");
    assert_string_equal(say(t, 1, "AT+QSMTPSUB?\r"), "\r\n+QSMTPSUB: 0,\"shared\"\r\n\r\nOK\r\n");
    assert_string_equal(say(t, 0, "12345"), "\r\n+QSMTPBODY: 5\r\n\r\nOK\r\n");
    assert_string_equal(say(t, 1, "AT+QSMTPCLR\r"), "\r\nOK\r\n");
    end(t);
}

/* What is as small as a body allows: the module serves, and says when it is full. */
static void a_small_arena_serves(void **state)
{
    (void)state;
    struct talk *t = begin(0);
    t->w.arena_size = 64;
    world_begin(&t->w, 1);
    (void)say(t, 0, "ATE0\r");
    assert_string_equal(say(t, 0, "AT+QSMTPDST=1,1,\"a@example.com\"\r"), "\r\nOK\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPDST=1,1,\"b@example.com\"\r"), "\r\nOK\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPDST=1,1,\"c@example.com\"\r"), "\r\nOK\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPDST=1,1,\"d@example.com\"\r"),
                        "\r\n+CME ERROR: 662\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPCLR\r"), "\r\nOK\r\n");
    assert_string_equal(say(t, 0, "AT+QSMTPDST=1,1,\"d@example.com\"\r"), "\r\nOK\r\n");
    end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_show_and_hide),
        cmocka_unit_test(a_preset_secret_stays_with_its_server),
        cmocka_unit_test(bad_presets_are_refused),
        cmocka_unit_test(contexts_and_profile_survive),
        cmocka_unit_test(damaged_blobs_are_not_used),
        cmocka_unit_test(a_stored_context_with_a_line_end_is_not_used),
        cmocka_unit_test(a_failing_store_is_told),
        cmocka_unit_test(restart_forgets_mail_and_ram),
        cmocka_unit_test(long_lists_wait_for_the_host),
        cmocka_unit_test(ports_share_the_draft_but_not_their_settings),
        cmocka_unit_test(a_small_arena_serves),
    };
    return cmocka_run_group_tests_name("module_state", tests, NULL, NULL);
}
