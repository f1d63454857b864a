/* SPDX-License-Identifier: MIT */
/*
 * Parameters of one command, checked against the descriptors of its row: fields
 * between commas, strings in double quotes without escapes (SD17, CD19).
 */
#include <string.h>

#include "at/at_internal.h"

/* What is left of the parameters. */
struct cursor {
    const uint8_t *next, *end;
};

/* One field as it stands on the line, blanks around it removed. */
struct field {
    struct pm_slice text; /* without its quotes */
    bool quoted;
};

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->next < cursor->end && *cursor->next == ' ') {
        cursor->next++;
    }
}

static bool read_quoted(struct cursor *cursor, struct field *field)
{
    const uint8_t *begin = cursor->next + 1;
    const uint8_t *quote = memchr(begin, '"', (size_t)(cursor->end - begin));
    if (quote == NULL) {
        return false;
    }
    field->quoted = true;
    field->text = (struct pm_slice){begin, (size_t)(quote - begin)};
    cursor->next = quote + 1;
    skip_blanks(cursor);
    return true;
}

static void read_bare(struct cursor *cursor, struct field *field)
{
    const uint8_t *begin = cursor->next;
    while (cursor->next < cursor->end && *cursor->next != ',' && *cursor->next != '"') {
        cursor->next++;
    }
    const uint8_t *last = cursor->next;
    while (last > begin && last[-1] == ' ') {
        last--;
    }
    field->quoted = false;
    field->text = (struct pm_slice){begin, (size_t)(last - begin)};
}

/*
 * Reads one field and the comma behind it; `more` tells whether there was one.
 * False for an open quote and for anything else than a comma behind a field.
 */
static bool read_field(struct cursor *cursor, struct field *field, bool *more)
{
    skip_blanks(cursor);
    if (cursor->next < cursor->end && *cursor->next == '"') {
        if (!read_quoted(cursor, field)) {
            return false;
        }
    } else {
        read_bare(cursor, field);
    }
    *more = cursor->next < cursor->end;
    if (*more && *cursor->next != ',') {
        return false;
    }
    cursor->next += *more ? 1 : 0;
    return true;
}

/* Decimal digits alone, up to INT32_MAX. */
static bool read_number(struct pm_slice text, int32_t *number)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!pm__at_digit(text.ptr[i])) {
            return false;
        }
        uint32_t digit = text.ptr[i] - (uint32_t)'0';
        if (sum > ((uint32_t)INT32_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = (int32_t)sum;
    return text.len > 0;
}

static bool has_control(struct pm_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == PM__DEL) {
            return true;
        }
    }
    return false;
}

static bool check_number(const struct pm_at *at, const struct pm_at_param *param,
                         const struct field *field, struct pm_at_value *value)
{
    return (!field->quoted || at->lenient) && read_number(field->text, &value->number) &&
           value->number >= param->min && value->number <= param->max;
}

static bool check_text(const struct pm_at *at, const struct pm_at_param *param,
                       const struct field *field)
{
    size_t most = param->limit != 0 ? at->limits[param->limit] : (size_t)param->max;
    bool form = field->quoted || at->lenient || param->type == PM_AT_TOKEN;
    bool clean = (param->flags & PM_AT_CONTROL) != 0 || !has_control(field->text);
    return form && clean && field->text.len <= most && field->text.len >= (size_t)param->min;
}

/* Checks one field against its descriptor. An empty bare field was left out. */
static bool check_field(const struct pm_at *at, const struct pm_at_param *param,
                        const struct field *field, struct pm_at_value *value)
{
    if (!field->quoted && field->text.len == 0) {
        return (param->flags & PM_AT_OPTIONAL) != 0;
    }
    value->given = true;
    value->quoted = field->quoted;
    value->text = field->text;
    return param->type == PM_AT_NUMBER ? check_number(at, param, field, value)
                                       : check_text(at, param, field);
}

static void set_defaults(const struct pm_at_param *params, size_t count, struct pm_at_value *values)
{
    for (size_t i = 0; i < count; i++) {
        memset(&values[i], 0, sizeof values[i]);
        values[i].number = params[i].def;
    }
}

/* True when none of the parameters from `first` on must be given. */
static bool rest_optional(const struct pm_at_param *params, size_t first, size_t count)
{
    for (size_t i = first; i < count; i++) {
        if ((params[i].flags & PM_AT_OPTIONAL) == 0) {
            return false;
        }
    }
    return true;
}

/* Reads fields until the parameters end. `more` says whether there is any field at all. */
static bool read_params(const struct pm_at *at, struct cursor *cursor, bool more,
                        const struct pm_at_param *params, size_t count, struct pm_at_values *values)
{
    struct field field;
    while (more) {
        size_t i = values->count;
        if (i == count || !read_field(cursor, &field, &more) ||
            !check_field(at, &params[i], &field, &values->v[i])) {
            return false;
        }
        values->count++;
    }
    return rest_optional(params, values->count, count);
}

static bool same_word(const char *word, struct pm_slice text)
{
    size_t i = 0;
    while (i < text.len && word[i] != '\0' &&
           pm__at_upper((uint8_t)word[i]) == pm__at_upper(text.ptr[i])) {
        i++;
    }
    return i == text.len && word[i] == '\0';
}

/* A keyword alone is the query form; with anything behind it all required values must come. */
static bool parse_item(const struct pm_at *at, struct cursor *cursor, struct pm_at_values *values)
{
    const struct pm_at_command *command = at->call.command;
    struct field field;
    bool more = false;
    if (!read_field(cursor, &field, &more) || (!field.quoted && !at->lenient)) {
        return false;
    }
    for (size_t i = 0; i < command->item_count; i++) {
        const struct pm_at_item *item = &command->items[i];
        if (same_word(item->keyword, field.text)) {
            values->item = item;
            set_defaults(item->params, item->param_count, values->v);
            return !more || read_params(at, cursor, more, item->params, item->param_count, values);
        }
    }
    return false;
}

static bool parse_write(const struct pm_at *at, struct pm_at_values *values)
{
    const struct pm_at_command *command = at->call.command;
    struct pm_slice params = at->call.params;
    struct cursor cursor = {params.ptr, params.ptr + params.len};
    if (command->item_count > 0) {
        return parse_item(at, &cursor, values);
    }
    skip_blanks(&cursor);
    return read_params(at, &cursor, cursor.next < cursor.end, command->params, command->param_count,
                       values);
}

/* One number of a basic command, checked when the row describes it. */
static bool basic_number(const struct pm_at_command *command, size_t i, struct pm_slice digits,
                         struct pm_at_value *value)
{
    value->given = true;
    value->text = digits;
    if (!read_number(digits, &value->number)) {
        return false;
    }
    return i >= command->param_count ||
           (value->number >= command->params[i].min && value->number <= command->params[i].max);
}

/* ATE1, AT&F, ATS3?, ATS3=13, ATD and its dial string. */
static bool parse_basic(const struct pm_at *at, struct pm_at_values *values)
{
    const struct pm_at_call *call = &at->call;
    memset(values->v, 0, 2 * sizeof values->v[0]);
    set_defaults(call->command->params, call->command->param_count, values->v);
    if (call->has_number) {
        values->count = 1;
        if (!basic_number(call->command, 0, call->number, &values->v[0])) {
            return false;
        }
    } else if (!rest_optional(call->command->params, 0, call->command->param_count)) {
        return false; /* ATS=1, ATS?: which register? */
    } else if (call->params.len > 0 && call->form == PM_AT_EXEC) {
        values->count = 1;
        values->v[0].given = true;
        values->v[0].text = call->params;
    }
    if (call->form == PM_AT_WRITE) {
        values->count = 2;
        return call->has_number && basic_number(call->command, 1, call->params, &values->v[1]);
    }
    return true;
}

bool pm_at_parse(struct pm_at *at, struct pm_at_values *values)
{
    values->count = 0;
    values->item = NULL;
    if (!at->running) {
        return false;
    }
    if (at->call.basic && at->call.form != PM_AT_TEST) {
        return parse_basic(at, values);
    }
    const struct pm_at_command *command = at->call.command;
    if (command->item_count == 0) {
        set_defaults(command->params, command->param_count, values->v);
    }
    return at->call.form != PM_AT_WRITE || parse_write(at, values);
}
