/* SPDX-License-Identifier: MIT */
/* What a port says of its serial line, and what AT&W keeps of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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
    t->w.config.power_on_delay = 1000;
    world_begin(&t->w, ports);
    return t;
}

static void end(struct talk *t)
{
    world_end(&t->w);
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
    end(t);
}

/* While a command behind AT+IPR in the same line runs, OK is still to be printed. */
static void the_speed_changes_with_the_end_of_the_line(void **state)
{
    (void)state;
    static const char text[] = "AT+IPR=9600;&W\r";
    struct talk *t = begin(1);
    t->w.async = true;
    struct pm_port *port = &t->w.ports[0];
    assert_int_equal(pm_port_input(port, (const uint8_t *)text, sizeof text - 1, t->w.now),
                     sizeof text - 1);
    assert_true(port->op.pending);
    assert_int_equal(line(t, 0).speed, 115200);
    world_run(&t->w);
    assert_false(port->op.pending);
    assert_int_equal(line(t, 0).speed, 9600);
    end(t);
}

static void flow_and_carrier_follow_data_mode(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    say(t, 0, "ATE0+IFC=2,2;&D1\r");
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).watch_dtr);
    assert_string_equal(say(t, 0, "AT+QFUPL=\"a\",3,60\r"), "\r\nCONNECT\r\n");
    assert_true(line(t, 0).flow_out && line(t, 0).flow_in);
    assert_true(line(t, 0).dcd);
    assert_true(line(t, 0).watch_dtr);
    assert_non_null(strstr(say(t, 0, "abc"), "OK"));
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).dcd);
    assert_false(line(t, 0).watch_dtr);
    say(t, 0, "AT+IFC=2,0\r");
    say(t, 0, "AT+QFUPL=\"b\",3,60\r");
    assert_true(line(t, 0).flow_out && !line(t, 0).flow_in);
    say(t, 0, "abc");
    end(t);
}

static void settings_decide(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    say(t, 0, "ATE0&C0&D2\r");
    assert_true(line(t, 0).dcd);
    say(t, 0, "AT+QFUPL=\"a\",3,60\r");
    assert_true(line(t, 0).dcd);
    assert_false(line(t, 0).flow_out || line(t, 0).flow_in);
    assert_false(line(t, 0).watch_dtr);
    say(t, 0, "abc");
    say(t, 0, "AT&D0\r");
    say(t, 0, "AT+QFUPL=\"b\",3,60\r");
    assert_false(line(t, 0).watch_dtr);
    say(t, 0, "abc");
    say(t, 0, "AT&C1\r");
    assert_false(line(t, 0).dcd);
    end(t);
}

static void a_module_that_is_off_shows_no_signals(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    say(t, 0, "AT&C0+IFC=2,0;+IPR=9600;&W\r");
    say(t, 0, "AT+IPR=19200\r");
    say(t, 0, "AT+CFUN=1,1\r");
    assert_false(line(t, 0).dcd);
    assert_false(line(t, 0).dsr);
    world_advance(&t->w, t->w.now + 2000);
    assert_true(line(t, 0).dcd);
    assert_true(line(t, 0).dsr);
    assert_int_equal(line(t, 0).speed, 9600);
    assert_non_null(strstr(say(t, 0, "AT+IFC?\r"), "+IFC: 2,0"));
    end(t);
}

/* The configuration decides until the host asks for a speed and has it kept. */
static void the_preset_speed(void **state)
{
    (void)state;
    struct talk *t = begin(2);
    pm_port_preset_speed(&t->w.ports[0], 1200);
    assert_int_equal(line(t, 0).speed, 1200);
    assert_non_null(strstr(say(t, 0, "AT+IPR?\r"), "+IPR: 1200"));
    say(t, 0, "AT&W\r");
    say(t, 0, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 2000);
    assert_int_equal(line(t, 0).speed, 1200);
    say(t, 0, "AT+IPR=57600;&W\r");
    say(t, 0, "AT+CFUN=1,1\r");
    world_advance(&t->w, t->w.now + 2000);
    pm_port_preset_speed(&t->w.ports[0], 1200);
    assert_int_equal(line(t, 0).speed, 57600);
    assert_int_equal(line(t, 1).speed, 115200);
    end(t);
}

static void a_speed_by_other_means(void **state)
{
    (void)state;
    struct talk *t = begin(1);
    assert_true(pm_port_set_speed(&t->w.ports[0], 230400));
    assert_int_equal(line(t, 0).speed, 230400);
    assert_non_null(strstr(say(t, 0, "AT+IPR?\r"), "+IPR: 230400"));
    assert_false(pm_port_set_speed(&t->w.ports[0], 230401));
    assert_false(pm_port_set_speed(&t->w.ports[0], 0));
    assert_int_equal(line(t, 0).speed, 230400);
    end(t);
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
        say(t, 0, "AT+IPR=9600;+IFC=2,2;+ICF=3,1;&W\r");
        struct world_profile *kept = NULL;
        for (size_t k = 0; k < WORLD_PROFILES; k++) {
            if (t->w.profiles[k].used && t->w.profiles[k].key == 64) {
                kept = &t->w.profiles[k];
            }
        }
        assert_non_null(kept);
        kept->data[damages[i].place] = damages[i].value;
        say(t, 0, "AT+CFUN=1,1\r");
        world_advance(&t->w, t->w.now + 2000);
        assert_int_equal(line(t, 0).speed, 115200);
        assert_non_null(strstr(say(t, 0, "AT+IFC?;+ICF?\r"), "+IFC: 0,0\r\n\r\n+ICF: 3,3"));
        end(t);
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
