/* SPDX-License-Identifier: MIT */
/* The commands of one line (V.250 5.3 and 5.4): where each starts and what form it has. */
#include <string.h>

#include "at/at_internal.h"

static bool is_alpha(uint8_t c)
{
    uint8_t upper = pm__at_upper(c);
    return upper >= 'A' && upper <= 'Z';
}

/* The characters of an extended name behind its prefix (V.250 5.4.1). */
static bool in_name(uint8_t c)
{
    return is_alpha(c) || pm__at_digit(c) || c == '!' || c == '%' || c == '-' || c == '.' ||
           c == '/' || c == ':' || c == '_';
}

static bool is_prefix(uint8_t c)
{
    return c == '+' || c == '#' || c == '$' || c == '%' || c == '^' || c == '*';
}

static size_t skip_blanks(const struct pm_at *at, size_t pos)
{
    while (pos < at->line_len && at->line[pos] == ' ') {
        pos++;
    }
    return pos;
}

static size_t skip_digits(const struct pm_at *at, size_t pos)
{
    while (pos < at->line_len && pm__at_digit(at->line[pos])) {
        pos++;
    }
    return pos;
}

/* The character at `pos`, NUL behind the end. */
static uint8_t peek(const struct pm_at *at, size_t pos)
{
    return pos < at->line_len ? at->line[pos] : 0;
}

/* True when nothing but blanks stands before the end of the line or a ';'. */
static bool at_end(const struct pm_at *at, size_t pos)
{
    pos = skip_blanks(at, pos);
    return pos == at->line_len || at->line[pos] == ';';
}

/* Where the parameters end: at a ';' outside quotes, or with the line. */
static size_t params_end(const struct pm_at *at, size_t pos)
{
    bool quoted = false;
    while (pos < at->line_len && (quoted || at->line[pos] != ';')) {
        quoted ^= at->line[pos] == '"';
        pos++;
    }
    return pos;
}

static struct pm_slice slice(const struct pm_at *at, size_t begin, size_t end)
{
    return (struct pm_slice){at->line + begin, end - begin};
}

static bool find(const struct pm_at *at, size_t begin, size_t end, struct pm_at_call *call)
{
    call->command = pm_at_table_find(at->table, (const char *)at->line + begin, end - begin);
    return call->command != NULL;
}

/* '=?' or '=' and parameters; `pos` is behind the '='. Returns where they end. */
static size_t lex_write(const struct pm_at *at, size_t pos, struct pm_at_call *call)
{
    if (peek(at, pos) == '?' && at_end(at, pos + 1)) {
        call->form = PM_AT_TEST;
        return pos + 1;
    }
    size_t end = params_end(at, pos);
    call->form = PM_AT_WRITE;
    call->params = slice(at, pos, end);
    return end;
}

/* Behind the number of a basic command. Only S registers have a value that needs no ';'. */
static size_t lex_basic_form(const struct pm_at *at, size_t pos, bool s_register,
                             struct pm_at_call *call)
{
    size_t mark = skip_blanks(at, pos);
    if (peek(at, mark) == '?') {
        call->form = PM_AT_READ;
        return mark + 1;
    }
    if (peek(at, mark) != '=') {
        call->form = PM_AT_EXEC;
        return pos;
    }
    if (!s_register || peek(at, mark + 1) == '?') {
        return lex_write(at, mark + 1, call);
    }
    size_t begin = skip_blanks(at, mark + 1);
    size_t end = skip_digits(at, begin);
    call->form = PM_AT_WRITE;
    call->params = slice(at, begin, end);
    return end;
}

/* A letter, or '&' and a letter, with a number behind it. False: no such command. */
static bool lex_basic(const struct pm_at *at, size_t pos, struct pm_at_call *call, size_t *next)
{
    uint8_t letter = pm__at_upper(at->line[pos]);
    size_t name_end = pos + (letter == '&' ? 2 : 1);
    if (letter == '&' && !is_alpha(peek(at, pos + 1))) {
        return false;
    }
    if (!find(at, pos, name_end, call)) {
        return false;
    }
    call->basic = true;
    if (letter == 'D') { /* A dial string is everything up to the ';'. */
        call->form = PM_AT_EXEC;
        *next = params_end(at, name_end);
        call->params = slice(at, name_end, *next);
        return true;
    }
    size_t begin = skip_blanks(at, name_end);
    size_t end = skip_digits(at, begin);
    call->has_number = end > begin;
    call->number = slice(at, begin, end);
    *next = lex_basic_form(at, end, letter == 'S', call);
    return true;
}

/* A prefix character and a name. Blanks inside the name make it another one. */
static bool lex_extended(const struct pm_at *at, size_t pos, struct pm_at_call *call, size_t *next)
{
    size_t end = pos + 1;
    while (end < at->line_len && in_name(at->line[end])) {
        end++;
    }
    if (!find(at, pos, end, call)) {
        return false;
    }
    if (peek(at, end) == '=') {
        *next = lex_write(at, end + 1, call);
        return true;
    }
    call->form = PM_AT_EXEC;
    if (peek(at, end) == '?') {
        call->form = PM_AT_READ;
        end++;
    }
    *next = end;
    return at_end(at, end);
}

/* The command at or behind `pos`. */
static enum pm__at_split lex(const struct pm_at *at, size_t pos, struct pm_at_call *call,
                             size_t *next)
{
    while (pos < at->line_len && (at->line[pos] == ' ' || at->line[pos] == ';')) {
        pos++;
    }
    *next = pos;
    if (pos == at->line_len) {
        return PM__SPLIT_END;
    }
    bool found = false;
    memset(call, 0, sizeof *call);
    if (is_prefix(at->line[pos])) {
        found = lex_extended(at, pos, call, next);
    } else if (is_alpha(at->line[pos]) || at->line[pos] == '&') {
        found = lex_basic(at, pos, call, next);
    }
    return found && (call->command->forms & (unsigned)call->form) != 0 ? PM__SPLIT_COMMAND
                                                                       : PM__SPLIT_ERROR;
}

enum pm__at_split pm__at_split(struct pm_at *at)
{
    return lex(at, at->line_pos, &at->call, &at->line_pos);
}

bool pm__at_line_allowed(const struct pm_at *at)
{
    if (at->line_len == 0 || memchr(at->line, ';', at->line_len) == NULL) {
        return true; /* What opens data mode is an extended command: nothing can follow it. */
    }
    struct pm_at_call call;
    size_t pos = 0;
    bool opens_data = false;
    enum pm__at_split found = lex(at, pos, &call, &pos);
    while (found == PM__SPLIT_COMMAND && !opens_data) {
        opens_data = (call.command->flags & PM_AT_DATA) != 0 && call.form == PM_AT_WRITE;
        found = lex(at, pos, &call, &pos);
    }
    return !opens_data || found == PM__SPLIT_END;
}
