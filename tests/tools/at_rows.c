/* SPDX-License-Identifier: MIT */
/* Prints the command table and the error numbers as JSON, for scripts/at-reference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_string.h"
#include "module/internal.h"
#include "postmodem/error.h"

static void put_member(const char *name, const char *text)
{
    printf(",\"%s\":", name);
    json_string(text, strlen(text));
}

static void put_param(const struct pm_at_param *param)
{
    static const char *const types[] = {"number", "string", "token"};
    printf("{\"min\":%ld,\"max\":%ld,\"default\":%ld,\"optional\":%s", (long)param->min,
           (long)param->max, (long)param->def,
           (param->flags & PM_AT_OPTIONAL) != 0 ? "true" : "false");
    put_member("name", param->name);
    put_member("type", types[param->type]);
    if (param->range != NULL) {
        put_member("range", param->range);
    }
    if (param->limit != 0) {
        printf(",\"strict\":%u,\"wide\":%u", pm__limits(PM_LIMITS_STRICT)[param->limit],
               pm__limits(PM_LIMITS_WIDE)[param->limit]);
    }
    putchar('}');
}

static void put_params(const struct pm_at_param *params, size_t count)
{
    printf(",\"params\":[");
    for (size_t i = 0; i < count; i++) {
        printf("%s", i != 0 ? "," : "");
        put_param(&params[i]);
    }
    putchar(']');
}

/* What the engine answers to the test form, on a port of its own. */
static void put_test(const struct pm_at_table *table, const struct pm_at_command *row)
{
    static struct pm_at at;
    struct pm_at_event event;
    struct pm_at_config config = {.table = table, .limits = pm__limits(PM_LIMITS_STRICT)};
    char line[64];
    const uint8_t *out = NULL;
    pm_at_settings_factory(&config.settings);
    config.settings.echo = 0;
    pm_at_init(&at, &config);
    int len = snprintf(line, sizeof line, "AT%s=?\r", row->name);
    (void)pm_at_input(&at, (const uint8_t *)line, (size_t)len, 1);
    if (pm_at_next_event(&at, &event, 1) == PM_AT_EV_COMMAND) {
        pm_at_answer_test(&at);
    }
    size_t n = pm_at_output(&at, &out);
    printf(",\"test\":");
    json_string((const char *)out, n);
}

static void put_row(const struct pm_at_table *table, const struct pm_at_command *row)
{
    printf("{\"bad\":%u,\"forms\":%u,\"data\":%s", row->bad, row->forms,
           (row->flags & PM_AT_DATA) != 0 ? "true" : "false");
    put_member("name", row->name);
    if ((row->forms & PM_AT_TEST) != 0) {
        put_test(table, row);
    }
    put_params(row->params, row->item_count == 0 ? row->param_count : 0);
    printf(",\"items\":[");
    for (size_t i = 0; i < row->item_count; i++) {
        printf("%s{\"keyword\":", i != 0 ? "," : "");
        json_string(row->items[i].keyword, strlen(row->items[i].keyword));
        put_params(row->items[i].params, row->items[i].param_count);
        putchar('}');
    }
    printf("]}");
}

static void put_texts(const char *name, const char *(*text_of)(uint16_t number))
{
    const char *before = "";
    printf(",\"%s\":{", name);
    for (unsigned number = 0; number < 1000; number++) {
        const char *text = text_of((uint16_t)number);
        if (text != NULL) {
            printf("%s\"%u\":", before, number);
            json_string(text, strlen(text));
            before = ",";
        }
    }
    putchar('}');
}

static void put_errors(void)
{
    const char *before = "";
    put_texts("cme", pm_cme_text);
    put_texts("cms", pm_cms_text);
    put_texts("net", pm_net_error_text);
    printf(",\"mail\":[");
#define ROW(name, number, reply, text)                       \
    printf("%s[%u,%u,\"%s\"]", before, number, reply, text); \
    before = ",";
    PM_MAIL_ERRORS(ROW)
    putchar(']');
}

int main(void)
{
    static struct pm_at_table table;
    const char *before = "";
    if (!pm_module_table(&table)) {
        return 1;
    }
    printf("{\"commands\":[");
    for (size_t i = 0; i < PM_AT_INDEX_SLOTS; i++) {
        if (table.slots[i] != NULL) {
            printf("%s\n", before);
            put_row(&table, table.slots[i]);
            before = ",";
        }
    }
    printf("]");
    put_errors();
    printf("}\n");
    return ferror(stdout) != 0 ? 1 : 0;
}
