/* SPDX-License-Identifier: MIT */
/*
 * Any bytes from a client of the catcher: whole and cut at random they must leave the same mails
 * and get the same replies, and nothing is kept without its 250. The Maildir is one in memory,
 * which has little room at a time and may fail.
 *
 * The first byte: 1 the disk fails, 2 little room, 4 a server with a fault; the second seeds the
 * cuts.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "host/catcher.h"
#include "host/maildir.h"

enum { INPUT_SIZE = 8192, MAILS_SIZE = 1 << 20, REPLIES = 8192, DELIVERIES = 4 };

/* ---- the Maildir ---------------------------------------------------------------- */

struct pm_maildir {
    int unused;
};

struct pm_delivery {
    const struct pm_delivery_events *events;
    void *user;
    bool asked; /* the envelope is there: room is looked for from now on */
    bool full;  /* the owner waits for room */
    bool committed;
    size_t len, room;
    uint8_t data[PM_DELIVERY_BUFFER + INPUT_SIZE];
};

/* What one dialogue leaves. */
struct record {
    size_t codes_len, mails_len;
    unsigned kept;
    bool tls; /* STARTTLS was taken: what follows is no dialogue any more */
    char codes[REPLIES];
    uint8_t mails[MAILS_SIZE];
};

static struct pm_maildir maildir;
static struct pm_delivery *delivery; /* the one of the session */
static struct record *record;
static bool failing, narrow;

struct pm_maildir *pm_maildir_open(uv_loop_t *loop, const char *path, char *err, size_t err_size)
{
    (void)loop;
    (void)path;
    (void)err;
    (void)err_size;
    return &maildir;
}

void pm_maildir_close(struct pm_maildir *closed)
{
    REQUIRE(closed == &maildir);
}

bool pm_maildir_note(struct pm_maildir *there, const char *name, const void *data, size_t len)
{
    (void)name;
    return there == &maildir && data != NULL && len > 0;
}

struct pm_delivery *pm_delivery_begin(struct pm_maildir *there,
                                      const struct pm_delivery_events *events, void *user)
{
    REQUIRE(there == &maildir && delivery == NULL);
    delivery = malloc(sizeof *delivery);
    REQUIRE(delivery != NULL);
    delivery->events = events;
    delivery->user = user;
    delivery->asked = delivery->full = delivery->committed = false;
    delivery->len = 0;
    delivery->room = PM_DELIVERY_BUFFER;
    return delivery;
}

size_t pm_delivery_room(const struct pm_delivery *asked)
{
    REQUIRE(asked == delivery && !delivery->committed);
    if (narrow && !delivery->asked) {
        delivery->room = 7;
    }
    delivery->asked = true;
    delivery->full = delivery->room == 0;
    return delivery->room;
}

size_t pm_delivery_write(struct pm_delivery *to, const uint8_t *data, size_t len)
{
    REQUIRE(to == delivery && !to->committed && len <= to->room);
    REQUIRE(to->len + len <= sizeof to->data);
    memcpy(to->data + to->len, data, len);
    to->len += len;
    to->room -= len;
    return len;
}

void pm_delivery_commit(struct pm_delivery *done)
{
    REQUIRE(done == delivery && !done->committed);
    done->committed = true;
}

void pm_delivery_leave(struct pm_delivery *left)
{
    REQUIRE(left == delivery && !left->committed);
    free(left);
    delivery = NULL;
}

/* Tells what the disk has to tell, as the loop would: whether there was anything. */
static bool disk_works(void)
{
    struct pm_delivery *now = delivery;
    if (now == NULL || (!now->full && !now->committed)) {
        return false;
    }
    if (!now->committed) {
        now->room = narrow ? 7 : PM_DELIVERY_BUFFER;
        now->full = false;
        now->events->room(now->user);
        return true;
    }
    delivery = NULL;
    if (!failing) {
        REQUIRE(record->mails_len + now->len <= sizeof record->mails);
        memcpy(record->mails + record->mails_len, now->data, now->len);
        record->mails_len += now->len;
        record->kept++;
    }
    now->events->done(now->user, failing ? UV_ENOSPC : 0, "mail");
    free(now);
    return true;
}

/* ---- the dialogue ----------------------------------------------------------------- */

static char line[1024];
static size_t line_len;
static unsigned promised; /* replies that say that a mail is kept */

static void reply(void)
{
    line[line_len] = '\0';
    REQUIRE(line_len >= 5 && line[line_len - 1] == '\r');
    REQUIRE(strspn(line, "0123456789") == 3 && (line[3] == ' ' || line[3] == '-'));
    REQUIRE(strlen(line) == line_len);
    promised += strncmp(line, "250 kept as ", 12) == 0;
    record->tls = record->tls || strncmp(line, "220 go ahead", 12) == 0;
    REQUIRE(record->codes_len + 4 <= sizeof record->codes);
    memcpy(record->codes + record->codes_len, line, 4);
    record->codes_len += 4;
    line_len = 0;
}

/* What has been answered: whether there was anything. */
static bool hear(int fd)
{
    char data[4096];
    ssize_t n = read(fd, data, sizeof data);
    for (ssize_t i = 0; i < n && !record->tls; i++) {
        if (data[i] == '\n') {
            reply();
        } else {
            REQUIRE(line_len + 1 < sizeof line);
            line[line_len++] = data[i];
        }
    }
    return n > 0;
}

static void settle(uv_loop_t *loop, int fd)
{
    for (unsigned quiet = 0; quiet < 2;) {
        uv_run(loop, UV_RUN_NOWAIT);
        bool heard = hear(fd);
        quiet = disk_works() || heard ? 0 : quiet + 1;
    }
}

static void play(uv_loop_t *loop, struct pm_catcher *catcher, const char *host, const uint8_t *data,
                 size_t size, uint32_t seed)
{
    int fd = pm_catcher_connect(catcher, host, 25, false);
    REQUIRE(fd >= 0);
    promised = 0;
    line_len = 0;
    for (size_t at = 0; at < size;) {
        size_t n = next_piece(&seed, size - at);
        if (send(fd, data + at, n, MSG_NOSIGNAL) != (ssize_t)n) {
            break; /* it has closed */
        }
        at += n;
        settle(loop, fd);
    }
    settle(loop, fd);
    REQUIRE(promised == record->kept || record->tls);
    close(fd);
    uv_run(loop, UV_RUN_NOWAIT);
    uv_run(loop, UV_RUN_NOWAIT);
    REQUIRE(delivery == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uv_loop_t loop;
    static struct pm_catcher *catcher;
    static struct record whole, cut;
    static const char *const hosts[] = {"mail.example.com", "fault-data.example.com"};
    if (size < 3 || size > INPUT_SIZE) {
        return 0;
    }
    if (catcher == NULL) {
        char err[128];
        const struct pm_catcher_options options = {.maildir = "", .faults = true};
        REQUIRE(uv_loop_init(&loop) == 0);
        catcher = pm_catcher_new(&loop, &options, NULL, err, sizeof err);
        REQUIRE(catcher != NULL);
    }
    failing = (data[0] & 1) != 0;
    narrow = (data[0] & 2) != 0;
    const char *host = hosts[(data[0] & 4) != 0];
    whole.codes_len = whole.mails_len = cut.codes_len = cut.mails_len = 0;
    whole.kept = cut.kept = 0;
    whole.tls = cut.tls = false;
    record = &whole;
    play(&loop, catcher, host, data + 2, size - 2, 0);
    record = &cut;
    play(&loop, catcher, host, data + 2, size - 2, data[1] + 1u);
    REQUIRE(whole.mails_len == cut.mails_len &&
            memcmp(whole.mails, cut.mails, whole.mails_len) == 0);
    REQUIRE(whole.codes_len == cut.codes_len &&
            memcmp(whole.codes, cut.codes, whole.codes_len) == 0);
    return 0;
}
