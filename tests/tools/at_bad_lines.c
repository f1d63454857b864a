/* SPDX-License-Identifier: MIT */
/* Prints, for each command, lines that its row does not allow and how they are answered at CMEE=1:
 * one JSON pair per line. For the end-to-end test, which types them to the real program. */
#include <stdio.h>

#include "at_cases.h"
#include "json_string.h"
#include "module/internal.h"

static void put_case(void *user, const struct at_case *c)
{
    unsigned *count = user;
    if (c->verdict != AT_CASE_BAD && c->verdict != AT_CASE_NO_FORM) {
        return;
    }
    putchar('[');
    json_string(c->line, c->len);
    if (c->verdict == AT_CASE_BAD && c->row->bad != 0) {
        printf(",\"+CME ERROR: %u\"]\n", c->row->bad);
    } else {
        printf(",\"ERROR\"]\n");
    }
    (*count)++;
}

int main(void)
{
    static struct pm_at_table table;
    const struct at_rules rules = {pm__limits(PM_LIMITS_STRICT), false};
    unsigned count = 0;
    if (!pm_module_table(&table)) {
        return 1;
    }
    for (size_t i = 0; i < PM_AT_INDEX_SLOTS; i++) {
        if (table.slots[i] != NULL) {
            at_cases(table.slots[i], &rules, put_case, &count);
        }
    }
    return count == 0 || ferror(stdout) != 0 ? 1 : 0;
}
