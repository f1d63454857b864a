/* SPDX-License-Identifier: MIT */
/*
 * Random dialogues on three ports: hosts that upload, send mail, restart the module, leave and
 * do not read, over a platform that fails and answers late and in any order. Whatever happens,
 * every command line has exactly one final result, no deadline stays, what the platform was lent
 * stays as it was, and nothing is left behind. A failure names its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "play/world.h"

enum { PORTS = 3, SEEDS = 300, STEPS = 600, LINE_MOST = 512, SETTLE_MOST = 40 };

/* A host at one port, and what it still waits for. */
struct host {
    unsigned pending;  /* final results to come */
    bool in_data;      /* CONNECT was seen */
    bool restarts;     /* its line restarts the module */
    bool again;        /* and so would A/ */
    char unsent[4096]; /* bytes the port did not take */
    size_t unsent_len;
    char line[LINE_MOST]; /* the line that is being read */
    size_t line_len;
};

/* Memory lent to the platform until an operation ends. */
struct loan {
    struct pm_op *op;
    uint8_t *memory; /* to be filled at the end; NULL: `lent` must not change */
    const uint8_t *lent;
    uint8_t *copy;
    size_t len;
};

struct play {
    struct world w;
    struct pm_platform below; /* the world's own platform */
    struct host hosts[PORTS];
    struct loan loans[WORLD_OPS];
    uint32_t seed, random;
    uint32_t restarts; /* begun so far */
    unsigned mails_told;
};

static uint32_t draw(struct play *p, uint32_t below)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 17;
    p->random ^= p->random << 5;
    return p->random % below;
}

static void check(const struct play *p, bool good, const char *what)
{
    if (!good) {
        fail_msg("seed %u: %s", p->seed, what);
    }
}

/* ---- The platform: lends are watched, reads are filled in when they end ------------- */

static void lend(struct play *p, struct pm_op *op, uint8_t *memory, const uint8_t *lent, size_t len)
{
    size_t i = 0;
    while (i < WORLD_OPS && p->loans[i].op != NULL) {
        i++;
    }
    check(p, i < WORLD_OPS, "more operations at once than there are ports and jobs");
    p->loans[i] = (struct loan){op, memory, lent, malloc(len + 1), len};
    assert_non_null(p->loans[i].copy);
    if (len != 0) {
        memcpy(p->loans[i].copy, lent, len);
    }
    if (memory != NULL) {
        memset(memory, 0xEE, len);
    }
}

static void give_back(struct play *p, const struct pm_op *op, bool cancelled)
{
    for (size_t i = 0; i < WORLD_OPS; i++) {
        struct loan *loan = &p->loans[i];
        if (loan->op != op) {
            continue;
        }
        if (loan->memory != NULL && !cancelled && loan->len != 0) {
            memcpy(loan->memory, loan->copy, loan->len);
        } else if (loan->memory == NULL && loan->len != 0) {
            check(p, memcmp(loan->lent, loan->copy, loan->len) == 0, "lent bytes changed");
        }
        free(loan->copy);
        memset(loan, 0, sizeof *loan);
    }
}

static void cancel(void *user, struct pm_op *op)
{
    give_back(user, op, true);
    ((struct play *)user)->below.cancel(user, op);
}

static int32_t file_write(void *user, struct pm_op *op, pm_file file, const uint8_t *data,
                          size_t len)
{
    int32_t result = ((struct play *)user)->below.file_write(user, op, file, data, len);
    if (result == PM_PENDING) {
        lend(user, op, NULL, data, len);
    }
    return result;
}

static int32_t file_read(void *user, struct pm_op *op, pm_file file, uint64_t offset, uint8_t *data,
                         size_t len)
{
    int32_t result = ((struct play *)user)->below.file_read(user, op, file, offset, data, len);
    if (result == PM_PENDING) {
        lend(user, op, data, data, len);
    }
    return result;
}

static int32_t file_commit(void *user, struct pm_op *op, pm_file file, enum pm_storage storage,
                           struct pm_slice name, bool replace)
{
    int32_t result =
        ((struct play *)user)->below.file_commit(user, op, file, storage, name, replace);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t file_open(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    int32_t result = ((struct play *)user)->below.file_open(user, op, storage, name, size);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t file_rename(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice from, struct pm_slice to, bool replace)
{
    int32_t result = ((struct play *)user)->below.file_rename(user, op, storage, from, to, replace);
    if (result == PM_PENDING) {
        lend(user, op, NULL, from.ptr, from.len);
        lend(user, op, NULL, to.ptr, to.len);
    }
    return result;
}

static int32_t file_edit(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, bool empty, uint64_t *size)
{
    int32_t result = ((struct play *)user)->below.file_edit(user, op, storage, name, empty, size);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t file_write_at(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                             const uint8_t *data, size_t len)
{
    int32_t result = ((struct play *)user)->below.file_write_at(user, op, file, offset, data, len);
    if (result == PM_PENDING) {
        lend(user, op, NULL, data, len);
    }
    return result;
}

static int32_t file_stat(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    int32_t result = ((struct play *)user)->below.file_stat(user, op, storage, name, size);
    if (result == PM_PENDING) {
        lend(user, op, NULL, name.ptr, name.len);
    }
    return result;
}

static int32_t profile_save(void *user, struct pm_op *op, uint8_t key, const uint8_t *data,
                            size_t len)
{
    int32_t result = ((struct play *)user)->below.profile_save(user, op, key, data, len);
    if (result == PM_PENDING) {
        lend(user, op, NULL, data, len);
    }
    return result;
}

static void finish_op(struct play *p, size_t i)
{
    struct pm_op *op = p->w.ops[i].op;
    int32_t result = p->w.ops[i].result;
    p->w.op_count--;
    memmove(&p->w.ops[i], &p->w.ops[i + 1], (p->w.op_count - i) * sizeof p->w.ops[0]);
    give_back(p, op, false);
    pm_module_done(&p->w.module, op, result, p->w.now);
}

/* ---- Hosts -------------------------------------------------------------------------- */

static void take_line(struct play *p, struct host *host)
{
    const char *line = host->line;
    if (strcmp(line, "CONNECT") == 0) {
        check(p, host->pending != 0, "CONNECT without a command");
        host->in_data = true;
    } else if (strcmp(line, "OK") == 0 || strcmp(line, "ERROR") == 0 ||
               strcmp(line, "NO CARRIER") == 0 || strncmp(line, "+CME ERROR: ", 12) == 0) {
        check(p, host->pending != 0, "a result that nobody asked for");
        host->pending--;
        host->in_data = false;
        host->restarts = false;
    } else if (strncmp(line, "+QSMTPPUT: ", 11) == 0 && line[11] != '(') {
        p->mails_told++;
    }
}

/* Reads up to `most` bytes of what the port has for its host. */
static void listen(struct play *p, size_t port, size_t most)
{
    static uint8_t bytes[PM_AT_OUT_SIZE];
    struct host *host = &p->hosts[port];
    const uint8_t *data = NULL;
    size_t n = pm_port_output(&p->w.ports[port], &data);
    n = n < most ? n : most;
    memcpy(bytes, data, n);
    if (n != 0) {
        pm_port_output_ack(&p->w.ports[port], n, p->w.now);
    }
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            size_t len = host->line_len;
            host->line[len > 0 && host->line[len - 1] == '\r' ? len - 1 : len] = '\0';
            take_line(p, host);
            host->line_len = 0;
        } else if (host->line_len < LINE_MOST - 1) {
            host->line[host->line_len++] = (char)bytes[i];
        }
    }
}

/* Offers what the host has to send, as long as the port wants it. */
static void offer(struct play *p, size_t port)
{
    struct host *host = &p->hosts[port];
    while (host->unsent_len != 0 && pm_port_wants_input(&p->w.ports[port])) {
        size_t n = pm_port_input(&p->w.ports[port], (const uint8_t *)host->unsent, host->unsent_len,
                                 p->w.now);
        host->unsent_len -= n;
        memmove(host->unsent, host->unsent + n, host->unsent_len);
    }
}

static void type(struct play *p, size_t port, const char *bytes, size_t len)
{
    struct host *host = &p->hosts[port];
    if (host->unsent_len + len <= sizeof host->unsent) {
        memcpy(host->unsent + host->unsent_len, bytes, len);
        host->unsent_len += len;
    }
    offer(p, port);
}

static void forget(struct host *host)
{
    memset(host, 0, sizeof *host);
}

/* A restart cuts off every host but the one that asked for it. */
static void watch_restart(struct play *p)
{
    bool off = p->w.module.restart_state != 0;
    uint32_t restarts = pm_module_count(&p->w.module).restarts + (off ? 1U : 0U);
    for (size_t i = 0; restarts != p->restarts && i < PORTS; i++) {
        if (!p->hosts[i].restarts) {
            forget(&p->hosts[i]);
        }
        p->hosts[i].unsent_len = 0;
    }
    p->restarts = restarts;
}

/* ---- Steps -------------------------------------------------------------------------- */

static const char *const lines[] = {
    "AT\r",
    "ATE0\r",
    "ATE1\r\n",
    "ATI;+CSQ;&V\r",
    "AT&D1\r",
    "AT&D2\r",
    "AT&W\r",
    "ATZ\r",
    "AT+CMEE=2;+CMEE?\r",
    "AT+NONSENSE=1\r",
    "AT+QSMTPSUB=0,\"open\r",
    "AT+CFUN=0\r",
    "AT+CFUN=1\r",
    "AT+CFUN=1\r",
    "AT+CFUN=4\r",
    "AT+CPIN?;+CREG?\r",
    "AT+QIACT=1\r",
    "AT+QIACT=1\r",
    "AT+QIACT=2\r",
    "AT+QIACT?\r",
    "AT+QIDEACT=1\r",
    "AT+QICSGP=1,1,\"apn\",\"user\",\"password\",1\r",
    "AT+QICSGP=2,3,\"apn\"\r",
    "AT+CGDCONT=2\r",
    "AT+CGDCONT=1,\"IP\",\"internet\"\r",
    "AT+CGDCONT?;+CGPADDR\r",
    "AT+QSSLCFG=\"cacert\",1,\"UFS:ca.pem\"\r",
    "AT+QSSLCFG=\"clientkey\",1,\"key.pem\",\"secret\"\r",
    "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r",
    "AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r",
    "AT+QSMTPCFG=\"account\",\"user\",\"password\"\r",
    "AT+QSMTPCFG=\"account\",\"\",\"\"\r",
    "AT+QSMTPCFG=\"sender\",\"Module\",\"module@example.com\"\r",
    "AT+QSMTPCFG=\"sender\",\"Module\",\"module@example.com\"\r",
    "AT+QSMTPCFG=\"ssltype\",0\r",
    "AT+QSMTPCFG=\"ssltype\",1\r",
    "AT+QSMTPCFG=\"ssltype\",2\r",
    "AT+QSMTPCFG=?\r",
    "AT+QSMTPDST=1,1,\"alice@example.com\"\r",
    "AT+QSMTPDST=1,1,\"bob@example.com\"\r",
    "AT+QSMTPDST=1,3,\"eve@example.com\"\r",
    "AT+QSMTPDST?\r",
    "AT+QSMTPDST=0\r",
    "AT+QSMTPSUB=0,\"Subject\"\r",
    "AT+QSMTPATT=1,1,\"RAM:a\"\r",
    "AT+QSMTPATT=1,2,\"b\"\r",
    "AT+QSMTPATT=0\r",
    "AT+QSMTPATT?\r",
    "AT+QSMTPCLR\r",
    "AT+QFLST;+QFLDS;+QFLDS=\"RAM\"\r",
    "AT+QFLST=\"RAM:*\"\r",
    "AT+QFDEL=\"RAM:*\"\r",
    "AT+QFDEL=\"b\"\r",
    "A/",
};

/* One line that may open data mode, send or restart: typed alone. */
static const char *const alone[] = {
    "AT+QSMTPBODY=0,200,20\r",    "AT+QSMTPBODY=0,10240\r",    "AT+QSMTPBODY=1,1,60\r",
    "AT+QFUPL=\"RAM:a\",300,3\r", "AT+QFUPL=\"b\",5000,4,1\r", "AT+QFUPL=\"RAM:c\"\r",
    "AT+QFDWL=\"RAM:a\"\r",       "AT+QFDWL=\"b\"\r",          "AT+QSMTPPUT=60\r",
    "AT+QSMTPPUT=60\r",           "AT+QSMTPPUT=60\r",          "AT+QSMTPPUT=90\r",
};

/* True when a host has asked for a restart and has not read its OK. */
static bool restarting(const struct play *p)
{
    return p->hosts[0].restarts || p->hosts[1].restarts || p->hosts[2].restarts;
}

/* A host types: one line, or several at once where none of them opens data mode. */
static void command(struct play *p, size_t port)
{
    struct host *host = &p->hosts[port];
    char text[LINE_MOST];
    unsigned count = draw(p, 6) == 0 ? 3 : 1;
    if (p->w.module.restart_state != 0 || host->pending != 0 || host->unsent_len != 0) {
        return;
    }
    host->pending = count;
    if (draw(p, 60) == 0 && !restarting(p)) {
        host->pending = 1;
        host->restarts = true;
        host->again = true;
        type(p, port, "AT+CFUN=1,1\r", 12);
    } else if (draw(p, 3) == 0) {
        const char *line = alone[draw(p, sizeof alone / sizeof alone[0])];
        host->pending = 1;
        host->again = false;
        type(p, port, line, strlen(line));
    } else {
        size_t len = 0;
        for (unsigned i = 0; i < count; i++) {
            uint32_t most = sizeof lines / sizeof lines[0] - (count > 1 || host->again ? 1U : 0U);
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", lines[draw(p, most)]);
        }
        host->again = false;
        type(p, port, text, len);
    }
}

/* Time passes while operations stay pending. */
static void pass(struct play *p, uint64_t ms)
{
    struct world *w = &p->w;
    uint64_t until = w->now + ms;
    for (;;) {
        uint64_t deadline = pm_module_deadline(&w->module);
        if (deadline > until) {
            break;
        }
        check(p, deadline >= w->now, "a deadline has been missed");
        w->now = deadline;
        pm_module_tick(&w->module, w->now);
        check(p, pm_module_deadline(&w->module) > w->now, "a deadline does not go away");
        watch_restart(p);
    }
    w->now = until;
    pm_module_tick(&w->module, w->now);
}

static void upload(struct play *p, size_t port)
{
    static const char bytes[700] = {0};
    char data[sizeof bytes];
    memset(data, 'd', sizeof data);
    if (draw(p, 5) == 0) {
        pass(p, 1100);
        type(p, port, "+++", 3);
        pass(p, 1100);
    } else {
        type(p, port, data, 1 + draw(p, sizeof data));
    }
}

static void leave(struct play *p, size_t port)
{
    forget(&p->hosts[port]);
    pm_port_lost(&p->w.ports[port], p->w.now);
}

/* Delivers what the server says. The world must not end operations, which are lent to. */
static void serve(struct play *p)
{
    bool async = p->w.async;
    if (p->w.op_count == 0) {
        p->w.async = false;
        world_run(&p->w);
        p->w.async = async;
    }
}

static void environment(struct play *p)
{
    static const uint16_t jumps[] = {0, 1, 9, 25, 400, 1500, 6000, 31000};
    static const enum world_fault faults[] = {
        WORLD_OK,     WORLD_OK,          WORLD_OK,           WORLD_NO_HOST,    WORLD_NO_CONNECT,
        WORLD_NO_TLS, WORLD_SILENT,      WORLD_CLOSE_DATA,   WORLD_REFUSE_ONE, WORLD_BUSY,
        WORLD_STUCK,  WORLD_NO_STARTTLS, WORLD_BAD_PASSWORD,
    };
    struct world *w = &p->w;
    switch (draw(p, 9)) {
    case 0: w->fail_at = w->calls + 1 + draw(p, 12); break;
    case 1: w->server.fault = faults[draw(p, sizeof faults / sizeof faults[0])]; break;
    case 2: w->async = draw(p, 3) != 0; break;
    case 3: w->server.send_limit = draw(p, 2) * (1 + draw(p, 500)); break;
    case 4: serve(p); break;
    case 5:
        if (draw(p, 12) == 0) {
            pm_module_mail_abort(&w->module, w->now);
        }
        break;
    default: pass(p, jumps[draw(p, sizeof jumps / sizeof jumps[0])]); break;
    }
}

static void step(struct play *p)
{
    struct world *w = &p->w;
    size_t port = draw(p, PORTS);
    switch (draw(p, 8)) {
    case 0:
    case 1:
        if (p->hosts[port].in_data) {
            upload(p, port);
        } else {
            command(p, port);
        }
        break;
    case 2:
    case 3:
        listen(p, port, draw(p, 4) == 0 ? 7 : PM_AT_OUT_SIZE);
        offer(p, port);
        break;
    case 4:
    case 5:
        if (w->op_count != 0) {
            finish_op(p, draw(p, (uint32_t)w->op_count));
        }
        break;
    case 6: environment(p); break;
    default:
        if (draw(p, 12) == 0) {
            leave(p, port);
        } else if (draw(p, 6) == 0) {
            pm_port_dtr(&w->ports[port], draw(p, 2) == 0, w->now);
        }
        break;
    }
    watch_restart(p);
}

/* ---- The end ------------------------------------------------------------------------ */

/* The world does its best, hosts read everything. */
static void calm(struct play *p, uint64_t ms)
{
    struct world *w = &p->w;
    for (uint64_t end = w->now + ms; w->now < end;) {
        for (unsigned i = 0; i < 200; i++) {
            if (w->op_count != 0) {
                finish_op(p, 0);
            } else {
                serve(p);
            }
            for (size_t port = 0; port < PORTS; port++) {
                listen(p, port, PM_AT_OUT_SIZE);
                offer(p, port);
            }
            watch_restart(p);
        }
        pass(p, ms / 4 + 1);
        watch_restart(p);
    }
}

static bool settled(const struct play *p)
{
    for (size_t port = 0; port < PORTS; port++) {
        if (p->hosts[port].pending != 0 || p->hosts[port].unsent_len != 0 ||
            !pm_port_wants_input(&p->w.ports[port]) || pm_at_busy(&p->w.ports[port].at)) {
            return false;
        }
    }
    return p->w.op_count == 0 && !pm_module_mail_running(&p->w.module) &&
           p->w.module.restart_state == 0;
}

static void settle(struct play *p)
{
    p->w.fail_at = 0;
    p->w.server.fault = WORLD_OK;
    for (unsigned i = 0; i < SETTLE_MOST && !settled(p); i++) {
        calm(p, 20000);
    }
    check(p, settled(p), "something never ends");
    for (size_t port = 0; port < PORTS; port++) {
        p->hosts[port].pending = 1;
        type(p, port, "\rAT+QSMTPCLR\r", 13);
        calm(p, 4000);
        check(p, p->hosts[port].pending == 0, "AT is not answered");
    }
}

/* What a mail needs, now and then, so that some are sent. */
static void preset(struct play *p)
{
    struct pm_module *m = &p->w.module;
    (void)pm_module_preset(m, "smtpserver", "mail.example", NULL, 25, false);
    (void)pm_module_preset(m, "sender", "Module", "module@example.com", 0, false);
    p->w.server.fault = WORLD_OK;
}

static void play(struct play *p, uint32_t seed)
{
    struct world *w = &p->w;
    memset(p, 0, sizeof *p);
    p->seed = seed;
    p->random = seed * 2654435761U + 1;
    world_init(w);
    p->below = w->platform;
    w->platform.cancel = cancel;
    w->platform.file_write = file_write;
    w->platform.file_read = file_read;
    w->platform.file_commit = file_commit;
    w->platform.file_open = file_open;
    w->platform.file_rename = file_rename;
    w->platform.file_edit = file_edit;
    w->platform.file_write_at = file_write_at;
    w->platform.file_stat = file_stat;
    w->platform.profile_save = profile_save;
    w->config.qiact_delay = draw(p, 2) * 700;
    w->config.connect_delay = draw(p, 3) * 10;
    w->config.power_on_delay = draw(p, 2) * 2000;
    w->config.lenient = draw(p, 4) == 0;
    w->config.recipients = draw(p, 2) == 0 ? PM_RECIPIENTS_ALL : PM_RECIPIENTS_ANY;
    w->config.active_at_start = 1;
    w->async = draw(p, 2) == 0;
    world_begin(w, PORTS);
    for (size_t port = 0; port < PORTS; port++) {
        w->ports[port].boot_urcs = draw(p, 3) == 0;
    }
    for (unsigned i = 0; i < STEPS; i++) {
        if (draw(p, 150) == 0 && !pm_module_mail_running(&w->module)) {
            preset(p);
        }
        step(p);
    }
    settle(p);
    assert_string_equal(world_end(w), "");
}

static void every_line_has_one_result(void **state)
{
    (void)state;
    const char *only = getenv("PM_RANDOM_SEED");
    struct play *p = malloc(sizeof *p);
    unsigned mails = 0;
    assert_non_null(p);
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        if (only == NULL || seed == (uint32_t)strtoul(only, NULL, 10)) {
            play(p, seed);
            mails += p->mails_told;
        }
    }
    free(p);
    assert_true(only != NULL || mails > SEEDS / 10); /* The walk does reach the mail job. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_line_has_one_result)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
