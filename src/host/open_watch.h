/* SPDX-License-Identifier: MIT */
/*
 * Who opens and closes files. All files of a loop are watched through one inotify instance: a user
 * can have few of them, and other programs want some, too.
 */
#ifndef PM_HOST_OPEN_WATCH_H
#define PM_HOST_OPEN_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct pm_open_instance;

/* What the watches of a loop share; all zero at first. Outlives them. */
struct pm_open_watches {
    struct pm_open_instance *instance; /* NULL: there are no watches */
    struct pm_open_watch *list;
};

/* The watch of one file, in the memory of its user. */
struct pm_open_watch {
    struct pm_open_watches *all; /* NULL: there is none */
    struct pm_open_watch *next, **link;
    int number;  /* inotify's; -1: paused */
    int earlier; /* the one before the pause, of which events may still come */
    bool noted;  /* events were noted, and on_noted was not called yet */
    /* An event: IN_OPEN, IN_CLOSE, or another that only says that something is different. To be
     * noted, no more. */
    void (*on_event)(struct pm_open_watch *watch, uint32_t mask);
    /* From the loop: events were noted. */
    void (*on_noted)(struct pm_open_watch *watch);
    void *user;
};

/* Begins to watch; the functions are set. False with errno: it cannot be done. */
bool pm_open_watch_start(struct pm_open_watch *watch, struct pm_open_watches *all, uv_loop_t *loop,
                         const char *path);

/* Between these two, nothing is watched. That it is not makes an event. Resuming may fail, with
 * errno; it stays paused then. */
void pm_open_watch_pause(struct pm_open_watch *watch);
bool pm_open_watch_resume(struct pm_open_watch *watch, const char *path);

/* Notes what has happened up to now, instead of when the loop comes to it. The caller looks at its
 * own notes; those of others are told to them from the loop. */
void pm_open_watch_read(struct pm_open_watch *watch);

/* Ends it, if there is one. */
void pm_open_watch_end(struct pm_open_watch *watch);

#endif
