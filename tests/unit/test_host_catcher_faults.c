/* SPDX-License-Identifier: MIT */
/* Faults on demand: which name asks for what, and what a session then says on the wire. */
#include "host_net_fixture.h"

#include <dirent.h>
#include <ftw.h>

#include "host/catcher.h"
#include "host/catcher_faults.h"

/* ---- names ------------------------------------------------------------------------------------
 */

struct name_row {
    const char *name;
    enum catcher_fault_kind kind;
    unsigned code;
};

static const struct name_row servers[] = {
    {"fault-resolve.example", CATCHER_FAULT_RESOLVE, 0},
    {"fault-connect.example.com", CATCHER_FAULT_CONNECT, 0},
    {"fault-silent.example", CATCHER_FAULT_SILENT, 0},
    {"fault-close.example", CATCHER_FAULT_CLOSE, 0},
    {"fault-syntax.example", CATCHER_FAULT_SYNTAX, 0},
    {"fault-tls.example", CATCHER_FAULT_TLS, 0},
    {"fault-starttls.example", CATCHER_FAULT_STARTTLS, 0},
    {"fault-starttls-454.example", CATCHER_FAULT_STARTTLS, 454},
    {"fault-auth.example", CATCHER_FAULT_AUTH, 0},
    {"fault-data.example", CATCHER_FAULT_CUT, 0},
    {"fault-421.example", CATCHER_FAULT_BANNER, 421},
    {"fault-400.", CATCHER_FAULT_BANNER, 400},
    {"fault-599", CATCHER_FAULT_BANNER, 599},
    {"FAULT-Resolve.Example", CATCHER_FAULT_RESOLVE, 0},
    {"fault-resolve", CATCHER_FAULT_RESOLVE, 0},
    /* ordinary names */
    {"", CATCHER_FAULT_NONE, 0},
    {"fault", CATCHER_FAULT_NONE, 0},
    {"fault-", CATCHER_FAULT_NONE, 0},
    {"fault-.example", CATCHER_FAULT_NONE, 0},
    {"fault.resolve", CATCHER_FAULT_NONE, 0},
    {"default-resolve.example", CATCHER_FAULT_NONE, 0},
    {"mail.fault-resolve.example", CATCHER_FAULT_NONE, 0},
    {"fault-resolver.example", CATCHER_FAULT_NONE, 0},
    {"fault-resolve-550.example", CATCHER_FAULT_NONE, 0},
    {"fault-starttls-.example", CATCHER_FAULT_NONE, 0},
    {"fault-starttls-220.example", CATCHER_FAULT_NONE, 0},
    {"fault-starttls454.example", CATCHER_FAULT_NONE, 0},
    {"fault-starttlsx454.example", CATCHER_FAULT_NONE, 0},
    {"fault-data-550.example", CATCHER_FAULT_NONE, 0},
    {"fault-dot-550.example", CATCHER_FAULT_NONE, 0},
    {"fault-399.example", CATCHER_FAULT_NONE, 0},
    {"fault-600.example", CATCHER_FAULT_NONE, 0},
    {"fault-000.example", CATCHER_FAULT_NONE, 0},
    {"fault-55.example", CATCHER_FAULT_NONE, 0},
    {"fault-5500.example", CATCHER_FAULT_NONE, 0},
    {"fault-5x0.example", CATCHER_FAULT_NONE, 0},
    {"fault-55/.example", CATCHER_FAULT_NONE, 0},
    {"fault--550.example", CATCHER_FAULT_NONE, 0},
};

static const struct name_row addresses[] = {
    {"fault-550@example.com", CATCHER_FAULT_REPLY, 550},
    {"fault-400@example.com", CATCHER_FAULT_REPLY, 400},
    {"fault-599@[192.0.2.1]", CATCHER_FAULT_REPLY, 599},
    {"fault-535", CATCHER_FAULT_REPLY, 535},
    {"fault-data-451@example.com", CATCHER_FAULT_DATA_REPLY, 451},
    {"fault-dot-552@example.com", CATCHER_FAULT_DOT_REPLY, 552},
    {"Fault-Dot-552@example.com", CATCHER_FAULT_DOT_REPLY, 552},
    /* ordinary names */
    {"", CATCHER_FAULT_NONE, 0},
    {"@fault-550", CATCHER_FAULT_NONE, 0},
    {"fault-550.x@example.com", CATCHER_FAULT_NONE, 0},
    {"\"fault-550\"@example.com", CATCHER_FAULT_NONE, 0},
    {"fault-data@example.com", CATCHER_FAULT_NONE, 0},
    {"fault-dot-@example.com", CATCHER_FAULT_NONE, 0},
    {"fault-dot-250@example.com", CATCHER_FAULT_NONE, 0},
    {"fault-250@example.com", CATCHER_FAULT_NONE, 0},
    {"fault-resolve@example.com", CATCHER_FAULT_NONE, 0},
    {"no-fault-550@example.com", CATCHER_FAULT_NONE, 0},
};

static void check_name(const struct name_row *row, struct catcher_fault fault)
{
    if (fault.kind != row->kind || fault.code != row->code) {
        fail_msg("\"%s\": kind %d, code %u", row->name, (int)fault.kind, fault.code);
    }
}

static void test_server_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        check_name(&servers[i], pm_catcher_fault_of_server(servers[i].name));
    }
}

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        check_name(&addresses[i], pm_catcher_fault_of_address(addresses[i].name));
    }
}

/* ---- sessions ---------------------------------------------------------------------------------
 */

struct lab {
    struct fixture *f;
    struct pm_catcher *catcher;
    char dir[64];
};

static struct lab lab_start(bool faults)
{
    struct lab lab = {.f = fixture_loop()};
    char err[128] = "";
    snprintf(lab.dir, sizeof(lab.dir), "/tmp/pm-faults-XXXXXX");
    assert_non_null(mkdtemp(lab.dir));
    struct pm_catcher_log log = {lab.f, fixture_log};
    struct pm_catcher_options settings = {.maildir = lab.dir, .faults = faults};
    lab.catcher = pm_catcher_new(&lab.f->loop, &settings, &log, err, sizeof(err));
    if (lab.catcher == NULL) {
        fail_msg("%s", err);
    }
    struct pm_net_options options = {.catcher = lab.catcher};
    fixture_net(lab.f, options);
    return lab;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

/* Ends everything: how many mails have been kept. */
static unsigned lab_end(struct lab *lab)
{
    char path[80];
    unsigned mails = 0;
    pm_net_free(lab->f->net);
    lab->f->net = NULL;
    pm_catcher_free(lab->catcher);
    uv_unref((uv_handle_t *)&lab->f->watchdog);
    assert_int_equal(uv_run(&lab->f->loop, UV_RUN_DEFAULT), 0);
    fixture_end(lab->f);
    snprintf(path, sizeof(path), "%s/new", lab->dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        mails += e->d_name[0] != '.';
    }
    closedir(dir);
    assert_int_equal(nftw(lab->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    return mails;
}

/* All of a dialogue at once, until the catcher ends it; what it has said. */
static const char *play(struct lab *lab, const char *host, const char *commands)
{
    struct fixture *f = lab->f;
    f->received_len = 0;
    f->received[0] = '\0';
    f->closed = 0;
    assert_int_equal(fixture_open(f, host, 25, NULL), PM_OK);
    fixture_send(f, commands);
    fixture_until(f, f->closed > 0);
    return (const char *)f->received;
}

static void expect_in(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in \"%s\"", part, text);
    }
}

static void test_no_connection(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    static const struct pm_tls_request tls = {
        .version = 4, .ciphersuite = 0xFFFF, .negotiate_s = 10};
    assert_int_equal(fixture_open(lab.f, "fault-resolve.example", 25, NULL), PM_ERR_RESOLVE);
    assert_true(fixture_logged(lab.f, "catcher: fault-resolve.example fails on demand"));
    assert_int_equal(fixture_open(lab.f, "fault-resolve.example", 465, &tls), PM_ERR_RESOLVE);
    assert_int_equal(fixture_open(lab.f, "fault-connect.example", 25, NULL), PM_ERR_CONNECT);
    assert_int_equal(fixture_open(lab.f, "fault-tls.example", 465, &tls), PM_ERR_TLS);
    assert_int_equal(lab_end(&lab), 0);
}

/* It takes everything and answers nothing, in clear and under TLS. */
static void test_silence(void **state)
{
    (void)state;
    static const struct pm_tls_request tls = {
        .version = 4, .ciphersuite = 0xFFFF, .negotiate_s = 10};
    static const struct pm_tls_request *const requests[] = {NULL, &tls};
    static const uint8_t flood[65536] = "EHLO a\r\nQUIT\r\n";
    for (size_t i = 0; i < 2; i++) {
        struct lab lab = lab_start(true);
        struct fixture *f = lab.f;
        assert_int_equal(fixture_open(f, "fault-silent.example", 25, requests[i]), PM_OK);
        /* More than the socket holds: that all of it goes proves that the session reads on. */
        for (size_t sent = 0; sent < 4 * 1024 * 1024;) {
            int32_t n = pm_net_send(f->net, flood, sizeof(flood));
            assert_true(n >= 0);
            sent += (size_t)n;
            if ((size_t)n < sizeof(flood)) {
                unsigned before = f->writable;
                fixture_until(f, f->writable > before);
            }
        }
        assert_int_equal(f->received_len, 0);
        assert_int_equal(f->closed, 0);
        assert_int_equal(lab_end(&lab), 0);
    }
}

#define HELLO "EHLO a\r\n"
#define MAIL  "MAIL FROM:<a@b>\r\n"
#define BODY  "Subject: x\r\n\r\nx\r\n.\r\n"

static void test_banners(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    assert_string_equal(play(&lab, "fault-421.example", ""), "421 refused on demand\r\n");
    assert_string_equal(play(&lab, "fault-554.example", ""), "554 refused on demand\r\n");
    assert_string_equal(play(&lab, "fault-close.example", ""),
                        "220 postmodem.invalid ESMTP catcher, every mail is kept\r\n");
    assert_string_equal(play(&lab, "fault-syntax.example", "QUIT\r\n"),
                        "This is no reply of SMTP.\r\n221 bye\r\n");
    assert_int_equal(lab_end(&lab), 0);
}

static void test_capabilities(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    const char *said = play(&lab, "fault-starttls.example", HELLO "STARTTLS\r\nQUIT\r\n");
    assert_null(strstr(said, "250-STARTTLS"));
    expect_in(said, "502 refused on demand\r\n221 ");
    said = play(&lab, "fault-starttls-454.example", HELLO "STARTTLS\r\nQUIT\r\n");
    expect_in(said, "250-STARTTLS\r\n");
    expect_in(said, "454 refused on demand\r\n221 ");
    said = play(&lab, "fault-auth.example", HELLO "QUIT\r\n");
    expect_in(said, "250-AUTH X-NOBODY-KNOWS\r\n");
    assert_int_equal(lab_end(&lab), 0);
}

static void test_replies(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    const char *said = play(&lab, "h",
                            HELLO "MAIL FROM:<fault-451@b>\r\nRCPT TO:<c@d>\r\n" MAIL
                                  "RCPT TO:<c@d>\r\nRCPT TO:<fault-550@d>\r\nRCPT TO:<e@f>\r\n"
                                  "QUIT\r\n");
    expect_in(said, "451 refused on demand\r\n503 MAIL first\r\n250 sender ok\r\n"
                    "250 recipient ok\r\n550 refused on demand\r\n250 recipient ok\r\n221 bye\r\n");
    assert_true(fixture_logged(lab.f, "catcher: reply 550 on demand"));
    /* 421 is the last word. */
    said = play(&lab, "h", HELLO "MAIL FROM:<fault-421@b>\r\nNOOP\r\n");
    expect_in(said, "421 refused on demand\r\n");
    assert_null(strstr(said, "250 ok\r\n"));
    assert_int_equal(lab_end(&lab), 0);
}

/* The first recipient that wants it decides; the next mail of the session is not concerned. */
static void test_data_and_dot(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    const char *said =
        play(&lab, "h",
             HELLO MAIL "RCPT TO:<fault-data-451@d>\r\nRCPT TO:<fault-data-554@d>"
                        "\r\nDATA\r\nRSET\r\n" MAIL
                        "RCPT TO:<fault-dot-552@d>\r\nRCPT TO:<fault-dot-421@d>\r\n"
                        "DATA\r\n" BODY MAIL "RCPT TO:<c@d>\r\nDATA\r\n" BODY "QUIT\r\n");
    expect_in(said, "250 recipient ok\r\n250 recipient ok\r\n451 refused on demand\r\n250 ok\r\n");
    expect_in(said, "354 end with <CRLF>.<CRLF>\r\n552 refused on demand\r\n250 sender ok\r\n");
    expect_in(said, "354 end with <CRLF>.<CRLF>\r\n250 kept as ");
    assert_int_equal(lab_end(&lab), 1);
}

static void test_cut_in_the_mail(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    const char *said =
        play(&lab, "fault-data.example", HELLO MAIL "RCPT TO:<c@d>\r\nDATA\r\n" BODY);
    expect_in(said, "354 end with <CRLF>.<CRLF>\r\n");
    assert_null(strstr(said, "kept as"));
    assert_int_equal(lab_end(&lab), 0);
}

static void test_users(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    /* NUL fault-535 NUL x; fault-454@b; the same after both prompts of LOGIN */
    const char *said = play(&lab, "h",
                            HELLO "AUTH PLAIN AGZhdWx0LTUzNQB4\r\n"
                                  "AUTH LOGIN\r\nZmF1bHQtNDU0QGI=\r\neA==\r\n"
                                  "AUTH PLAIN AGFubmEAeA==\r\nQUIT\r\n");
    expect_in(said, "535 refused on demand\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n"
                    "454 refused on demand\r\n235 welcome\r\n221 bye\r\n");
    assert_int_equal(lab_end(&lab), 0);
}

/* Switched off, all of these are names like any other. */
static void test_off(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    const char *said = play(&lab, "fault-resolve.example",
                            HELLO "AUTH PLAIN AGZhdWx0LTUzNQB4\r\nMAIL FROM:<fault-451@b>\r\n"
                                  "RCPT TO:<fault-550@d>\r\nRCPT TO:<fault-data-550@d>\r\n"
                                  "RCPT TO:<fault-dot-550@d>\r\nDATA\r\n" BODY "QUIT\r\n");
    expect_in(said, "235 welcome\r\n250 sender ok\r\n250 recipient ok\r\n250 recipient ok\r\n"
                    "250 recipient ok\r\n354 ");
    expect_in(said, "250 kept as ");
    assert_null(strstr(lab.f->log, "on demand"));
    assert_int_equal(lab_end(&lab), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_names),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_no_connection),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_banners),
        cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_data_and_dot),
        cmocka_unit_test(test_cut_in_the_mail),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
