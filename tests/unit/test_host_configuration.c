/* SPDX-License-Identifier: MIT */
/* One file, many modules: whose a setting is, which one wins, and what two cannot share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "host/configuration.h"

struct fixture {
    struct pm_configuration configuration;
    char path[64];
    char err[600];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->path, "/tmp/postmodem-rack-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    pm_configuration_init(&f->configuration);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    pm_configuration_free(&f->configuration);
    free(f);
    return 0;
}

static bool read_file(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    pm_configuration_free(&f->configuration);
    pm_configuration_init(&f->configuration);
    return pm_configuration_read(&f->configuration, f->path, f->err, sizeof f->err);
}

static bool set(struct fixture *f, const char *text)
{
    return pm_configuration_assign(&f->configuration, text, f->err, sizeof f->err);
}

static bool finish(struct fixture *f)
{
    return pm_configuration_finish(&f->configuration, f->err, sizeof f->err);
}

static void assert_says(const struct fixture *f, const char *part)
{
    if (strstr(f->err, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, f->err);
    }
}

static const struct pm_options *module(const struct fixture *f, size_t i)
{
    assert_true(i < f->configuration.count);
    return f->configuration.modules[i]->options;
}

static void test_without_sections_there_is_one_module(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, "state = /tmp/x\n[port.1]\ntcp = 0\n"));
    assert_true(finish(f));
    assert_int_equal(f->configuration.count, 1);
    assert_string_equal(module(f, 0)->name, "");
    assert_string_equal(module(f, 0)->state_dir, "/tmp/x");
    assert_string_equal(module(f, 0)->state_base, "");
    assert_string_equal(module(f, 0)->module.imei, "860000000000009");
    assert_int_equal(module(f, 0)->port_count, 1);
}

static const char *const rack = "limits = strict\n"
                                "smtp.server = mail.example.com\n"
                                "[module a]\n"
                                "port.1.tcp = 127.0.0.1:7001\n"
                                "[ module  b   smtp ]\n"
                                "server = other.example.com\n"
                                "[module b]\n"
                                "port.1.tcp = 127.0.0.1:7002\n"
                                "limits = wide\n"
                                "[module a port.2]\n"
                                "tcp = 127.0.0.1:7003\n"
                                "[smtp]\n"
                                "port = 587\n"
                                "[module c]\n";

static void test_own_settings_win_over_common_ones(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, rack));
    assert_true(finish(f));
    assert_int_equal(f->configuration.count, 3);
    const struct pm_options *a = module(f, 0);
    const struct pm_options *b = module(f, 1);
    const struct pm_options *c = module(f, 2);
    assert_string_equal(a->name, "a");
    assert_int_equal(a->port_count, 2);
    assert_string_equal(a->port[1].where, "127.0.0.1:7003");
    assert_string_equal(a->smtp.server, "mail.example.com");
    assert_int_equal(a->module.limits, PM_LIMITS_STRICT);
    assert_string_equal(b->name, "b");
    assert_string_equal(b->port[0].where, "127.0.0.1:7002");
    assert_string_equal(b->smtp.server, "other.example.com");
    assert_int_equal(b->module.limits, PM_LIMITS_WIDE);
    assert_int_equal(b->smtp.port, 587); /* common, although it stands behind */
    assert_string_equal(c->name, "c");
    assert_int_equal(c->port_count, 0);
    assert_int_equal(c->smtp.port, 587);
}

static void test_the_command_line_wins(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, rack));
    assert_true(set(f, "limits=strict"));
    assert_true(set(f, "a:port.3.tcp=127.0.0.1:7004"));
    assert_true(set(f, "c:smtp.port=2525"));
    assert_false(set(f, "d:smtp.port=2525"));
    assert_says(f, "no module is called d");
    assert_false(set(f, "c:smtp.port=0"));
    assert_says(f, "smtp.port: \"0\" is not allowed");
    assert_false(
        pm_configuration_add_port(&f->configuration, PM_TERMINAL_TCP, "0", f->err, sizeof f->err));
    assert_says(f, "of 3 modules");
    assert_true(finish(f));
    assert_int_equal(module(f, 1)->module.limits, PM_LIMITS_STRICT);
    assert_int_equal(module(f, 0)->port_count, 3);
    assert_int_equal(module(f, 1)->port_count, 1);
    assert_int_equal(module(f, 1)->smtp.port, 587);
    assert_int_equal(module(f, 2)->smtp.port, 2525);
}

static void test_ports_of_the_command_line_belong_to_the_only_module(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, "[module a]\nport.1.tcp=127.0.0.1:7001\n"));
    assert_true(
        pm_configuration_add_port(&f->configuration, PM_TERMINAL_TCP, "0", f->err, sizeof f->err));
    assert_true(finish(f));
    assert_int_equal(module(f, 0)->port_count, 2);
    assert_string_equal(module(f, 0)->port[1].where, "0");
}

static void test_each_has_an_identity_and_a_directory(void **state)
{
    struct fixture *f = *state;
    char imei[16];
    assert_true(read_file(f, "state = /tmp/x\n"
                             "[module a]\n"
                             "[module b]\nidentity.imei = 123456789012345\nstate = /tmp/y\n"));
    assert_true(finish(f));
    assert_string_equal(module(f, 0)->state_dir, "/tmp/x/a");
    assert_string_equal(module(f, 0)->state_base, "/tmp/x");
    assert_string_equal(module(f, 1)->state_dir, "/tmp/y");
    assert_string_equal(module(f, 1)->state_base, "");
    assert_string_equal(module(f, 1)->module.imei, "123456789012345");
    assert_string_not_equal(module(f, 0)->module.serial, module(f, 1)->module.serial);
    assert_string_not_equal(module(f, 0)->module.imsi, module(f, 1)->module.imsi);
    assert_string_not_equal(module(f, 0)->module.iccid, module(f, 1)->module.iccid);
    assert_int_equal(strlen(module(f, 0)->module.imei), 15);
    assert_int_equal(strlen(module(f, 0)->module.imsi), 15);
    assert_int_equal(strlen(module(f, 0)->module.iccid), 20);
    strcpy(imei, module(f, 0)->module.imei);
    /* The place in the file and the other modules do not matter. */
    assert_true(read_file(f, "[module z]\n[module a]\n"));
    assert_true(set(f, "state=/tmp/w"));
    assert_true(finish(f));
    assert_string_equal(module(f, 1)->module.imei, imei);
    assert_string_equal(module(f, 1)->state_dir, "/tmp/w/a");
}

/* 3GPP TS 23.003 annex B: doubling every other digit, the digits of all add up to tens. */
static void test_imei_check_digit(void **state)
{
    struct fixture *f = *state;
    static const char twice[] = "0246813579";
    assert_true(read_file(f, "[module a]\n[module b]\n[module pump7]\n[module x.y-z_0]\n"));
    assert_true(finish(f));
    for (size_t i = 0; i < 4; i++) {
        const char *imei = module(f, i)->module.imei;
        int sum = 0;
        for (size_t d = 0; d < 15; d++) {
            sum += d % 2 == 0 ? imei[d] - '0' : twice[imei[d] - '0'] - '0';
        }
        assert_int_equal(sum % 10, 0);
    }
}

static void test_what_two_modules_cannot_share(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, "port.1.tcp = 7001\n[module a]\n[module b]\n"));
    assert_false(finish(f));
    assert_says(f, "both want the port 7001");
    assert_true(read_file(f, "port.1.tcp = 127.0.0.1:0\n[module a]\n[module b]\n"));
    assert_true(finish(f)); /* each takes a free one */
    assert_true(read_file(f, "[module a]\nstate = /tmp\n[module b]\nsd = /tmp/../tmp\n"));
    assert_false(finish(f));
    assert_says(f, "both want the directory /tmp");
    assert_true(read_file(f, "[module a]\nport.1.stdio = on\n[module b]\nport.1.stdio = on\n"));
    assert_false(finish(f));
    assert_says(f, "both want the standard input and output");
    assert_true(read_file(f, "[module a]\nport.1.serial = /dev/ttyS0,9600\n"
                             "[module b]\nport.1.serial = /dev/ttyS0\n"));
    assert_false(finish(f));
    assert_says(f, "/dev/ttyS0");
}

static void test_errors_name_file_line_and_module(void **state)
{
    struct fixture *f = *state;
    char place[100];
    assert_false(read_file(f, "[module a]\n\n[module b smtp]\nport = 0\n"));
    snprintf(place, sizeof place, "%s:4: smtp.port: \"0\" is not allowed", f->path);
    assert_says(f, place);
    assert_false(read_file(f, "log = info\n[module]\n"));
    snprintf(place, sizeof place, "%s:2: a module's name", f->path);
    assert_says(f, place);
    assert_false(read_file(f, "[module ../x]\n"));
    assert_says(f, ":1: a module's name");
    assert_false(read_file(f, "[module .x]\n"));
    assert_false(read_file(f, "[module abcdefghijklmnopqrstuvwxyz123456]\n"));
    assert_true(read_file(f, "[module abcdefghijklmnopqrstuvwxyz12345 network]\noperator = x\n"));
    assert_false(read_file(f, "[module a\nlog = info\n"));
    assert_says(f, ":1: neither");
    assert_false(read_file(f, "[modules]\nlog = info\n"));
    assert_says(f, ":2: unknown key modules.log");
    assert_false(read_file(f,
                           "[a-name-of-a-section-that-is-longer-than-all-those-of-the-keys-are]\n"
                           "x = y\n"));
    assert_says(f, ":1: the name of the section is too long");
    assert_false(read_file(f, "[module a b c]\n"));
    assert_says(f, ":1: the name of a section holds no blanks");
    assert_true(read_file(f, "[module pump]\nehlo_name = localhost\n"));
    assert_false(finish(f));
    assert_says(f, "pump: ehlo_name");
}

/* What is wrong begins with file and line of the key that is named; %s stands for the file. */
static void test_errors_of_all_settings_have_a_place(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *err;
    } rows[] = {
        {"log = info\nmail.rate_limit = 5perhour\n", "%s:2: mail.rate_limit: \"5perhour\" is not"},
        {"mail.override_server = a:2587 # relay\n",
         "%s:1: mail.override_server: \"a:2587 # relay\" is not HOST or HOST:PORT"},
        {"mail.override_username = x\n", "%s:1: mail.override_username: there is no mail"},
        {"mail.override_server = a\nmail.override_username = x\n",
         "%s:2: mail.override_username: there is no mail.override_password, "},
        {"mail.override_password = x\n", "%s:1: mail.override_password: there is no mail"},
        {"\nmail.override_password_file = /gone\n", "%s:2: mail.override_password_file: /gone: "},
        {"mail.from = x\n", "%s:1: mail.from: "},
        {"mail.on_failure = x\n", "%s:1: mail.on_failure: "},
        {"[mail]\n\nallow_recipients = a@b.test,@b.test , bad,c@d.test\n",
         "%s:3: mail.allow_recipients: \"bad\" is not an address or @domain"},
        {"mail.allow_senders = a@b.test,,c@d.test\n", "%s:1: mail.allow_senders: \"\" is not"},
        {"mail.allow_senders = @\xe2\x98\x83.test, a@b.test\n",
         "%s:1: mail.allow_senders: \"@\xe2\x98\x83.test\" is not"},
        {"mail.dsn_notify = failure,often\n", "%s:1: mail.dsn_notify: \"often\" is not"},
        {"mail.dsn_notify = never,failure\n", "%s:1: mail.dsn_notify: never stands alone"},
        {"tls.pin_sha256 = abc\n", "%s:1: tls.pin_sha256: \"abc\" is no"},
        {"tls.ca_file = /gone\n", "%s:1: tls.ca_file: /gone: "},
        {"tls.client_key = /gone\n", "%s:1: tls.client_key: there is no tls.client_cert"},
        {"smtp.password = x\nsmtp.password_file = y\n", "%s:2: smtp.password_file: smtp.password"},
        {"smtp.auth = PLAIN, x\n", "%s:1: smtp.auth: \"x\" is no"},
        {"smtp.token_command = x\n", "%s:1: smtp.token_command: neither"},
        {"dns.servers = 192.0.2.1,ns.test,192.0.2.2\n", "%s:1: dns.servers: \"ns.test\" is not"},
        {"dns.servers = 192.0.2.1, 192.0.2.2\n", "%s:1: dns.servers: \" 192.0.2.2\" is not"},
        {"dns.servers = ,192.0.2.2\n", "%s:1: dns.servers: \"\" is not"},
        {"dns.hosts = a=192.0.2.1,b,c=192.0.2.1\n", "%s:1: dns.hosts: \"b\" is not NAME="},
        {"fallback_charset = a b\n", "%s:1: fallback_charset: "},
        {"ehlo_name = localhost\n", "%s:1: ehlo_name: "},
        {"[pdp.2]\napn = x\ninterface = a/b\n", "%s:3: pdp.2.interface: "},
        {"pdp.2.source = a\n", "%s:1: pdp.2.source: \"a\" is no IP address"},
        {"pdp.2.source = ::1\n", "%s:1: pdp.2.source: a context"},
        {"pdp.16.address = a\n", "%s:1: pdp.16.address: "},
        {"port.4.tcp = 0\nport.4.dcd_pin = rts\n", "%s:2: port.4.dcd_pin: "},
        {"port.4.tcp = 0\nport.4.group = dialout\n", "%s:2: port.4.group: only ptys"},
        {"port.4.pty = /x\nport.4.group = no-such\n",
         "%s:2: port.4.group: there is no group no-such"},
        {"port.4.group = 4294967295\nport.4.pty = /x\n", "%s:1: port.4.group: there is no group"},
        {"port.4.serial = /dev/x,9600,rtscts\nport.4.dtr_pin = cts\n", "%s:2: port.4.dtr_pin: "},
        {"port.4.serial = /dev/x,9600,rtscts\nport.4.dcd_pin = rts\n", "%s:2: port.4.dcd_pin: "},
        {"port.2.tcp = 0\nport.4.tcp = 0\nport.4.name = x\nport.2.name = x\n",
         "%s:3: port.4.name: another port is named x"},
        {"port.3.tcp = 0\nport.3.name = a b\n", "%s:2: port.3.name: "},
        {"port.3.stdio = on\nport.5.stdio = on\n", "%s:2: port.5.stdio: "},
    };
    char expected[200];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(read_file(f, rows[i].text));
        assert_false(finish(f));
        snprintf(expected, sizeof expected, "%s%s", f->path, rows[i].err + 2);
        if (strncmp(f->err, expected, strlen(expected)) != 0) {
            fail_msg("\"%s\" does not begin with \"%s\"", f->err, expected);
        }
    }
}

/* The place is that of the setting which counts for the module that the error is about. */
static void test_the_place_is_that_of_the_setting_that_counts(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *set, *err;
    } rows[] = {
        {"ehlo_name = a b\nehlo_name = c d\n", NULL, ":2: ehlo_name: \"c d\""},
        {"[module a]\nehlo_name = a b\n[module b]\nehlo_name = c d\n", NULL, ":2: a: ehlo_name: "},
        {"[module a]\nehlo_name = a.test\n[module b]\nehlo_name = c d\n", NULL,
         ":4: b: ehlo_name: \"c d\""},
        {"ehlo_name = a b\n[module a]\nehlo_name = a.test\n[module b]\n", NULL,
         ":1: b: ehlo_name: "},
        {"[module b]\nehlo_name = a b\n[smtp]\nserver = x\n", NULL, ":2: b: ehlo_name: "},
        {"tls.pin_sha256 = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n[module a]\n[module b]\n"
         "tls.pin_sha256 = abc\n",
         NULL, ":4: b: tls.pin_sha256: "},
        {"ehlo_name = a b\n", "ehlo_name=c d", "--set: ehlo_name: \"c d\""},
        {"[module a]\n[module b]\n", "b:ehlo_name=c d", "--set: b: ehlo_name: \"c d\""},
        {"[module a]\n[module b]\nehlo_name = a b\n", "a:ehlo_name=a.test", ":3: b: ehlo_name: "},
    };
    char expected[200];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(read_file(f, rows[i].text));
        assert_true(rows[i].set == NULL || set(f, rows[i].set));
        assert_false(finish(f));
        snprintf(expected, sizeof expected, "%s%s", rows[i].err[0] == ':' ? f->path : "",
                 rows[i].err);
        if (strncmp(f->err, expected, strlen(expected)) != 0) {
            fail_msg("\"%s\" does not begin with \"%s\"", f->err, expected);
        }
    }
}

static void test_differences(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, "port.1.tcp = 0\n[module a]\n[module b]\npdp.3.apn = x\n"));
    assert_true(finish(f));
    struct pm_options *a = pm_configuration_take(&f->configuration, 0);
    struct pm_options *b = pm_configuration_take(&f->configuration, 1);
    assert_true(read_file(f, "[module a]\nport.5.tcp = 0\n"));
    assert_true(set(f, "identity.revision=2"));
    assert_true(finish(f));
    assert_null(pm_options_difference(a, a));
    assert_string_equal(pm_options_difference(a, module(f, 0))->name, "identity.revision");
    pm_options_delete(a);
    assert_non_null(pm_options_difference(b, module(f, 0)));
    pm_options_delete(b);
}

static void test_many_modules(void **state)
{
    struct fixture *f = *state;
    size_t count = 3000;
    size_t size = count * 32;
    char *text = malloc(size);
    assert_non_null(text);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, size - len, "[module m%zu]\n", i);
    }
    assert_true(read_file(f, text));
    free(text);
    assert_true(finish(f));
    assert_int_equal(f->configuration.count, count);
    for (size_t i = 1; i < count; i++) {
        assert_string_not_equal(module(f, i)->module.imei, module(f, i - 1)->module.imei);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_without_sections_there_is_one_module),
        TEST(test_own_settings_win_over_common_ones),
        TEST(test_the_command_line_wins),
        TEST(test_ports_of_the_command_line_belong_to_the_only_module),
        TEST(test_each_has_an_identity_and_a_directory),
        TEST(test_imei_check_digit),
        TEST(test_what_two_modules_cannot_share),
        TEST(test_errors_name_file_line_and_module),
        TEST(test_errors_of_all_settings_have_a_place),
        TEST(test_the_place_is_that_of_the_setting_that_counts),
        TEST(test_differences),
        TEST(test_many_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
