/* SPDX-License-Identifier: MIT */
/*
 * What a module and a port consist of. Public only so that a caller can own the memory:
 * nobody but src/module reads or writes these members.
 */
#ifndef POSTMODEM_MODULE_STATE_H
#define POSTMODEM_MODULE_STATE_H

#include "postmodem/at.h"
#include "postmodem/config.h"
#include "postmodem/mime.h"
#include "postmodem/platform.h"
#include "postmodem/smtp.h"

/* Contexts that AT+CGDCONT may define; the first PM_PDP_CONTEXTS can be activated. */
#define PM_CGD_CONTEXTS 24

/*
 * Texts of a module, packed: records of key, index, length and bytes in two zones. The mail zone
 * (draft and account) lies first, so that changes of settings never move it; it is frozen
 * while a mail job runs, and the job's slices point into it.
 */
struct pm_arena {
    uint8_t *base;
    size_t size;
    size_t mail_end; /* end of the mail zone, start of the settings zone */
    size_t used;
    uint32_t changes; /* of texts that decide where and as whom a mail connection is made */
};

/* A PDP context (QICSGP, CGDCONT, QIACT). The texts are in the arena. */
struct pm_pdp {
    uint8_t type; /* 0 undefined, 1 IPv4, 2 IPv6, 3 IPv4v6 */
    uint8_t authentication;
    uint8_t options; /* last four fields of +CGDCONT, packed by cgdcont.c */
    uint8_t bearer;  /* enum pm_bearer */
    bool active;     /* by QIACT */
    bool lost;       /* gone while active: QIDEACT must come before the next QIACT */
};

/* What AT+CGACT did last; the default is what attaching brings: a bearer for context 1. */
enum pm_bearer { PM_BEARER_DEFAULT, PM_BEARER_UP, PM_BEARER_DOWN };

/* Numbers that AT+QICFG keeps. */
#define PM_QICFG_VALUES 20

/* An SSL context (QSSLCFG): the numbers; the texts are in the arena. */
struct pm_ssl {
    uint16_t ciphersuite;
    uint16_t negotiatetime;
    uint8_t sslversion, seclevel, ignorelocaltime, sni;
    uint8_t dtls, dtlsversion, closetimemode, session_cache, renegotiation;
    uint8_t ignoremulticertchainverify, ignoreinvalidcertsign;
};

/* The draft and the QSMTPCFG values; the texts are in the arena. */
struct pm_draft {
    uint16_t port;
    uint8_t contextid, sslctxid, ssltype;
    uint8_t subject_charset;
    uint16_t recipients;
    uint8_t attachments;
    bool secret_account; /* preset as secret: queries mask the password (SD8) */
    bool bound_account;  /* and a server was preset: the account is for that server only */
    bool has_body;
    pm_file body; /* scratch file, valid when has_body */
    uint8_t body_charset;
    struct pm_mime_scan scan;
    bool id_valid; /* `id` belongs to the present draft (SD38) */
    uint8_t id[12];
};

/* A file that AT+QFOPEN holds open; its name is in the arena. */
struct pm_handle {
    uint32_t number; /* what the host calls it (CD7) */
    pm_file file;
    uint8_t storage;
    uint8_t mode;  /* 0 and 1 can write, 2 cannot */
    bool used;     /* its place is taken */
    bool open;     /* the platform has opened it: number and file are valid */
    bool busy;     /* a command works with it */
    bool changing; /* and changes the file */
    uint64_t size, position;
};

struct pm_port;

/* A command that takes more than one step on its port. */
struct pm_task {
    bool (*step)(struct pm_port *port); /* NULL: none; true: call again at once */
    uint8_t state;
    bool data_end; /* data mode is over: `reason` */
    bool failed;   /* the storage failed: the rest of the data is only drained */
    bool ack_mode;
    bool has_file;
    uint8_t reason; /* enum pm_at_data_end */
    uint8_t storage;
    uint8_t odd; /* pending high byte of the checksum */
    bool half;   /* `odd` holds a byte */
    uint16_t checksum;
    pm_file file;
    uint64_t count; /* bytes taken so far */
    uint64_t moved; /* bytes copied so far; size of the file before */
    uint64_t size;
    uint64_t wake;    /* time it waits for, PM_NEVER: none */
    uint64_t give_up; /* when its pending operation is cancelled, PM_NEVER: never */
    struct pm_slice name;
    struct pm_slice target; /* a second name, in `target_storage` */
    uint8_t target_storage;
    bool claims;     /* what has these names is about to lose or get them */
    bool has_source; /* a second open file: `source` */
    pm_file source;
    struct pm_handle *handle; /* the command works with it; NULL: with none */
    struct pm_slice data;     /* data-mode bytes being stored; len 0: none */
    size_t chunk_len, chunk_at;
    struct pm_file_entry entry;
    struct pm_storage_info info;
    uint8_t argument[4];
    uint16_t error;
};

/* The speed of a line that nobody has said anything about. */
#define PM_LINE_SPEED 115200

/* The serial line of a port (AT+IPR, AT+IFC, AT+ICF). */
struct pm_line_state {
    uint32_t speed;            /* as AT+IPR? tells */
    uint32_t active;           /* the same, but that of the last command line while one runs */
    uint32_t preset;           /* what the owner of the wire has said */
    bool asked;                /* the speed is the host's wish: AT&W keeps it */
    uint8_t flow_out, flow_in; /* 0 none, 2 RTS or CTS */
    uint8_t format, parity;
};

/* One AT channel of a module. */
struct pm_port {
    struct pm_module *module;
    struct pm_port *next;
    const char *name;
    bool boot_urcs;
    bool full;        /* the last input was taken short, and nothing has moved since */
    uint8_t reg_n[3]; /* +CREG, +CGREG, +CEREG <n> */
    struct pm_line_state line;
    const struct pm_at_command *command; /* of the running command */
    struct pm_op op;
    struct pm_task task;
    struct pm_at at;
    uint8_t chunk[PM_PORT_CHUNK];
};

/*
 * What goes on after the OK of AT+QIDNSGIP, AT+QPING and AT+QNTP, one of each at a time.
 */
struct pm_query {
    uint8_t state; /* 0: none runs */
    uint8_t context;
    uint8_t line;      /* lines said already */
    uint16_t error;    /* as +QIGETERROR counts; 0: none */
    uint64_t wake;     /* when the operation is given up, or the next step is due */
    uint64_t since;    /* no line goes earlier */
    uint64_t patience; /* when lines go although the queue is full; PM_NEVER: none waits */
    struct pm_op op;
};

struct pm_dns_query {
    struct pm_query query;
    struct pm_resolved resolved;
};

struct pm_ping_query {
    struct pm_query query;
    struct pm_resolved resolved; /* of the name */
    struct pm_ping_reply reply;
    uint8_t timeout_s, count, sent, received;
    uint32_t least, most;
    uint64_t total; /* ms, for the average */
    uint64_t next;  /* when the next echo may go */
};

struct pm_ntp_query {
    struct pm_query query;
    int64_t unix_seconds;
    bool set_clock;
};

enum pm_job_state {
    PM_JOB_IDLE,
    PM_JOB_FILES,   /* opens the attachments */
    PM_JOB_MEASURE, /* composes once to learn the size */
    PM_JOB_CONNECT, /* resolves, connects, TLS */
    PM_JOB_SESSION, /* the SMTP session runs */
    PM_JOB_TLS,     /* STARTTLS handshake */
    PM_JOB_CRYPTO,  /* the platform computes something for AUTH */
    PM_JOB_TOKEN    /* the platform gets a bearer token */
};

/* A mail connection that stays open for the next mail, and what it was made by. No secret is
 * kept to compare with: changes are counted instead. */
struct pm_reuse {
    bool open;
    uint8_t contextid, sslctxid, ssltype;
    uint16_t port;
    uint32_t marks;   /* changes of numbers and files that matter, so far */
    uint32_t changes; /* all changes when the connection was made */
    uint64_t until;
};

/* One QSMTPPUT from OK to its URC. */
struct pm_job {
    uint8_t state; /* enum pm_job_state */
    bool connected, sending, composed, opening, reading;
    bool unread;      /* what the server sent is not all read */
    bool accepted;    /* the OK of the command line is out */
    bool keep;        /* the connection stays when the job ends */
    bool counted;     /* the rate limit has counted it */
    uint32_t changes; /* as in struct pm_reuse, of the present connection */
    uint8_t file_count, part;
    struct pm_port *port;
    uint64_t deadline, not_before;
    struct pm_op op;
    pm_file files[PM_MAX_ATTACHMENTS];
    uint64_t sizes[PM_MAX_ATTACHMENTS];
    uint64_t message_size, offset;
    uint16_t recipient;
    struct pm_wall_time date;
    uint8_t *memory, *in, *mid, *out;
    size_t memory_size, in_size, mid_size, out_size;
    size_t in_used, mid_used, out_used; /* at most, so far: what is wiped in the end */
    size_t mid_at, mid_len, out_at, out_len;
    uint8_t digest[32];
    struct pm_slice sender;                /* as it leaves */
    uint8_t sender_ascii[PM_ADDRESS_MAX];  /* where that differs from what was given */
    uint8_t address_ascii[PM_ADDRESS_MAX]; /* likewise of the recipient that is being written */
    uint16_t ascii_recipients;             /* how many need no SMTPUTF8 */
    bool international;                    /* some address needs it */
    bool ascii_only;                       /* the server does not offer it, the others stay out */
    struct pm_smtp_status status;          /* that goes with the result, for the log */
    char message_id[24 + 1 + 256];
    char boundary[32];
    struct pm_connect_request request;
    struct pm_tls_request tls;
    struct pm_mime mime;
    struct pm_smtp smtp; /* last: it stays with a kept connection */
};

/* Keys of profile_save; the contexts have keys from 32 on. */
#define PM_PROFILE_SETTINGS 1
#define PM_PROFILE_NVM      2

/* A PIN has 4 to 8 digits. */
#define PM_PIN_DIGITS 8

/* What AT+QCFG keeps: values of a byte each, and three masks of bands. */
#define PM_QCFG_VALUES 20
#define PM_BAND_BYTES  18

/* How many numbers kept.c keeps. */
#define PM_KEPT_VALUES 23U

/* Values kept at once, without AT&W (CD46); the order is that of the stored record. */
enum pm_nvm {
    PM_NVM_URC_PORT,  /* AT+QURCCFG: usbat, usbmodem, uart1, uart2, all */
    PM_NVM_SIM_LOCK,  /* AT+CLCK="SC": 0 as configured, 1 off, 2 on */
    PM_NVM_PIN_WRONG, /* wrong tries since the last right one */
    PM_NVM_PUK_WRONG,
    PM_NVM_PIN, /* what AT+CPWD made of the PIN: digits plus one; 0: as configured */
    PM_NVM_PIN_LAST = PM_NVM_PIN + PM_PIN_DIGITS - 1,
    PM_NVM_CTZU,
    PM_NVM_INDICATIONS, /* AT+QINDCFG: a bit each */
    PM_NVM_QCFG,        /* AT+QCFG: a value each, 0 its default */
    PM_NVM_QCFG_LAST = PM_NVM_QCFG + PM_QCFG_VALUES - 1,
    PM_NVM_BAND, /* AT+QCFG="band" */
    PM_NVM_BAND_LAST = PM_NVM_BAND + PM_BAND_BYTES - 1,
    PM_NVM_COUNT
};

struct pm_module {
    const struct pm_module_config *config;
    const struct pm_platform *platform;
    const struct pm_at_table *table;
    struct pm_port *ports;
    struct pm_port *body_port; /* port whose QSMTPBODY upload runs */
    uint64_t now;
    bool running; /* guards against being entered twice */
    uint8_t cfun; /* 0, 1, 4 */
    bool attached;
    uint16_t net_error;   /* of the last TCP/IP command */
    uint16_t wide_logged; /* bit per limit: beyond strict once logged (SD9) */
    int64_t clock_offset; /* seconds that AT+CCLK= added */
    int16_t clock_zone;   /* minutes, INT16_MIN: the system's */
    bool profile_valid;
    struct pm_at_settings profile;
    uint8_t profile_reg[3];
    uint8_t nvm[PM_NVM_COUNT];
    uint64_t boot_at;  /* when what starts was started */
    uint8_t start;     /* what it is: enum pm__start */
    uint8_t boot_step; /* its next URC */
    bool sleeps;       /* AT+QSCLK */
    bool pin_verified;
    bool sim_reports;            /* AT+QSIMSTAT */
    uint16_t starting;           /* bit n-1: context n is to be activated without its host (CD48) */
    uint8_t start_next, opening; /* the next of them to look at; the one whose result is awaited */
    uint64_t start_at;           /* when to look */
    struct pm_op open_op;
    uint8_t charset;
    uint8_t indications;          /* AT+QINDCFG, a bit each */
    bool served;                  /* there was a network when AT+QINDCFG looked last */
    uint8_t kept[PM_KEPT_VALUES]; /* settings without effect: kept.c */
    uint8_t sms_service;          /* AT+CSMS */
    uint8_t sms_store[3];         /* AT+CPMS: index of each in the table of sms.c */
    uint8_t phonebook;            /* AT+CPBS: index in the table of phonebook.c */
    uint8_t call_waiting, ussd;   /* n of AT+CCWA and AT+CUSD */
    bool lte_only;                /* AT+WS46 */
    uint8_t cops_mode, cops_format;
    uint8_t reg_told[3]; /* stat that +CREG, +CGREG, +CEREG told last */
    uint8_t power_state;
    uint64_t search_at; /* since when it looks for a network */
    uint64_t power_at;  /* when POWERED DOWN is to come, or the next start */
    struct pm_op op;    /* clearing RAM at restart */
    struct pm_file_entry entry;
    struct pm_arena arena;
    struct pm_pdp pdp[PM_CGD_CONTEXTS];
    struct pm_ssl ssl[PM_SSL_CONTEXTS];
    struct pm_handle handles[PM_MAX_HANDLES];
    uint32_t last_handle; /* the last number given */
    struct pm_draft draft;
    uint32_t qicfg[PM_QICFG_VALUES];
    struct pm_dns_query dns;
    struct pm_ping_query ping;
    struct pm_ntp_query ntp;
    uint32_t restarts, mails_sent, mails_failed;
    uint64_t rate_used; /* until when the mails so far use the rate up, in ms / rate_mails */
    uint16_t last_error, last_reply;
    bool last_own; /* the last failed mail was refused by the configuration's policy */
    struct pm_reuse reuse;
    struct pm_job job; /* last: what only a running mail touches */
};

#endif
