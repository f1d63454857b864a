/* SPDX-License-Identifier: MIT */
/*
 * Any bytes from an RFC 2217 host: whole and cut at random they must mean the same, in the same
 * order; no call may answer more than it promises or do two things at once; and what one filter
 * wraps, another must unwrap.
 *
 * The first byte seeds the cuts; its lowest bit tells whether the host has agreed on the options.
 */
#include "harness.h"
#include "host/rfc2217.h"

enum { INPUT_SIZE = 8192, MAX_LOG = INPUT_SIZE * 20 };

/* All that the filter says, in order. */
struct record {
    struct pm_rfc2217 *filter;
    uint32_t speed;
    size_t len, data, wire, acts;
    uint8_t log[MAX_LOG];
};

static void note(struct record *record, char kind, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        REQUIRE(record->len + 2 <= sizeof record->log);
        record->log[record->len++] = (uint8_t)kind;
        record->log[record->len++] = data[i];
    }
}

static void wire(void *user, const uint8_t *data, size_t len)
{
    ((struct record *)user)->wire += len;
    note(user, 'w', data, len);
}

static void take(void *user, const uint8_t *data, size_t len)
{
    ((struct record *)user)->data += len;
    note(user, 'd', data, len);
}

static uint32_t speed(void *user, uint32_t wanted)
{
    struct record *record = user;
    record->acts++;
    record->speed = wanted % 3 == 0 ? wanted : record->speed;
    note(record, 's', (const uint8_t *)"", 1);
    return record->speed;
}

static void act(void *user, char kind, bool on)
{
    ((struct record *)user)->acts++;
    note(user, kind, (const uint8_t *)(on ? "1" : "0"), 1);
}

static void dtr(void *user, bool on)
{
    act(user, 't', on);
}

static void rts(void *user, bool on)
{
    act(user, 'r', on);
}

static void suspend(void *user, bool on)
{
    act(user, 'h', on);
}

static void purge(void *user)
{
    act(user, 'p', true);
}

static void begin(struct record *record, bool agreed)
{
    static const uint8_t agreement[] = {0xFF, 0xFB, 0x00, 0xFF, 0xFD, 0x2C};
    const struct pm_rfc2217_owner owner = {record, wire, take, speed, dtr, rts, suspend, purge};
    memset(record, 0, sizeof *record);
    record->filter = pm_rfc2217_new(&owner);
    REQUIRE(record->filter != NULL);
    pm_rfc2217_greet(record->filter);
    for (size_t i = 0; agreed && i < sizeof agreement; i++) {
        REQUIRE(pm_rfc2217_receive(record->filter, agreement + i, 1) == 1);
    }
}

static void receive(struct record *record, const uint8_t *data, size_t size, uint32_t seed)
{
    for (size_t at = 0; at < size;) {
        size_t n = next_piece(&seed, size - at);
        const struct record before = {
            .data = record->data, .wire = record->wire, .acts = record->acts};
        bool text = pm_rfc2217_text(record->filter, data + at, n);
        size_t taken = pm_rfc2217_receive(record->filter, data + at, n);
        REQUIRE(taken >= 1 && taken <= n);
        REQUIRE(record->data - before.data <= taken);
        REQUIRE(record->wire - before.wire <= PM_RFC2217_REPLY);
        REQUIRE(record->data == before.data || record->acts == before.acts);
        REQUIRE(!text || (record->acts == before.acts && record->wire == before.wire));
        at += taken;
    }
}

/* A host that agrees gets back what it is sent. */
static void round_trip(struct record *from, struct record *to, const uint8_t *data, size_t size)
{
    static uint8_t wrapped[2 * INPUT_SIZE];
    size_t len = 0;
    begin(from, true);
    size_t start = from->len;
    pm_rfc2217_send(from->filter, data, size);
    for (size_t i = start; i < from->len; i += 2) {
        wrapped[len++] = from->log[i + 1];
    }
    REQUIRE(len <= 2 * size);
    begin(to, true);
    start = to->len;
    receive(to, wrapped, len, 1);
    REQUIRE(to->len - start == 2 * size);
    for (size_t i = 0; i < size; i++) {
        REQUIRE(to->log[start + 2 * i] == 'd' && to->log[start + 2 * i + 1] == data[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record whole;
    static struct record cut;
    if (size < 2 || size > INPUT_SIZE) {
        return 0;
    }
    begin(&whole, (data[0] & 1) != 0);
    begin(&cut, (data[0] & 1) != 0);
    receive(&whole, data + 1, size - 1, 0);
    receive(&cut, data + 1, size - 1, data[0] + 1u);
    REQUIRE(whole.len == cut.len && memcmp(whole.log, cut.log, whole.len) == 0);
    const struct pm_rfc2217_signals signals = {true, true, true};
    (void)pm_rfc2217_show(whole.filter, &signals);
    pm_rfc2217_free(whole.filter);
    pm_rfc2217_free(cut.filter);
    round_trip(&whole, &cut, data, size);
    pm_rfc2217_free(whole.filter);
    pm_rfc2217_free(cut.filter);
    return 0;
}
