/* SPDX-License-Identifier: MIT */
/*
 * A server that knows every mechanism, and lies where the input says so. The first byte: 1 TLS,
 * 2 tokens, 4 a certificate, 8 no password in clear, 16 the connection cannot be bound, 32 a token
 * that no line holds, 64 none that is new, 128 one that is none; the second are the mechanisms on
 * offer. Then one step for each line of the client, told by its first byte:
 *   0  what is right            1  the same, with some bytes changed: count, then place and value
 *   2  length, bytes: a challenge of these        3  the same, not encoded
 *   4  length, bytes: a line of these             5  a refusal: which
 *   6  success, at once         7  a refusal that repeats what the client said, and its secrets
 * The client must say nothing but what the mechanism allows, show no secret in its log, come to an
 * end, and send no mail to a server of SCRAM that has not proved to know the password.
 */
#include "base/base64.h"
#include "harness.h"
#include "host/crypto.h"
#include "postmodem/smtp.h"

#define USER         "some,one=@example.com"
#define PASSWORD     "K1:tr!cky-pass"
#define TOKEN        "ya29.fuzzed-token"
#define CHALLENGE    "<1896.697170952@mx>"
#define SALT         "c2FsdCBvZiB0aGUgZWFydGg="
#define SERVER_NONCE "hvYDpWUa2RaTCAfuxFI"

enum {
    LONG_TOKEN = 5000,
    TEXT_SIZE = 8192,
    LINE_SIZE = 2 * TEXT_SIZE,
    MOST_ATTEMPTS = 9,
    MOST_LINES = 5,
    KEY = 32
};

struct string {
    char text[TEXT_SIZE + 1];
    size_t len;
};

struct session {
    struct pm_smtp smtp;
    struct pm_smtp_config config;
    const uint8_t *data, *end;
    char line[LINE_SIZE]; /* of the client, without its end */
    size_t line_len;
    unsigned offered, attempts, lines; /* lines: of this attempt, without AUTH */
    char mechanism[32];
    struct string first, challenge, final; /* of SCRAM, as they were sent */
    uint8_t salted[KEY];
    bool plain_challenge; /* the challenge was sent as it should be */
    bool proved;          /* the right server signature was sent */
    bool repeats;         /* the server sends back what it should not show */
    bool cannot_bind, cancelled, mail, done;
    bool long_token, old_token, bad_token;
    bool bare; /* AUTH said the mechanism alone */
};

static uint8_t next(struct session *session)
{
    return session->data < session->end ? *session->data++ : 0;
}

static struct pm_slice next_bytes(struct session *session)
{
    size_t len = next(session);
    size_t left = (size_t)(session->end - session->data);
    struct pm_slice bytes = {session->data, len < left ? len : left};
    session->data += bytes.len;
    return bytes;
}

static void hmac(enum pm_hmac kind, struct pm_slice key, struct pm_slice data, uint8_t *out)
{
    REQUIRE(pm_crypto_hmac(kind, key, data, out) == PM_OK);
}

static void set(struct string *string, const void *bytes, size_t len)
{
    REQUIRE(len <= TEXT_SIZE);
    memcpy(string->text, bytes, len);
    string->text[len] = '\0';
    string->len = len;
}

static void decode(struct string *string, const char *text, size_t len)
{
    string->len = 0;
    REQUIRE(pm__base64_decode((const uint8_t *)text, len, (uint8_t *)string->text, TEXT_SIZE,
                              &string->len));
    string->text[string->len] = '\0';
}

/* ---- What the client may say ---- */

static bool speaks(const struct session *session, const char *mechanism)
{
    return strcmp(session->mechanism, mechanism) == 0;
}

static bool is_scram(const struct session *session)
{
    return strncmp(session->mechanism, "SCRAM-", 6) == 0;
}

static void require_secretless(struct pm_slice line)
{
    static const char *const secrets[] = {PASSWORD, TOKEN, "SzE6dHIhY2t5LXBhc3M", NULL};
    for (size_t i = 0; secrets[i] != NULL; i++) {
        REQUIRE(!slice_holds(line, secrets[i]));
    }
}

/* A new attempt: of what was offered, and fit for the connection. */
static void begin_attempt(struct session *session)
{
    size_t len = strcspn(session->line + 5, " ");
    unsigned bit = pm_smtp_mechanism((struct pm_slice){(const uint8_t *)session->line + 5, len});
    const unsigned under_tls =
        PM_SMTP_EXTERNAL | PM_SMTP_SCRAM_SHA_256_PLUS | PM_SMTP_OAUTHBEARER | PM_SMTP_XOAUTH2;
    const unsigned showing = PM_SMTP_PLAIN | PM_SMTP_LOGIN;
    const unsigned tokens = PM_SMTP_OAUTHBEARER | PM_SMTP_XOAUTH2;
    REQUIRE((bit & session->offered) != 0 && len < sizeof session->mechanism);
    REQUIRE(session->config.tls || (bit & under_tls) == 0);
    REQUIRE(session->config.tls || (bit & showing) == 0 ||
            session->config.clear_auth == PM_SMTP_CLEAR_AUTH_ALLOW);
    REQUIRE((bit & tokens) == 0 || session->config.token);
    REQUIRE(!session->config.token || (bit & (tokens | PM_SMTP_EXTERNAL)) != 0);
    REQUIRE(bit != PM_SMTP_EXTERNAL || session->config.external);
    REQUIRE(++session->attempts <= MOST_ATTEMPTS);
    memcpy(session->mechanism, session->line + 5, len);
    session->mechanism[len] = '\0';
    session->lines = 0;
    session->bare = session->line[5 + len] == '\0';
    session->first.len = session->challenge.len = session->final.len = 0;
    session->plain_challenge = session->proved = session->cancelled = false;
}

/* The secret goes in no mechanism but those that are made of it. */
static void check_line(struct session *session)
{
    struct pm_slice line = {(const uint8_t *)session->line, session->line_len};
    REQUIRE(!slice_holds(line, PASSWORD) && !slice_holds(line, TOKEN) &&
            memchr(line.ptr, 0, line.len) == NULL);
    if (strncmp(session->line, "AUTH ", 5) == 0) {
        begin_attempt(session);
    } else if (strncmp(session->line, "MAIL FROM:", 10) == 0) {
        REQUIRE(!is_scram(session) || session->proved);
        REQUIRE(!session->cancelled);
        session->mail = true;
    } else if (session->mechanism[0] != '\0' && strcmp(session->line, "QUIT") != 0) {
        REQUIRE(++session->lines <= MOST_LINES);
        session->cancelled = session->cancelled || strcmp(session->line, "*") == 0;
    }
    if (session->mechanism[0] != '\0' && !speaks(session, "LOGIN")) {
        REQUIRE(!slice_holds(line, "SzE6dHIhY2t5LXBhc3M"));
    }
}

/* ---- What the server should say ---- */

/* What the client has said in SCRAM, and the signature that answers it. */
static void sign(struct session *session, const char *key, uint8_t out[KEY])
{
    static char message[3 * TEXT_SIZE];
    const char *bare = strstr(session->first.text, "n=");
    const char *proof = strstr(session->final.text, ",p=");
    uint8_t made[KEY];
    REQUIRE(bare != NULL && proof != NULL);
    int len =
        snprintf(message, sizeof message, "%s,%.*s,%.*s", bare, (int)session->challenge.len,
                 session->challenge.text, (int)(proof - session->final.text), session->final.text);
    REQUIRE(len > 0 && (size_t)len < sizeof message);
    hmac(PM_HMAC_SHA256, (struct pm_slice){session->salted, KEY}, slice_of(key), made);
    if (strcmp(key, "Client Key") == 0) {
        REQUIRE(pm_crypto_hash((struct pm_slice){made, KEY}, made) == PM_OK);
    }
    hmac(PM_HMAC_SHA256, (struct pm_slice){made, KEY},
         (struct pm_slice){(const uint8_t *)message, (size_t)len}, out);
}

/* ClientProof is ClientKey under ClientSignature (RFC 5802 section 3). */
static void check_proof(struct session *session)
{
    struct string proof;
    uint8_t key[KEY];
    uint8_t signature[KEY];
    const char *given = strstr(session->final.text, ",p=");
    REQUIRE(given != NULL);
    decode(&proof, given + 3, strlen(given + 3));
    REQUIRE(proof.len == KEY);
    sign(session, "Client Key", signature);
    hmac(PM_HMAC_SHA256, (struct pm_slice){session->salted, KEY}, slice_of("Client Key"), key);
    for (size_t i = 0; i < KEY; i++) {
        REQUIRE(((uint8_t)proof.text[i] ^ signature[i]) == key[i]);
    }
}

static void scram_first(struct session *session, struct string *answer)
{
    const char *nonce = strstr(session->first.text, ",r=");
    REQUIRE(nonce != NULL && strstr(session->first.text, "n=some=2Cone=3D@example.com") != NULL);
    int len =
        snprintf(answer->text, TEXT_SIZE, "r=%s" SERVER_NONCE ",s=" SALT ",i=4096", nonce + 3);
    answer->len = (size_t)len;
}

static void scram_final(struct session *session, struct string *answer)
{
    uint8_t signature[KEY];
    char encoded[PM__BASE64_SIZE(KEY) + 1] = "";
    sign(session, "Server Key", signature);
    (void)pm__base64_encode((uint8_t *)encoded, signature, KEY);
    answer->len = (size_t)snprintf(answer->text, TEXT_SIZE, "v=%s", encoded);
}

/* The challenge that comes next; false: the client has said all, and it was right. */
static bool scram_challenge(struct session *session, struct string *answer)
{
    const char *word = strrchr(session->line, ' ');
    const char *message = word != NULL ? word + 1 : session->line;
    answer->len = 0;
    if (word != NULL && session->lines == 0 && strlen(message) > 20) {
        decode(&session->first, message, strlen(message));
    } else if (session->challenge.len > 0 && session->final.len == 0) {
        decode(&session->final, message, strlen(message));
        check_proof(session);
        scram_final(session, answer);
        return true;
    } else {
        return session->final.len == 0;
    }
    scram_first(session, answer);
    return true;
}

static void check_cram(const struct session *session)
{
    struct string answer;
    uint8_t digest[16];
    char expected[sizeof USER + 1 + 2 * sizeof digest];
    size_t at = (size_t)snprintf(expected, sizeof expected, "%s ", USER);
    hmac(PM_HMAC_MD5, slice_of(PASSWORD), slice_of(CHALLENGE), digest);
    for (size_t i = 0; i < sizeof digest; i++, at += 2) {
        (void)snprintf(expected + at, sizeof expected - at, "%02x", digest[i]);
    }
    decode(&answer, session->line, session->line_len);
    REQUIRE(strcmp(answer.text, expected) == 0);
}

static struct pm_slice token_of(const struct session *session);

/* The message with the token: as long as it is, and never without its end. */
static void check_token(const struct session *session, const char *message)
{
    struct string said;
    struct pm_slice token = token_of(session);
    decode(&said, message, strlen(message));
    const char *at = strstr(said.text, "auth=Bearer ");
    REQUIRE(!session->bad_token && at != NULL);
    at += strlen("auth=Bearer ");
    REQUIRE(strncmp(at, (const char *)token.ptr, token.len) == 0);
    REQUIRE(strcmp(at + token.len, "\1\1") == 0);
}

/* A mechanism with one message: it comes with AUTH, or after an empty challenge when it is long. */
static bool wants_challenge(const struct session *session)
{
    bool tokens = speaks(session, "XOAUTH2") || speaks(session, "OAUTHBEARER");
    if (tokens && session->bare && session->lines == 1) {
        check_token(session, session->line);
    } else if (tokens && !session->bare && session->lines == 0) {
        check_token(session, strrchr(session->line, ' ') + 1);
    }
    return tokens && session->bare && session->lines == 0;
}

static bool right_challenge(struct session *session, struct string *answer)
{
    static const char *const prompts[] = {"Username:", "Password:"};
    answer->len = 0;
    if (session->cancelled) {
        return false;
    }
    if (is_scram(session)) {
        return scram_challenge(session, answer);
    }
    if (speaks(session, "LOGIN") && session->lines < 2) {
        set(answer, prompts[session->lines], strlen(prompts[session->lines]));
        return true;
    }
    if (wants_challenge(session)) {
        return true;
    }
    if (speaks(session, "CRAM-MD5") && session->lines == 0) {
        set(answer, CHALLENGE, strlen(CHALLENGE));
        session->plain_challenge = true;
        return true;
    }
    if (speaks(session, "CRAM-MD5") && session->plain_challenge) {
        check_cram(session);
    }
    return false;
}

/* ---- What it says ---- */

static void note_proof(struct session *session, const struct string *said)
{
    struct string right;
    if (session->final.len == 0) {
        return;
    }
    scram_final(session, &right);
    session->proved = said->len >= right.len && memcmp(said->text, right.text, right.len) == 0 &&
                      (said->len == right.len || said->text[right.len] == ',');
}

static void give(struct session *session, const char *line, size_t len);

static void send_challenge(struct session *session, const struct string *said)
{
    char line[LINE_SIZE] = "334 ";
    REQUIRE(PM__BASE64_SIZE(said->len) + 8 < sizeof line);
    size_t len = 4 + pm__base64_encode((uint8_t *)line + 4, (const uint8_t *)said->text, said->len);
    line[len++] = '\r';
    line[len++] = '\n';
    if (is_scram(session) && session->first.len > 0 && session->final.len == 0) {
        session->challenge = *said;
    }
    note_proof(session, said);
    give(session, line, len);
}

static void say(struct session *session, const char *start, struct pm_slice rest)
{
    char line[LINE_SIZE + 64];
    size_t len = strlen(start);
    REQUIRE(len + rest.len + 2 < sizeof line);
    memcpy(line, start, len);
    memcpy(line + len, rest.ptr, rest.len);
    len += rest.len;
    line[len++] = '\r';
    line[len++] = '\n';
    give(session, line, len);
}

static void change(struct session *session, struct string *said)
{
    unsigned count = next(session) % 8;
    session->plain_challenge = false;
    for (unsigned i = 0; i < count && said->len > 0; i++) {
        size_t at = next(session) % said->len;
        said->text[at] = (char)next(session);
    }
}

static void refuse(struct session *session)
{
    static const char *const codes[] = {"535 no",  "504 no",    "534 no",   "538 no", "454 later",
                                        "432 new", "500 what?", "421 bye",  "501 no", "250 hm",
                                        "354 hm",  "220 hm",    "535-more", "55"};
    say(session, codes[next(session) % (sizeof codes / sizeof codes[0])], slice_of(""));
}

static void repeat(struct session *session)
{
    char line[LINE_SIZE + 64];
    int len = snprintf(line, sizeof line, "535 %s " PASSWORD " " TOKEN, session->line);
    REQUIRE(len > 0 && (size_t)len < sizeof line);
    session->repeats = true;
    say(session, line, slice_of(""));
    session->repeats = false;
}

static void answer(struct session *session)
{
    struct string right;
    struct string other;
    uint8_t step = next(session) % 8;
    bool more = right_challenge(session, &right);
    if (step == 1) {
        change(session, &right);
    }
    switch (step) {
    case 0:
    case 1:
        if (more) {
            send_challenge(session, &right);
        } else {
            say(session, session->cancelled ? "501 cancelled" : "235 fine", slice_of(""));
        }
        break;
    case 2: {
        struct pm_slice bytes = next_bytes(session);
        session->plain_challenge = false;
        set(&other, bytes.ptr, bytes.len);
        send_challenge(session, &other);
        break;
    }
    case 3:
    case 4: {
        struct pm_slice bytes = next_bytes(session);
        session->plain_challenge = false;
        say(session, step == 3 ? "334 " : "", bytes);
        break;
    }
    case 5: refuse(session); break;
    case 6: say(session, "235 fine", slice_of("")); break;
    default: repeat(session); break;
    }
}

/* ---- The client's owner ---- */

static void compute(struct session *session, const struct pm_smtp_event *event)
{
    uint8_t result[KEY] = {0};
    const uint8_t *given = result;
    switch (event->crypto) {
    case PM_SMTP_HMAC_MD5: hmac(PM_HMAC_MD5, event->key, event->data, result); break;
    case PM_SMTP_HMAC_SHA256: hmac(PM_HMAC_SHA256, event->key, event->data, result); break;
    case PM_SMTP_SHA256: REQUIRE(pm_crypto_hash(event->data, result) == PM_OK); break;
    case PM_SMTP_PBKDF2: /* One round does as well where both sides take one. */
        REQUIRE(event->count >= 4096 && event->count <= 1000000 && event->data.len > 0);
        hmac(PM_HMAC_SHA256, event->key, event->data, result);
        memcpy(session->salted, result, KEY);
        break;
    case PM_SMTP_RANDOM: memset(result, 'r', PM_SMTP_RANDOM_SIZE); break;
    case PM_SMTP_BINDING: given = session->cannot_bind ? NULL : result; break;
    default: abort();
    }
    pm_smtp_crypto(&session->smtp, given, 0);
}

static struct pm_slice token_of(const struct session *session)
{
    static char token[LONG_TOKEN] = TOKEN;
    if (session->bad_token) {
        return slice_of("two words");
    }
    memset(token + strlen(TOKEN), 'x', sizeof token - strlen(TOKEN));
    return (struct pm_slice){(const uint8_t *)token,
                             session->long_token ? sizeof token : strlen(TOKEN)};
}

static void give_token(struct session *session, bool again)
{
    struct pm_slice token = token_of(session);
    if (again && session->old_token) {
        token.len = 0;
    }
    pm_smtp_token(&session->smtp, token, 0);
}

/* What the client said is hidden when it comes back, too; what a server makes up is not. */
static void pump(struct session *session)
{
    struct pm_smtp_event event;
    while (pm_smtp_next_event(&session->smtp, &event, 0) != PM_SMTP_EV_NONE) {
        REQUIRE(!session->done);
        switch (event.kind) {
        case PM_SMTP_EV_SENT: require_secretless(event.data); break;
        case PM_SMTP_EV_REPLY:
            if (session->repeats) {
                require_secretless(event.data);
            }
            break;
        case PM_SMTP_EV_CRYPTO: compute(session, &event); break;
        case PM_SMTP_EV_TOKEN:
            REQUIRE(session->config.token && event.index <= 1);
            give_token(session, event.index != 0);
            break;
        case PM_SMTP_EV_DONE:
            REQUIRE(event.error != 0); /* nothing was delivered */
            session->done = true;
            break;
        default: break;
        }
    }
}

static void give(struct session *session, const char *line, size_t len)
{
    pm_smtp_input(&session->smtp, (const uint8_t *)line, len, 0);
    pump(session);
}

/* Takes what the client says up to a line end; false: it waits. */
static bool take_line(struct session *session)
{
    const uint8_t *out;
    session->line_len = 0;
    for (size_t n = pm_smtp_output(&session->smtp, &out); n > 0;
         n = pm_smtp_output(&session->smtp, &out)) {
        const uint8_t *end = memchr(out, '\n', n);
        size_t len = end != NULL ? (size_t)(end - out) + 1 : n;
        REQUIRE(session->line_len + len < sizeof session->line);
        memcpy(session->line + session->line_len, out, len);
        session->line_len += len;
        pm_smtp_output_ack(&session->smtp, len, 0);
        pump(session);
        if (end != NULL) {
            REQUIRE(session->line_len >= 2 && session->line[session->line_len - 2] == '\r');
            session->line_len -= 2;
            session->line[session->line_len] = '\0';
            return true;
        }
    }
    return false;
}

static void offer(struct session *session)
{
    static const char *const names[] = {"EXTERNAL",      "SCRAM-SHA-256-PLUS",
                                        "SCRAM-SHA-256", "OAUTHBEARER",
                                        "XOAUTH2",       "PLAIN",
                                        "LOGIN",         "CRAM-MD5"};
    char line[200] = "250-mx\r\n250 AUTH";
    size_t len = strlen(line);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((session->offered >> i & 1u) != 0) {
            len += (size_t)snprintf(line + len, sizeof line - len, " %s", names[i]);
        }
    }
    say(session, line, slice_of(""));
}

static void configure(struct session *session)
{
    uint8_t flags = next(session);
    struct pm_smtp_config *config = &session->config;
    config->ehlo_name = slice_of("me.example");
    config->sender = slice_of("from@example.com");
    config->username = slice_of(USER);
    config->password = slice_of(PASSWORD);
    config->recipients = 1;
    config->tls = (flags & 1) != 0;
    config->token = (flags & 2) != 0;
    config->external = (flags & 4) != 0;
    config->clear_auth = (flags & 8) != 0 ? PM_SMTP_CLEAR_AUTH_NEVER : PM_SMTP_CLEAR_AUTH_ALLOW;
    session->cannot_bind = (flags & 16) != 0;
    session->long_token = (flags & 32) != 0;
    session->old_token = (flags & 64) != 0;
    session->bad_token = (flags & 128) != 0;
    session->offered = next(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session session;
    memset(&session, 0, sizeof session);
    session.data = data;
    session.end = data + size;
    configure(&session);
    pm_smtp_init(&session.smtp, &session.config, 0);
    say(&session, "220 mx", slice_of(""));
    REQUIRE(take_line(&session));
    offer(&session);
    while (!session.done && !session.mail && take_line(&session)) {
        check_line(&session);
        if (!session.mail && strcmp(session.line, "QUIT") != 0) {
            answer(&session);
        }
    }
    pm_smtp_closed(&session.smtp, 0);
    pump(&session);
    REQUIRE(session.done);
    pm_smtp_wipe(&session.smtp);
    return 0;
}
