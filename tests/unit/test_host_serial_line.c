/* SPDX-License-Identifier: MIT */
/* What the kernel is asked for on behalf of a serial line. The kernel is played: this program's
 * ioctl() stands in front of the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>

#include "host/serial_line.h"

/* As in <sys/ioctl.h>, which cannot be included beside a definition of ioctl(). */
#define MODEM_DTR 0x002
#define MODEM_RTS 0x004
#define MODEM_CTS 0x020
#define MODEM_CAR 0x040
#define MODEM_RNG 0x080
#define MODEM_DSR 0x100

#define FD 77

static struct {
    struct termios2 termios;
    unsigned rounds_to; /* the speed the driver makes of it; 0: what is asked */
    bool exclusive, no_registers;
    int signals, waiting;
    unsigned transmitter;
    unsigned long fails; /* this request */
} kernel;

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    assert_int_equal(fd, FD);
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == kernel.fails || (request == TIOCSERGETLSR && kernel.no_registers)) {
        errno = request == TIOCSERGETLSR ? ENOTTY : EIO;
        return -1;
    }
    switch (request) {
    case TCGETS2: memcpy(argument, &kernel.termios, sizeof kernel.termios); break;
    case TCSETS2:
        memcpy(&kernel.termios, argument, sizeof kernel.termios);
        kernel.termios.c_ospeed =
            kernel.rounds_to != 0 ? kernel.rounds_to : kernel.termios.c_ospeed;
        break;
    case TIOCEXCL: kernel.exclusive = true; break;
    case TIOCMGET: memcpy(argument, &kernel.signals, sizeof kernel.signals); break;
    case TIOCMBIS: kernel.signals |= *(int *)argument; break;
    case TIOCMBIC: kernel.signals &= ~*(int *)argument; break;
    case TIOCOUTQ: memcpy(argument, &kernel.waiting, sizeof kernel.waiting); break;
    case TIOCSERGETLSR: memcpy(argument, &kernel.transmitter, sizeof kernel.transmitter); break;
    default: fail_msg("request %lx", request);
    }
    return 0;
}

static int begin(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof kernel);
    memset(&kernel.termios, 0xFF, sizeof kernel.termios);
    return 0;
}

static void a_line_is_made_raw(void **state)
{
    (void)state;
    const struct pm_serial_mode mode = {115200, false};
    uint32_t got = 0;
    assert_int_equal(pm__serial_ops->set_up(FD, &mode, &got), 0);
    assert_true(kernel.exclusive);
    assert_int_equal(got, 115200);
    assert_int_equal(kernel.termios.c_iflag, IGNBRK);
    assert_int_equal(kernel.termios.c_oflag, 0);
    assert_int_equal(kernel.termios.c_lflag, 0);
    assert_int_equal(kernel.termios.c_cflag, CS8 | CREAD | CLOCAL | HUPCL | B115200);
    assert_int_equal(kernel.termios.c_cc[VMIN], 1);
    assert_int_equal(kernel.termios.c_cc[VTIME], 0);
}

static void speeds_with_and_without_a_name(void **state)
{
    (void)state;
    static const struct {
        uint32_t speed;
        tcflag_t name;
    } rows[] = {{4800, B4800},       {9600, B9600},     {460800, B460800}, {2900000, BOTHER},
                {3000000, B3000000}, {3200000, BOTHER}, {3686400, BOTHER}, {4000000, B4000000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pm_serial_mode mode = {rows[i].speed, true};
        uint32_t got = 0;
        assert_true(pm_serial_speed(rows[i].speed));
        assert_int_equal(pm__serial_ops->set_up(FD, &mode, &got), 0);
        assert_int_equal(kernel.termios.c_cflag & CBAUD, rows[i].name);
        assert_int_equal(kernel.termios.c_cflag & CRTSCTS, CRTSCTS);
        assert_int_equal(kernel.termios.c_ispeed, rows[i].speed);
        assert_int_equal(kernel.termios.c_ospeed, rows[i].speed);
        assert_int_equal(got, rows[i].speed);
    }
    assert_false(pm_serial_speed(9601));
    assert_false(pm_serial_speed(0));
    const struct pm_serial_mode none = {9601, false};
    uint32_t got = 0;
    assert_int_equal(pm__serial_ops->set_up(FD, &none, &got), EINVAL);
}

static void what_the_driver_makes_of_a_speed(void **state)
{
    (void)state;
    const struct pm_serial_mode mode = {3200000, false};
    uint32_t got = 0;
    kernel.rounds_to = 3000000;
    assert_int_equal(pm__serial_ops->set_up(FD, &mode, &got), 0);
    assert_int_equal(got, 3000000);
}

static void the_signals(void **state)
{
    (void)state;
    static const struct {
        int bits;
        unsigned signals;
    } rows[] = {{0, 0},
                {MODEM_DSR, PM_SERIAL_DSR},
                {MODEM_CAR, PM_SERIAL_DCD},
                {MODEM_CTS, PM_SERIAL_CTS},
                {MODEM_RNG, PM_SERIAL_RI},
                {MODEM_DTR | MODEM_RTS, PM_SERIAL_DTR | PM_SERIAL_RTS}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned present = 0xFFFF;
        kernel.signals = rows[i].bits;
        assert_int_equal(pm__serial_ops->signals(FD, &present), 0);
        assert_int_equal(present, rows[i].signals);
    }
}

static void one_signal_is_driven(void **state)
{
    (void)state;
    kernel.signals = MODEM_DTR | MODEM_RTS | MODEM_DSR;
    assert_int_equal(pm__serial_ops->drive(FD, PM_SERIAL_DTR, false), 0);
    assert_int_equal(kernel.signals, MODEM_RTS | MODEM_DSR);
    assert_int_equal(pm__serial_ops->drive(FD, PM_SERIAL_RTS, false), 0);
    assert_int_equal(kernel.signals, MODEM_DSR);
    assert_int_equal(pm__serial_ops->drive(FD, PM_SERIAL_DTR, true), 0);
    assert_int_equal(kernel.signals, MODEM_DTR | MODEM_DSR);
    assert_int_equal(pm__serial_ops->drive(FD, PM_SERIAL_RTS, true), 0);
    assert_int_equal(kernel.signals, MODEM_DTR | MODEM_RTS | MODEM_DSR);
}

static void what_is_not_sent_yet(void **state)
{
    (void)state;
    bool sure = true;
    kernel.waiting = 12;
    assert_int_equal(pm__serial_ops->unsent(FD, &sure), 12);
    kernel.waiting = 0;
    assert_int_equal(pm__serial_ops->unsent(FD, &sure), 1);
    kernel.transmitter = 1;
    assert_int_equal(pm__serial_ops->unsent(FD, &sure), 0);
    assert_true(sure);
    kernel.no_registers = true;
    assert_int_equal(pm__serial_ops->unsent(FD, &sure), 0);
    assert_false(sure);
}

static void failures_are_told(void **state)
{
    (void)state;
    static const unsigned long requests[] = {TCGETS2, TCSETS2, TIOCEXCL};
    const struct pm_serial_mode mode = {9600, false};
    uint32_t got = 0;
    unsigned present = 0;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        kernel.fails = requests[i];
        assert_int_equal(pm__serial_ops->set_up(FD, &mode, &got), EIO);
    }
    kernel.fails = TIOCMGET;
    assert_int_equal(pm__serial_ops->signals(FD, &present), EIO);
    kernel.fails = TIOCMBIS;
    assert_int_equal(pm__serial_ops->drive(FD, PM_SERIAL_DTR, true), EIO);
    kernel.fails = TIOCMBIC;
    assert_int_equal(pm__serial_ops->drive(FD, PM_SERIAL_DTR, false), EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_made_raw, begin),
        cmocka_unit_test_setup(speeds_with_and_without_a_name, begin),
        cmocka_unit_test_setup(what_the_driver_makes_of_a_speed, begin),
        cmocka_unit_test_setup(the_signals, begin),
        cmocka_unit_test_setup(one_signal_is_driven, begin),
        cmocka_unit_test_setup(what_is_not_sent_yet, begin),
        cmocka_unit_test_setup(failures_are_told, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
