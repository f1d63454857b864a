/* SPDX-License-Identifier: MIT */
/* What a restart, a host that leaves, and two ports at once must not leave behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define SECRET "hunter2-private"

static void an_upload_does_not_outlive_a_restart(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.config.power_on_delay = 0;
    world_begin(&t->w, 2);
    (void)talk_say_on(t, 1, "AT+QSMTPBODY=0,100\r");
    t->w.async = true;
    talk_type_only(t, 1, "half a body"); /* The storage is still at it when the restart comes. */
    talk_type_only(t, 0, "AT+CFUN=1,1\r");
    while (t->w.op_count > 1) { /* It even ends after the restart has. */
        size_t last = --t->w.op_count;
        pm_module_done(&t->w.module, t->w.ops[last].op, t->w.ops[last].result, t->w.now);
    }
    world_advance(&t->w, t->w.now + 5000);
    assert_int_equal(pm_module_count(&t->w.module).restarts, 1);
    assert_int_equal(world_temporary(&t->w), 0); /* no body from the life before */
    assert_string_equal(talk_say_on(t, 1, "AT+QSMTPCLR\r"), "AT+QSMTPCLR\r\r\nOK\r\n");
    talk_end(t);
}

static void an_activation_does_not_outlive_a_restart(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.config.qiact_delay = 5000;
    world_begin(&t->w, 2);
    (void)talk_say_on(t, 1, "AT+QIACT=1\r");
    (void)talk_say(t, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 10000);
    assert_string_equal(talk_say(t, "AT+QIACT?\r"), "AT+QIACT?\r\r\nOK\r\n");
    assert_string_equal(talk_hear(t, 1), "");
    talk_end(t);
}

/* A port that took no input because its host did not read must take it again. */
static void a_full_port_takes_input_after_a_restart(void **state)
{
    (void)state;
    struct talk *t = talk_begin(2);
    for (unsigned i = 0; i < 1000 && pm_port_wants_input(&t->w.ports[1]); i++) {
        (void)pm_port_input(&t->w.ports[1], (const uint8_t *)"ATI;&V\r", 7, t->w.now);
    }
    assert_false(pm_port_wants_input(&t->w.ports[1]));
    (void)talk_say(t, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 5000);
    assert_true(pm_port_wants_input(&t->w.ports[1]));
    assert_string_equal(talk_say_on(t, 1, "AT\r"), "AT\r\r\nOK\r\n");
    talk_end(t);
}

/* The next host types while a command of the one before it still runs. */
static void the_next_host_gets_its_answer(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.async = true;
    world_begin(&t->w, 1);
    talk_type_only(t, 0, "AT+QFUPL=\"a\"\r");
    pm_port_lost(&t->w.ports[0], t->w.now);
    talk_type_only(t, 0, "AT\r");
    t->w.now += 5;
    assert_string_equal(talk_later(t, 20000), "AT\r\r\nOK\r\n");
    talk_end(t);
}

static void two_ports_activate_one_context(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.config.qiact_delay = 5000;
    world_begin(&t->w, 2);
    (void)talk_say(t, "ATE0\r");
    (void)talk_say_on(t, 1, "ATE0\r");
    (void)talk_say(t, "AT+QIACT=1\r");
    (void)talk_say_on(t, 1, "AT+QIACT=1\r");
    assert_string_equal(talk_later(t, 10000), "\r\nOK\r\n");
    assert_string_equal(talk_hear(t, 1), "\r\nERROR\r\n");
    assert_string_equal(talk_say_on(t, 1, "AT+QIGETERROR\r"),
                        "\r\n+QIGETERROR: 572,operation not allowed\r\n\r\nOK\r\n");
    talk_end(t);
}

static void a_context_that_is_gone_is_not_activated(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.config.qiact_delay = 5000;
    world_begin(&t->w, 2);
    (void)talk_say(t, "ATE0\r");
    (void)talk_say(t, "AT+QIACT=1\r");
    (void)talk_say_on(t, 1, "AT+CGDCONT=1\r");
    assert_string_equal(talk_later(t, 10000), "\r\nERROR\r\n");
    talk_ok(t, "AT+QIACT?\r");
    talk_end(t);
}

static void an_undefined_context_keeps_no_account(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "ATE0\r");
    (void)talk_say(t, "AT+QICSGP=3,1,\"apn\",\"user\",\"" SECRET "\",1\r");
    (void)talk_say(t, "AT+CGDCONT=3\r");
    assert_string_equal(talk_say(t, "AT+QICSGP=3\r"),
                        "\r\n+QICSGP: 0,\"\",\"\",\"\",0\r\n\r\nOK\r\n");
    talk_end(t);
}

static void an_address_that_was_not_asked_for_is_not_told(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "ATE0\r");
    assert_string_equal(talk_say(t, "AT+CGPADDR=1,,\r"),
                        "\r\n+CGPADDR: 1,\"10.7.157.1\"\r\n\r\nOK\r\n");
    talk_end(t);
}

/* What the first release stored had no options. */
static void a_context_of_the_first_layout_is_read(void **state)
{
    static const uint8_t stored[] = {1, 3, 2, 3, 'a', 'p', 'n', 1, 'u', 1, 'p'};
    (void)state;
    struct talk *t = talk_new();
    t->w.profiles[0].used = true;
    t->w.profiles[0].key = 32 + 5;
    memcpy(t->w.profiles[0].data, stored, sizeof stored);
    t->w.profiles[0].len = sizeof stored;
    world_begin(&t->w, 1);
    (void)talk_say(t, "ATE0\r");
    assert_string_equal(talk_say(t, "AT+QICSGP=5\r"),
                        "\r\n+QICSGP: 3,\"apn\",\"u\",\"p\",2\r\n\r\nOK\r\n");
    assert_non_null(
        strstr(talk_say(t, "AT+CGDCONT?\r"), "+CGDCONT: 5,\"IPV4V6\",\"apn\",\"0.0.0.0.0"));
    talk_end(t);
}

static void two_ports_delete_all_files(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.async = true;
    world_begin(&t->w, 2);
    world_add_file(&t->w, PM_STORAGE_RAM, "a", "x", 1);
    world_add_file(&t->w, PM_STORAGE_RAM, "b", "y", 1);
    talk_type_only(t, 0, "AT+QFDEL=\"RAM:*\"\r");
    talk_type_only(t, 1, "AT+QFDEL=\"RAM:*\"\r");
    world_run(&t->w);
    assert_string_equal(talk_hear(t, 0), "AT+QFDEL=\"RAM:*\"\r\r\nOK\r\n");
    assert_string_equal(talk_hear(t, 1), "AT+QFDEL=\"RAM:*\"\r\r\nOK\r\n");
    talk_end(t);
}

static bool holds(const void *memory, size_t size, const char *text)
{
    return memmem(memory, size, text, strlen(text)) != NULL;
}

static void check_forgotten(const struct talk *t)
{
    assert_false(holds(&t->w.module, sizeof t->w.module, SECRET));
    assert_false(holds(t->w.ports, sizeof t->w.ports, SECRET));
    assert_false(holds(t->w.arena, t->w.arena_size, SECRET));
}

/* Typed, echoed, typed ahead, stored, shown, and then replaced: not a byte of it stays. */
static void a_password_is_overwritten(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.async = true;
    world_begin(&t->w, 1);
    (void)talk_say(t, "AT+QFLST;+QFLDS\rAT+QSMTPCFG=\"account\",\"user\",\"" SECRET "\"\r"
                      "AT+QSMTPCFG=\"account\"\r"
                      "AT+QICSGP=3,1,\"apn\",\"user\",\"" SECRET "\",1\rAT+QICSGP=3\r"
                      "AT+QSSLCFG=\"clientkey\",1,\"key.pem\",\"" SECRET "\"\r"
                      "AT+CPIN=" SECRET "\b\b\b\b\b\r");
    (void)talk_say(t, "AT+QSMTPCFG=\"account\",\"\",\"\"\r");
    (void)talk_say(t, "AT+CGDCONT=3\r");
    (void)talk_say(t, "AT+QSSLCFG=\"clientkey\",1,\"\",\"\"\r");
    check_forgotten(t);
    talk_end(t);
}

static void an_uploaded_key_is_overwritten(void **state)
{
    (void)state;
    struct talk *t = talk_new();
    t->w.async = true;
    world_begin(&t->w, 1);
    (void)talk_say(t, "AT+QFUPL=\"key.pem\",30\r");
    (void)talk_say(t, SECRET SECRET);
    (void)talk_say(t, "AT+QFDWL=\"key.pem\"\r");
    check_forgotten(t);
    talk_end(t);
}

static void presets_without_texts_are_refused(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    struct pm_module *m = &t->w.module;
    assert_true(pm_module_preset(m, "account", "user", "hidden", 0, true));
    assert_false(pm_module_preset(m, "account", "user", NULL, 0, false));
    assert_false(pm_module_preset(m, "account", NULL, "hidden", 0, false));
    assert_false(pm_module_preset(m, "sender", NULL, "a@example.com", 0, false));
    assert_false(pm_module_preset_context(m, 1, 1, "apn\r\n", "", "", 0));
    assert_non_null(strstr(talk_say(t, "AT+QSMTPCFG=\"account\"\r"), "\"********\""));
    talk_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upload_does_not_outlive_a_restart),
        cmocka_unit_test(an_activation_does_not_outlive_a_restart),
        cmocka_unit_test(a_full_port_takes_input_after_a_restart),
        cmocka_unit_test(the_next_host_gets_its_answer),
        cmocka_unit_test(two_ports_activate_one_context),
        cmocka_unit_test(a_context_that_is_gone_is_not_activated),
        cmocka_unit_test(an_undefined_context_keeps_no_account),
        cmocka_unit_test(an_address_that_was_not_asked_for_is_not_told),
        cmocka_unit_test(a_context_of_the_first_layout_is_read),
        cmocka_unit_test(two_ports_delete_all_files),
        cmocka_unit_test(a_password_is_overwritten),
        cmocka_unit_test(an_uploaded_key_is_overwritten),
        cmocka_unit_test(presets_without_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
