/* SPDX-License-Identifier: MIT */
/*
 * A world for one module: virtual time, files in memory, and a mail server whose faults are
 * switched on by name. Nothing outside the process is touched. Transcripts are played in it, and
 * the tests of the module use it directly.
 */
#ifndef PM_PLAY_WORLD_H
#define PM_PLAY_WORLD_H

#include "postmodem/module.h"

#define WORLD_FILES    64
#define WORLD_PORTS    3
#define WORLD_OPS      16
#define WORLD_PROFILES 64
#define WORLD_REPLIES  8
#define WORLD_HOSTS    4

/* What the mail server, or the way to it, does wrong. */
enum world_fault {
    WORLD_OK,
    WORLD_NO_HOST,     /* the name does not resolve */
    WORLD_NO_CONNECT,  /* nobody listens */
    WORLD_NO_TLS,      /* the handshake fails */
    WORLD_SILENT,      /* never says anything */
    WORLD_CLOSE_DATA,  /* closes after the first body bytes */
    WORLD_REFUSE_RCPT, /* 550 to every recipient */
    WORLD_REFUSE_ONE,  /* 550 to the first recipient */
    WORLD_BAD_PASSWORD,
    WORLD_NO_STARTTLS,
    WORLD_REFUSE_STARTTLS, /* 454 */
    WORLD_BUSY,            /* 421 instead of a banner, then closed */
    WORLD_STUCK,           /* takes no body bytes */
};

struct world_file {
    bool used;      /* slot taken */
    bool named;     /* visible under its name */
    bool temporary; /* created, not committed */
    bool edited;    /* open for changes */
    bool synced;    /* its changes are durable */
    unsigned opened;
    enum pm_storage storage;
    uint8_t name[PM_FILE_NAME_SIZE];
    size_t name_len;
    uint8_t *data;
    size_t len, cap;
};

struct world_profile {
    bool used;
    uint8_t key;
    uint8_t data[2048];
    size_t len;
};

struct world_server {
    enum world_fault fault; /* that a transcript or a test has asked for */
    enum world_fault named; /* that the host has asked for, by the name of the server */
    unsigned banner_code, starttls_code, user_code, data_code, dot_code; /* likewise; 0: none */
    bool bad_banner, closing_banner, unknown_auth;
    const char *capabilities; /* EHLO lines after the first, "A|B"; NULL: its own */
    bool connected, tls, greeted, in_data, closed_told;
    uint64_t chunk;            /* octets of BDAT that are still to come */
    uint8_t auth_step;         /* of world_auth.c */
    uint8_t scram;             /* each byte of the ServerSignature that is due */
    uint8_t credentials[2048]; /* what came with AUTH since the start, decoded, one per line */
    size_t credentials_len;
    uint8_t line[8192];
    size_t line_len;
    uint8_t *message; /* body as received, dots not taken off */
    size_t message_len, message_cap;
    char envelope[4096]; /* commands of the envelope, one per line */
    uint8_t out[16384];  /* what the server has yet to say */
    size_t out_len;
    unsigned mails, connections, refused, accepted;
    unsigned send_limit; /* bytes taken per send, 0: all */
    struct {
        char verb[12]; /* BANNER, a command, CREDENTIALS, DOT; "" when free */
        char text[512];
        bool then_close;
    } replies[WORLD_REPLIES];
};

/* What the network answers to QIDNSGIP, QPING and QNTP, and to QIACT. */
struct world_network {
    struct {
        char name[64]; /* "" when free */
        struct pm_resolved resolved;
    } hosts[WORLD_HOSTS];             /* other names do not exist */
    struct pm_ip servers[2];          /* what name_servers tells */
    int32_t open, look_up, ping, ntp; /* results; PM_PENDING: never */
    struct pm_ping_reply reply;
    int64_t ntp_seconds;
    struct pm_op *never[4]; /* operations that get no answer */
    char asked[2048];       /* requests, one per line */
};

struct world {
    struct pm_module module;
    struct pm_module_config config;
    struct pm_platform platform;
    struct pm_at_table table;
    struct pm_port ports[WORLD_PORTS];
    size_t port_count;
    uint64_t now;
    uint8_t *arena;
    size_t arena_size;

    bool async;       /* operations end later, in world_run() */
    unsigned fail_at; /* this platform call (counted from 1) fails; 0: none */
    unsigned calls;
    uint64_t ufs_size; /* bytes of UFS, and of RAM */
    struct {
        struct pm_op *op;
        int32_t result;
        bool file;       /* the result is a file: closed when the operation is cancelled */
        bool connection; /* likewise */
    } ops[WORLD_OPS];
    size_t op_count;
    bool writable;

    struct world_file files[WORLD_FILES];
    struct world_profile profiles[WORLD_PROFILES];
    struct world_server server;
    struct world_network network;
    bool job_memory_out;
    const uint8_t *secret; /* a key in the job's memory, to be wiped before the next send */
    size_t secret_len;
    char log[16384];
    size_t log_len;
    char trace[16384];
    size_t trace_len;
    bool started;     /* world_begin() has brought the module up */
    char failed[120]; /* the first thing that went wrong in the world itself; "" when nothing */
};

/* Starts a module with default settings changed to what tests want: strict limits. Call
 * world_begin() after changing w->config. */
void world_init(struct world *w);
/* Brings the module up with `ports` ports (usbat, usbmodem, uart1). Where the settings do not let
 * it start, w->started stays false and w->failed says so. */
void world_begin(struct world *w, size_t ports);
/* Ends the module and frees what the world holds. Returns w->failed, which also says when the
 * module left a file, connection or operation behind: "" when all went well. */
const char *world_end(struct world *w);
/* Notes what went wrong; the first note stays. */
void world_fail(struct world *w, const char *what);

/* Delivers everything that is due at w->now: operations, server bytes. */
void world_run(struct world *w);
/* Advances virtual time to `until`, stopping at every deadline on the way. */
void world_advance(struct world *w, uint64_t until);

/* Types bytes on a port at the present time. */
void world_type(struct world *w, size_t port, const void *data, size_t len);
/* Moves what the port has for its host to `out`; returns how many bytes. */
size_t world_read(struct world *w, size_t port, uint8_t *out, size_t size);

/* Adds a file as if it had been uploaded. */
void world_add_file(struct world *w, enum pm_storage storage, const char *name, const void *data,
                    size_t len);
/* The file of a name, or NULL. */
struct world_file *world_find(struct world *w, enum pm_storage storage, const void *name,
                              size_t len);
/* Number of temporary or scratch files that exist. */
size_t world_temporary(const struct world *w);

/* world_net.c: the server at the other end of the mail connection. */
void world_server_connect(struct world *w);
void world_server_take(struct world *w, const uint8_t *data, size_t len);
void world_server_reset(struct world *w);
/* What the server says to a verb from now on instead of its own reply, and whether it closes
 * then. An empty text forgets it. False when too much is scripted. */
bool world_server_reply(struct world *w, const char *verb, const uint8_t *text, size_t len,
                        bool then_close);

/* world_network.c: what the network answers. */
void world_network_init(struct world *w);
/* "NAME TTL ADDRESS...": a host with its addresses; the name alone: it does not exist any more.
 * False when that cannot be read, or there are too many. */
bool world_network_host(struct world *w, const char *text);
/* Writes down what was asked, with the route it takes. */
void world_network_note(struct world *w, const char *what, struct pm_slice host,
                        const struct pm_route *route);
/* Likewise which TLS was asked for: with the connection ("tls") or by "starttls". */
void world_network_note_tls(struct world *w, const char *what,
                            const struct pm_connect_request *request);
/* Forgets an operation that gets no answer; false when it is none. */
bool world_network_cancel(struct world *w, const struct pm_op *op);

/* Adds to what the server has yet to say. */
void world_server_say(struct world *w, const char *text);
/* Takes AUTH, and each line until it is over (world_auth.c). */
void world_server_auth(struct world *w, const char *line);

/* world_faults.c: the fault that the server plays at present. */
enum world_fault world_fault_now(const struct world *w);
/* Reads the name of a server that is connected to. */
void world_faults_connect(struct world *w, struct pm_slice host);
/* Each says what a named fault has in store, and is true then: in place of the banner, of the
 * reply to a verb or to DOT, and of the verdict on credentials. */
bool world_faults_banner(struct world *w);
bool world_faults_command(struct world *w, const char *verb, const char *line);
bool world_faults_login(struct world *w);
/* Looks for a user in a line of AUTH. */
void world_faults_user(struct world *w, const char *line);

/* world_files.c, world_net.c, world_network.c: fill in the platform. */
void world_files_platform(struct pm_platform *platform);
void world_net_platform(struct pm_platform *platform);
void world_network_platform(struct pm_platform *platform);
/* An operation's answer: at once, or later in the asynchronous world. */
int32_t world_answer(struct world *w, struct pm_op *op, int32_t result);
/* The same where the result opens something that cancelling must close. */
int32_t world_answer_file(struct world *w, struct pm_op *op, int32_t file);
int32_t world_answer_connection(struct world *w, struct pm_op *op, int32_t result);
/* True when this call is the one to fail. */
bool world_fails(struct world *w);

#endif
