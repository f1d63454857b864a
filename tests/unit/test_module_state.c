/* SPDX-License-Identifier: MIT */
/* What outlives a command: presets, stored contexts and profile, restart, several ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

static void presets_show_and_hide(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    struct pm_module *m = &t->w.module;
    assert_true(pm_module_preset(m, "smtpserver", "mail.example", NULL, 587, false));
    assert_true(pm_module_preset(m, "account", "user", "hidden", 0, true));
    assert_true(pm_module_preset(m, "sender", "Name", "a@example.com", 0, false));
    assert_true(pm_module_preset(m, "contextid", NULL, NULL, 2, false));
    assert_true(pm_module_preset(m, "sslctxid", NULL, NULL, 5, false));
    assert_true(pm_module_preset(m, "ssltype", NULL, NULL, 2, false));
    (void)talk_say(t, "ATE0\r");
    assert_string_equal(talk_say(t, "AT+QSMTPCFG=\"account\"\r"),
                        "\r\n+QSMTPCFG: \"account\",\"user\",\"********\"\r\n\r\nOK\r\n");
    assert_string_equal(talk_say(t, "AT+QSMTPCFG=\"smtpserver\"\r"),
                        "\r\n+QSMTPCFG: \"smtpserver\",\"mail.example\",587\r\n\r\nOK\r\n");
    assert_string_equal(talk_say(t, "AT+QSMTPCFG=\"ssltype\"\r"),
                        "\r\n+QSMTPCFG: \"ssltype\",2\r\n\r\nOK\r\n");
    /* What the host types itself it may read, as on a module. */
    (void)talk_say(t, "AT+QSMTPCFG=\"account\",\"own\",\"typed\"\r");
    assert_string_equal(talk_say(t, "AT+QSMTPCFG=\"account\"\r"),
                        "\r\n+QSMTPCFG: \"account\",\"own\",\"typed\"\r\n\r\nOK\r\n");
    talk_end(t);
}

/* A host cannot collect the configured password by naming a server of its own. */
static void a_preset_secret_stays_with_its_server(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    struct pm_module *m = &t->w.module;
    assert_true(pm_module_preset(m, "smtpserver", "mail.example", NULL, 587, false));
    assert_true(pm_module_preset(m, "account", "user", "hidden", 0, true));
    (void)talk_say(t, "ATE0\r");
    talk_ok(t, "AT+QSMTPCFG=\"smtpserver\",\"MAIL.example\",25\r");
    assert_non_null(strstr(talk_say(t, "AT+QSMTPCFG=\"account\"\r"), "\"user\",\"********\""));
    talk_ok(t, "AT+QSMTPCFG=\"smtpserver\",\"evil.example\",25\r");
    assert_non_null(strstr(talk_say(t, "AT+QSMTPCFG=\"account\"\r"), "\"account\",\"\",\"\""));
    talk_ok(t, "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r");
    assert_non_null(strstr(talk_say(t, "AT+QSMTPCFG=\"account\"\r"), "\"account\",\"\",\"\""));
    assert_non_null(strstr(t->w.log, "another server"));
    talk_end(t);
}

static void bad_presets_are_refused(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
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
    (void)talk_say(t, "ATE0\r");
    assert_string_equal(talk_say(t, "AT+QICSGP=2\r"),
                        "\r\n+QICSGP: 3,\"apn\",\"u\",\"p\",2\r\n\r\nOK\r\n");
    talk_end(t);
}

static void contexts_and_profile_survive(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+QICSGP=3,2,\"six\",\"user\",\"pw\",1\r");
    (void)talk_say(t, "AT+CGDCONT=20,\"IPV6\",\"far\"\r");
    (void)talk_say(t, "ATE0V1&D1S12=60&W\r");
    t = talk_again(t);
    assert_string_equal(talk_say(t, "AT+QICSGP=3\r"),
                        "\r\n+QICSGP: 2,\"six\",\"user\",\"pw\",1\r\n\r\nOK\r\n");
    assert_non_null(strstr(talk_say(t, "AT+CGDCONT?\r"), "+CGDCONT: 20,\"IPV6\",\"far\""));
    assert_non_null(strstr(talk_say(t, "AT&V\r"), "&D: 1\r\n"));
    talk_end(t);
}

static void damaged_blobs_are_not_used(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+QICSGP=1,1,\"apn\",\"user\",\"pw\",1\r");
    (void)talk_say(t, "ATE0&W\r");
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        if (t->w.profiles[i].used) {
            t->w.profiles[i].len--;
        }
    }
    t = talk_again(t);
    assert_string_equal(talk_say(t, "AT\r"), "AT\r\r\nOK\r\n");
    assert_non_null(strstr(t->w.log, "damaged"));
    assert_non_null(strstr(talk_say(t, "AT+QICSGP=1\r"), "+QICSGP: 1,\"\",\"\",\"\",0"));
    talk_end(t);
}

/* A record with what no host can have set would break the answer that shows it. */
static void a_stored_context_with_a_line_end_is_not_used(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+QICSGP=1,1,\"apn\",\"user\",\"pw\",1\r");
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        struct world_profile *profile = &t->w.profiles[i];
        uint8_t *apn = memmem(profile->data, profile->len, "apn", 3);
        if (profile->used && apn != NULL) {
            apn[1] = '\r';
        }
    }
    t = talk_again(t);
    assert_non_null(strstr(t->w.log, "a stored context is damaged"));
    assert_non_null(strstr(talk_say(t, "AT+QICSGP=1\r"), "+QICSGP: 1,\"\",\"\",\"\",0"));
    talk_end(t);
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "ATE0\r");
    t->w.fail_at = t->w.calls + 1;
    assert_string_equal(talk_say(t, "AT&W\r"), "\r\nERROR\r\n");
    t->w.fail_at = t->w.calls + 1;
    talk_ok(t, "AT+QICSGP=1,1,\"apn\"\r");
    assert_non_null(strstr(t->w.log, "could not be stored"));
    talk_end(t);
}

static void restart_forgets_mail_and_ram(void **state)
{
    (void)state;
    for (int async = 0; async <= 1; async++) {
        struct talk *t = talk_new();
        t->w.async = async != 0;
        world_begin(&t->w, 1);
        (void)talk_say(t, "AT+QSMTPSUB=0,\"x\"\r");
        (void)talk_say(t, "AT+QIACT=1\r");
        world_add_file(&t->w, PM_STORAGE_RAM, "a", "1", 1);
        world_add_file(&t->w, PM_STORAGE_RAM, "b", "2", 1);
        world_add_file(&t->w, PM_STORAGE_UFS, "c", "3", 1);
        (void)talk_say(t, "AT+CFUN=1,1\r");
        assert_string_equal(talk_say(t, "AT\r"), ""); /* off */
        world_advance(&t->w, t->w.now + 2000);
        assert_int_equal(pm_module_count(&t->w.module).restarts, 1);
        (void)talk_say(t, "ATE0\r");
        assert_string_equal(talk_say(t, "AT+QSMTPSUB?\r"), "\r\n+QSMTPSUB: 0,\"\"\r\n\r\nOK\r\n");
        talk_ok(t, "AT+QIACT?\r");
        talk_ok(t, "AT+QFLST=\"RAM:*\"\r");
        assert_non_null(strstr(talk_say(t, "AT+QFLST\r"), "\"UFS:c\""));
        talk_end(t);
    }
}

/* A file listing longer than the output goes on as the host reads. */
static void long_lists_wait_for_the_host(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    char line[120];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(line, sizeof line, "AT+QSMTPDST=1,%d,\"%040d@example.com\"\r", i % 3 + 1, i);
        (void)talk_say(t, line);
    }
    for (int i = 0; i < WORLD_FILES; i++) {
        (void)snprintf(line, sizeof line, "%076d", i);
        world_add_file(&t->w, PM_STORAGE_UFS, line, "x", 1);
    }
    (void)talk_say(t, "ATE0\r");
    const char *got = talk_say(t, "AT+QFLST\r");
    size_t lines = 0;
    for (const char *p = got; (p = strstr(p, "+QFLST: ")) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, WORLD_FILES);
    assert_true(strlen(got) < sizeof t->got);
    assert_string_equal(got + strlen(got) - 8, "\r\n\r\nOK\r\n");
    talk_end(t);
}

static void ports_share_the_draft_but_not_their_settings(void **state)
{
    (void)state;
    struct talk *t = talk_begin(2);
    (void)talk_say(t, "ATE0\r");
    talk_ok(t, "AT+QSMTPSUB=0,\"shared\"\r");
    assert_string_equal(talk_say_on(t, 1, "AT+QSMTPSUB?\r"),
                        "AT+QSMTPSUB?\r\r\n+QSMTPSUB: 0,\"shared\"\r\n\r\nOK\r\n");
    (void)talk_say_on(t, 1, "ATE0\r");
    assert_string_equal(talk_say(t, "AT+QSMTPBODY=0,5\r"), "\r\nCONNECT\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QSMTPBODY=0,5\r"), "\r\n+CME ERROR: 652\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QSMTPCLR\r"), "\r\n+CME ERROR: 652\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QSMTPSUB?\r"),
                        "\r\n+QSMTPSUB: 0,\"shared\"\r\n\r\nOK\r\n");
    assert_string_equal(talk_say(t, "12345"), "\r\n+QSMTPBODY: 5\r\n\r\nOK\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QSMTPCLR\r"), "\r\nOK\r\n");
    talk_end(t);
}

/* What is as small as a body allows: the module serves, and says when it is full. */
static void a_small_arena_serves(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.arena_size = 64;
    world_begin(&t->w, 1);
    (void)talk_say(t, "ATE0\r");
    talk_ok(t, "AT+QSMTPDST=1,1,\"a@example.com\"\r");
    talk_ok(t, "AT+QSMTPDST=1,1,\"b@example.com\"\r");
    talk_ok(t, "AT+QSMTPDST=1,1,\"c@example.com\"\r");
    assert_string_equal(talk_say(t, "AT+QSMTPDST=1,1,\"d@example.com\"\r"),
                        "\r\n+CME ERROR: 662\r\n");
    talk_ok(t, "AT+QSMTPCLR\r");
    talk_ok(t, "AT+QSMTPDST=1,1,\"d@example.com\"\r");
    talk_end(t);
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
