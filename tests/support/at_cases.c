/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at_cases.h"

enum { FIELD_MOST = PM_AT_LINE_SIZE + 8, FIELDS_MOST = PM_AT_MAX_PARAMS + 64 };

/* How a parameter stands on the line. */
enum wrap { BARE, QUOTED, OPEN, TRAILED, INNER };

struct field {
    enum wrap wrap;
    char text[FIELD_MOST];
};

/* The case under construction: fields are rewritten in place. */
struct maker {
    struct at_case c;
    const struct at_rules *rules;
    at_case_taker take;
    void *user;
    const struct pm_at_param *params;
    size_t param_count;
    struct field fields[PM_AT_MAX_PARAMS + 1];
    const char *keyword; /* as it is typed, NULL: none */
};

/* ---- The verdict ------------------------------------------------------------------- */

static size_t longest(const struct maker *m, const struct pm_at_param *param)
{
    return param->limit != 0 ? m->rules->limits[param->limit] : (size_t)param->max;
}

static bool number_good(const struct pm_at_param *param, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0') {
        return false;
    }
    unsigned long long number = strtoull(text, NULL, 10); /* saturates */
    return number >= (unsigned long long)param->min && number <= (unsigned long long)param->max;
}

static bool field_good(const struct maker *m, const struct pm_at_param *param,
                       const struct field *field)
{
    bool quoted = field->wrap == QUOTED;
    size_t len = strlen(field->text);
    if (!quoted && field->wrap != BARE) {
        return false;
    }
    if (!quoted && len == 0) {
        return (param->flags & PM_AT_OPTIONAL) != 0;
    }
    if (param->type == PM_AT_NUMBER) {
        return (!quoted || m->rules->lenient) && number_good(param, field->text);
    }
    return (quoted || m->rules->lenient || param->type == PM_AT_TOKEN) &&
           strchr(field->text, '\n') == NULL && len >= (size_t)param->min &&
           len <= longest(m, param);
}

static bool list_good(const struct maker *m, size_t count)
{
    for (size_t i = 0; i < count && i < m->param_count; i++) {
        if (!field_good(m, &m->params[i], &m->fields[i])) {
            return false;
        }
    }
    for (size_t i = count; i < m->param_count; i++) {
        if ((m->params[i].flags & PM_AT_OPTIONAL) == 0) {
            return false;
        }
    }
    return count <= m->param_count;
}

/* ---- The line ----------------------------------------------------------------------- */

static void add(struct maker *m, const char *text)
{
    size_t len = strlen(text);
    if (m->c.len + len < sizeof m->c.line) {
        memcpy(m->c.line + m->c.len, text, len + 1);
        m->c.len += len;
    }
}

static void add_field(struct maker *m, const struct field *field)
{
    static const char *const before[] = {"", "\"", "\"", "\"", ""};
    static const char *const behind[] = {"", "\"", "", "\"x", "\"x\""};
    add(m, before[field->wrap]);
    add(m, field->text);
    add(m, behind[field->wrap]);
}

static void begin(struct maker *m)
{
    m->c.len = 0;
    add(m, "AT");
    add(m, m->c.row->name);
}

static void hand_over(struct maker *m, enum at_verdict verdict, const char *what)
{
    if (m->c.len - 2 > PM_AT_LINE_SIZE) { /* without its AT */
        verdict = AT_CASE_NO_FORM;
    }
    m->c.verdict = verdict;
    m->c.what = what;
    add(m, "\r");
    m->take(m->user, &m->c);
}

/* The first `count` fields, behind the name and the keyword. */
static void write_list(struct maker *m, size_t count, enum at_verdict verdict, const char *what)
{
    begin(m);
    add(m, "=");
    if (m->keyword != NULL) {
        add(m, m->keyword);
        add(m, count != 0 ? "," : "");
    }
    for (size_t i = 0; i < count; i++) {
        add(m, i != 0 ? "," : "");
        add_field(m, &m->fields[i]);
    }
    m->c.tried = AT_TRIED_WRITE;
    bool has_form = (m->c.row->forms & PM_AT_WRITE) != 0;
    hand_over(m, has_form ? verdict : AT_CASE_NO_FORM, what);
}

/* A keyword alone asks; else the list is judged. */
static void try_list(struct maker *m, size_t count, const char *what)
{
    bool good = list_good(m, count) || (m->c.item != NULL && count == 0);
    write_list(m, count, good ? AT_CASE_GOOD : AT_CASE_BAD, what);
}

/* ---- Values --------------------------------------------------------------------------- */

static void set(struct field *field, enum wrap wrap, const char *text)
{
    field->wrap = wrap;
    (void)snprintf(field->text, sizeof field->text, "%s", text);
}

static void set_long(struct field *field, enum wrap wrap, size_t len)
{
    len = len < sizeof field->text ? len : sizeof field->text - 1;
    field->wrap = wrap;
    memset(field->text, '1', len); /* a token may have to be a number for its command */
    field->text[len] = '\0';
}

static void set_number(struct field *field, enum wrap wrap, long long number)
{
    field->wrap = wrap;
    (void)snprintf(field->text, sizeof field->text, "%lld", number);
}

static void set_usual(struct maker *m, size_t i)
{
    const struct pm_at_param *param = &m->params[i];
    if (param->type == PM_AT_NUMBER) {
        bool fits = param->def >= param->min && param->def <= param->max;
        set_number(&m->fields[i], BARE, fits ? param->def : param->min);
    } else {
        size_t most = longest(m, param);
        size_t len = param->min > 0 ? (size_t)param->min : 1;
        set_long(&m->fields[i], QUOTED, len <= most ? len : most);
    }
}

/* Tries what field `i` holds, with the fields behind it and without. */
static void try_field(struct maker *m, size_t i, const char *what)
{
    try_list(m, i + 1, what);
    if (i + 1 < m->param_count && m->fields[i].wrap != OPEN) {
        try_list(m, m->param_count, what);
    }
}

static void try_number(struct maker *m, size_t i)
{
    const struct pm_at_param *param = &m->params[i];
    static const struct {
        const char *text, *what;
    } bad[] = {
        {"4294967296", "a number that is 0 in 32 bits"},
        {"4294967297", "a number that is 1 in 32 bits"},
        {"18446744073709551617", "a number that is 1 in 64 bits"},
        {"2147483648", "a number beyond 31 bits"},
        {"-1", "a negative number"},
        {"+1", "a number with a sign"},
        {"1x", "a number and a letter"},
        {"0x1", "a hexadecimal number"},
        {"1.5", "a fraction"},
        {"1 1", "two numbers"},
        {"abc", "a word for a number"},
    };
    struct field *field = &m->fields[i];
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        set(field, BARE, bad[k].text);
        try_field(m, i, bad[k].what);
    }
    for (enum wrap wrap = BARE; wrap <= INNER; wrap++) {
        set_number(field, wrap, param->min);
        try_field(m, i, wrap == BARE ? "the least number" : "a number and quotes");
    }
    set_number(field, BARE, param->max);
    try_field(m, i, "the largest number");
    set_number(field, BARE, (long long)param->max + 1);
    try_field(m, i, "a number that is too large");
    set_number(field, QUOTED, (long long)param->max + 1);
    try_field(m, i, "a quoted number that is too large");
    set_number(field, BARE, (long long)param->min - 1);
    try_field(m, i, "a number that is too small");
    (void)snprintf(field->text, sizeof field->text, "%040ld", (long)param->min);
    try_field(m, i, "leading zeros");
}

static void try_text(struct maker *m, size_t i)
{
    size_t least = (size_t)m->params[i].min;
    size_t most = longest(m, &m->params[i]);
    struct field *field = &m->fields[i];
    for (enum wrap wrap = BARE; wrap <= INNER; wrap++) {
        set_long(field, wrap, least > 0 ? least : 1);
        try_field(m, i, "a string and quotes");
    }
    if (least > 0) {
        set_long(field, QUOTED, least - 1);
        try_field(m, i, "a string that is too short");
        set_long(field, BARE, least - 1);
        try_field(m, i, "a bare string that is too short");
    }
    set(field, QUOTED, "1\n1"); /* Inside quotes LF stays (CD39). */
    try_field(m, i, "a string with a line feed");
    set_long(field, QUOTED, most);
    try_field(m, i, "the longest string");
    set_long(field, QUOTED, most + 1);
    try_field(m, i, "a string that is too long");
    set_long(field, BARE, most + 1);
    try_field(m, i, "a bare string that is too long");
}

/* The parameters of a row or of one of its keywords: each in turn, the others as usual. */
static void try_params(struct maker *m, const struct pm_at_param *params, size_t count)
{
    m->params = params;
    m->param_count = count;
    for (size_t i = 0; i < count; i++) {
        set_usual(m, i);
    }
    for (size_t i = 0; i <= count; i++) {
        try_list(m, i, i < count ? "not all parameters" : "all parameters");
    }
    for (size_t i = 0; i < count; i++) {
        set(&m->fields[i], BARE, "");
        try_field(m, i, "an empty parameter");
        set(&m->fields[i], QUOTED, "");
        try_field(m, i, "an empty string");
        if (params[i].type == PM_AT_NUMBER) {
            try_number(m, i);
        } else {
            try_text(m, i);
        }
        set_usual(m, i);
    }
    set(&m->fields[count], BARE, "");
    try_list(m, count + 1, "a comma behind the last parameter");
    set(&m->fields[count], BARE, "0");
    try_list(m, count + 1, "one number too many");
    set(&m->fields[count], QUOTED, "x");
    try_list(m, count + 1, "one string too many");
}

/* ---- Keywords --------------------------------------------------------------------------- */

static void try_keyword(struct maker *m, const char *typed, bool good, const char *what)
{
    m->keyword = typed;
    write_list(m, 0, good ? AT_CASE_GOOD : AT_CASE_BAD, what);
}

static void try_item(struct maker *m, const struct pm_at_item *item)
{
    char typed[80];
    m->c.item = item;
    (void)snprintf(typed, sizeof typed, "%s", item->keyword);
    try_keyword(m, typed, m->rules->lenient, "a bare keyword");
    (void)snprintf(typed, sizeof typed, "\"%s", item->keyword);
    try_keyword(m, typed, false, "a keyword in an open quote");
    (void)snprintf(typed, sizeof typed, "\"%s\"x", item->keyword);
    try_keyword(m, typed, false, "a letter behind the keyword");
    (void)snprintf(typed, sizeof typed, "\"%sx\"", item->keyword);
    try_keyword(m, typed, false, "a letter at the end of the keyword");
    (void)snprintf(typed, sizeof typed, "\"%.*s\"", (int)strlen(item->keyword) - 1, item->keyword);
    try_keyword(m, typed, false, "a keyword without its last letter");
    (void)snprintf(typed, sizeof typed, "\"%s\"", item->keyword);
    for (char *c = typed; *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
    try_keyword(m, typed, true, "a keyword in capitals");
    m->keyword = typed;
    try_params(m, item->params, item->param_count);
    m->keyword = NULL;
    m->c.item = NULL;
}

static void try_items(struct maker *m)
{
    char large[1024];
    memset(large, 'k', sizeof large);
    large[0] = large[sizeof large - 2] = '"';
    large[sizeof large - 1] = '\0';
    try_keyword(m, "", false, "no keyword");
    try_keyword(m, "\"\"", false, "an empty keyword");
    try_keyword(m, "0", false, "a number for a keyword");
    try_keyword(m, "\"nonsense\"", false, "an unknown keyword");
    try_keyword(m, "\"nonsense\",1", false, "an unknown keyword and a number");
    try_keyword(m, ",", false, "a comma for a keyword");
    try_keyword(m, large, false, "a keyword of a thousand letters");
    m->keyword = NULL;
    for (size_t i = 0; i < m->c.row->item_count; i++) {
        try_item(m, &m->c.row->items[i]);
    }
}

/* ---- Forms ------------------------------------------------------------------------------ */

static void try_form(struct maker *m, const char *behind, enum at_form_tried tried,
                     enum at_verdict verdict, const char *what)
{
    begin(m);
    add(m, behind);
    m->c.tried = tried;
    hand_over(m, verdict, what);
}

static enum at_verdict asked(const struct maker *m, unsigned form)
{
    return (m->c.row->forms & form) != 0 ? AT_CASE_ASK : AT_CASE_NO_FORM;
}

static void try_forms(struct maker *m)
{
    if ((m->c.row->forms & PM_AT_EXEC) == 0) {
        try_form(m, "", AT_TRIED_EXEC, AT_CASE_NO_FORM, "the execution form");
    }
    try_form(m, "?", AT_TRIED_READ, asked(m, PM_AT_READ), "the read form");
    try_form(m, "=?", AT_TRIED_TEST, asked(m, PM_AT_TEST), "the test form");
    try_form(m, "??", AT_TRIED_JUNK, AT_CASE_NO_FORM, "two question marks");
    try_form(m, "?1", AT_TRIED_JUNK, AT_CASE_NO_FORM, "a number behind the read form");
    try_form(m, " 1", AT_TRIED_JUNK, AT_CASE_NO_FORM, "a number without '='");
    try_form(m, "\"", AT_TRIED_JUNK, AT_CASE_NO_FORM, "a quote behind the name");
    try_form(m, "-X", AT_TRIED_JUNK, AT_CASE_NO_FORM, "a longer name");
}

/* A letter, or & and a letter, with a number. */
static void try_basic(struct maker *m)
{
    const struct pm_at_param *param = m->c.row->param_count != 0 ? &m->c.row->params[0] : NULL;
    char text[32];
    try_form(m, "?", AT_TRIED_READ, AT_CASE_NO_FORM, "the read form");
    try_form(m, "=?", AT_TRIED_TEST, AT_CASE_NO_FORM, "the test form");
    try_form(m, "=1", AT_TRIED_WRITE, AT_CASE_NO_FORM, "the write form");
    try_form(m, "99999999999", AT_TRIED_WRITE, AT_CASE_BAD, "a number beyond 31 bits");
    if (param == NULL) {
        return;
    }
    for (int32_t number = param->min; number <= param->max; number++) {
        (void)snprintf(text, sizeof text, "%ld", (long)number);
        try_form(m, text, AT_TRIED_WRITE, AT_CASE_GOOD, "a number in range");
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)param->max + 1);
    try_form(m, text, AT_TRIED_WRITE, AT_CASE_BAD, "a number that is too large");
    (void)snprintf(text, sizeof text, "%lld", 4294967296LL + param->min);
    try_form(m, text, AT_TRIED_WRITE, AT_CASE_BAD, "a number that fits in 32 bits only");
}

static void try_s_registers(struct maker *m)
{
    static const struct {
        const char *text;
        enum at_verdict verdict;
        const char *what;
    } tries[] = {
        {"?", AT_CASE_BAD, "no register"},
        {"=1", AT_CASE_BAD, "no register"},
        {"256?", AT_CASE_BAD, "a register beyond 255"},
        {"4294967299?", AT_CASE_BAD, "register 3 in 32 bits"},
        {"256=1", AT_CASE_BAD, "a register beyond 255"},
        {"3=", AT_CASE_BAD, "no value"},
        {"3=x", AT_CASE_BAD, "a letter for a value"},
        {"3=256", AT_CASE_BAD, "a value beyond 255"},
        {"3=4294967309", AT_CASE_BAD, "13 in 32 bits"},
        {"3=-1", AT_CASE_BAD, "a negative value"},
        {"3?", AT_CASE_ASK, "the read form"},
        {"3", AT_CASE_NO_FORM, "the execution form"},
        {"3=?", AT_CASE_NO_FORM, "the test form"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        try_form(m, tries[i].text, AT_TRIED_WRITE, tries[i].verdict, tries[i].what);
    }
}

void at_cases(const struct pm_at_command *row, const struct at_rules *rules, at_case_taker take,
              void *user)
{
    static struct maker maker;
    struct maker *m = &maker;
    memset(m, 0, sizeof *m);
    m->c.row = row;
    m->rules = rules;
    m->take = take;
    m->user = user;
    if (row->name[0] == 'S') {
        try_s_registers(m);
    } else if (row->name[0] != '+' && row->name[0] != 'D') { /* a dial string is anything */
        try_basic(m);
    } else if (row->name[0] == '+') {
        try_forms(m);
        if (row->item_count != 0) {
            try_items(m);
        } else {
            try_params(m, row->params, row->param_count);
        }
    }
}
