/* SPDX-License-Identifier: MIT */
/* Ports of a running module, with hosts in the same process: what comes, goes, waits and is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/daemon.h"
#include "host/port.h"
#include "host/tcp.h"

/* How long anything that should happen soon may take on a busy machine, ms. */
#define SOON 30000

struct fixture {
    struct pm_options *options; /* the daemon's, once started */
    struct pm_daemon daemon;
    bool started;
    char folder[64], link[80];
    char err[600];
    char heard[1 << 20];
    size_t heard_len;
};

static void renew(struct fixture *f)
{
    f->options = malloc(sizeof *f->options);
    assert_non_null(f->options);
    pm_options_init(f->options);
    f->options->log = PM_LOG_ERROR;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->folder, "/tmp/postmodem-port-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->link, sizeof f->link, "%s/modem", f->folder);
    renew(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->started) {
        pm_daemon_end(&f->daemon);
    }
    unlink(f->link);
    assert_int_equal(rmdir(f->folder), 0); /* nothing is left behind */
    pm_options_delete(f->options);
    free(f);
    return 0;
}

static bool start(struct fixture *f)
{
    assert_true(pm_options_finish(f->options, f->err, sizeof f->err));
    enum pm_log_level level = f->options->log;
    f->started = pm_daemon_init(&f->daemon, level, f->err, sizeof f->err);
    assert_true(f->started);
    struct pm_options *options = f->options;
    f->options = NULL;
    return pm_daemon_add(&f->daemon, options, f->err, sizeof f->err) != NULL;
}

static void add(struct fixture *f, enum pm_terminal_kind kind, const char *where)
{
    if (!pm_options_add_port(f->options, kind, where, f->err, sizeof f->err)) {
        fail_msg("%s", f->err);
    }
}

static struct pm_terminal *terminal(struct fixture *f)
{
    return f->daemon.modules->host.terminals;
}

/* After a start that failed. */
static void start_again(struct fixture *f)
{
    pm_daemon_end(&f->daemon);
    f->started = false;
    renew(f);
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

/* Reads what there is; false at the end of the stream. */
static bool hear(struct fixture *f, int fd)
{
    for (;;) {
        ssize_t len = read(fd, f->heard + f->heard_len, sizeof f->heard - 1 - f->heard_len);
        if (len <= 0) {
            f->heard[f->heard_len] = '\0';
            return len < 0 && errno == EAGAIN;
        }
        f->heard_len += (size_t)len;
    }
}

/* Runs the loop until the host has heard `end` at the end, and forgets what it heard before. */
static void expect(struct fixture *f, int fd, const char *end)
{
    uint64_t deadline = milliseconds() + SOON;
    f->heard_len = 0;
    for (;;) {
        hear(f, fd);
        size_t len = strlen(end);
        if (f->heard_len >= len && strcmp(f->heard + f->heard_len - len, end) == 0) {
            return;
        }
        if (milliseconds() > deadline) {
            fail_msg("heard \"%s\", not \"%s\"", f->heard, end);
        }
        turn(f);
    }
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int connect_to(const struct pm_terminal *t)
{
    struct sockaddr_storage address;
    socklen_t len;
    assert_true(pm_tcp_parse(t->ready, &address, &len));
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int open_host(const char *path)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Runs the loop until the terminal has let go of its host. */
static void wait_for_loss(struct fixture *f)
{
    uint64_t deadline = milliseconds() + SOON;
    while (terminal(f)->channel != NULL) {
        assert_true(milliseconds() < deadline);
        turn(f);
    }
}

/* ---- TCP ---------------------------------------------------------------------- */

static void test_tcp_answers(void **state)
{
    struct fixture *f = *state;
    char ready[400];
    add(f, PM_TERMINAL_TCP, "[::1]:0");
    assert_true(start(f));
    pm_terminal_ready(terminal(f), ready, sizeof ready);
    assert_memory_equal(ready, "usbat tcp [::1]:", 16);
    int fd = connect_to(terminal(f));
    say(fd, "ATE0\r");
    expect(f, fd, "ATE0\r\r\nOK\r\n");
    say(fd, "AT+CG");
    say(fd, "MM\r");
    expect(f, fd, "\r\nAG35\r\n\r\nOK\r\n");
    close(fd);
}

static void test_half_close_is_answered(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_TCP, "0");
    assert_true(start(f));
    int fd = connect_to(terminal(f));
    say(fd, "ATE0+GMM\r");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect(f, fd, "\r\nAG35\r\n\r\nOK\r\n");
    wait_for_loss(f);
    assert_false(hear(f, fd));
    close(fd);
}

static void test_new_host_takes_over(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_TCP, "0");
    assert_true(start(f));
    int first = connect_to(terminal(f));
    say(first, "AT+QSMTPBODY=0,100,60\r");
    expect(f, first, "\r\nCONNECT\r\n");
    say(first, "half a body");
    int second = connect_to(terminal(f));
    say(second, "AT\r");
    expect(f, second, "AT\r\r\nOK\r\n");
    assert_false(hear(f, first));
    say(second, "AT+QSMTPSUB=0,\"x\"\r"); /* the body's data mode is over */
    expect(f, second, "\r\nOK\r\n");
    close(first);
    close(second);
}

static void test_lost_host_ends_data_mode(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_TCP, "0");
    assert_true(start(f));
    int fd = connect_to(terminal(f));
    say(fd, "AT+QSMTPBODY=0,100,60\r");
    expect(f, fd, "\r\nCONNECT\r\n");
    close(fd);
    wait_for_loss(f);
    fd = connect_to(terminal(f));
    say(fd, "AT+QSMTPSUB=0,\"x\"\r");
    expect(f, fd, "\r\nOK\r\n");
    close(fd);
}

static void test_port_in_use(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    char where[40];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &len), 0);
    snprintf(where, sizeof where, "127.0.0.1:%u", ntohs(address.sin_port));
    add(f, PM_TERMINAL_TCP, where);
    assert_false(start(f));
    assert_non_null(strstr(f->err, where));
    close(taken);
}

/* ---- Pty ---------------------------------------------------------------------- */

static void test_pty_link(void **state)
{
    struct fixture *f = *state;
    char target[100] = "";
    assert_int_equal(symlink("/dev/pts/nobody", f->link), 0);
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    assert_true(readlink(f->link, target, sizeof target - 1) > 0);
    assert_string_not_equal(target, "/dev/pts/nobody");
    pm_daemon_end(&f->daemon);
    f->started = false;
    assert_int_equal(readlink(f->link, target, sizeof target), -1);
}

static void test_pty_leaves_other_files_alone(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    int fd = open(f->link, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    add(f, PM_TERMINAL_PTY, f->link);
    assert_false(start(f));
    assert_non_null(strstr(f->err, f->link));
    assert_int_equal(lstat(f->link, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    unlink(f->link);
    assert_int_equal(symlink("/etc/hostname", f->link), 0);
    start_again(f);
    add(f, PM_TERMINAL_PTY, f->link);
    assert_false(start(f));
    assert_non_null(strstr(f->err, "/etc/hostname"));
}

static void test_pty_is_raw_for_each_host(void **state)
{
    struct fixture *f = *state;
    struct termios termios;
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    for (int i = 0; i < 3; i++) {
        int fd = open_host(f->link);
        assert_int_equal(tcgetattr(fd, &termios), 0);
        assert_int_equal(termios.c_lflag & (ECHO | ICANON | ISIG), 0);
        assert_int_equal(termios.c_oflag & OPOST, 0);
        say(fd, "AT\r");
        expect(f, fd, "AT\r\r\nOK\r\n");
        termios.c_lflag |= ECHO | ICANON;
        assert_int_equal(tcsetattr(fd, TCSANOW, &termios), 0);
        close(fd);
        wait_for_loss(f);
    }
}

static void test_pty_host_that_leaves_at_once(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    int fd = open_host(f->link);
    say(fd, "ATE0\rAT+QSMTPSUB=0,\"left behind\"\rATI\rATI\r");
    close(fd);
    turn(f);
    wait_for_loss(f);
    fd = open_host(f->link);
    say(fd, "AT+QSMTPSUB?\r");
    expect(f, fd, "\r\n+QSMTPSUB: 0,\"left behind\"\r\n\r\nOK\r\n");
    assert_null(strstr(f->heard, "Quectel"));
    close(fd);
}

static void test_pty_drops_what_a_host_left_unread(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    int fd = open_host(f->link);
    say(fd, "ATE0\r");
    expect(f, fd, "\r\nOK\r\n");
    uint64_t deadline = milliseconds() + SOON;
    while (!terminal(f)->blocked) {
        assert_true(milliseconds() < deadline);
        while (write(fd, "AT&V\r", 5) == 5) {
        }
        turn(f);
    }
    close(fd);
    wait_for_loss(f);
    fd = open_host(f->link);
    say(fd, "AT\r");
    expect(f, fd, "\r\nOK\r\n");
    assert_string_equal(f->heard, "\r\nOK\r\n");
    close(fd);
}

/* A host that does not read must wait; once it reads, each command has its answer. */
static void test_back_pressure_loses_nothing(void **state)
{
    struct fixture *f = *state;
    size_t sent = 0; /* a command may be cut anywhere */
    size_t answers = 0;
    uint64_t deadline = milliseconds() + SOON;
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    int fd = open_host(f->link);
    say(fd, "ATE0\r");
    expect(f, fd, "\r\nOK\r\n");
    bool stopped = false;
    while (!stopped) {
        assert_true(milliseconds() < deadline);
        ssize_t len;
        while ((len = write(fd, &"AT\r"[sent % 3], 3 - sent % 3)) > 0) {
            sent += (size_t)len;
        }
        turn(f);
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        stopped = terminal(f)->blocked && poll(&room, 1, 0) == 0;
    }
    size_t commands = (sent + 2) / 3;
    while (answers < commands) {
        if (milliseconds() > deadline) {
            fail_msg("%zu commands, %zu answers", commands, answers);
        }
        if (sent % 3 != 0 && write(fd, &"AT\r"[sent % 3], 1) == 1) {
            sent++;
        }
        turn(f);
        f->heard_len = 0;
        hear(f, fd);
        for (size_t i = 0; i < f->heard_len; i++) {
            answers += f->heard[i] == 'K' ? 1 : 0;
        }
    }
    assert_int_equal(answers, commands);
    close(fd);
}

/* The next host is there before the loop has run: nothing of the old one reaches it, and all
 * that it says is heard. */
static void test_pty_hosts_back_to_back(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    int fd = open_host(f->link);
    say(fd, "ATE0\r");
    expect(f, fd, "\r\nOK\r\n");
    for (int i = 0; i < 50; i++) {
        close(fd);
        fd = open_host(f->link);
        say(fd, "AT+GMM\r");
        expect(f, fd, "\r\nOK\r\n");
        assert_string_equal(f->heard, "\r\nAG35\r\n\r\nOK\r\n");
    }
    close(fd);
}

/* A loop that spins on a hang-up would come back at once, again and again. */
static void test_pty_without_host_sleeps(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_PTY, f->link);
    assert_true(start(f));
    for (int i = 0; i < 2; i++) {
        assert_null(terminal(f)->channel);
        assert_int_equal(uv_run(&f->daemon.loop, UV_RUN_NOWAIT), 1);
        struct pollfd loop = {.fd = uv_backend_fd(&f->daemon.loop), .events = POLLIN};
        assert_int_equal(poll(&loop, 1, 0), 0);
        assert_int_equal(uv_backend_timeout(&f->daemon.loop), -1);
        int fd = open_host(f->link);
        say(fd, "AT\r");
        expect(f, fd, "\r\nOK\r\n");
        close(fd);
        wait_for_loss(f);
    }
}

/* ---- Serial line --------------------------------------------------------------- */

/* A pty plays the line; the device is a link to it. Returns the other end. */
static int plug(struct fixture *f)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    unlink(f->link);
    assert_int_equal(symlink(ptsname(master), f->link), 0);
    return master;
}

static void test_serial_line_that_vanishes(void **state)
{
    struct fixture *f = *state;
    char where[100];
    int line = plug(f);
    snprintf(where, sizeof where, "%s,9600", f->link);
    add(f, PM_TERMINAL_SERIAL, where);
    f->options->boot_urcs = PM_OFF;
    assert_true(start(f));
    say(line, "AT\r");
    expect(f, line, "AT\r\r\nOK\r\n");
    close(line);
    wait_for_loss(f);
    line = plug(f);
    uint64_t deadline = milliseconds() + SOON;
    while (terminal(f)->channel == NULL) {
        assert_true(milliseconds() < deadline);
        turn(f);
    }
    say(line, "AT\r");
    expect(f, line, "AT\r\r\nOK\r\n");
    close(line);
}

static void test_serial_device_must_be_there(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_SERIAL, f->link);
    assert_false(start(f));
    assert_non_null(strstr(f->err, f->link));
}

/* ---- The program ------------------------------------------------------------------ */

static void on_raise(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    assert_int_equal(raise(SIGTERM), 0);
}

static void test_signal_ends_the_run(void **state)
{
    struct fixture *f = *state;
    const struct pm_daemon_calls calls = {0};
    uv_timer_t timer;
    add(f, PM_TERMINAL_PTY, f->link);
    add(f, PM_TERMINAL_TCP, "0");
    assert_true(start(f));
    uv_timer_init(&f->daemon.loop, &timer);
    uv_timer_start(&timer, on_raise, 0, 0);
    pm_daemon_run(&f->daemon, &calls);
    assert_int_equal(f->daemon.active, 0);
    assert_false(f->daemon.hurry);
}

static void test_unwritable_places(void **state)
{
    struct fixture *f = *state;
    add(f, PM_TERMINAL_TCP, "0");
    f->options->trace = "/nonexistent/trace";
    assert_false(start(f));
    assert_non_null(strstr(f->err, "/nonexistent/trace"));
    start_again(f);
    add(f, PM_TERMINAL_TCP, "0");
    f->options->state_dir = "/proc/nonexistent/state";
    assert_false(start(f));
    assert_non_null(strstr(f->err, "/proc/nonexistent"));
}

/* The host of a module whose context is active, on a TCP port without echo. */
static int meet_active(struct fixture *f)
{
    f->options->pdp[0].apn = "internet";
    f->options->pdp[0].active_at_start = true;
    add(f, PM_TERMINAL_TCP, "0");
    assert_true(start(f));
    int fd = connect_to(terminal(f));
    say(fd, "ATE0\r");
    expect(f, fd, "\r\nOK\r\n");
    return fd;
}

static void test_presets_and_traces(void **state)
{
    struct fixture *f = *state;
    char path[100];
    char text[4000];
    snprintf(path, sizeof path, "%s/trace", f->folder);
    f->options->trace = path;
    f->options->smtp.username = "pump7";
    f->options->smtp.password = "Sesame";
    f->options->smtp.server = "mail.example.com";
    f->options->smtp.port = 587;
    int fd = meet_active(f);
    say(fd, "AT+QSMTPCFG=\"smtpserver\"\r");
    expect(f, fd, "\r\n+QSMTPCFG: \"smtpserver\",\"mail.example.com\",587\r\n\r\nOK\r\n");
    say(fd, "AT+QSMTPCFG=\"account\"\r");
    expect(f, fd, "\r\n+QSMTPCFG: \"account\",\"pump7\",\"********\"\r\n\r\nOK\r\n");
    say(fd, "AT+QICSGP=1\r");
    expect(f, fd, "\r\n+QICSGP: 1,\"internet\",\"\",\"\",0\r\n\r\nOK\r\n");
    say(fd, "AT+QSMTPCFG=\"account\",\"pump7\",\"Sesame\"\r");
    expect(f, fd, "\r\nOK\r\n");
    close(fd);
    pm_daemon_end(&f->daemon);
    f->started = false;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    assert_non_null(strstr(text, " usbat > ATE0\\r\n"));
    assert_non_null(strstr(text, " usbat < OK\\r\\n\n"));
    assert_non_null(strstr(text, "\"pump7\",<redacted>"));
    assert_null(strstr(text, "Sesame"));
}

/* SD57: without a gap a result that is there leaves in the turn of the loop that read the command,
 * behind all that the host has sent with it. */
static void test_no_gap(void **state)
{
    struct fixture *f = *state;
    f->options->module.urc_gap = 0;
    f->options->mail.allow_recipients = "nobody@example.com";
    int fd = meet_active(f);
    say(fd, "AT+QSMTPCFG=\"smtpserver\",\"mail.example.com\",25;+QSMTPCFG=\"sender\",\"a\","
            "\"a@example.com\";+QSMTPDST=1,1,\"b@example.com\"\r");
    expect(f, fd, "\r\nOK\r\n");
    f->heard_len = 0;
    say(fd, "AT+QSMTPPUT=60\rAT\r");
    uint64_t deadline = milliseconds() + SOON;
    while (f->heard_len == 0) {
        assert_true(milliseconds() < deadline);
        uv_run(&f->daemon.loop, UV_RUN_NOWAIT);
        hear(f, fd);
    }
    assert_string_equal(f->heard, "\r\nOK\r\n\r\nOK\r\n\r\n+QSMTPPUT: 678,550\r\n");
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_tcp_answers),
        TEST(test_half_close_is_answered),
        TEST(test_new_host_takes_over),
        TEST(test_lost_host_ends_data_mode),
        TEST(test_port_in_use),
        TEST(test_pty_link),
        TEST(test_pty_leaves_other_files_alone),
        TEST(test_pty_is_raw_for_each_host),
        TEST(test_pty_host_that_leaves_at_once),
        TEST(test_pty_drops_what_a_host_left_unread),
        TEST(test_back_pressure_loses_nothing),
        TEST(test_pty_hosts_back_to_back),
        TEST(test_pty_without_host_sleeps),
        TEST(test_serial_line_that_vanishes),
        TEST(test_serial_device_must_be_there),
        TEST(test_signal_ends_the_run),
        TEST(test_unwritable_places),
        TEST(test_presets_and_traces),
        TEST(test_no_gap),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
