/* SPDX-License-Identifier: MIT */
/* What the files of the store share. All of it runs on the loop's thread, save for the
 * `run` functions of jobs. */
#ifndef PM_HOST_STORE_INTERNAL_H
#define PM_HOST_STORE_INTERNAL_H

#include "host/store.h"

#define STORE_AREAS 3 /* UFS, RAM, SD: enum pm_storage */

/* Open files of a module: the ten of AT+QFOPEN, ten attachments, bodies, uploads, and
 * files that are being closed in the background. */
#define STORE_FILES 64

/* Files of one storage. Bounds the memory of the index, some 100 bytes each. */
#define STORE_ENTRIES 65536

/* Bytes gathered before they are written: an upload has two such buffers. */
#define STORE_BUFFER ((size_t)64 * 1024)

/* Bytes fetched at once where a read would have to wait: a slow file has two such windows. */
#define STORE_WINDOW ((size_t)256 * 1024)

#define STORE_PROFILE_MAX 2048

/* An encoded file name: three bytes for each, and NUL. */
#define STORE_NAME_SIZE (3 * PM_FILE_NAME_SIZE + 1)

/* What unfinished files are called; ".new-" and a number. */
#define STORE_NEW_PREFIX ".new-"

/* ---- Names (store_name.c) ---- */

/* Encodes a module file name. False when it is empty or too long. */
bool pm__store_name_encode(struct pm_slice name, char out[STORE_NAME_SIZE]);

/* Decodes a directory entry; false for what no encoding makes (a foreign file). */
bool pm__store_name_decode(const char *text, uint8_t out[PM_FILE_NAME_SIZE], uint8_t *len);

/* ---- Index (store_index.c): names and sizes of one storage in listing order ---- */

struct store_entry {
    uint64_t size;
    struct store_file *editor; /* open for changes there; NULL: nowhere */
    uint8_t len;
    uint8_t name[];
};

struct store_index {
    struct store_entry **entries;
    size_t count, cap;
    uint64_t bytes; /* sum of the sizes */
};

struct store_entry *pm__store_entry_new(struct pm_slice name);
/* Makes room for `more` entries beyond those there; false without memory or over the bound. */
bool pm__store_index_reserve(struct store_index *index, size_t more);
/* Takes an entry into the room reserved before; its name must not be there yet. */
void pm__store_index_insert(struct store_index *index, struct store_entry *entry);
/* For a start with many: append in any order, then sort. */
void pm__store_index_append(struct store_index *index, struct store_entry *entry);
void pm__store_index_sort(struct store_index *index);
struct store_entry *pm__store_index_find(const struct store_index *index, struct pm_slice name);
/* The first entry after a name, NULL at the end. */
struct store_entry *pm__store_index_next(const struct store_index *index, struct pm_slice after);
void pm__store_index_remove(struct store_index *index, struct pm_slice name);
void pm__store_index_free(struct store_index *index);

/* ---- Directories (store_dir.c) ---- */

struct store_area {
    int dirfd;         /* -1: absent */
    bool durable;      /* synced before OK */
    uint64_t limit;    /* bytes, 0: what the file system has */
    uint64_t reserved; /* announced by unfinished files */
    size_t unfinished; /* how many of them; each holds a place in the index */
    struct store_index index;
};

/* Bytes that may still be stored, by the storage's own limit. */
uint64_t pm__store_area_free(const struct store_area *area);

struct store_text {
    char *text;
    size_t size;
}; /* where an error message goes */

void pm__store_say(const struct store_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes and opens a directory; its parent is synced when it was made. -1: see `err`. */
int pm__store_dir_make(int parent, const char *name, const struct store_text *err);
/* A new directory below TMPDIR; its path into `path`. -1: see `err`. */
int pm__store_dir_temporary(char *path, size_t size, const struct store_text *err);
/* Reads a storage's directory into its index; removes unfinished files, and all when `empty`. */
bool pm__store_dir_scan(struct pm_store *store, struct store_area *area, bool empty);
/* Removes the plain files in a directory, or the unfinished ones only. */
void pm__store_dir_empty(int dirfd, bool unfinished);

/* ---- Jobs (store_job.c): work in libuv's thread pool ---- */

/* Threads of the pool that a store may keep at once: its disk may hang, and others need some. */
#define STORE_POOL_SHARE 2

struct store_file;

struct store_job {
    uv_work_t work;
    struct pm_store *store;
    struct store_file *file;            /* it works for, or NULL */
    struct pm_op *op;                   /* to be answered, or NULL */
    void (*run)(struct store_job *job); /* in the pool: may use job and what it points to */
    void (*end)(struct store_job *job); /* on the loop */
    struct store_job *next;             /* in the list of jobs without a file, and in the queue */
    struct store_job *queued;
    struct store_job *pending; /* in the list of those that wait for the pool */
    bool active;
    int32_t result;
    int error; /* the errno below the result, of what says it in the log */
    /* What it works on; who reads which member says the run function. */
    int dirfd, fd;
    bool durable;
    bool empty, replace;
    uint8_t storage, key;
    uint64_t offset, size;
    struct timespec time;
    uint8_t *data;
    size_t len;
    void *info;
    char temp[32];
    char name[STORE_NAME_SIZE];
    struct store_entry *entry;
};

/* Starts a job; `job->end` follows once from the loop. */
void pm__store_job_start(struct store_job *job);
/* As above, but never beside another exclusive one: what changes names runs in order. */
void pm__store_job_exclusive(struct store_job *job);
/* Takes a job back that waits for its turn; false when it runs or does not wait. */
bool pm__store_job_withdraw(struct store_job *job);
/* A job without a file, allocated; pm__store_job_free() is for its `end`. NULL: no memory. */
struct store_job *pm__store_job_new(struct pm_store *store, struct pm_op *op);
void pm__store_job_free(struct store_job *job);
/* Gives an operation its result, unless it was cancelled. */
void pm__store_answer(struct pm_store *store, struct pm_op *op, int32_t result);
/* The pm_status of an errno. */
int32_t pm__store_status(int error);
/* Writes all of it. 0 or an errno. */
int pm__store_pwrite_all(int fd, const uint8_t *data, size_t len, uint64_t offset);

/* ---- Open files (store_file.c, store_write.c, store_read.c, store_edit.c) ---- */

enum store_kind {
    STORE_FREE,
    STORE_NEW,     /* being written, to be committed */
    STORE_SCRATCH, /* nameless */
    STORE_READ,
    STORE_EDIT /* changed in place */
};

enum store_wait {
    STORE_IDLE,
    STORE_OPENING,
    STORE_WRITING,
    STORE_READING,
    STORE_COMMITTING,
    STORE_CHANGE_WAITS, /* for another job of the file */
    STORE_CHANGING
};

enum store_change { STORE_CHANGE_WRITE, STORE_CHANGE_TRUNCATE, STORE_CHANGE_SYNC };

struct store_window {
    uint8_t *data;
    uint64_t start;
    size_t len; /* 0: holds nothing */
};

struct store_file {
    struct pm_store *store;
    enum store_kind kind;
    uint8_t storage;
    bool closing; /* to be closed as soon as no job works for it */
    bool replace; /* committing takes the place of an older file */
    bool dirty;   /* changed in place, and not all of it is on the disk */
    bool counted; /* unfinished: it holds space and a place in the index */
    bool removed; /* its name was taken away by the module */
    int fd;
    char temp[32];             /* name of an unfinished file, empty: none */
    uint64_t size;             /* bytes taken, or of an opened file */
    struct timespec time;      /* of the last change of an opened file */
    uint64_t reserved;         /* space held while it is unfinished, or for a change in place */
    struct store_entry *entry; /* changed in place: what the index says; NULL: it has no name */
    struct store_job job;
    /* The one operation that waits. */
    enum store_wait wait;
    enum store_change change;
    struct pm_op *op;
    uint64_t *size_out;
    const uint8_t *from;
    uint8_t *to;
    size_t len;
    uint64_t offset;
    /* Bytes on their way to the disk. */
    uint8_t *fill, *flush; /* the flush buffer belongs to the pool while a job runs */
    size_t fill_len;
    uint64_t written; /* on the disk, or in the hands of the pool */
    int32_t error;    /* what went wrong in the background, reported by the next operation */
    /* Bytes on their way from the disk. */
    struct store_window window[2];
    uint8_t filling; /* the window that the running job fills */
    bool stale;      /* what it brings is out of date */
    bool no_nowait;  /* the file system cannot tell whether a read would wait */
    bool memory;     /* it has no disk: reads never wait */
};

/* A free place in the table; NULL: 64 are open. */
struct store_file *pm__store_file_new(struct pm_store *store, enum store_kind kind,
                                      enum pm_storage storage);
/* The open file of a number, NULL for a number that is none. */
struct store_file *pm__store_file(struct pm_store *store, pm_file number);
pm_file pm__store_file_number(const struct store_file *file);
/* Closes it, in the background; what was not committed is gone. */
void pm__store_file_release(struct store_file *file);
/* Gives back what an unfinished file has reserved. */
void pm__store_file_uncount(struct store_file *file);
/* Ends the waiting operation of a file with `result`. */
void pm__store_file_answer(struct store_file *file, int32_t result);
/* After a job of a file: goes on with what waits for its end. */
void pm__store_file_resume(struct store_file *file);
/* Goes on with a write, a read, a change that waits. PM_PENDING or the result. */
int32_t pm__store_write_advance(struct store_file *file);
int32_t pm__store_read_advance(struct store_file *file);
int32_t pm__store_change_advance(struct store_file *file);
/* Gives a file another name. 0 or an errno. */
int pm__store_rename_disk(int dirfd, const char *from, const char *to, bool replace);
/* The module takes the encoded name away from whoever reads the file of that name. */
void pm__store_read_unname(struct pm_store *store, uint8_t storage, const char *name);
/* The bytes in the windows are no longer those of the file. */
void pm__store_read_invalidate(struct store_file *file);

/* ---- The operations of platform.h ---- */

int32_t pm__store_create(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                         uint64_t size);
int32_t pm__store_scratch(struct pm_store *store, struct pm_op *op);
int32_t pm__store_write(struct pm_store *store, struct pm_op *op, pm_file number,
                        const uint8_t *data, size_t len);
int32_t pm__store_commit(struct pm_store *store, struct pm_op *op, pm_file number,
                         enum pm_storage storage, struct pm_slice name, bool replace);
int32_t pm__store_open(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                       struct pm_slice name, uint64_t *size);
int32_t pm__store_read(struct pm_store *store, struct pm_op *op, pm_file number, uint64_t offset,
                       uint8_t *data, size_t len);
bool pm__store_changed(struct pm_store *store, pm_file number);
void pm__store_file_close(struct pm_store *store, pm_file number);
int32_t pm__store_stat(struct pm_store *store, enum pm_storage storage, struct pm_slice name,
                       uint64_t *size);
int32_t pm__store_delete(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name);
int32_t pm__store_rename(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice from, struct pm_slice to, bool replace);
int32_t pm__store_edit(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                       struct pm_slice name, bool empty, uint64_t *size);
int32_t pm__store_write_at(struct pm_store *store, struct pm_op *op, pm_file number,
                           uint64_t offset, const uint8_t *data, size_t len);
int32_t pm__store_truncate(struct pm_store *store, struct pm_op *op, pm_file number, uint64_t size);
int32_t pm__store_sync(struct pm_store *store, struct pm_op *op, pm_file number);
int32_t pm__store_next(struct pm_store *store, enum pm_storage storage, struct pm_slice after,
                       struct pm_file_entry *entry);
int32_t pm__store_info(struct pm_store *store, struct pm_op *op, enum pm_storage storage,
                       struct pm_storage_info *info);
int32_t pm__store_profile_save(struct pm_store *store, struct pm_op *op, uint8_t key,
                               const uint8_t *data, size_t len);
int32_t pm__store_profile_load(struct pm_store *store, uint8_t key, uint8_t *data, size_t cap);

/* ---- The store itself (store.c) ---- */

/* A small setting as far as it is known: read from the disk, or written. */
struct store_profile {
    struct store_profile *next;
    uint8_t key;
    uint8_t *data;
    size_t len;
};

struct pm_store {
    uv_loop_t *loop;
    struct pm_store_sink sink;
    int dirfd, lock;
    bool temporary, closed;
    bool late; /* the temporary directory is still to be made */
    char *dir; /* its name */
    struct store_area area[STORE_AREAS];
    struct store_file *files[STORE_FILES];
    struct store_job *jobs;                        /* those without a file */
    struct store_job *queue_head;                  /* exclusive ones by `queued`; the head runs */
    struct store_job *pending_head, **pending_end; /* started, by `pending`, but for the pool */
    uint32_t pooled;                               /* jobs in the hands of the pool */
    uint32_t running;                              /* jobs started and not ended */
    uint32_t serial;                               /* for names of unfinished files */
    struct store_profile *profiles;
};

void pm__store_log(const struct pm_store *store, enum pm_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The area of a storage, NULL when it is absent. */
struct store_area *pm__store_area(struct pm_store *store, enum pm_storage storage);
/* Makes the temporary directory that is still to be made. False after a line in the log. */
bool pm__store_made(struct pm_store *store);
/* A closed store without work ends itself here. */
void pm__store_maybe_end(struct pm_store *store);

#endif
