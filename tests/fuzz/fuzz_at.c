/* SPDX-License-Identifier: MIT */
/*
 * Any dialogue with a port of the AT engine: whole and cut at random it must give the same
 * output, every command must get its result, and afterwards the port must answer AT; so must that
 * of a host that reads nothing all the while.
 *
 * The first byte chooses the configuration, the second seeds the cuts. Then each byte is input,
 * but for: F8 a piece of input ends, F9 1 ms passes, FA 400 ms, FB 1 s, FC a URC, FD DTR drops,
 * FE the host is lost, FF the next byte is input whatever it is.
 */
#include "at_rig.h"
#include "harness.h"

enum { MAX_INPUT = 16384, MAX_STEPS = 512 };

struct script {
    struct at_step steps[MAX_STEPS];
    size_t count;
    uint32_t time;
    size_t len;
    char text[MAX_INPUT];
};

static struct at_step *add_step(struct script *script, enum at_step_kind kind)
{
    struct at_step *step = &script->steps[script->count++];
    *step = (struct at_step){script->time, kind, script->text + script->len, 0};
    return step;
}

static void add_byte(struct script *script, uint8_t byte)
{
    struct at_step *last = script->count > 0 ? &script->steps[script->count - 1] : NULL;
    if (last == NULL || last->kind != AT_STEP_INPUT || last->time != script->time) {
        last = add_step(script, AT_STEP_INPUT);
    }
    script->text[script->len++] = (char)byte;
    last->len++;
}

static void read_script(struct script *script, const uint8_t *data, size_t size)
{
    memset(script, 0, offsetof(struct script, text));
    for (size_t i = 0; i < size && script->count < MAX_STEPS; i++) {
        switch (data[i]) {
        case 0xF8: (void)add_step(script, AT_STEP_INPUT_END); break;
        case 0xF9: script->time += 1; break;
        case 0xFA: script->time += 400; break;
        case 0xFB: script->time += 1000; break;
        case 0xFC:
            add_step(script, AT_STEP_URC)->text = "+URC: 1";
            script->steps[script->count - 1].len = 7;
            break;
        case 0xFD: (void)add_step(script, AT_STEP_DTR_DROP); break;
        case 0xFE: (void)add_step(script, AT_STEP_LOST); break;
        case 0xFF:
            i++;
            add_byte(script, i < size ? data[i] : 0xFF);
            break;
        default: add_byte(script, data[i]); break;
        }
    }
}

static size_t random_cut(void *state, size_t step, size_t pos, size_t left)
{
    uint32_t *seed = state;
    (void)step;
    (void)pos;
    (void)left;
    *seed = *seed * 1664525u + 1013904223u;
    return 1 + (*seed >> 8) % (*seed >> 31 != 0 ? 4 : 64);
}

/* The host leaves, and another one with factory settings gets exactly one answer. */
static void check_alive(struct at_rig *rig)
{
    static const char answer[] = "AT\r\r\nOK\r\n";
    pm_at_lost(&rig->at, rig->now);
    at_rig_settle(rig);
    at_rig_to(rig, rig->now + 200000);
    REQUIRE(!pm_at_busy(&rig->at));
    REQUIRE(rig->commands == rig->results);
    pm_at_settings_factory(&rig->at.set);
    rig->out_len = 0;
    REQUIRE(at_rig_input(rig, "AT\r", 3) == 0);
    REQUIRE(rig->out_len == sizeof answer - 1 && memcmp(rig->out, answer, sizeof answer - 1) == 0);
    REQUIRE(pm_at_deadline(&rig->at) == PM_NEVER);
}

static size_t shorter(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A host that reads slowly and leaves in the midst of a command may have seen the first lines of
 * the reply: they wait for the result only while there is room. All else must be the same. */
static void compare_around_losses(const struct at_rig *a, const struct at_rig *b)
{
    REQUIRE(memcmp(a->out, b->out, shorter(a->first_lost, b->first_lost)) == 0);
    const size_t a_len = a->out_len - a->last_lost;
    const size_t b_len = b->out_len - b->last_lost;
    const size_t len = shorter(a_len, b_len);
    REQUIRE(memcmp(a->out + a->last_lost, b->out + b->last_lost, len) == 0);
    REQUIRE(a_len == b_len || a->out_beyond != 0 || b->out_beyond != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script script;
    static struct at_rig whole;
    static struct at_rig cut;
    if (size < 3 || size > MAX_INPUT) {
        return 0;
    }
    const struct at_rig_config config = {.lenient = (data[0] & 1) != 0,
                                         .lf_ends_line = (data[0] & 2) != 0,
                                         .no_delay = (data[0] & 4) != 0,
                                         .data_step = (data[0] & 8) != 0 ? 3 : 0,
                                         .ack_step = (data[0] & 16) != 0 ? 5 : 0};
    uint32_t seed = data[1];
    const struct at_cut cuts = {random_cut, &seed};
    read_script(&script, data + 2, size - 2);
    at_rig_init(&whole, &config);
    at_play(&whole, script.steps, script.count, NULL);
    at_rig_init(&cut, &config);
    at_play(&cut, script.steps, script.count, &cuts);
    if (config.ack_step == 0 || !whole.lost) {
        REQUIRE(whole.out_len == cut.out_len && whole.out_beyond == cut.out_beyond);
        REQUIRE(memcmp(whole.out, cut.out, whole.out_len) == 0);
    } else {
        compare_around_losses(&whole, &cut);
    }
    check_alive(&whole);
    check_alive(&cut);
    if ((data[0] & 32) != 0) { /* What the full port does not take is lost. */
        at_rig_init(&cut, &config);
        cut.deaf = true;
        at_play(&cut, script.steps, script.count, &cuts);
        cut.deaf = false;
        check_alive(&cut);
    }
    return 0;
}
