/* SPDX-License-Identifier: MIT */
/* Test answers (AT+X=?), made from the descriptors that also check the parameters. */
#include <string.h>

#include "at/at_internal.h"

static void put_range(struct pm_at *at, const struct pm_at_param *param)
{
    if (param->range != NULL) {
        pm_at_put(at, param->range);
        return;
    }
    if (param->type != PM_AT_NUMBER) {
        pm_at_put(at, "<");
        pm_at_put(at, param->name);
        pm_at_put(at, ">");
        return;
    }
    pm_at_put(at, "(");
    pm_at_put_number(at, (uint32_t)param->min);
    if (param->max > param->min) {
        pm_at_put(at, param->max - param->min == 1 ? "," : "-");
        pm_at_put_number(at, (uint32_t)param->max);
    }
    pm_at_put(at, ")");
}

static void put_params(struct pm_at *at, const struct pm_at_param *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            pm_at_put(at, ",");
        }
        put_range(at, &params[i]);
    }
}

static void open_line(struct pm_at *at)
{
    pm_at_info(at);
    pm_at_put(at, at->call.command->name);
    pm_at_put(at, ": ");
}

static void put_item(struct pm_at *at, const struct pm_at_item *item)
{
    open_line(at);
    pm_at_put(at, "\"");
    pm_at_put(at, item->keyword);
    pm_at_put(at, "\"");
    if (item->test != NULL ? item->test[0] != '\0' : item->param_count > 0) {
        pm_at_put(at, ",");
    }
    if (item->test != NULL) {
        pm_at_put(at, item->test);
    } else {
        put_params(at, item->params, item->param_count);
    }
}

/* A text of the row, one information line for each of its lines. */
static void put_lines(struct pm_at *at, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        const char *end = memchr(text, '\n', left);
        size_t n = end != NULL ? (size_t)(end - text) : left;
        pm_at_info(at);
        pm_at_put_bytes(at, (const uint8_t *)text, n);
        n += end != NULL ? 1 : 0;
        text += n;
        left -= n;
    }
}

void pm_at_answer_test(struct pm_at *at)
{
    if (!at->running) {
        return;
    }
    const struct pm_at_command *command = at->call.command;
    if ((command->flags & PM_AT_TEST_OK) == 0) {
        if (command->test != NULL) {
            put_lines(at, command->test);
        } else if (command->item_count > 0) {
            for (size_t i = 0; i < command->item_count; i++) {
                put_item(at, &command->items[i]);
            }
        } else if (command->param_count > 0) {
            open_line(at);
            put_params(at, command->params, command->param_count);
        }
    }
    pm_at_result(at, PM_AT_RESULT_OK, at->now);
}
