/* SPDX-License-Identifier: MIT */
/*
 * The module: one virtual AG35 with its ports, contexts, draft and mail job.
 *
 * The host of the library owns one struct pm_module, one struct pm_port per AT channel, the arena
 * and the platform. It feeds bytes and results in, sends what pm_port_output() holds after
 * every call, and calls pm_module_tick() at pm_module_deadline(). Nothing here allocates, blocks
 * or keeps time. A module and all its ports belong to one thread.
 */
#ifndef POSTMODEM_MODULE_H
#define POSTMODEM_MODULE_H

#include "postmodem/at.h"
#include "postmodem/config.h"
#include "postmodem/error.h"
#include "postmodem/mime.h"
#include "postmodem/platform.h"
#include "postmodem/smtp.h"
#include "postmodem/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pm_limits { PM_LIMITS_STRICT, PM_LIMITS_WIDE };                    /* SD9 */
enum pm_recipients { PM_RECIPIENTS_ALL, PM_RECIPIENTS_ANY };            /* SD35 */
enum pm_charset_check { PM_CHARSET_ACCEPT, PM_CHARSET_REFUSE };         /* SD40 */
enum pm_upl_crlf { PM_UPL_CRLF_AUTO, PM_UPL_CRLF_ON, PM_UPL_CRLF_OFF }; /* CD1 */
enum pm_boot_profile { PM_BOOT_EC2X, PM_BOOT_AG35_CET };                /* CD20 */
enum pm_sim { PM_SIM_READY, PM_SIM_ABSENT, PM_SIM_PIN };
enum pm_power_off { PM_POWER_OFF_RESTART, PM_POWER_OFF_STAY, PM_POWER_OFF_EXIT }; /* CD43 */

/* TLS with the server of a policy. */
enum pm_policy_tls { PM_POLICY_CLEAR, PM_POLICY_STARTTLS, PM_POLICY_TLS };

/*
 * What the owner of a module decides about its mail (SD70 to SD73). The host is answered as ever
 * and its queries show what it has set. All zero, with NULL or empty strings, decides nothing.
 */
struct pm_mail_policy {
    /* Server, port, TLS and account in place of the host's, which then see nothing of either. The
     * server's certificate is checked whatever AT+QSSLCFG says. No user name: no AUTH. */
    const char *server;
    uint16_t port; /* 1-65535 */
    uint8_t tls;   /* enum pm_policy_tls */
    const char *username, *password;
    bool certificate; /* the platform has a client certificate for this server */
    /* Address in MAIL and From: in place of the host's. The host's name stays beside it. */
    const char *from;
    /* Who may get mail, and who the host may say that it is from: addresses and @domains between
     * commas, ASCII case aside. A mail with anybody else is answered +QSMTPPUT: 678,550. */
    const char *allow_recipients, *allow_senders;
    /* Most mails in so many seconds, 0: any number. Beyond it +QSMTPPUT: 667,450. */
    uint32_t rate_mails;   /* up to 1,000,000 */
    uint32_t rate_seconds; /* 1-86400 */
    /* REQUIRETLS (RFC 8689) for every mail: never in clear, the certificate is verified whatever
     * AT+QSSLCFG says, and a server that does not offer it gets no mail: +QSMTPPUT: 665,0. */
    bool require_tls;
    uint8_t notify; /* bits of enum pm_smtp_notify, where the server offers DSN (RFC 3461) */
};

/* True when `list` is one for allow_recipients or allow_senders: addresses, and domains behind
 * an @, between commas, blanks around them. */
bool pm_policy_list_valid(const char *list);

/*
 * Settings of a module. pm_module_config_default() fills in every default; strings are
 * NUL-terminated, owned by the caller, and valid as long as the module.
 */
struct pm_module_config {
    /* Identity (SD56). */
    const char *manufacturer; /* "Quectel" */
    const char *model;        /* "AG35" */
    const char *revision;     /* "AG35CEVAR05A07T4G" */
    const char *sub_revision; /* "_" part of AT+QGMR, "01.001.01.001" */
    const char *serial;       /* AT+CGSN=0 */
    const char *imei;         /* 15 digits */
    const char *imsi;         /* 15 digits */
    const char *iccid;        /* 19 or 20 digits */
    /* Network as the host sees it. */
    const char *operator_name;
    const char *operator_numeric;
    const char *lac;                           /* upper-case hex, 4 digits */
    const char *cell_id;                       /* upper-case hex, 7 digits */
    uint8_t rssi;                              /* +CSQ 0-31, 99 */
    uint8_t ber;                               /* +CSQ 0-7, 99 */
    uint8_t registration;                      /* +CREG stat 0-5; 1 home, 5 roaming */
    uint8_t sim;                               /* enum pm_sim; PIN: it asks for sim_pin */
    const char *sim_pin;                       /* 4 to 8 digits */
    const char *sim_puk;                       /* 8 digits */
    const char *band;                          /* AT+QNWINFO, "LTE BAND 3" */
    uint16_t channel;                          /* AT+QNWINFO */
    uint32_t register_delay;                   /* ms from a ready SIM to registration */
    const char *address[PM_PDP_CONTEXTS];      /* IPv4 shown by +QIACT; NULL: 10.7.157.<n> */
    const char *address_ipv6[PM_PDP_CONTEXTS]; /* for types 2 and 3; NULL: a fixed one */
    uint16_t active_at_start;                  /* bit n-1: context n (CD48) */
    /* Behaviour. */
    uint8_t limits;                        /* enum pm_limits */
    bool lenient;                          /* syntax (SD53) */
    bool att_list_size;                    /* SD3 */
    bool mask_password;                    /* SD7 */
    uint8_t recipients;                    /* enum pm_recipients */
    bool pipelining, chunking;             /* used where the server offers them (SD75) */
    uint8_t charset_check;                 /* enum pm_charset_check */
    const char *fallback_charset;          /* "windows-1252" */
    bool mail_clock_module;                /* Date: from AT+CCLK (SD38) */
    uint8_t upl_crlf;                      /* enum pm_upl_crlf */
    bool qiact_again_ok;                   /* CD8 */
    uint8_t boot_profile;                  /* enum pm_boot_profile */
    bool boot_delay;                       /* CD45: measured delays between the boot URCs */
    uint32_t connect_delay;                /* ms, SD25 */
    uint32_t urc_gap;                      /* ms, SD57 */
    uint32_t power_on_delay;               /* ms from POWERED DOWN or CFUN=1,1 to restart (CD43) */
    uint32_t power_off_delay;              /* ms from QPOWD to POWERED DOWN, at least 1 */
    uint8_t power_off;                     /* enum pm_power_off; the last two stay off */
    uint32_t cfun_delay;                   /* ms that a change by AT+CFUN takes, 0: none */
    uint32_t qiact_delay;                  /* ms that AT+QIACT takes, 0: none */
    uint32_t reuse_seconds;                /* how long a connection waits for a next mail; 0: not:
                                            * the platform's conn_close() then comes between mails,
                                            * or with pm_module_mail_leave() */
    const char *ehlo_name;                 /* domain or address literal, never NULL */
    enum pm_smtp_clear_auth auth_in_clear; /* SD59 */
    const char *auth_in_clear_servers;     /* names between commas that are allowed all the same */
    uint8_t auth_forbidden;                /* bits of enum pm_smtp_mechanism: never used (SD64) */
    const char *token_server;              /* gets platform.token()'s; "": none does (SD66) */
    struct pm_mail_policy policy;          /* nothing */
};

void pm_module_config_default(struct pm_module_config *config);

/* State owned by the caller; members are the module's own business. */
#include "postmodem/module_state.h"

/* ---- Life ------------------------------------------------------------------- */

/*
 * Starts a module at `now`. `arena` holds the texts of draft, account, contexts (APN...) and
 * SSL settings, packed; it is the module's as long as the module lives. 2048 bytes serve one short
 * mail; 65536 hold everything the `wide` limits allow. `platform` and `config` are kept by
 * reference. Returns false when `table` could not take the commands.
 */
bool pm_module_init(struct pm_module *module, const struct pm_module_config *config,
                    const struct pm_platform *platform, const struct pm_at_table *table,
                    uint8_t *arena, size_t arena_size, uint64_t now);

/* Fills `table` with every command of the module; one table serves all modules. */
bool pm_module_table(struct pm_at_table *table);

/* Ends a module: a running mail is dropped, files and the connection are closed, pending operations
 * cancelled, secrets overwritten. Its ports are dead afterwards. */
void pm_module_end(struct pm_module *module);

/*
 * Presets what QSMTPCFG sets (SD8), before the first input. `item` is the QSMTPCFG
 * keyword; `text` and `text2` are the string parameters (user, password; name, address; host)
 * and `number` the number. With `secret` queries never show the password.
 * Returns false, and nothing changes, when a value breaks the `wide` limits, is one that the
 * command would refuse (SD12, SD13), or the arena is full.
 */
bool pm_module_preset(struct pm_module *module, const char *item, const char *text,
                      const char *text2, uint32_t number, bool secret);

/* Presets a context's APN, user, password, authentication (0-3) and type (1-3). */
bool pm_module_preset_context(struct pm_module *module, uint8_t context, uint8_t type,
                              const char *apn, const char *user, const char *password,
                              uint8_t authentication);

/* ---- Ports ------------------------------------------------------------------ */

/*
 * Adds a port. `name` is its name in AT+QURCCFG ("usbat", "usbmodem", "uart1"...; CD44), static as
 * long as the port; the first port added gets the URCs. `boot_urcs`: the boot URCs are wanted there
 * (CD45).
 */
void pm_port_init(struct pm_port *port, struct pm_module *module, const char *name, bool boot_urcs,
                  bool lf_ends_line, uint64_t now);

/* As pm_at_input(): returns how many bytes were taken; offer the rest again later, at the
 * latest after the next pm_port_output_ack() or pm_module_done(). */
size_t pm_port_input(struct pm_port *port, const uint8_t *data, size_t len, uint64_t now);

/*
 * As pm_at_input_end(), where the configuration's urc_gap is 0; with a gap it changes nothing. For
 * an owner that knows that its wire has no more bytes for now, all taken by pm_port_input().
 */
void pm_port_input_end(struct pm_port *port, uint64_t now);

/* False after an input that was taken short, until something has moved on the port: a host that
 * can stop reading from its wire should. */
bool pm_port_wants_input(const struct pm_port *port);

/* As pm_at_output(). To be looked at after every call into the module, for every port. */
size_t pm_port_output(const struct pm_port *port, const uint8_t **data);
void pm_port_output_ack(struct pm_port *port, size_t n, uint64_t now);

/* The host's DTR changed. */
void pm_port_dtr(struct pm_port *port, bool on, uint64_t now);

/* What the wire of a port is to be like now. */
struct pm_line {
    uint32_t speed; /* bits per second (AT+IPR) */
    bool flow_out;  /* the host's RTS stops what goes to it (AT+IFC): in data mode only */
    bool flow_in;   /* likewise CTS what comes from it */
    bool dcd;       /* carrier: always under AT&C0, in data mode under AT&C1 */
    bool dsr;       /* the module is switched on */
    bool watch_dtr; /* a drop of DTR would end data mode (AT&D1): worth looking at the pin */
};

/*
 * As pm_port_output(), to be looked at after every call into the module by an owner that has a
 * wire. A new speed is for what comes after the output that waits, AT+IPR's OK in it: let
 * that leave the transmitter first. Owners without a wire (TCP, USB) need not ask.
 */
struct pm_line pm_port_line(const struct pm_port *port);

/* The speed of the wire when neither AT&W has kept another nor AT+IPR asks for one: to be told
 * after pm_port_init(). Any number is taken; 115200 when it is not told. */
void pm_port_preset_speed(struct pm_port *port, uint32_t speed);

/* The host has changed the speed by other means than AT+IPR (RFC 2217). False, and nothing
 * changes, for a speed that AT+IPR does not have. */
bool pm_port_set_speed(struct pm_port *port, uint32_t speed);

/* The port's host is gone (SD62): pty closed, TCP closed, line unplugged. */
void pm_port_lost(struct pm_port *port, uint64_t now);

/* ---- Results from the platform ---------------------------------------------- */

/* The pending operation `op` has ended with `result`. */
void pm_module_done(struct pm_module *module, struct pm_op *op, int32_t result, uint64_t now);

/* Bytes from the mail server, on the open connection, which may be one that waits for the next mail
 * (reuse_seconds). All are taken. */
void pm_module_received(struct pm_module *module, const uint8_t *data, size_t len, uint64_t now);

/* The mail connection takes bytes again. */
void pm_module_writable(struct pm_module *module, uint64_t now);

/* The mail connection is gone: closed by the peer or failed. Not after conn_close. */
void pm_module_closed(struct pm_module *module, uint64_t now);

/* Context 1-16 has lost its network: a mail that uses it ends with 657, what AT commands asked of
 * the network with 570, and the host reads +QIURC: "pdpdeact". Nothing happens when the context is
 * not active or the module is off. */
void pm_module_context_lost(struct pm_module *module, uint8_t context, uint64_t now);

/* ---- Time and state --------------------------------------------------------- */

/* When pm_module_tick() must be called at the latest; covers all ports. */
uint64_t pm_module_deadline(const struct pm_module *module);
void pm_module_tick(struct pm_module *module, uint64_t now);

/* True when AT+QPOWD has switched the module off and it stays so (power_off); its ports take
 * input and drop it. */
bool pm_module_off(const struct pm_module *module);

/* Switches on a module that is off, as its PWRKEY does. Nothing happens to one that is not. */
void pm_module_power_on(struct pm_module *module, uint64_t now);

/* True while a mail job runs. A connection that waits for the next mail (reuse_seconds) is none. */
bool pm_module_mail_running(const struct pm_module *module);

/* Ends a running mail job as failed (+QSMTPPUT: 651,0), for a program that must leave. */
void pm_module_mail_abort(struct pm_module *module, uint64_t now);

/* Ends a connection that waits for the next mail (reuse_seconds) with QUIT, as before the owner
 * turns off its radio or sleeps; the next mail opens another. Nothing happens without one, or while
 * a mail is on it; a mail job that has not come to that yet opens another. */
void pm_module_mail_leave(struct pm_module *module, uint64_t now);

/* What has happened since pm_module_init(). A restart of the module (AT+CFUN=1,1, AT+QPOWD) drops
 * what pm_module_preset() gave: its host presets again when `restarts` has changed. */
struct pm_module_counts {
    uint32_t restarts;
    uint32_t mails_sent;
    uint32_t mails_failed;
    uint16_t last_error; /* of the last failed mail */
    uint16_t last_reply;
    bool last_own; /* it was refused by struct pm_mail_policy: no server has given that reply */
};
/* To be asked before pm_module_end(), which forgets them. */
struct pm_module_counts pm_module_count(const struct pm_module *module);

#ifdef __cplusplus
}
#endif

#endif
