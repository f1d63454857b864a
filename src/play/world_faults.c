/* SPDX-License-Identifier: MIT */
/* Faults that the host names in its own data (docs/faults.md): the world's server knows the same
 * names as the catcher of the program. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "host/catcher_faults.h"
#include "play/world.h"

/* Copies a slice as a text; what is too long is no name of a fault. */
static void copy(char *out, size_t size, const char *text, size_t len)
{
    len = len < size ? len : 0;
    memcpy(out, text, len);
    out[len] = '\0';
}

static void refuse(struct world *w, unsigned code)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%u a fault on demand\r\n", code);
    world_server_say(w, text);
    w->server.closed_told = w->server.closed_told || code == 421;
}

void world_faults_connect(struct world *w, struct pm_slice host)
{
    static const enum world_fault faults[] = {
        [CATCHER_FAULT_RESOLVE] = WORLD_NO_HOST, [CATCHER_FAULT_CONNECT] = WORLD_NO_CONNECT,
        [CATCHER_FAULT_SILENT] = WORLD_SILENT,   [CATCHER_FAULT_TLS] = WORLD_NO_TLS,
        [CATCHER_FAULT_CUT] = WORLD_CLOSE_DATA,  [CATCHER_FAULT_STARTTLS] = WORLD_NO_STARTTLS,
    };
    char name[256];
    struct world_server *s = &w->server;
    copy(name, sizeof name, (const char *)host.ptr, host.len);
    struct catcher_fault fault = pm_catcher_fault_of_server(name);
    s->named =
        (size_t)fault.kind < sizeof faults / sizeof faults[0] ? faults[fault.kind] : WORLD_OK;
    s->starttls_code = fault.kind == CATCHER_FAULT_STARTTLS ? fault.code : 0;
    s->named = s->starttls_code != 0 ? WORLD_OK : s->named;
    s->banner_code = fault.kind == CATCHER_FAULT_BANNER ? fault.code : 0;
    s->bad_banner = fault.kind == CATCHER_FAULT_SYNTAX;
    s->closing_banner = fault.kind == CATCHER_FAULT_CLOSE;
    s->unknown_auth = fault.kind == CATCHER_FAULT_AUTH;
    s->data_code = 0;
    s->dot_code = 0;
    s->user_code = 0;
}

enum world_fault world_fault_now(const struct world *w)
{
    return w->server.fault != WORLD_OK ? w->server.fault : w->server.named;
}

bool world_faults_banner(struct world *w)
{
    struct world_server *s = &w->server;
    if (s->banner_code != 0) {
        refuse(w, s->banner_code);
    } else if (s->bad_banner) {
        world_server_say(w, "this is no reply\r\n");
    } else if (s->closing_banner) {
        world_server_say(w, "220 mail.example ESMTP\r\n");
    } else {
        return false;
    }
    s->closed_told = s->closed_told || !s->bad_banner;
    return true;
}

/* The address of "MAIL FROM:<a@b>" and the like. */
static struct catcher_fault fault_in(const char *line)
{
    char address[400] = "";
    const char *open = strchr(line, '<');
    const char *close = open != NULL ? strchr(open, '>') : NULL;
    if (close != NULL) {
        copy(address, sizeof address, open + 1, (size_t)(close - open) - 1);
    }
    return pm_catcher_fault_of_address(address);
}

static bool refuse_if(struct world *w, unsigned code)
{
    if (code != 0) {
        refuse(w, code);
    }
    return code != 0;
}

bool world_faults_command(struct world *w, const char *verb, const char *line)
{
    struct world_server *s = &w->server;
    if (strcmp(verb, "DATA") == 0) {
        return refuse_if(w, s->data_code);
    }
    if (strcmp(verb, "DOT") == 0) {
        return refuse_if(w, s->dot_code);
    }
    if (strcmp(verb, "STARTTLS") == 0) {
        return refuse_if(w, s->starttls_code);
    }
    if (strcmp(verb, "MAIL") != 0 && strcmp(verb, "RCPT") != 0) {
        return false;
    }
    struct catcher_fault fault = fault_in(line);
    if (verb[0] == 'R' && fault.kind == CATCHER_FAULT_DATA_REPLY && s->data_code == 0) {
        s->data_code = fault.code;
    } else if (verb[0] == 'R' && fault.kind == CATCHER_FAULT_DOT_REPLY && s->dot_code == 0) {
        s->dot_code = fault.code;
    }
    return fault.kind == CATCHER_FAULT_REPLY && refuse_if(w, fault.code);
}

/* Credentials hold the user alone (LOGIN), before a blank (CRAM-MD5), or between two zeros (PLAIN).
 */
void world_faults_user(struct world *w, const char *line)
{
    uint8_t text[800];
    size_t len = 0;
    const char *blank = strrchr(line, ' ');
    const char *encoded = blank != NULL ? blank + 1 : line;
    if (!pm__base64_decode((const uint8_t *)encoded, strlen(encoded), text, sizeof text - 1,
                           &len)) {
        return;
    }
    text[len] = '\0';
    size_t from = text[0] == '\0' && len != 0 ? 1 : 0;
    text[from + strcspn((const char *)text + from, " ")] = '\0';
    struct catcher_fault fault = pm_catcher_fault_of_address((const char *)text + from);
    if (fault.kind == CATCHER_FAULT_REPLY) {
        w->server.user_code = fault.code;
    }
}

bool world_faults_login(struct world *w)
{
    return refuse_if(w, w->server.user_code);
}
