/* SPDX-License-Identifier: MIT */
/*
 * What a server announces: each line of the input becomes a line of an EHLO reply, as it is. A slow
 * reader of its own tells what the lines mean, word by word; the engine must see the same, line by
 * line and in a whole dialogue, and do what follows from it.
 *
 * The first byte: 1 STARTTLS is wanted, 2 the connection is TLS, 4 there is a user, 8 no password
 * in clear, 16 the reply comes byte by byte, 32 the sender is not ASCII, 64 REQUIRETLS is wanted,
 * 128 DSN is wanted. The second is the size of the mail, as a power of 2.
 */
#include "harness.h"
#include "postmodem/error.h"
#include "smtp/capabilities.h"

enum { LINES = 200, INPUT_SIZE = 16384, REPLY_SIZE = INPUT_SIZE + 8 * LINES, COMMAND_SIZE = 512 };

/* ---- The slow reader ---- */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - 'a' + 'A') : byte;
}

/* True when the line begins with `word` in any case. */
static bool begins(struct pm_slice line, const char *word)
{
    size_t i = 0;
    while (word[i] != '\0' && i < line.len && upper(line.ptr[i]) == (uint8_t)word[i]) {
        i++;
    }
    return word[i] == '\0';
}

/* Word `n` of a line, empty: there are not so many. */
static struct pm_slice word_of(struct pm_slice line, size_t n)
{
    size_t at = 0;
    for (;;) {
        while (at < line.len && is_blank(line.ptr[at])) {
            at++;
        }
        size_t start = at;
        while (at < line.len && !is_blank(line.ptr[at])) {
            at++;
        }
        if (n == 0 || at == start) {
            return (struct pm_slice){line.ptr + start, at - start};
        }
        n--;
    }
}

static bool is_word(struct pm_slice word, const char *wanted)
{
    return word.len == strlen(wanted) && begins(word, wanted);
}

static uint64_t limit_of(struct pm_slice word)
{
    uint64_t value = 0;
    for (size_t i = 0; i < word.len; i++) {
        uint64_t more = 0;
        if (word.ptr[i] < '0' || word.ptr[i] > '9' || __builtin_mul_overflow(value, 10, &more) ||
            __builtin_add_overflow(more, word.ptr[i] - '0', &value)) {
            return 0;
        }
    }
    return value;
}

static uint8_t mechanism_of(struct pm_slice word)
{
    static const char *const names[] = {"EXTERNAL",      "SCRAM-SHA-256-PLUS",
                                        "SCRAM-SHA-256", "OAUTHBEARER",
                                        "XOAUTH2",       "PLAIN",
                                        "LOGIN",         "CRAM-MD5"};
    for (unsigned i = 0; i < 8; i++) {
        if (is_word(word, names[i])) {
            return (uint8_t)(1u << i);
        }
    }
    return 0;
}

static void read_slowly(struct pm_smtp_capabilities *all, struct pm_slice line)
{
    struct pm_slice first = word_of(line, 0);
    size_t from = 1;
    all->starttls |= is_word(first, "STARTTLS");
    all->pipelining |= is_word(first, "PIPELINING");
    all->eight_bit |= is_word(first, "8BITMIME");
    all->chunking |= is_word(first, "CHUNKING");
    all->utf8 |= is_word(first, "SMTPUTF8");
    all->dsn |= is_word(first, "DSN");
    all->require_tls |= is_word(first, "REQUIRETLS");
    if (is_word(first, "SIZE")) {
        all->size = true;
        all->size_limit = limit_of(word_of(line, 1));
    }
    if (begins(first, "AUTH=")) { /* What stands right behind the sign is the first of the list. */
        size_t skip = (size_t)(first.ptr - line.ptr) + 5;
        line = (struct pm_slice){line.ptr + skip, line.len - skip};
        from = 0;
    } else if (!is_word(first, "AUTH")) {
        return;
    }
    all->auth = true;
    for (size_t n = from; word_of(line, n).len > 0; n++) {
        all->mechanisms |= mechanism_of(word_of(line, n));
    }
}

static void require_same(const struct pm_smtp_capabilities *a, const struct pm_smtp_capabilities *b)
{
    REQUIRE(a->size_limit == b->size_limit && a->mechanisms == b->mechanisms);
    REQUIRE(a->auth == b->auth && a->size == b->size && a->starttls == b->starttls);
    REQUIRE(a->pipelining == b->pipelining && a->chunking == b->chunking);
    REQUIRE(a->eight_bit == b->eight_bit && a->utf8 == b->utf8);
    REQUIRE(a->dsn == b->dsn && a->require_tls == b->require_tls);
}

/* ---- The reply ---- */

struct reply {
    uint8_t bytes[REPLY_SIZE];
    size_t len;
    bool legal; /* every line can stand in a reply, and there are not too many */
    struct pm_smtp_capabilities expected;
};

static void add(struct reply *reply, const void *bytes, size_t len)
{
    REQUIRE(reply->len + len <= sizeof reply->bytes);
    memcpy(reply->bytes + reply->len, bytes, len);
    reply->len += len;
}

static void add_line(struct reply *reply, struct pm_slice line)
{
    struct pm_smtp_capabilities alone[2] = {{0}, {0}};
    read_slowly(&alone[0], line);
    pm__smtp_capability(&alone[1], line);
    require_same(&alone[0], &alone[1]);
    /* A CR before the line end belongs to the line end. */
    size_t len = line.len > 0 && line.ptr[line.len - 1] == '\r' ? line.len - 1 : line.len;
    read_slowly(&reply->expected, (struct pm_slice){line.ptr, len});
    add(reply, "250-", 4);
    add(reply, line.ptr, line.len);
    add(reply, "\n", 1);
    /* The buffer of a line takes code, separator and the CR as well. */
    reply->legal = reply->legal && 4 + line.len <= PM_SMTP_LINE_SIZE &&
                   (line.len == 0 || memchr(line.ptr, 0, line.len) == NULL);
}

static void make_reply(struct reply *reply, const uint8_t *data, size_t size)
{
    size_t lines = 2;
    memset(reply, 0, sizeof *reply);
    reply->legal = true;
    add(reply, "250-mx STARTTLS\r\n", 17); /* the first line is a greeting, whatever it says */
    while (size > 0 && lines < LINES) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end != NULL ? (size_t)(end - data) : size;
        add_line(reply, (struct pm_slice){data, len});
        size_t used = end != NULL ? len + 1 : len;
        data += used;
        size -= used;
        lines++;
    }
    add(reply, "250 HELP\r\n", 10);
    reply->legal = reply->legal && lines <= PM_SMTP_MAX_LINES;
}

/* ---- The dialogue ---- */

struct client {
    struct pm_smtp smtp;
    struct pm_smtp_config config;
    uint16_t error;
    bool done, asked; /* the owner was asked for cryptography */
    char command[COMMAND_SIZE];
};

/* Takes events and output; the last command line that left stays in `command`. */
static void pump(struct client *client)
{
    struct pm_smtp_event event;
    const uint8_t *out;
    while (pm_smtp_next_event(&client->smtp, &event, 0) != PM_SMTP_EV_NONE) {
        if (event.kind == PM_SMTP_EV_DONE) {
            REQUIRE(!client->done);
            client->done = true;
            client->error = event.error;
        } else if (event.kind == PM_SMTP_EV_RECIPIENT) {
            pm_smtp_recipient(&client->smtp, slice_of("to@example.net"));
        }
        client->asked = client->asked || event.kind == PM_SMTP_EV_CRYPTO;
    }
    size_t n = pm_smtp_output(&client->smtp, &out);
    if (n > 0) {
        REQUIRE(n < sizeof client->command && memchr(out, 0, n) == NULL);
        memcpy(client->command, out, n);
        client->command[n] = '\0';
        pm_smtp_output_ack(&client->smtp, n, 0);
    }
}

static void converse(struct client *client, const struct reply *reply, bool byte_by_byte)
{
    pm_smtp_init(&client->smtp, &client->config, 0);
    pm_smtp_input(&client->smtp, (const uint8_t *)"220 mx\r\n", 8, 0);
    pump(client);
    REQUIRE(strcmp(client->command, "EHLO me.example\r\n") == 0);
    client->command[0] = '\0';
    size_t step = byte_by_byte ? 1 : reply->len;
    for (size_t at = 0; at < reply->len && !client->done; at += step) {
        pm_smtp_input(&client->smtp, reply->bytes + at, step, 0);
        pump(client);
    }
}

static void require_command(const struct client *client, const char *start)
{
    REQUIRE(strncmp(client->command, start, strlen(start)) == 0);
}

/* True when the group that MAIL begins, which has room for all here, has `command`. */
static bool grouped(const struct client *client, const char *command)
{
    return strstr(client->command, command) != NULL;
}

static uint16_t refusal(const struct client *client, const struct pm_smtp_capabilities *offered)
{
    const struct pm_smtp_config *config = &client->config;
    if (config->require_tls && !(offered->require_tls && config->tls)) {
        return PM_MAIL_SSL;
    }
    if (offered->size_limit != 0 && config->message_size > offered->size_limit) {
        return PM_MAIL_ALLOCATION;
    }
    return config->international && !(offered->utf8 && offered->eight_bit) ? PM_MAIL_MAILBOX_NAME
                                                                           : 0;
}

static void judge_mail(const struct client *client, const struct pm_smtp_capabilities *offered)
{
    const struct pm_smtp_config *config = &client->config;
    const bool bdat = offered->chunking && config->message_size <= PM_SMTP_GROUP_SIZE;
    require_command(client, "MAIL FROM:<");
    REQUIRE(grouped(client, " SIZE=") == offered->size);
    REQUIRE(grouped(client, " BODY=8BITMIME") == offered->eight_bit);
    REQUIRE(grouped(client, " SMTPUTF8") == config->international);
    REQUIRE(grouped(client, " REQUIRETLS") == config->require_tls);
    REQUIRE(grouped(client, " RET=HDRS") == (offered->dsn && config->notify != 0));
    REQUIRE(grouped(client, "\r\nRCPT TO:<") == offered->pipelining);
    REQUIRE(grouped(client, " NOTIFY=FAILURE") ==
            (offered->pipelining && offered->dsn && config->notify != 0));
    REQUIRE(grouped(client, "\r\nDATA\r\n") == (offered->pipelining && !offered->chunking));
    REQUIRE(grouped(client, "\r\nBDAT ") == (offered->pipelining && bdat));
}

/* The mechanisms that these settings leave of those offered: without a certificate or tokens. */
static unsigned usable(const struct pm_smtp_config *config, unsigned offered)
{
    const unsigned hiding = PM_SMTP_SCRAM_SHA_256 | PM_SMTP_CRAM_MD5;
    const unsigned showing = PM_SMTP_PLAIN | PM_SMTP_LOGIN;
    if (config->tls) {
        return offered & (hiding | showing | PM_SMTP_SCRAM_SHA_256_PLUS);
    }
    bool never = config->clear_auth == PM_SMTP_CLEAR_AUTH_NEVER || (offered & hiding) != 0;
    return offered & (never ? hiding : hiding | showing);
}

static void judge_auth(const struct client *client, const struct pm_smtp_capabilities *offered)
{
    static const struct {
        unsigned bit;
        const char *command;
    } later[] = {{PM_SMTP_PLAIN, "AUTH PLAIN "},
                 {PM_SMTP_LOGIN, "AUTH LOGIN\r\n"},
                 {PM_SMTP_CRAM_MD5, "AUTH CRAM-MD5\r\n"}};
    unsigned left = usable(&client->config, offered->mechanisms);
    REQUIRE(client->asked == ((left & (PM_SMTP_SCRAM_SHA_256 | PM_SMTP_SCRAM_SHA_256_PLUS)) != 0));
    if (client->asked) { /* The nonce or the channel binding is waited for. */
        REQUIRE(client->command[0] == '\0');
        return;
    }
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        if ((left & later[i].bit) != 0) {
            require_command(client, later[i].command);
            return;
        }
    }
    REQUIRE(client->done && client->error == PM_MAIL_AUTH_TYPE);
}

static void judge(const struct client *client, const struct reply *reply)
{
    const struct pm_smtp_capabilities *offered = &reply->expected;
    if (!reply->legal) {
        REQUIRE(client->done && client->error == PM_MAIL_SEND);
        return;
    }
    require_same(&client->smtp.capabilities, offered);
    if (client->config.starttls && !client->config.tls) {
        REQUIRE(client->done == !offered->starttls);
        REQUIRE(!client->done || client->error == PM_MAIL_SSL);
        require_command(client, client->done ? "QUIT\r\n" : "STARTTLS\r\n");
    } else if (refusal(client, offered) != 0) {
        REQUIRE(client->done && client->error == refusal(client, offered));
    } else if (client->config.username.len > 0 && offered->auth) {
        judge_auth(client, offered);
    } else {
        judge_mail(client, offered);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply reply;
    static struct client client;
    if (size < 2 || size > INPUT_SIZE) {
        return 0;
    }
    memset(&client, 0, sizeof client);
    client.config.ehlo_name = slice_of("me.example");
    client.config.international = (data[0] & 32) != 0;
    client.config.sender =
        slice_of((data[0] & 32) != 0 ? "fr\xC3\xB6m@example.com" : "from@example.com");
    client.config.require_tls = (data[0] & 64) != 0;
    client.config.notify = (data[0] & 128) != 0 ? PM_SMTP_NOTIFY_FAILURE : 0;
    client.config.username = slice_of((data[0] & 4) != 0 ? "someone" : "");
    client.config.password = slice_of("K1:tr!cky-pass");
    client.config.starttls = (data[0] & 1) != 0;
    client.config.tls = (data[0] & 2) != 0;
    client.config.clear_auth =
        (data[0] & 8) != 0 ? PM_SMTP_CLEAR_AUTH_NEVER : PM_SMTP_CLEAR_AUTH_ALLOW;
    client.config.body_8bit = true;
    client.config.recipients = 1;
    client.config.message_size = UINT64_C(1) << data[1] % 64;
    make_reply(&reply, data + 2, size - 2);
    converse(&client, &reply, (data[0] & 16) != 0);
    judge(&client, &reply);
    pm_smtp_wipe(&client.smtp);
    return 0;
}
