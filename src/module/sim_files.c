/* SPDX-License-Identifier: MIT */
/* What stands on the SIM: AT+CIMI, AT+QCCID, and files by AT+CRSM and AT+CSIM (TS 31.102). */
#include <string.h>

#include "module/internal.h"

/* Status words of a card. */
enum {
    SW_OK = 0x9000,
    SW_WRONG_LENGTH = 0x6700,
    SW_NOT_ALLOWED = 0x6982,
    SW_NO_FILE = 0x6A82,
    SW_WRONG_OFFSET = 0x6B00,
    SW_NO_COMMAND = 0x6D00,
    SW_TRIES = 0x63C0
};

#define FILE_MAX 17U

/* A file in the making. */
struct file {
    uint8_t bytes[FILE_MAX];
    size_t len;
};

/* Two digits per byte, the first in the low half, an odd one beside 0xF. */
static void put_digits(struct file *file, const char *digits, size_t bytes)
{
    size_t len = strlen(digits);
    for (size_t i = 0; i < bytes; i++) {
        uint8_t low = 2 * i < len ? (uint8_t)(digits[2 * i] - '0') : 0xF;
        uint8_t high = 2 * i + 1 < len ? (uint8_t)(digits[2 * i + 1] - '0') : 0xF;
        file->bytes[file->len++] = (uint8_t)(high << 4 | low);
    }
}

/* Length, then the parity nibble and the first digit, then the others. */
static void put_imsi(struct file *file, const char *imsi)
{
    file->bytes[file->len++] = 8;
    file->bytes[file->len++] = (uint8_t)((imsi[0] - '0') << 4 | 9);
    put_digits(file, imsi + 1, 7);
}

static void put_name(struct file *file, const char *name)
{
    size_t len = strlen(name);
    file->bytes[file->len++] = 1; /* the name of the network need not be shown */
    for (size_t i = 0; i < FILE_MAX - 1; i++) {
        file->bytes[file->len++] = i < len ? (uint8_t)name[i] : 0xFF;
    }
}

/* The few files that hosts read. False: no such file. */
static bool read_file(const struct pm_module *module, int32_t id, struct file *file)
{
    const struct pm_module_config *config = module->config;
    memset(file, 0, sizeof *file);
    switch (id) {
    case 0x2FE2: put_digits(file, config->iccid, 10); return true;
    case 0x6F07: put_imsi(file, config->imsi); return true;
    case 0x6F46: put_name(file, config->operator_name); return true;
    case 0x6FAD: /* normal operation; how many digits its network code has */
        file->bytes[3] = (uint8_t)(strlen(config->operator_numeric) - 3);
        file->len = 4;
        return true;
    default: return false;
    }
}

static void put_bytes(struct pm_port *port, const uint8_t *bytes, size_t len)
{
    char hex[2 * FILE_MAX];
    struct pm__text text;
    pm__text_init(&text, hex, sizeof hex);
    for (size_t i = 0; i < len; i++) {
        pm__text_hex(&text, bytes[i], 2);
    }
    pm_at_put_bytes(&port->at, (const uint8_t *)hex, text.len);
}

/* ---- CIMI, QCCID --------------------------------------------------------------------- */

static void run_cimi(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    if (pm__sim_serves(port)) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, port->module->config->imsi);
        pm__ok(port);
    }
}

static void run_qccid(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    (void)values;
    if (pm__sim_answers(port)) {
        pm_at_info(&port->at);
        pm_at_put(&port->at, port->command->name);
        pm_at_put(&port->at, ": ");
        pm_at_put(&port->at, port->module->config->iccid);
        pm__ok(port);
    }
}

/* ---- CRSM ---------------------------------------------------------------------------- */

enum { READ_BINARY = 176, READ_RECORD = 178, GET_RESPONSE = 192, STATUS = 242 };

static void put_sw(struct pm_port *port, uint16_t sw)
{
    pm_at_put_number(&port->at, sw >> 8);
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, sw & 0xFFU);
}

/* What a card says to READ BINARY; the bytes are file->bytes[*from] and on. */
static uint16_t read_binary(const struct pm_at_value *v, struct file *file, size_t *from)
{
    *from = (size_t)v[2].number << 8 | (size_t)v[3].number;
    size_t wanted = (size_t)v[4].number;
    if (*from >= file->len) {
        return SW_WRONG_OFFSET;
    }
    size_t left = file->len - *from;
    if (wanted > left) {
        return SW_WRONG_LENGTH;
    }
    file->len = wanted == 0 ? left : wanted;
    return SW_OK;
}

/* The answer to GET RESPONSE as a 2G card gives it (TS 51.011 9.2.1): size, identifier, kind. */
static void describe(int32_t id, struct file *file)
{
    uint8_t size = (uint8_t)file->len;
    const uint8_t bytes[15] = {
        [3] = size, [4] = (uint8_t)(id >> 8), [5] = (uint8_t)id, [6] = 4, [11] = 1, [12] = 2};
    memcpy(file->bytes, bytes, sizeof bytes);
    file->len = sizeof bytes;
}

static void run_crsm(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    const struct pm_at_value *v = values->v;
    struct file file;
    size_t from = 0;
    uint16_t sw = SW_OK;
    (void)form;
    if (!pm__sim_answers(port)) {
        return;
    }
    bool found = read_file(port->module, v[1].number, &file);
    if (v[0].number != READ_BINARY && v[0].number != GET_RESPONSE) {
        sw = v[0].number == STATUS        ? SW_OK
             : v[0].number == READ_RECORD ? SW_NO_FILE
                                          : SW_NOT_ALLOWED;
        file.len = 0;
    } else if (!found) {
        sw = SW_NO_FILE;
    } else if (v[0].number == GET_RESPONSE) {
        describe(v[1].number, &file);
    } else if (v[1].number != 0x2FE2 && pm__sim_error(port->module) != 0) {
        sw = SW_NOT_ALLOWED; /* the PIN guards it */
    } else {
        sw = read_binary(v, &file, &from);
    }
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CRSM: ");
    put_sw(port, sw);
    if (sw == SW_OK && file.len != 0) {
        pm_at_put(&port->at, ",\"");
        put_bytes(port, file.bytes + from, file.len);
        pm_at_put(&port->at, "\"");
    }
    pm__ok(port);
}

/* ---- CSIM ---------------------------------------------------------------------------- */

/* A command of five bytes; false when it is not even that. */
static bool parse_apdu(struct pm_slice text, uint8_t apdu[5])
{
    for (size_t i = 0; i < 5; i++) {
        int high = text.len >= 2 * i + 2 ? pm__ascii_hex(text.ptr[2 * i]) : -1;
        int low = text.len >= 2 * i + 2 ? pm__ascii_hex(text.ptr[2 * i + 1]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        apdu[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* VERIFY and UNBLOCK without a body ask how many tries are left: what hosts use AT+CSIM for.
 * Anything else this card does not know. */
static uint16_t card_command(const struct pm_module *module, const uint8_t apdu[5])
{
    bool puk = apdu[1] == 0x2C;
    bool second = apdu[3] == 0x81;
    if ((apdu[1] != 0x20 && !puk) || apdu[4] != 0) {
        return SW_NO_COMMAND;
    }
    if (second) {
        return (uint16_t)(SW_TRIES | (puk ? 10U : 3U));
    }
    return (uint16_t)(SW_TRIES | pm__sim_tries(module, puk));
}

static void run_csim(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t apdu[5];
    (void)form;
    if ((size_t)values->v[0].number != values->v[1].text.len ||
        !parse_apdu(values->v[1].text, apdu)) {
        pm_at_bad_parameter(&port->at);
        return;
    }
    if (!pm__sim_answers(port)) {
        return;
    }
    uint16_t sw = card_command(port->module, apdu);
    const uint8_t bytes[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+CSIM: 4,\"");
    put_bytes(port, bytes, sizeof bytes);
    pm_at_put(&port->at, "\"");
    pm__ok(port);
}

/* No number is stored on the SIM. */
static void run_cnum(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    (void)form;
    (void)values;
    if (pm__sim_serves(owner)) {
        pm__ok(owner);
    }
}

#define BYTE(n, f)                            \
    {                                         \
        .name = (n), .flags = (f), .max = 255 \
    }
static const struct pm_at_param crsm_params[] = {
    {.name = "command", .min = 1, .max = 255},
    {.name = "fileid", .flags = PM_AT_OPTIONAL, .max = 65535},
    BYTE("P1", PM_AT_OPTIONAL),
    BYTE("P2", PM_AT_OPTIONAL),
    BYTE("P3", PM_AT_OPTIONAL),
    {.name = "data", .type = PM_AT_TOKEN, .flags = PM_AT_OPTIONAL, .max = 510},
    {.name = "pathid", .type = PM_AT_TOKEN, .flags = PM_AT_OPTIONAL, .max = 32},
};
static const struct pm_at_param csim_params[] = {
    {.name = "length", .min = 10, .max = 520},
    {.name = "command", .type = PM_AT_TOKEN, .min = 10, .max = 520},
};

#define PLAIN(n, h)                                                            \
    {                                                                          \
        .name = (n), .forms = PM_AT_EXEC | PM_AT_TEST, .flags = PM_AT_TEST_OK, \
        .bad = PM__CME_PARAMETER, .handler = (h)                               \
    }
#define ROW(n, p)                                                           \
    .name = (n), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OK, \
    .param_count = sizeof(p) / sizeof((p)[0]), .params = (p), .bad = PM__CME_PARAMETER

static const struct pm_at_command rows[] = {
    PLAIN("+CIMI", run_cimi),
    PLAIN("+QCCID", run_qccid),
    PLAIN("+CCID", run_qccid),
    PLAIN("+CNUM", run_cnum),
    {ROW("+CRSM", crsm_params), .handler = run_crsm},
    {ROW("+CSIM", csim_params), .handler = run_csim},
};

const struct pm__commands pm__sim_file_commands = {rows, sizeof rows / sizeof rows[0]};
