/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

enum { SETTLE_MOST = 40 };

uint32_t walk_draw(struct walk *p, uint32_t below)
{
    return p->draw(p->user, below);
}

void walk_check(struct walk *p, bool good, const char *what)
{
    if (!good) {
        p->broken(p->user, what);
    }
}

/* ---- The world ------------------------------------------------------------ */

static void finish_op(struct walk *p, size_t i)
{
    struct pm_op *op = p->w.ops[i].op;
    int32_t result = p->w.ops[i].result;
    p->w.op_count--;
    memmove(&p->w.ops[i], &p->w.ops[i + 1], (p->w.op_count - i) * sizeof p->w.ops[0]);
    walk_give_back(p, op, false);
    pm_module_done(&p->w.module, op, result, p->w.now);
}

/* ---- Hosts -------------------------------------------------------------------------- */

static void take_line(struct walk *p, struct walk_host *host)
{
    const char *line = host->line;
    if (host->blind) {
        return;
    }
    if (strcmp(line, "CONNECT") == 0 || strncmp(line, "CONNECT ", 8) == 0) {
        walk_check(p, host->pending != 0, "CONNECT without a command");
        host->in_data = true;
    } else if (strcmp(line, "OK") == 0 || strcmp(line, "ERROR") == 0 ||
               strcmp(line, "NO CARRIER") == 0 || strncmp(line, "+CME ERROR: ", 12) == 0 ||
               strncmp(line, "+CMS ERROR: ", 12) == 0) {
        walk_check(p, host->pending != 0, "a result that nobody asked for");
        host->pending--;
        host->in_data = false;
        host->restarts = false;
    } else if (strncmp(line, "+QSMTPPUT: ", 11) == 0 && line[11] != '(') {
        p->mails_told++;
    } else if (strncmp(line, "+QFOPEN: ", 9) == 0 && line[9] >= '1' && line[9] <= '9') {
        p->handle = (unsigned)strtoul(line + 9, NULL, 10);
        p->opens++;
    } else if (strncmp(line, "+QFWRITE: ", 10) == 0) {
        p->writes++;
    }
}

/* Reads up to `most` bytes of what the port has for its host. */
static void listen(struct walk *p, size_t port, size_t most)
{
    static uint8_t bytes[PM_AT_OUT_SIZE];
    struct walk_host *host = &p->hosts[port];
    const uint8_t *data = NULL;
    size_t n = pm_port_output(&p->w.ports[port], &data);
    n = n < most ? n : most;
    memcpy(bytes, data, n);
    p->told += n;
    if (n != 0) {
        pm_port_output_ack(&p->w.ports[port], n, p->w.now);
    }
    for (size_t i = 0; i < n; i++) {
        p->sum[port] = (p->sum[port] ^ bytes[i]) * 1099511628211U; /* FNV-1a */
        if (bytes[i] == '\n') {
            size_t len = host->line_len;
            host->line[len > 0 && host->line[len - 1] == '\r' ? len - 1 : len] = '\0';
            take_line(p, host);
            host->line_len = 0;
        } else if (host->line_len < WALK_LINE - 1) {
            host->line[host->line_len++] = (char)bytes[i];
        }
    }
}

/* Offers what the host has to send, as long as the port wants it. */
static void offer(struct walk *p, size_t port)
{
    struct walk_host *host = &p->hosts[port];
    while (host->unsent_len != 0 && pm_port_wants_input(&p->w.ports[port])) {
        size_t n = p->piece != 0 && p->piece < host->unsent_len ? p->piece : host->unsent_len;
        n = pm_port_input(&p->w.ports[port], (const uint8_t *)host->unsent, n, p->w.now);
        host->unsent_len -= n;
        memmove(host->unsent, host->unsent + n, host->unsent_len);
    }
    if (host->unsent_len == 0) {
        pm_port_input_end(&p->w.ports[port], p->w.now);
    }
}

static void type(struct walk *p, size_t port, const char *bytes, size_t len)
{
    struct walk_host *host = &p->hosts[port];
    if (host->unsent_len + len <= sizeof host->unsent) {
        memcpy(host->unsent + host->unsent_len, bytes, len);
        host->unsent_len += len;
        p->typed += len;
    }
    offer(p, port);
}

static void forget(struct walk_host *host)
{
    memset(host, 0, sizeof *host);
}

/* A restart cuts off every host but the one that asked for it. */
static void watch_restart(struct walk *p)
{
    bool off = p->w.module.power_state != 0;
    uint32_t restarts = pm_module_count(&p->w.module).restarts + (off ? 1U : 0U);
    for (size_t i = 0; restarts != p->restarts && i < WALK_PORTS; i++) {
        if (!p->hosts[i].restarts && !p->hosts[i].blind) {
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
    "AT+QFOPEN=\"b\"\r",
    "AT+QFOPEN=\"RAM:a\"\r",
    "AT+QFOPEN=\"RAM:a\",1\r",
    "AT+QFOPEN=\"RAM:a\",2\r",
    "AT+QFOPEN?\r",
    "AT+QFCLOSE=#\r",
    "AT+QFCLOSE=#\r",
    "AT+QFSEEK=#,0\r",
    "AT+QFSEEK=#,70,2;+QFPOSITION=#\r",
    "AT+QFTUCAT=#\r",
    "AT+QFMOV=\"b\",\"RAM:a\",0,1\r",
    "AT+QFMOV=\"RAM:a\",\"b\",1\r",
    "AT+QFMOV=\"RAM:c\",\"RAM:a\"\r",
    "A/",
};

/* One line that may open data mode, send or restart: typed alone. */
static const char *const alone[] = {
    "AT+QSMTPBODY=0,200,20\r",
    "AT+QSMTPBODY=0,10240\r",
    "AT+QSMTPBODY=1,1,60\r",
    "AT+QFUPL=\"RAM:a\",300,3\r",
    "AT+QFUPL=\"b\",5000,4,1\r",
    "AT+QFUPL=\"RAM:c\"\r",
    "AT+QFWRITE=#,600,3\r",
    "AT+QFWRITE=#,600,3\r",
    "AT+QFWRITE=#\r",
    "AT+QFREAD=#\r",
    "AT+QFREAD=#,900\r",
    "AT+QFOPEN=\"b\",1\r",
    "AT+QFDWL=\"RAM:a\"\r",
    "AT+QFDWL=\"b\"\r",
    "AT+QSMTPPUT=60\r",
    "AT+QSMTPPUT=60\r",
    "AT+QSMTPPUT=60\r",
    "AT+QSMTPPUT=90\r",
};

/* Adds a line to what is typed; # is the number of a file that was opened, most likely. */
static size_t add_line(struct walk *p, char *out, size_t size, const char *line)
{
    unsigned back = walk_draw(p, 3);
    unsigned number = p->handle > back ? p->handle - back : 1;
    size_t len = 0;
    for (; *line != '\0'; line++) {
        len += *line == '#' ? (size_t)snprintf(out + len, size - len, "%u", number)
                            : (size_t)snprintf(out + len, size - len, "%c", *line);
    }
    return len;
}

/* True when a host has asked for a restart and has not read its OK. */
static bool restarting(const struct walk *p)
{
    return p->hosts[0].restarts || p->hosts[1].restarts || p->hosts[2].restarts;
}

/* Whatever a blind host has stored, the next lines are answered in words. */
static void restore_look(struct walk *p, size_t port)
{
    if (p->anything && !pm_at_busy(&p->w.ports[port].at)) {
        pm_at_settings_factory(&p->w.ports[port].at.set);
    }
}

/* True when a host waits for nothing, and what it gets can be told. */
static bool may_type(const struct walk *p, size_t port)
{
    const struct walk_host *host = &p->hosts[port];
    return p->w.module.power_state == 0 && host->pending == 0 && host->unsent_len == 0 &&
           !host->blind;
}

/* A host types: one line, or several at once where none of them opens data mode. */
static void command(struct walk *p, size_t port)
{
    struct walk_host *host = &p->hosts[port];
    char text[WALK_LINE];
    unsigned count = walk_draw(p, 6) == 0 ? 3 : 1;
    if (!may_type(p, port)) {
        return;
    }
    restore_look(p, port);
    host->pending = count;
    if (walk_draw(p, 60) == 0 && !restarting(p) && !p->anything) {
        host->pending = 1;
        host->restarts = true;
        host->again = true;
        type(p, port, "AT+CFUN=1,1\r", 12);
    } else if (walk_draw(p, 3) == 0) {
        const char *line = alone[walk_draw(p, sizeof alone / sizeof alone[0])];
        host->pending = 1;
        host->again = false;
        type(p, port, text, add_line(p, text, sizeof text, line));
    } else {
        size_t len = 0;
        for (unsigned i = 0; i < count; i++) {
            uint32_t most = sizeof lines / sizeof lines[0] - (count > 1 || host->again ? 1U : 0U);
            len += add_line(p, text + len, sizeof text - len, lines[walk_draw(p, most)]);
        }
        host->again = false;
        type(p, port, text, len);
    }
}

void walk_table_command(struct walk *p, size_t port)
{
    struct walk_host *host = &p->hosts[port];
    char line[WALK_LINE];
    size_t len = walk_line(p, line, sizeof line);
    if (may_type(p, port)) {
        restore_look(p, port);
        host->pending = 1;
        host->again = false;
        type(p, port, line, len);
        watch_restart(p);
    }
}

void walk_type(struct walk *p, size_t port, const void *bytes, size_t len)
{
    struct walk_host *host = &p->hosts[port];
    if (restarting(p) || (!host->blind && host->pending != 0)) {
        return; /* its results are still counted; who restarts the module must be known */
    }
    host->blind = true;
    p->anything = true;
    type(p, port, bytes, len);
    watch_restart(p);
}

void walk_server_says(struct walk *p, const void *bytes, size_t len)
{
    struct world_server *server = &p->w.server;
    if (server->connected && server->out_len + len <= sizeof server->out) {
        memcpy(server->out + server->out_len, bytes, len);
        server->out_len += len;
    }
}

void walk_pass(struct walk *p, uint64_t ms)
{
    struct world *w = &p->w;
    uint64_t until = w->now + ms;
    for (;;) {
        uint64_t deadline = pm_module_deadline(&w->module);
        if (deadline > until) {
            break;
        }
        walk_check(p, deadline >= w->now, "a deadline has been missed");
        w->now = deadline;
        pm_module_tick(&w->module, w->now);
        walk_check(p, pm_module_deadline(&w->module) > w->now, "a deadline does not go away");
        watch_restart(p);
    }
    w->now = until;
    pm_module_tick(&w->module, w->now);
}

static void upload(struct walk *p, size_t port)
{
    static const char bytes[700] = {0};
    char data[sizeof bytes];
    memset(data, 'd', sizeof data);
    if (walk_draw(p, 5) == 0) {
        walk_pass(p, 1100);
        type(p, port, "+++", 3);
        walk_pass(p, 1100);
    } else {
        type(p, port, data, 1 + walk_draw(p, sizeof data));
    }
}

/* The next host of the port finds it as it knows it, whatever a blind one has set. */
static void leave(struct walk *p, size_t port)
{
    if (p->hosts[port].blind) {
        pm_at_settings_factory(&p->w.ports[port].at.set);
    }
    forget(&p->hosts[port]);
    pm_port_lost(&p->w.ports[port], p->w.now);
}

/* Delivers what the server says. The world must not end operations, which are lent to. */
static void serve(struct walk *p)
{
    bool async = p->w.async;
    if (p->w.op_count == 0) {
        p->w.async = false;
        world_run(&p->w);
        p->w.async = async;
    }
}

static void environment(struct walk *p)
{
    static const uint16_t jumps[] = {0, 1, 9, 25, 400, 1500, 6000, 31000};
    static const enum world_fault faults[] = {
        WORLD_OK,     WORLD_OK,          WORLD_OK,           WORLD_NO_HOST,    WORLD_NO_CONNECT,
        WORLD_NO_TLS, WORLD_SILENT,      WORLD_CLOSE_DATA,   WORLD_REFUSE_ONE, WORLD_BUSY,
        WORLD_STUCK,  WORLD_NO_STARTTLS, WORLD_BAD_PASSWORD,
    };
    struct world *w = &p->w;
    switch (walk_draw(p, 9)) {
    case 0: w->fail_at = p->steady ? 0 : w->calls + 1 + walk_draw(p, 12); break;
    case 1: w->server.fault = faults[walk_draw(p, sizeof faults / sizeof faults[0])]; break;
    case 2: w->async = walk_draw(p, 3) != 0 && !p->steady; break;
    case 3: w->server.send_limit = walk_draw(p, 2) * (1 + walk_draw(p, 500)); break;
    case 4: serve(p); break;
    case 5:
        if (walk_draw(p, 12) == 0) {
            pm_module_mail_abort(&w->module, w->now);
        }
        break;
    default: walk_pass(p, jumps[walk_draw(p, sizeof jumps / sizeof jumps[0])]); break;
    }
}

void walk_step(struct walk *p)
{
    struct world *w = &p->w;
    size_t port = walk_draw(p, WALK_PORTS);
    switch (walk_draw(p, 8)) {
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
        listen(p, port, walk_draw(p, 4) == 0 ? 7 : PM_AT_OUT_SIZE);
        offer(p, port);
        break;
    case 4:
    case 5:
        if (w->op_count != 0) {
            finish_op(p, walk_draw(p, (uint32_t)w->op_count));
        }
        break;
    case 6: environment(p); break;
    default:
        if (walk_draw(p, 12) == 0) {
            leave(p, port);
        } else if (walk_draw(p, 6) == 0) {
            pm_port_dtr(&w->ports[port], walk_draw(p, 2) == 0, w->now);
        }
        break;
    }
    watch_restart(p);
}

/* ---- The end ------------------------------------------------------------------------ */

/* The world does its best, hosts read everything. */
static void calm(struct walk *p, uint64_t ms)
{
    struct world *w = &p->w;
    for (uint64_t end = w->now + ms; w->now < end;) {
        for (unsigned i = 0; i < 200; i++) {
            if (w->op_count != 0) {
                finish_op(p, 0);
            } else {
                serve(p);
            }
            for (size_t port = 0; port < WALK_PORTS; port++) {
                listen(p, port, PM_AT_OUT_SIZE);
                offer(p, port);
            }
            watch_restart(p);
        }
        walk_pass(p, ms / 4 + 1);
        watch_restart(p);
    }
}

static bool settled(const struct walk *p)
{
    for (size_t port = 0; port < WALK_PORTS; port++) {
        if (p->hosts[port].pending != 0 || p->hosts[port].unsent_len != 0 ||
            !pm_port_wants_input(&p->w.ports[port]) || pm_at_busy(&p->w.ports[port].at)) {
            return false;
        }
    }
    return p->w.op_count == 0 && !pm_module_mail_running(&p->w.module) &&
           p->w.module.power_state == 0;
}

static void settle(struct walk *p)
{
    p->w.fail_at = 0;
    p->w.server.fault = WORLD_OK;
    for (size_t port = 0; port < WALK_PORTS; port++) {
        if (p->hosts[port].blind) {
            leave(p, port);
        }
    }
    for (unsigned i = 0; i < SETTLE_MOST && !settled(p); i++) {
        calm(p, 20000);
    }
    walk_check(p, settled(p), "something never ends");
    for (size_t port = 0; port < WALK_PORTS; port++) {
        restore_look(p, port);
        p->hosts[port].pending = 1;
        type(p, port, "\rAT+QSMTPCLR\r", 13);
        calm(p, 4000);
        walk_check(p, p->hosts[port].pending == 0, "AT is not answered");
    }
}

/* What a mail needs, now and then, so that some are sent. */
void walk_preset(struct walk *p)
{
    struct pm_module *m = &p->w.module;
    (void)pm_module_preset(m, "smtpserver", "mail.example", NULL, 25, false);
    (void)pm_module_preset(m, "sender", "Module", "module@example.com", 0, false);
    p->w.server.fault = WORLD_OK;
}

/* What the owner decides about mail: nothing, where it goes, or who gets it. */
static void draw_policy(struct walk *p)
{
    struct pm_module_config *config = &p->w.config;
    struct pm_mail_policy *policy = &config->policy;
    uint32_t kind = walk_draw(p, 4);
    config->reuse_seconds = walk_draw(p, 2) * 5;
    if (kind == 1) {
        policy->server = "relay.example";
        policy->port = 587;
        policy->tls = PM_POLICY_STARTTLS;
        policy->username = "relay";
        policy->password = "K1:tr!cky-pass";
        policy->from = "plant@example.com";
    } else if (kind == 2) {
        policy->allow_recipients = "@example.com, someone@example.org";
        policy->allow_senders = "module@example.com";
        policy->rate_mails = 2;
        policy->rate_seconds = 60;
    } else if (kind == 3) {
        policy->require_tls = true;
        policy->notify = PM_SMTP_NOTIFY_FAILURE;
    }
}

static void draw_settings(struct walk *p)
{
    struct pm_module_config *config = &p->w.config;
    config->qiact_delay = walk_draw(p, 2) * 700;
    config->connect_delay = walk_draw(p, 3) * 10;
    config->power_on_delay = walk_draw(p, 2) * 2000;
    if (p->steady && config->power_on_delay == 0) {
        config->power_on_delay = 1; /* else it starts again between two pieces */
    }
    uint32_t habits = walk_draw(p, 4);
    config->lenient = habits == 0;
    config->urc_gap = habits < 2 ? 0 : config->urc_gap;
    config->limits = walk_draw(p, 2) == 0 ? PM_LIMITS_STRICT : PM_LIMITS_WIDE;
    config->recipients = walk_draw(p, 2) == 0 ? PM_RECIPIENTS_ALL : PM_RECIPIENTS_ANY;
    config->sim = walk_draw(p, 8) == 7 ? PM_SIM_PIN : PM_SIM_READY;
    config->registration = walk_draw(p, 8) == 7 ? 0 : 1;
    config->boot_delay = walk_draw(p, 2) != 0;
    config->qiact_again_ok = walk_draw(p, 2) != 0;
    config->upl_crlf = (uint8_t)walk_draw(p, 3);
    config->active_at_start = 1;
    draw_policy(p);
}

void walk_begin(struct walk *p)
{
    struct world *w = &p->w;
    world_init(w);
    walk_platform(p);
    draw_settings(p);
    w->async = walk_draw(p, 2) == 0 && !p->steady;
    world_begin(w, WALK_PORTS);
    for (size_t port = 0; port < WALK_PORTS; port++) {
        w->ports[port].boot_urcs = walk_draw(p, 3) == 0;
    }
}

void walk_end(struct walk *p)
{
    settle(p);
    const char *failed = world_end(&p->w);
    walk_check(p, *failed == '\0', failed);
}
