/* SPDX-License-Identifier: MIT */
/* What is kept at once: it survives a power cut, and a damaged record harms nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/world.h"

struct talk {
    struct world w;
    char got[4096];
};

/* A module; with `old` one whose store is that of another that ended. */
static struct talk *begin(struct talk *old)
{
    struct talk *t = calloc(1, sizeof *t);
    assert_non_null(t);
    world_init(&t->w);
    if (old != NULL) {
        memcpy(t->w.profiles, old->w.profiles, sizeof t->w.profiles);
        assert_string_equal(world_end(&old->w), "");
        free(old);
    }
    world_begin(&t->w, 1);
    return t;
}

static void end(struct talk *t)
{
    assert_string_equal(world_end(&t->w), "");
    free(t);
}

static const char *say(struct talk *t, const char *text)
{
    world_type(&t->w, 0, text, strlen(text));
    world_advance(&t->w, t->w.now + 500);
    size_t n = world_read(&t->w, 0, (uint8_t *)t->got, sizeof t->got - 1);
    t->got[n] = '\0';
    return t->got;
}

static struct world_profile *record(struct talk *t)
{
    for (size_t i = 0; i < WORLD_PROFILES; i++) {
        if (t->w.profiles[i].used && t->w.profiles[i].key == PM_PROFILE_NVM) {
            return &t->w.profiles[i];
        }
    }
    fail_msg("nothing was kept");
    return NULL;
}

#define DEFAULT_PORT "+QURCCFG: \"urcport\",\"usbat\""

static void it_survives_a_power_cut(void **state)
{
    (void)state;
    struct talk *t = begin(NULL);
    assert_non_null(strstr(say(t, "AT+QURCCFG=\"urcport\",\"all\"\r"), "\r\nOK\r\n"));
    t = begin(t);
    assert_non_null(strstr(say(t, "AT+QURCCFG=\"urcport\"\r"), "\"all\""));
    end(t);
}

/* What AT+QCFG keeps is judged when it is read: any byte may stand there. */
#define JUDGED (1 + PM_NVM_QCFG)

static void a_damaged_record_leaves_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < JUDGED; i++) {
        struct talk *t = begin(NULL);
        (void)say(t, "AT+QURCCFG=\"urcport\",\"all\"\r");
        record(t)->data[i] = 0xFF;
        t = begin(t);
        assert_non_null(strstr(t->w.log, "damaged"));
        assert_non_null(strstr(say(t, "AT+QURCCFG=\"urcport\"\r"), DEFAULT_PORT));
        end(t);
    }
}

/* A longer record is from a newer program: what it means is not known here. */
static void a_longer_record_leaves_defaults(void **state)
{
    (void)state;
    struct talk *t = begin(NULL);
    (void)say(t, "AT+QURCCFG=\"urcport\",\"all\"\r");
    record(t)->len++;
    t = begin(t);
    assert_non_null(strstr(say(t, "AT+QURCCFG=\"urcport\"\r"), DEFAULT_PORT));
    end(t);
}

static void strange_values_of_qcfg_are_defaults(void **state)
{
    (void)state;
    struct talk *t = begin(NULL);
    (void)say(t, "AT+QCFG=\"usbnet\",0\r");
    memset(record(t)->data + JUDGED, 0xFE, PM_QCFG_VALUES);
    t = begin(t);
    assert_non_null(strstr(say(t, "AT+QCFG=\"usbnet\"\r"), "+QCFG: \"usbnet\",1\r"));
    assert_non_null(strstr(say(t, "AT+QCFG=\"roamservice\"\r"), "+QCFG: \"roamservice\",255\r"));
    assert_non_null(strstr(say(t, "AT+QCFG=\"risignaltype\"\r"), "\"respective\""));
    end(t);
}

static void a_sim_keeps_its_lock_its_pin_and_its_tries(void **state)
{
    (void)state;
    struct talk *t = begin(NULL);
    (void)say(t, "AT+CLCK=\"SC\",1,\"1234\"\r");
    (void)say(t, "AT+CPWD=\"SC\",\"1234\",\"98765\"\r");
    t = begin(t);
    assert_non_null(strstr(say(t, "AT+CPIN?\r"), "+CPIN: SIM PIN"));
    assert_non_null(strstr(say(t, "AT+CPIN=1234\r"), "+CME ERROR: 16"));
    t = begin(t);
    assert_non_null(strstr(say(t, "AT+QPINC=\"SC\"\r"), "\"SC\",2,10"));
    assert_non_null(strstr(say(t, "AT+CPIN=98765\r"), "+CPIN: READY"));
    assert_non_null(strstr(say(t, "AT+QPINC=\"SC\"\r"), "\"SC\",3,10"));
    end(t);
}

static void an_older_record_is_taken(void **state)
{
    (void)state;
    struct talk *t = begin(NULL);
    (void)say(t, "AT+QURCCFG=\"urcport\",\"all\"\r");
    record(t)->len = 1;
    t = begin(t);
    assert_null(strstr(t->w.log, "damaged"));
    assert_non_null(strstr(say(t, "AT+QURCCFG=\"urcport\"\r"), DEFAULT_PORT));
    end(t);
}

static void a_failing_store_is_told(void **state)
{
    (void)state;
    struct talk *t = begin(NULL);
    t->w.fail_at = t->w.calls + 1;
    assert_non_null(strstr(say(t, "AT+QURCCFG=\"urcport\",\"all\"\r"), "\r\nOK\r\n"));
    assert_non_null(strstr(t->w.log, "could not be stored"));
    end(t);
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
