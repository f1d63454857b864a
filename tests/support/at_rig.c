/* SPDX-License-Identifier: MIT */
/* The rig of at_rig.h: an owner of one port, and dialogues cut in every way. */
#include "at_rig.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* ---- The command table ---- */

static const struct pm_at_param switch_params[] = {
    {.name = "n", .type = PM_AT_NUMBER, .flags = PM_AT_OPTIONAL, .min = 0, .max = 1}};
static const struct pm_at_param zero_params[] = {
    {.name = "n", .type = PM_AT_NUMBER, .flags = PM_AT_OPTIONAL, .min = 0, .max = 0}};
static const struct pm_at_param dtr_params[] = {
    {.name = "n", .type = PM_AT_NUMBER, .flags = PM_AT_OPTIONAL, .min = 0, .max = 2}};
static const struct pm_at_param s_params[] = {
    {.name = "register", .type = PM_AT_NUMBER, .min = 3, .max = 5},
    {.name = "value", .type = PM_AT_NUMBER, .min = 0, .max = 127}};
static const struct pm_at_param cmee_params[] = {
    {.name = "n", .type = PM_AT_NUMBER, .min = 0, .max = 2}};
static const struct pm_at_param num_params[] = {
    {.name = "n", .type = PM_AT_NUMBER, .min = 1, .max = 16},
    {.name = "m", .type = PM_AT_NUMBER, .flags = PM_AT_OPTIONAL, .min = 0, .max = 1, .def = 1},
    {.name = "k",
     .type = PM_AT_NUMBER,
     .flags = PM_AT_OPTIONAL,
     .min = 0,
     .max = INT32_MAX,
     .def = 7,
     .range = "<big>"}};
static const struct pm_at_param str_params[] = {
    {.name = "a", .type = PM_AT_STRING, .limit = 1},
    {.name = "b", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .min = 2, .max = 4}};
static const struct pm_at_param tok_params[] = {{.name = "token", .type = PM_AT_TOKEN, .max = 8}};
static const struct pm_at_param free_params[] = {
    {.name = "count", .type = PM_AT_NUMBER, .min = 0, .max = 100000}};
static const struct pm_at_param up_params[] = {
    {.name = "length", .type = PM_AT_NUMBER, .min = 1, .max = 1048576},
    {.name = "total", .type = PM_AT_NUMBER, .flags = PM_AT_OPTIONAL, .min = 0, .max = 65535},
    {.name = "idle", .type = PM_AT_NUMBER, .flags = PM_AT_OPTIONAL, .min = 0, .max = 65535}};
static const struct pm_at_param down_params[] = {
    {.name = "n", .max = 1000000},
    {.name = "count", .flags = PM_AT_OPTIONAL, .min = 1, .max = INT32_MAX},
};
static const struct pm_at_param urc_params[] = {
    {.name = "ms", .type = PM_AT_NUMBER, .min = 0, .max = 100000},
    {.name = "text", .type = PM_AT_STRING, .max = 600}};
static const struct pm_at_item key_items[] = {
    {.keyword = "pair", .params = str_params, .param_count = 2, .id = 1},
    {.keyword = "one", .params = cmee_params, .param_count = 1, .id = 2},
    {.keyword = "bare", .id = 3},
    {.keyword = "own", .params = cmee_params, .param_count = 1, .id = 4, .test = "(0-5),<x>"}};

enum { BASIC = PM_AT_EXEC, ALL = PM_AT_EXEC | PM_AT_READ | PM_AT_TEST | PM_AT_WRITE };

#define WITH(p) .params = (p), .param_count = sizeof(p) / sizeof((p)[0])

static const struct pm_at_command commands[] = {
    {.name = "E", .forms = BASIC, WITH(switch_params)},
    {.name = "V", .forms = BASIC, WITH(switch_params)},
    {.name = "Q", .forms = BASIC, WITH(switch_params)},
    {.name = "Z", .forms = BASIC, WITH(zero_params)},
    {.name = "&F", .forms = BASIC, WITH(zero_params)},
    {.name = "&D", .forms = BASIC, WITH(dtr_params)},
    {.name = "S", .forms = PM_AT_READ | PM_AT_WRITE, WITH(s_params)},
    {.name = "I", .forms = BASIC},
    {.name = "D", .forms = BASIC},
    {.name = "O", .forms = BASIC},
    {.name = "+CMEE", .forms = ALL & ~PM_AT_EXEC, WITH(cmee_params)},
    {.name = "+NUM", .forms = ALL, .bad = 664, WITH(num_params)},
    {.name = "+STR", .forms = PM_AT_TEST | PM_AT_WRITE, WITH(str_params)},
    {.name = "+TOK", .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OK, WITH(tok_params)},
    {.name = "+KEY",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .bad = 50,
     .items = key_items,
     .item_count = sizeof key_items / sizeof key_items[0]},
    {.name = "+LINES",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .test = "+LINES: a\n+LINES: b",
     WITH(free_params)},
    {.name = "+SLOW", .forms = PM_AT_WRITE, WITH(free_params)},
    {.name = "+CME", .forms = PM_AT_WRITE, WITH(free_params)},
    {.name = "+UP",
     .forms = PM_AT_WRITE | PM_AT_TEST,
     .flags = PM_AT_DATA,
     .bad = 664,
     WITH(up_params)},
    {.name = "+DOWN", .forms = PM_AT_WRITE, .flags = PM_AT_DATA, WITH(down_params)},
    {.name = "+URC", .forms = PM_AT_WRITE, WITH(urc_params)},
};

static const uint16_t limits[] = {0, 10};

void at_rig_init(struct at_rig *rig, const struct at_rig_config *config)
{
    memset(rig, 0, offsetof(struct at_rig, body));
    if (config != NULL) {
        rig->config = *config;
    }
    pm_at_table_init(&rig->table);
    if (!pm_at_table_add(&rig->table, commands, sizeof commands / sizeof commands[0])) {
        abort();
    }
    struct pm_at_config port = {.table = &rig->table,
                                .limits = limits,
                                .lenient = rig->config.lenient,
                                .lf_ends_line = rig->config.lf_ends_line};
    pm_at_settings_factory(&port.settings);
    pm_at_init(&rig->at, &port);
    rig->slow_until = PM_NEVER;
    rig->data_until = PM_NEVER;
}

/* ---- The owner ---- */

static void finish(struct at_rig *rig, enum pm_at_result result)
{
    rig->results++;
    pm_at_result(&rig->at, result, rig->now);
}

static void print_values(struct at_rig *rig, enum pm_at_form form,
                         const struct pm_at_values *values, size_t described)
{
    struct pm_at *at = &rig->at;
    pm_at_info(at);
    pm_at_put(at, "form ");
    pm_at_put_number(at, (uint32_t)form);
    pm_at_put(at, " count ");
    pm_at_put_number(at, values->count);
    if (values->item != NULL) {
        pm_at_put(at, " item ");
        pm_at_put(at, values->item->keyword);
    }
    for (size_t i = 0; i < described; i++) {
        pm_at_put(at, values->v[i].given ? " " : " -");
        if (values->v[i].quoted) {
            pm_at_put_quoted(at, values->v[i].text);
        } else {
            pm_at_put_number(at, (uint32_t)values->v[i].number);
            if (values->v[i].given) {
                pm_at_put(at, "/");
                pm_at_put_bytes(at, values->v[i].text.ptr, values->v[i].text.len);
            }
        }
    }
    finish(rig, PM_AT_RESULT_OK);
}

static uint8_t *setting(struct at_rig *rig, const char *name)
{
    switch (name[0] == '&' ? name[1] : name[0]) {
    case 'E': return &rig->at.set.echo;
    case 'V': return &rig->at.set.verbose;
    case 'Q': return &rig->at.set.quiet;
    default: return &rig->at.set.dtr;
    }
}

static void run_register(struct at_rig *rig, enum pm_at_form form,
                         const struct pm_at_values *values)
{
    uint8_t *registers[] = {&rig->at.set.s3, &rig->at.set.s4, &rig->at.set.s5};
    uint8_t *value = registers[values->v[0].number - 3];
    if (form == PM_AT_WRITE) {
        *value = (uint8_t)values->v[1].number;
    } else {
        pm_at_info(&rig->at);
        pm_at_put_number(&rig->at, *value);
    }
    finish(rig, PM_AT_RESULT_OK);
}

static void run_basic(struct at_rig *rig, const char *name, enum pm_at_form form,
                      const struct pm_at_values *values)
{
    switch (name[0]) {
    case 'S': run_register(rig, form, values); return;
    case 'Z': break;
    case 'I':
        pm_at_info(&rig->at);
        pm_at_put(&rig->at, "Quectel");
        pm_at_info(&rig->at);
        pm_at_put(&rig->at, "AG35");
        break;
    case 'D':
        pm_at_info(&rig->at);
        pm_at_put_quoted(&rig->at, values->v[0].text);
        break;
    case 'O': finish(rig, PM_AT_RESULT_NO_CARRIER); return;
    default:
        if (strcmp(name, "&F") == 0) {
            pm_at_settings_factory(&rig->at.set);
        } else {
            *setting(rig, name) = (uint8_t)values->v[0].number;
        }
        break;
    }
    finish(rig, PM_AT_RESULT_OK);
}

/* Prints lines as the host reads them. True: something moved. */
static bool print_lines(struct at_rig *rig)
{
    if (rig->lines_next < rig->lines_end && pm_at_room(&rig->at) < 40) {
        pm_at_flush(&rig->at);
        return false;
    }
    while (rig->lines_next < rig->lines_end && pm_at_room(&rig->at) >= 40) {
        pm_at_info(&rig->at);
        pm_at_put(&rig->at, "+LINES: ");
        pm_at_put_hex(&rig->at, rig->lines_next++);
    }
    if (rig->lines_next == rig->lines_end) {
        rig->printing = false;
        finish(rig, PM_AT_RESULT_OK);
    }
    return true;
}

static void open_upload(struct at_rig *rig, const struct pm_at_values *values)
{
    const struct pm_at_data data = {.length = (uint32_t)values->v[0].number,
                                    .total_ms = (uint32_t)values->v[1].number * 1000,
                                    .idle_ms = (uint32_t)values->v[2].number * 1000,
                                    .connect_delay = rig->config.no_delay ? 0 : 10};
    rig->body_len = 0;
    pm_at_data_in(&rig->at, &data, rig->now);
}

static void run_extended(struct at_rig *rig, const char *name, const struct pm_at_values *values)
{
    uint32_t number = (uint32_t)values->v[0].number;
    if (strcmp(name, "+LINES") == 0) {
        rig->printing = true;
        rig->lines_next = 0;
        rig->lines_end = number;
    } else if (strcmp(name, "+SLOW") == 0) {
        pm_at_info(&rig->at);
        pm_at_put(&rig->at, "+SLOW: 1");
        rig->slow_until = rig->now + number;
    } else if (strcmp(name, "+CME") == 0) {
        rig->results++;
        pm_at_cme(&rig->at, (uint16_t)number, rig->now);
    } else if (strcmp(name, "+UP") == 0) {
        open_upload(rig, values);
    } else if (strcmp(name, "+DOWN") == 0) {
        const uint32_t delay = rig->config.no_delay ? 0 : 10;
        if (values->v[1].given) {
            pm_at_data_out_counted(&rig->at, (uint32_t)values->v[1].number, delay, rig->now);
        } else {
            pm_at_data_out(&rig->at, delay, rig->now);
        }
        rig->down_left = number;
        rig->downloading = true;
    } else if (strcmp(name, "+URC") == 0) {
        struct pm_slice text = values->v[1].text;
        bool queued = pm_at_urc(&rig->at, (const char *)text.ptr, text.len, rig->now + number);
        finish(rig, queued ? PM_AT_RESULT_OK : PM_AT_RESULT_ERROR);
    }
}

static void run_command(struct at_rig *rig, const struct pm_at_event *event)
{
    const struct pm_at_command *command = event->command;
    struct pm_at_values values;
    rig->commands++;
    if (event->form == PM_AT_TEST) {
        rig->results++;
        pm_at_answer_test(&rig->at);
    } else if (!pm_at_parse(&rig->at, &values)) {
        rig->results++;
        pm_at_bad_parameter(&rig->at);
    } else if (command->name[0] != '+') {
        run_basic(rig, command->name, event->form, &values);
    } else if (strcmp(command->name, "+CMEE") == 0 && event->form == PM_AT_WRITE) {
        rig->at.set.cmee = (uint8_t)values.v[0].number;
        finish(rig, PM_AT_RESULT_OK);
    } else if (command->item_count > 0 || event->form != PM_AT_WRITE ||
               strlen(command->name) == 4) {
        size_t count = values.item != NULL ? values.item->param_count : command->param_count;
        if (strcmp(command->name, "+CME") != 0 && strcmp(command->name, "+URC") != 0) {
            print_values(rig, event->form, &values, count);
        } else {
            run_extended(rig, command->name, &values);
        }
    } else {
        run_extended(rig, command->name, &values);
    }
}

static void take_data(struct at_rig *rig, struct pm_slice data)
{
    size_t n = data.len;
    if (rig->config.data_step != 0 && n > rig->config.data_step) {
        n = rig->config.data_step;
    }
    if (n > AT_RIG_BODY - rig->body_len) {
        abort();
    }
    memcpy(rig->body + rig->body_len, data.ptr, n);
    rig->body_len += n;
    if (rig->config.data_wait != 0) {
        rig->data_held = n;
        rig->data_until = rig->now + rig->config.data_wait;
    } else {
        pm_at_data_ack(&rig->at, n);
    }
}

/* An upload ends with its length, a sum and the reason; a download, when escaped, with ERROR. */
static void end_data(struct at_rig *rig, enum pm_at_data_end reason)
{
    if (rig->downloading) {
        rig->downloading = false;
        finish(rig, PM_AT_RESULT_ERROR);
        return;
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < rig->body_len; i++) {
        sum = sum * 31 + rig->body[i];
    }
    if (reason == PM_AT_END_TIMEOUT && rig->body_len == 0) {
        rig->results++;
        pm_at_cme(&rig->at, 421, rig->now);
        return;
    }
    pm_at_info(&rig->at);
    pm_at_put(&rig->at, "+UP: ");
    pm_at_put_number(&rig->at, (uint32_t)rig->body_len);
    pm_at_put(&rig->at, ",");
    pm_at_put_hex(&rig->at, sum);
    pm_at_put(&rig->at, ",");
    pm_at_put_number(&rig->at, (uint32_t)reason);
    finish(rig, PM_AT_RESULT_OK);
}

/* What the owner does by itself: slow results, data it held, downloads. True: something moved. */
static bool work(struct at_rig *rig)
{
    if (rig->slow_until <= rig->now) {
        rig->slow_until = PM_NEVER;
        finish(rig, PM_AT_RESULT_OK);
        return true;
    }
    if (rig->data_until <= rig->now) {
        rig->data_until = PM_NEVER;
        pm_at_data_ack(&rig->at, rig->data_held);
        return true;
    }
    if (rig->printing) {
        return print_lines(rig);
    }
    if (rig->downloading && pm_at_connected(&rig->at)) {
        size_t n = rig->down_left < 100 ? rig->down_left : 100;
        uint8_t piece[100];
        memset(piece, 'x', sizeof piece);
        size_t sent = pm_at_raw(&rig->at, piece, n);
        rig->down_left -= (uint32_t)sent;
        if (rig->down_left == 0) {
            rig->downloading = false;
            pm_at_info(&rig->at);
            pm_at_put(&rig->at, "+DOWN: 1");
            finish(rig, PM_AT_RESULT_OK);
            return true;
        }
        return sent > 0;
    }
    return false;
}

static bool read_output(struct at_rig *rig)
{
    const uint8_t *data = NULL;
    size_t n = pm_at_output(&rig->at, &data);
    if (n == 0 || rig->deaf) {
        return false;
    }
    if (rig->config.ack_step != 0 && n > rig->config.ack_step) {
        n = rig->config.ack_step;
    }
    size_t room = AT_RIG_OUT - 1 - rig->out_len;
    size_t kept = n < room ? n : room;
    memcpy(rig->out + rig->out_len, data, kept);
    rig->out_len += kept;
    rig->out_beyond += n - kept;
    pm_at_output_ack(&rig->at, n);
    return true;
}

static bool take_event(struct at_rig *rig)
{
    struct pm_at_event event;
    switch (pm_at_next_event(&rig->at, &event, rig->now)) {
    case PM_AT_EV_COMMAND: run_command(rig, &event); return true;
    case PM_AT_EV_DATA: take_data(rig, event.data); return true;
    case PM_AT_EV_DATA_END: end_data(rig, event.reason); return true;
    case PM_AT_EV_NONE:
    default: return false;
    }
}

void at_rig_settle(struct at_rig *rig)
{
    bool moved = true;
    while (moved) {
        moved = work(rig);
        moved = take_event(rig) || moved;
        moved = read_output(rig) || moved;
    }
}

size_t at_rig_input(struct at_rig *rig, const void *data, size_t len)
{
    const uint8_t *next = data;
    while (len > 0) {
        size_t n = pm_at_input(&rig->at, next, len, rig->now);
        at_rig_settle(rig);
        next += n;
        len -= n;
        if (n == 0) {
            if (rig->deaf) {
                break;
            }
            /* The port waits for its owner, who is slow: time goes by. */
            if (rig->data_until == PM_NEVER) {
                abort();
            }
            at_rig_to(rig, rig->data_until);
        }
    }
    return len;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void at_rig_to(struct at_rig *rig, uint64_t time)
{
    for (;;) {
        uint64_t next = earlier(pm_at_deadline(&rig->at), rig->slow_until);
        next = earlier(next, rig->data_until);
        if (next > time) {
            break;
        }
        if (next < rig->now) {
            next = rig->now;
        }
        rig->now = next;
        pm_at_tick(&rig->at, rig->now);
        at_rig_settle(rig);
        if (pm_at_deadline(&rig->at) <= rig->now) {
            abort(); /* A deadline that stays due would be a busy loop. */
        }
    }
    if (time > rig->now) {
        rig->now = time;
    }
}

/* ---- Dialogues ---- */

static void play_input(struct at_rig *rig, const struct at_step *step, size_t index,
                       const struct at_cut *cut)
{
    size_t pos = 0;
    while (pos < step->len) {
        size_t left = step->len - pos;
        size_t n = cut != NULL ? cut->next(cut->state, index, pos, left) : left;
        n = n == 0 || n > left ? left : n;
        (void)at_rig_input(rig, step->text + pos, n);
        pos += n;
    }
}

void at_play(struct at_rig *rig, const struct at_step *steps, size_t count,
             const struct at_cut *cut)
{
    for (size_t i = 0; i < count; i++) {
        at_rig_to(rig, steps[i].time);
        switch (steps[i].kind) {
        case AT_STEP_INPUT: play_input(rig, &steps[i], i, cut); break;
        case AT_STEP_INPUT_END: pm_at_input_end(&rig->at, rig->now); break;
        case AT_STEP_URC: (void)pm_at_urc(&rig->at, steps[i].text, steps[i].len, rig->now); break;
        case AT_STEP_DTR_DROP:
            pm_at_set_dtr(&rig->at, false, rig->now);
            pm_at_set_dtr(&rig->at, true, rig->now);
            break;
        case AT_STEP_LOST:
            rig->first_lost = rig->lost ? rig->first_lost : rig->out_len;
            rig->last_lost = rig->out_len;
            rig->lost = true;
            pm_at_lost(&rig->at, rig->now);
            break;
        case AT_STEP_WAIT:
        default: break;
        }
        at_rig_settle(rig);
    }
    at_rig_to(rig, rig->now + 10000000);
}

static size_t cut_bytes(void *state, size_t step, size_t pos, size_t left)
{
    (void)state;
    (void)step;
    (void)pos;
    (void)left;
    return 1;
}

struct two_parts {
    size_t step, pos;
};

static size_t cut_two(void *state, size_t step, size_t pos, size_t left)
{
    const struct two_parts *where = state;
    return step == where->step && pos == 0 ? where->pos : left;
}

static size_t cut_random(void *state, size_t step, size_t pos, size_t left)
{
    uint32_t *seed = state;
    (void)step;
    (void)pos;
    (void)left;
    *seed = *seed * 1664525u + 1013904223u;
    uint32_t sort = *seed >> 30;
    return sort == 0 ? 1 : 1 + (*seed >> 8) % (sort == 1 ? 8 : 200);
}

static struct at_rig check_rig;

static void check_play(const struct at_rig_config *config, const struct at_step *steps,
                       size_t count, const struct at_cut *cut, const char *expected, size_t len)
{
    at_rig_init(&check_rig, config);
    at_play(&check_rig, steps, count, cut);
    if (check_rig.out_len != len || memcmp(check_rig.out, expected, len) != 0) {
        print_error("input:\n");
        for (size_t i = 0; i < count; i++) {
            print_error("  %u %d [%s]\n", steps[i].time, (int)steps[i].kind,
                        steps[i].text != NULL ? steps[i].text : "");
        }
        check_rig.out[check_rig.out_len] = '\0';
        print_error("got [%s]\nwant [%.*s]\n", check_rig.out, (int)len, expected);
    }
    assert_int_equal(check_rig.out_len, len);
    assert_memory_equal(check_rig.out, expected, len);
    assert_int_equal(check_rig.commands, check_rig.results);
}

void at_check(const struct at_rig_config *config, const struct at_step *steps, size_t count,
              const char *expected, size_t expected_len)
{
    const struct at_cut bytes = {cut_bytes, NULL};
    check_play(config, steps, count, NULL, expected, expected_len);
    check_play(config, steps, count, &bytes, expected, expected_len);
    for (size_t i = 0; i < count; i++) {
        for (size_t pos = 1; pos < steps[i].len && pos < 4096; pos++) {
            struct two_parts where = {i, pos};
            const struct at_cut two = {cut_two, &where};
            check_play(config, steps, count, &two, expected, expected_len);
        }
    }
    for (uint32_t seed = 1; seed <= 20; seed++) {
        uint32_t state = seed;
        const struct at_cut random = {cut_random, &state};
        check_play(config, steps, count, &random, expected, expected_len);
    }
    struct at_rig_config slow_reader = {.ack_step = 0};
    if (config != NULL) {
        slow_reader = *config;
    }
    slow_reader.ack_step = 3;
    check_play(&slow_reader, steps, count, NULL, expected, expected_len);
    check_play(&slow_reader, steps, count, &bytes, expected, expected_len);
}
