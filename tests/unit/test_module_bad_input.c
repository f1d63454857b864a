/* SPDX-License-Identifier: MIT */
/*
 * Every command of the table, driven with what its row does not allow: missing, extra, empty,
 * over-long, out-of-range, wrong-type, quoted and unquoted parameters, and forms it does not have.
 * Each line gets the result that the row documents (CD35, SD10, SD11), and no more; nothing has
 * changed after it, neither in what a query shows nor in the module's memory and files;
 * and the next AT is answered OK. The parser alone is held to the same verdicts, good ones as well.
 *
 * That all this can fail is proven with rows that differ from the documented ones in one respect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "at_cases.h"
#include "module/internal.h"
#include "play/world.h"

enum { REPLY_MOST = 3 * PM_AT_OUT_SIZE, ITEMS_MOST = 64, KINDS_MOST = 16, ROWS_LEAST = 50 };

/* One setting of everything that results depend on. */
struct setting {
    uint8_t limits;
    bool lenient;
    uint8_t cmee, verbose;
    enum state {
        STATE_USUAL,
        STATE_MAIL,    /* a mail is being sent: the e-mail commands are busy (SD50) */
        STATE_NO_SIM,  /* there is none */
        STATE_AIRPLANE /* CFUN=4 */
    } state;
};

struct drive {
    struct world w;
    struct pm_at at; /* the parser alone */
    struct pm_at_table documented;
    struct setting setting;
    struct at_rules rules;
    const struct at_case *c;
    unsigned long cases, findings;
    bool quiet;                    /* findings are counted only, */
    const char *kinds[KINDS_MOST]; /* by what they say */
    size_t kind_count;
    char reply[REPLY_MOST];
    char query[128];         /* a line that shows what the case is about; "" none */
    char shown[REPLY_MOST];  /* its answer before the case */
    struct pm_module module; /* the module and its port before the case, */
    struct pm_port port;     /* without what moves by itself */
    struct pm_module module_now;
    struct pm_port port_now;
    uint8_t arena[65536];
    unsigned opened; /* how often the file is open */
};

static void find(struct drive *d, const char *what, const char *got)
{
    size_t kind = 0;
    while (kind < d->kind_count && strcmp(d->kinds[kind], what) != 0) {
        kind++;
    }
    if (kind == d->kind_count && kind < KINDS_MOST) {
        d->kinds[d->kind_count++] = what;
    }
    d->findings++;
    if (!d->quiet && d->findings <= 20) {
        print_error("state %u, limits %u, lenient %d, CMEE %u, V%u: %s in %.*s: %s: %s\n",
                    d->setting.state, d->setting.limits, d->setting.lenient, d->setting.cmee,
                    d->setting.verbose, d->c->what, d->c->len > 100 ? 100 : (int)d->c->len,
                    d->c->line, what, got);
    }
}

/* ---- The module --------------------------------------------------------------------------- */

/* Types a line and reads the answer; commands that take time get some. */
static void say(struct drive *d, const char *line, size_t len, char *reply)
{
    struct world *w = &d->w;
    size_t got = 0;
    world_type(w, 0, line, len);
    for (unsigned i = 0; i < 40 && got == 0; i++) {
        world_run(w);
        got = world_read(w, 0, (uint8_t *)reply, REPLY_MOST - 1);
        if (got == 0) {
            world_advance(w, w->now + 5000);
        }
    }
    reply[got] = '\0';
}

static void ask(struct drive *d, const char *line, char *reply)
{
    say(d, line, strlen(line), reply);
}

/* What results look like, from V.250 and 27.007. */
static void result_text(const struct drive *d, unsigned cme, char out[80])
{
    bool verbose = d->setting.verbose != 0;
    const char *text = d->setting.cmee == 2 ? pm_cme_text((uint16_t)cme) : NULL;
    if (cme == 0 || d->setting.cmee == 0) {
        (void)snprintf(out, 80, "%s", verbose ? "\r\nERROR\r\n" : "4\r");
    } else if (text != NULL) {
        (void)snprintf(out, 80, "%s+CME ERROR: %s\r\n", verbose ? "\r\n" : "", text);
    } else {
        (void)snprintf(out, 80, "%s+CME ERROR: %u\r\n", verbose ? "\r\n" : "", cme);
    }
}

/* Whether `reply` holds one final result. */
static bool one_result(const struct drive *d, const char *reply)
{
    unsigned results = 0;
    const char *end = d->setting.verbose != 0 ? "\r\n" : "\r";
    for (const char *line = reply; *line != '\0';) {
        const char *next = strstr(line, end);
        size_t len = next != NULL ? (size_t)(next - line) : strlen(line);
        bool final = d->setting.verbose != 0 ? (len == 2 && memcmp(line, "OK", 2) == 0) ||
                                                   (len == 5 && memcmp(line, "ERROR", 5) == 0)
                                             : len == 1 && (line[0] == '0' || line[0] == '4');
        final = final || strncmp(line, "+CME ERROR: ", 12) == 0 ||
                strncmp(line, "+CMS ERROR: ", 12) == 0;
        results += final ? 1U : 0U;
        line += next != NULL ? len + strlen(end) : len;
        line += d->setting.verbose == 0 && *line == '\n' ? 1 : 0;
    }
    return results == 1;
}

/* What moves by itself or on purpose is left out of the comparison: time, the number that
 * AT+QIGETERROR tells, the line, its echo and its reply. */
static void take_module(const struct drive *d, struct pm_module *module, struct pm_port *port)
{
    memcpy(module, &d->w.module, sizeof *module);
    /* A struct that a function has returned: its members are compared, its padding is nobody's. */
    const struct pm_mime_label label = module->job.mime.body_label;
    memset(&module->job.mime.body_label, 0, sizeof label);
    module->job.mime.body_label.name = label.name;
    module->job.mime.body_label.charset = label.charset;
    memcpy(port, &d->w.ports[0], sizeof *port);
    module->now = 0;
    module->net_error = 0;
    struct pm_at_settings set = port->at.set;
    memset(&port->at, 0, sizeof port->at);
    port->at.set = set;
    port->command = NULL;
    memset(&port->op, 0, sizeof port->op);
    memset(&port->task, 0, sizeof port->task);
    memset(port->chunk, 0, sizeof port->chunk);
    memset(&module->op, 0, sizeof module->op);
    memset(&module->entry, 0, sizeof module->entry);
}

static void remember(struct drive *d)
{
    take_module(d, &d->module, &d->port);
    memcpy(d->arena, d->w.arena, sizeof d->arena);
    const struct world_file *file = world_find(&d->w, PM_STORAGE_UFS, "kept", 4);
    d->opened = file != NULL ? file->opened : 0;
}

static void compare(struct drive *d)
{
    take_module(d, &d->module_now, &d->port_now);
    if (memcmp(&d->module, &d->module_now, sizeof d->module) != 0) {
        find(d, "the module has changed", "");
    }
    if (memcmp(&d->port, &d->port_now, sizeof d->port) != 0) {
        find(d, "the port has changed", "");
    }
    if (memcmp(d->arena, d->w.arena, sizeof d->arena) != 0) {
        find(d, "a text has changed", "");
    }
    const struct world_file *file = world_find(&d->w, PM_STORAGE_UFS, "kept", 4);
    if (file == NULL || file->len != 4 || file->opened != d->opened ||
        world_temporary(&d->w) != 0) {
        find(d, "a file has changed", "");
    }
}

/* ---- Cases in the module -------------------------------------------------------------------- */

/* The query that shows what a case is about: the read form, or the keyword with its context. */
static void choose_query(struct drive *d, const struct at_case *c)
{
    d->query[0] = '\0';
    if ((c->row->forms & PM_AT_READ) != 0 && c->row->name[0] == '+') {
        (void)snprintf(d->query, sizeof d->query, "AT%s?\r", c->row->name);
    } else if (c->item != NULL) {
        (void)snprintf(d->query, sizeof d->query, "AT%s=\"%s\"%s\r", c->row->name, c->item->keyword,
                       c->row->group == PM__GROUP_SSL ? ",1" : "");
    }
}

static void check_answer(struct drive *d, const struct at_case *c)
{
    char expected[80];
    unsigned cme = c->verdict == AT_CASE_BAD ? c->row->bad : 0;
    if (cme != 0 && d->setting.state == STATE_MAIL && c->row->group == PM__GROUP_SMTP) {
        cme = PM_MAIL_BUSY;
    }
    if (c->verdict == AT_CASE_ASK) {
        if (!one_result(d, d->reply)) {
            find(d, "not one final result", d->reply);
        }
        return;
    }
    result_text(d, cme, expected);
    if (strcmp(d->reply, expected) != 0) {
        find(d, "answered", d->reply);
    }
}

static void drive_case(void *user, const struct at_case *c)
{
    struct drive *d = user;
    d->c = c;
    d->cases++;
    if (c->verdict == AT_CASE_GOOD) {
        return;
    }
    choose_query(d, c);
    if (d->query[0] != '\0') {
        ask(d, d->query, d->shown);
    }
    remember(d);
    say(d, c->line, c->len, d->reply);
    check_answer(d, c);
    compare(d);
    if (c->verdict == AT_CASE_BAD && c->row->group == PM__GROUP_NET) {
        ask(d, "AT+QIGETERROR\r", d->reply);
        if (strstr(d->reply, "+QIGETERROR: 552,") == NULL) {
            find(d, "AT+QIGETERROR tells", d->reply);
        }
    }
    if (d->query[0] != '\0') {
        ask(d, d->query, d->reply);
        if (strcmp(d->reply, d->shown) != 0) {
            find(d, "the query shows", d->reply);
        }
    }
    ask(d, "AT\r", d->reply);
    if (strcmp(d->reply, d->setting.verbose != 0 ? "\r\nOK\r\n" : "0\r") != 0) {
        find(d, "the next AT is answered", d->reply);
    }
}

/* ---- Cases in the parser alone ----------------------------------------------------------------
 */

/* The keyword meant is found, and what was left out has its default. */
static void check_values(struct drive *d, const struct at_case *c,
                         const struct pm_at_values *values)
{
    const struct pm_at_param *params = c->item != NULL ? c->item->params : c->row->params;
    size_t count = c->item != NULL ? c->item->param_count : c->row->param_count;
    if ((c->item == NULL) != (values->item == NULL) ||
        (c->item != NULL && strcmp(c->item->keyword, values->item->keyword) != 0)) {
        find(d, "another keyword is found", "");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!values->v[i].given && values->v[i].number != params[i].def) {
            find(d, "another default serves", params[i].name);
        }
    }
}

static void parse_case(void *user, const struct at_case *c)
{
    static struct pm_at_values values;
    struct drive *d = user;
    struct pm_at_event event;
    const uint8_t *out = NULL;
    d->c = c;
    d->cases++;
    bool taken = pm_at_input(&d->at, (const uint8_t *)c->line, c->len, d->w.now) == c->len;
    bool found = pm_at_next_event(&d->at, &event, d->w.now) == PM_AT_EV_COMMAND;
    if (!taken || found != (c->verdict != AT_CASE_NO_FORM)) {
        find(d, found ? "is run" : "is not run", "");
    } else if (found) {
        bool good = pm_at_parse(&d->at, &values);
        if (good != (c->verdict != AT_CASE_BAD)) {
            find(d, good ? "is accepted" : "is refused", "");
        }
        if (good) {
            check_values(d, c, &values);
        }
    }
    pm_at_result(&d->at, PM_AT_RESULT_ERROR, d->w.now); /* ends the line whatever follows */
    while (pm_at_next_event(&d->at, &event, d->w.now) == PM_AT_EV_COMMAND) {
        pm_at_result(&d->at, PM_AT_RESULT_ERROR, d->w.now);
    }
    pm_at_output_ack(&d->at, pm_at_output(&d->at, &out));
}

/* ---- Runs ---------------------------------------------------------------------------------------
 */

static void bring_about(struct drive *d)
{
    switch (d->setting.state) {
    case STATE_MAIL:
        d->w.server.fault = WORLD_SILENT;
        ask(d, "AT+QSMTPPUT=300\r", d->reply);
        assert_true(pm_module_mail_running(&d->w.module));
        break;
    case STATE_NO_SIM:
        d->w.config.sim = PM_SIM_ABSENT;
        ask(d, "AT+CPIN?\r", d->reply);
        assert_string_equal(d->reply, "\r\n+CME ERROR: 10\r\n");
        break;
    case STATE_AIRPLANE:
        ask(d, "AT+CFUN=4\r", d->reply);
        assert_string_equal(d->reply, "\r\nOK\r\n");
        world_advance(&d->w, d->w.now + 20000); /* what it has to say has been said */
        (void)world_read(&d->w, 0, (uint8_t *)d->reply, sizeof d->reply);
        break;
    case STATE_USUAL:
    default: break;
    }
}

/* Something of each kind is set, so that what goes back to its default is seen. */
static void prepare(struct drive *d)
{
    static const char *const lines[] = {
        "ATE0\r",
        "ATX1\r",
        "ATS0=3\r",
        "AT+CREG=2\r",
        "AT+QICSGP=1,1,\"apn\",\"user\",\"password\",2\r",
        "AT+QICSGP=2,3,\"second\"\r",
        "AT+QIACT=1\r",
        "AT+QSSLCFG=\"seclevel\",1,2\r",
        "AT+QSSLCFG=\"cacert\",1,\"ca.pem\"\r",
        "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",587\r",
        "AT+QSMTPCFG=\"account\",\"user\",\"password\"\r",
        "AT+QSMTPCFG=\"sender\",\"Module\",\"module@example.com\"\r",
        "AT+QSMTPCFG=\"ssltype\",2\r",
        "AT+QSMTPDST=1,1,\"a@example.com\"\r",
        "AT+QSMTPSUB=1,\"subject\"\r",
        "AT+QSMTPATT=1,1,\"kept\"\r",
    };
    char line[32];
    world_add_file(&d->w, PM_STORAGE_UFS, "kept", "kept", 4);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ask(d, lines[i], d->reply);
        if (strstr(d->reply, "OK\r\n") == NULL) {
            fail_msg("%s: %s", lines[i], d->reply);
        }
    }
    if (d->setting.state != STATE_USUAL) {
        bring_about(d);
    }
    (void)snprintf(line, sizeof line, "AT+CMEE=%u\r", d->setting.cmee);
    ask(d, line, d->reply);
    (void)snprintf(line, sizeof line, "ATV%u\r", d->setting.verbose);
    ask(d, line, d->reply);
}

static void start(struct drive *d, const struct setting *setting)
{
    memset(d, 0, sizeof *d);
    d->setting = *setting;
    d->rules = (struct at_rules){pm__limits(setting->limits), setting->lenient};
    assert_true(pm_module_table(&d->documented));
    world_init(&d->w);
    d->w.config.limits = setting->limits;
    d->w.config.lenient = setting->lenient;
    world_begin(&d->w, 1);
    prepare(d);
    const struct pm_at_config config = {.table = &d->w.table,
                                        .limits = d->rules.limits,
                                        .lenient = setting->lenient,
                                        .settings = d->w.ports[0].at.set};
    pm_at_init(&d->at, &config);
}

static unsigned all_rows(struct drive *d, at_case_taker take)
{
    unsigned rows = 0;
    for (size_t i = 0; i < PM_AT_INDEX_SLOTS; i++) {
        if (d->documented.slots[i] != NULL) {
            at_cases(d->documented.slots[i], &d->rules, take, d);
            rows++;
        }
    }
    return rows;
}

static void end(struct drive *d)
{
    assert_string_equal(world_end(&d->w), "");
}

static void the_parser_judges_as_the_rows_say(void **state)
{
    struct drive *d = *state;
    unsigned long cases = 0;
    for (unsigned i = 0; i < 4; i++) {
        const struct setting setting = {
            .limits = (uint8_t)(i & 1), .lenient = (i & 2) != 0, .cmee = 1, .verbose = 1};
        start(d, &setting);
        assert_true(all_rows(d, parse_case) >= ROWS_LEAST);
        cases += d->cases;
        assert_int_equal(d->findings, 0);
        end(d);
    }
    print_message("%lu lines\n", cases);
}

static unsigned long drive_all(struct drive *d, const struct setting *setting)
{
    start(d, setting);
    assert_true(all_rows(d, drive_case) >= ROWS_LEAST);
    assert_int_equal(d->findings, 0);
    end(d);
    return d->cases;
}

static void bad_input_is_refused_and_changes_nothing(void **state)
{
    unsigned long cases = 0;
    unsigned step = getenv("PM_TEST_VALGRIND") != NULL ? 7 : 1;
    for (unsigned i = 0; i < 24; i += step) {
        const struct setting setting = {.limits = (uint8_t)(i & 1),
                                        .lenient = (i & 2) != 0,
                                        .cmee = (uint8_t)(i / 8),
                                        .verbose = (uint8_t)(i >> 2 & 1)};
        cases += drive_all(*state, &setting);
    }
    print_message("%lu lines\n", cases);
}

static void so_it_is_in_other_states(void **state)
{
    for (enum state other = STATE_MAIL; other <= STATE_AIRPLANE; other++) {
        const struct setting setting = {.cmee = 1, .verbose = 1, .state = other};
        (void)drive_all(*state, &setting);
    }
}

/* CD35: which error a bad parameter is, from which manual the command is. */
static unsigned bad_of_manual(const struct pm_at_command *row)
{
    switch (row->group) {
    case PM__GROUP_SMTP: return PM_MAIL_PARAMETER;
    case PM__GROUP_FILE: return PM__CME_FILE_INPUT;
    case PM__GROUP_GENERAL: /* the module's own commands differ among themselves */
        return row->name[0] != '+' ? 0 : row->name[1] == 'C' ? PM__CME_PARAMETER : row->bad;
    default: return 0; /* SMS, too: its own numbers say nothing of parameters */
    }
}

static void a_bad_parameter_is_answered_as_in_its_manual(void **state)
{
    struct drive *d = *state;
    assert_true(pm_module_table(&d->documented));
    for (size_t i = 0; i < PM_AT_INDEX_SLOTS; i++) {
        const struct pm_at_command *row = d->documented.slots[i];
        if (row != NULL && (row->forms & PM_AT_WRITE) != 0 && row->bad != bad_of_manual(row)) {
            fail_msg("AT%s answers %u, its manual %u", row->name, row->bad, bad_of_manual(row));
        }
    }
}

/* ---- The proof that it can fail
 * -------------------------------------------------------------------- */

/* A row that differs from the documented one in one respect. */
struct mutant {
    struct pm_at_command row;
    struct pm_at_item items[ITEMS_MOST];
    struct pm_at_param params[PM_AT_MAX_PARAMS];
};

/* A copy of a row, and of the parameters of its keyword `item` where it has keywords. */
static void copy_row(struct mutant *mutant, const struct pm_at_command *row, size_t item)
{
    const struct pm_at_param *params = row->params;
    size_t count = row->param_count;
    mutant->row = *row;
    if (row->item_count != 0) {
        memcpy(mutant->items, row->items, row->item_count * sizeof row->items[0]);
        mutant->row.items = mutant->items;
        params = row->items[item].params;
        count = row->items[item].param_count;
        mutant->items[item].params = mutant->params;
    } else {
        mutant->row.params = mutant->params;
    }
    if (count != 0) {
        memcpy(mutant->params, params, count * sizeof params[0]);
    }
}

/* Plays the cases of a row with the mutant in its place; they must not all pass. */
static void expect_found(struct drive *d, const struct pm_at_command *row,
                         const struct mutant *mutant, at_case_taker take, const char *what)
{
    size_t slot = 0;
    while (d->documented.slots[slot] != row) {
        slot++;
    }
    d->findings = 0;
    d->kind_count = 0;
    d->w.table.slots[slot] = &mutant->row;
    at_cases(row, &d->rules, take, d);
    d->w.table.slots[slot] = row;
    if (d->findings == 0) {
        fail_msg("nobody sees that AT%s differs: %s", row->name, what);
    }
}

/* Changes of one parameter. False when there is no such change, or no line could show it. */
static bool change_param(struct pm_at_param *param, unsigned kind, const uint16_t *limits)
{
    bool number = param->type == PM_AT_NUMBER;
    int32_t longest = param->limit != 0 ? limits[param->limit] : param->max;
    switch (kind) {
    case 0: param->min++; return param->min <= param->max;
    case 1: param->min--; return param->min >= 0;
    case 2:
        param->max += param->max < INT32_MAX ? 1 : 0;
        return param->limit == 0 && param->max < PM_AT_LINE_SIZE / 2;
    case 3:
        param->max--;
        return param->limit == 0 && param->max < PM_AT_LINE_SIZE / 2 && param->max >= param->min;
    case 4: param->flags ^= PM_AT_OPTIONAL; return true;
    case 5: param->type = number ? PM_AT_STRING : PM_AT_NUMBER; return true;
    case 6: param->type = param->type == PM_AT_STRING ? PM_AT_TOKEN : PM_AT_STRING; return !number;
    case 7: param->def++; return number && (param->flags & PM_AT_OPTIONAL) != 0;
    case 8:
        param->limit = PM__LIMIT_RECIPIENTS; /* a count: no string has it */
        return !number && longest < PM_AT_LINE_SIZE / 2 && longest != limits[param->limit];
    default: return false;
    }
}

static unsigned mutate_params(struct drive *d, const struct pm_at_command *row, size_t item)
{
    static const char *const kinds[] = {"min + 1", "min - 1",      "max + 1", "max - 1", "optional",
                                        "type",    "token/string", "default", "limit"};
    static struct mutant mutant;
    unsigned mutants = 0;
    size_t count = row->item_count != 0 ? row->items[item].param_count : row->param_count;
    for (size_t i = 0; i < count; i++) {
        for (unsigned kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
            copy_row(&mutant, row, item);
            if (change_param(&mutant.params[i], kind, d->rules.limits)) {
                expect_found(d, row, &mutant, parse_case, kinds[kind]);
                mutants++;
            }
        }
    }
    return mutants;
}

static unsigned mutate_row(struct drive *d, const struct pm_at_command *row)
{
    static struct mutant mutant;
    unsigned mutants = 0;
    for (unsigned form = PM_AT_EXEC; form <= PM_AT_WRITE; form *= 2) {
        copy_row(&mutant, row, 0);
        mutant.row.forms ^= (uint8_t)form;
        if (form != PM_AT_EXEC || (row->forms & PM_AT_EXEC) == 0) {
            expect_found(d, row, &mutant, parse_case, "forms");
            mutants++;
        }
    }
    if ((row->forms & PM_AT_WRITE) != 0 && row->group != PM__GROUP_NET) {
        copy_row(&mutant, row, 0);
        mutant.row.bad = row->bad == 0 ? PM__CME_PARAMETER : 0;
        expect_found(d, row, &mutant, drive_case, "answer to a bad parameter");
        mutants++;
    }
    for (size_t item = 0; item < row->item_count; item++) {
        mutants += mutate_params(d, row, item);
    }
    if (row->item_count == 0 && (row->forms & PM_AT_WRITE) != 0) {
        mutants += mutate_params(d, row, 0);
    }
    return mutants;
}

static void a_row_that_differs_is_found(void **state)
{
    struct drive *d = *state;
    const struct setting setting = {.cmee = 1, .verbose = 1};
    unsigned mutants = 0;
    start(d, &setting);
    d->quiet = true;
    for (size_t i = 0; i < PM_AT_INDEX_SLOTS; i++) {
        const struct pm_at_command *row = d->documented.slots[i];
        if (row != NULL && row->name[0] == '+') {
            mutants += mutate_row(d, row);
        }
    }
    end(d);
    print_message("%u rows that differ\n", mutants);
}

/* Answers nothing. */
static void mute(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)owner;
    (void)form;
    (void)values;
}

static bool has_kind(const struct drive *d, const char *what)
{
    for (size_t i = 0; i < d->kind_count; i++) {
        if (strcmp(d->kinds[i], what) == 0) {
            return true;
        }
    }
    return false;
}

/* Each way to notice something, with a row that lets it happen. */
static void each_kind_of_change_is_found(void **state)
{
    struct drive *d = *state;
    static struct mutant mutant;
    const struct setting setting = {.cmee = 1, .verbose = 1};
    start(d, &setting);
    d->quiet = true;

    const struct pm_at_command *row = pm_at_table_find(&d->documented, "X", 1);
    copy_row(&mutant, row, 0);
    mutant.params[0].max++;
    expect_found(d, row, &mutant, drive_case, "X5");
    assert_true(has_kind(d, "the port has changed"));

    row = pm_at_table_find(&d->documented, "+QSMTPSUB", 9);
    copy_row(&mutant, row, 0);
    mutant.params[0].max++;
    expect_found(d, row, &mutant, drive_case, "charset 4");
    assert_true(has_kind(d, "answered"));
    assert_true(has_kind(d, "the module has changed"));
    assert_true(has_kind(d, "a text has changed"));
    assert_true(has_kind(d, "the query shows"));

    row = pm_at_table_find(&d->documented, "+CMEE", 5);
    copy_row(&mutant, row, 0);
    mutant.row.handler = mute;
    expect_found(d, row, &mutant, drive_case, "no answer");
    assert_true(has_kind(d, "not one final result"));
    assert_true(has_kind(d, "the next AT is answered"));
    end(d);
}

int main(void)
{
    struct drive *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(the_parser_judges_as_the_rows_say, d),
        cmocka_unit_test_prestate(bad_input_is_refused_and_changes_nothing, d),
        cmocka_unit_test_prestate(so_it_is_in_other_states, d),
        cmocka_unit_test_prestate(a_bad_parameter_is_answered_as_in_its_manual, d),
        cmocka_unit_test_prestate(a_row_that_differs_is_found, d),
        cmocka_unit_test_prestate(each_kind_of_change_is_found, d),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(d);
    return failed;
}
