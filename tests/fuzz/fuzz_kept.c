/* SPDX-License-Identifier: MIT */
/*
 * What a module finds kept when it starts: records of any content, as another program or a
 * worn-out disk may leave them. The input is a list of records: key, length, bytes. A module
 * must start with them, answer what hosts ask first with a result each time, and start again with
 * what it then keeps itself, to give the same answers.
 */
#include "harness.h"
#include "play/world.h"

enum { ANSWER_SIZE = 4096, PORTS = WORLD_PORTS };

/* What the module keeps, and from PORT_QUESTIONS on what a port does. */
static const char *const questions[] = {
    "AT+CPIN?",
    "AT+QURCCFG=\"urcport\"",
    "AT+QCFG=\"usbnet\"",
    "AT+QCFG=\"band\"",
    "AT+CTZU?",
    "AT+QINDCFG=\"all\"",
    "AT+CGDCONT?",
    "AT+QICSGP=1",
    "AT+CLCK=\"SC\",2",
    "AT+QPINC=\"SC\"",
    "AT&V",
    "AT+IPR?",
    "AT+IFC?",
    "AT+ICF?",
    "ATZ",
};
enum { QUESTIONS = sizeof questions / sizeof questions[0], PORT_QUESTIONS = 10 };

struct life {
    struct world w;
    char answers[PORTS][QUESTIONS][ANSWER_SIZE];
};

static size_t ask(struct world *w, size_t port, const char *command, char *answer)
{
    world_type(w, port, command, strlen(command));
    world_type(w, port, "\r", 1);
    world_advance(w, w->now + 300);
    size_t n = world_read(w, port, (uint8_t *)answer, ANSWER_SIZE - 1);
    answer[n] = '\0';
    return n;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t n = strlen(end);
    return len >= n && strcmp(text + len - n, end) == 0;
}

/* One result, and nothing after it. */
static bool is_answered(const char *answer)
{
    const char *error = strstr(answer, "\r\n+CME ERROR: ");
    const char *end = error != NULL ? strstr(error + 2, "\r\n") : NULL;
    return ends_with(answer, "\r\nOK\r\n") || ends_with(answer, "\r\nERROR\r\n") ||
           (end != NULL && end[2] == '\0');
}

/* The usual form of answers is asked for first, whatever is kept; the last question may end it. */
static void interview(struct life *life)
{
    char plain[ANSWER_SIZE];
    for (size_t port = 0; port < PORTS; port++) {
        (void)ask(&life->w, port, "ATE1V1Q0", plain);
        for (size_t i = port == 0 ? 0 : PORT_QUESTIONS; i < QUESTIONS; i++) {
            (void)ask(&life->w, port, questions[i], life->answers[port][i]);
            REQUIRE(i == QUESTIONS - 1 || is_answered(life->answers[port][i]));
        }
    }
}

static void start(struct life *life)
{
    char greetings[ANSWER_SIZE];
    world_begin(&life->w, PORTS);
    REQUIRE(life->w.started);
    world_advance(&life->w, 20000);
    for (size_t port = 0; port < PORTS; port++) {
        (void)world_read(&life->w, port, (uint8_t *)greetings, sizeof greetings);
    }
    interview(life);
}

static void put_records(struct world *w, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < WORLD_PROFILES && size >= 2; i++) {
        struct world_profile *profile = &w->profiles[i];
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        profile->used = len != 0;
        profile->key = data[0];
        profile->len = len;
        memcpy(profile->data, data + 2, len);
        data += 2 + len;
        size -= 2 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct life first;
    static struct life second;
    if (size > WORLD_PROFILES * 257) {
        return 0;
    }
    world_init(&first.w);
    put_records(&first.w, data, size);
    start(&first);
    world_init(&second.w);
    memcpy(second.w.profiles, first.w.profiles, sizeof second.w.profiles);
    REQUIRE(strcmp(world_end(&first.w), "") == 0);
    start(&second);
    REQUIRE(strcmp(world_end(&second.w), "") == 0);
    for (size_t port = 0; port < PORTS; port++) {
        for (size_t i = 0; i < QUESTIONS; i++) {
            REQUIRE(strcmp(first.answers[port][i], second.answers[port][i]) == 0);
        }
    }
    return 0;
}
