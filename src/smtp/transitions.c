/* SPDX-License-Identifier: MIT */
/* The transition table of a session (state x reply class), and the states' properties. */
#include "smtp/transitions.h"

struct state_row {
    const char *name;
    uint32_t timeout; /* ms */
    uint8_t actions[PM__SMTP_CLASSES];
};

static const struct state_row rows[PM__SMTP_STATE_COUNT] = {
#define PM_X(state, text, seconds, r2, r3, r4, r5, r421, bad)                    \
    [PM__SMTP_##state] = {                                                       \
        (text),                                                                  \
        (seconds)*1000u,                                                         \
        {PM__SMTP_DO_##r2, PM__SMTP_DO_##r3, PM__SMTP_DO_##r4, PM__SMTP_DO_##r5, \
         PM__SMTP_DO_##r421, PM__SMTP_DO_##bad},                                 \
    },
    PM__SMTP_STATES(PM_X)
#undef PM_X
};

enum pm__smtp_action pm__smtp_transition(enum pm__smtp_state state, enum pm__smtp_class reply)
{
    return (enum pm__smtp_action)rows[state].actions[reply];
}

enum pm__smtp_class pm__smtp_classify(uint16_t code)
{
    static const uint8_t classes[] = {PM__SMTP_2YZ, PM__SMTP_3YZ, PM__SMTP_4YZ, PM__SMTP_5YZ};
    if (code == 421) {
        return PM__SMTP_421;
    }
    if (code < 200 || code > 599) {
        return PM__SMTP_BAD;
    }
    return (enum pm__smtp_class)classes[code / 100 - 2];
}

uint32_t pm__smtp_timeout(enum pm__smtp_state state)
{
    return rows[state].timeout;
}

const char *pm__smtp_state_text(enum pm__smtp_state state)
{
    return rows[state].name;
}
