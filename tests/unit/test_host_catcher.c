/* SPDX-License-Identifier: MIT */
/* The built-in catcher: whole dialogues through a net, and what they leave in the Maildir. */
#include "host_net_fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>

#include "host/catcher.h"

#define PASSWORD       "open sesame"
#define PLAIN_RESPONSE "AGFubmEAb3BlbiBzZXNhbWU=" /* NUL anna NUL PASSWORD */

struct lab {
    struct fixture *f;
    struct pm_catcher *catcher;
    char dir[64];
};

static const struct pm_tls_request insecure = {
    .version = 4, .ciphersuite = 0xFFFF, .negotiate_s = 10};

/* ---- the lab ------------------------------------------------------------------------------ */

static struct lab lab_start(bool verify)
{
    struct lab lab = {.f = fixture_loop()};
    char err[128] = "";
    snprintf(lab.dir, sizeof(lab.dir), "/tmp/pm-catcher-XXXXXX");
    assert_non_null(mkdtemp(lab.dir));
    struct pm_catcher_log log = {lab.f, fixture_log};
    struct pm_catcher_options settings = {.maildir = lab.dir, .verify = verify, .faults = true};
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

/* Lets everything come to its end, so that the Maildir is as it will stay. */
static void lab_rest(struct lab *lab)
{
    pm_net_free(lab->f->net);
    lab->f->net = NULL;
    pm_catcher_free(lab->catcher);
    lab->catcher = NULL;
    uv_unref((uv_handle_t *)&lab->f->watchdog);
    assert_int_equal(uv_run(&lab->f->loop, UV_RUN_DEFAULT), 0);
}

static void lab_end(struct lab *lab)
{
    lab_rest(lab);
    fixture_end(lab->f);
    assert_int_equal(nftw(lab->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static unsigned count_files(const struct lab *lab, const char *folder, char *last, size_t size)
{
    char path[128];
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/%s", lab->dir, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            count++;
            if (last != NULL) {
                snprintf(last, size, "%s/%s", path, e->d_name);
            }
        }
    }
    closedir(dir);
    return count;
}

/* The one mail in new/, NUL-terminated, malloc()ed. */
static char *only_mail(const struct lab *lab, size_t *len)
{
    char path[512];
    struct stat info;
    assert_int_equal(count_files(lab, "new", path, sizeof(path)), 1);
    assert_int_equal(count_files(lab, "tmp", NULL, 0), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    FILE *file = fopen(path, "rb");
    char *text = malloc((size_t)info.st_size + 1);
    assert_true(file != NULL && text != NULL);
    *len = fread(text, 1, (size_t)info.st_size + 1, file);
    assert_int_equal(*len, info.st_size);
    text[*len] = '\0';
    fclose(file);
    return text;
}

/* Whether the last line of a reply has come: three digits and a blank. */
static bool reply_complete(const struct fixture *f)
{
    if (f->received_len < 5 || f->received[f->received_len - 1] != '\n') {
        return false;
    }
    size_t start = f->received_len - 1;
    while (start > 0 && f->received[start - 1] != '\n') {
        start--;
    }
    return f->received[start + 3] == ' ';
}

static void hear(struct fixture *f, const char *expected)
{
    fixture_until(f, reply_complete(f) || f->closed > 0);
    if (strncmp((const char *)f->received, expected, strlen(expected)) != 0) {
        fail_msg("\"%s\" instead of \"%s\"", (const char *)f->received, expected);
    }
    f->received_len = 0;
    f->received[0] = '\0';
}

static void ask(struct fixture *f, const char *command, const char *expected)
{
    fixture_send(f, command);
    hear(f, expected);
}

static void greet(struct fixture *f, const struct pm_tls_request *tls)
{
    assert_int_equal(fixture_open(f, "mail.example.com", 2525, tls), PM_OK);
    hear(f, "220 ");
    ask(f, "EHLO host.example\r\n", "250-");
}

/* ---- whole dialogues --------------------------------------------------------------------------
 */

static void test_plain_mail(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    assert_int_equal(fixture_open(f, "mail.example.com", 25, NULL), PM_OK);
    hear(f, "220 ");
    ask(f, "EHLO host.example\r\n",
        "250-postmodem.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n"
        "250-SMTPUTF8\r\n250-DSN\r\n250-STARTTLS\r\n"
        "250-AUTH PLAIN LOGIN CRAM-MD5\r\n250 SIZE ");
    ask(f, "AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n");
    ask(f, "YW5uYQ==\r\n", "334 UGFzc3dvcmQ6\r\n");
    ask(f, "b3BlbiBzZXNhbWU=\r\n", "235 ");
    ask(f, "MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME\r\n", "250 ");
    ask(f, "RCPT TO:<b@example.com>\r\n", "250 ");
    ask(f, "rcpt to:<\"q>\\\" x\"@example.com>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    ask(f, "Subject: x\r\n\r\n..\r\n...\r\n..x\r\nz.\r\n.y\r\nlf\n.\nlf\r.\rcr\r\r\n..\r.\r\n.\r\n",
        "250 kept as ");
    ask(f, "QUIT\r\n", "221 ");
    fixture_until(f, f->closed > 0);
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_string_equal(mail, "X-Envelope-From: a@example.com\r\n"
                              "X-Envelope-To: b@example.com\r\n"
                              "X-Envelope-To: \"q>\\\" x\"@example.com\r\n"
                              "X-Envelope-Helo: host.example\r\n"
                              "X-Envelope-TLS: none\r\n"
                              "X-Envelope-Auth: anna (LOGIN)\r\n"
                              "X-Envelope-Server: mail.example.com:25\r\n"
                              "Subject: x\r\n\r\n.\r\n..\r\n.x\r\nz.\r\ny\r\nlf\n.\nlf\r.\rcr"
                              "\r\r\n.\r.\r\n");
    free(mail);
    assert_true(fixture_logged(f, "mail from <a@example.com> to 2 recipients for "
                                  "mail.example.com:25 kept as new/"));
    lab_end(&lab);
}

static void test_tls_mail(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    greet(f, &insecure);
    ask(f, "STARTTLS\r\n", "503 ");
    ask(f, "AUTH PLAIN " PLAIN_RESPONSE "\r\n", "235 ");
    ask(f, "MAIL FROM:<> REQUIRETLS=1\r\n", "555 ");
    ask(f, "MAIL FROM:<> REQUIRETLS\r\n", "250 ");
    ask(f, "RCPT TO:<b@example.com>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    ask(f, ".\r\n", "250 kept as ");
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_string_equal(mail, "X-Envelope-From: <>\r\n"
                              "X-Envelope-To: b@example.com\r\n"
                              "X-Envelope-Helo: host.example\r\n"
                              "X-Envelope-TLS: TLSv1.3 TLS_AES_256_GCM_SHA384\r\n"
                              "X-Envelope-Auth: anna (PLAIN)\r\n"
                              "X-Envelope-Server: mail.example.com:2525\r\n"
                              "X-Envelope-Require-TLS: yes\r\n");
    free(mail);
    assert_true(fixture_logged(f, "not verified (CN=Postmodem catcher)"));
    assert_null(strstr(f->log, PASSWORD));
    lab_end(&lab);
}

/* A token is taken under TLS whatever it is, as is a password; it shows nowhere. */
static void test_token_mail(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    static const char *const bad[] = {"dXNlcj1hbm5hAWF1dGg9QmVhcmVyIGFiYwE=\r\n",
                                      "dXNlcj1hbm5hAWF1dGg9QmFzaWMgYWJjAQE=\r\n", "YW5uYQ==\r\n",
                                      "dXNlcj0B\r\n", "bixhPWFubmEsAWF1dGg9QmVhcmVyIGFiYwEB\r\n"};
    greet(f, &insecure);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ask(f, "AUTH XOAUTH2\r\n", "334 ");
        ask(f, bad[i], "501 ");
    }
    ask(f,
        "AUTH OAUTHBEARER "
        "bixhPWFubmEsAWF1dGg9QmVhcmVyIGFiYwEB"
        "\r\n",
        "235 ");
    ask(f, "AUTH XOAUTH2\r\n", "503 ");
    pm_net_close(f->net, false);
    greet(f, &insecure);
    ask(f,
        "AUTH XOAUTH2 "
        "dXNlcj1hbm5hQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIGFiYwEB"
        "\r\n",
        "235 ");
    ask(f, "MAIL FROM:<a@example.com>\r\n", "250 ");
    ask(f, "RCPT TO:<b@example.com>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    ask(f, "x\r\n.\r\n", "250 kept as ");
    ask(f, "QUIT\r\n", "221 ");
    fixture_until(f, f->closed > 0);
    lab_rest(&lab);
    size_t len;
    char *mail = only_mail(&lab, &len);
    assert_non_null(strstr(mail, "X-Envelope-Auth: anna@example.com (XOAUTH2)\r\n"));
    assert_null(strstr(mail, "abc"));
    free(mail);
    lab_end(&lab);
}

/* After STARTTLS nothing said before counts; what is sent behind it in the clear ends it all. */
static void test_starttls_mail(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    greet(f, NULL);
    ask(f, "MAIL FROM:<early@example.com>\r\n", "250 ");
    ask(f, "STARTTLS now\r\n", "501 ");
    ask(f, "STARTTLS\r\n", "220 ");
    assert_int_equal(fixture_starttls(f, "mail.example.com", &insecure), PM_OK);
    ask(f, "RCPT TO:<b@example.com>\r\n", "503 ");
    ask(f, "MAIL FROM:<a@example.com>\r\n", "503 ");
    ask(f, "EHLO again\r\n",
        "250-postmodem.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n"
        "250-SMTPUTF8\r\n250-DSN\r\n250-REQUIRETLS\r\n250-AUTH");
    ask(f, "AUTH CRAM-MD5\r\n", "334 P"); /* base64 of "<" */
    ask(f, "YW5uYSAwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==\r\n", "235 ");
    ask(f, "AUTH PLAIN " PLAIN_RESPONSE "\r\n", "503 ");
    ask(f, "MAIL FROM:<a@example.com>\r\n", "250 ");
    ask(f, "RCPT TO:<b@example.com>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    ask(f, "x\r\n.\r\n", "250 kept as ");
    pm_net_close(f->net, false);
    greet(f, NULL);
    ask(f, "STARTTLS\r\nEHLO injected\r\n", "220 ");
    fixture_until(f, f->closed > 0);
    assert_true(fixture_logged(f, "clear bytes after STARTTLS"));
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_non_null(strstr(mail, "X-Envelope-Helo: again\r\nX-Envelope-TLS: TLSv1.3 "));
    assert_non_null(strstr(mail, "X-Envelope-Auth: anna (CRAM-MD5)\r\n"));
    assert_null(strstr(mail, "early"));
    free(mail);
    lab_end(&lab);
}

/* ---- every split ------------------------------------------------------------------------------
 */

static const char pipelined[] =
    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
    ".\r\r\n..\r\n\r\n...\r\na\r.\r\n.b\r\n\n.\r\n..\n\r\n.\r\nRSET\r\nQUIT\r\n";
static const char pipelined_mail[] = "\r\r\n.\r\n\r\n..\r\na\r.\r\nb\r\n\n.\r\n.\n\r\n";

/* The first recipient is refused, and its chunk with it; in the chunks stands what would be
 * commands. */
static const char chunked[] =
    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<fault-550@d>\r\nBDAT 12 "
    "LAST\r\nQUIT\r\n.\r\nx\r\nRSET\r\n"
    "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 9\r\nQUIT\r\n.\r\nBDAT 0\r\n"
    "bdat 7 last\r\n..\r\n\n\n.RSET\r\nQUIT\r\n";
static const char chunked_mail[] = "QUIT\r\n.\r\n..\r\n\n\n.";

static void split_at(const char *text, size_t first, const char *wanted)
{
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    assert_int_equal(fixture_open(f, "h", 25, NULL), PM_OK);
    size_t len = strlen(text);
    size_t step = first == 0 ? 1 : first;
    for (size_t sent = 0; sent < len;) {
        size_t n = len - sent < step ? len - sent : step;
        assert_int_equal(pm_net_send(f->net, (const uint8_t *)text + sent, n), n);
        pm_net_flush(f->net);
        sent += n;
        step = first == 0 ? 1 : len;
        uv_run(&f->loop, UV_RUN_NOWAIT);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    fixture_until(f, f->closed > 0);
    assert_non_null(strstr((const char *)f->received, "221 bye\r\n"));
    lab_rest(&lab);
    char *mail = only_mail(&lab, &len);
    const char *body = strstr(mail, "X-Envelope-Server: h:25\r\n");
    assert_non_null(body);
    assert_string_equal(body + strlen("X-Envelope-Server: h:25\r\n"), wanted);
    free(mail);
    lab_end(&lab);
}

static void test_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pipelined); i += i < 50 ? 10 : 1) {
        split_at(pipelined, i, pipelined_mail);
    }
    for (size_t i = 0; i < sizeof(chunked); i += i < 50 ? 10 : 1) {
        split_at(chunked, i, chunked_mail);
    }
}

/* ---- a long mail -------------------------------------------------------------------------------
 */

static void send_all(struct fixture *f, const uint8_t *data, size_t len)
{
    while (len > 0) {
        int32_t n = pm_net_send(f->net, data, len);
        assert_true(n >= 0);
        data += n;
        len -= (size_t)n;
        if (len > 0) {
            unsigned before = f->writable;
            fixture_until(f, f->writable > before);
        }
    }
    pm_net_flush(f->net);
}

/* Some megabytes with dots at many places go through the two buffers unharmed. */
static void long_mail(const struct pm_tls_request *tls)
{
    enum { LINES = 50000, LINE = 79 };
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    char *sent = malloc(LINES * (LINE + 4));
    char *kept = malloc(LINES * (LINE + 4));
    assert_true(sent != NULL && kept != NULL);
    size_t sent_len = 0;
    size_t kept_len = 0;
    for (unsigned i = 0; i < LINES; i++) {
        char line[LINE + 4];
        int n = snprintf(line, sizeof(line), "%s%0*u\r\n", i % 3 == 0 ? "." : "",
                         (int)(i * 7 % LINE) + 1, i);
        sent_len += (size_t)sprintf(sent + sent_len, "%s%s", line[0] == '.' ? "." : "", line);
        memcpy(kept + kept_len, line, (size_t)n);
        kept_len += (size_t)n;
    }
    greet(f, tls);
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    send_all(f, (const uint8_t *)sent, sent_len);
    ask(f, ".\r\n", "250 kept as ");
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_true(len > kept_len);
    assert_memory_equal(mail + len - kept_len, kept, kept_len);
    free(mail);
    free(sent);
    free(kept);
    lab_end(&lab);
}

static void test_long_mail(void **state)
{
    (void)state;
    long_mail(NULL);
    long_mail(&insecure);
}

/* ---- wrong input --------------------------------------------------------------------------------
 */

static const char *const dialogue[][2] = {
    {"MAIL FROM:<a@b>\r\n", "503 "},
    {"EHLO\r\n", "501 "},
    {"STARTTLS\r\n", "503 "},
    {"AUTH PLAIN " PLAIN_RESPONSE "\r\n", "503 "},
    {"HELO x\r\n", "250 "},
    {"FOO\r\n", "500 "},
    {"\r\n", "500 "},
    {"NOOP\x01\r\n", "500 "},
    {"NOOP\r", "500 "}, /* completed by the next line: a bare CR inside */
    {"RCPT TO:<a@b>\r\n", "503 "},
    {"DATA\r\n", "503 "},
    {"MAIL FROM:a@b\r\n", "501 "},
    {"MAIL FROM:<a@b\r\n", "501 "},
    {"MAIL FROM:<a@b>x\r\n", "501 "},
    {"MAIL FROM:<\"a>@b>\r\n", "501 "},
    {"MAIL FROM:<a@b> SIZE=x\r\n", "501 "},
    {"MAIL FROM:<a@b> SIZE=9999999999\r\n", "552 "},
    {"MAIL FROM:<a@b> FOO=1\r\n", "555 "},
    {"MAIL FROM:<a@b> REQUIRETLS\r\n", "555 "}, /* in clear */
    {"MAIL FROM:<a@b> BODY=9BIT\r\n", "501 BODY has no such value\r\n"},
    {"MAIL FROM:<a@b> RET=NONE\r\n", "501 RET has no such value\r\n"},
    {"MAIL FROM:<a@b> ENVID=\r\n", "501 ENVID has no such value\r\n"},
    {"MAIL FROM:<a@b> SIZE=1 SIZE=1\r\n", "501 SIZE is given twice\r\n"},
    {"MAIL FROM:<a@b> RET=FULL  BODY=7BIT  ret=HDRS\r\n", "501 ret is given twice\r\n"},
    {"MAIL FROM:<a@b> AUTH=<> AUTH=<>\r\n", "501 AUTH is given twice\r\n"},
    {"MAIL FROM:<a@b> SMTPUTF8 smtputf8\r\n", "501 smtputf8 is given twice\r\n"},
    {"MAIL FROM:<a@b> SIZE=1 FOO=1\r\n", "555 "},
    {"MAIL FROM:<a@b> AUTH=<>\r\n", "250 "},
    {"RSET\r\n", "250 "},
    {"MAIL FROM:<a@b> AUTH=a+2Bb@c SIZE=x\r\n", "501 SIZE needs a number\r\n"},
    {"MAIL FROM:<a@b> ENVID=a=b\r\n", "501 "},
    {"MAIL FROM:<a@b> ENVID=a+2b\r\n", "501 "},
    {"MAIL FROM:<a@b> ENVID=a+2\r\n", "501 "},
    {"MAIL FROM:<\xc3\xa4@b>\r\n", "553 "},
    {"MAIL FROM:<\xe4@b> SMTPUTF8\r\n", "553 "},
    {"AUTH FOO\r\n", "504 "},
    {"AUTH CRAM-MD5 YQ==\r\n", "504 "},
    {"AUTH SCRAM-SHA-256 YQ==\r\n", "504 "},
    {"AUTH XOAUTH2\r\n", "504 "}, /* in clear */
    {"AUTH PLAIN !!!!\r\n", "501 "},
    {"AUTH PLAIN YW5uYQ==\r\n", "501 "},
    {"AUTH PLAIN =\r\n", "501 "},
    {"AUTH PLAIN\r\n", "334 \r\n"},
    {"*\r\n", "501 "},
    {"AUTH CRAM-MD5\r\n", "334 "},
    {"YW5uYQ==\r\n", "501 "},
    {"AUTH LOGIN YW5uYQ==\r\n", "334 UGFzc3dvcmQ6"},
    {"YQ=\r\n", "501 "},
    {"MAIL FROM:<a@b>\r\n", "250 "},
    {"MAIL FROM:<a@b>\r\n", "503 "},
    {"AUTH PLAIN " PLAIN_RESPONSE "\r\n", "503 "},
    {"RCPT TO:<>\r\n", "501 "},
    {"RCPT TO:<a@b> FOO=1\r\n", "555 "},
    {"RCPT TO:<a@b> NOTIFY=\r\n", "501 NOTIFY has no such value\r\n"},
    {"RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER\r\n", "501 NOTIFY is given twice\r\n"},
    {"RCPT TO:<a@b> ORCPT=rfc822;a@b orcpt=rfc822;a@b\r\n", "501 orcpt is given twice\r\n"},
    {"RCPT TO:<a@b> NOTIFY=FAILURE,NEVER\r\n", "501 "},
    {"RCPT TO:<a@b> ORCPT=rfc822\r\n", "501 ORCPT has no such value\r\n"},
    {"RCPT TO:<a@b> ORCPT=;x\r\n", "501 "},
    {"RCPT TO:<a@b> ORCPT=utf-8;\xc3\xa4@b\r\n", "501 "},
    {"RCPT TO:<\xc3\xa4@b>\r\n", "553 "},
    {"DATA\r\n", "503 "},
    {"RCPT TO:<a@b>\r\n", "250 "},
    {"DATA x\r\n", "501 "},
    {"RSET\r\n", "250 "},
    {"RCPT TO:<a@b>\r\n", "503 "},
    {"VRFY a\r\n", "252 "},
    {"MAIL FROM:<\xc3\xa4@b> SMTPUTF8 body=8bitmime RET=HDRS ENVID=Q+2BQ\r\n", "250 "},
    {"RCPT TO:<a@b> NOTIFY=NEVER\r\n", "250 "},
    {"RCPT TO:<\xe4@b>\r\n", "553 "},
    {"RCPT TO:<\xc3\xa4@b> NOTIFY=delay,FAILURE ORCPT=rfc822;a+2Bx@b\r\n", "250 "},
};

static void test_wrong_input(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    assert_int_equal(fixture_open(f, "h", 25, NULL), PM_OK);
    hear(f, "220 ");
    for (size_t i = 0; i < sizeof(dialogue) / sizeof(dialogue[0]); i++) {
        if (strchr(dialogue[i][0], '\n') == NULL) {
            fixture_send(f, dialogue[i][0]);
            ask(f, "x\r\n", dialogue[i][1]);
        } else {
            ask(f, dialogue[i][0], dialogue[i][1]);
        }
    }
    lab_rest(&lab);
    assert_int_equal(count_files(&lab, "new", NULL, 0), 0);
    lab_end(&lab);
}

static void test_limits(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    static char line[40000];
    greet(f, NULL);
    memset(line, 'x', sizeof(line));
    memcpy(line + sizeof(line) - 3, "\r\n", 3);
    ask(f, line, "500 line too long");
    memcpy(line, "MAIL FROM:<", 11);
    memcpy(line + 11 + 257, ">\r\n", 4);
    ask(f, line, "501 address too long");
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    for (unsigned i = 0; i < 1000; i++) {
        ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    }
    ask(f, "RCPT TO:<c@d>\r\n", "452 too many recipients");
    ask(f, "DATA\r\n", "354 ");
    ask(f, "\r\n.\r\n", "250 ");
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    memset(line, 'x', 300);
    memcpy(line, "RCPT TO:<", 9);
    memcpy(line + 9 + 256, ">\r\n", 4);
    for (unsigned i = 0; i < 96 * 1024 / 257; i++) {
        ask(f, line, "250 ");
    }
    ask(f, line, "452 too many recipients");
    lab_end(&lab);
}

/* ---- chunks ------------------------------------------------------------------------------------
 */

/* A failed chunk leaves nothing but RSET, EHLO and QUIT; no chunk is ever taken for a command. */
static const char *const chunk_dialogue[][2] = {
    {"BDAT 6 LAST\r\nRSET\r\n", "503 "},
    {"MAIL FROM:<a@b>\r\n", "250 "},
    {"BDAT 0 LAST\r\n", "503 RCPT first, or RSET\r\n"},
    {"RCPT TO:<a@b>\r\n", "503 "},
    {"MAIL FROM:<a@b>\r\n", "503 "},
    {"EHLO again\r\n", "250-"},
    {"MAIL FROM:<a@b>\r\n", "250 "},
    {"RCPT TO:<fault-data-450@b>\r\n", "250 "},
    {"BDAT 6\r\nQUIT\r\n", "450 "},
    {"BDAT 6 LAST\r\nQUIT\r\n", "503 "},
    {"RSET\r\n", "250 "},
    {"MAIL FROM:<a@b>\r\n", "250 "},
    {"RCPT TO:<fault-dot-552@b>\r\n", "250 "},
    {"BDAT 1\r\nx", "250 1 bytes so far\r\n"},
    {"BDAT 6 LAST\r\nQUIT\r\n", "552 "},
    {"RCPT TO:<a@b>\r\n", "503 "},
    {"RSET\r\n", "250 "},
    {"MAIL FROM:<a@b>\r\n", "250 "},
    {"RCPT TO:<a@b>\r\n", "250 "},
    {"BDAT 6\r\nQUIT\r\n", "250 6 bytes so far\r\n"},
    {"DATA\r\n", "503 "},
    {"RCPT TO:<a@b>\r\n", "503 "},
    {"MAIL FROM:<a@b>\r\n", "503 "},
    {"AUTH PLAIN " PLAIN_RESPONSE "\r\n", "503 "},
    {"NOOP\r\n", "250 "},
    {"BDAT 6\r\nQUIT\r\n", "250 12 bytes so far\r\n"},
    {"RSET\r\n", "250 "},
    {"BDAT 2 LAST\r\nab", "503 "},
};

static void test_chunks(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    greet(f, NULL);
    for (size_t i = 0; i < sizeof(chunk_dialogue) / sizeof(chunk_dialogue[0]); i++) {
        ask(f, chunk_dialogue[i][0], chunk_dialogue[i][1]);
    }
    assert_int_equal(f->closed, 0);
    lab_rest(&lab);
    assert_int_equal(count_files(&lab, "new", NULL, 0), 0);
    assert_int_equal(count_files(&lab, "tmp", NULL, 0), 0);
    lab_end(&lab);
}

/* Where the chunk of such a command ends nobody knows. */
static void test_chunks_without_a_size(void **state)
{
    (void)state;
    static const char *const bad[] = {"BDAT",         "BDAT LAST",   "BDAT -1",
                                      "BDAT +1",      "BDAT 1 LAS",  "BDAT 1 LAST x",
                                      "BDAT 1  LAST", "BDAT 0x1",    "BDAT 1LAST",
                                      "BDAT \"1\"",   "BDAT 1,LAST", "BDAT 99999999999999999999"};
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        greet(f, NULL);
        ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
        ask(f, "RCPT TO:<a@b>\r\n", "250 ");
        fixture_send(f, bad[i]);
        fixture_send(f, "\r\nNOOP\r\n");
        fixture_until(f, f->closed > 0);
        assert_string_equal((const char *)f->received,
                            "501 BDAT needs a size, and LAST or nothing\r\n");
        f->received_len = f->closed = 0;
        pm_net_close(f->net, false);
    }
    lab_rest(&lab);
    assert_int_equal(count_files(&lab, "tmp", NULL, 0), 0);
    lab_end(&lab);
}

/* Longer than the buffers of a delivery, and than what one read brings. */
static void test_large_chunk(void **state)
{
    (void)state;
    enum { SIZE = 3000001 };
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = (char)('.' + (i * i >> 3) % 64);
    }
    greet(f, &insecure);
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    fixture_send(f, "BDAT 1000001\r\n");
    send_all(f, (const uint8_t *)text, 1000001);
    hear(f, "250 1000001 bytes so far\r\n");
    fixture_send(f, "BDAT 2000000 LAST\r\n");
    send_all(f, (const uint8_t *)text + 1000001, 2000000);
    hear(f, "250 kept as ");
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_true(len > SIZE);
    assert_memory_equal(mail + len - SIZE, text, SIZE);
    free(mail);
    free(text);
    lab_end(&lab);
}

/* ---- ends
 * ---------------------------------------------------------------------------------------- */

/* A connection that is cut in the middle of a mail leaves nothing behind. */
static void test_cut_mail(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    static char text[300000];
    memset(text, 'x', sizeof(text) - 1);
    greet(f, NULL);
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    send_all(f, (const uint8_t *)text, sizeof(text) - 1);
    pm_net_close(f->net, false);
    lab_rest(&lab);
    assert_int_equal(count_files(&lab, "new", NULL, 0), 0);
    assert_int_equal(count_files(&lab, "tmp", NULL, 0), 0);
    lab_end(&lab);
}

/* A mail whose end has been received is kept even when everything ends at once. */
static void test_end_while_storing(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    greet(f, NULL);
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    fixture_send(f, "last\r\n.\r\n");
    uv_run(&f->loop, UV_RUN_NOWAIT);
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_string_equal(mail + len - 6, "last\r\n");
    free(mail);
    lab_end(&lab);
}

static void test_disk_failure(void **state)
{
    (void)state;
    struct lab lab = lab_start(false);
    struct fixture *f = lab.f;
    char path[128];
    greet(f, NULL);
    snprintf(path, sizeof(path), "%s/new", lab.dir);
    assert_int_equal(rmdir(path), 0);
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    ask(f, "x\r\n.\r\n", "452 mail not kept: no such file or directory");
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    ask(f, "BDAT 1 LAST\r\nx", "452 mail not kept: no such file or directory");
    ask(f, "MAIL FROM:<a@b>\r\n", "503 ");
    ask(f, "RSET\r\n", "250 ");
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    lab_rest(&lab);
    assert_int_equal(count_files(&lab, "tmp", NULL, 0), 0);
    lab_end(&lab);
    char err[128] = "";
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct pm_catcher_options settings = {.maildir = "/dev/null/x"};
    assert_null(pm_catcher_new(&loop, &settings, NULL, err, sizeof(err)));
    assert_string_equal(err, "Maildir /dev/null/x: Not a directory");
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- verification
 * ---------------------------------------------------------------------------------- */

struct verify_row {
    bool verify;
    const char *host;
    const char *cacert; /* NULL: none */
    int32_t result;
    const char *logged;
};

static const struct verify_row verifications[] = {
    {true, "mail.example.com", NULL, PM_OK, "verified (CN=Postmodem catcher)"},
    {true, "mail.example.com.", NULL, PM_OK, ", server verified"},
    {true, "192.0.2.7", NULL, PM_OK, ", server verified"},
    {true, "2001:db8::7", NULL, PM_OK, ", server verified"},
    {true, "mail.example.com", "ca.pem", PM_OK, ", server verified"},
    {true, "mail.example.com", "stranger.pem", PM_OK, ", server verified"},
    {true, "mail.example.com", "gone.pem", PM_ERR_TLS, "cacert \"gone.pem\": no such file"},
    {false, "mail.example.com", "gone.pem", PM_OK, "server not verified"},
    {false, "mail.example.com", NULL, PM_OK, "server not verified"},
};

static void add_ca(struct lab *lab)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/ca.pem", lab->dir);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *data = malloc(4096);
    assert_non_null(data);
    size_t len = fread(data, 1, 4096, file);
    fclose(file);
    fixture_file(lab->f, PM_STORAGE_UFS, "ca.pem", data, len);
    struct cert_spec spec = {.cn = "stranger", .ca = true};
    struct cert stranger = cert_make(&spec, NULL);
    data = cert_pem(&stranger, &len);
    fixture_file(lab->f, PM_STORAGE_UFS, "stranger.pem", data, len);
    data = cert_key_pem(&stranger, NULL, &len);
    fixture_file(lab->f, PM_STORAGE_UFS, "stranger.key", data, len);
    cert_free(&stranger);
}

static void test_verification(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verifications) / sizeof(verifications[0]); i++) {
        const struct verify_row *row = &verifications[i];
        struct lab lab = lab_start(row->verify);
        add_ca(&lab);
        struct pm_tls_request request = insecure;
        request.seclevel = 1;
        request.cacert = slice(row->cacert != NULL ? row->cacert : "");
        assert_int_equal(fixture_open(lab.f, row->host, 465, &request), row->result);
        assert_true(fixture_logged(lab.f, row->logged));
        lab_end(&lab);
    }
}

/* seclevel 2: the client's certificate is asked for, and shows in the envelope. */
static void test_client_certificate(void **state)
{
    (void)state;
    struct lab lab = lab_start(true);
    struct fixture *f = lab.f;
    add_ca(&lab);
    struct pm_tls_request request = insecure;
    request.seclevel = 2;
    request.version = 3;
    request.clientcert = slice("stranger.pem");
    request.clientkey = slice("stranger.key");
    greet(f, &request);
    ask(f, "MAIL FROM:<a@b>\r\n", "250 ");
    ask(f, "RCPT TO:<c@d>\r\n", "250 ");
    ask(f, "DATA\r\n", "354 ");
    ask(f, ".\r\n", "250 ");
    lab_rest(&lab);
    size_t len = 0;
    char *mail = only_mail(&lab, &len);
    assert_non_null(strstr(mail, "X-Envelope-TLS: TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384; client "
                                 "certificate CN=stranger\r\n"));
    free(mail);
    lab_end(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_mail),
        cmocka_unit_test(test_tls_mail),
        cmocka_unit_test(test_token_mail),
        cmocka_unit_test(test_starttls_mail),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_long_mail),
        cmocka_unit_test(test_wrong_input),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_without_a_size),
        cmocka_unit_test(test_large_chunk),
        cmocka_unit_test(test_cut_mail),
        cmocka_unit_test(test_end_while_storing),
        cmocka_unit_test(test_disk_failure),
        cmocka_unit_test(test_verification),
        cmocka_unit_test(test_client_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
