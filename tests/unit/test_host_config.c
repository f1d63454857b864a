/* SPDX-License-Identifier: MIT */
/* The configuration: keys, values, files, defaults, and that the documentation has them all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

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
    pm_configuration_init(&f->configuration);
    strcpy(f->path, "/tmp/postmodem-config-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
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

static void write_bytes(struct fixture *f, const char *text, size_t len)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static bool read_file(struct fixture *f, const char *text)
{
    write_bytes(f, text, strlen(text));
    return pm_configuration_read(&f->configuration, f->path, f->err, sizeof f->err);
}

static bool set(struct fixture *f, const char *text)
{
    return pm_options_assign(&f->configuration.scratch, text, f->err, sizeof f->err);
}

static bool finish(struct fixture *f)
{
    return pm_options_finish(&f->configuration.scratch, f->err, sizeof f->err);
}

static void assert_says(const struct fixture *f, const char *part)
{
    if (strstr(f->err, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, f->err);
    }
}

static void test_sections_and_dotted_keys(void **state)
{
    struct fixture *f = *state;
    assert_true(read_file(f, "# comment\n"
                             "limits = strict\n"
                             "smtp.port = 587\n"
                             "[smtp]\n"
                             "server = mail.example.com\n"
                             "  username = pump7\n"
                             "sender_name = \"  Pump 7 \"\n"
                             "password = a;b # c ; d\n"
                             "[pdp.2]\n"
                             "apn = internet\n"
                             "active_at_start = on\n"
                             "[port.3]\n"
                             "tcp = [::1]:0\n"
                             "name = modem\n"));
    assert_int_equal(f->configuration.scratch.limits, 1);
    assert_string_equal(f->configuration.scratch.smtp.server, "mail.example.com");
    assert_int_equal(f->configuration.scratch.smtp.port, 587);
    assert_string_equal(f->configuration.scratch.smtp.username, "pump7");
    assert_string_equal(f->configuration.scratch.smtp.sender_name, "  Pump 7 ");
    assert_string_equal(f->configuration.scratch.smtp.password, "a;b # c ; d");
    assert_string_equal(f->configuration.scratch.pdp[1].apn, "internet");
    assert_true(f->configuration.scratch.pdp[1].active_at_start);
    assert_true(finish(f));
    assert_int_equal(f->configuration.scratch.port_count, 1);
    assert_string_equal(f->configuration.scratch.port[0].name, "modem");
    assert_int_equal(f->configuration.scratch.module.active_at_start, 2);
    assert_int_equal(f->configuration.scratch.module.limits, PM_LIMITS_STRICT);
}

static void test_errors_name_file_line_and_key(void **state)
{
    struct fixture *f = *state;
    char place[80];
    assert_false(read_file(f, "limits = strict\n\n[smtp]\nsever = x\n"));
    snprintf(place, sizeof place, "%s:4: ", f->path);
    assert_says(f, place);
    assert_says(f, "smtp.sever");
    assert_false(read_file(f, "recipients = some\n"));
    snprintf(place, sizeof place, "%s:1: ", f->path);
    assert_says(f, place);
    assert_says(f, "recipients");
    assert_says(f, "all, any");
    assert_false(read_file(f, "limits = strict\nnonsense\n"));
    assert_says(f, ":2: ");
    assert_false(read_file(f, "ehlo_name = \"a\n"));
    assert_says(f, ":1: ");
    unlink(f->path);
    assert_false(pm_configuration_read(&f->configuration, f->path, f->err, sizeof f->err));
    assert_says(f, f->path);
}

static void test_lines_that_would_be_cut(void **state)
{
    struct fixture *f = *state;
    static char text[9000];
    int head = snprintf(text, sizeof text, "limits = strict\ntrace = ");
    memset(text + head, 'x', sizeof text - (size_t)head - 1);
    assert_false(read_file(f, text));
    assert_says(f, ":2: the line is too long");
    write_bytes(f, "log = de\0bug\n", 13);
    assert_false(pm_configuration_read(&f->configuration, f->path, f->err, sizeof f->err));
    assert_says(f, "NUL");
}

static void test_values_out_of_range(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {
        "smtp.port=0",
        "smtp.port=65536",
        "smtp.port=-1",
        "smtp.port=",
        "smtp.port=99999999999999999999",
        "network.rssi=32",
        "network.ber=8",
        "pdp.0.apn=x",
        "pdp.17.apn=x",
        "pdp.x.apn=x",
        "pdp..apn=x",
        "pdp.01.apn=x",
        "port.17.name=x",
        "port.1.tcp=x",
        "port.1.tcp=127.0.0.1",
        "port.1.tcp=::1:5",
        "port.1.serial=",
        "port.1.serial=a,b",
        "port.1.serial=a,9600,x",
        "port.1.stdio=yes",
        "port.1.pty=",
        "identity.imei=12",
        "identity.imei=1234567890123x5",
        "network.lac=d509",
        "ram_size=12",
        "ram_size=5X",
        "ram_size=99999G",
        "ram_size=9999999999999K",
        "limits=Strict",
        "limits=",
        "limits",
        "=strict",
        "nothing=1",
        "",
        "ehlo_name=a\nb",
        "port.1.name=",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->err[0] = '\0';
        if (set(f, wrong[i]) || f->err[0] == '\0') {
            fail_msg("%s is taken, or refused without a word", wrong[i]);
        }
    }
    assert_true(set(f, "network.rssi=99"));
    assert_true(set(f, "ram_size=64K"));
    assert_int_equal(f->configuration.scratch.ram_size, 65536);
    assert_true(set(f, "ram_size=3G"));
    assert_int_equal(f->configuration.scratch.ram_size, 3221225472);
    assert_true(set(f, "pdp.16.apn=x"));
    assert_true(set(f, "trace="));
}

static void test_secrets_are_not_repeated(void **state)
{
    struct fixture *f = *state;
    char text[2200] = "smtp.password=Sesame";
    memset(text + strlen(text), 'x', 2100);
    assert_false(set(f, text));
    assert_null(strstr(f->err, "Sesame"));
    assert_says(f, "smtp.password");
}

static void test_password_file(void **state)
{
    struct fixture *f = *state;
    write_bytes(f, "Sesame;4711\r\nmore\n", 18);
    f->configuration.scratch.smtp.password_file = f->path;
    assert_true(finish(f));
    assert_string_equal(f->configuration.scratch.smtp.password, "Sesame;4711");
    assert_null(f->configuration.scratch.open_secret);
    assert_false(finish(f)); /* both are set now */
    f->configuration.scratch.smtp.password = "";
    assert_int_equal(chmod(f->path, 0604), 0);
    assert_true(finish(f));
    assert_string_equal(f->configuration.scratch.open_secret, "smtp.password_file");
    f->configuration.scratch.smtp.password = "";
    write_bytes(f, "\n", 1);
    assert_false(finish(f));
    unlink(f->path);
    assert_false(finish(f));
    assert_says(f, f->path);
}

/* Bits of enum pm_smtp_mechanism. */
static void test_auth_mechanisms(void **state)
{
    struct fixture *f = *state;
    const struct pm_module_config *module = &f->configuration.scratch.module;
    assert_true(finish(f));
    assert_int_equal(module->auth_forbidden, 0);
    f->configuration.scratch.smtp.auth = "plain , SCRAM-SHA-256,login";
    assert_true(finish(f));
    assert_int_equal(module->auth_forbidden,
                     0xFF & ~(PM_SMTP_PLAIN | PM_SMTP_SCRAM_SHA_256 | PM_SMTP_LOGIN));
    static const char *const bad[] = {"PLAIN,SCRAM", ",PLAIN",       " ",
                                      "PLAIN LOGIN", "PLAIN,,LOGIN", "PLAIN,"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        f->configuration.scratch.smtp.auth = bad[i];
        assert_false(finish(f));
        assert_says(f, "smtp.auth");
    }
}

static void test_token_source(void **state)
{
    struct fixture *f = *state;
    const struct pm_module_config *module = &f->configuration.scratch.module;
    assert_true(finish(f));
    assert_string_equal(module->token_server, "");
    f->configuration.scratch.smtp.token_file = "x";
    assert_false(finish(f)); /* for whom? */
    assert_says(f, "smtp.server");
    f->configuration.scratch.smtp.server = "mail.example";
    assert_true(finish(f));
    assert_string_equal(module->token_server, "mail.example");
    f->configuration.scratch.mail.override_server = "relay.example:587";
    assert_true(finish(f));
    assert_string_equal(module->token_server, "relay.example");
    f->configuration.scratch.smtp.token_command = "y";
    assert_false(finish(f));
    assert_says(f, "smtp.token_command");
    f->configuration.scratch.smtp.token_file = "";
    assert_true(finish(f));
    assert_string_equal(module->token_server, "relay.example");
}

static void test_readable_secrets_are_noticed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(chmod(f->path, 0600), 0);
    assert_true(read_file(f, "smtp.password = x\n"));
    assert_false(f->configuration.secret_in_file);
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_true(read_file(f, "mask_password = on\nsmtp.password_file = x\n"
                             "mail.override_password_file = x\n"));
    assert_false(f->configuration.secret_in_file);
    assert_true(read_file(f, "pdp.1.password = x\n"));
    assert_true(f->configuration.secret_in_file);
}

static void test_defaults_that_depend(void **state)
{
    struct fixture *f = *state;
    assert_true(set(f, "catch=/tmp/nowhere"));
    assert_true(finish(f));
    assert_int_equal(f->configuration.scratch.module.limits, PM_LIMITS_STRICT);
    assert_int_equal(f->configuration.scratch.port_count, 0);
    assert_true(set(f, "limits=wide"));
    assert_true(set(f, "auth_in_clear=never"));
    assert_true(finish(f));
    assert_int_equal(f->configuration.scratch.module.limits, PM_LIMITS_WIDE);
    assert_int_equal(f->configuration.scratch.module.auth_in_clear, PM_SMTP_CLEAR_AUTH_NEVER);
    assert_string_not_equal(f->configuration.scratch.module.ehlo_name, "");
    assert_null(strstr(f->configuration.scratch.module.ehlo_name, "localhost"));
}

static void test_ehlo_name(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {"pump7.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"};
    static const char *const bad[] = {"localhost",
                                      "localhost.localdomain",
                                      "a b",
                                      "[1.2.3]",
                                      "2001:db8::1",
                                      ".example.com",
                                      "a..b",
                                      "[]",
                                      "a.example.com\"",
                                      "<a>",
                                      "-a",
                                      "a\tb",
                                      "a\rb",
                                      "a.example\r\nMAIL FROM:<x@y>",
                                      "a\x7f.example",
                                      "a\xff.example",
                                      "a\xe2\x80\xa8.example",
                                      "[IPv6:2001:db8::1]x",
                                      "[192.0.2.1\r\n]"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        f->configuration.scratch.module.ehlo_name = good[i];
        assert_true(finish(f));
        assert_string_equal(f->configuration.scratch.module.ehlo_name, good[i]);
    }
    f->configuration.scratch.module.ehlo_name = "B\xc3\x9c"
                                                "cher.example";
    assert_true(finish(f));
    assert_string_equal(f->configuration.scratch.module.ehlo_name, "xn--bcher-kva.example");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        f->configuration.scratch.module.ehlo_name = bad[i];
        if (finish(f)) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_says(f, "ehlo_name");
    }
}

static bool add(struct fixture *f, enum pm_terminal_kind kind, const char *where)
{
    return pm_options_add_port(&f->configuration.scratch, kind, where, f->err, sizeof f->err);
}

static void test_port_names_and_defaults(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"uart1", "usbmodem", "usbat", "uart2", "port5", "port6"};
    assert_true(set(f, "port.1.name=uart1"));
    assert_true(add(f, PM_TERMINAL_PTY, "/tmp/modem"));
    assert_true(add(f, PM_TERMINAL_TCP, "127.0.0.1:0"));
    assert_true(set(f, "port.3.name=usbat"));
    assert_true(add(f, PM_TERMINAL_SERIAL, "/dev/ttyUSB0,9600,rtscts"));
    assert_true(add(f, PM_TERMINAL_STDIO, "on"));
    assert_true(set(f, "port.7.tcp=5000"));
    assert_true(add(f, PM_TERMINAL_TCP, ":5001")); /* takes number 5 */
    assert_true(finish(f));
    assert_int_equal(f->configuration.scratch.port_count, 6);
    for (size_t i = 0; i < f->configuration.scratch.port_count; i++) {
        assert_string_equal(f->configuration.scratch.port[i].name, names[i]);
    }
    assert_int_equal(f->configuration.scratch.port[1].boot_urcs, PM_OFF);
    assert_int_equal(f->configuration.scratch.port[2].boot_urcs, PM_ON); /* serial, CD45 */
    assert_int_equal(f->configuration.scratch.port[2].lf_ends_line, PM_OFF);
    assert_int_equal(f->configuration.scratch.port[3].lf_ends_line, PM_ON); /* stdio, CD39 */
}

static void test_general_port_settings(void **state)
{
    struct fixture *f = *state;
    assert_true(set(f, "boot_urcs=on"));
    assert_true(set(f, "lf_ends_line=off"));
    assert_true(set(f, "port.2.lf_ends_line=on"));
    assert_true(add(f, PM_TERMINAL_STDIO, "on"));
    assert_true(add(f, PM_TERMINAL_TCP, "0"));
    assert_true(finish(f));
    assert_int_equal(f->configuration.scratch.port[0].boot_urcs, PM_ON);
    assert_int_equal(f->configuration.scratch.port[0].lf_ends_line, PM_OFF);
    assert_int_equal(f->configuration.scratch.port[1].lf_ends_line, PM_ON);
}

static void test_ports_that_collide(void **state)
{
    struct fixture *f = *state;
    assert_true(add(f, PM_TERMINAL_STDIO, "on"));
    assert_true(set(f, "port.2.stdio=on"));
    assert_false(finish(f));
    assert_true(set(f, "port.2.stdio=off"));
    assert_true(finish(f));
    assert_int_equal(f->configuration.scratch.port_count, 1);
    assert_true(add(f, PM_TERMINAL_TCP, "0"));
    assert_true(set(f, "port.2.name=usbat"));
    assert_false(finish(f));
    assert_true(set(f, "port.2.name=a b"));
    assert_false(finish(f));
    for (int i = 2; i < PM_TERMINALS; i++) {
        assert_true(add(f, PM_TERMINAL_TCP, "0"));
    }
    assert_false(add(f, PM_TERMINAL_TCP, "0"));
}

static void test_context_addresses(void **state)
{
    struct fixture *f = *state;
    assert_true(set(f, "pdp.3.address=10.0.0.3"));
    assert_true(finish(f));
    assert_string_equal(f->configuration.scratch.module.address[2], "10.0.0.3");
    assert_null(f->configuration.scratch.module.address[1]);
    assert_true(set(f, "pdp.3.address_ipv6=10.0.0.3"));
    assert_false(finish(f));
    assert_says(f, "pdp.3.address_ipv6");
}

/* The key with its N as a number. */
static void numbered(const struct pm_config_key *key, char *text, size_t size)
{
    const char *n = key->count > 0 ? strchr(key->name, 'N') : NULL;
    if (n == NULL) {
        snprintf(text, size, "%s", key->name);
    } else {
        snprintf(text, size, "%.*s1%s", (int)(n - key->name), key->name, n + 1);
    }
}

/* What the documentation calls the default must be it: setting it changes nothing. */
static void test_stated_defaults_are_the_defaults(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < pm_config_key_count; i++) {
        const struct pm_config_key *key = &pm_config_keys[i];
        char name[64];
        if (*key->preset == '\0') {
            continue;
        }
        const char *member = (const char *)&f->configuration.scratch + key->offset;
        bool text = key->type == PM_CONFIG_TEXT || key->type == PM_CONFIG_DIGITS ||
                    key->type == PM_CONFIG_HEX;
        uint64_t before = 0;
        const char *string = NULL;
        memcpy(text ? (void *)&string : (void *)&before, member, text ? sizeof string : key->size);
        numbered(key, name, sizeof name);
        if (!pm_options_set(&f->configuration.scratch, name, key->preset, f->err, sizeof f->err)) {
            fail_msg("%s", f->err);
        }
        if (text) {
            assert_string_equal(string, key->preset);
        } else if (memcmp(member, &before, key->size) != 0) {
            fail_msg("%s: %s is not the default", key->name, key->preset);
        }
    }
}

/* A line of the table in docs/configuration.md. */
static void row(const struct pm_config_key *key, char *text, size_t size)
{
    char allowed[200];
    char preset[80] = "";
    pm_config_allowed(key, allowed, sizeof allowed);
    if (*key->preset != '\0') {
        snprintf(preset, sizeof preset, "`%s`", key->preset);
    }
    snprintf(text, size, "| `%s` | %s | %s | %s |\n", key->name, allowed, preset, key->help);
}

static void test_documentation_has_every_key(void **state)
{
    (void)state;
    char *text = calloc(1, 200000);
    FILE *file = fopen("docs/configuration.md", "r");
    char expected[700];
    size_t rows = 0;
    bool stale = false;
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 199999, file) > 0);
    fclose(file);
    for (const char *at = text; (at = strstr(at, "\n| `")) != NULL; at++) {
        rows++;
    }
    for (size_t i = 0; i < pm_config_key_count; i++) {
        row(&pm_config_keys[i], expected, sizeof expected);
        if (strstr(text, expected) == NULL) {
            print_error("missing: %s", expected);
            stale = true;
        }
    }
    free(text);
    assert_false(stale);
    assert_int_equal(rows, pm_config_key_count);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_sections_and_dotted_keys),
        TEST(test_errors_name_file_line_and_key),
        TEST(test_lines_that_would_be_cut),
        TEST(test_values_out_of_range),
        TEST(test_secrets_are_not_repeated),
        TEST(test_password_file),
        TEST(test_auth_mechanisms),
        TEST(test_token_source),
        TEST(test_readable_secrets_are_noticed),
        TEST(test_defaults_that_depend),
        TEST(test_ehlo_name),
        TEST(test_port_names_and_defaults),
        TEST(test_general_port_settings),
        TEST(test_ports_that_collide),
        TEST(test_context_addresses),
        TEST(test_stated_defaults_are_the_defaults),
        TEST(test_documentation_has_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
