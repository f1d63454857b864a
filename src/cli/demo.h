/* SPDX-License-Identifier: MIT */
/*
 * `postmodem demo`: the three worked examples of the manual (plain, SSL, STARTTLS), typed on a
 * pty of a module whose mail ends in the built-in catcher, and the mails read back.
 */
#ifndef PM_CLI_DEMO_H
#define PM_CLI_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

/* The command. 0 only when all three mails arrived and were read back equal. `argv[0]` is the
 * command's name. */
int pm_cli_demo(int argc, char **argv);

/* ---- What an example types, and what must come of it (demo_script.c) ---- */

/* Sizes of the manual's examples: its body, and its file, whose checksum there is 707. */
#define DEMO_BODY_SIZE 100
#define DEMO_FILE_SIZE 200

enum demo_kind {
    DEMO_COMMAND, /* a command line; the answer ends with OK */
    DEMO_BODY,    /* opens data mode; the body is typed after CONNECT */
    DEMO_FILE,    /* likewise, with the file */
    DEMO_URC      /* types nothing, waits for an unsolicited result code */
};

struct demo_step {
    enum demo_kind kind;
    const char *line;   /* typed; NULL ends a list */
    const char *answer; /* must stand in the answer, or NULL */
};

#define DEMO_RECIPIENTS 3

struct demo_example {
    const char *title;
    const struct demo_step *const *steps;        /* lists, one after the other; NULL ends them */
    const char *sender;                          /* reverse-path */
    const char *recipients[DEMO_RECIPIENTS + 1]; /* envelope, in order; NULL ends them */
    const char *to, *cc;                         /* header fields, cc may be NULL */
    const char *subject;
    const char *body; /* DEMO_BODY_SIZE bytes */
    bool tls;         /* it must have come over TLS */
};

#define DEMO_EXAMPLES 3

extern const struct demo_example pm__demo_examples[DEMO_EXAMPLES];
extern const char pm__demo_file[DEMO_FILE_SIZE + 1];

/* ---- The person at the terminal (demo_terminal.c) ---- */

struct demo_terminal {
    uv_loop_t *loop;
    int fd;
    FILE *out; /* where the person looks */
    uv_poll_t poll;
    uv_timer_t timer;
    uv_signal_t interrupt[2]; /* SIGINT, SIGTERM: the directory is removed all the same */
    bool expired, gone, interrupted;
    size_t len; /* bytes received and not yet looked at */
    char in[16384];
};

/* Opens the host's side of a pty. False: `err` says why. */
bool pm__demo_terminal_open(struct demo_terminal *t, uv_loop_t *loop, const char *path, FILE *out,
                            char *err, size_t err_size);

/* Types bytes; `shown` when the module will not echo them. */
bool pm__demo_type(struct demo_terminal *t, const char *text, size_t len, bool shown);

/*
 * Waits until `end` has come, and shows everything up to it as a terminal does. `answer` (or NULL)
 * must stand in it. False when it does not, when an ERROR came in place of it, or when nothing
 * came for ten seconds.
 */
bool pm__demo_expect(struct demo_terminal *t, const char *end, const char *answer);

void pm__demo_terminal_close(struct demo_terminal *t);

/* ---- A small reader of mail (demo_mail.c), independent of the composer ---- */

#define DEMO_HEADERS 40
#define DEMO_PARTS   4

struct demo_headers {
    struct {
        char name[48];
        char value[400]; /* unfolded */
    } field[DEMO_HEADERS];
    size_t count;
};

struct demo_part {
    struct demo_headers headers;
    uint8_t *data; /* decoded */
    size_t len;
};

struct demo_mail {
    struct demo_headers headers;
    struct demo_part parts[DEMO_PARTS];
    size_t part_count;
};

/* Reads a multipart mail. False when it is malformed. Either way pm__demo_mail_free() is due. */
bool pm__demo_mail_read(struct demo_mail *mail, const char *text, size_t len);
void pm__demo_mail_free(struct demo_mail *mail);

/* The value of the `nth` field (0 first) of a name in any case; NULL when there is none. */
const char *pm__demo_header(const struct demo_headers *headers, const char *name, size_t nth);

/* ---- Looking at what arrived (demo_check.c) ---- */

/* Prints the mail: header fields, and the decoded parts shortened. */
void pm__demo_show(FILE *out, const struct demo_mail *mail);

/* Compares it with what was typed. False, with the difference in `err`, when it is another. */
bool pm__demo_check(const struct demo_example *example, const struct demo_mail *mail, char *err,
                    size_t err_size);

#endif
