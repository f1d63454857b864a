/* SPDX-License-Identifier: MIT */
/* Settings that depend on others, and checks across keys. */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/list.h"
#include "host/binding.h"
#include "host/config.h"
#include "host/idna.h"
#include "host/lab.h"
#include "host/resolver.h"
#include "host/serial.h"

/* Of struct pm_port_setting. */
#define PIN_CTS 3
#define PIN_RTS 2

/* ---- The name in EHLO -------------------------------------------------------------- */

static bool is_localhost(const char *name)
{
    return strcasecmp(name, "localhost") == 0 || strncasecmp(name, "localhost.", 10) == 0;
}

static bool is_domain(const char *name)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    size_t len = strlen(name);
    return len > 0 && strspn(name, allowed) == len && name[0] != '.' && name[0] != '-' &&
           name[len - 1] != '-' && strstr(name, "..") == NULL;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static bool is_literal(const char *name)
{
    char text[INET6_ADDRSTRLEN + 5];
    struct in6_addr address;
    size_t len = strlen(name);
    if (len < 3 || len - 2 >= sizeof text || name[0] != '[' || name[len - 1] != ']') {
        return false;
    }
    memcpy(text, name + 1, len - 2);
    text[len - 2] = '\0';
    return strncasecmp(text, "IPv6:", 5) == 0 ? inet_pton(AF_INET6, text + 5, &address) == 1
                                              : inet_pton(AF_INET, text, &address) == 1;
}

/* The literal of an interface's address; false for those that say nothing to others. */
static bool address_literal(const struct ifaddrs *entry, char *text, size_t size)
{
    char name[INET6_ADDRSTRLEN];
    if (entry->ifa_addr == NULL || (entry->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP) {
        return false;
    }
    if (entry->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)entry->ifa_addr;
        snprintf(text, size, "[%s]", inet_ntop(AF_INET, &v4->sin_addr, name, sizeof name));
        return true;
    }
    if (entry->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)entry->ifa_addr;
        snprintf(text, size, "[IPv6:%s]", inet_ntop(AF_INET6, &v6->sin6_addr, name, sizeof name));
        return !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
    }
    return false;
}

static bool is_full_name(const char *name)
{
    return strchr(name, '.') != NULL && is_domain(name) && !is_localhost(name);
}

/* The full name that the hosts file has for a short one, which is where a machine's own name
 * stands. No name server is asked: it might keep the start waiting. */
static bool full_name(const char *name, char *text, size_t size)
{
    ares_channel channel;
    struct hostent *entry = NULL;
    if (ares_init(&channel) != ARES_SUCCESS) {
        return false;
    }
    bool found = ares_gethostbyname_file(channel, name, AF_INET, &entry) == ARES_SUCCESS &&
                 entry->h_name != NULL && is_full_name(entry->h_name);
    if (found) {
        snprintf(text, size, "%s", entry->h_name);
    }
    if (entry != NULL) {
        ares_free_hostent(entry);
    }
    ares_destroy(channel);
    return found;
}

void pm_config_ehlo_name(char *text, size_t size)
{
    char name[256] = "";
    struct ifaddrs *list = NULL;
    if (gethostname(name, sizeof name - 1) == 0) {
        if (is_full_name(name)) {
            snprintf(text, size, "%s", name);
            return;
        }
        if (full_name(name, text, size)) {
            return;
        }
    }
    snprintf(text, size, "[127.0.0.1]");
    if (getifaddrs(&list) != 0) {
        return;
    }
    for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) {
        char literal[64];
        if (address_literal(entry, literal, sizeof literal)) {
            snprintf(text, size, "%s", literal);
            break;
        }
    }
    freeifaddrs(list);
}

static bool finish_ehlo(struct pm_options *options, char *err, size_t err_size)
{
    char name[256];
    const char *given = options->module.ehlo_name;
    if (*given == '\0') {
        pm_config_ehlo_name(name, sizeof name);
        options->module.ehlo_name = pm_options_keep(options, name, strlen(name));
        return options->module.ehlo_name != NULL;
    }
    if (pm_idna_ascii(pm__slice(given), name, sizeof name) != 0 && strcmp(name, given) != 0) {
        given = pm_options_keep(options, name, strlen(name));
        if (given == NULL) {
            snprintf(err, err_size, "out of memory");
            return false;
        }
        options->module.ehlo_name = given;
    }
    if (is_localhost(given) || !(is_domain(given) || is_literal(given))) {
        snprintf(err, err_size,
                 "ehlo_name: \"%.60s\" is neither a domain nor an address literal such as "
                 "[192.0.2.1] (and localhost says nothing)",
                 given);
        return false;
    }
    return true;
}

/* ---- Authentication, contexts ------------------------------------------------------------ */

bool pm__config_password_file(struct pm_options *options, const char *named, const char *path,
                              const char *secret, const char *present, char *err, size_t err_size)
{
    char line[2048 + 2];
    if (*path == '\0') {
        return true;
    }
    if (*present != '\0') {
        snprintf(err, err_size, "%s: %s is set as well", named, secret);
        return false;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(err, err_size, "%s: %s: %s", named, path, strerror(errno));
        return false;
    }
    /* Unbuffered, so that no copy of the secret stays behind in the heap. */
    setvbuf(file, NULL, _IONBF, 0);
    bool good = fgets(line, sizeof line, file) != NULL;
    /* Not its group: with an access list, as on credentials of systemd, these bits are its mask. */
    struct stat status;
    if (fstat(fileno(file), &status) == 0 && (status.st_mode & S_IROTH) != 0) {
        options->open_secret = named;
    }
    fclose(file);
    size_t len = good ? strcspn(line, "\r\n") : 0;
    line[len] = '\0';
    good = good && len > 0 && pm_options_set(options, secret, line, err, err_size);
    explicit_bzero(line, sizeof line);
    if (!good) {
        snprintf(err, err_size, "%s: %s: the first line is no password", named, path);
    }
    return good;
}

static bool finish_password(struct pm_options *options, char *err, size_t err_size)
{
    return pm__config_password_file(options, "smtp.password_file", options->smtp.password_file,
                                    "smtp.password", options->smtp.password, err, err_size);
}

static bool finish_mechanisms(struct pm_options *options, char *err, size_t err_size)
{
    struct pm_slice list = pm__list(options->smtp.auth);
    struct pm_slice name;
    unsigned allowed = list.len == 0 ? UINT8_MAX : 0;
    while (pm__list_next(&list, &name)) {
        uint8_t bit = pm_smtp_mechanism(name);
        if (bit == 0) {
            snprintf(err, err_size, "smtp.auth: \"%.*s\" is no mechanism that is known here",
                     (int)name.len, (const char *)name.ptr);
            return false;
        }
        allowed |= bit;
    }
    options->module.auth_forbidden = (uint8_t)(UINT8_MAX & ~allowed);
    return true;
}

static bool finish_token(struct pm_options *options, char *err, size_t err_size)
{
    bool file = *options->smtp.token_file != '\0';
    bool command = *options->smtp.token_command != '\0';
    if (file && command) {
        snprintf(err, err_size, "smtp.token_command: smtp.token_file is set as well");
        return false;
    }
    const char *server = options->module.policy.server;
    if (server == NULL || *server == '\0') {
        server = options->smtp.server;
    }
    if ((file || command) && *server == '\0') {
        snprintf(err, err_size,
                 "smtp.token_%s: neither smtp.server nor mail.override_server says what server "
                 "the token is for",
                 file ? "file" : "command");
        return false;
    }
    options->module.token_server = file || command ? server : "";
    return true;
}

static bool check_binding(const struct pm_pdp_setting *pdp, size_t n, char *err, size_t err_size)
{
    struct pm_binding binding;
    char why[120];
    bool known = pm_binding_read(&binding, pdp->interface, "", why, sizeof why);
    if (!known || !pm_binding_read(&binding, pdp->interface, pdp->source, why, sizeof why)) {
        snprintf(err, err_size, "pdp.%zu.%s: %s", n, known ? "source" : "interface", why);
        return false;
    }
    binding.any_family = pdp->any_family;
    if (pm_binding_family(&binding, pdp->type != 0 ? pdp->type : 1) < 0) {
        snprintf(err, err_size, "pdp.%zu.source: a context of this type has no such address", n);
        return false;
    }
    return true;
}

static bool check_names(const struct pm_options *options, char *err, size_t err_size)
{
    char why[120];
    bool servers = pm_resolver_check(options->dns_servers, why, sizeof why);
    if (!servers || !pm_lab_check(options->dns_hosts, why, sizeof why)) {
        snprintf(err, err_size, "%s: %s", servers ? "dns.hosts" : "dns.servers", why);
        return false;
    }
    return true;
}

static bool finish_addresses(struct pm_options *options, char *err, size_t err_size)
{
    struct in6_addr address;
    for (size_t i = 0; i < PM_PDP_CONTEXTS; i++) {
        const struct pm_pdp_setting *pdp = &options->pdp[i];
        bool v4 = *pdp->address == '\0' || inet_pton(AF_INET, pdp->address, &address) == 1;
        bool v6 =
            *pdp->address_ipv6 == '\0' || inet_pton(AF_INET6, pdp->address_ipv6, &address) == 1;
        if (!v4 || !v6) {
            snprintf(err, err_size, "pdp.%zu.%s: \"%s\" is not an IPv%d address", i + 1,
                     v4 ? "address_ipv6" : "address", v4 ? pdp->address_ipv6 : pdp->address,
                     v4 ? 6 : 4);
            return false;
        }
        if (!check_binding(pdp, i + 1, err, err_size)) {
            return false;
        }
        options->module.address[i] = *pdp->address != '\0' ? pdp->address : NULL;
        options->module.address_ipv6[i] = *pdp->address_ipv6 != '\0' ? pdp->address_ipv6 : NULL;
        if (pdp->active_at_start) {
            options->module.active_at_start |= (uint16_t)(1U << i);
        }
    }
    return true;
}

/* ---- Ports ---------------------------------------------------------------------------- */

static bool name_taken(const struct pm_options *options, size_t ports, const char *name)
{
    for (size_t i = 0; i < ports; i++) {
        if (strcmp(options->port[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The first default name from this place on that no other port has. */
static const char *default_name(struct pm_options *options, size_t ports, size_t place)
{
    static const char *const names[] = {"usbat", "usbmodem", "uart1", "uart2"};
    char text[32];
    for (;; place++) {
        if (place < sizeof names / sizeof names[0]) {
            snprintf(text, sizeof text, "%s", names[place]);
        } else {
            snprintf(text, sizeof text, "port%zu", place + 1);
        }
        if (!name_taken(options, ports, text)) {
            return pm_options_keep(options, text, strlen(text));
        }
    }
}

/* Ports that are nothing are left out. */
static size_t gather_ports(struct pm_options *options)
{
    size_t ports = 0;
    for (size_t i = 0; i < PM_TERMINALS; i++) {
        if (options->port[i].kind != PM_TERMINAL_NONE) {
            options->port[ports] = options->port[i];
            options->port[ports++].number = (uint8_t)(i + 1);
        }
    }
    for (size_t i = ports; i < PM_TERMINALS; i++) {
        options->port[i] = (struct pm_port_setting){.where = "", .name = "", .group = ""};
    }
    return ports;
}

static uint8_t decide(uint8_t own, uint8_t general, bool otherwise)
{
    uint8_t setting = own != PM_AUTO ? own : general;
    if (setting == PM_AUTO) {
        return otherwise ? PM_ON : PM_OFF;
    }
    return setting;
}

/* Signals, and waiting for a device, are for serial lines; and a signal has one use. */
static bool check_line(const struct pm_port_setting *port, char *err, size_t err_size)
{
    struct pm_serial_line line;
    bool dtr = port->dtr_pin != 0;
    bool dcd = port->dcd_pin != 0;
    if (port->kind != PM_TERMINAL_SERIAL) {
        snprintf(err, err_size, "port.%u.%s: only serial lines have it", port->number,
                 dtr   ? "dtr_pin"
                 : dcd ? "dcd_pin"
                       : "wait");
        return !dtr && !dcd && !port->wait;
    }
    bool rtscts = pm_serial_parse(port->where, &line, err, err_size) && line.rtscts;
    dtr = port->dtr_pin == PIN_CTS;
    snprintf(err, err_size, "port.%u.%s: rtscts needs this signal", port->number,
             dtr ? "dtr_pin" : "dcd_pin");
    return !rtscts || (!dtr && port->dcd_pin != PIN_RTS);
}

static bool check_name(const struct pm_options *options, size_t place, char *err, size_t err_size)
{
    const struct pm_port_setting *port = &options->port[place];
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (port->name[strspn(port->name, allowed)] != '\0') {
        snprintf(err, err_size, "port.%u.name: \"%s\" is not of letters, digits, and _ . - only",
                 port->number, port->name);
        return false;
    }
    if (*port->name != '\0' && name_taken(options, place, port->name)) {
        snprintf(err, err_size, "port.%u.name: another port is named %s", port->number, port->name);
        return false;
    }
    return true;
}

/* What only one port can have: its name, and the standard input and output. */
static bool check_distinct(const struct pm_options *options, char *err, size_t err_size)
{
    bool standard = false;
    for (size_t i = 0; i < options->port_count; i++) {
        const struct pm_port_setting *port = &options->port[i];
        if (!check_name(options, i, err, err_size)) {
            return false;
        }
        if (standard && port->kind == PM_TERMINAL_STDIO) {
            snprintf(err, err_size, "port.%u.stdio: standard input and output can be one port only",
                     port->number);
            return false;
        }
        standard = standard || port->kind == PM_TERMINAL_STDIO;
    }
    return true;
}

static bool finish_ports(struct pm_options *options, char *err, size_t err_size)
{
    options->port_count = gather_ports(options);
    if (!check_distinct(options, err, err_size)) {
        return false;
    }
    for (size_t i = 0; i < options->port_count; i++) {
        struct pm_port_setting *port = &options->port[i];
        if (!check_line(port, err, err_size) || !pm__config_finish_group(port, err, err_size)) {
            return false;
        }
        if (*port->name == '\0') {
            port->name = default_name(options, options->port_count, i);
        }
        if (port->name == NULL) {
            port->name = "";
            snprintf(err, err_size, "out of memory");
            return false;
        }
        port->boot_urcs =
            decide(port->boot_urcs, options->boot_urcs, port->kind == PM_TERMINAL_SERIAL);
        port->lf_ends_line =
            decide(port->lf_ends_line, options->lf_ends_line, port->kind == PM_TERMINAL_STDIO);
    }
    return true;
}

/* host allows every server, never and a list allow those that are listed. */
static void finish_clear_auth(struct pm_options *options)
{
    bool host = strcmp(options->auth_in_clear, "host") == 0;
    bool never = strcmp(options->auth_in_clear, "never") == 0;
    options->module.auth_in_clear = host ? PM_SMTP_CLEAR_AUTH_ALLOW : PM_SMTP_CLEAR_AUTH_NEVER;
    options->module.auth_in_clear_servers = host || never ? "" : options->auth_in_clear;
}

bool pm_options_finish(struct pm_options *options, char *err, size_t err_size)
{
    bool strict = options->limits == 1 || (options->limits == 0 && *options->catch_dir != '\0');
    options->module.limits = strict ? PM_LIMITS_STRICT : PM_LIMITS_WIDE;
    finish_clear_auth(options);
    if (!pm_mime_charset_name_valid(pm__slice(options->module.fallback_charset))) {
        snprintf(err, err_size, "fallback_charset: \"%.40s\" is no name of a charset",
                 options->module.fallback_charset);
        return false;
    }
    return finish_password(options, err, err_size) && finish_mechanisms(options, err, err_size) &&
           pm__config_finish_mail(options, err, err_size) && finish_token(options, err, err_size) &&
           finish_addresses(options, err, err_size) && check_names(options, err, err_size) &&
           finish_ehlo(options, err, err_size) && finish_ports(options, err, err_size);
}
