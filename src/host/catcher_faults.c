/* SPDX-License-Identifier: MIT */
/* From a name to the fault that it asks for. */
#include "host/catcher_faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define PREFIX "fault-"

struct fault_row {
    const char *word; /* "": a code alone */
    enum catcher_fault_kind kind;
    bool alone; /* the word is valid without a code */
    bool coded; /* "-" and a code may follow it */
};

static const struct fault_row server_faults[] = {
    {"resolve", CATCHER_FAULT_RESOLVE, true, false},
    {"connect", CATCHER_FAULT_CONNECT, true, false},
    {"silent", CATCHER_FAULT_SILENT, true, false},
    {"close", CATCHER_FAULT_CLOSE, true, false},
    {"syntax", CATCHER_FAULT_SYNTAX, true, false},
    {"tls", CATCHER_FAULT_TLS, true, false},
    {"starttls", CATCHER_FAULT_STARTTLS, true, true},
    {"auth", CATCHER_FAULT_AUTH, true, false},
    {"data", CATCHER_FAULT_CUT, true, false},
    {"", CATCHER_FAULT_BANNER, false, true},
};

static const struct fault_row address_faults[] = {
    {"data", CATCHER_FAULT_DATA_REPLY, false, true},
    {"dot", CATCHER_FAULT_DOT_REPLY, false, true},
    {"", CATCHER_FAULT_REPLY, false, true},
};

/* A whole text that is a negative reply code; 0: it is none. */
static unsigned code_of(const char *text, size_t len)
{
    if (len != 3 || (text[0] != '4' && text[0] != '5')) {
        return 0;
    }
    unsigned code = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return 0;
        }
        code = code * 10 + (unsigned)(text[i] - '0');
    }
    return code;
}

/* Whether what follows the prefix is this row's; its code, if there is one. */
static bool matches(const struct fault_row *row, const char *text, size_t len, unsigned *code)
{
    size_t word = strlen(row->word);
    if (len < word || strncasecmp(text, row->word, word) != 0) {
        return false;
    }
    *code = 0;
    if (len == word) {
        return row->alone;
    }
    size_t start = word > 0 ? word + 1 : 0;
    if (!row->coded || (word > 0 && text[word] != '-')) {
        return false;
    }
    *code = code_of(text + start, len - start);
    return *code != 0;
}

static struct catcher_fault find(const struct fault_row *rows, size_t count, const char *name,
                                 char end)
{
    const size_t prefix = strlen(PREFIX);
    const char *stop = strchr(name, end);
    size_t len = stop != NULL ? (size_t)(stop - name) : strlen(name);
    struct catcher_fault fault = {CATCHER_FAULT_NONE, 0};
    if (len < prefix || strncasecmp(name, PREFIX, prefix) != 0) {
        return fault;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned code = 0;
        if (matches(&rows[i], name + prefix, len - prefix, &code)) {
            fault.kind = rows[i].kind;
            fault.code = code;
            break;
        }
    }
    return fault;
}

struct catcher_fault pm_catcher_fault_of_server(const char *host)
{
    return find(server_faults, sizeof(server_faults) / sizeof(server_faults[0]), host, '.');
}

struct catcher_fault pm_catcher_fault_of_address(const char *address)
{
    return find(address_faults, sizeof(address_faults) / sizeof(address_faults[0]), address, '@');
}
