/* SPDX-License-Identifier: MIT */
/* AUTH at the world's server: it believes everybody, unless its fault is a bad password. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "play/world.h"

/* What comes next from the client. */
enum { AUTH_COMMAND, AUTH_LAST, AUTH_USER, AUTH_PROOF, AUTH_EMPTY };

/* What follows the client's nonce. */
#define SCRAM_FIRST "world,s=c2FsdA==,i=4096"

static void challenge(struct world *w, uint8_t step, const char *text)
{
    char line[400] = "334 ";
    size_t n = pm__base64_encode((uint8_t *)line + 4, (const uint8_t *)text, strlen(text));
    line[4 + n] = '\0';
    w->server.auth_step = step;
    world_server_say(w, line);
    world_server_say(w, "\r\n");
}

static void verdict(struct world *w)
{
    w->server.auth_step = AUTH_COMMAND;
    if (!world_faults_login(w)) {
        world_server_say(w, world_fault_now(w) == WORLD_BAD_PASSWORD ? "535 5.7.8 no\r\n"
                                                                     : "235 2.7.0 ok\r\n");
    }
}

/* The world's HMAC is a count of bytes (world_net.c): that of the proof is kept for later. */
static void scram_first(struct world *w, const char *response)
{
    char first[200] = "";
    char text[300];
    size_t len = 0;
    if (!pm__base64_decode((const uint8_t *)response, strlen(response), (uint8_t *)first,
                           sizeof first - 1, &len)) {
        world_fail(w, "no base64 in AUTH");
        return;
    }
    const char *bare = strstr(first, "n=");
    const char *nonce = strstr(first, ",r=");
    if (bare == NULL || nonce == NULL) {
        world_fail(w, "no client-first-message in AUTH");
        return;
    }
    int n = snprintf(text, sizeof text, "%s" SCRAM_FIRST, nonce + 1);
    size_t binding = (size_t)(bare - first) + (first[0] == 'p' ? 32U : 0U);
    size_t final = strlen("c=") + PM__BASE64_SIZE(binding) + strlen(nonce) + strlen("world");
    w->server.scram = (uint8_t)((32 + strlen(bare) + 1 + (size_t)n + 1 + final) & 0x7F);
    challenge(w, AUTH_PROOF, text);
}

static void scram_final(struct world *w)
{
    uint8_t signature[32];
    char text[60] = "v=";
    if (world_fault_now(w) == WORLD_BAD_PASSWORD) {
        verdict(w);
        return;
    }
    memset(signature, w->server.scram, sizeof signature);
    size_t n = pm__base64_encode((uint8_t *)text + 2, signature, sizeof signature);
    text[2 + n] = '\0';
    challenge(w, AUTH_EMPTY, text);
}

static void begin(struct world *w, const char *mechanism, const char *response)
{
    if (strcmp(mechanism, "CRAM-MD5") == 0) {
        challenge(w, AUTH_LAST, "<1896.697170952@postoffice>");
    } else if (strcmp(mechanism, "LOGIN") == 0) {
        challenge(w, AUTH_USER, "Username:");
    } else if (strncmp(mechanism, "SCRAM-SHA-256", 13) == 0) {
        scram_first(w, response);
    } else if (world_fault_now(w) == WORLD_BAD_PASSWORD &&
               (strcmp(mechanism, "XOAUTH2") == 0 || strcmp(mechanism, "OAUTHBEARER") == 0)) {
        challenge(w, AUTH_LAST, "{\"status\":\"401\"}");
    } else {
        verdict(w);
    }
}

/* The last word of a line of AUTH, where that is base64: what the client makes known of its
 * account. */
static void keep_credentials(struct world *w, const char *line)
{
    struct world_server *s = &w->server;
    const char *blank = strrchr(line, ' ');
    const char *encoded = blank != NULL ? blank + 1 : line;
    size_t room = sizeof s->credentials - s->credentials_len;
    size_t len = 0;
    if (s->auth_step == AUTH_COMMAND && (blank == NULL || blank == strchr(line, ' '))) {
        return; /* AUTH and the mechanism alone */
    }
    if (room == 0 || !pm__base64_decode((const uint8_t *)encoded, strlen(encoded),
                                        s->credentials + s->credentials_len, room - 1, &len)) {
        return; /* no base64, or more than a test looks at */
    }
    s->credentials[s->credentials_len + len] = '\n';
    s->credentials_len += len + 1;
}

void world_server_auth(struct world *w, const char *line)
{
    world_faults_user(w, line);
    keep_credentials(w, line);
    switch (w->server.auth_step) {
    case AUTH_USER: challenge(w, AUTH_LAST, "Password:"); return;
    case AUTH_PROOF: scram_final(w); return;
    case AUTH_LAST:
    case AUTH_EMPTY: verdict(w); return;
    default: break;
    }
    char mechanism[32];
    const char *rest = line + strcspn(line, " ");
    rest += strspn(rest, " ");
    size_t len = strcspn(rest, " ");
    (void)snprintf(mechanism, sizeof mechanism, "%.*s", (int)len, rest);
    begin(w, mechanism, rest + len + strspn(rest + len, " "));
}
