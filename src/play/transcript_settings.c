/* SPDX-License-Identifier: MIT */
/* Settings of transcripts: how the module of the world is made before anything is typed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/transcript_player.h"

/* Most bytes for texts, as the program's arena_size allows. */
#define ARENA_MOST 1048576U

/* A line "key value", and what may stand behind its key. */
struct setting {
    struct player *p;
    const char *pair;
    char allowed[160]; /* "": there is no such key */
};

static void allow(struct setting *s, const char *value)
{
    size_t len = strlen(s->allowed);
    (void)snprintf(s->allowed + len, sizeof s->allowed - len, "%s%s", len != 0 ? ", " : "", value);
}

/* True when the line has this key; `value` is what stands behind it, or NULL. */
static bool has_key(const struct setting *s, const char *key, size_t len, const char **value)
{
    if (strncmp(s->pair, key, len) != 0 || (s->pair[len] != ' ' && s->pair[len] != '\0')) {
        return false;
    }
    *value = s->pair[len] == ' ' ? s->pair + len + 1 : NULL;
    return true;
}

/* True when the line is this one; its value is allowed in any case. */
static bool is_line(struct setting *s, const char *line)
{
    const char *value = NULL;
    size_t len = strcspn(line, " ");
    if (has_key(s, line, len, &value)) {
        allow(s, line + len + 1);
    }
    return strcmp(s->pair, line) == 0;
}

/* True when the line is this key with a decimal number of that range. */
static bool is_number(struct setting *s, const char *key, unsigned long least, unsigned long most,
                      unsigned long *number)
{
    char range[48];
    char *end = NULL;
    const char *value = NULL;
    if (!has_key(s, key, strlen(key), &value)) {
        return false;
    }
    (void)snprintf(range, sizeof range, "%lu-%lu", least, most);
    allow(s, range);
    if (value == NULL || *value < '0' || *value > '9') {
        return false;
    }
    errno = 0;
    *number = strtoul(value, &end, 10);
    return errno == 0 && *end == '\0' && *number >= least && *number <= most;
}

/* ---- Words ------------------------------------------------------------------------------ */

static bool flag_setting(struct setting *s)
{
    struct pm_module_config *c = &s->p->w->config;
    const struct {
        const char *line;
        bool *value;
        bool on;
    } flags[] = {
        {"syntax lenient", &c->lenient, true},
        {"att_list_size off", &c->att_list_size, false},
        {"mask_password on", &c->mask_password, true},
        {"qiact_again ok", &c->qiact_again_ok, true},
        {"boot_delay off", &c->boot_delay, false},
        {"boot_urcs on", &s->p->boot_urcs, true},
        {"lf_ends_line on", &s->p->lf_ends_line, true},
        {"pipelining off", &c->pipelining, false},
        {"chunking off", &c->chunking, false},
        {"mail_clock module", &c->mail_clock_module, true},
        {"require_tls on", &c->policy.require_tls, true},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (is_line(s, flags[i].line)) {
            *flags[i].value = flags[i].on;
            return true;
        }
    }
    return false;
}

static bool word_setting(struct setting *s)
{
    struct pm_module_config *c = &s->p->w->config;
    const struct {
        const char *line;
        uint8_t *value;
        uint8_t number;
    } words[] = {
        {"limits wide", &c->limits, PM_LIMITS_WIDE},
        {"upl_crlf on", &c->upl_crlf, PM_UPL_CRLF_ON},
        {"upl_crlf off", &c->upl_crlf, PM_UPL_CRLF_OFF},
        {"boot_profile ag35-cet", &c->boot_profile, PM_BOOT_AG35_CET},
        {"recipients any", &c->recipients, PM_RECIPIENTS_ANY},
        {"charset_check refuse", &c->charset_check, PM_CHARSET_REFUSE},
        {"sim absent", &c->sim, PM_SIM_ABSENT},
        {"sim pin", &c->sim, PM_SIM_PIN},
        {"policy_tls none", &c->policy.tls, PM_POLICY_CLEAR},
        {"policy_tls starttls", &c->policy.tls, PM_POLICY_STARTTLS},
        {"policy_tls tls", &c->policy.tls, PM_POLICY_TLS},
        {"power_off stay", &c->power_off, PM_POWER_OFF_STAY},
        {"dsn_notify never", &c->policy.notify, PM_SMTP_NOTIFY_NEVER},
        {"dsn_notify failure,delay", &c->policy.notify,
         PM_SMTP_NOTIFY_FAILURE | PM_SMTP_NOTIFY_DELAY},
        {"registration 0", &c->registration, 0},
        {"registration 2", &c->registration, 2},
        {"registration 3", &c->registration, 3},
        {"registration 5", &c->registration, 5},
    };
    if (is_line(s, "auth_in_clear never")) {
        c->auth_in_clear = PM_SMTP_CLEAR_AUTH_NEVER;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_line(s, words[i].line)) {
            *words[i].value = words[i].number;
            return true;
        }
    }
    return flag_setting(s);
}

/* ---- Texts and numbers ------------------------------------------------------------------ */

/* Texts stand in the transcript, which outlives the module. */
static bool text_setting(struct setting *s)
{
    struct pm_module_config *c = &s->p->w->config;
    const struct {
        const char *key;
        const char **value;
    } texts[] = {
        {"policy_server", &c->policy.server},
        {"policy_username", &c->policy.username},
        {"policy_password", &c->policy.password},
        {"policy_from", &c->policy.from},
        {"allow_recipients", &c->policy.allow_recipients},
        {"allow_senders", &c->policy.allow_senders},
        {"token_server", &c->token_server},
    };
    const char *value = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!has_key(s, texts[i].key, strlen(texts[i].key), &value)) {
            continue;
        }
        if (value == NULL || *value == '\0') {
            allow(s, "a text behind it");
            return false;
        }
        *texts[i].value = value;
        return true;
    }
    return false;
}

static bool number_setting(struct setting *s)
{
    struct pm_module_config *c = &s->p->w->config;
    const struct {
        const char *key;
        uint32_t *value;
    } numbers[] = {
        {"connect_delay", &c->connect_delay},      {"urc_gap", &c->urc_gap},
        {"qiact_delay", &c->qiact_delay},          {"cfun_delay", &c->cfun_delay},
        {"power_on_delay", &c->power_on_delay},    {"power_off_delay", &c->power_off_delay},
        {"register_delay", &c->register_delay},    {"rate_mails", &c->policy.rate_mails},
        {"rate_seconds", &c->policy.rate_seconds}, {"reuse_seconds", &c->reuse_seconds},
    };
    unsigned long number = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (is_number(s, numbers[i].key, 0, UINT32_MAX, &number)) {
            *numbers[i].value = (uint32_t)number;
            return true;
        }
    }
    return false;
}

/* Those that are no number of the module's own configuration, or have another range. */
static bool other_setting(struct setting *s)
{
    struct player *p = s->p;
    unsigned long number = 0;
    if (is_number(s, "ports", 1, WORLD_PORTS, &number)) {
        p->ports = number;
    } else if (is_number(s, "boot_urcs", 1, WORLD_PORTS, &number)) {
        p->boot_urcs = true;
        p->boot_port = number;
    } else if (is_number(s, "active_at_start", 0, UINT16_MAX, &number)) {
        p->w->config.active_at_start = (uint16_t)number;
    } else if (is_number(s, "policy_port", 0, UINT16_MAX, &number)) {
        p->w->config.policy.port = (uint16_t)number;
    } else if (is_number(s, "arena", 0, ARENA_MOST, &number)) {
        p->w->arena_size = number;
    } else if (is_number(s, "storage", 0, UINT32_MAX, &number)) {
        p->w->ufs_size = number;
    } else {
        return false;
    }
    return true;
}

/* ---- All of them ------------------------------------------------------------------------ */

/* Makes the setting. False: what is wrong with it is in `err`, and nothing has changed. */
static bool make(struct player *p, const char *pair, char *err, size_t size)
{
    struct setting s = {.p = p, .pair = pair};
    if (word_setting(&s) || text_setting(&s) || number_setting(&s) || other_setting(&s)) {
        return true;
    }
    int len = (int)strcspn(pair, " ");
    const char *value = pair + len + (pair[len] == ' ' ? 1 : 0);
    if (s.allowed[0] == '\0') {
        (void)snprintf(err, size, "unknown setting \"%.*s\"", len, pair);
    } else {
        (void)snprintf(err, size, "setting %.*s: \"%.60s\" is not allowed; allowed: %s", len, pair,
                       value, s.allowed);
    }
    return false;
}

bool transcript_setting(struct player *p, const char *pair)
{
    char err[300];
    if (p->begun) {
        return transcript_fail(p, "a setting after the start");
    }
    return make(p, pair, err, sizeof err) || transcript_fail(p, "%s", err);
}

bool transcript_setting_check(const char *pair, char *err, size_t size)
{
    struct player *p = calloc(1, sizeof *p);
    struct world *w = calloc(1, sizeof *w);
    bool ok = false;
    if (p == NULL || w == NULL) {
        (void)snprintf(err, size, "out of memory");
    } else {
        p->w = w;
        ok = make(p, pair, err, size);
    }
    free(w);
    free(p);
    return ok;
}
