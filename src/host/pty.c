/* SPDX-License-Identifier: MIT */
/*
 * A port on a pseudo terminal, with a symbolic link that users know it by.
 *
 * The master stays open for the life of the program, so that hosts come and go. Polling a
 * master whose slave nobody holds would report a hang-up without end; therefore it is
 * polled only while somebody holds the slave, and inotify on the slave's node tells when that
 * changes. The hang-up state of the master is the truth, the events only say when to look, as
 * the kernel merges equal ones. Without inotify a timer looks instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/port.h"

/* How often a pty is looked at where inotify is not to be had. */
#define LOOK_MS 250

struct pty {
    struct pm_terminal *terminal;
    int master;
    int inotify;      /* -1: the timer looks */
    unsigned holders; /* how many hosts hold the slave, as far as events tell */
    unsigned handles;
    uv_poll_t events;
    uv_timer_t look;
    char slave[64];
    char link[256];
    bool linked;
};

/* True when a host holds the slave. */
static bool is_held(const struct pty *pty)
{
    struct pollfd state = {.fd = pty->master, .events = POLLIN};
    return poll(&state, 1, 0) >= 0 && (state.revents & POLLHUP) == 0;
}

/*
 * Makes the slave as a host expects to find it: raw, and without bytes that an earlier host left
 * unread. On a master TCSAFLUSH empties the slave's input and TCOFLUSH what is on its way there.
 */
static bool make_fresh(const struct pty *pty)
{
    struct termios termios;
    if (tcgetattr(pty->master, &termios) != 0) {
        return false;
    }
    cfmakeraw(&termios);
    cfsetspeed(&termios, B115200);
    (void)tcflush(pty->master, TCOFLUSH);
    return tcsetattr(pty->master, TCSAFLUSH, &termios) == 0;
}

/* Takes the events that wait. True when the last holder left although the slave is held
 * now: another host came before we looked. */
static bool holder_changed(struct pty *pty)
{
    union {
        struct inotify_event event;
        char bytes[4096];
    } buffer;
    bool changed = false;
    ssize_t len = 0;
    while (pty->inotify >= 0 && (len = read(pty->inotify, buffer.bytes, sizeof buffer)) > 0) {
        /* Events of a watched file carry no name, hence all have the same size. */
        for (ssize_t at = 0; at + (ssize_t)sizeof buffer.event <= len;
             at += (ssize_t)sizeof buffer.event) {
            struct inotify_event event;
            memcpy(&event, buffer.bytes + at, sizeof event);
            if ((event.mask & IN_OPEN) != 0) {
                pty->holders++;
            } else if ((event.mask & IN_CLOSE) != 0 && pty->holders > 0) {
                pty->holders--;
                changed = changed || pty->holders == 0;
            }
        }
    }
    return changed && pty->holders > 0;
}

/* Looks who is there, and tells the terminal. */
static void look(struct pty *pty)
{
    struct pm_terminal *t = pty->terminal;
    bool changed = holder_changed(pty);
    bool held = is_held(pty);
    if (held && changed) {
        pm_terminal_detach(t);
    }
    if (held && pty->holders == 0) {
        pty->holders = 1;
    } else if (!held) {
        pty->holders = 0;
    }
    if (held && t->channel == NULL) {
        if (!pm_terminal_attach(t, pty->master, pty->master)) {
            pm_terminal_log(t, PM_LOG_ERROR, "cannot serve %s", pty->slave);
        }
    } else if (!held && t->channel != NULL) {
        /* What the host wrote before it left is still a command: reading it ends with the error
         * that lets go of the host. */
        pm_terminal_read(t);
    }
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    look(poll->data);
}

static void on_look(uv_timer_t *timer)
{
    look(timer->data);
}

static void pty_before_read(struct pm_terminal *t)
{
    struct pty *pty = t->own;
    if (holder_changed(pty)) {
        pm_terminal_detach(t);
    }
}

static void pty_gone(struct pm_terminal *t)
{
    struct pty *pty = t->own;
    if (t->backlog) {
        /* Commands of the old host that nobody is left to hear the answers of. Should a new
         * host have written already, its first bytes go with them: nothing tells them apart. */
        (void)tcflush(pty->master, TCIFLUSH);
    }
    if (!make_fresh(pty)) {
        pm_terminal_log(t, PM_LOG_WARNING, "%s: %s", pty->slave, strerror(errno));
    }
    if (is_held(pty) && !pm_terminal_attach(t, pty->master, pty->master)) {
        pm_terminal_log(t, PM_LOG_ERROR, "cannot serve %s", pty->slave);
    }
}

/* ---- The symbolic link ------------------------------------------------------------ */

/* True when nothing but a link to a pty, left by an earlier run, is in the way. */
static bool link_is_free(const char *path, char *err, size_t err_size)
{
    struct stat status;
    char target[256];
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT) {
            return true;
        }
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return false;
    }
    ssize_t len = S_ISLNK(status.st_mode) ? readlink(path, target, sizeof target - 1) : -1;
    if (len < 0) {
        snprintf(err, err_size, "%s exists and is not a symbolic link to a pty", path);
        return false;
    }
    target[len] = '\0';
    if (strncmp(target, "/dev/pts/", 9) != 0) {
        snprintf(err, err_size, "%s is a link to %s, not to a pty", path, target);
        return false;
    }
    return true;
}

/* The link appears under its name in one step, in place of an old one. */
static bool make_link(struct pty *pty, const char *path, char *err, size_t err_size)
{
    char temporary[sizeof pty->link + 32];
    if (strlen(path) >= sizeof pty->link) {
        snprintf(err, err_size, "the name of the link is too long");
        return false;
    }
    strcpy(pty->link, path);
    snprintf(temporary, sizeof temporary, "%s.new.%ld", path, (long)getpid());
    if (!link_is_free(path, err, err_size)) {
        return false;
    }
    (void)unlink(temporary);
    if (symlink(pty->slave, temporary) != 0 || rename(temporary, path) != 0) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        (void)unlink(temporary);
        return false;
    }
    pty->linked = true;
    return true;
}

/* Another program may have taken the name over meanwhile. */
static void remove_link(struct pty *pty)
{
    char target[sizeof pty->slave];
    ssize_t len = pty->linked ? readlink(pty->link, target, sizeof target) : -1;
    if (len > 0 && (size_t)len == strlen(pty->slave) &&
        memcmp(target, pty->slave, (size_t)len) == 0) {
        (void)unlink(pty->link);
    }
    pty->linked = false;
}

/* ---- Life ------------------------------------------------------------------------- */

/* Opens the master. Opening and closing the slave once sets the hang-up state that says that
 * nobody holds it. */
static bool open_master(struct pty *pty)
{
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0 || grantpt(pty->master) != 0 || unlockpt(pty->master) != 0 ||
        ptsname_r(pty->master, pty->slave, sizeof pty->slave) != 0) {
        return false;
    }
    int slave = open(pty->slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        return false;
    }
    close(slave);
    return make_fresh(pty);
}

static void on_closed(uv_handle_t *handle)
{
    struct pty *pty = handle->data;
    if (--pty->handles == 0) {
        free(pty);
    }
}

static void watch_slave(struct pty *pty, uv_loop_t *loop)
{
    uv_timer_init(loop, &pty->look);
    pty->look.data = pty;
    pty->handles++;
    pty->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (pty->inotify >= 0 && inotify_add_watch(pty->inotify, pty->slave, IN_OPEN | IN_CLOSE) >= 0 &&
        uv_poll_init(loop, &pty->events, pty->inotify) == 0) {
        pty->events.data = pty;
        pty->handles++;
        uv_poll_start(&pty->events, UV_READABLE, on_events);
        return;
    }
    if (pty->inotify >= 0) {
        close(pty->inotify);
        pty->inotify = -1;
    }
    pm_terminal_log(pty->terminal, PM_LOG_INFO, "no inotify: looking every %d ms", LOOK_MS);
    uv_timer_start(&pty->look, on_look, LOOK_MS, LOOK_MS);
}

static bool pty_open(struct pm_terminal *t, const char *where, char *err, size_t err_size)
{
    struct pty *pty = calloc(1, sizeof *pty);
    if (pty == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    pty->terminal = t;
    pty->inotify = -1;
    if (!open_master(pty)) {
        snprintf(err, err_size, "no pty: %s", strerror(errno));
    } else if (make_link(pty, where, err, err_size)) {
        watch_slave(pty, t->host->loop);
        snprintf(t->ready, sizeof t->ready, "%s", pty->link);
        t->own = pty;
        look(pty);
        return true;
    }
    if (pty->master >= 0) {
        close(pty->master);
    }
    free(pty);
    return false;
}

static void pty_close(struct pm_terminal *t)
{
    struct pty *pty = t->own;
    remove_link(pty);
    if (pty->inotify >= 0) {
        uv_close((uv_handle_t *)&pty->events, on_closed);
        close(pty->inotify);
    }
    uv_close((uv_handle_t *)&pty->look, on_closed);
    close(pty->master);
}

const struct pm_terminal_ops pm__terminal_pty = {
    .kind = "pty",
    .open = pty_open,
    .before_read = pty_before_read,
    .gone = pty_gone,
    .close = pty_close,
    .keeps_descriptors = true,
};
