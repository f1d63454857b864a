/* SPDX-License-Identifier: MIT */
/*
 * A module of the player's own: the same program, as `postmodem serve`, with the settings that the
 * transcript asks for. It lives in a folder that goes with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "play/live_internal.h"

/* ---- Its arguments ---------------------------------------------------------------------- */

static bool add(struct live_child *child, char *text)
{
    if (text == NULL || child->argument_count + 1 >= LIVE_ARGUMENTS) {
        free(text);
        return false;
    }
    child->arguments[child->argument_count++] = text;
    return true;
}

static bool add_pair(struct live_child *child, const char *option, const char *value)
{
    return add(child, strdup(option)) && add(child, strdup(value));
}

bool live_child_set(struct live_child *child, const char *key, const char *value)
{
    char *pair = NULL;
    return asprintf(&pair, "%s=%s", key, value) > 0 && add(child, strdup("--set")) &&
           add(child, pair);
}

static bool in_folder(const struct live_child *child, const char *name, char *path, size_t size)
{
    int n = snprintf(path, size, "%s/%s", child->folder, name);
    return n > 0 && (size_t)n < size;
}

static bool make_folder(struct live_child *child)
{
    const char *top = getenv("TMPDIR");
    int n = snprintf(child->folder, sizeof child->folder, "%s/postmodem-play-XXXXXX",
                     top != NULL && *top != '\0' ? top : "/tmp");
    if (n < 0 || (size_t)n >= sizeof child->folder - 32 || mkdtemp(child->folder) == NULL) {
        child->folder[0] = '\0';
        return false;
    }
    return true;
}

/* A module that shows its start needs a host that is there before it: a serial line. */
static bool add_port(struct player *p, size_t i)
{
    struct live_child *child = &p->live->child;
    const char *kind = p->live->options->ports[0];
    struct live_line *line = &p->live->lines[i];
    char option[16];
    char file[32];
    char name[LIVE_PATH];
    if (p->boot_urcs) {
        return live_line_stand_in(line, name, sizeof name) && add_pair(child, "--serial", name);
    }
    if (strcmp(kind, "pty") != 0) {
        return snprintf(option, sizeof option, "--%s", kind) > 0 &&
               add_pair(child, option, "127.0.0.1:0");
    }
    return snprintf(file, sizeof file, "port%zu", i + 1) > 0 &&
           in_folder(child, file, name, sizeof name) && add_pair(child, "--pty", name);
}

bool live_child_init(struct live_child *child)
{
    return add_pair(child, "postmodem", "serve") && live_child_set(child, "limits", "strict") &&
           live_child_set(child, "ehlo_name", "module.example") &&
           live_child_set(child, "ufs_size", "4M") && live_child_set(child, "ram_size", "4M");
}

/* What is the player's own affair, behind the settings. */
static bool add_all(struct player *p)
{
    struct live_child *child = &p->live->child;
    char mails[LIVE_PATH];
    char trace[LIVE_PATH];
    bool ok = in_folder(child, "mails", mails, sizeof mails) &&
              in_folder(child, "trace", trace, sizeof trace) && add_pair(child, "--catch", mails) &&
              add_pair(child, "--trace", trace) && live_child_set(child, "drain_seconds", "0");
    for (size_t i = 0; ok && i < p->ports; i++) {
        ok = add_port(p, i);
    }
    return ok;
}

/* ---- Starting --------------------------------------------------------------------------- */

/* In the new process: output to the pipe, errors to the log, and an end with the player. */
static void become_module(struct live_child *child, int out, int log)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0) {
        _exit(1);
    }
    (void)execv("/proc/self/exe", child->arguments);
    _exit(1);
}

static bool spawn(struct live_child *child)
{
    char log[LIVE_PATH];
    int ends[2] = {-1, -1};
    int log_fd = in_folder(child, "log", log, sizeof log)
                     ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                     : -1;
    if (log_fd >= 0 && pipe2(ends, O_CLOEXEC) == 0) {
        child->pid = fork();
        if (child->pid == 0) {
            become_module(child, ends[1], log_fd);
        }
        child->out = ends[0];
        close(ends[1]);
        close(log_fd);
        (void)fcntl(child->out, F_SETFL, O_NONBLOCK);
        return child->pid > 0;
    }
    if (log_fd >= 0) {
        close(log_fd);
    }
    return false;
}

/* Waits for a ready line of each port. False when the program ended, or took too long. */
static bool wait_ready(struct player *p)
{
    struct live_child *child = &p->live->child;
    uint64_t limit = live_now() + LIVE_PATIENCE_MS + p->rules->slack;
    size_t lines = 0;
    size_t len = 0;
    while (lines < p->ports) {
        if (len + 1 >= sizeof child->ready || live_poll(child->out, POLLIN, limit) == 0) {
            return false;
        }
        ssize_t n = read(child->out, child->ready + len, sizeof child->ready - len - 1);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        for (ssize_t i = 0; i < n; i++) {
            lines += child->ready[len++] == '\n' ? 1U : 0U;
        }
    }
    return true;
}

/* "ready NAME KIND ADDRESS", a line for each port. */
static bool open_ports(struct player *p)
{
    char err[300] = "";
    char *rest = p->live->child.ready;
    for (size_t i = 0; i < p->ports && !p->boot_urcs; i++) {
        struct live_line *line = &p->live->lines[i];
        const char *text = strsep(&rest, "\n");
        char kind[16] = "";
        int at = 0;
        if (text == NULL || sscanf(text, "ready %*s %15s %n", kind, &at) != 1 || at == 0) {
            return transcript_fail(p, "the module says nothing of its port");
        }
        const char *prefix = strcmp(kind, "pty") == 0 ? "" : kind;
        (void)snprintf(line->where, sizeof line->where, "%s%s%s", prefix,
                       *prefix != '\0' ? ":" : "", text + at);
        if (!live_line_open(line, err, sizeof err)) {
            return transcript_fail(p, "%s: %s", line->where, err);
        }
    }
    return true;
}

static FILE *open_log(const struct player *p)
{
    char path[LIVE_PATH];
    return in_folder(&p->live->child, "log", path, sizeof path) ? fopen(path, "rb") : NULL;
}

/* Bytes of the log at present. */
static long log_size(const struct player *p)
{
    FILE *log = open_log(p);
    long size = log != NULL && fseek(log, 0, SEEK_END) == 0 ? ftell(log) : 0;
    if (log != NULL) {
        (void)fclose(log);
    }
    return size;
}

/* The end of the log's first `size` bytes, for the report. */
static void show_log(struct player *p, long size)
{
    char text[PLAY_LOG_SHOWN + 1]; /* One more tells that there is more. */
    const long most = (long)sizeof text;
    FILE *log = open_log(p);
    if (log == NULL) {
        return;
    }
    long from = size > most ? size - most : 0;
    if (size > 0 && fseek(log, from, SEEK_SET) == 0) {
        size_t n = fread(text, 1, (size_t)(size - from), log);
        play_report_log(p->report, text, n);
    }
    (void)fclose(log);
}

/* What the module says of settings that it refuses. */
static void first_line(const struct player *p, char *line, size_t size)
{
    FILE *log = open_log(p);
    line[0] = '\0';
    if (log != NULL) {
        line[fgets(line, (int)size, log) != NULL ? strcspn(line, "\n") : 0] = '\0';
        (void)fclose(log);
    }
}

/* Waits until the process has ended. False when it had to be killed; else its status. */
static bool reap(struct player *p, int *status)
{
    struct live_child *child = &p->live->child;
    uint64_t limit = live_now() + LIVE_PATIENCE_MS + p->rules->slack;
    char text[512];
    ssize_t n = 1;
    while (n != 0 && live_now() < limit) { /* Its end of the pipe closes with it. */
        (void)live_poll(child->out, POLLIN, limit);
        n = read(child->out, text, sizeof text);
    }
    if (n != 0) {
        (void)kill(child->pid, SIGKILL);
    }
    while (waitpid(child->pid, status, 0) < 0 && errno == EINTR) {
    }
    child->pid = 0;
    return n == 0;
}

/* The module is not ready: why? A setting that it refuses makes the transcript one that cannot be
 * played here. */
static bool explain(struct player *p)
{
    char first[200];
    int status = 0;
    (void)kill(p->live->child.pid, SIGTERM);
    bool ended = reap(p, &status);
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 2) {
        first_line(p, first, sizeof first);
        return live_skip(p, "%s", first);
    }
    (void)transcript_fail(p, live_interrupted() ? "interrupted" : "the module does not start");
    show_log(p, log_size(p));
    return false;
}

bool live_child_start(struct player *p)
{
    if (!make_folder(&p->live->child) || !add_all(p)) {
        return transcript_fail(p, "no folder for a module: %s", strerror(errno));
    }
    p->earliest = live_now(); /* The module's own clock begins later. */
    if (!spawn(&p->live->child)) {
        return transcript_fail(p, "no process for a module: %s", strerror(errno));
    }
    return wait_ready(p) ? open_ports(p) : explain(p);
}

/* ---- Ending ----------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

bool live_child_end(struct player *p)
{
    struct live_child *child = &p->live->child;
    int status = 0;
    bool ok = true;
    if (child->pid > 0) {
        long played = log_size(p); /* What comes behind it is about its end. */
        (void)kill(child->pid, SIGTERM);
        ok = reap(p, &status);
        if (!ok) {
            (void)transcript_fail(p, "the module does not end");
        } else if (status != 0) {
            ok = transcript_fail(p, "the module ended with %s %d",
                                 WIFSIGNALED(status) ? "signal" : "status",
                                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
        if (p->report->verdict == PLAY_FAILED) {
            show_log(p, ok ? played : log_size(p));
        }
    }
    if (child->out >= 0) {
        close(child->out);
        child->out = -1;
    }
    for (size_t i = 0; i < child->argument_count; i++) {
        free(child->arguments[i]);
    }
    child->argument_count = 0;
    if (child->folder[0] != '\0') {
        (void)nftw(child->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
    return ok;
}
