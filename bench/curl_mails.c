/* SPDX-License-Identifier: MIT */
/*
 * libcurl at the same work: mails one after the other on each of so many connections.
 *
 * Usage: curl_mails SESSIONS MAILS PORT [CA NEW|RESUMED]
 *
 * MAILS in all, each of 1000 bytes and its header, on a connection that is kept; with a file of CA
 * certificates each on a new one, with TLS from the first byte: every handshake NEW, or RESUMED as
 * libcurl does by itself.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY = 1000, SESSIONS_MAX = 64 };

struct mail {
    CURL *easy;
    size_t at; /* bytes that have been read */
};

static char message[2 * BODY];
static size_t message_len;

static void fatal(const char *what)
{
    fprintf(stderr, "curl_mails: %s\n", what);
    exit(1);
}

static void check(CURLcode code)
{
    if (code != CURLE_OK) {
        fatal(curl_easy_strerror(code));
    }
}

static void check_multi(CURLMcode code)
{
    if (code != CURLM_OK) {
        fatal(curl_multi_strerror(code));
    }
}

static void compose(void)
{
    int header = snprintf(message, sizeof message,
                          "From: <bench@example.com>\r\nTo: <sink@example.com>\r\n"
                          "Subject: Pump 7 is too hot\r\n\r\n");
    message_len = (size_t)header + BODY;
    memset(message + header, 'x', BODY - 2);
    memcpy(message + message_len - 2, "\r\n", 2);
}

static size_t read_message(char *buffer, size_t size, size_t count, void *user)
{
    struct mail *mail = user;
    size_t left = message_len - mail->at;
    size_t n = left < size * count ? left : size * count;
    memcpy(buffer, message + mail->at, n);
    mail->at += n;
    return n;
}

/* TLS, and for each mail a connection of its own. */
static void set_tls(CURL *easy, const char *authority, bool resumed)
{
    check(curl_easy_setopt(easy, CURLOPT_CAINFO, authority));
    check(curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L));
    check(curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, resumed ? 1L : 0L));
}

static void prepare(struct mail *mail, char **argv, struct curl_slist *recipients)
{
    char url[64];
    bool tls = argv[4] != NULL;
    mail->easy = curl_easy_init();
    if (mail->easy == NULL) {
        fatal("no memory");
    }
    snprintf(url, sizeof url, "%s://127.0.0.1:%s", tls ? "smtps" : "smtp", argv[3]);
    check(curl_easy_setopt(mail->easy, CURLOPT_URL, url));
    check(curl_easy_setopt(mail->easy, CURLOPT_MAIL_FROM, "<bench@example.com>"));
    check(curl_easy_setopt(mail->easy, CURLOPT_MAIL_RCPT, recipients));
    check(curl_easy_setopt(mail->easy, CURLOPT_READFUNCTION, read_message));
    check(curl_easy_setopt(mail->easy, CURLOPT_READDATA, mail));
    check(curl_easy_setopt(mail->easy, CURLOPT_UPLOAD, 1L));
    check(curl_easy_setopt(mail->easy, CURLOPT_PRIVATE, mail));
    if (tls) {
        set_tls(mail->easy, argv[4], strcmp(argv[5], "RESUMED") == 0);
    }
}

static void send_alone(struct mail *mail, unsigned long mails)
{
    for (unsigned long i = 0; i < mails; i++) {
        mail->at = 0;
        check(curl_easy_perform(mail->easy));
    }
}

/* Takes what has ended; an easy handle that is added again sends its next mail. */
static unsigned long take_results(CURLM *multi, unsigned long *left)
{
    unsigned long done = 0;
    int more;
    for (CURLMsg *result; (result = curl_multi_info_read(multi, &more)) != NULL;) {
        CURL *easy = result->easy_handle;
        struct mail *mail = NULL;
        check(result->data.result);
        check(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &mail));
        check_multi(curl_multi_remove_handle(multi, easy));
        done++;
        if (*left > 0) {
            (*left)--;
            mail->at = 0;
            check_multi(curl_multi_add_handle(multi, easy));
        }
    }
    return done;
}

static void send_together(struct mail *mail, unsigned long sessions, unsigned long mails)
{
    CURLM *multi = curl_multi_init();
    unsigned long left = mails - sessions;
    if (multi == NULL) {
        fatal("no memory");
    }
    for (unsigned long i = 0; i < sessions; i++) {
        check_multi(curl_multi_add_handle(multi, mail[i].easy));
    }
    for (unsigned long done = 0; done < mails;) {
        int running;
        check_multi(curl_multi_perform(multi, &running));
        unsigned long ended = take_results(multi, &left);
        done += ended;
        if (ended == 0) {
            check_multi(curl_multi_poll(multi, NULL, 0, 1000, NULL));
        }
    }
    check_multi(curl_multi_cleanup(multi));
}

int main(int argc, char **argv)
{
    static struct mail mail[SESSIONS_MAX];
    unsigned long sessions = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long mails = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
    if ((argc != 4 && argc != 6) || sessions == 0 || sessions > SESSIONS_MAX || mails < sessions) {
        fatal("usage: curl_mails SESSIONS MAILS PORT [CA NEW|RESUMED]");
    }
    check(curl_global_init(CURL_GLOBAL_DEFAULT));
    compose();
    struct curl_slist *recipients = curl_slist_append(NULL, "<sink@example.com>");
    for (unsigned long i = 0; i < sessions; i++) {
        prepare(&mail[i], argv, recipients);
    }
    if (sessions == 1) {
        send_alone(&mail[0], mails);
    } else {
        send_together(mail, sessions, mails);
    }
    for (unsigned long i = 0; i < sessions; i++) {
        curl_easy_cleanup(mail[i].easy);
    }
    curl_slist_free_all(recipients);
    curl_global_cleanup();
    return 0;
}
