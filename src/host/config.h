/* SPDX-License-Identifier: MIT */
/*
 * The settings of one module: one table of keys, and what each is set to.
 *
 * A key is a dotted name; `N` in it stands for a number. Where settings come from, and which module
 * they are for, is the matter of configuration.h.
 */
#ifndef PM_HOST_CONFIG_H
#define PM_HOST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "host/log.h"
#include "host/port.h"
#include "postmodem/module.h"

/* on, off, or what suits: where a default depends on something else. */
enum pm_auto { PM_AUTO, PM_ON, PM_OFF };

struct pm_port_setting {
    uint8_t kind;   /* enum pm_terminal_kind */
    uint8_t number; /* of port.N; known after pm_options_finish() */
    const char *where;
    const char *name;
    const char *group;
    gid_t gid;                       /* of the group; known after pm_options_finish() */
    uint8_t boot_urcs, lf_ends_line; /* enum pm_auto */
    uint8_t dtr_pin;                 /* 0 none, 1 DSR, 2 DCD, 3 CTS, 4 RI */
    uint8_t dcd_pin;                 /* 0 none, 1 DTR, 2 RTS */
    bool wait;
};

struct pm_pdp_setting {
    const char *apn, *user, *password, *address, *address_ipv6, *interface, *source;
    uint8_t authentication;
    uint8_t type; /* 1-3, 0: not given */
    bool any_family;
    bool active_at_start;
};

/* What QSMTPCFG would set; strings are empty and numbers those of a fresh module by default. */
struct pm_smtp_setting {
    const char *server, *username, *password, *password_file, *sender_name, *sender_email;
    const char *auth; /* mechanisms between commas; "": all */
    const char *token_file, *token_command;
    uint16_t port;
    uint8_t contextid, sslctxid, ssltype;
};

/* What becomes of the mails of the host: what pm_mail_policy is made of. */
struct pm_mail_setting {
    const char *override_server; /* HOST[:PORT] */
    const char *override_username, *override_password, *override_password_file;
    const char *from, *allow_recipients, *allow_senders;
    const char *rate_limit; /* N/UNIT */
    const char *dsn_notify;
    const char *on_failure;
    uint32_t alarm_seconds;
    uint8_t override_tls; /* 0 none, 1 starttls, 2 tls */
};

struct pm_config_text; /* config.c: an owned string */

/* Longest name of a module in the configuration. */
#define PM_MODULE_NAME_MAX 31

struct pm_options {
    const char *name; /* "" the only module, described outside of any [module NAME] */
    struct pm_module_config
        module; /* but for pdp, mail and auth_in_clear, see pm_options_finish() */
    struct pm_smtp_setting smtp;
    struct pm_mail_setting mail;
    struct pm_pdp_setting pdp[PM_PDP_CONTEXTS];
    struct pm_port_setting port[PM_TERMINALS];
    size_t port_count;               /* known after pm_options_finish() */
    uint8_t limits;                  /* 0 auto, 1 strict, 2 wide */
    const char *auth_in_clear;       /* host, never, or servers between commas */
    uint8_t boot_urcs, lf_ends_line; /* enum pm_auto, for ports that do not say */
    uint8_t tls_verify;              /* 0 host, 1 always */
    bool tls_system_ca;
    const char *tls_ca_file, *tls_client_cert, *tls_client_key, *tls_pins;
    const char *dns_servers;
    const char *dns_hosts; /* for the lab of a catcher; see host/lab.h */
    uint16_t dns_port;
    uint8_t ping;          /* enum pm_ping_mode */
    const char *catch_dir; /* empty: no catcher */
    bool catch_verify;
    bool catch_faults;
    const char *state_dir;  /* empty: a temporary one */
    const char *state_base; /* the directory to make first that state_dir lies in; empty: none */
    const char *sd_dir;
    uint64_t ufs_size, ram_size;
    uint32_t arena_size;
    uint32_t drain_seconds;
    const char *trace;
    const char *open_secret; /* the key of a password file that all can read (the last), or NULL */
    uint8_t log;             /* enum pm_log_level */
    struct pm_config_text *texts; /* what the strings above point into */
};

enum pm_config_type {
    PM_CONFIG_TEXT,   /* `min` to `max` bytes, no control bytes */
    PM_CONFIG_DIGITS, /* `min` to `max` decimal digits */
    PM_CONFIG_HEX,    /* `min` to `max` hexadecimal digits, upper case */
    PM_CONFIG_NUMBER, /* `min` to `max` */
    PM_CONFIG_BYTES,  /* a size, with K, M or G */
    PM_CONFIG_WORD,   /* one of `words`; stored is its place */
    PM_CONFIG_PORT    /* what a port is; `min` is the enum pm_terminal_kind */
};

/* One key: how it is checked and kept, and what the documentation says of it. */
struct pm_config_key {
    const char *name;
    uint8_t type;      /* enum pm_config_type */
    uint8_t size;      /* bytes of the member, for numbers and words */
    bool secret;       /* its value is never repeated in a message */
    uint16_t also;     /* a number that is allowed besides min to max; 0: none */
    const char *words; /* "strict|wide" */
    uint64_t min, max;
    size_t offset;      /* of the member in struct pm_options */
    size_t stride;      /* keys with N: from one to the next */
    uint32_t count;     /* keys with N: 1 to this */
    const char *preset; /* the default as one would write it; "" none */
    const char *help;
};

extern const struct pm_config_key pm_config_keys[];
extern const size_t pm_config_key_count;

/* Defaults everywhere. */
void pm_options_init(struct pm_options *options);

/* Overwrites secrets and frees the strings. */
void pm_options_free(struct pm_options *options);

/* Frees options that were allocated, too; NULL is none. */
void pm_options_delete(struct pm_options *options);

/* Sets one key. False with the reason in `err`: unknown key, or what is allowed. */
bool pm_options_set(struct pm_options *options, const char *key, const char *value, char *err,
                    size_t err_size);

/* Sets a key from "KEY=VALUE". */
bool pm_options_assign(struct pm_options *options, const char *text, char *err, size_t err_size);

/* Adds a port from the command line: the first port.N that is nothing yet. */
bool pm_options_add_port(struct pm_options *options, enum pm_terminal_kind kind, const char *where,
                         char *err, size_t err_size);

/*
 * After the last setting: defaults that depend on other settings, the password file, checks
 * across keys. Ports are numbered without gaps afterwards. False with the reason in `err`, which is
 * "KEY: ..." where a key can be named: one that is set, so that its place can be told.
 */
bool pm_options_finish(struct pm_options *options, char *err, size_t err_size);

/* The first key that two finished options differ in; NULL: they are equal. */
const struct pm_config_key *pm_options_difference(const struct pm_options *a,
                                                  const struct pm_options *b);

/* Keeps a copy of a string for the life of the options. NULL: no memory. */
const char *pm_options_keep(struct pm_options *options, const char *text, size_t len);

/* What a key allows, in words. */
void pm_config_allowed(const struct pm_config_key *key, char *text, size_t size);

/* True when `text` names a key whose value is a secret. */
bool pm_config_key_secret(const char *text);

/* Between the files of the configuration: makes the module's policy of mail.*. */
bool pm__config_finish_mail(struct pm_options *options, char *err, size_t err_size);

/* Between the files of the configuration: whether the pins and files of tls.* can serve. Those that
 * `checked` has as well, which may be NULL, are not looked at again: a large file takes its time,
 * and a thousand modules may name the same one. */
bool pm__config_check_tls(const struct pm_options *options, const struct pm_options *checked,
                          char *err, size_t err_size);

/* Between the files of the configuration: finds the group of a pty, which the program must be able
 * to give to it. */
bool pm__config_finish_group(struct pm_port_setting *port, char *err, size_t err_size);

/* Takes a password from the first line of a file: sets the key `secret`, which the file's key
 * `named` stands for. Nothing for an empty path. */
bool pm__config_password_file(struct pm_options *options, const char *named, const char *path,
                              const char *secret, const char *present, char *err, size_t err_size);

/* A name for EHLO and Message-ID that needs no name server: the host's full name, its own or
 * from the hosts file, else the literal of an address; never localhost. */
void pm_config_ehlo_name(char *text, size_t size);

#endif
