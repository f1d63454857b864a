/* SPDX-License-Identifier: MIT */
/* Setting keys: look-up, checks, and the strings that the settings point to. */
#include "host/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/serial.h"
#include "host/tcp.h"

struct pm_config_text {
    struct pm_config_text *next;
    size_t size;
    char text[];
};

const char *pm_options_keep(struct pm_options *options, const char *text, size_t len)
{
    struct pm_config_text *kept = malloc(sizeof *kept + len + 1);
    if (kept == NULL) {
        return NULL;
    }
    kept->next = options->texts;
    kept->size = len;
    memcpy(kept->text, text, len);
    kept->text[len] = '\0';
    options->texts = kept;
    return kept->text;
}

void pm_options_free(struct pm_options *options)
{
    while (options->texts != NULL) {
        struct pm_config_text *text = options->texts;
        options->texts = text->next;
        explicit_bzero(text->text, text->size);
        free(text);
    }
    memset(options, 0, sizeof *options);
}

void pm_options_delete(struct pm_options *options)
{
    if (options != NULL) {
        pm_options_free(options);
        free(options);
    }
}

static void init_mail(struct pm_options *options)
{
    options->mail = (struct pm_mail_setting){
        .override_server = "",
        .override_username = "",
        .override_password = "",
        .override_password_file = "",
        .from = "",
        .allow_recipients = "",
        .allow_senders = "",
        .rate_limit = "",
        .dsn_notify = "",
        .on_failure = "",
        .alarm_seconds = 3600,
        .override_tls = 1,
    };
    options->tls_ca_file = "";
    options->tls_client_cert = "";
    options->tls_client_key = "";
    options->tls_pins = "";
}

/* Fills what the keys with strings of no default point to, so that no string is NULL. */
void pm_options_init(struct pm_options *options)
{
    memset(options, 0, sizeof *options);
    pm_module_config_default(&options->module);
    options->smtp = (struct pm_smtp_setting){
        .server = "",
        .username = "",
        .password = "",
        .password_file = "",
        .auth = "",
        .token_file = "",
        .token_command = "",
        .sender_name = "",
        .sender_email = "",
        .port = 25,
        .contextid = 1,
        .sslctxid = 1,
    };
    init_mail(options);
    for (size_t i = 0; i < PM_PDP_CONTEXTS; i++) {
        options->pdp[i] = (struct pm_pdp_setting){.apn = "",
                                                  .user = "",
                                                  .password = "",
                                                  .address = "",
                                                  .address_ipv6 = "",
                                                  .interface = "",
                                                  .source = ""};
    }
    for (size_t i = 0; i < PM_TERMINALS; i++) {
        options->port[i].where = "";
        options->port[i].name = "";
        options->port[i].group = "";
    }
    options->module.ehlo_name = "";
    options->name = "";
    options->auth_in_clear = "host";
    options->tls_system_ca = true;
    options->dns_servers = "";
    options->dns_hosts = "";
    options->dns_port = 53;
    options->catch_dir = "";
    options->catch_faults = true;
    options->state_dir = "";
    options->state_base = "";
    options->sd_dir = "";
    options->ufs_size = 256ULL * 1024 * 1024;
    options->ram_size = 256ULL * 1024 * 1024;
    options->arena_size = 65536;
    options->drain_seconds = 60;
    options->trace = "";
    options->log = PM_LOG_INFO;
}

/* ---- Looking a key up ---------------------------------------------------------- */

/* True when `text` is `name`, where an N between dots matches a number from 1 to `count`. */
static bool key_matches(const struct pm_config_key *key, const char *text, size_t *index)
{
    const char *name = key->name;
    *index = 0;
    while (*name != '\0') {
        if (key->count > 0 && *name == 'N') {
            unsigned long number = 0;
            size_t digits = strspn(text, "0123456789");
            if (digits == 0 || digits > 3 || *text == '0') {
                return false;
            }
            number = strtoul(text, NULL, 10);
            if (number > key->count) {
                return false;
            }
            *index = number - 1;
            text += digits;
            name++;
        } else if (*name++ != *text++) {
            return false;
        }
    }
    return *text == '\0';
}

static const struct pm_config_key *find_key(const char *text, size_t *index)
{
    for (size_t i = 0; i < pm_config_key_count; i++) {
        if (key_matches(&pm_config_keys[i], text, index)) {
            return &pm_config_keys[i];
        }
    }
    return NULL;
}

bool pm_config_key_secret(const char *text)
{
    size_t index;
    const struct pm_config_key *key = find_key(text, &index);
    return key != NULL && key->secret;
}

/* ---- What is allowed ------------------------------------------------------------- */

static void allowed_words(const char *words, char *text, size_t size)
{
    size_t at = 0;
    for (; *words != '\0' && at + 3 < size; words++) {
        if (*words == '|') {
            text[at++] = ',';
            text[at++] = ' ';
        } else {
            text[at++] = *words;
        }
    }
    text[at] = '\0';
}

static const char *port_syntax(uint64_t kind)
{
    switch (kind) {
    case PM_TERMINAL_PTY: return "LINK";
    case PM_TERMINAL_SERIAL: return "DEVICE[,BAUD[,rtscts]]";
    case PM_TERMINAL_TCP:
    case PM_TERMINAL_RFC2217: return "ADDRESS:PORT";
    default: return "off, on";
    }
}

void pm_config_allowed(const struct pm_config_key *key, char *text, size_t size)
{
    unsigned long long min = key->min;
    unsigned long long max = key->max;
    char also[16] = "";
    switch (key->type) {
    case PM_CONFIG_WORD: allowed_words(key->words, text, size); break;
    case PM_CONFIG_PORT: snprintf(text, size, "%s", port_syntax(key->min)); break;
    case PM_CONFIG_NUMBER:
        if (key->also != 0) {
            snprintf(also, sizeof also, ", %u", key->also);
        }
        snprintf(text, size, "%llu-%llu%s", min, max, also);
        break;
    case PM_CONFIG_BYTES:
        snprintf(text, size, "bytes from %llu, also as 64K, 256M, 2G", min);
        break;
    case PM_CONFIG_DIGITS:
    case PM_CONFIG_HEX:
        if (min != max) {
            snprintf(also, sizeof also, "%llu-", min);
        }
        snprintf(text, size, "%s%llu digits%s", also, max,
                 key->type == PM_CONFIG_HEX ? " 0-9 A-F" : "");
        break;
    case PM_CONFIG_TEXT:
    default: snprintf(text, size, "text, up to %llu bytes", max); break;
    }
}

/* ---- Checks ---------------------------------------------------------------------- */

static bool is_text(const char *value)
{
    for (; *value != '\0'; value++) {
        if ((unsigned char)*value < 0x20 || *value == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool parse_number(const char *value, unsigned long long *number)
{
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 15 || value[digits] != '\0') {
        return false;
    }
    *number = strtoull(value, NULL, 10);
    return true;
}

static bool parse_bytes(const char *value, unsigned long long *number)
{
    char digits[16];
    size_t len = strspn(value, "0123456789");
    const char *suffix = value + len;
    if (len == 0 || len > 13 || (*suffix != '\0' && suffix[1] != '\0')) {
        return false;
    }
    memcpy(digits, value, len);
    digits[len] = '\0';
    *number = strtoull(digits, NULL, 10);
    switch (*suffix) {
    case '\0': return true;
    case 'K': *number *= 1ULL << 10; return true;
    case 'M': *number *= 1ULL << 20; return true;
    case 'G': *number *= 1ULL << 30; return len <= 9;
    default: return false;
    }
}

static bool parse_word(const char *value, const char *words, unsigned long long *place)
{
    *place = 0;
    while (*words != '\0') {
        size_t len = strcspn(words, "|");
        if (len == strlen(value) && memcmp(words, value, len) == 0) {
            return true;
        }
        words += len + (words[len] == '|' ? 1 : 0);
        (*place)++;
    }
    return false;
}

/* The number of a key that keeps one; false when the value is not allowed. */
static bool parse_value(const struct pm_config_key *key, const char *value,
                        unsigned long long *number)
{
    switch (key->type) {
    case PM_CONFIG_WORD: return parse_word(value, key->words, number);
    case PM_CONFIG_BYTES:
        return parse_bytes(value, number) && *number >= key->min && *number <= key->max;
    case PM_CONFIG_NUMBER:
    default:
        return parse_number(value, number) && ((*number >= key->min && *number <= key->max) ||
                                               (key->also != 0 && *number == key->also));
    }
}

static bool check_text(const struct pm_config_key *key, const char *value)
{
    size_t len = strlen(value);
    const char *set = key->type == PM_CONFIG_HEX ? "0123456789ABCDEF" : "0123456789";
    if (len < key->min || len > key->max || !is_text(value)) {
        return false;
    }
    return key->type == PM_CONFIG_TEXT || strspn(value, set) == len;
}

/* ---- Keeping --------------------------------------------------------------------- */

static void store_number(void *member, uint8_t size, unsigned long long number)
{
    uint8_t narrow = (uint8_t)number;
    uint16_t medium = (uint16_t)number;
    uint32_t wide = (uint32_t)number;
    uint64_t whole = number;
    switch (size) {
    case 1: memcpy(member, &narrow, 1); break;
    case 2: memcpy(member, &medium, 2); break;
    case 4: memcpy(member, &wide, 4); break;
    default: memcpy(member, &whole, 8); break;
    }
}

static bool set_port(struct pm_options *options, struct pm_port_setting *port,
                     enum pm_terminal_kind kind, const char *value, char *err, size_t err_size)
{
    struct sockaddr_storage address;
    struct pm_serial_line line;
    socklen_t len;
    if (kind == PM_TERMINAL_SERIAL && !pm_serial_parse(value, &line, err, err_size)) {
        return false;
    }
    bool listens = kind == PM_TERMINAL_TCP || kind == PM_TERMINAL_RFC2217;
    if ((listens && !pm_tcp_parse(value, &address, &len)) || *value == '\0' || !is_text(value)) {
        snprintf(err, err_size, "\"%s\" is not %s", value, port_syntax(kind));
        return false;
    }
    if (kind == PM_TERMINAL_STDIO && strcmp(value, "on") != 0) {
        bool off = strcmp(value, "off") == 0;
        if (off && port->kind == PM_TERMINAL_STDIO) {
            port->kind = PM_TERMINAL_NONE;
        }
        snprintf(err, err_size, "\"%s\" is not one of on, off", value);
        return off;
    }
    const char *where = pm_options_keep(options, value, strlen(value));
    if (where == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    port->kind = (uint8_t)kind;
    port->where = where;
    return true;
}

static bool set_member(struct pm_options *options, const struct pm_config_key *key, void *member,
                       const char *value, char *err, size_t err_size)
{
    unsigned long long number;
    char allowed[200];
    pm_config_allowed(key, allowed, sizeof allowed);
    const char *shown = key->secret ? "this value" : value;
    const char *quote = key->secret ? "" : "\"";
    if (key->type == PM_CONFIG_TEXT || key->type == PM_CONFIG_DIGITS ||
        key->type == PM_CONFIG_HEX) {
        const char *kept =
            check_text(key, value) ? pm_options_keep(options, value, strlen(value)) : NULL;
        if (kept != NULL) {
            memcpy(member, &kept, sizeof kept);
            return true;
        }
    } else if (parse_value(key, value, &number)) {
        store_number(member, key->size, number);
        return true;
    }
    snprintf(err, err_size, "%s%.60s%s is not allowed; allowed: %s", quote, shown, quote, allowed);
    return false;
}

bool pm_options_set(struct pm_options *options, const char *key, const char *value, char *err,
                    size_t err_size)
{
    size_t index;
    char why[400] = "";
    const struct pm_config_key *found = find_key(key, &index);
    if (found == NULL) {
        snprintf(err, err_size, "unknown key %.60s (postmodem serve --help lists all)", key);
        return false;
    }
    char *member = (char *)options + found->offset + index * found->stride;
    bool good = found->type == PM_CONFIG_PORT
                    ? set_port(options, (struct pm_port_setting *)(void *)member,
                               (enum pm_terminal_kind)found->min, value, why, sizeof why)
                    : set_member(options, found, member, value, why, sizeof why);
    if (!good) {
        snprintf(err, err_size, "%.60s: %s", key, why);
    }
    return good;
}

bool pm_options_assign(struct pm_options *options, const char *text, char *err, size_t err_size)
{
    char key[64];
    size_t len = strcspn(text, "=");
    if (text[len] != '=' || len == 0 || len >= sizeof key) {
        snprintf(err, err_size, "%.60s is not KEY=VALUE", text);
        return false;
    }
    memcpy(key, text, len);
    key[len] = '\0';
    return pm_options_set(options, key, text + len + 1, err, err_size);
}

bool pm_options_add_port(struct pm_options *options, enum pm_terminal_kind kind, const char *where,
                         char *err, size_t err_size)
{
    for (size_t i = 0; i < PM_TERMINALS; i++) {
        if (options->port[i].kind == PM_TERMINAL_NONE) {
            return set_port(options, &options->port[i], kind, where, err, err_size);
        }
    }
    snprintf(err, err_size, "more than %d ports", PM_TERMINALS);
    return false;
}
