/* SPDX-License-Identifier: MIT */
/* What a port says of its serial line, and what AT&W keeps of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "talk.h"

static struct talk *begin(size_t ports)
{
    struct talk *t = talk_new();
    t->w.config.power_on_delay = 1000;
    world_begin(&t->w, ports);
    return t;
}

static struct pm_line line(const struct talk *t, size_t port)
{
    return pm_port_line(&t->w.ports[port]);
}

static void a_fresh_line(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    assert_int_equal(line(t, 0).speed, 115200);
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).dcd);
    assert_true(line(t, 0).dsr);
    assert_false(line(t, 0).watch_dtr);
    talk_end(t);
}

/* While a command behind AT+IPR in the same line runs, OK is still to be printed. */
static void the_speed_changes_with_the_end_of_the_line(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    t->w.async = true;
    struct pm_port *port = &t->w.ports[0];
    talk_type_only(t, 0, "AT+IPR=9600;&W\r");
    assert_true(port->op.pending);
    assert_int_equal(line(t, 0).speed, 115200);
    world_run(&t->w);
    assert_false(port->op.pending);
    assert_int_equal(line(t, 0).speed, 9600);
    talk_end(t);
}

static void flow_and_carrier_follow_data_mode(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)talk_say(t, "ATE0+IFC=2,2;&D1\r");
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).watch_dtr);
    assert_string_equal(talk_say(t, "AT+QFUPL=\"a\",3,60\r"), "\r\nCONNECT\r\n");
    assert_true(line(t, 0).flow_out && line(t, 0).flow_in);
    assert_true(line(t, 0).dcd);
    assert_true(line(t, 0).watch_dtr);
    assert_non_null(strstr(talk_say(t, "abc"), "OK"));
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).dcd);
    assert_false(line(t, 0).watch_dtr);
    (void)talk_say(t, "AT+IFC=2,0\r");
    (void)talk_say(t, "AT+QFUPL=\"b\",3,60\r");
    assert_true(line(t, 0).flow_out && !line(t, 0).flow_in);
    (void)talk_say(t, "abc");
    talk_end(t);
}

static void settings_decide(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)talk_say(t, "ATE0&C0&D2\r");
    assert_true(line(t, 0).dcd);
    (void)talk_say(t, "AT+QFUPL=\"a\",3,60\r");
    assert_true(line(t, 0).dcd);
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).watch_dtr);
    (void)talk_say(t, "abc");
    (void)talk_say(t, "AT&D0\r");
    (void)talk_say(t, "AT+QFUPL=\"b\",3,60\r");
    assert_false(line(t, 0).watch_dtr);
    (void)talk_say(t, "abc");
    (void)talk_say(t, "AT&C1\r");
    assert_false(line(t, 0).dcd);
    talk_end(t);
}

static void a_module_that_is_off_shows_no_signals(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    (void)talk_say(t, "AT&C0+IFC=2,0;+IPR=9600;&W\r");
    (void)talk_say(t, "AT+IPR=19200\r");
    (void)talk_say(t, "AT+CFUN=1,1\r");
    assert_false(line(t, 0).dcd);
    assert_false(line(t, 0).dsr);
    world_advance(&t->w, t->w.now + 2000);
    assert_true(line(t, 0).dcd);
    assert_true(line(t, 0).dsr);
    assert_int_equal(line(t, 0).speed, 9600);
    assert_non_null(strstr(talk_say(t, "AT+IFC?\r"), "+IFC: 2,0"));
    talk_end(t);
}

/* The configuration decides until the host asks for a speed and has it kept. */
static void the_preset_speed(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    pm_port_preset_speed(&t->w.ports[0], 1200);
    assert_int_equal(line(t, 0).speed, 1200);
    assert_non_null(strstr(talk_say(t, "AT+IPR?\r"), "+IPR: 1200"));
    (void)talk_say(t, "AT&W\r");
    (void)talk_say(t, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 2000);
    assert_int_equal(line(t, 0).speed, 1200);
    (void)talk_say(t, "AT+IPR=57600;&W\r");
    (void)talk_say(t, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 2000);
    pm_port_preset_speed(&t->w.ports[0], 1200);
    assert_int_equal(line(t, 0).speed, 57600);
    assert_int_equal(line(t, 1).speed, 115200);
    talk_end(t);
}

static void a_speed_by_other_means(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    assert_true(pm_port_set_speed(&t->w.ports[0], 230400));
    assert_int_equal(line(t, 0).speed, 230400);
    assert_non_null(strstr(talk_say(t, "AT+IPR?\r"), "+IPR: 230400"));
    assert_false(pm_port_set_speed(&t->w.ports[0], 230401));
    assert_false(pm_port_set_speed(&t->w.ports[0], 0));
    assert_int_equal(line(t, 0).speed, 230400);
    talk_end(t);
}

/* What is kept of port 1, with one byte of it damaged or under another name, is not used. */
static void a_record_that_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        size_t place;
        uint8_t value;
    } damages[] = {{0, 2}, {1, 1}, {4, 1}, {5, 1}, {6, 3}, {7, 4}, {8, 4}, {10, 4}, {11, 'x'}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct talk *t = begin(1);
        (void)talk_say(t, "AT+IPR=9600;+IFC=2,2;+ICF=3,1;&W\r");
        talk_stored(t, 64)->data[damages[i].place] = damages[i].value;
        (void)talk_say(t, "AT+CFUN=1,1\r");
        world_advance(&t->w, t->w.now + 2000);
        assert_int_equal(line(t, 0).speed, 115200);
        assert_non_null(strstr(talk_say(t, "AT+IFC?;+ICF?\r"), "+IFC: 0,0\r\n\r\n+ICF: 3,3"));
        talk_end(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_line),
        cmocka_unit_test(the_speed_changes_with_the_end_of_the_line),
        cmocka_unit_test(flow_and_carrier_follow_data_mode),
        cmocka_unit_test(settings_decide),
        cmocka_unit_test(a_module_that_is_off_shows_no_signals),
        cmocka_unit_test(the_preset_speed),
        cmocka_unit_test(a_speed_by_other_means),
        cmocka_unit_test(a_record_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
