/* SPDX-License-Identifier: MIT */
/*
 * A hostile SMTP server, and up to MAILS mails, one after the other. The first two bytes choose
 * the settings; the rest is what the server sends, with these bytes standing for something else:
 *   1  a cut: what came before is one piece of input
 *   2  a second passes         3  the engine's deadline passes
 *   4  the connection is lost  5  a piece of the body is sent
 *   6  the body ends           7  one byte of output leaves; all leaves after each LF, and by 12
 *   8  the next mail, on the kept connection or on a new one
 *  11  what the engine asked the owner for is there (else it is at once)
 *  14  the owner leaves the kept connection
 *  15  the body ends where it is, perhaps amid a line
 * Settings, as bits: 1 STARTTLS, 2 TLS, 4 any recipient, 8 no password in clear, 16 no user,
 * 32 many recipients, 64 a token, 128 a certificate; 1 the connection is kept, 2 no PIPELINING,
 * 4 no CHUNKING, 8 the size is not known, 16 the owner takes its time, 32 REQUIRETLS, 64 DSN,
 * 128 one recipient.
 *
 * smtp_reader.c stands for an honest server that gets the same bytes and has said the same. No mail
 * may reach it twice, over all connections, when the owner sends again what the engine calls
 * untouched; and what the engine says became of a mail must be what became of it.
 */
#include "postmodem/error.h"
#include "postmodem/smtp.h"
#include "smtp_reader.h"

#define PASSWORD "K1:tr!cky-pass"
#define TOKEN    "ya29.fuzzed-token"
#define USER     "someone@example.com"

/* What the owner sends, and how it should arrive. */
static const uint8_t typed[] = ".a\r\n.\r\nb\r.\n";
static const char message[] = ".a\r\n.\r\nb\r\n.\r\n";
enum { TYPED = sizeof typed - 1, MESSAGE = sizeof message - 1, MAILS = 4, PIECE = 5 };

struct owner {
    struct pm_smtp smtp;
    struct pm_smtp_config config;
    struct smtp_reader server;
    char sender[40];
    uint64_t now;
    unsigned mails;             /* begun so far */
    bool reused;                /* the present mail is not the first on its connection */
    bool holds;                 /* answers wait for byte 11 */
    struct pm_smtp_event asked; /* and belong to this */
    bool done;                  /* the present mail has its result */
    bool kept;                  /* the connection is open for the next mail */
    bool again;                 /* the mail goes over a new connection */
    bool body;                  /* asked for, and not ended */
    bool closed;
    size_t given; /* of what is typed, from its start again when all was */
};

static bool is_secure(const struct owner *owner)
{
    return owner->config.tls || owner->server.secure;
}

static bool demands_tls(const struct owner *owner)
{
    return owner->config.starttls && !is_secure(owner);
}

/* ---- What the engine may say ---- */

/* What may be logged as sent. */
static void check_sent(const struct owner *owner, struct pm_slice line)
{
    REQUIRE(memchr(line.ptr, '\r', line.len) == NULL && memchr(line.ptr, '\n', line.len) == NULL);
    REQUIRE(!slice_holds(line, PASSWORD) && !slice_holds(line, TOKEN));
    if (demands_tls(owner)) {
        REQUIRE(slice_holds(line, "EHLO ") || slice_holds(line, "HELO ") ||
                slice_holds(line, "STARTTLS") || slice_holds(line, "QUIT"));
    }
}

/* No secret stays where the engine keeps what it sends and what it computes. */
static void check_forgotten(const struct pm_smtp *smtp)
{
    struct pm_slice out = {smtp->out.buf, sizeof smtp->out.buf};
    struct pm_slice auth = {(const uint8_t *)&smtp->auth, sizeof smtp->auth};
    REQUIRE(!slice_holds(out, "SzE6dHIhY2t5LXBhc3M") && !slice_holds(auth, PASSWORD));
    REQUIRE(smtp->config.password.ptr == NULL && smtp->config.sender.ptr == NULL);
}

/* The result of a mail against what the server has of it. */
static void check_result(const struct owner *owner, const struct pm_smtp_event *event)
{
    const struct smtp_reader *server = &owner->server;
    bool unknown = pm_smtp_unknown(&owner->smtp);
    bool taken = server->complete && server->answer / 100 == 2;
    bool refused = smtp_reader_refuses(server) || server->closing != 0 || server->answer >= 400;
    REQUIRE(event->error == 0 || (event->error >= 651 && event->error <= 682));
    REQUIRE(event->code == 0 || (event->code >= 400 && event->code <= 599));
    REQUIRE(event->error != 0 || (taken && event->code == 0 && !unknown));
    REQUIRE(event->error == 0 || !taken || refused);
    REQUIRE(unknown || !server->complete || taken || refused);
    /* Who has the whole message may take it, but for one who said 421 in place of an answer. */
    bool begun = server->complete || server->mail_refused;
    REQUIRE(!event->untouched || (owner->reused && !server->mail_ok));
    /* 530 asks for a login, and refuses the mail until then. */
    bool logged_out =
        server->mail_refused && event->code == 530 && (!server->complete || server->answer >= 400);
    REQUIRE(!event->untouched || !begun || server->closing != 0 || logged_out);
}

static void check_done(struct owner *owner, const struct pm_smtp_event *event)
{
    const uint8_t *out;
    size_t n = pm_smtp_output(&owner->smtp, &out);
    REQUIRE(!owner->done);
    check_result(owner, event);
    REQUIRE(n == (event->graceful ? 6u : 0u) && (n == 0 || memcmp(out, "QUIT\r\n", 6) == 0));
    REQUIRE(!event->kept || (owner->config.keep && !event->graceful && !event->untouched));
    REQUIRE(event->kept || pm_smtp_deadline(&owner->smtp) == PM_NEVER);
    if (event->kept) {
        check_forgotten(&owner->smtp);
    }
    owner->done = true;
    owner->kept = event->kept;
    owner->again = event->untouched;
    owner->body = false;
}

static void check_leave(struct owner *owner, const struct pm_smtp_event *event)
{
    const uint8_t *out;
    size_t n = pm_smtp_output(&owner->smtp, &out);
    REQUIRE(owner->done && owner->kept);
    REQUIRE(n == (event->graceful ? 6u : 0u) && (n == 0 || memcmp(out, "QUIT\r\n", 6) == 0));
    REQUIRE(!pm_smtp_again(&owner->smtp, &owner->config, owner->now));
    owner->kept = false;
}

/* ---- The owner's answers ---- */

static void give_recipient(struct owner *owner, uint16_t index)
{
    char address[40];
    (void)snprintf(address, sizeof address, "to%u-%u@example.net", owner->mails, index);
    pm_smtp_recipient(&owner->smtp, slice_of(address));
}

static void give_answer(struct owner *owner)
{
    static const uint8_t result[32] = {1, 2, 3};
    const struct pm_smtp_event asked = owner->asked;
    owner->asked.kind = PM_SMTP_EV_NONE;
    switch (asked.kind) {
    case PM_SMTP_EV_RECIPIENT: give_recipient(owner, asked.index); break;
    case PM_SMTP_EV_STARTTLS:
        owner->server.secure = true;
        pm_smtp_secured(&owner->smtp, owner->now);
        break;
    case PM_SMTP_EV_CRYPTO:
        pm_smtp_crypto(&owner->smtp, owner->now % 2000 != 0 ? NULL : result, owner->now);
        break;
    case PM_SMTP_EV_TOKEN: pm_smtp_token(&owner->smtp, slice_of(TOKEN), owner->now); break;
    default: break;
    }
}

static void check_asked(const struct owner *owner, const struct pm_smtp_event *event)
{
    switch (event->kind) {
    case PM_SMTP_EV_RECIPIENT: REQUIRE(event->index < owner->config.recipients); break;
    case PM_SMTP_EV_STARTTLS: REQUIRE(demands_tls(owner)); break;
    case PM_SMTP_EV_CRYPTO:
        REQUIRE(event->data.len <= PM_SMTP_OUT_SIZE && !demands_tls(owner));
        REQUIRE(event->crypto != PM_SMTP_PBKDF2 ||
                (event->count >= 4096 && event->count <= 1000000));
        break;
    default:
        REQUIRE(owner->config.token && is_secure(owner));
        REQUIRE(event->index <= 1);
        break;
    }
}

static void answer(struct owner *owner, const struct pm_smtp_event *event)
{
    REQUIRE(!owner->done || owner->kept);
    switch (event->kind) {
    case PM_SMTP_EV_SENT:
        owner->server.lines_told++;
        check_sent(owner, event->data);
        break;
    case PM_SMTP_EV_REPLY: /* What is redacted for the log, the server has said all the same. */
        REQUIRE(!slice_holds(event->data, "\n"));
        smtp_reader_line(&owner->server);
        break;
    case PM_SMTP_EV_RECIPIENT:
    case PM_SMTP_EV_STARTTLS:
    case PM_SMTP_EV_CRYPTO:
    case PM_SMTP_EV_TOKEN:
        check_asked(owner, event);
        owner->asked = *event;
        if (!owner->holds) {
            give_answer(owner);
        }
        break;
    case PM_SMTP_EV_BODY:
        REQUIRE(!demands_tls(owner) && !owner->body);
        owner->body = true;
        owner->given = 0;
        break;
    case PM_SMTP_EV_REFUSED:
        REQUIRE(event->code >= 400 && event->code <= 599);
        REQUIRE(event->index < owner->config.recipients);
        break;
    case PM_SMTP_EV_DONE: check_done(owner, event); break;
    case PM_SMTP_EV_LEAVE: check_leave(owner, event); break;
    default: abort();
    }
}

/* ---- The owner's work ---- */

static void connect_again(struct owner *owner);

/* Each event stands for one input line or one command; input is bounded, so are commands. */
static void pump(struct owner *owner, size_t input)
{
    struct pm_smtp_event event;
    size_t events = 0;
    while (pm_smtp_next_event(&owner->smtp, &event, owner->now) != PM_SMTP_EV_NONE) {
        REQUIRE(++events < 8 * (input + owner->config.recipients + 16u));
        answer(owner, &event);
    }
    REQUIRE(!(owner->server.unasked || owner->server.broken) || (owner->done && !owner->kept));
    if (owner->again) {
        owner->again = false;
        connect_again(owner);
    }
}

static void tell_server(struct owner *owner)
{
    struct smtp_reader *server = &owner->server;
    server->demands_tls = owner->config.starttls && !owner->config.tls;
    server->secure = owner->config.tls;
    server->no_clear_auth = owner->config.clear_auth == PM_SMTP_CLEAR_AUTH_NEVER;
    server->no_account = owner->config.username.len == 0;
    server->any_recipient = owner->config.any_recipient;
    server->recipients = owner->config.recipients;
    server->message = message;
    server->message_size = MESSAGE;
    server->group_size = PM_SMTP_GROUP_SIZE;
}

static void begin_mail(struct owner *owner)
{
    smtp_reader_mail(&owner->server, owner->mails);
    owner->asked.kind = PM_SMTP_EV_NONE;
    owner->done = owner->body = false;
}

static void connect_again(struct owner *owner)
{
    smtp_reader_connect(&owner->server);
    tell_server(owner);
    begin_mail(owner);
    owner->closed = owner->kept = owner->reused = false;
    pm_smtp_init(&owner->smtp, &owner->config, owner->now);
    pump(owner, 0);
}

static void next_mail(struct owner *owner)
{
    if (!owner->done) {
        REQUIRE(!pm_smtp_again(&owner->smtp, &owner->config, owner->now));
        return;
    }
    if (owner->mails == MAILS) {
        return;
    }
    owner->mails++;
    (void)snprintf(owner->sender, sizeof owner->sender, "from%u@example.com", owner->mails);
    owner->config.sender = slice_of(owner->sender);
    if (pm_smtp_again(&owner->smtp, &owner->config, owner->now)) {
        REQUIRE(owner->kept && !owner->closed);
        begin_mail(owner);
        owner->kept = false;
        owner->reused = true;
        pump(owner, 0);
    } else {
        connect_again(owner);
    }
}

static void leave(struct owner *owner, size_t most)
{
    const uint8_t *out;
    size_t n = owner->closed ? 0 : pm_smtp_output(&owner->smtp, &out);
    while (n > 0 && most > 0) {
        REQUIRE(n <= PM_SMTP_OUT_SIZE);
        n = n < most ? n : most;
        most -= n;
        smtp_reader_takes(&owner->server, out, n);
        pm_smtp_output_ack(&owner->smtp, n, owner->now);
        pump(owner, 0);
        n = owner->closed ? 0 : pm_smtp_output(&owner->smtp, &out);
    }
}

static void send_piece(struct owner *owner, size_t most)
{
    uint8_t out[8];
    size_t used;
    size_t end = owner->given + most < TYPED ? owner->given + most : TYPED;
    while (owner->given < end) {
        size_t n = pm_smtp_body(&owner->smtp, typed + owner->given, end - owner->given, &used, out,
                                sizeof out);
        REQUIRE(n <= sizeof out && (n > 0 || used > 0));
        smtp_reader_takes(&owner->server, out, n);
        owner->given += used;
    }
    pm_smtp_body_progress(&owner->smtp, owner->now);
}

static void end_body(struct owner *owner)
{
    owner->body = false;
    owner->server.message_ended = true;
    pm_smtp_body_end(&owner->smtp, owner->now);
    pump(owner, 0);
    leave(owner, SIZE_MAX);
}

/* A piece of the body where `most` is so, and its end where that is wanted. */
static void send_body(struct owner *owner, size_t most, bool end)
{
    const uint8_t *commands;
    if (!owner->body || owner->closed || pm_smtp_output(&owner->smtp, &commands) != 0) {
        return;
    }
    send_piece(owner, most);
    if (end) {
        end_body(owner);
    } else if (owner->given == TYPED) {
        owner->given = 0;
    }
}

static void give(struct owner *owner, const uint8_t *from, const uint8_t *to)
{
    if (to > from && !owner->closed) {
        smtp_reader_says(&owner->server, from, (size_t)(to - from));
        pm_smtp_input(&owner->smtp, from, (size_t)(to - from), owner->now);
        pump(owner, (size_t)(to - from));
        smtp_reader_said(&owner->server);
    }
}

static void act(struct owner *owner, uint8_t byte)
{
    uint64_t deadline = pm_smtp_deadline(&owner->smtp);
    switch (byte) {
    case 2: owner->now += 1000; break;
    case 3: owner->now = deadline == PM_NEVER ? owner->now : deadline; break;
    case 4:
        owner->closed = true;
        pm_smtp_closed(&owner->smtp, owner->now);
        break;
    case 5: send_body(owner, PIECE, false); break;
    case 6: send_body(owner, TYPED, true); break;
    case 15: send_body(owner, 0, true); break;
    case 7: leave(owner, 1); break;
    case 8: next_mail(owner); break;
    case 11: give_answer(owner); break;
    case 14: pm_smtp_leave(&owner->smtp, owner->now); break;
    case 12:
    case '\n': leave(owner, SIZE_MAX); break;
    default: break;
    }
    pm_smtp_tick(&owner->smtp, owner->now);
    pump(owner, 0);
}

static uint16_t recipients_of(uint8_t flags, uint8_t more)
{
    if ((flags & 32) != 0) {
        return 300;
    }
    return (more & 128) != 0 ? 1 : 2;
}

static void configure(struct owner *owner, uint8_t flags, uint8_t more)
{
    struct pm_smtp_config *config = &owner->config;
    config->ehlo_name = slice_of("me.example");
    config->username = slice_of((flags & 16) != 0 ? "" : USER);
    config->password = slice_of(PASSWORD);
    config->starttls = (flags & 1) != 0;
    config->tls = (flags & 2) != 0;
    config->any_recipient = (flags & 4) != 0;
    config->clear_auth = (flags & 8) != 0 ? PM_SMTP_CLEAR_AUTH_NEVER : PM_SMTP_CLEAR_AUTH_ALLOW;
    config->recipients = recipients_of(flags, more);
    config->token = (flags & 64) != 0;
    config->external = (flags & 128) != 0;
    config->keep = (more & 1) != 0;
    config->no_pipelining = (more & 2) != 0;
    config->no_chunking = (more & 4) != 0;
    config->message_size = (more & 8) != 0 ? 0 : MESSAGE;
    owner->holds = (more & 16) != 0;
    config->require_tls = (more & 32) != 0;
    config->notify = (more & 64) != 0 ? PM_SMTP_NOTIFY_FAILURE | PM_SMTP_NOTIFY_DELAY : 0;
    config->envelope_id = slice_of("an=id");
}

static bool is_act(uint8_t byte)
{
    return byte == '\n' || (byte >= 1 && byte <= 8) || byte == 11 || byte == 12 || byte == 14 ||
           byte == 15;
}

/* The connections that are still to come end at once. */
static void end(struct owner *owner)
{
    for (unsigned i = 0; i < 2; i++) {
        owner->closed = true;
        pm_smtp_closed(&owner->smtp, owner->now);
        pump(owner, 0);
    }
    REQUIRE(owner->done && !owner->kept);
    pm_smtp_wipe(&owner->smtp);
    pump(owner, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct owner owner;
    if (size < 2 || size > SMTP_READER_INPUT) {
        return 0;
    }
    memset(&owner, 0, sizeof owner);
    configure(&owner, data[0], data[1]);
    owner.done = true;
    next_mail(&owner);
    const uint8_t *stop = data + size;
    const uint8_t *piece = data + 2;
    for (const uint8_t *at = piece; at < stop; at++) {
        if (is_act(*at)) {
            give(&owner, piece, *at == '\n' ? at + 1 : at);
            act(&owner, *at);
            piece = at + 1;
        }
    }
    give(&owner, piece, stop);
    end(&owner);
    return 0;
}
