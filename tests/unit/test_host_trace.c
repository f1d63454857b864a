/* SPDX-License-Identifier: MIT */
/* The trace: lines, escapes, and that no secret gets into it however its bytes are cut. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/log.h"
#include "host/trace.h"

/* Some seconds have passed that the test has not waited for. */
static time_t passed;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = __real_clock_gettime(clock, now);
    now->tv_sec += passed;
    return status;
}

struct fixture {
    char path[64];
    struct pm_log log;
    char *logged;
    size_t logged_len;
    struct pm_trace *trace;
    struct pm_trace_stream stream;
    char text[200000]; /* the file without its times */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char err[200];
    assert_non_null(f);
    strcpy(f->path, "/tmp/postmodem-trace-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0644), 0);
    close(fd);
    f->log =
        (struct pm_log){.file = open_memstream(&f->logged, &f->logged_len), .level = PM_LOG_DEBUG};
    assert_non_null(f->log.file);
    f->trace = pm_trace_open(f->path, &f->log, err, sizeof err);
    assert_non_null(f->trace);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pm_trace_close(f->trace);
    fclose(f->log.file);
    free(f->logged);
    unlink(f->path);
    free(f);
    return 0;
}

/* What the file holds, each line from its port's name on; then it is emptied. */
static const char *written(struct fixture *f)
{
    char line[8192];
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    f->text[0] = '\0';
    size_t len = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *rest = strchr(line, ' ');
        assert_non_null(rest);
        assert_true(line[10] == 'T' && rest[-1] == 'Z');
        rest = strchr(rest + 1, ' ');
        assert_non_null(rest);
        assert_true(len + strlen(rest) < sizeof f->text);
        strcpy(f->text + len, rest + 1);
        len += strlen(rest + 1);
    }
    fclose(file);
    assert_int_equal(truncate(f->path, 0), 0);
    return f->text;
}

static void bytes(struct fixture *f, const char *data, size_t len)
{
    pm_trace_bytes(f->trace, &f->stream, "usbat", true, (const uint8_t *)data, len);
}

static void text(struct fixture *f, const char *data)
{
    bytes(f, data, strlen(data));
}

static void test_lines_and_escapes(void **state)
{
    struct fixture *f = *state;
    text(f, "AT\rATI\r\n\r\nOK\r\n");
    assert_string_equal(written(f), "usbat > AT\\r\nusbat > ATI\\r\\n\nusbat > \\r\\n\n"
                                    "usbat > OK\\r\\n\n");
    bytes(f, "\0\x7F\xFF\t\\~ \n", 8);
    assert_string_equal(written(f), "usbat > \\x00\\x7F\\xFF\\t\\\\~ \\n\n");
    text(f, "no end");
    assert_string_equal(written(f), "");
    pm_trace_end(f->trace, &f->stream, "usbat", true);
    assert_string_equal(written(f), "usbat > no end\\\n");
}

static void test_direction_and_smtp(void **state)
{
    struct fixture *f = *state;
    pm_trace_bytes(f->trace, &f->stream, "uart1", false, (const uint8_t *)"OK\r\n", 4);
    assert_string_equal(written(f), "uart1 < OK\\r\\n\n");
    pm_trace_smtp(f->trace, "smtp", true, (const uint8_t *)"EHLO a", 6);
    pm_trace_smtp(f->trace, "smtp", false, (const uint8_t *)"250 b", 5);
    assert_string_equal(written(f), "smtp > EHLO a\nsmtp < 250 b\n");
}

static void test_file_is_private(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char err[200] = "";
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_null(pm_trace_open("/nonexistent/trace", &f->log, err, sizeof err));
    assert_non_null(strstr(err, "/nonexistent/trace"));
}

/* Lines that hold the secret "Sesame", and how they look in the trace. */
static const struct {
    const char *line, *shown;
} secrets[] = {
    {"AT+QSMTPCFG=\"account\",\"me\",\"Sesame\"\r", "AT+QSMTPCFG=\"account\",\"me\",<redacted>\\r"},
    {"at+qsmtpcfg = \"Account\" , \"me\" , \"Ses,a;me+Sesame\" \r",
     "at+qsmtpcfg = \"Account\" , \"me\" , <redacted>\\r"},
    {"AT+QSMTPCFG=account,me,Sesame\r", "AT+QSMTPCFG=account,me,<redacted>\\r"},
    {"AT+CMEE=2;+QSMTPCFG=\"account\",\"me\",\"Sesame\";+CSQ\r",
     "AT+CMEE=2;+QSMTPCFG=\"account\",\"me\",<redacted>;+CSQ\\r"},
    {"AT+QSMTPCFG=\"account\",\"me\",\"Sesame\",\"Sesame\"\r",
     "AT+QSMTPCFG=\"account\",\"me\",<redacted>,<redacted>\\r"},
    {"+QSMTPCFG: \"account\",\"me\",\"Sesame\"\r\n",
     "+QSMTPCFG: \"account\",\"me\",<redacted>\\r\\n"},
    {"AT+QICSGP=1,1,\"apn\",\"me\",\"Sesame\",1\r", "AT+QICSGP=1,1,\"apn\",\"me\",<redacted>,1\\r"},
    {"+QICSGP: 1,\"apn\",\"me\",\"Sesame\",1\r\n", "+QICSGP: 1,\"apn\",\"me\",<redacted>,1\\r\\n"},
    {"AT+QSSLCFG=\"clientkey\",1,\"RAM:key\",\"Sesame\"\r",
     "AT+QSSLCFG=\"clientkey\",1,\"RAM:key\",<redacted>\\r"},
    {"+QSSLCFG: \"clientkey\",1,\"RAM:key\",\"Sesame\"\r\n",
     "+QSSLCFG: \"clientkey\",1,\"RAM:key\",<redacted>\\r\\n"},
    {"AT+QSSLCFG=\"psk\",1,\"id\",\"Sesame\"\r", "AT+QSSLCFG=\"psk\",1,\"id\",<redacted>\\r"},
    {"AT+CPIN=\"Sesame\"\r", "AT+CPIN=<redacted>\\r"},
    {"AT+CPIN=Sesame,Sesame\r", "AT+CPIN=<redacted>,<redacted>\\r"},
    {"AT+CPWD=\"SC\",\"Sesame\",\"Sesame\"\r", "AT+CPWD=\"SC\",<redacted>,<redacted>\\r"},
    {"AT+CLCK=\"SC\",1,\"Sesame\",7\r", "AT+CLCK=\"SC\",1,<redacted>,7\\r"},
    {"xxAT+QSMTPCFG=\"account\",\"me\",\"Sesame\r",
     "xxAT+QSMTPCFG=\"account\",\"me\",<redacted>\\r"},
    {"AT+QSMTPCFG=\"account\",\"m\"e\",\"Sesame\"\r", "AT+QSMTPCFG=\"account\",<redacted>\\r"},
    {"AT+QSMTPCFG=\"account,me,Sesame\r", "AT+QSMTPCFG=<redacted>\\r"},
    {"AT+QICSGP=1,1,\"apn\",\"me,\"Sesame\",1\r", "AT+QICSGP=1,1,\"apn\",<redacted>\\r"},
};

/* Each at every cut in two, and byte by byte. */
static void test_secrets_at_every_cut(void **state)
{
    struct fixture *f = *state;
    char expected[400];
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const char *line = secrets[i].line;
        snprintf(expected, sizeof expected, "usbat > %s\n", secrets[i].shown);
        for (size_t cut = 0; cut < strlen(line) - 1; cut++) {
            bytes(f, line, cut);
            text(f, line + cut);
            assert_string_equal(written(f), expected);
        }
        for (size_t at = 0; line[at] != '\0' && line[at] != '\n'; at++) {
            bytes(f, line + at, 1);
        }
        assert_null(strstr(written(f), "Sesame"));
    }
}

static void test_what_is_no_secret(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {
        "AT+QSMTPCFG=\"sender\",\"Pump\",\"a@example.com\"",
        "AT+QSMTPCFG=\"account\"",
        "AT+QICSGP=1",
        "AT+QICSGP=1,1,\"apn\"",
        "AT+QSSLCFG=\"cacert\",1,\"RAM:ca.pem\"",
        "AT+CPIN?",
        "+CPIN: READY",
        "AT+QSMTPCFGX=\"account\",\"a\",\"b\"",
        "1+1=2",
        "+",
        "++",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char expected[200];
        text(f, lines[i]);
        text(f, "\r");
        snprintf(expected, sizeof expected, "usbat > %s\\r\n", lines[i]);
        assert_string_equal(written(f), expected);
    }
}

static void test_long_lines_are_cut(void **state)
{
    struct fixture *f = *state;
    static char data[3 * PM_TRACE_LINE];
    memset(data, 'x', sizeof data);
    data[sizeof data - 1] = '\n';
    bytes(f, data, sizeof data);
    const char *all = written(f);
    size_t count = 0;
    for (const char *line = all; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= strlen("usbat > ") + PM_TRACE_PIECE + 2);
        assert_memory_equal(line, "usbat > x", 9);
        bool last = line[len + 1] == '\0';
        assert_true(last ? line[len - 2] == '\\' : line[len - 1] == '\\');
        for (size_t i = 0; i < len; i++) {
            count += line[i] == 'x' ? 1 : 0;
        }
    }
    assert_int_equal(count, sizeof data - 1);
}

/* The secret lies across the place where the buffer is full, or begins far before it. */
static void test_secrets_in_long_lines(void **state)
{
    struct fixture *f = *state;
    static const char command[] = "AT+QSMTPCFG=\"account\",\"me\",\"Sesame Sesame\"\r";
    static char data[2 * PM_TRACE_LINE];
    for (size_t before = PM_TRACE_LINE - sizeof command - 2; before < PM_TRACE_LINE + 3; before++) {
        memset(data, '.', before);
        memcpy(data + before, command, sizeof command - 1);
        bytes(f, data, before + sizeof command - 1);
        assert_null(strstr(written(f), "Sesa"));
    }
    size_t len = (size_t)sprintf(data, "AT+QSMTPCFG=\"account\",\"me\",\"");
    while (len < sizeof data - 10) {
        len += (size_t)sprintf(data + len, "+Sesame");
    }
    bytes(f, data, len);
    text(f, "Sesame\"\rAT\r");
    const char *all = written(f);
    assert_null(strstr(all, "Sesame"));
    assert_non_null(strstr(all, "usbat > AT\\r\n"));
}

static void test_private_keys(void **state)
{
    struct fixture *f = *state;
    text(f, "-----BEGIN PRIVATE KEY-----\nSesame\r\nSesame\n-----END PRIVATE KEY-----\nAT\r");
    const char *all = written(f);
    assert_null(strstr(all, "Sesame"));
    assert_non_null(strstr(all, "usbat > -----BEGIN PRIVATE KEY-----\\n\n"));
    assert_non_null(strstr(all, "usbat > AT\\r\n"));
    text(f, "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
    assert_non_null(strstr(written(f), "MII"));
}

static void test_a_key_that_never_ends(void **state)
{
    struct fixture *f = *state;
    text(f, "-----BEGIN RSA PRIVATE KEY-----\n");
    for (int i = 0; i < 1000; i++) {
        text(f, "0123456789012345678901234567890123456789\n");
    }
    text(f, "AT\r");
    assert_non_null(strstr(written(f), "usbat > AT\\r\n"));
}

/* The first has 9 of its 32768 bytes left: they must not end what is hidden of the second. */
static void test_a_key_within_a_key_that_never_ends(void **state)
{
    struct fixture *f = *state;
    text(f, "-----BEGIN RSA PRIVATE KEY-----\n");
    for (int i = 0; i < 799; i++) {
        text(f, "0123456789012345678901234567890123456789\n");
    }
    text(f, "-----BEGIN PRIVATE KEY-----\nSesame\n-----END PRIVATE KEY-----\n");
    assert_null(strstr(written(f), "Sesame"));
    text(f, "AT\r");
    assert_string_equal(written(f), "usbat > AT\\r\n");
}

/* ---- A file that takes no more ---------------------------------------------------------- */

/* How long the file may become from now on, beyond what it is; the rest fails as on a full disk. */
static void room(const struct fixture *f, long more)
{
    struct stat status;
    struct rlimit limit;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = more < 0 ? limit.rlim_max : (rlim_t)(status.st_size + more);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int set_up_full(void **state)
{
    passed = 0;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    return set_up(state);
}

static int tear_down_full(void **state)
{
    room(*state, -1);
    return tear_down(state);
}

/* How often the log says it. */
static unsigned said(const struct fixture *f, const char *what)
{
    unsigned count = 0;
    assert_int_equal(fflush(f->log.file), 0);
    for (const char *at = f->logged; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

static void read_file(struct fixture *f)
{
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    f->text[fread(f->text, 1, sizeof f->text - 1, file)] = '\0';
    fclose(file);
}

static void test_what_is_missing_is_told(void **state)
{
    struct fixture *f = *state;
    room(f, 5);
    text(f, "AT\rATI\rATZ\r");
    assert_int_equal(said(f, "the trace cannot be written: "), 1);
    assert_int_equal(said(f, "\n"), 1);
    room(f, -1);
    text(f, "AT&F\rAT&V\r");
    assert_int_equal(said(f, "the trace is written again; missing lines: 3\n"), 1);
    assert_int_equal(said(f, "\n"), 2);
    read_file(f);
    /* What there was room for, and then whole lines. */
    assert_true(f->text[5] == '\n');
    const char *first = strstr(f->text + 6, " usbat > AT&F\\r\n");
    assert_non_null(first);
    const char *second = strstr(first, " usbat > AT&V\\r\n");
    assert_non_null(second);
    assert_string_equal(second, " usbat > AT&V\\r\n");
    assert_ptr_equal(strchr(f->text + 6, '\n'), strchr(first, '\n'));
}

static void test_a_long_line_is_missing_once(void **state)
{
    struct fixture *f = *state;
    room(f, 9000);
    for (int i = 0; i < 5000; i++) {
        bytes(f, "\x01", 1);
    }
    text(f, "\r");
    room(f, -1);
    text(f, "AT\r");
    assert_int_equal(said(f, "again; missing lines: 1\n"), 1);
    read_file(f);
    const char *cut = strrchr(f->text, ' ');
    assert_string_equal(cut, " AT\\r\n");
}

/* A disk that is full now and then does not fill the log, and every missing line is counted. */
static void test_now_and_then(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 100; i++) {
        room(f, 0);
        text(f, "AT\r");
        room(f, -1);
        text(f, "AT\r");
    }
    assert_int_equal(said(f, "\n"), 2);
    assert_int_equal(said(f, "again; missing lines: 1\n"), 1);
    passed = 61;
    text(f, "AT\r");
    assert_int_equal(said(f, "again; missing lines: 99\n"), 1);
    assert_int_equal(said(f, "\n"), 3);
    room(f, 0);
    text(f, "AT\rATI\r");
    passed = 122;
    text(f, "AT\r");
    assert_int_equal(said(f, "\n"), 4);
    pm_trace_close(f->trace);
    f->trace = NULL;
    assert_int_equal(said(f, "the trace ends; missing lines: 3\n"), 1);
}

int main(void)
{
#define FULL(name) cmocka_unit_test_setup_teardown(name, set_up_full, tear_down_full)
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_lines_and_escapes),
        TEST(test_direction_and_smtp),
        TEST(test_file_is_private),
        TEST(test_secrets_at_every_cut),
        TEST(test_what_is_no_secret),
        TEST(test_long_lines_are_cut),
        TEST(test_secrets_in_long_lines),
        TEST(test_private_keys),
        TEST(test_a_key_that_never_ends),
        TEST(test_a_key_within_a_key_that_never_ends),
        FULL(test_what_is_missing_is_told),
        FULL(test_a_long_line_is_missing_once),
        FULL(test_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
