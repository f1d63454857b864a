/* SPDX-License-Identifier: MIT */
/* The demo: a module with its catcher in this process, a person at its pty, and the mails. */
#include "cli/demo.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/catcher.h"
#include "host/net.h"
#include "host/open_watch.h"
#include "host/port.h"
#include "host/store.h"

#define DEMO_ARENA 65536

/* More than a mail of the demo; one that is longer is another. */
#define DEMO_MAIL_SIZE 16384

struct demo {
    uv_loop_t loop;
    struct pm_log log;
    struct pm_host_module host;
    struct pm_open_watches watches;
    struct demo_terminal terminal;
    char dir[256];  /* of everything the demo makes */
    char mail[300]; /* the Maildir in it */
    char err[512];
};

/* ---- The module ---- */

static bool demo_make_dir(struct demo *demo)
{
    const char *base = getenv("TMPDIR");
    base = base != NULL && base[0] != 0 ? base : "/tmp";
    int n = snprintf(demo->dir, sizeof demo->dir, "%s/postmodem-demo-XXXXXX", base);
    if (n < 0 || (size_t)n >= sizeof demo->dir || mkdtemp(demo->dir) == NULL) {
        (void)snprintf(demo->err, sizeof demo->err, "cannot make a directory in %s: %s", base,
                       strerror(errno));
        demo->dir[0] = 0;
        return false;
    }
    (void)snprintf(demo->mail, sizeof demo->mail, "%s/mail", demo->dir);
    return true;
}

static bool demo_start_module(struct demo *demo)
{
    struct pm_host_module *host = &demo->host;
    struct pm_store_options store = {.dir = NULL};
    struct pm_net_options net = {.system_ca = true};
    struct pm_catcher_options catcher = {.maildir = demo->mail};
    pm_log_init(&demo->log, PM_LOG_ERROR, "");
    host->loop = &demo->loop;
    host->log = &demo->log;
    pm_module_config_default(&host->config);
    host->config.limits = PM_LIMITS_STRICT;
    host->config.boot_delay = false;
    host->store = pm_store_open(host, &demo->loop, &store, demo->err, sizeof demo->err);
    host->catcher = pm_catcher_new(&demo->loop, &catcher, NULL, demo->err, sizeof demo->err);
    if (host->store == NULL || host->catcher == NULL) {
        return false;
    }
    net.catcher = host->catcher;
    host->net = pm_net_new(host, &net, demo->err, sizeof demo->err);
    return host->net != NULL && pm_host_start(host, DEMO_ARENA, demo->err, sizeof demo->err);
}

static bool demo_start(struct demo *demo)
{
    char link[300];
    if (!demo_make_dir(demo) || !demo_start_module(demo)) {
        return false;
    }
    (void)snprintf(link, sizeof link, "%s/ttyAG35", demo->dir);
    struct pm_terminal_options options = {
        .kind = PM_TERMINAL_PTY, .where = link, .name = "usbat", .watches = &demo->watches};
    return pm_terminal_open(&demo->host, &options, demo->err, sizeof demo->err) != NULL &&
           pm__demo_terminal_open(&demo->terminal, &demo->loop, link, stdout, demo->err,
                                  sizeof demo->err);
}

static int demo_remove(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static bool demo_end(struct demo *demo)
{
    struct pm_host_module *host = &demo->host;
    pm__demo_terminal_close(&demo->terminal);
    pm_terminals_close(host);
    pm_host_end(host);
    pm_terminals_free(host);
    if (host->net != NULL) {
        pm_net_free(host->net);
    }
    pm_catcher_free(host->catcher);
    pm_store_close(host->store);
    (void)uv_run(&demo->loop, UV_RUN_DEFAULT);
    bool good = uv_loop_close(&demo->loop) == 0;
    if (demo->dir[0] != 0 && nftw(demo->dir, demo_remove, 8, FTW_DEPTH | FTW_PHYS) != 0) {
        (void)fprintf(stderr, "postmodem: cannot remove %s: %s\n", demo->dir, strerror(errno));
        good = false;
    }
    return good;
}

/* ---- The dialogue ---- */

static bool demo_step(struct demo_terminal *t, const struct demo_example *example,
                      const struct demo_step *step)
{
    if (step->kind == DEMO_URC) {
        return pm__demo_expect(t, step->line, NULL) && pm__demo_expect(t, "\r\n", NULL);
    }
    if (!pm__demo_type(t, step->line, strlen(step->line), false) ||
        !pm__demo_type(t, "\r", 1, false)) {
        return false;
    }
    if (step->kind == DEMO_COMMAND) {
        return pm__demo_expect(t, "\r\nOK\r\n", step->answer);
    }
    bool body = step->kind == DEMO_BODY;
    return pm__demo_expect(t, "\r\nCONNECT\r\n", NULL) &&
           pm__demo_type(t, body ? example->body : pm__demo_file,
                         body ? DEMO_BODY_SIZE : DEMO_FILE_SIZE, true) &&
           pm__demo_expect(t, "\r\nOK\r\n", step->answer);
}

static bool demo_dialogue(struct demo *demo, const struct demo_example *example)
{
    for (const struct demo_step *const *list = example->steps; *list != NULL; list++) {
        for (const struct demo_step *step = *list; step->line != NULL; step++) {
            if (!demo_step(&demo->terminal, example, step)) {
                (void)snprintf(demo->err, sizeof demo->err, "no proper answer to %s", step->line);
                return false;
            }
        }
    }
    return true;
}

/* ---- The mails ---- */

/* The one file in new/. False when there is none, or more than one. */
static bool demo_find_mail(struct demo *demo, char *path, size_t size)
{
    char new[320];
    unsigned int count = 0;
    (void)snprintf(new, sizeof new, "%s/new", demo->mail);
    DIR *list = opendir(new);
    const struct dirent *item;
    while (list != NULL && (item = readdir(list)) != NULL) {
        if (item->d_name[0] != '.') {
            (void)snprintf(path, size, "%s/%s", new, item->d_name);
            count++;
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    if (count != 1) {
        (void)snprintf(demo->err, sizeof demo->err, "%u mails arrived instead of 1", count);
    }
    return count == 1;
}

/* Reads the mail that has just arrived, and takes it away. 0: there is none. */
static size_t demo_fetch(struct demo *demo, char *text, size_t size)
{
    char path[640];
    if (!demo_find_mail(demo, path, sizeof path)) {
        return 0;
    }
    FILE *file = fopen(path, "rb");
    size_t len = file != NULL ? fread(text, 1, size, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (len == 0 || len == size || unlink(path) != 0) {
        (void)snprintf(demo->err, sizeof demo->err, "cannot read the mail in %s", demo->mail);
        return 0;
    }
    return len;
}

static bool demo_read_back(struct demo *demo, const struct demo_example *example)
{
    static char text[DEMO_MAIL_SIZE];
    struct demo_mail mail;
    size_t len = demo_fetch(demo, text, sizeof text);
    if (len == 0) {
        return false;
    }
    bool good = pm__demo_mail_read(&mail, text, len);
    if (good) {
        (void)printf("\nThe mail, as the catcher has received it:\n\n");
        pm__demo_show(stdout, &mail);
        good = pm__demo_check(example, &mail, demo->err, sizeof demo->err);
    } else {
        (void)snprintf(demo->err, sizeof demo->err, "the mail cannot be read");
    }
    pm__demo_mail_free(&mail);
    return good;
}

static bool demo_play(struct demo *demo)
{
    if (!demo_start(demo)) {
        return false;
    }
    for (size_t i = 0; i < DEMO_EXAMPLES; i++) {
        const struct demo_example *example = &pm__demo_examples[i];
        (void)printf("%s==== Example %zu of %d: %s ====\n\n", i > 0 ? "\n" : "", i + 1,
                     DEMO_EXAMPLES, example->title);
        if (!demo_dialogue(demo, example) || !demo_read_back(demo, example)) {
            return false;
        }
        (void)printf("\n  Recipients, subject, body and attachment are what was typed.\n");
    }
    return true;
}

int pm_cli_demo(int argc, char **argv)
{
    static struct demo demo; /* large for a stack: it holds a module */
    if (argc > 1) {
        (void)fprintf(stderr, "postmodem %s: takes no argument, but got \"%s\"\n", argv[0],
                      argv[1]);
        return 2;
    }
    memset(&demo, 0, sizeof demo);
    demo.terminal.fd = -1;
    /* When nobody reads any more (a pager that was left) the directory is removed all the same. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&demo.loop) != 0) {
        (void)fprintf(stderr, "postmodem: no event loop\n");
        return 1;
    }
    bool good = demo_play(&demo);
    bool interrupted = demo.terminal.interrupted;
    good = demo_end(&demo) && good;
    if (interrupted) {
        (void)fprintf(stderr, "\npostmodem: interrupted\n");
        return 130;
    }
    if (!good) {
        (void)fprintf(stderr, "\npostmodem: the demo has failed: %s\n", demo.err);
        return 1;
    }
    (void)printf("\nAll three mails arrived and were read back equal.\n");
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "postmodem: cannot write to standard output\n");
        return 1;
    }
    return 0;
}
