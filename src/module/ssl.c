/* SPDX-License-Identifier: MIT */
/* AT+QSSLCFG: the SSL contexts. What they mean to a connection the platform decides (SD58). */
#include <string.h>

#include "module/internal.h"

enum ssl_item {
    ITEM_SSLVERSION,
    ITEM_DTLS,
    ITEM_DTLSVERSION,
    ITEM_CIPHERSUITE,
    ITEM_CACERT,
    ITEM_CACERTEX,
    ITEM_CLIENTCERT,
    ITEM_CLIENTKEY,
    ITEM_SECLEVEL,
    ITEM_IGNORELOCALTIME,
    ITEM_NEGOTIATETIME,
    ITEM_SNI,
    ITEM_PSK,
    ITEM_CLOSETIMEMODE,
    ITEM_SESSION_CACHE,
    ITEM_ALPN,
    ITEM_RENEGOTIATION,
    ITEM_IGNOREMULTICERTCHAINVERIFY,
    ITEM_IGNOREINVALIDCERTSIGN
};

/* The suites an EG25-G lists, in its order. */
static const uint16_t suites[] = {
    0x0035, 0x002F, 0x0005, 0x0004, 0x000A, 0x003D, 0xC002, 0xC003, 0xC004, 0xC005, 0xC007,
    0xC008, 0xC009, 0xC00A, 0xC011, 0xC012, 0xC013, 0xC014, 0xC00C, 0xC00D, 0xC00E, 0xC00F,
    0xC023, 0xC024, 0xC025, 0xC026, 0xC027, 0xC028, 0xC029, 0xC02A, 0xC02F, 0xC030, 0xFFFF,
};

/* The blank before 0XC007 is the module's. */
#define SUITES_TEXT                                                                          \
    "(0X0035,0X002F,0X0005,0X0004,0X000A,0X003D,0XC002,0XC003,0XC004,0XC005, 0XC007,0XC008," \
    "0XC009,0XC00A,0XC011,0XC012,0XC013,0XC014,0XC00C,0XC00D,0XC00E,0XC00F,0XC023,0XC024,"   \
    "0XC025,0XC026,0XC027,0XC028,0XC029,0XC02A,0XC02F,0XC030,0XFFFF)"

void pm__ssl_reset(struct pm_module *module)
{
    pm__reuse_mark(module);
    for (uint8_t key = PM__KEY_CACERT; key <= PM__KEY_ALPN; key++) {
        pm__arena_clear(&module->arena, (enum pm__key)key);
    }
    for (size_t i = 0; i < PM_SSL_CONTEXTS; i++) {
        module->ssl[i] = (struct pm_ssl){.ciphersuite = 0xFFFF,
                                         .negotiatetime = 300,
                                         .sslversion = 4,
                                         .ignorelocaltime = 1,
                                         .dtlsversion = 1};
    }
}

/* The 8-bit number behind an item; NULL when it holds something else. */
static uint8_t *small_number(struct pm_ssl *ssl, uint8_t item)
{
    switch (item) {
    case ITEM_SSLVERSION: return &ssl->sslversion;
    case ITEM_DTLS: return &ssl->dtls;
    case ITEM_DTLSVERSION: return &ssl->dtlsversion;
    case ITEM_SECLEVEL: return &ssl->seclevel;
    case ITEM_IGNORELOCALTIME: return &ssl->ignorelocaltime;
    case ITEM_SNI: return &ssl->sni;
    case ITEM_CLOSETIMEMODE: return &ssl->closetimemode;
    case ITEM_SESSION_CACHE: return &ssl->session_cache;
    case ITEM_RENEGOTIATION: return &ssl->renegotiation;
    case ITEM_IGNOREMULTICERTCHAINVERIFY: return &ssl->ignoremulticertchainverify;
    case ITEM_IGNOREINVALIDCERTSIGN: return &ssl->ignoreinvalidcertsign;
    default: return NULL;
    }
}

/* The keys of an item's texts; the second is 0 for an item with one text. */
static void text_keys(uint8_t item, uint8_t keys[2])
{
    static const uint8_t table[][3] = {
        {ITEM_CACERT, PM__KEY_CACERT, 0},
        {ITEM_CACERTEX, PM__KEY_CACERTEX, 0},
        {ITEM_CLIENTCERT, PM__KEY_CLIENTCERT, 0},
        {ITEM_CLIENTKEY, PM__KEY_CLIENTKEY, PM__KEY_KEY_PASSWORD},
        {ITEM_PSK, PM__KEY_PSK_IDENTITY, PM__KEY_PSK_KEY},
        {ITEM_ALPN, PM__KEY_ALPN, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i][0] == item) {
            keys[0] = table[i][1];
            keys[1] = table[i][2];
        }
    }
}

/* Reads 0xFFFF or 0XFFFF; only suites of the list are known. */
static bool parse_suite(struct pm_slice text, uint16_t *suite)
{
    uint32_t number = 0;
    if (text.len != 6 || text.ptr[0] != '0' || pm__ascii_upper(text.ptr[1]) != 'X') {
        return false;
    }
    for (size_t i = 2; i < text.len; i++) {
        int digit = pm__ascii_hex(text.ptr[i]);
        if (digit < 0) {
            return false;
        }
        number = number << 4 | (uint32_t)digit;
    }
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if (suites[i] == number) {
            *suite = (uint16_t)number;
            return true;
        }
    }
    return false;
}

static void put_suite(struct pm_at *at, uint16_t suite)
{
    char digits[8];
    struct pm__text text;
    pm__text_init(&text, digits, sizeof digits);
    pm__text_hex(&text, suite, 4);
    pm_at_put(at, "0X");
    pm_at_put_bytes(at, (const uint8_t *)digits, text.len);
}

static void query(struct pm_port *port, const struct pm_at_values *values)
{
    struct pm_module *module = port->module;
    uint8_t context = (uint8_t)values->v[0].number;
    uint8_t item = values->item->id;
    const uint8_t *number = small_number(&module->ssl[context], item);
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QSSLCFG: ");
    pm_at_put_quoted(&port->at, pm__slice(values->item->keyword));
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, context);
    pm_at_put(&port->at, ",");
    if (number != NULL) {
        pm_at_put_number(&port->at, *number);
    } else if (item == ITEM_NEGOTIATETIME) {
        pm_at_put_number(&port->at, module->ssl[context].negotiatetime);
    } else if (item == ITEM_CIPHERSUITE) {
        put_suite(&port->at, module->ssl[context].ciphersuite);
    } else {
        uint8_t keys[2] = {0, 0};
        text_keys(item, keys);
        pm_at_put_quoted(&port->at, pm__arena_get(&module->arena, (enum pm__key)keys[0], context));
        struct pm_slice second = keys[1] != 0
                                     ? pm__arena_get(&module->arena, (enum pm__key)keys[1], context)
                                     : (struct pm_slice){NULL, 0};
        if (second.len != 0) {
            pm_at_put(&port->at, ",");
            pm_at_put_quoted(&port->at, second);
        }
    }
    pm__ok(port);
}

/* Sets a text of an item. */
static bool set_texts(struct pm_module *module, uint8_t item, uint8_t context,
                      const struct pm_at_values *values)
{
    uint8_t keys[2] = {0, 0};
    text_keys(item, keys);
    const struct pm__change changes[] = {
        {(enum pm__key)keys[0], context, values->v[1].text},
        {(enum pm__key)keys[1], context, values->v[2].text},
    };
    return pm__arena_set_all(&module->arena, changes, keys[1] != 0 ? 2 : 1);
}

/* Sets an item. Returns false when the value is not one of it or the arena is full. */
static bool set(struct pm_module *module, const struct pm_at_values *values)
{
    uint8_t context = (uint8_t)values->v[0].number;
    uint8_t item = values->item->id;
    struct pm_ssl *ssl = &module->ssl[context];
    uint8_t *number = small_number(ssl, item);
    const uint16_t suite = ssl->ciphersuite;
    bool ok = true;
    bool changed = false;
    if (!values->v[1].given) {
        return false;
    }
    if (number != NULL) {
        changed = *number != values->v[1].number;
        *number = (uint8_t)values->v[1].number;
    } else if (item == ITEM_NEGOTIATETIME) {
        ssl->negotiatetime = (uint16_t)values->v[1].number; /* has no part in a made connection */
    } else if (item == ITEM_CIPHERSUITE) {
        ok = parse_suite(values->v[1].text, &ssl->ciphersuite);
        changed = ssl->ciphersuite != suite;
    } else {
        ok = set_texts(module, item, context, values);
    }
    if (changed) {
        pm__reuse_mark(module);
    }
    return ok;
}

static void run_qsslcfg(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    (void)form;
    if (values->count == 1) {
        query(port, values);
    } else if (values->count >= 2 && set(port->module, values)) {
        pm__ok(port);
    } else {
        pm__error(port);
    }
}

_Static_assert(PM_SSL_CONTEXTS >= 2, "QSMTPCFG starts with SSL context 1");

#define CONTEXT                                        \
    {                                                  \
        .name = "sslctxID", .max = PM_SSL_CONTEXTS - 1 \
    }
#define NUMBER(lo, hi)                                                     \
    {                                                                      \
        .name = "value", .flags = PM_AT_OPTIONAL, .min = (lo), .max = (hi) \
    }
#define NAME(n, m)                                                             \
    {                                                                          \
        .name = (n), .type = PM_AT_STRING, .flags = PM_AT_OPTIONAL, .max = (m) \
    }

static const struct pm_at_param to_one[] = {CONTEXT, NUMBER(0, 1)};
static const struct pm_at_param to_two[] = {CONTEXT, NUMBER(0, 2)};
static const struct pm_at_param to_four[] = {CONTEXT, NUMBER(0, 4)};
static const struct pm_at_param negotiate[] = {CONTEXT, NUMBER(10, 300)};
static const struct pm_at_param suite[] = {
    CONTEXT,
    {.name = "cipher_suite",
     .type = PM_AT_TOKEN,
     .flags = PM_AT_OPTIONAL,
     .max = 6,
     .range = SUITES_TEXT},
};
static const struct pm_at_param cacert[] = {CONTEXT, NAME("cacertpath", PM_FILE_NAME_SIZE)};
static const struct pm_at_param cacertex[] = {CONTEXT, NAME("cacertexpath", PM_FILE_NAME_SIZE)};
static const struct pm_at_param clientcert[] = {CONTEXT,
                                                NAME("client_cert_path", PM_FILE_NAME_SIZE)};
static const struct pm_at_param clientkey[] = {CONTEXT, NAME("client_key_path", PM_FILE_NAME_SIZE),
                                               NAME("key_pwd", 64)};
static const struct pm_at_param psk[] = {CONTEXT, NAME("identity", 128), NAME("key", 128)};
static const struct pm_at_param alpn[] = {CONTEXT, NAME("protocolname", 64)};

#define ITEM(k, p, i)                                                                       \
    {                                                                                       \
        .keyword = (k), .params = (p), .param_count = sizeof(p) / sizeof((p)[0]), .id = (i) \
    }

static const struct pm_at_item items[] = {
    ITEM("sslversion", to_four, ITEM_SSLVERSION),
    ITEM("dtls", to_one, ITEM_DTLS),
    ITEM("dtlsversion", to_one, ITEM_DTLSVERSION),
    ITEM("ciphersuite", suite, ITEM_CIPHERSUITE),
    ITEM("cacert", cacert, ITEM_CACERT),
    ITEM("cacertex", cacertex, ITEM_CACERTEX),
    ITEM("clientcert", clientcert, ITEM_CLIENTCERT),
    ITEM("clientkey", clientkey, ITEM_CLIENTKEY),
    ITEM("seclevel", to_two, ITEM_SECLEVEL),
    ITEM("ignorelocaltime", to_one, ITEM_IGNORELOCALTIME),
    ITEM("negotiatetime", negotiate, ITEM_NEGOTIATETIME),
    ITEM("sni", to_one, ITEM_SNI),
    ITEM("psk", psk, ITEM_PSK),
    ITEM("closetimemode", to_one, ITEM_CLOSETIMEMODE),
    ITEM("session_cache", to_one, ITEM_SESSION_CACHE),
    ITEM("alpn", alpn, ITEM_ALPN),
    ITEM("renegotiation", to_one, ITEM_RENEGOTIATION),
    ITEM("ignoremulticertchainverify", to_one, ITEM_IGNOREMULTICERTCHAINVERIFY),
    ITEM("ignoreinvalidcertsign", to_one, ITEM_IGNOREINVALIDCERTSIGN),
};

static const struct pm_at_command rows[] = {
    {.name = "+QSSLCFG",
     .forms = PM_AT_TEST | PM_AT_WRITE,
     .item_count = sizeof items / sizeof items[0],
     .group = PM__GROUP_SSL,
     .items = items,
     .handler = run_qsslcfg},
};

const struct pm__commands pm__ssl_commands = {rows, sizeof rows / sizeof rows[0]};
