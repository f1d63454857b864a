/* SPDX-License-Identifier: MIT */
/*
 * Serial lines of a running module: bytes go over a pty, which has no signals and no speed; what
 * the kernel would do for those is played here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/daemon.h"
#include "host/port.h"
#include "host/serial_line.h"

/* How long anything that should happen soon may take on a busy machine, ms. */
#define SOON 30000

/* The wire. */
static struct {
    struct pm_serial_mode mode;
    unsigned set_ups;
    unsigned inputs; /* signals that are on */
    unsigned looks;  /* at them */
    unsigned outputs;
    unsigned unsent; /* bytes in the transmitter; goes down by ten with each look */
    bool sure;
    int fails; /* errno of set_up */
    bool no_signals;
} wire;

static int set_up(int fd, const struct pm_serial_mode *mode, uint32_t *got)
{
    struct termios raw;
    if (wire.fails != 0) {
        return wire.fails;
    }
    assert_int_equal(tcgetattr(fd, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
    wire.set_ups++;
    wire.mode = *mode;
    *got = mode->speed;
    return 0;
}

static int signals(int fd, unsigned *present)
{
    (void)fd;
    wire.looks++;
    *present = wire.inputs;
    return wire.no_signals ? ENOTTY : 0;
}

static int drive(int fd, enum pm_serial_signal signal, bool on)
{
    (void)fd;
    if (wire.no_signals) {
        return ENOTTY;
    }
    wire.outputs = on ? wire.outputs | (unsigned)signal : wire.outputs & ~(unsigned)signal;
    return 0;
}

static unsigned unsent(int fd, bool *sure)
{
    (void)fd;
    unsigned now = wire.unsent;
    *sure = wire.sure;
    wire.unsent = now > 10 ? now - 10 : 0;
    return now;
}

static const struct pm_serial_ops played = {set_up, signals, drive, unsent};

struct fixture {
    struct pm_options *options;
    struct pm_daemon daemon;
    bool started;
    int host; /* the host's end */
    char folder[64], device[80], state[80];
    char err[600];
    char heard[65536];
    size_t heard_len;
};

/* A new cable: a pty whose one end is the device, the other the host's. */
static void plug_in(struct fixture *f)
{
    char name[128];
    f->host = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    assert_true(f->host >= 0 && grantpt(f->host) == 0 && unlockpt(f->host) == 0);
    assert_int_equal(ptsname_r(f->host, name, sizeof name), 0);
    assert_int_equal(symlink(name, f->device), 0);
}

static void unplug(struct fixture *f)
{
    unlink(f->device);
    close(f->host);
    f->host = -1;
}

static void renew(struct fixture *f)
{
    f->options = malloc(sizeof *f->options);
    assert_non_null(f->options);
    pm_options_init(f->options);
    f->options->log = PM_LOG_ERROR;
    f->options->boot_urcs = PM_OFF;
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->folder, "/tmp/postmodem-serial-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->device, sizeof f->device, "%s/tty", f->folder);
    snprintf(f->state, sizeof f->state, "%s/state", f->folder);
    memset(&wire, 0, sizeof wire);
    wire.sure = true;
    wire.outputs = PM_SERIAL_DTR | PM_SERIAL_RTS;
    pm__serial_ops = &played;
    f->host = -1;
    renew(f);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    char command[200];
    if (f->started) {
        pm_daemon_end(&f->daemon);
    }
    if (f->host >= 0) {
        unplug(f);
    }
    snprintf(command, sizeof command, "rm -r '%s'", f->folder);
    assert_int_equal(system(command), 0);
    pm_options_delete(f->options);
    free(f);
    return 0;
}

static void set(struct fixture *f, const char *key, const char *value)
{
    if (!pm_options_set(f->options, key, value, f->err, sizeof f->err)) {
        fail_msg("%s", f->err);
    }
}

static bool start(struct fixture *f, const char *rest)
{
    char where[120];
    snprintf(where, sizeof where, "%s%s", f->device, rest);
    set(f, "port.1.serial", where);
    if (!pm_options_finish(f->options, f->err, sizeof f->err)) {
        return false;
    }
    f->started = pm_daemon_init(&f->daemon, f->options->log, f->err, sizeof f->err);
    assert_true(f->started);
    struct pm_options *options = f->options;
    f->options = NULL;
    return pm_daemon_add(&f->daemon, options, f->err, sizeof f->err) != NULL;
}

static uint64_t milliseconds(void)
{
    return uv_hrtime() / 1000000;
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
}

/* Runs the loop until something happens or a little time has passed. */
static void turn(struct fixture *f)
{
    uv_timer_t timer;
    uv_timer_init(&f->daemon.loop, &timer);
    uv_update_time(&f->daemon.loop);
    uv_timer_start(&timer, on_timer, 5, 5);
    uv_run(&f->daemon.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&f->daemon.loop, UV_RUN_NOWAIT);
}

static void hear(struct fixture *f)
{
    ssize_t len = read(f->host, f->heard + f->heard_len, sizeof f->heard - 1 - f->heard_len);
    f->heard_len += len > 0 ? (size_t)len : 0;
    f->heard[f->heard_len] = '\0';
}

/* Runs the loop until the host has heard `end` at the end, and forgets it. */
static void expect(struct fixture *f, const char *text)
{
    uint64_t deadline = milliseconds() + SOON;
    size_t len = strlen(text);
    while (f->heard_len < len || strcmp(f->heard + f->heard_len - len, text) != 0) {
        if (milliseconds() > deadline) {
            fail_msg("heard \"%s\", not \"%s\"", f->heard, text);
        }
        turn(f);
        hear(f);
    }
    f->heard_len = 0;
}

/* Runs the loop until a condition holds. */
#define UNTIL(f, condition)                          \
    do {                                             \
        uint64_t deadline_ = milliseconds() + SOON;  \
        while (!(condition)) {                       \
            assert_true(milliseconds() < deadline_); \
            turn(f);                                 \
        }                                            \
    } while (0)

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(write(f->host, text, strlen(text)), strlen(text));
}

static void command(struct fixture *f, const char *text, const char *answer)
{
    say(f, text);
    expect(f, answer);
}

/* ---- DTR ---- */

static void dtr_ends_a_body(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dtr_pin", "dsr");
    plug_in(f);
    wire.inputs = PM_SERIAL_DSR | PM_SERIAL_CTS;
    assert_true(start(f, ""));
    command(f, "ATE0&D1\r", "OK\r\n");
    assert_int_equal(wire.looks, 0);
    command(f, "AT+QSMTPBODY=0,100,60\r", "CONNECT\r\n");
    say(f, "Pump 7");
    wire.inputs = PM_SERIAL_CTS;
    expect(f, "\r\n+QSMTPBODY: 6\r\n\r\nOK\r\n");
    /* Nobody looks at the pin while it means nothing. */
    turn(f);
    unsigned looks = wire.looks;
    uint64_t later = milliseconds() + 100;
    while (milliseconds() < later) {
        turn(f);
    }
    assert_int_equal(wire.looks, looks);
    /* It works again once DTR was on, seen or not. */
    wire.inputs = PM_SERIAL_DSR;
    command(f, "AT+QSMTPBODY=0,100,60\r", "CONNECT\r\n");
    say(f, "Pump 8 too");
    wire.inputs = 0;
    expect(f, "\r\n+QSMTPBODY: 10\r\n\r\nOK\r\n");
}

static void dtr_that_is_off_does_not_drop(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dtr_pin", "dcd");
    plug_in(f);
    wire.inputs = PM_SERIAL_DSR;
    assert_true(start(f, ""));
    command(f, "ATE0&D1\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    unsigned looks = wire.looks;
    UNTIL(f, wire.looks > looks + 2);
    command(f, "1234567890", "\r\n+QSMTPBODY: 10\r\n\r\nOK\r\n");
    /* Raised and dropped within data mode it does. */
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    wire.inputs = PM_SERIAL_DCD;
    looks = wire.looks;
    UNTIL(f, wire.looks > looks + 1);
    wire.inputs = 0;
    expect(f, "\r\n+QSMTPBODY: 0\r\n\r\nOK\r\n");
}

static void dtr_is_not_looked_at_without_reason(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dtr_pin", "ri");
    plug_in(f);
    wire.inputs = PM_SERIAL_RI;
    assert_true(start(f, ""));
    command(f, "ATE0&D2\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    wire.inputs = 0;
    command(f, "1234567890", "OK\r\n");
    assert_int_equal(wire.looks, 0);
}

static void a_line_without_signals(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dtr_pin", "dsr");
    set(f, "port.1.dcd_pin", "dtr");
    plug_in(f);
    wire.no_signals = true;
    assert_true(start(f, ""));
    command(f, "ATE0&D1\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    command(f, "1234567890", "\r\n+QSMTPBODY: 10\r\n\r\nOK\r\n");
    assert_int_equal(wire.looks, 0);
}

/* ---- DCD ---- */

static void dcd_follows_data_mode(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dcd_pin", "rts");
    plug_in(f);
    assert_true(start(f, ""));
    assert_int_equal(wire.outputs, PM_SERIAL_DTR);
    command(f, "ATE0\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    UNTIL(f, wire.outputs == (PM_SERIAL_DTR | PM_SERIAL_RTS));
    command(f, "1234567890", "OK\r\n");
    UNTIL(f, wire.outputs == PM_SERIAL_DTR);
    command(f, "AT&C0\r", "OK\r\n");
    UNTIL(f, wire.outputs == (PM_SERIAL_DTR | PM_SERIAL_RTS));
    command(f, "AT&C1\r", "OK\r\n");
    UNTIL(f, wire.outputs == PM_SERIAL_DTR);
}

/* ---- Speed and flow control ---- */

static void the_speed_changes_behind_ok(void **state)
{
    struct fixture *f = *state;
    plug_in(f);
    assert_true(start(f, ",9600"));
    assert_int_equal(wire.mode.speed, 9600);
    command(f, "ATE0+IPR?\r", "+IPR: 9600\r\n\r\nOK\r\n");
    /* The transmitter is busy for three looks; what is typed meanwhile is answered later. */
    wire.unsent = 30;
    command(f, "AT+IPR=115200\r", "OK\r\n");
    assert_int_equal(wire.mode.speed, 9600);
    command(f, "AT\r", "OK\r\n");
    assert_int_equal(wire.unsent, 0);
    assert_int_equal(wire.mode.speed, 115200);
    assert_int_equal(wire.set_ups, 2);
    assert_false(wire.mode.flow);
}

/* What a transmitter hides is given time. */
static void a_transmitter_that_does_not_tell(void **state)
{
    struct fixture *f = *state;
    plug_in(f);
    wire.sure = false;
    assert_true(start(f, ",9600"));
    command(f, "ATE0\r", "OK\r\n");
    uint64_t before = milliseconds();
    command(f, "AT+IPR=4800\r", "OK\r\n");
    UNTIL(f, wire.mode.speed == 4800);
    assert_true(milliseconds() - before >= 60);
}

static void a_speed_that_cannot_be_had(void **state)
{
    struct fixture *f = *state;
    plug_in(f);
    assert_true(start(f, ""));
    command(f, "ATE0\r", "OK\r\n");
    wire.fails = EINVAL;
    command(f, "AT+IPR=4000000\r", "OK\r\n");
    command(f, "AT\r", "OK\r\n");
    assert_int_equal(wire.mode.speed, 115200);
}

static void flow_control_acts_in_data_mode(void **state)
{
    struct fixture *f = *state;
    plug_in(f);
    assert_true(start(f, ""));
    command(f, "ATE0+IFC=2,2\r", "OK\r\n");
    assert_false(wire.mode.flow);
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    UNTIL(f, wire.mode.flow);
    command(f, "1234567890", "OK\r\n");
    UNTIL(f, !wire.mode.flow);
    assert_int_equal(wire.mode.speed, 115200);
}

static void rtscts_is_always_on(void **state)
{
    struct fixture *f = *state;
    plug_in(f);
    assert_true(start(f, ",115200,rtscts"));
    assert_true(wire.mode.flow);
    command(f, "ATE0\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    command(f, "1234567890", "OK\r\n");
    assert_true(wire.mode.flow);
    assert_int_equal(wire.set_ups, 1);
}

/* RTS cannot be the host's DCD and stop it. */
static void flow_control_without_its_signals(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dcd_pin", "rts");
    plug_in(f);
    assert_true(start(f, ""));
    command(f, "ATE0+IFC=2,2\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    command(f, "1234567890", "OK\r\n");
    assert_int_equal(wire.set_ups, 1);
}

static void a_kept_speed_serves_at_start(void **state)
{
    struct fixture *f = *state;
    set(f, "state", f->state);
    plug_in(f);
    assert_true(start(f, ",9600"));
    command(f, "ATE0\r", "OK\r\n");
    command(f, "AT+IPR=57600;&W\r", "OK\r\n");
    UNTIL(f, wire.mode.speed == 57600);
    pm_daemon_end(&f->daemon);
    f->started = false;
    renew(f);
    set(f, "state", f->state);
    memset(&wire.mode, 0, sizeof wire.mode);
    assert_true(start(f, ",9600"));
    assert_int_equal(wire.mode.speed, 57600);
    command(f, "AT+IPR?\r", "+IPR: 57600\r\n\r\nOK\r\n");
}

/* ---- Lines that are not there ---- */

static void a_line_that_is_not_there_ends_the_start(void **state)
{
    struct fixture *f = *state;
    assert_false(start(f, ""));
    assert_non_null(strstr(f->err, f->device));
}

static void a_line_is_waited_for(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.wait", "on");
    assert_true(start(f, ",19200"));
    plug_in(f);
    UNTIL(f, f->daemon.modules->host.terminals->channel != NULL);
    assert_int_equal(wire.mode.speed, 19200);
    command(f, "ATE0\r", "OK\r\n");
}

/* The cable is pulled in data mode and in the middle of a change of speed; the line comes back as
 * the host has left it. */
static void a_line_comes_back(void **state)
{
    struct fixture *f = *state;
    set(f, "port.1.dtr_pin", "dsr");
    set(f, "port.1.dcd_pin", "dtr");
    plug_in(f);
    wire.inputs = PM_SERIAL_DSR;
    assert_true(start(f, ",9600"));
    command(f, "ATE0&D1\r", "OK\r\n");
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    wire.no_signals = true; /* as a line that is just going */
    unsigned looks = wire.looks;
    UNTIL(f, wire.looks > looks);
    unplug(f);
    UNTIL(f, f->daemon.modules->host.terminals->channel == NULL);
    wire.no_signals = false;
    plug_in(f);
    wire.outputs = PM_SERIAL_DTR;
    UNTIL(f, f->daemon.modules->host.terminals->channel != NULL);
    assert_int_equal(wire.outputs & PM_SERIAL_DTR, 0);
    command(f, "AT+QSMTPBODY=0,10,60\r", "CONNECT\r\n");
    assert_int_equal(wire.outputs & PM_SERIAL_DTR, PM_SERIAL_DTR);
    wire.inputs = 0;
    expect(f, "+QSMTPBODY: 0\r\n\r\nOK\r\n");
    wire.unsent = 1000000;
    command(f, "AT+IPR=19200\r", "OK\r\n");
    unplug(f);
    UNTIL(f, f->daemon.modules->host.terminals->channel == NULL);
    plug_in(f);
    UNTIL(f, f->daemon.modules->host.terminals->channel != NULL);
    assert_int_equal(wire.mode.speed, 19200);
    command(f, "AT+IPR?\r", "+IPR: 19200\r\n\r\nOK\r\n");
}

/* ---- Settings ---- */

static void a_signal_has_one_use(void **state)
{
    struct fixture *f = *state;
    plug_in(f);
    set(f, "port.1.dcd_pin", "rts");
    assert_false(start(f, ",9600,rtscts"));
    assert_non_null(strstr(f->err, "rtscts"));
    set(f, "port.1.dcd_pin", "dtr");
    set(f, "port.1.dtr_pin", "cts");
    assert_false(start(f, ",9600,rtscts"));
    set(f, "port.1.dtr_pin", "dsr");
    assert_true(start(f, ",9600,rtscts"));
}

static void signals_are_for_serial_lines(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[][2] = {
        {"port.2.dtr_pin", "dsr"}, {"port.2.dcd_pin", "dtr"}, {"port.2.wait", "on"}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct pm_options options;
        pm_options_init(&options);
        assert_true(pm_options_set(&options, "port.2.tcp", "0", f->err, sizeof f->err));
        assert_true(pm_options_set(&options, keys[i][0], keys[i][1], f->err, sizeof f->err));
        assert_false(pm_options_finish(&options, f->err, sizeof f->err));
        assert_non_null(strstr(f->err, "serial lines"));
        pm_options_free(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dtr_ends_a_body, begin, end),
        cmocka_unit_test_setup_teardown(dtr_that_is_off_does_not_drop, begin, end),
        cmocka_unit_test_setup_teardown(dtr_is_not_looked_at_without_reason, begin, end),
        cmocka_unit_test_setup_teardown(a_line_without_signals, begin, end),
        cmocka_unit_test_setup_teardown(dcd_follows_data_mode, begin, end),
        cmocka_unit_test_setup_teardown(the_speed_changes_behind_ok, begin, end),
        cmocka_unit_test_setup_teardown(a_transmitter_that_does_not_tell, begin, end),
        cmocka_unit_test_setup_teardown(a_speed_that_cannot_be_had, begin, end),
        cmocka_unit_test_setup_teardown(flow_control_acts_in_data_mode, begin, end),
        cmocka_unit_test_setup_teardown(rtscts_is_always_on, begin, end),
        cmocka_unit_test_setup_teardown(flow_control_without_its_signals, begin, end),
        cmocka_unit_test_setup_teardown(a_kept_speed_serves_at_start, begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_is_not_there_ends_the_start, begin, end),
        cmocka_unit_test_setup_teardown(a_line_is_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(a_line_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(a_signal_has_one_use, begin, end),
        cmocka_unit_test_setup_teardown(signals_are_for_serial_lines, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
