/* SPDX-License-Identifier: MIT */
/* What is kept at once: it survives a power cut, and a damaged record harms nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

#define DEFAULT_PORT "+QURCCFG: \"urcport\",\"usbat\""

static void it_survives_a_power_cut(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    assert_non_null(strstr(talk_say(t, "AT+QURCCFG=\"urcport\",\"all\"\r"), "\r\nOK\r\n"));
    t = talk_again(t);
    assert_non_null(strstr(talk_say(t, "AT+QURCCFG=\"urcport\"\r"), "\"all\""));
    talk_end(t);
}

/* What AT+QCFG keeps is judged when it is read: any byte may stand there. */
#define JUDGED (1 + PM_NVM_QCFG)

static void a_damaged_record_leaves_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < JUDGED; i++) {
        struct talk *t = talk_begin(1);
        (void)talk_say(t, "AT+QURCCFG=\"urcport\",\"all\"\r");
        talk_stored(t, PM_PROFILE_NVM)->data[i] = 0xFF;
        t = talk_again(t);
        assert_non_null(strstr(t->w.log, "damaged"));
        assert_non_null(strstr(talk_say(t, "AT+QURCCFG=\"urcport\"\r"), DEFAULT_PORT));
        talk_end(t);
    }
}

/* A longer record is from a newer program: what it means is not known here. */
static void a_longer_record_leaves_defaults(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+QURCCFG=\"urcport\",\"all\"\r");
    talk_stored(t, PM_PROFILE_NVM)->len++;
    t = talk_again(t);
    assert_non_null(strstr(talk_say(t, "AT+QURCCFG=\"urcport\"\r"), DEFAULT_PORT));
    talk_end(t);
}

static void strange_values_of_qcfg_are_defaults(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+QCFG=\"usbnet\",0\r");
    memset(talk_stored(t, PM_PROFILE_NVM)->data + JUDGED, 0xFE, PM_QCFG_VALUES);
    t = talk_again(t);
    assert_non_null(strstr(talk_say(t, "AT+QCFG=\"usbnet\"\r"), "+QCFG: \"usbnet\",1\r"));
    assert_non_null(
        strstr(talk_say(t, "AT+QCFG=\"roamservice\"\r"), "+QCFG: \"roamservice\",255\r"));
    assert_non_null(strstr(talk_say(t, "AT+QCFG=\"risignaltype\"\r"), "\"respective\""));
    talk_end(t);
}

static void a_sim_keeps_its_lock_its_pin_and_its_tries(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+CLCK=\"SC\",1,\"1234\"\r");
    (void)talk_say(t, "AT+CPWD=\"SC\",\"1234\",\"98765\"\r");
    t = talk_again(t);
    assert_non_null(strstr(talk_say(t, "AT+CPIN?\r"), "+CPIN: SIM PIN"));
    assert_non_null(strstr(talk_say(t, "AT+CPIN=1234\r"), "+CME ERROR: 16"));
    t = talk_again(t);
    assert_non_null(strstr(talk_say(t, "AT+QPINC=\"SC\"\r"), "\"SC\",2,10"));
    assert_non_null(strstr(talk_say(t, "AT+CPIN=98765\r"), "+CPIN: READY"));
    assert_non_null(strstr(talk_say(t, "AT+QPINC=\"SC\"\r"), "\"SC\",3,10"));
    talk_end(t);
}

static void an_older_record_is_taken(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    (void)talk_say(t, "AT+QURCCFG=\"urcport\",\"all\"\r");
    talk_stored(t, PM_PROFILE_NVM)->len = 1;
    t = talk_again(t);
    assert_null(strstr(t->w.log, "damaged"));
    assert_non_null(strstr(talk_say(t, "AT+QURCCFG=\"urcport\"\r"), DEFAULT_PORT));
    talk_end(t);
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct talk *t = talk_begin(1);
    t->w.fail_at = t->w.calls + 1;
    assert_non_null(strstr(talk_say(t, "AT+QURCCFG=\"urcport\",\"all\"\r"), "\r\nOK\r\n"));
    assert_non_null(strstr(t->w.log, "could not be stored"));
    talk_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_survives_a_power_cut),
        cmocka_unit_test(a_damaged_record_leaves_defaults),
        cmocka_unit_test(a_longer_record_leaves_defaults),
        cmocka_unit_test(strange_values_of_qcfg_are_defaults),
        cmocka_unit_test(a_sim_keeps_its_lock_its_pin_and_its_tries),
        cmocka_unit_test(an_older_record_is_taken),
        cmocka_unit_test(a_failing_store_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
