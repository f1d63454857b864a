/* SPDX-License-Identifier: MIT */
/* Settings of transcripts: how the module of the world is made before anything is typed. */
#include <stdlib.h>
#include <string.h>

#include "play/transcript_player.h"

static bool number_setting(struct pm_module_config *c, const char *key, unsigned long value)
{
    const struct {
        const char *key;
        uint32_t *value;
    } settings[] = {
        {"connect_delay", &c->connect_delay},      {"urc_gap", &c->urc_gap},
        {"qiact_delay", &c->qiact_delay},          {"cfun_delay", &c->cfun_delay},
        {"power_on_delay", &c->power_on_delay},    {"power_off_delay", &c->power_off_delay},
        {"register_delay", &c->register_delay},    {"rate_mails", &c->policy.rate_mails},
        {"rate_seconds", &c->policy.rate_seconds}, {"reuse_seconds", &c->reuse_seconds},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(settings[i].key, key) == 0) {
            *settings[i].value = (uint32_t)value;
            return true;
        }
    }
    return false;
}

static bool flag_setting(struct player *p, const char *pair)
{
    struct pm_module_config *c = &p->w->config;
    const struct {
        const char *pair;
        bool *value;
        bool on;
    } flags[] = {
        {"syntax lenient", &c->lenient, true},
        {"att_list_size off", &c->att_list_size, false},
        {"mask_password on", &c->mask_password, true},
        {"qiact_again ok", &c->qiact_again_ok, true},
        {"boot_delay off", &c->boot_delay, false},
        {"boot_urcs on", &p->boot_urcs, true},
        {"lf_ends_line on", &p->lf_ends_line, true},
        {"pipelining off", &c->pipelining, false},
        {"chunking off", &c->chunking, false},
        {"mail_clock module", &c->mail_clock_module, true},
        {"require_tls on", &c->policy.require_tls, true},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(flags[i].pair, pair) == 0) {
            *flags[i].value = flags[i].on;
            return true;
        }
    }
    return false;
}

static bool word_setting(struct player *p, const char *pair)
{
    struct pm_module_config *c = &p->w->config;
    const struct {
        const char *pair;
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
    if (strcmp(pair, "auth_in_clear never") == 0) {
        c->auth_in_clear = PM_SMTP_CLEAR_AUTH_NEVER;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].pair, pair) == 0) {
            *words[i].value = words[i].number;
            return true;
        }
    }
    return flag_setting(p, pair);
}

/* Texts: they stand in the transcript, which outlives the module. */
static bool policy_setting(struct player *p, const char *pair)
{
    struct pm_mail_policy *policy = &p->w->config.policy;
    const struct {
        const char *key;
        const char **value;
    } texts[] = {
        {"policy_server ", &policy->server},
        {"policy_username ", &policy->username},
        {"policy_password ", &policy->password},
        {"policy_from ", &policy->from},
        {"allow_recipients ", &policy->allow_recipients},
        {"allow_senders ", &policy->allow_senders},
        {"token_server ", &p->w->config.token_server},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = strlen(texts[i].key);
        if (strncmp(texts[i].key, pair, len) == 0) {
            *texts[i].value = pair + len;
            return true;
        }
    }
    return false;
}

/* "key number". */
static bool pair_setting(struct player *p, const char *pair)
{
    char key[40];
    char *end = NULL;
    size_t n = strcspn(pair, " ");
    if (n >= sizeof key || pair[n] != ' ') {
        return false;
    }
    memcpy(key, pair, n);
    key[n] = '\0';
    unsigned long value = strtoul(pair + n + 1, &end, 10);
    if (end == pair + n + 1) {
        return false;
    }
    if (strcmp(key, "ports") == 0) {
        p->ports = value;
        return value >= 1 && value <= WORLD_PORTS;
    }
    if (strcmp(key, "boot_urcs") == 0) {
        p->boot_urcs = true;
        p->boot_port = value;
    } else if (strcmp(key, "active_at_start") == 0) {
        p->w->config.active_at_start = (uint16_t)value;
    } else if (strcmp(key, "policy_port") == 0) {
        p->w->config.policy.port = (uint16_t)value;
    } else if (strcmp(key, "arena") == 0) {
        p->w->arena_size = value;
    } else if (strcmp(key, "storage") == 0) {
        p->w->ufs_size = value;
    } else {
        return number_setting(&p->w->config, key, value);
    }
    return true;
}

bool transcript_setting(struct player *p, const char *pair)
{
    if (p->begun) {
        return transcript_fail(p, "a setting after the start");
    }
    return word_setting(p, pair) || policy_setting(p, pair) || pair_setting(p, pair) ||
           transcript_fail(p, "unknown setting \"%s\"", pair);
}
