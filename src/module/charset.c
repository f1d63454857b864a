/* SPDX-License-Identifier: MIT */
/* The character set of texts between module and host: AT+CSCS. */
#include <string.h>

#include "base/utf8.h"
#include "module/internal.h"

static const char *const charsets[] = {"GSM", "IRA", "UCS2"};
enum { CHARSET_GSM, CHARSET_IRA, CHARSET_UCS2 };

/* The first character of a valid UTF-8 text; *size says how long it is. A byte of anything else
 * stands for itself. */
static uint32_t next_char(struct pm_slice text, size_t *size)
{
    static const uint8_t lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    *size = pm__utf8_char(text);
    if (*size == 0) {
        *size = 1;
        return text.ptr[0];
    }
    uint32_t code = text.ptr[0] & lead_bits[*size];
    for (size_t i = 1; i < *size; i++) {
        code = code << 6 | (text.ptr[i] & 0x3FU);
    }
    return code;
}

static void put_unit(struct pm_port *port, uint32_t unit)
{
    char hex[4];
    struct pm__text text;
    pm__text_init(&text, hex, sizeof hex);
    pm__text_hex(&text, unit, 4);
    pm_at_put_bytes(&port->at, (const uint8_t *)hex, text.len);
}

/* UCS2 has no character beyond its 16 bits: U+FFFD stands for those. */
static uint32_t in_ucs2(uint32_t code)
{
    return code > 0xFFFF ? 0xFFFD : code;
}

static void put_ucs2(struct pm_port *port, struct pm_slice text)
{
    while (text.len > 0) {
        size_t size = 0;
        put_unit(port, in_ucs2(next_char(text, &size)));
        text.ptr += size;
        text.len -= size;
    }
}

void pm__put_in_charset(struct pm_port *port, const char *text)
{
    if (port->module->charset != CHARSET_UCS2) {
        pm_at_put_quoted(&port->at, pm__slice(text));
        return;
    }
    pm_at_put(&port->at, "\"");
    put_ucs2(port, pm__slice(text));
    pm_at_put(&port->at, "\"");
}

/* Takes the four digits of one character; false when they are none. */
static bool take_unit(struct pm_slice *text, uint32_t *unit)
{
    *unit = 0;
    if (text->len < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = pm__ascii_hex(text->ptr[i]);
        if (digit < 0) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)digit;
    }
    text->ptr += 4;
    text->len -= 4;
    return true;
}

bool pm__equal_in_charset(const struct pm_module *module, struct pm_slice typed, const char *ours)
{
    struct pm_slice text = pm__slice(ours);
    if (module->charset != CHARSET_UCS2) {
        return pm__slice_equal(typed, text);
    }
    while (text.len > 0) {
        size_t size = 0;
        uint32_t code = in_ucs2(next_char(text, &size));
        uint32_t unit = 0;
        if (!take_unit(&typed, &unit) || unit != code) {
            return false;
        }
        text.ptr += size;
        text.len -= size;
    }
    return typed.len == 0;
}

static void run_cscs(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    if (form == PM_AT_READ) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, "+CSCS: ");
        pm_at_put_quoted(&port->at, pm__slice(charsets[port->module->charset]));
        pm__ok(port);
        return;
    }
    for (uint8_t i = 0; i <= CHARSET_UCS2; i++) {
        if (pm__slice_equal_nocase(values->v[0].text, pm__slice(charsets[i]))) {
            port->module->charset = i;
            pm__ok(port);
            return;
        }
    }
    pm_at_bad_parameter(&port->at);
}

static const struct pm_at_param params[] = {{.name = "chset", .type = PM_AT_STRING, .max = 8}};

static const struct pm_at_command rows[] = {
    {.name = "+CSCS",
     .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE,
     .param_count = 1,
     .bad = PM__CME_PARAMETER,
     .params = params,
     .test = "+CSCS: (\"GSM\",\"IRA\",\"UCS2\")",
     .handler = run_cscs},
};

const struct pm__commands pm__charset_commands = {rows, sizeof rows / sizeof rows[0]};
