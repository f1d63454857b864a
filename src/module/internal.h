/* SPDX-License-Identifier: MIT */
/* What the files of the module share: answering, tasks, tables, and the parts of a module. */
#ifndef PM_MODULE_INTERNAL_H
#define PM_MODULE_INTERNAL_H

#include "base/ascii.h"
#include "base/text.h"
#include "module/arena.h"
#include "postmodem/module.h"

/* Groups of pm_at_command.group: which manual a command is from. */
enum pm__group {
    PM__GROUP_GENERAL,
    PM__GROUP_FILE,
    PM__GROUP_NET,
    PM__GROUP_SSL,
    PM__GROUP_SMTP,
    PM__GROUP_SMS /* 27.005 */
};

/* +CME numbers used by more than one file. */
enum pm__cme {
    PM__CME_NOT_ALLOWED = 3,
    PM__CME_NOT_SUPPORTED = 4,
    PM__CME_SIM_ABSENT = 10,
    PM__CME_SIM_PIN = 11,
    PM__CME_SIM_PUK = 12,
    PM__CME_SIM_FAILURE = 13,
    PM__CME_SIM_BUSY = 14,
    PM__CME_PASSWORD = 16,
    PM__CME_NOT_FOUND = 22,
    PM__CME_NO_SERVICE = 30,
    PM__CME_PARAMETER = 50, /* 27.007: incorrect parameters */
    PM__CME_FILE_INPUT = 400
};

/* One manual's commands. */
struct pm__commands {
    const struct pm_at_command *rows;
    size_t count;
};
extern const struct pm__commands pm__general_commands;
extern const struct pm__commands pm__profile_commands;
extern const struct pm__commands pm__urc_commands;
extern const struct pm__commands pm__boot_commands;
extern const struct pm__commands pm__power_commands;
extern const struct pm__commands pm__sim_commands;
extern const struct pm__commands pm__sim_file_commands;
extern const struct pm__commands pm__registration_commands;
extern const struct pm__commands pm__clock_commands;
extern const struct pm__commands pm__charset_commands;
extern const struct pm__commands pm__qcfg_commands;
extern const struct pm__commands pm__line_commands;
extern const struct pm__commands pm__network_commands;
extern const struct pm__commands pm__kept_commands;
extern const struct pm__commands pm__sms_commands;
extern const struct pm__commands pm__phonebook_commands;
extern const struct pm__commands pm__calls_commands;
extern const struct pm__commands pm__equipment_commands;
extern const struct pm__commands pm__file_commands;
extern const struct pm__commands pm__tcpip_commands;
extern const struct pm__commands pm__cgdcont_commands;
extern const struct pm__commands pm__qicfg_commands;
extern const struct pm__commands pm__dns_commands;
extern const struct pm__commands pm__ping_commands;
extern const struct pm__commands pm__ntp_commands;
extern const struct pm__commands pm__ssl_commands;
extern const struct pm__commands pm__smtp_commands;

/* ---- Answers of the running command ------------------------------------------ */

void pm__ok(struct pm_port *port);
void pm__error(struct pm_port *port);
void pm__cme(struct pm_port *port, uint16_t number);

/* ---- Tasks: commands of several steps ----------------------------------------- */

/* Starts a task for the running command; `step` is called until it returns false, and again
 * after each event of its port (operation done, data, output room, time). */
void pm__task_begin(struct pm_port *port, bool (*step)(struct pm_port *port));

/* Ends the task; an open file of it is closed. The caller answers the command. */
void pm__task_end(struct pm_port *port);

/* Ends whatever runs on a port, unfinished and unanswered, and forgets its host. */
void pm__port_cut_off(struct pm_port *port);

/* Notes what a platform operation on port->op answered and the state to go on in. Returns
 * true when the result is already there (in port->op.result). */
bool pm__await(struct pm_port *port, int32_t result, uint8_t next_state);

/* Runs everything that can move, at module->now. */
void pm__module_run(struct pm_module *module);

/* ---- Parts -------------------------------------------------------------------- */

/* Starts a log line. pm__log_end() hands it on. */
struct pm__log {
    struct pm__text text;
    char line[256];
};
void pm__log_begin(struct pm__log *log);
void pm__log_end(struct pm_module *module, enum pm_log_level level, struct pm__log *log);
void pm__log_text(struct pm_module *module, enum pm_log_level level, const char *text);

/* power.c: on and off. */
void pm__power_start(struct pm_module *module); /* what a module is when it is switched on */
bool pm__power_run(struct pm_module *module);
uint64_t pm__power_deadline(const struct pm_module *module);
/* True while the module is off: from AT+QPOWD or AT+CFUN=1,1 to its next start. */
bool pm__power_off(const struct pm_module *module);

/* boot.c: what comes up after what, and the URCs that tell of it. */
enum pm__start {
    PM__START_POWER, /* the module */
    PM__START_CFUN,  /* the SIM: AT+CFUN=1 or 4 after 0 */
    PM__START_PIN    /* the SIM: its PIN has been entered */
};
void pm__start(struct pm_module *module, enum pm__start what);
/* Nothing more of it comes. */
void pm__start_over(struct pm_module *module);
bool pm__boot_run(struct pm_module *module);
uint64_t pm__boot_deadline(const struct pm_module *module);
/* When the SIM answers, or has. */
uint64_t pm__sim_ready_at(const struct pm_module *module);
/* 0 when the SIM serves, else the +CME number that commands get which need it: absent, starting
 * (C5 of the boot captures), or waiting for its PIN or PUK. */
uint16_t pm__sim_error(const struct pm_module *module);

/* sim.c: what the card itself wants, whether it is powered or not. */
enum pm__sim {
    PM__SIM_READY,
    PM__SIM_ABSENT,
    PM__SIM_PIN,
    PM__SIM_PUK,
    PM__SIM_BLOCKED /* for ever: too many wrong PUKs */
};
enum pm__sim pm__sim(const struct pm_module *module);
const char *pm__sim_text(enum pm__sim sim); /* as +CPIN: tells it */
uint8_t pm__sim_tries(const struct pm_module *module, bool puk);
/* Answers the SIM's error. Returns true when the SIM serves. */
bool pm__sim_serves(struct pm_port *port);
/* Likewise for what a PIN does not guard, as the card's number and its tries: true also while the
 * SIM waits for its PIN or PUK. */
bool pm__sim_answers(struct pm_port *port);

/* urc.c: where unsolicited result codes go. */
#define PM__URC_ALL 4U /* value of PM_NVM_URC_PORT: every port */
/*
 * Queues a URC on the port that AT+QURCCFG="urcport" names, as pm_at_urc() does; on the first
 * port when none has that name, on each under "all". `text` is without its CRLFs.
 */
void pm__urc(struct pm_module *module, const char *text, size_t len, uint64_t not_before);
/* Whether a URC of `len` bytes fits everywhere it goes without driving out an older one. */
bool pm__urc_fits(const struct pm_module *module, size_t len);
/* True when pm__urc() would use the port. */
bool pm__urc_goes_to(const struct pm_port *port);

/* settings.c: what AT&F brings back besides the settings of its port. */
void pm__settings_factory(struct pm_module *module);
/* qcfg.c */
#define PM__INDICATIONS_PRESET 0x19U                 /* all, ring, smsincoming */
void pm__indications_load(struct pm_module *module); /* as kept: at the start */
/* The module has come to a network, or lost it: what AT+QINDCFG asks for. */
void pm__indicate_network(struct pm_module *module, bool registered);

/* Settings without effect, short messages, phone books, calls and capabilities: what AT&F brings
 * back. */
void pm__kept_factory(struct pm_module *module);
void pm__sms_factory(struct pm_module *module);
void pm__phonebook_factory(struct pm_module *module);
void pm__calls_factory(struct pm_module *module);
void pm__equipment_factory(struct pm_module *module);

/* kept.c: AT+CMGF=1 */
bool pm__sms_text_mode(const struct pm_module *module);

/* nvm.c: settings kept at once. */
void pm__nvm_load(struct pm_module *module);
/* Keeps module->nvm as it is now, then ends the running command: OK, or the +CME number `cme`. */
void pm__nvm_save(struct pm_port *port, uint16_t cme);

/* registration.c */
void pm__registration_reset(struct pm_module *module); /* as at the start */
void pm__registration_begin(struct pm_module *module); /* looks for the network from now on */
bool pm__registration_run(struct pm_module *module);
uint64_t pm__registration_deadline(const struct pm_module *module);
uint8_t pm__registration(const struct pm_module *module); /* stat of +CREG */
bool pm__registered(const struct pm_module *module);      /* home or roaming */

/* network.c: the two numbers of +CSQ. */
void pm__put_signal(struct pm_port *port);

/* charset.c: prints a text of ours, in quotes and as AT+CSCS says. */
void pm__put_in_charset(struct pm_port *port, const char *text);
/* Whether a host has typed a text of ours so. */
bool pm__equal_in_charset(const struct pm_module *module, struct pm_slice typed, const char *ours);

/* tcpip.c */
#define PM__APN_MAX 100

/* What +QIGETERROR tells. */
enum pm__net_error {
    PM__NET_OK = 0,
    PM__NET_UNKNOWN = 550,
    PM__NET_PARAMETERS = 552,
    PM__NET_MEMORY = 553,
    PM__NET_UNSUPPORTED = 555,
    PM__NET_OPEN_FAILED = 561, /* also: the context is not active */
    PM__NET_DNS_BUSY = 564,
    PM__NET_DNS_FAILED = 565,
    PM__NET_CONNECT_FAILED = 566,
    PM__NET_BUSY = 568,
    PM__NET_TIMEOUT = 569,
    PM__NET_BROKEN = 570,
    PM__NET_NOT_ALLOWED = 572,
    PM__NET_NO_APN = 573
};

bool pm__context_active(const struct pm_module *module, uint8_t context);
/* Context 1 to PM_CGD_CONTEXTS loses its network without QIDEACT: one that QIACT had activated says
 * so in a URC, and wants QIDEACT before QIACT. */
void pm__context_deactivate(struct pm_module *module, uint8_t context);
/* All of them: the module leaves the network. */
void pm__contexts_lost(struct pm_module *module);
void pm__contexts_reset(struct pm_module *module);

/* activate.c */
/* Why a context cannot be activated as it is: PM__NET_OK when it can, or is active and may be asked
 * for again (CD8). */
uint16_t pm__activation_refused(const struct pm_module *module, uint8_t context);
/* Activates a context and ends the running command. */
void pm__activate(struct pm_port *port, uint8_t context);
/* Contexts that are active from the start (CD48): as soon as the module is registered, and again
 * and again while the platform cannot open them, until their host takes them into its hands. */
void pm__activation_reset(struct pm_module *module);
void pm__activation_forget(struct pm_module *module, uint8_t context);
/* The network has taken a context away: one that was active from the start comes back with it. */
void pm__activation_again(struct pm_module *module, uint8_t context);
void pm__activation_drop(struct pm_module *module);
bool pm__activation_run(struct pm_module *module);
uint64_t pm__activation_deadline(const struct pm_module *module);

/* tcpip.c again */
/* Ends the running TCP/IP command: OK, or ERROR with the number +QIGETERROR then tells. */
void pm__net_result(struct pm_port *port, uint16_t net_error);
/* Prints the addresses of a context in quotes, as its type has them. */
void pm__put_context_address(struct pm_port *port, uint8_t context);
/* Defines a context. False when the arena is full: nothing changes. */
bool pm__context_set(struct pm_module *module, uint8_t context, const struct pm_pdp *pdp,
                     struct pm_slice apn, struct pm_slice user, struct pm_slice password);
/* Keeps a context in the state store (CD46), then ends the running command with OK. */
void pm__context_save(struct pm_port *port, uint8_t context);
/* The address of a context as text: its IPv4, IPv6. */
const char *pm__context_ipv4(const struct pm_module *module, uint8_t context, char buffer[16]);
const char *pm__context_ipv6(const struct pm_module *module, uint8_t context);

/* qicfg.c */
void pm__qicfg_reset(struct pm_module *module);

/* dns.c */
/* The context and its name servers, for a request to the platform. */
void pm__route(const struct pm_module *module, uint8_t context, struct pm_route *route);
/* Whether a context of this type has addresses of the family. */
bool pm__type_has(uint8_t type, uint8_t family);
/* Looks `host` up for a query; an IP literal is its own address. As platform.resolve(). */
int32_t pm__look_up(struct pm_module *module, struct pm_query *query, struct pm_slice host,
                    struct pm_resolved *resolved);

/* query.c: what goes on after the OK of QIDNSGIP, QPING, QNTP. */
bool pm__queries_run(struct pm_module *module);
uint64_t pm__queries_deadline(const struct pm_module *module);
/* The context is not active any more: what uses it ends with 570. */
void pm__queries_context_gone(struct pm_module *module, uint8_t context);
/* Drops all of them without a word: the module ends or restarts. */
void pm__queries_drop(struct pm_module *module);

/* profile.c: what AT&W keeps. */
void pm__profile_load(struct pm_module *module);
void pm__profile_apply(struct pm_port *port);

/* line.c: the serial line of a port. */
/* Takes what is kept of it, else what is preset. */
void pm__line_load(struct pm_port *port);
/* AT&W for it: a profile_save on port->op. */
int32_t pm__line_save(struct pm_port *port);
/* A new speed holds as soon as no command line runs. */
void pm__line_settle(struct pm_port *port);

/* clock.c */
void pm__clock_local(const struct pm_module *module, struct pm_wall_time *time);

/* ssl.c */
void pm__ssl_reset(struct pm_module *module);

/* file_name.c: "RAM:a.txt" split in storage and name. 0 or the +CME number. */
uint16_t pm__file_name(struct pm_slice text, uint8_t *storage, struct pm_slice *name);
/* Prints a name with its prefix; UFS has one only when `full`. */
void pm__put_file_name(struct pm_at *at, uint8_t storage, struct pm_slice name, bool full);
void pm__put_file_name_quoted(struct pm_at *at, uint8_t storage, struct pm_slice name, bool full);

/* handles.c: files that AT+QFOPEN holds open, on whatever port. */
/* The handle of a named file, opened or being opened; NULL: it has none. */
struct pm_handle *pm__handle_of(struct pm_module *module, uint8_t storage, struct pm_slice name);
/* The port's task is done with its handle; one that never opened is free again. */
void pm__handle_let_go(struct pm_port *port);
/* Closes all: the module ends or restarts. */
void pm__handles_close(struct pm_module *module);

/* checksum.c: the FILE manual's XOR over 16-bit words, across pieces. */
void pm__checksum(struct pm_task *task, const uint8_t *data, size_t len);
uint16_t pm__checksum_end(const struct pm_task *task);

/* draft.c */
enum pm__limit {
    PM__LIMIT_USERNAME = 1,
    PM__LIMIT_PASSWORD,
    PM__LIMIT_SENDER_NAME,
    PM__LIMIT_SENDER_EMAIL,
    PM__LIMIT_SERVER,
    PM__LIMIT_RECIPIENT,
    PM__LIMIT_SUBJECT,
    PM__LIMIT_RECIPIENTS, /* a count */
    PM__LIMIT_BODY,       /* /1024, rounded up */
    PM__LIMIT_COUNT
};
const uint16_t *pm__limits(uint8_t limits);
void pm__draft_reset(struct pm_module *module); /* account and draft, as after a start */
void pm__draft_clear(struct pm_module *module); /* AT+QSMTPCLR */
void pm__draft_touch(struct pm_module *module); /* the draft changed: a new Message-ID */
void pm__draft_drop_body(struct pm_module *module);

/* smtp.c */
bool pm__smtp_busy(const struct pm_module *module);

/* job*.c: the mail job. */
void pm__job_start(struct pm_port *port, uint32_t timeout_s);
bool pm__job_run(struct pm_module *module);
uint64_t pm__job_deadline(const struct pm_module *module);
void pm__job_received(struct pm_module *module, const uint8_t *data, size_t len);
void pm__job_closed(struct pm_module *module);
/* True while a mail is sent that has the file attached: its bytes must stay. */
bool pm__job_reads(const struct pm_module *module, uint8_t storage, struct pm_slice name);
void pm__job_fail(struct pm_module *module, uint16_t error, uint16_t reply);
/* reuse.c: the mail connection between two mails (SD78). */
/* Something that a connection is made by has changed, other than a text of the arena. */
void pm__reuse_mark(struct pm_module *module);
/* The bytes of a file have changed, or its name: it may be a certificate. No name: any may. */
void pm__reuse_mark_file(struct pm_module *module, uint8_t storage, struct pm_slice name);
bool pm__reuse_run(struct pm_module *module);
uint64_t pm__reuse_deadline(const struct pm_module *module);
/* Ends a kept connection, if there is one, with QUIT; the log says why. */
void pm__reuse_leave(struct pm_module *module, const char *why);
/* Drops the kept connection of a context, 0: of any, without QUIT. */
void pm__reuse_drop(struct pm_module *module, uint8_t context);

/* Drops the job without a word: the module ends or restarts. */
void pm__job_drop(struct pm_module *module);

#endif
