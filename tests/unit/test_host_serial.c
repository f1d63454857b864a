/* SPDX-License-Identifier: MIT */
/* Serial lines as users write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host/serial.h"

static void test_lines(void **state)
{
    struct pm_serial_line line;
    char err[400];
    (void)state;
    assert_true(pm_serial_parse("/dev/ttyS0", &line, err, sizeof err));
    assert_string_equal(line.device, "/dev/ttyS0");
    assert_int_equal(line.baud, 115200);
    assert_false(line.rtscts);
    assert_true(pm_serial_parse("/dev/serial/by-id/usb-x,9600", &line, err, sizeof err));
    assert_int_equal(line.baud, 9600);
    assert_true(pm_serial_parse("/dev/ttyS0,4000000,rtscts", &line, err, sizeof err));
    assert_int_equal(line.baud, 4000000);
    assert_true(line.rtscts);
    assert_true(pm_serial_parse("/dev/ttyS0,3686400", &line, err, sizeof err));
    assert_int_equal(line.baud, 3686400);
}

static void test_what_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        ",9600",
        "/dev/x,",
        "/dev/x,9601",
        "/dev/x,9600,",
        "/dev/x,96x",
        "/dev/x,9600,rts",
        "/dev/x,9600,rtscts,",
        "/dev/x,rtscts",
        "/dev/x,99999999999999999999",
        "/dev/x,-9600",
    };
    struct pm_serial_line line;
    char path[PM_SERIAL_PATH + 1];
    char err[400];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err[0] = '\0';
        if (pm_serial_parse(bad[i], &line, err, sizeof err) || err[0] == '\0') {
            fail_msg("%s is taken, or refused without a word", bad[i]);
        }
    }
    memset(path, 'x', sizeof path);
    path[PM_SERIAL_PATH] = '\0';
    assert_false(pm_serial_parse(path, &line, err, sizeof err));
    path[PM_SERIAL_PATH - 1] = '\0';
    assert_true(pm_serial_parse(path, &line, err, sizeof err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
