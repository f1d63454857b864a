/* SPDX-License-Identifier: MIT */
/* Several modules: what tells them apart, and what only one of them can have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/configuration.h"

/* ---- Identity -------------------------------------------------------------------------- */

#define NUMBERS UINT64_C(10000000000)

/* FNV-1a, 64 bits: the same for a name at any place of the file, on any machine. */
static uint64_t hash(const char *name)
{
    uint64_t value = UINT64_C(0xCBF29CE484222325);
    for (; *name != '\0'; name++) {
        value = (value ^ (unsigned char)*name) * UINT64_C(0x100000001B3);
    }
    return value;
}

static int by_number(const void *a, const void *b)
{
    const struct pm_described *const *left = a;
    const struct pm_described *const *right = b;
    if ((*left)->number != (*right)->number) {
        return (*left)->number < (*right)->number ? -1 : 1;
    }
    return strcmp((*left)->name, (*right)->name);
}

/* Two names that hash to one number are as good as unheard of; the later one takes the next. */
bool pm__configuration_number(struct pm_configuration *configuration)
{
    size_t count = configuration->count;
    struct pm_described **sorted = malloc(count * sizeof(struct pm_described *));
    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = configuration->modules[i];
        sorted[i]->number = hash(sorted[i]->name) % NUMBERS;
    }
    qsort(sorted, count, sizeof(struct pm_described *), by_number);
    for (size_t i = 1; i < count; i++) {
        if (sorted[i]->number <= sorted[i - 1]->number) {
            sorted[i]->number = sorted[i - 1]->number + 1;
        }
    }
    free(sorted);
    return true;
}

/* The last digit of an IMEI (3GPP TS 23.003 B): the Luhn digit of the fourteen before. */
static char check_digit(const char *digits)
{
    unsigned sum = 0;
    for (size_t i = 0; i < 14; i++) {
        unsigned value = (unsigned)(digits[i] - '0') << (i % 2);
        sum += value > 9 ? value - 9 : value;
    }
    return (char)('0' + (10 - sum % 10) % 10);
}

static const char *digits_of(struct pm_options *options, const char *head, uint64_t number,
                             bool checked)
{
    char text[32];
    int len =
        snprintf(text, sizeof text - 1, "%s%010llu", head, (unsigned long long)(number % NUMBERS));
    if (checked) {
        text[len] = check_digit(text);
        len++;
    }
    return pm_options_keep(options, text, (size_t)len);
}

bool pm__configuration_identity(struct pm_options *options, uint64_t number)
{
    struct pm_module_config *module = &options->module;
    module->imei = digits_of(options, "8600", number, true);
    module->imsi = digits_of(options, "00101", number, false);
    module->iccid = digits_of(options, "8986000000", number, false);
    module->serial = digits_of(options, "POSTMODEM", number, false);
    return module->imei != NULL && module->imsi != NULL && module->iccid != NULL &&
           module->serial != NULL;
}

/* ---- What only one can have ------------------------------------------------------------- */

struct claim {
    const struct pm_options *owner;
    const char *what;
    char *text;
};

struct claims {
    struct claim *list;
    size_t count;
    bool failed;
};

/* Takes over `text`; NULL: no memory. */
static void claim(struct claims *claims, const struct pm_options *owner, const char *what,
                  char *text)
{
    if (text == NULL) {
        claims->failed = true;
        return;
    }
    struct claim *next = &claims->list[claims->count++];
    next->owner = owner;
    next->what = what;
    next->text = text;
}

/* A directory by the name that all its names lead to; as it is written while it is not there. */
static void claim_directory(struct claims *claims, const struct pm_options *owner, const char *dir)
{
    char *real = *dir != '\0' ? realpath(dir, NULL) : NULL;
    if (*dir != '\0') {
        claim(claims, owner, "the directory", real != NULL ? real : strdup(dir));
    }
}

/* A listener with the number 0: each gets another one. */
static bool any_port(const struct pm_port_setting *port)
{
    bool listens = port->kind == PM_TERMINAL_TCP || port->kind == PM_TERMINAL_RFC2217;
    const char *colon = strrchr(port->where, ':');
    const char *number = colon != NULL ? colon + 1 : port->where;
    return listens && number[strspn(number, "0")] == '\0';
}

/* How much of where a port is names what it takes: a line is the same at any speed. */
static size_t place_len(const struct pm_port_setting *port)
{
    return port->kind == PM_TERMINAL_SERIAL ? strcspn(port->where, ",") : strlen(port->where);
}

bool pm_ports_collide(const struct pm_port_setting *a, const struct pm_port_setting *b)
{
    if (a->kind == PM_TERMINAL_STDIO || b->kind == PM_TERMINAL_STDIO) {
        return a->kind == b->kind;
    }
    size_t len = place_len(a);
    return !any_port(a) && len == place_len(b) && memcmp(a->where, b->where, len) == 0;
}

static void claim_ports(struct claims *claims, const struct pm_options *owner)
{
    for (size_t i = 0; i < owner->port_count; i++) {
        const struct pm_port_setting *port = &owner->port[i];
        if (port->kind == PM_TERMINAL_STDIO) {
            claim(claims, owner, "the standard input and output", strdup(""));
        } else if (!any_port(port)) {
            claim(claims, owner, "the port", strndup(port->where, place_len(port)));
        }
    }
}

static int by_text(const void *a, const void *b)
{
    const struct claim *left = a;
    const struct claim *right = b;
    int order = strcmp(left->what, right->what);
    return order != 0 ? order : strcmp(left->text, right->text);
}

static bool claims_distinct(struct claims *claims, char *err, size_t err_size)
{
    if (claims->failed) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    qsort(claims->list, claims->count, sizeof *claims->list, by_text);
    for (size_t i = 1; i < claims->count; i++) {
        const struct claim *one = &claims->list[i - 1];
        const struct claim *other = &claims->list[i];
        if (by_text(one, other) == 0 && one->owner != other->owner) {
            snprintf(err, err_size, "the modules %s and %s both want %s%s%.200s", one->owner->name,
                     other->owner->name, one->what, *one->text != '\0' ? " " : "", one->text);
            return false;
        }
    }
    return true;
}

bool pm__configuration_distinct(const struct pm_configuration *configuration, char *err,
                                size_t err_size)
{
    struct claims claims = {
        .list = calloc(configuration->count * (PM_TERMINALS + 2), sizeof *claims.list)};
    if (claims.list == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    for (size_t i = 0; i < configuration->count; i++) {
        const struct pm_options *options = configuration->modules[i]->options;
        claim_ports(&claims, options);
        claim_directory(&claims, options, options->state_dir);
        claim_directory(&claims, options, options->sd_dir);
    }
    bool good = claims_distinct(&claims, err, err_size);
    for (size_t i = 0; i < claims.count; i++) {
        free(claims.list[i].text);
    }
    free(claims.list);
    return good;
}
