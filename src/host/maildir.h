/* SPDX-License-Identifier: MIT */
/*
 * Writing mails into a Maildir without waiting for the disk: two buffers per mail, one being filled
 * while the thread pool writes the other.
 *
 * A mail grows in tmp/ and appears in new/ by a rename after it has been synced.
 */
#ifndef PM_HOST_MAILDIR_H
#define PM_HOST_MAILDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Size of one of the two buffers; the first write of a mail may be as long. */
#define PM_DELIVERY_BUFFER (128 * 1024)

struct pm_maildir;
struct pm_delivery;

/* Calls from the loop, never from inside a call of the owner. */
struct pm_delivery_events {
    /* pm_delivery_write() takes bytes again after there was no room. */
    void (*room)(void *user);
    /* The mail is kept under `name` in new/ (error 0), or lost (a libuv error). The delivery is
     * no longer the owner's. */
    void (*done)(void *user, int error, const char *name);
};

/* Opens a Maildir, made if it is missing. NULL with the reason in `err`. */
struct pm_maildir *pm_maildir_open(uv_loop_t *loop, const char *path, char *err, size_t err_size);

/* The memory goes when the last delivery has ended. */
void pm_maildir_close(struct pm_maildir *maildir);

/* Writes a small file beside cur, new and tmp, at once; replaces one that is there. */
bool pm_maildir_note(struct pm_maildir *maildir, const char *name, const void *data, size_t len);

/* NULL: out of memory. */
struct pm_delivery *pm_delivery_begin(struct pm_maildir *maildir,
                                      const struct pm_delivery_events *events, void *user);

/* How many bytes pm_delivery_write() would take now. */
size_t pm_delivery_room(const struct pm_delivery *delivery);

/* Takes up to `len` bytes, as many as there is room for. */
size_t pm_delivery_write(struct pm_delivery *delivery, const uint8_t *data, size_t len);

/* The mail is whole: done() tells the result. */
void pm_delivery_commit(struct pm_delivery *delivery);

/* The owner goes away: no call follows. A mail that was committed is still kept, any other is
 * removed. */
void pm_delivery_leave(struct pm_delivery *delivery);

#endif
