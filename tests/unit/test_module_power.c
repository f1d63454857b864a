/* SPDX-License-Identifier: MIT */
/* A module that is powered down and stays off until its owner switches it on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "talk.h"

static struct talk *begin(bool async)
{
    struct talk *t = talk_new();
    t->w.async = async;
    t->w.config.power_off = PM_POWER_OFF_STAY;
    world_begin(&t->w, 2);
    return t;
}

static void off_until_switched_on(void **state)
{
    (void)state;
    for (int async = 0; async <= 1; async++) {
        struct talk *t = begin(async != 0);
        world_add_file(&t->w, PM_STORAGE_RAM, "a", "1", 1);
        (void)talk_say(t, "ATE0\r");
        talk_ok(t, "AT+QPOWD\r");
        assert_false(pm_module_off(&t->w.module));
        pm_module_power_on(&t->w.module, t->w.now); /* it is still going down */
        world_advance(&t->w, t->w.now + 1000);
        assert_true(pm_module_off(&t->w.module));
        assert_string_equal(talk_say(t, "AT\r"), "\r\nPOWERED DOWN\r\n");
        assert_string_equal(talk_say_on(t, 1, "AT\r"), "");
        assert_int_equal(pm_module_deadline(&t->w.module), PM_NEVER);
        assert_int_equal(pm_module_count(&t->w.module).restarts, 0);
        pm_module_power_on(&t->w.module, t->w.now);
        world_advance(&t->w, t->w.now + 10);
        assert_false(pm_module_off(&t->w.module));
        assert_int_equal(pm_module_count(&t->w.module).restarts, 1);
        assert_string_equal(talk_say(t, "AT+QFLST=\"RAM:*\"\r"), "AT+QFLST=\"RAM:*\"\r\r\nOK\r\n");
        pm_module_power_on(&t->w.module, t->w.now); /* it is on */
        assert_int_equal(pm_module_count(&t->w.module).restarts, 1);
        assert_string_equal(talk_say_on(t, 1, "AT\r"), "AT\r\r\nOK\r\n");
        talk_end(t);
    }
}

/* Ending a module in each of the states between on and off leaves nothing behind. */
static void it_may_end_at_any_time(void **state)
{
    (void)state;
    for (uint64_t wait = 0; wait <= 1500; wait += 250) {
        struct talk *t = begin(true);
        (void)talk_say_on(t, 1, "AT+QFUPL=\"RAM:x\",100,60\r");
        world_type(&t->w, 0, "AT+QPOWD\r", 9);
        world_advance(&t->w, t->w.now + wait);
        talk_end(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_until_switched_on),
        cmocka_unit_test(it_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
