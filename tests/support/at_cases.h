/* SPDX-License-Identifier: MIT */
/*
 * Command lines made from the rows of the command table: every form, and for each parameter what
 * its descriptor allows and what it does not. Each line comes with the verdict that the row
 * documents, judged here without the parser's help.
 */
#ifndef PM_TEST_AT_CASES_H
#define PM_TEST_AT_CASES_H

#include "postmodem/at.h"

enum at_verdict {
    AT_CASE_GOOD,    /* the parameters are as the row says */
    AT_CASE_BAD,     /* they are not: answered as `bad` of the row says */
    AT_CASE_NO_FORM, /* the command has no such form, or the line is too long: ERROR */
    AT_CASE_ASK      /* the read or test form: one final result */
};

struct at_case {
    const struct pm_at_command *row;
    const struct pm_at_item *item; /* NULL: none, or an unknown one */
    enum at_form_tried {
        AT_TRIED_EXEC,
        AT_TRIED_READ,
        AT_TRIED_TEST,
        AT_TRIED_WRITE,
        AT_TRIED_JUNK
    } tried;
    enum at_verdict verdict;
    const char *what;                    /* in words, for a failure */
    char line[2 * PM_AT_LINE_SIZE + 64]; /* with its CR */
    size_t len;
};

/* What the verdict depends on besides the row. */
struct at_rules {
    const uint16_t *limits; /* as in struct pm_at_config */
    bool lenient;
};

typedef void (*at_case_taker)(void *user, const struct at_case *c);

/* Hands every case of a row to `take`. */
void at_cases(const struct pm_at_command *row, const struct at_rules *rules, at_case_taker take,
              void *user);

#endif
