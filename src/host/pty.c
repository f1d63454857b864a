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
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/open_watch.h"
#include "host/port.h"

/* How often a pty is looked at where inotify is not to be had. */
#define LOOK_MS 250

/* What has happened to the slave since the last look. */
struct changes {
    bool any;
    bool opened; /* somebody opened it */
    bool came;   /* somebody opened it when nobody held it */
};

struct pty {
    struct pm_terminal *terminal;
    int master;
    struct pm_open_watch watch; /* without it the timer looks */
    struct changes changes;     /* since the last look */
    unsigned holders;           /* how many hosts hold the slave, as far as events tell */
    bool announced;             /* a holder was found before the event that tells of it */
    uv_timer_t look;
    struct termios fresh; /* what a host finds */
    char slave[64];
    char link[256];
    bool linked;
    bool shared; /* with the members of `group` */
    gid_t group;
};

/* True when a host holds the slave. */
static bool is_held(const struct pty *pty)
{
    struct pollfd state = {.fd = pty->master, .events = POLLIN};
    return poll(&state, 1, 0) >= 0 && (state.revents & POLLHUP) == 0;
}

/* True when there is something to read: a host has been there, or is. */
static bool has_input(const struct pty *pty)
{
    struct pollfd state = {.fd = pty->master, .events = POLLIN};
    return poll(&state, 1, 0) > 0 && (state.revents & POLLIN) != 0;
}

/*
 * With nobody there: makes the slave as a host expects to find it: raw, and without bytes that an
 * earlier host left unread. On a master TCSAFLUSH empties the slave's input, and TCOFLUSH what
 * is on its way there.
 */
static bool make_fresh(const struct pty *pty)
{
    (void)tcflush(pty->master, TCOFLUSH);
    return tcsetattr(pty->master, TCSAFLUSH, &pty->fresh) == 0;
}

static void on_event(struct pm_open_watch *watch, uint32_t mask)
{
    struct pty *pty = watch->user;
    struct changes *changes = &pty->changes;
    changes->any = true;
    if ((mask & IN_OPEN) != 0) {
        changes->opened = true;
        changes->came = changes->came || (pty->holders == 0 && !pty->announced);
        pty->announced = false;
        pty->holders++;
    } else if ((mask & IN_CLOSE) != 0 && pty->holders > 0) {
        pty->holders--;
    }
}

static struct changes take_changes(struct pty *pty)
{
    pm_open_watch_read(&pty->watch);
    struct changes changes = pty->changes;
    pty->changes = (struct changes){.any = false};
    return changes;
}

static void attach(struct pty *pty, bool held)
{
    struct pm_terminal *t = pty->terminal;
    pty->announced = held && pty->holders == 0;
    if (!pm_terminal_attach(t, pty->master, pty->master)) {
        pm_terminal_log(t, PM_LOG_ERROR, "cannot serve %s", pty->slave);
    } else if (!held) {
        pm_terminal_take_rest(t);
        pm_host_pump(t->host);
    }
}

/*
 * The host has left. What it wrote before is taken, to be done (`echo AT >LINK`). Should the next
 * host have come meanwhile, then what was found is rather its own, if all of the old one's had been
 * read before. True when the next host is there.
 */
static bool host_left(struct pty *pty)
{
    struct pm_terminal *t = pty->terminal;
    bool new_rest = t->rest == NULL && !t->ended;
    pm_terminal_take_rest(t);
    if (t->ended || !is_held(pty)) {
        return false;
    }
    uint8_t *rest = NULL;
    if (new_rest && t->drained) {
        rest = t->rest;
        t->rest = NULL;
    }
    size_t len = t->rest_len;
    pm_terminal_detach(t);
    attach(pty, true);
    t->rest = rest;
    t->rest_at = 0;
    t->rest_len = len;
    return true;
}

/* Looks who is there. */
static void look(struct pty *pty, struct changes changes)
{
    struct pm_terminal *t = pty->terminal;
    bool held = is_held(pty);
    if (t->channel != NULL && !held) {
        held = host_left(pty);
    } else if (t->channel != NULL && (changes.came || t->deaf || t->ended)) {
        pm_terminal_detach(t);
    }
    if (!held) {
        pty->holders = 0;
        pty->announced = false;
    }
    /* Input alone tells of a host that came and left while the slave was not watched. */
    if (t->channel == NULL && (held || changes.opened || has_input(pty))) {
        attach(pty, held);
    }
}

static void on_noted(struct pm_open_watch *watch)
{
    struct pty *pty = watch->user;
    look(pty, take_changes(pty));
    pm_host_pump(pty->terminal->host);
}

static void on_look(uv_timer_t *timer)
{
    struct pty *pty = timer->data;
    look(pty, (struct changes){.any = false});
    pm_host_pump(pty->terminal->host);
}

static void pty_check(struct pm_terminal *t)
{
    struct pty *pty = t->own;
    struct changes changes = take_changes(pty);
    if (changes.any) {
        look(pty, changes);
    }
}

/* Between these two, what is opened does not look like a host's doing. A host that came meanwhile
 * is found soon: the end of a watch is an event, too. */
static void stop_watching(struct pty *pty)
{
    pm_open_watch_pause(&pty->watch);
}

static void watch_again(struct pty *pty)
{
    if (pty->watch.all != NULL && !pm_open_watch_resume(&pty->watch, pty->slave)) {
        pm_terminal_log(pty->terminal, PM_LOG_ERROR, "%s: %s", pty->slave, strerror(errno));
        uv_timer_start(&pty->look, on_look, LOOK_MS, LOOK_MS);
    }
}

/*
 * Undoes from the slave's side what a host may have set besides the settings of a terminal: a line
 * discipline that lets nothing through (N_NULL), and output that is stopped (TCOOFF). Both stay
 * when the host leaves. False: the slave serves nobody any more.
 */
static bool revive(int slave)
{
    int discipline = N_TTY;
    if (ioctl(slave, TIOCGETD, &discipline) == 0 && discipline != N_TTY) {
        discipline = N_TTY;
        if (ioctl(slave, TIOCSETD, &discipline) != 0) {
            return false;
        }
    }
    return tcflow(slave, TCOON) == 0;
}

/*
 * With the next host already there: drops what the old one left unread; and, if `input`, the
 * commands it left behind, whose answers the new one must not see. Should the new host have
 * written already, its first bytes go with them: nothing tells them apart. Done from the slave's
 * side, as the master's would meddle with the new host's settings.
 */
static void change_hosts(struct pty *pty, bool input)
{
    stop_watching(pty);
    (void)tcflush(pty->master, TCOFLUSH);
    int slave = open(pty->slave, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (slave >= 0) {
        (void)revive(slave);
        (void)tcflush(slave, input ? TCIOFLUSH : TCIFLUSH);
        close(slave);
    }
    if (input) {
        (void)tcflush(pty->master, TCIFLUSH);
    }
    watch_again(pty);
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
static bool place_link(const struct pty *pty, char *err, size_t err_size)
{
    char temporary[sizeof pty->link + 32];
    snprintf(temporary, sizeof temporary, "%s.new.%ld", pty->link, (long)getpid());
    (void)unlink(temporary);
    if (symlink(pty->slave, temporary) != 0 || rename(temporary, pty->link) != 0) {
        snprintf(err, err_size, "%s: %s", pty->link, strerror(errno));
        (void)unlink(temporary);
        return false;
    }
    return true;
}

static bool make_link(struct pty *pty, const char *path, char *err, size_t err_size)
{
    if (strlen(path) >= sizeof pty->link) {
        snprintf(err, err_size, "the name of the link is too long");
        return false;
    }
    snprintf(pty->link, sizeof pty->link, "%s", path);
    pty->linked = link_is_free(path, err, err_size) && place_link(pty, err, err_size);
    return pty->linked;
}

/* Another program may have taken the name over meanwhile. */
static bool link_is_ours(const struct pty *pty)
{
    char target[sizeof pty->slave];
    ssize_t len = pty->linked ? readlink(pty->link, target, sizeof target) : -1;
    return len > 0 && (size_t)len == strlen(pty->slave) &&
           memcmp(target, pty->slave, (size_t)len) == 0;
}

static void remove_link(struct pty *pty)
{
    if (link_is_ours(pty)) {
        (void)unlink(pty->link);
    }
    pty->linked = false;
}

/* ---- Life ------------------------------------------------------------------------- */

/*
 * The slave is its owner's alone, whatever the system gives new ones (often a group may write to
 * them), or the members' of the group as well. Done while nobody can open it yet.
 */
static bool protect(const struct pty *pty, char *err, size_t err_size)
{
    if (pty->shared && chown(pty->slave, (uid_t)-1, pty->group) != 0) {
        snprintf(err, err_size, "cannot give %s to group %u: %s", pty->slave, (unsigned)pty->group,
                 strerror(errno));
        return false;
    }
    if (chmod(pty->slave, pty->shared ? 0660 : 0600) != 0) {
        snprintf(err, err_size, "%s: %s", pty->slave, strerror(errno));
        return false;
    }
    return true;
}

/* Opening and closing the slave once sets the hang-up state that says that nobody holds it. */
static bool prepare(struct pty *pty)
{
    int slave = open(pty->slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        return false;
    }
    close(slave);
    if (tcgetattr(pty->master, &pty->fresh) != 0) {
        return false;
    }
    cfmakeraw(&pty->fresh);
    cfsetspeed(&pty->fresh, B115200);
    return make_fresh(pty);
}

/* The caller closes the master that this may leave behind when it fails. */
static bool open_master(struct pty *pty, char *err, size_t err_size)
{
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0 || grantpt(pty->master) != 0 ||
        ptsname_r(pty->master, pty->slave, sizeof pty->slave) != 0) {
        snprintf(err, err_size, "no pty: %s", strerror(errno));
        return false;
    }
    if (!protect(pty, err, err_size)) {
        return false;
    }
    if (unlockpt(pty->master) != 0 || !prepare(pty)) {
        snprintf(err, err_size, "no pty: %s", strerror(errno));
        return false;
    }
    return true;
}

/* Another pty in place of one that nobody can open any more. */
static void renew(struct pty *pty)
{
    struct pty fresh = *pty;
    char err[400] = "";
    if (!open_master(&fresh, err, sizeof err)) {
        pm_terminal_log(pty->terminal, PM_LOG_ERROR, "%s", err);
        if (fresh.master >= 0) {
            close(fresh.master);
        }
        return;
    }
    bool ours = link_is_ours(pty);
    close(pty->master);
    pty->master = fresh.master;
    memcpy(pty->slave, fresh.slave, sizeof pty->slave);
    if (ours && !place_link(pty, err, sizeof err)) {
        pm_terminal_log(pty->terminal, PM_LOG_ERROR, "%s", err);
    }
    pm_terminal_log(pty->terminal, PM_LOG_INFO, "a host left %s unusable: now at %s", pty->link,
                    pty->slave);
}

/*
 * A host may have locked the slave (TIOCEXCL), or worse. The kernel keeps that as long as the
 * master is open, and only who has the right to open a locked one still can undo it.
 */
static void undo_lock(struct pty *pty)
{
    stop_watching(pty);
    int slave = open(pty->slave, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool usable = slave >= 0 ? revive(slave) : errno != EBUSY;
    if (slave >= 0) {
        (void)ioctl(slave, TIOCNXCL);
        close(slave);
    }
    if (!usable) {
        renew(pty);
    }
    watch_again(pty);
}

static void pty_gone(struct pm_terminal *t)
{
    struct pty *pty = t->own;
    if (is_held(pty)) {
        change_hosts(pty, t->backlog);
        return;
    }
    /* In this order: what is still on its way to a slave arrives when that is opened. */
    if (!make_fresh(pty)) {
        pm_terminal_log(t, PM_LOG_WARNING, "%s: %s", pty->slave, strerror(errno));
    }
    undo_lock(pty);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void start_watching(struct pty *pty, struct pm_open_watches *watches, uv_loop_t *loop)
{
    uv_timer_init(loop, &pty->look);
    pty->look.data = pty;
    pty->watch.user = pty;
    pty->watch.on_event = on_event;
    pty->watch.on_noted = on_noted;
    if (!pm_open_watch_start(&pty->watch, watches, loop, pty->slave)) {
        pm_terminal_log(pty->terminal, PM_LOG_INFO, "no inotify (%s): looking every %d ms",
                        strerror(errno), LOOK_MS);
        uv_timer_start(&pty->look, on_look, LOOK_MS, LOOK_MS);
    }
}

static bool pty_open(struct pm_terminal *t, const struct pm_terminal_options *options, char *err,
                     size_t err_size)
{
    const char *where = options->where;
    struct pty *pty = calloc(1, sizeof *pty);
    if (pty == NULL) {
        snprintf(err, err_size, "out of memory");
        return false;
    }
    pty->terminal = t;
    pty->master = -1;
    pty->shared = options->shared;
    pty->group = options->group;
    if (open_master(pty, err, err_size) && make_link(pty, where, err, err_size)) {
        start_watching(pty, options->watches, t->host->loop);
        snprintf(t->ready, sizeof t->ready, "%s", pty->link);
        t->own = pty;
        look(pty, (struct changes){.any = false});
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
    pm_open_watch_end(&pty->watch);
    uv_close((uv_handle_t *)&pty->look, on_closed);
    close(pty->master);
}

const struct pm_terminal_ops pm__terminal_pty = {
    .kind = "pty",
    .open = pty_open,
    .check = pty_check,
    .gone = pty_gone,
    .close = pty_close,
    .keeps_descriptors = true,
    .half_close = true,
    .ends_data = true,
};
