/* SPDX-License-Identifier: MIT */
/* The SIM and its locks: AT+CPIN, AT+CLCK, AT+CPWD, AT+QPINC, AT+QSIMSTAT. */
#include <string.h>

#include "module/internal.h"

/* Wrong tries a card takes (TS 31.101). */
#define PIN_TRIES 3U
#define PUK_TRIES 10U
#define PUK_LEN   8U

/* Values of PM_NVM_SIM_LOCK: as configured until a host changes it. */
enum { LOCK_CONFIGURED, LOCK_OFF, LOCK_ON };

static bool locked(const struct pm_module *module)
{
    return module->nvm[PM_NVM_SIM_LOCK] == LOCK_CONFIGURED
               ? module->config->sim == PM_SIM_PIN
               : module->nvm[PM_NVM_SIM_LOCK] == LOCK_ON;
}

enum pm__sim pm__sim(const struct pm_module *module)
{
    if (module->config->sim == PM_SIM_ABSENT) {
        return PM__SIM_ABSENT;
    }
    if (module->nvm[PM_NVM_PUK_WRONG] >= PUK_TRIES) {
        return PM__SIM_BLOCKED;
    }
    if (module->nvm[PM_NVM_PIN_WRONG] >= PIN_TRIES) {
        return PM__SIM_PUK;
    }
    return locked(module) && !module->pin_verified ? PM__SIM_PIN : PM__SIM_READY;
}

const char *pm__sim_text(enum pm__sim sim)
{
    return sim == PM__SIM_PIN ? "SIM PIN" : sim == PM__SIM_PUK ? "SIM PUK" : "READY";
}

uint8_t pm__sim_tries(const struct pm_module *module, bool puk)
{
    return (uint8_t)(puk ? PUK_TRIES - module->nvm[PM_NVM_PUK_WRONG]
                         : PIN_TRIES - module->nvm[PM_NVM_PIN_WRONG]);
}

bool pm__sim_serves(struct pm_port *port)
{
    uint16_t error = pm__sim_error(port->module);
    if (error != 0) {
        pm__cme(port, error);
    }
    return error == 0;
}

/* It waits for its PIN or PUK: what a PIN does not guard can be had all the same. */
static bool wants_pin(uint16_t error)
{
    return error == PM__CME_SIM_PIN || error == PM__CME_SIM_PUK;
}

bool pm__sim_answers(struct pm_port *port)
{
    uint16_t error = pm__sim_error(port->module);
    bool answers = error == 0 || wants_pin(error);
    if (!answers) {
        pm__cme(port, error);
    }
    return answers;
}

/* ---- PIN and PUK ----------------------------------------------------------------------- */

static bool all_digits(struct pm_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!pm__ascii_is_digit(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* A PIN that a host has set is kept as its digits plus one, 0 behind the last. */
static bool is_pin(const struct pm_module *module, struct pm_slice pin)
{
    const uint8_t *kept = &module->nvm[PM_NVM_PIN];
    if (kept[0] == 0) {
        return pm__slice_equal(pin, pm__slice(module->config->sim_pin));
    }
    for (size_t i = 0; i < PM_PIN_DIGITS; i++) {
        uint8_t digit = i < pin.len ? (uint8_t)(pin.ptr[i] - '0' + 1) : 0;
        if (kept[i] != digit) {
            return false;
        }
    }
    return pin.len <= PM_PIN_DIGITS;
}

static void set_pin(struct pm_module *module, struct pm_slice pin)
{
    for (size_t i = 0; i < PM_PIN_DIGITS; i++) {
        module->nvm[PM_NVM_PIN + i] = i < pin.len ? (uint8_t)(pin.ptr[i] - '0' + 1) : 0;
    }
}

/* Counts a try. A card that is out of tries wants its PUK, whatever was verified before. */
static bool try_pin(struct pm_module *module, struct pm_slice pin)
{
    if (is_pin(module, pin)) {
        module->nvm[PM_NVM_PIN_WRONG] = 0;
        return true;
    }
    module->nvm[PM_NVM_PIN_WRONG]++;
    if (module->nvm[PM_NVM_PIN_WRONG] >= PIN_TRIES) {
        module->pin_verified = false;
        pm__contexts_lost(module); /* no service without a SIM */
        pm__log_text(module, PM_LOG_WARNING, "the SIM has seen too many wrong PINs: PUK");
    }
    return false;
}

static bool try_puk(struct pm_module *module, struct pm_slice puk, struct pm_slice pin)
{
    if (!pm__slice_equal(puk, pm__slice(module->config->sim_puk))) {
        module->nvm[PM_NVM_PUK_WRONG]++;
        return false;
    }
    module->nvm[PM_NVM_PUK_WRONG] = 0;
    module->nvm[PM_NVM_PIN_WRONG] = 0;
    set_pin(module, pin);
    return true;
}

/* ---- CPIN ---------------------------------------------------------------------------- */

/* The SIM has what it wanted: it goes on starting. The tries are kept before the answer. */
static void answer_try(struct pm_port *port, bool good)
{
    if (good) {
        port->module->pin_verified = true;
        pm__start(port->module, PM__START_PIN);
    }
    pm__nvm_save(port, good ? 0 : PM__CME_PASSWORD);
}

static void enter_pin(struct pm_port *port, const struct pm_at_values *values, bool puk)
{
    struct pm_slice first = values->v[0].text;
    struct pm_slice second = values->v[1].text;
    if (!all_digits(first) || !all_digits(second) || (puk && first.len != PUK_LEN)) {
        pm_at_bad_parameter(&port->at);
    } else if (puk && !values->v[1].given) {
        pm__cme(port, PM__CME_SIM_PUK);
    } else if (!puk && values->v[1].given) {
        pm__cme(port, PM__CME_NOT_ALLOWED);
    } else {
        answer_try(port, puk ? try_puk(port->module, first, second) : try_pin(port->module, first));
    }
}

static void run_cpin(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint16_t error = pm__sim_error(port->module);
    bool wanted = wants_pin(error);
    if (error != 0 && !wanted) {
        pm__cme(port, error);
    } else if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CPIN: ");
        pm_at_put(&port->at, pm__sim_text(pm__sim(port->module)));
        pm__ok(port);
    } else if (!wanted) { /* No PIN is asked for. */
        pm__cme(port, PM__CME_NOT_ALLOWED);
    } else {
        enter_pin(port, values, error == PM__CME_SIM_PUK);
    }
}

/* ---- CLCK, CPWD, QPINC ----------------------------------------------------------------- */

/* The facilities an EC2x names; only the first can be locked here. */
static const char *const facilities[] = {"SC", "AO", "OI", "OX", "AI", "IR", "AB", "AG",
                                         "AC", "FD", "PF", "PN", "PU", "PP", "PC"};
static const char clck_test[] =
    "+CLCK: "
    "(\"SC\",\"AO\",\"OI\",\"OX\",\"AI\",\"IR\",\"AB\",\"AG\",\"AC\",\"FD\",\"PF\",\"PN\",\"PU\","
    "\"PP\",\"PC\")";

static bool is_facility(struct pm_slice text)
{
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
        if (pm__slice_equal_nocase(text, pm__slice(facilities[i]))) {
            return true;
        }
    }
    return false;
}

static void lock_sim(struct pm_port *port, bool on, const struct pm_at_value *password)
{
    struct pm_module *module = port->module;
    if (!pm__sim_serves(port)) {
        return;
    }
    if (!password->given || !all_digits(password->text)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    bool good = try_pin(module, password->text);
    if (good) {
        module->nvm[PM_NVM_SIM_LOCK] = on ? LOCK_ON : LOCK_OFF;
        module->pin_verified = true;
    }
    pm__nvm_save(port, good ? 0 : PM__CME_PASSWORD);
}

static void run_clck(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    bool sim = pm__slice_equal_nocase(values->v[0].text, pm__slice("SC"));
    (void)form;
    if (!is_facility(values->v[0].text)) {
        pm_at_bad_parameter(&port->at);
    } else if (!pm__sim_answers(port)) {
        return;
    } else if (values->v[1].number == 2) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CLCK: ");
        pm_at_put_number(&port->at, sim && locked(port->module) ? 1 : 0);
        pm__ok(port);
    } else if (sim) {
        lock_sim(port, values->v[1].number == 1, &values->v[2]);
    } else {
        pm__cme(port, PM__CME_NOT_SUPPORTED);
    }
}

/* A PIN can only be changed while it is asked for (TS 31.101). */
static void run_cpwd(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    struct pm_slice old = values->v[1].text;
    struct pm_slice fresh = values->v[2].text;
    (void)form;
    if (!is_facility(values->v[0].text) &&
        !pm__slice_equal_nocase(values->v[0].text, pm__slice("P2"))) {
        pm_at_bad_parameter(&port->at);
    } else if (!pm__slice_equal_nocase(values->v[0].text, pm__slice("SC"))) {
        pm__cme(port, PM__CME_NOT_SUPPORTED);
    } else if (!all_digits(old) || !all_digits(fresh)) {
        pm_at_bad_parameter(&port->at);
    } else if (pm__sim_serves(port)) {
        if (!locked(module)) {
            pm__cme(port, PM__CME_NOT_ALLOWED);
            return;
        }
        bool good = try_pin(module, old);
        if (good) {
            set_pin(module, fresh);
        }
        pm__nvm_save(port, good ? 0 : PM__CME_PASSWORD);
    }
}

/* Of the second PIN, which nothing here asks for, all tries are left. */
static void put_tries(struct pm_port *port, bool second)
{
    const struct pm_module *module = port->module;
    pm_at_info(&port->at);
    pm_at_put(&port->at, second ? "+QPINC: \"P2\"," : "+QPINC: \"SC\",");
    pm_at_put_number(&port->at, second ? PIN_TRIES : pm__sim_tries(module, false));
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, second ? PUK_TRIES : pm__sim_tries(module, true));
}

static void run_qpinc(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    bool all = form != PM_AT_WRITE;
    bool first = all || pm__slice_equal_nocase(values->v[0].text, pm__slice("SC"));
    bool second = all || pm__slice_equal_nocase(values->v[0].text, pm__slice("P2"));
    if (!first && !second) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    if (!pm__sim_answers(port)) {
        return;
    }
    if (first) {
        put_tries(port, false);
    }
    if (second) {
        put_tries(port, true);
    }
    pm__ok(port);
}

/* Whether a URC is to tell when the card comes or goes, which it never does; and whether it is in.
 */
static void run_qsimstat(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_module *module = port->module;
    if (form == PM_AT_WRITE) {
        module->sim_reports = values->v[0].number == 1;
    } else {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+QSIMSTAT: ");
        pm_at_put_number(&port->at, module->sim_reports ? 1 : 0);
        pm_at_put(&port->at, pm__sim(module) == PM__SIM_ABSENT ? ",0" : ",1");
    }
    pm__ok(port);
}

#define PIN(n, f)                                                                      \
    {                                                                                  \
        .name = (n), .type = PM_AT_TOKEN, .flags = (f), .min = 4, .max = PM_PIN_DIGITS \
    }
#define FACILITY                                                     \
    {                                                                \
        .name = "facility", .type = PM_AT_STRING, .min = 2, .max = 2 \
    }

static const struct pm_at_param cpin_params[] = {PIN("pin", 0), PIN("new pin", PM_AT_OPTIONAL)};
static const struct pm_at_param clck_params[] = {
    FACILITY,
    {.name = "mode", .max = 2},
    PIN("password", PM_AT_OPTIONAL),
    {.name = "class", .flags = PM_AT_OPTIONAL, .max = 255, .def = 7},
};
static const struct pm_at_param cpwd_params[] = {FACILITY, PIN("old password", 0),
                                                 PIN("new password", 0)};
static const struct pm_at_param qpinc_params[] = {FACILITY};
static const struct pm_at_param qsimstat_params[] = {{.name = "enable", .max = 1}};

#define ROW(n, f, p)                                                                     \
    .name = (n), .forms = (f), .param_count = sizeof(p) / sizeof((p)[0]), .params = (p), \
    .bad = PM__CME_PARAMETER

static const struct pm_at_command rows[] = {
    {ROW("+CPIN", PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, cpin_params), .flags = PM_AT_TEST_OK,
     .handler = run_cpin},
    {ROW("+CLCK", PM_AT_TEST | PM_AT_WRITE, clck_params), .test = clck_test, .handler = run_clck},
    {ROW("+CPWD", PM_AT_TEST | PM_AT_WRITE, cpwd_params), .test = "+CPWD: (\"SC\",8),(\"P2\",8)",
     .handler = run_cpwd},
    {ROW("+QPINC", PM_AT_EXEC | PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, qpinc_params),
     .test = "+QPINC: (\"SC\",\"P2\")", .handler = run_qpinc},
    {ROW("+QSIMSTAT", PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, qsimstat_params),
     .handler = run_qsimstat},
};

const struct pm__commands pm__sim_commands = {rows, sizeof rows / sizeof rows[0]};
