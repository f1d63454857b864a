/* SPDX-License-Identifier: MIT */
/*
 * The storages of one module on a Linux file system: UFS, RAM and SD files, the draft's
 * scratch files and the AT&W profile.
 *
 * A state directory holds
 *
 *   lock        held while a program uses the directory
 *   ufs/        one file per UFS file
 *   ram/        one file per RAM file, emptied at start; may be a mount point (tmpfs)
 *   profile.N   small settings by key
 *
 * File names are percent-encoded, so that any name stays inside its directory. An unfinished
 * file lies beside the finished ones under a name that starts with ".new-", which no encoded
 * name does; those are removed at start. A finished file appears by one rename after its bytes
 * have been synced, so that a power cut leaves it whole or absent. A file that is changed in place
 * lies there under its name; it is synced when the module asks for it, and when it is closed.
 *
 * Nothing here blocks the loop: what may wait for a disk runs in libuv's thread pool. The pool
 * works on the store's own buffers only, never on those of the module, hence cancelling an
 * operation takes effect at once even when its disk hangs.
 */
#ifndef PM_HOST_STORE_H
#define PM_HOST_STORE_H

#include <uv.h>

#include "postmodem/config.h"
#include "postmodem/platform.h"

struct pm_host_module;
struct pm_store;

/* Sizes of UFS and RAM unless the options say otherwise: room for a 100 MiB attachment. */
#define PM_STORE_UFS_SIZE (256ULL * 1024 * 1024)
#define PM_STORE_RAM_SIZE (256ULL * 1024 * 1024)

struct pm_store_options {
    const char *dir;    /* state directory, made if it is missing; NULL: a private temporary
                         * directory, removed by pm_store_close() */
    uint64_t ufs_size;  /* bytes that AT+QFLDS tells as total, 0: default */
    uint64_t ram_size;  /* likewise */
    const char *sd_dir; /* an existing directory that serves as SD card; NULL: no card */
    bool late; /* a temporary directory is made when it is first needed: among many modules most
                * may never need one */
};

/* Where a store reports to: what finishes later, and what an operator should know. */
struct pm_store_sink {
    void *user;
    void (*done)(void *user, struct pm_op *op, int32_t result);
    void (*log)(void *user, enum pm_log_level level, const char *text);
    void (*ended)(void *user); /* after pm_store_close(), as the last call; may be NULL */
};

/*
 * Opens the storages of `host`. Results go to pm_module_done() and pm_host_pump(). On failure
 * returns NULL and says in `err` why: directory in use, not writable, ...
 */
struct pm_store *pm_store_open(struct pm_host_module *host, uv_loop_t *loop,
                               const struct pm_store_options *options, char *err, size_t err_size);

/* As pm_store_open() with a sink of the caller's choice. */
struct pm_store *pm_store_open_sink(const struct pm_store_sink *sink, uv_loop_t *loop,
                                    const struct pm_store_options *options, char *err,
                                    size_t err_size);

/*
 * Ends a store: open files are closed, pending operations get no result. What still runs in
 * the thread pool ends while the loop runs on; the last of it frees the store, removes a
 * private directory and unlocks the state directory. With nothing running that happens at once.
 */
void pm_store_close(struct pm_store *store);

/* Fills in the file and profile members of `platform`; their `user` is then platform->user,
 * which must be a struct pm_host_module: pm_host_store() finds the store. */
void pm_store_platform(struct pm_store *store, struct pm_platform *platform);

/* Ends a pending operation without a result; false when it is not one of the store's. */
bool pm_store_cancel(struct pm_store *store, struct pm_op *op);

/*
 * Reads a whole file at once, for certificates and keys. Blocks as long as the disk does.
 * `*data` is malloc()ed, the caller frees it. PM_OK, PM_ERR_NOT_FOUND, PM_ERR_NO_STORAGE,
 * PM_ERR_NO_SPACE when it is longer than `max`, PM_ERR_NO_MEMORY, PM_ERR_IO.
 */
int pm_store_load(struct pm_store *store, enum pm_storage storage, const uint8_t *name, size_t len,
                  uint8_t **data, size_t *data_len, size_t max);

/* The directory in use, for messages. Valid as long as the store. */
const char *pm_store_dir(const struct pm_store *store);

#endif
