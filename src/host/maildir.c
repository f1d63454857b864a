/* SPDX-License-Identifier: MIT */
/* Writing mails into a Maildir without waiting for the disk. */
#include "host/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_SIZE 160

struct pm_maildir {
    uv_loop_t *loop;
    int root, tmp, new; /* directories */
    unsigned sequence;
    unsigned deliveries;
    bool closed;
    char host[65];
};

struct pm_delivery {
    struct pm_maildir *maildir;
    const struct pm_delivery_events *events; /* NULL: the owner is gone */
    void *user;
    uv_work_t work;
    bool working;
    bool committed; /* the owner has given everything */
    /* Of the thread while it works, else of the loop. */
    int fd;
    int error; /* of the first failure; afterwards the bytes are dropped */
    bool last; /* this piece ends the mail */
    bool drop; /* this piece removes the mail */
    const uint8_t *piece;
    size_t piece_len;
    char name[NAME_SIZE];
    /* Of the loop. */
    uint8_t *filling; /* one of the two halves */
    size_t filled;
    uint8_t buffers[2][PM_DELIVERY_BUFFER];
};

/* ---- the directory ------------------------------------------------------------------ */

static int open_dir(int at, const char *name)
{
    if (mkdirat(at, name, 0700) != 0 && errno != EEXIST) {
        return -1;
    }
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void free_maildir(struct pm_maildir *maildir)
{
    close_fd(maildir->tmp);
    close_fd(maildir->new);
    close_fd(maildir->root);
    free(maildir);
}

/* The host part of the file names: a name of this machine without "/" and ":". */
static void host_part(char *host, size_t size)
{
    if (gethostname(host, size) != 0) {
        snprintf(host, size, "localhost");
    }
    host[size - 1] = '\0';
    for (char *c = host; *c != '\0'; c++) {
        if (*c == '/' || *c == ':') {
            *c = '_';
        }
    }
}

struct pm_maildir *pm_maildir_open(uv_loop_t *loop, const char *path, char *err, size_t err_size)
{
    struct pm_maildir *maildir = calloc(1, sizeof(*maildir));
    if (maildir == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    *maildir = (struct pm_maildir){.loop = loop, .root = -1, .tmp = -1, .new = -1};
    maildir->root = open_dir(AT_FDCWD, path);
    int cur = -1;
    if (maildir->root >= 0) {
        cur = open_dir(maildir->root, "cur");
        maildir->tmp = open_dir(maildir->root, "tmp");
        maildir->new = open_dir(maildir->root, "new");
    }
    if (cur < 0 || maildir->tmp < 0 || maildir->new < 0) {
        char text[96];
        snprintf(err, err_size, "Maildir %s: %s", path, strerror_r(errno, text, sizeof(text)));
        close_fd(cur);
        free_maildir(maildir);
        return NULL;
    }
    close(cur);
    host_part(maildir->host, sizeof(maildir->host));
    return maildir;
}

void pm_maildir_close(struct pm_maildir *maildir)
{
    if (maildir == NULL) {
        return;
    }
    maildir->closed = true;
    if (maildir->deliveries == 0) {
        free_maildir(maildir);
    }
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

bool pm_maildir_note(struct pm_maildir *maildir, const char *name, const void *data, size_t len)
{
    char temporary[NAME_SIZE];
    snprintf(temporary, sizeof(temporary), ".%s.%ld", name, (long)getpid());
    int fd = openat(maildir->root, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    bool good = write_all(fd, data, len) == 0;
    good = close(fd) == 0 && good;
    good = good && renameat(maildir->root, temporary, maildir->root, name) == 0;
    if (!good) {
        (void)unlinkat(maildir->root, temporary, 0); /* it may not be there */
    }
    return good;
}

/* ---- in the thread ------------------------------------------------------------------ */

/* Syncs the mail and shows it in new/. */
static int keep(struct pm_delivery *delivery)
{
    const struct pm_maildir *maildir = delivery->maildir;
    if (fsync(delivery->fd) != 0) {
        return -errno;
    }
    int closed = close(delivery->fd);
    delivery->fd = -1;
    if (closed != 0 || renameat(maildir->tmp, delivery->name, maildir->new, delivery->name) != 0) {
        return -errno;
    }
    if (fsync(maildir->new) != 0) {
        /* The client will be told that the mail is lost, so it must be. */
        int error = -errno;
        (void)unlinkat(maildir->new, delivery->name, 0);
        return error;
    }
    return 0;
}

static void discard(struct pm_delivery *delivery)
{
    if (delivery->fd >= 0) {
        close(delivery->fd);
        delivery->fd = -1;
    }
    /* It may never have been made. */
    (void)unlinkat(delivery->maildir->tmp, delivery->name, 0);
}

static void work(uv_work_t *request)
{
    struct pm_delivery *delivery = request->data;
    if (delivery->drop) {
        discard(delivery);
        return;
    }
    if (delivery->fd < 0 && delivery->error == 0) {
        delivery->fd = openat(delivery->maildir->tmp, delivery->name,
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        delivery->error = delivery->fd < 0 ? -errno : 0;
    }
    if (delivery->error == 0) {
        delivery->error = write_all(delivery->fd, delivery->piece, delivery->piece_len);
    }
    if (delivery->error == 0 && delivery->last) {
        delivery->error = keep(delivery);
    }
    if (delivery->error != 0) {
        discard(delivery);
    }
}

/* ---- on the loop -------------------------------------------------------------------- */

static void after_work(uv_work_t *request, int status);

static void free_delivery(struct pm_delivery *delivery)
{
    struct pm_maildir *maildir = delivery->maildir;
    free(delivery);
    maildir->deliveries--;
    if (maildir->closed && maildir->deliveries == 0) {
        free_maildir(maildir);
    }
}

/* Hands the filled half to the thread and goes on with the other one. */
static void submit(struct pm_delivery *delivery)
{
    delivery->piece = delivery->filling;
    delivery->piece_len = delivery->filled;
    delivery->last = delivery->committed;
    delivery->drop = delivery->events == NULL && !delivery->committed;
    delivery->filling =
        delivery->filling == delivery->buffers[0] ? delivery->buffers[1] : delivery->buffers[0];
    delivery->filled = 0;
    delivery->working = true;
    delivery->work.data = delivery;
    /* Fails only without a work function. */
    (void)uv_queue_work(delivery->maildir->loop, &delivery->work, work, after_work);
}

static void finish(struct pm_delivery *delivery)
{
    if (delivery->events != NULL) {
        delivery->events->done(delivery->user, delivery->error, delivery->name);
    }
    free_delivery(delivery);
}

static void after_work(uv_work_t *request, int status)
{
    struct pm_delivery *delivery = request->data;
    (void)status; /* nobody cancels the work */
    delivery->working = false;
    if (delivery->last || delivery->drop) {
        finish(delivery);
        return;
    }
    bool full = delivery->filled == PM_DELIVERY_BUFFER;
    if (full || delivery->committed || delivery->events == NULL) {
        submit(delivery);
    }
    if (full && delivery->events != NULL) {
        delivery->events->room(delivery->user);
    }
}

static void make_name(struct pm_delivery *delivery)
{
    struct pm_maildir *maildir = delivery->maildir;
    struct timespec now;
    uint32_t number = 0;
    clock_gettime(CLOCK_REALTIME, &now);                        /* cannot fail for this clock */
    (void)RAND_bytes((unsigned char *)&number, sizeof(number)); /* the rest is unique enough */
    snprintf(delivery->name, sizeof(delivery->name), "%lld.M%06ldP%ldQ%uR%08x.%s",
             (long long)now.tv_sec, now.tv_nsec / 1000, (long)getpid(), maildir->sequence++, number,
             maildir->host);
}

struct pm_delivery *pm_delivery_begin(struct pm_maildir *maildir,
                                      const struct pm_delivery_events *events, void *user)
{
    struct pm_delivery *delivery = malloc(sizeof(*delivery));
    if (delivery == NULL) {
        return NULL;
    }
    memset(delivery, 0, offsetof(struct pm_delivery, buffers));
    delivery->maildir = maildir;
    delivery->events = events;
    delivery->user = user;
    delivery->fd = -1;
    delivery->filling = delivery->buffers[0];
    maildir->deliveries++;
    make_name(delivery);
    return delivery;
}

size_t pm_delivery_room(const struct pm_delivery *delivery)
{
    return PM_DELIVERY_BUFFER - delivery->filled;
}

size_t pm_delivery_write(struct pm_delivery *delivery, const uint8_t *data, size_t len)
{
    size_t room = pm_delivery_room(delivery);
    size_t taken = len < room ? len : room;
    memcpy(delivery->filling + delivery->filled, data, taken);
    delivery->filled += taken;
    if (delivery->filled == PM_DELIVERY_BUFFER && !delivery->working) {
        submit(delivery);
    }
    return taken;
}

void pm_delivery_commit(struct pm_delivery *delivery)
{
    delivery->committed = true;
    if (!delivery->working) {
        submit(delivery);
    }
}

void pm_delivery_leave(struct pm_delivery *delivery)
{
    delivery->events = NULL;
    delivery->user = NULL;
    if (!delivery->working) {
        submit(delivery);
    }
}
