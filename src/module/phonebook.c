/* SPDX-License-Identifier: MIT */
/* Phone books (27.007 section 8.11) that are empty and take no entry. */
#include "module/internal.h"

#define CME_INVALID_INDEX 21U

static const struct {
    char name[3];
    uint8_t total;
} books[] = {{"SM", 250}, {"DC", 20}, {"LD", 20}, {"MC", 20}, {"ME", 250}, {"RC", 20}, {"ON", 4}};
#define BOOKS (sizeof books / sizeof books[0])

void pm__phonebook_factory(struct pm_module *module)
{
    module->phonebook = 0;
}

static void run_cpbs(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (!pm__sim_serves(port)) {
        return;
    }
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CPBS: ");
        pm_at_put_quoted(&port->at, pm__slice(books[module->phonebook].name));
        pm_at_put(&port->at, ",0,");
        pm_at_put_number(&port->at, books[module->phonebook].total);
        pm__ok(port);
        return;
    }
    for (size_t i = 0; i < BOOKS; i++) {
        if (pm__slice_equal_nocase(values->v[0].text, pm__slice(books[i].name))) {
            module->phonebook = (uint8_t)i;
            pm__ok(port);
            return;
        }
    }
    pm_at_bad_parameter(&port->at);
}

/* The test forms of +CPBR and +CPBW: places of the book, then what an entry may be. */
static void put_places(struct pm_port *port, const char *rest)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, port->command->name);
    pm_at_put(&port->at, ": (1-");
    pm_at_put_number(&port->at, books[port->module->phonebook].total);
    pm_at_put(&port->at, rest);
    pm__ok(port);
}

/* Answers the error of an index that the book has not. */
static bool is_place(struct pm_port *port, int32_t index)
{
    bool good = index <= books[port->module->phonebook].total;
    if (!good) {
        pm__cme(port, CME_INVALID_INDEX);
    }
    return good;
}

static void run_cpbr(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_at_value *v = values->v;
    if (!pm__sim_serves(port)) {
        return;
    }
    if (form == PM_AT_TEST) {
        put_places(port, "),40,14");
    } else if (is_place(port, v[0].number) && (!v[1].given || is_place(port, v[1].number))) {
        pm__ok(port); /* Places without an entry are not shown. */
    }
}

static void run_cpbf(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    if (pm__sim_serves(owner)) {
        pm__cme(owner, PM__CME_NOT_FOUND);
    }
}

/* Deletes a place, or writes one. */
static void run_cpbw(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_at_value *v = values->v;
    bool deletes = v[0].given && !v[1].given && !v[2].given && !v[3].given;
    if (!pm__sim_serves(port)) {
        return;
    }
    if (form == PM_AT_TEST) {
        put_places(port, "),40,(129,145),14");
    } else if (v[0].given && !is_place(port, v[0].number)) {
        return;
    } else if (deletes) {
        pm__ok(port);
    } else {
        pm__cme(port, PM__CME_NOT_ALLOWED);
    }
}

static const struct pm_at_param cpbs_params[] = {
    {.name = "storage", .type = PM_AT_STRING, .min = 2, .max = 2},
};
static const struct pm_at_param cpbr_params[] = {
    {.name = "index1", .min = 1, .max = 250},
    {.name = "index2", .flags = PM_AT_OPTIONAL, .min = 1, .max = 250, .def = 1},
};
static const struct pm_at_param cpbf_params[] = {
    {.name = "findtext", .type = PM_AT_STRING, .max = 40},
};
static const struct pm_at_param cpbw_params[] = {
    {.name = "index", .flags = PM_AT_OPTIONAL, .min = 1, .max = 250, .def = 1},
    {.name = "number", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 40},
    {.name = "type", .flags = PM_AT_OPTIONAL, .max = 255, .def = 129},
    {.name = "text", .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = 60},
};

#define ROW(n, p) \
    .name = (n), .bad = PM__CME_PARAMETER, .param_count = sizeof(p) / sizeof((p)[0]), .params = (p)

static const struct pm_at_command rows[] = {
    {ROW("+CPBS", cpbs_params), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .test = "+CPBS: (\"SM\",\"DC\",\"LD\",\"MC\",\"ME\",\"RC\",\"ON\")", .handler = run_cpbs},
    {ROW("+CPBR", cpbr_params), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OWN,
     .handler = run_cpbr},
    {ROW("+CPBF", cpbf_params), .forms = PM_AT_TEST | PM_AT_WRITE, .test = "+CPBF: 40,14",
     .handler = run_cpbf},
    {ROW("+CPBW", cpbw_params), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OWN,
     .handler = run_cpbw},
};

const struct pm__commands pm__phonebook_commands = {rows, sizeof rows / sizeof rows[0]};
