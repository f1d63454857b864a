/* SPDX-License-Identifier: MIT */
#include "host/lab.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/ascii.h"
#include "base/ip.h"
#include "host/catcher_faults.h"

#define TTL 300U
/* Last bytes of the addresses of faults; other names stay below. */
#define LAST_ORDINARY 250U
#define LAST_REFUSED  253U
#define LAST_LOST     254U

static struct pm_ip documentation_address(bool v6, uint8_t last)
{
    if (v6) {
        return (struct pm_ip){PM_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = last}};
    }
    return (struct pm_ip){PM_IPV4, {192, 0, 2, last}};
}

static bool is_documentation(const struct pm_ip *address, uint8_t last)
{
    struct pm_ip other = documentation_address(address->family == PM_IPV6, last);
    return memcmp(address, &other, sizeof other) == 0;
}

bool pm_lab_lost(const struct pm_ip *address)
{
    return is_documentation(address, LAST_LOST);
}

bool pm_lab_refused(const struct pm_ip *address)
{
    return is_documentation(address, LAST_REFUSED);
}

size_t pm_lab_name_servers(struct pm_ip servers[2])
{
    servers[0] = documentation_address(false, 251);
    servers[1] = documentation_address(false, 252);
    return 2;
}

/* ---- the configured hosts ----------------------------------------------------------------- */

/* One entry of the list: its name and its addresses; `text` moves behind it. */
static bool take_entry(const char **text, struct pm_slice *name, struct pm_slice *addresses)
{
    size_t len = strcspn(*text, ",");
    const uint8_t *at = (const uint8_t *)*text;
    const uint8_t *equal = memchr(at, '=', len);
    if (equal == NULL || equal == at) {
        return false;
    }
    *name = (struct pm_slice){at, (size_t)(equal - at)};
    *addresses = (struct pm_slice){equal + 1, len - name->len - 1};
    *text += len + ((*text)[len] == ',' ? 1 : 0);
    return true;
}

/* The next address of an entry; false at the end. A text that is none has family PM_IP_NONE. */
static bool take_address(struct pm_slice *list, struct pm_ip *ip)
{
    while (list->len > 0 && list->ptr[0] == ' ') {
        list->ptr++;
        list->len--;
    }
    const uint8_t *blank = list->len > 0 ? memchr(list->ptr, ' ', list->len) : NULL;
    struct pm_slice word = {list->ptr, blank != NULL ? (size_t)(blank - list->ptr) : list->len};
    *ip = (struct pm_ip){PM_IP_NONE, {0}};
    if (word.len == 0) {
        return false;
    }
    (void)pm__ip_parse(word, ip);
    list->ptr += word.len;
    list->len -= word.len;
    return true;
}

bool pm_lab_check(const char *hosts, char *err, size_t err_size)
{
    struct pm_slice name;
    struct pm_slice addresses;
    struct pm_ip ip;
    while (*hosts != '\0') {
        const char *entry = hosts;
        bool good = take_entry(&hosts, &name, &addresses);
        size_t count = 0;
        while (good && take_address(&addresses, &ip)) {
            good = ip.family != PM_IP_NONE && ++count <= PM_RESOLVED_MAX;
        }
        if (!good || count == 0) {
            size_t len = strcspn(entry, ",");
            snprintf(err, err_size, "\"%.*s\" is not NAME=ADDRESS[ ADDRESS...]",
                     (int)(len < 60 ? len : 60), entry);
            return false;
        }
    }
    return true;
}

static bool has_family(uint8_t type, const struct pm_ip *ip)
{
    return type == 3 || ip->family == (type == 2 ? PM_IPV6 : PM_IPV4);
}

/* True when the configuration names the host, whatever addresses it has for the type. */
static bool find_configured(const struct pm_lab *lab, const char *host, uint8_t type,
                            struct pm_resolved *resolved)
{
    const char *hosts = lab->hosts != NULL ? lab->hosts : "";
    struct pm_slice name;
    struct pm_slice addresses;
    struct pm_ip ip;
    while (*hosts != '\0' && take_entry(&hosts, &name, &addresses)) {
        if (!pm__slice_equal_nocase(name, pm__slice(host))) {
            continue;
        }
        while (take_address(&addresses, &ip)) {
            if (ip.family != PM_IP_NONE && has_family(type, &ip) &&
                resolved->count < PM_RESOLVED_MAX) {
                resolved->address[resolved->count++] = ip;
            }
        }
        return true;
    }
    return false;
}

/* ---- names ------------------------------------------------------------------------------------
 */

enum pm_lab_server pm_lab_server(const struct pm_lab *lab, const char *host)
{
    const char *end = strrchr(host, '.');
    enum catcher_fault_kind fault = pm_catcher_fault_of_server(host).kind;
    if ((lab->faults && fault == CATCHER_FAULT_RESOLVE) ||
        (end != NULL && strcasecmp(end, ".invalid") == 0)) {
        return PM_LAB_UNKNOWN;
    }
    if (lab->faults && fault == CATCHER_FAULT_CONNECT) {
        return PM_LAB_REFUSED;
    }
    return lab->faults && fault == CATCHER_FAULT_SILENT ? PM_LAB_SILENT : PM_LAB_WORKS;
}

/* The same name has the same address every time, and a different one as a rule (FNV-1a). */
static uint8_t last_byte(const char *host)
{
    uint32_t hash = 2166136261U;
    for (; *host != '\0'; host++) {
        hash = (hash ^ pm__ascii_lower((uint8_t)*host)) * 16777619U;
    }
    return (uint8_t)(1 + hash % LAST_ORDINARY);
}

int32_t pm_lab_resolve(const struct pm_lab *lab, const char *host, uint8_t type,
                       struct pm_resolved *resolved)
{
    uint8_t last = last_byte(host);
    memset(resolved, 0, sizeof *resolved);
    resolved->ttl = TTL;
    if (find_configured(lab, host, type, resolved)) {
        return resolved->count > 0 ? PM_OK : PM_ERR_RESOLVE;
    }
    switch (pm_lab_server(lab, host)) {
    case PM_LAB_UNKNOWN: return PM_ERR_RESOLVE;
    case PM_LAB_REFUSED: last = LAST_REFUSED; break;
    case PM_LAB_SILENT: last = LAST_LOST; break;
    case PM_LAB_WORKS:
    default: break;
    }
    if (type != 2) {
        resolved->address[resolved->count++] = documentation_address(false, last);
    }
    if (type != 1) {
        resolved->address[resolved->count++] = documentation_address(true, last);
    }
    return PM_OK;
}
