/* SPDX-License-Identifier: MIT */
/*
 * The platform: the one interface through which a module reaches the world.
 *
 * Every call takes the `user` pointer of struct pm_platform and is made from
 * inside some pm_module_...() or pm_port_...() call. A platform must not call
 * back into the module from inside these functions; what finishes later is
 * told by pm_module_done(), pm_module_received() and so on from the event loop.
 *
 * Operations take a `struct pm_op *op`. They return their result (>= 0, or a
 * negative enum pm_status), or PM_PENDING: then the platform keeps `op` and every pointer
 * passed with it until it calls pm_module_done(module, op, result, now), exactly once,
 * and never after pm_platform.cancel() returned for that op.
 */
#ifndef POSTMODEM_PLATFORM_H
#define POSTMODEM_PLATFORM_H

#include "postmodem/config.h"
#include "postmodem/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Token of an operation that may finish later; owned by the module. */
struct pm_op {
    bool pending;
    int32_t result;
    void *platform; /* free for the platform while the operation is pending */
};

enum pm_log_level { PM_LOG_ERROR, PM_LOG_WARNING, PM_LOG_INFO, PM_LOG_DEBUG };

/* Storages of a module. Names within a storage are bytes 0x20-0x7E and 0x80-0xFF,
 * without the storage prefix, at most PM_FILE_NAME_SIZE long, case sensitive (CD29).
 * The platform must keep any such name ("..", "a/b") inside the module's own store. */
enum pm_storage {
    PM_STORAGE_UFS, /* survives a restart */
    PM_STORAGE_RAM, /* gone at restart */
    PM_STORAGE_SD,  /* card: PM_ERR_NO_STORAGE when absent */
};

struct pm_storage_info {
    uint64_t free;  /* bytes that may still be stored */
    uint64_t total; /* bytes of the storage */
    uint64_t used;  /* bytes used by files */
    uint32_t files; /* number of files */
};

struct pm_file_entry {
    uint8_t name[PM_FILE_NAME_SIZE];
    uint8_t name_len;
    uint64_t size;
};

/* An open file; the platform's number, >= 0. */
typedef int32_t pm_file;

struct pm_wall_time {
    int64_t unix_seconds;   /* UTC */
    int16_t offset_minutes; /* local time minus UTC */
};

/* What AT+QSSLCFG said about the connection to be made; the platform decides by
 * SD58 what it makes of it and logs both. Slices are valid until the operation ends. */
struct pm_tls_request {
    uint8_t version;        /* sslversion 0-5 as typed */
    uint16_t ciphersuite;   /* one suite number, 0xFFFF: all */
    uint8_t seclevel;       /* 0 none, 1 server, 2 server and client */
    bool ignore_local_time; /* validity dates are not checked */
    bool sni;               /* as asked; names are always sent (SD58) */
    uint16_t negotiate_s;   /* longest handshake, seconds, 10-300 */
    struct pm_slice cacert, cacertex, clientcert, clientkey; /* module file names, may be empty */
    struct pm_slice key_password;                            /* secret */
    struct pm_slice alpn;
    bool verify;        /* the certificate is verified, with its dates, whatever seclevel and
                         * ignore_local_time say (REQUIRETLS, SD83; a bearer token, SD66) */
    bool owner_account; /* the login is a secret of the owner's, preset or a token: a platform that
                         * checks certificates whatever the host says trusts for it no authority
                         * that the host has brought (cacert, cacertex) */
    bool configured; /* nothing of this is the host's: the connection is that of a policy, and the
                      * platform adds what is configured for it */
};

/* The PDP context that a request leaves through. */
struct pm_route {
    uint8_t context;     /* 1-16 */
    uint8_t type;        /* 1 IPv4, 2 IPv6, 3 both: addresses of other families are not used */
    struct pm_ip dns[2]; /* name servers of AT+QIDNSCFG; PM_IP_NONE: the platform's own */
};

struct pm_connect_request {
    struct pm_slice host; /* name or IP literal as typed, no brackets; a name beyond ASCII is UTF-8:
                           * look up, check and send to TLS its A-labels (RFC 5891), or fail */
    uint16_t port;        /* 1-65535 */
    struct pm_route route;
    const struct pm_tls_request *tls; /* NULL: clear */
};

struct pm_resolve_request {
    struct pm_slice host; /* a name as typed, no IP literal; beyond ASCII as in a connect request */
    struct pm_route route;
};

/* Most addresses that AT+QIDNSGIP tells of one name. */
#define PM_RESOLVED_MAX 8

/* Addresses of a name, the first the best. */
struct pm_resolved {
    uint32_t ttl;  /* seconds, of the record that ends first */
    uint8_t count; /* 1 to PM_RESOLVED_MAX */
    struct pm_ip address[PM_RESOLVED_MAX];
};

/* One ICMP echo request, or what stands for it. */
struct pm_ping_request {
    struct pm_ip address;
    uint16_t size;     /* bytes of payload */
    uint16_t sequence; /* counts from 0 within one AT+QPING */
    struct pm_route route;
};

struct pm_ping_reply {
    uint32_t ms; /* from request to reply */
    uint8_t ttl; /* TTL or hop limit of the reply */
};

struct pm_ntp_request {
    struct pm_slice host; /* name or IP literal as typed */
    uint16_t port;        /* 1-65535 */
    struct pm_route route;
};

enum pm_hmac { PM_HMAC_MD5, PM_HMAC_SHA256 };

struct pm_platform {
    void *user;

    /* One log line, text without line end; it holds no secret. */
    void (*log)(void *user, enum pm_log_level level, const char *text, size_t len);

    /* One SMTP line for the wire trace, already redacted, without CRLF; may be NULL. */
    void (*trace)(void *user, bool sent, const uint8_t *line, size_t len);

    /* The system's wall clock. */
    void (*wall_clock)(void *user, struct pm_wall_time *time);

    /* Fills `out` with unpredictable bytes. PM_OK or PM_ERR_IO. */
    int32_t (*random)(void *user, uint8_t *out, size_t len);

    /* Ends a pending operation without a result: afterwards the platform touches neither
     * op nor its pointers. A half-made connection or file of it is dropped. */
    void (*cancel)(void *user, struct pm_op *op);

    /* ---- Files: write once, then read ---- */

    /* Starts a new file that nobody sees before file_commit. `size` is announced
     * (reserve it if you can). Result: pm_file, PM_ERR_NO_SPACE, PM_ERR_NO_STORAGE, PM_ERR_IO,
     * PM_ERR_NO_MEMORY. */
    int32_t (*file_create)(void *user, struct pm_op *op, enum pm_storage storage, uint64_t size);

    /* Starts an empty scratch file (body of the draft): readable and writable, nameless,
     * gone when closed. Result as file_create. */
    int32_t (*scratch_create)(void *user, struct pm_op *op);

    /* Appends all `len` bytes. PM_OK, PM_ERR_NO_SPACE, PM_ERR_IO. `data` is kept until done. */
    int32_t (*file_write)(void *user, struct pm_op *op, pm_file file, const uint8_t *data,
                          size_t len);

    /* Makes a created file durable and visible under `name`, then closes it: after PM_OK it
     * survives a power cut whole. When the name is taken, `replace` puts it in the place of the
     * file there in one step, and without it the result is PM_ERR_EXISTS. PM_ERR_NO_SPACE or
     * PM_ERR_IO when bytes that file_write() took could not be stored after all. On any error
     * the file is closed and gone; a failure behind the replacement may leave either file. */
    int32_t (*file_commit)(void *user, struct pm_op *op, pm_file file, enum pm_storage storage,
                           struct pm_slice name, bool replace);

    /* Opens a file for reading. Result: pm_file, PM_ERR_NOT_FOUND, ... `size` is set at
     * success. A deleted or replaced file stays readable through an open pm_file. */
    int32_t (*file_open)(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size);

    /* Reads up to `len` bytes at `offset` of an opened, edited or scratch file. Result: the count,
     * 0 at end of file, PM_ERR_IO. */
    int32_t (*file_read)(void *user, struct pm_op *op, pm_file file, uint64_t offset, uint8_t *data,
                         size_t len);

    /* True when somebody else has changed or removed an opened file since: its bytes may be those
     * of two files then, and no mail with them is completed. What the module itself has done to it
     * does not count. Immediate. NULL: there is nobody else. */
    bool (*file_changed)(void *user, pm_file file);

    /* Closes a file; a created one that was not committed is gone. Immediate. */
    void (*file_close)(void *user, pm_file file);

    /* Size of a named file in `*size`. PM_OK, PM_ERR_NOT_FOUND, PM_ERR_NO_STORAGE, PM_ERR_IO. */
    int32_t (*file_stat)(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size);

    /* Deletes a named file; durable at PM_OK. PM_ERR_NOT_FOUND, PM_ERR_IO. */
    int32_t (*file_delete)(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice name);

    /* The first file whose name sorts (memcmp, then length) after `after` (empty: the very
     * first). PM_OK with *entry filled, PM_ERR_NOT_FOUND at the end, PM_ERR_NO_STORAGE. */
    int32_t (*file_next)(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice after, struct pm_file_entry *entry);

    /* Renames a file within its storage; durable at PM_OK. Whoever has it open keeps it. When `to`
     * is taken, `replace` puts the file in its place in one step (the old one stays readable
     * where it is open), and without it the result is PM_ERR_EXISTS. PM_ERR_NOT_FOUND,
     * PM_ERR_NO_MEMORY, PM_ERR_IO. */
    int32_t (*file_rename)(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice from, struct pm_slice to, bool replace);

    /* PM_OK, PM_ERR_NO_STORAGE. */
    int32_t (*storage_info)(void *user, struct pm_op *op, enum pm_storage storage,
                            struct pm_storage_info *info);

    /* ---- Files: changed in place (AT+QFOPEN and what follows it) ---- */

    /* Opens a named file for reading and changing. A missing one is made, empty, and its name is
     * durable at the result; one that is there keeps its bytes, or loses them when `empty`. Result:
     * pm_file and the size in `*size`, PM_ERR_NO_SPACE, PM_ERR_NO_STORAGE, PM_ERR_BUSY when it is
     * open for changes already, PM_ERR_NO_MEMORY, PM_ERR_IO. Opened so at most once at a time;
     * file_open() beside it sees what the changes that have ended have made of it. */
    int32_t (*file_edit)(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, bool empty, uint64_t *size);

    /* Puts `len` bytes at `offset`, which is at most the file's size, over what is there and beyond
     * its end. PM_OK, PM_ERR_NO_SPACE, PM_ERR_NO_MEMORY, PM_ERR_IO. On an error the size is what it
     * was, and bytes in the range below it may be old or new. `data` is kept until done. */
    int32_t (*file_write_at)(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                             const uint8_t *data, size_t len);

    /* Cuts an edited file off behind its first `size` bytes, of which it has so many. PM_OK,
     * PM_ERR_IO. */
    int32_t (*file_truncate)(void *user, struct pm_op *op, pm_file file, uint64_t size);

    /* Makes all changes of an edited file durable. PM_OK, PM_ERR_NO_SPACE, PM_ERR_IO. Until then a
     * power cut may leave any of them, in any order; the end of the program alone leaves
     * those that have ended, and of a running one any first part. */
    int32_t (*file_sync)(void *user, struct pm_op *op, pm_file file);

    /* ---- Settings ---- */

    /* Keeps `len` bytes of settings (the AT&W profile, CD46) under a small key; durable at
     * PM_OK. Ports may save under one key at once: the last call wins, whichever ends
     * first. profile_load: the count read (0: nothing kept). At most 2048 bytes. */
    int32_t (*profile_save)(void *user, struct pm_op *op, uint8_t key, const uint8_t *data,
                            size_t len);
    int32_t (*profile_load)(void *user, uint8_t key, uint8_t *data, size_t cap);

    /* ---- The one mail connection of the module ---- */

    /* Resolves, connects and, when request->tls is set, completes the TLS handshake.
     * PM_OK, PM_ERR_RESOLVE, PM_ERR_CONNECT, PM_ERR_TLS. Nothing is received before PM_OK. */
    int32_t (*conn_open)(void *user, struct pm_op *op, const struct pm_connect_request *request);

    /* Upgrades the open clear connection (STARTTLS). PM_OK, PM_ERR_TLS, PM_ERR_CLOSED. Clear
     * bytes received after the 220 line must make it fail: they go to the TLS layer. */
    int32_t (*conn_starttls)(void *user, struct pm_op *op,
                             const struct pm_connect_request *request);

    /* Takes up to `len` bytes for the peer; result: how many (0: none now). The bytes are
     * copied or sent before it returns. Less than `len`: pm_module_writable() follows once
     * there is room. PM_ERR_CLOSED when the connection is gone. Commands, message and final dot
     * come in calls of their own, often one right behind the other: a platform that gathers them
     * and sends when the call into the library has returned needs one segment for a small mail.
     * Nothing may wait longer, and Nagle's algorithm should be off. */
    int32_t (*conn_send)(void *user, const uint8_t *data, size_t len);

    /* Drops the connection. What was taken by conn_send is still sent when `graceful`
     * (in the background, the result does not matter), else not. Immediate; afterwards
     * the platform reports nothing more about it. */
    void (*conn_close)(void *user, bool graceful);

    /* ---- Contexts and what AT commands ask of the network ----
     * Any of these may be NULL: contexts can then always be opened, there are no name servers to
     * tell, and the commands answer ERROR with 555. The requests with all they point to are valid
     * during the call only: what is needed later is copied. The module ends with cancel() what
     * takes too long. */

    /* Activates context 1-16 of a type 1-3 as in struct pm_route, within 150 s. PM_OK, or
     * PM_ERR_CONNECT when it cannot carry anything now. What it loses later is told by
     * pm_module_context_lost(). */
    int32_t (*context_open)(void *user, struct pm_op *op, uint8_t context, uint8_t type);

    /* The name servers that serve a context for which the host has set none; returns how many of
     * the two it filled in. Immediate. */
    size_t (*name_servers)(void *user, uint8_t context, struct pm_ip servers[2]);

    /* Looks a name up. PM_OK with *resolved filled, PM_ERR_RESOLVE. */
    int32_t (*resolve)(void *user, struct pm_op *op, const struct pm_resolve_request *request,
                       struct pm_resolved *resolved);

    /* Sends one echo request and waits for its reply. PM_OK with *reply filled, PM_ERR_CONNECT
     * when the network says that it cannot arrive, PM_ERR_UNSUPPORTED. */
    int32_t (*ping)(void *user, struct pm_op *op, const struct pm_ping_request *request,
                    struct pm_ping_reply *reply);

    /* Asks a time server (RFC 5905, as an SNTP client). PM_OK with the time of now in
     * *unix_seconds, PM_ERR_RESOLVE, PM_ERR_TIMEOUT, PM_ERR_CONNECT when no server of that name
     * gives the time. */
    int32_t (*ntp)(void *user, struct pm_op *op, const struct pm_ntp_request *request,
                   int64_t *unix_seconds);

    /* ---- AUTH ----
     * hash, pbkdf2, channel_binding and token may be NULL: mail then does without SCRAM, -PLUS and
     * bearer tokens. */

    /* HMAC of `data` (RFC 2104) into `out` (16 bytes for MD5, 32 for SHA-256). PM_OK,
     * PM_ERR_UNSUPPORTED. */
    int32_t (*hmac)(void *user, struct pm_op *op, enum pm_hmac algorithm, struct pm_slice key,
                    struct pm_slice data, uint8_t *out);

    /* SHA-256 of `data` into the 32 bytes of `out`. PM_OK, PM_ERR_UNSUPPORTED. */
    int32_t (*hash)(void *user, struct pm_op *op, struct pm_slice data, uint8_t *out);

    /* PBKDF2 with HMAC-SHA-256 (RFC 8018) into the 32 bytes of `out`. `count` is 4096 to 1,000,000
     * and chosen by the server: this may take a second, in which the loop should go on. PM_OK,
     * PM_ERR_UNSUPPORTED. */
    int32_t (*pbkdf2)(void *user, struct pm_op *op, struct pm_slice password, struct pm_slice salt,
                      uint32_t count, uint8_t *out);

    /* The tls-exporter binding of the mail connection (RFC 9266) into the 32 bytes of `out`. PM_OK,
     * PM_ERR_UNSUPPORTED where TLS gives none. Immediate. */
    int32_t (*channel_binding)(void *user, uint8_t *out);

    /* A bearer token for the account, without line end, into `out`: its length, at most `cap`.
     * With `renew` the last one was refused. PM_ERR_NOT_FOUND when there is none, or none but
     * that; the log says why. */
    int32_t (*token)(void *user, struct pm_op *op, bool renew, uint8_t *out, size_t cap);

    /* ---- Names beyond ASCII ---- */

    /* The ASCII form of a domain name in UTF-8 (IDNA2008, mapped by UTS 46 without transitional
     * forms) into `out`: its length, at most `cap`. PM_ERR_NOT_FOUND when it is no such name.
     * Immediate. NULL: domains of addresses go as they are, and such mail needs SMTPUTF8. */
    int32_t (*idna)(void *user, struct pm_slice name, uint8_t *out, size_t cap);

    /* The working memory of one mail job: at least 4096 bytes, *size says how much; more
     * makes larger writes. NULL: none to be had now. It is the job's until job_memory_free(),
     * before which the job wipes it. */
    uint8_t *(*job_memory)(void *user, size_t *size);
    void (*job_memory_free)(void *user, uint8_t *memory);
};

#ifdef __cplusplus
}
#endif

#endif
