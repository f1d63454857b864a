/* SPDX-License-Identifier: MIT */
/* A module without a host: the program types what sends one mail, and tells what happens. */
#include "cli/send_test.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/escape.h"
#include "cli/send_test_explain.h"
#include "cli/serve.h"
#include "host/daemon.h"
#include "host/harden.h"
#include "postmodem/address.h"

/* Seconds that the mail may take. */
#define PATIENCE 120

#define COMMANDS 9
#define BODY                                                                        \
    "This is a test of Postmodem: `postmodem send-test` has sent it on the way\r\n" \
    "that mail of its hosts takes.\r\n"

struct send_test {
    struct pm_daemon daemon;
    struct pm_daemon_module *module;
    struct pm_port port;
    uv_prepare_t prepare;
    char commands[COMMANDS][700];
    size_t step;
    char got[1024]; /* since the last command, the latest part */
    size_t len;
    bool finished;
    bool secret_in_file; /* of struct pm_configuration */
    unsigned error, reply;
};

struct wanted {
    const char *config, *module, *to;
    bool help;
};

/* ---- The dialogue ------------------------------------------------------------------- */

static void take_output(struct send_test *test)
{
    const uint8_t *data = NULL;
    size_t n;
    while ((n = pm_port_output(&test->port, &data)) != 0) {
        size_t used = n;
        if (test->len + n > sizeof test->got - 1) { /* nothing so long is waited for */
            test->len = 0;
            n = n > sizeof test->got - 1 ? sizeof test->got - 1 : n;
        }
        memcpy(test->got + test->len, data, n);
        test->len += n;
        test->got[test->len] = '\0';
        pm_port_output_ack(&test->port, used, pm_host_now(&test->module->host));
    }
}

static void finish(struct send_test *test)
{
    test->finished = true;
    uv_stop(&test->daemon.loop);
}

static void type(struct send_test *test)
{
    const char *text = test->commands[test->step++];
    struct pm_host_module *host = &test->module->host;
    test->len = 0;
    test->got[0] = '\0';
    (void)pm_port_input(&test->port, (const uint8_t *)text, strlen(text), pm_host_now(host));
    pm_host_pump(host);
}

/* What was typed last has been answered as it should. */
static bool answered(const struct send_test *test)
{
    bool body = strncmp(test->commands[test->step - 1], "AT+QSMTPBODY", 12) == 0;
    return strstr(test->got, body ? "\r\nCONNECT\r\n" : "\r\nOK\r\n") != NULL;
}

/* "<error>[,<reply>]" behind `mark`. Only the commands of contexts fail without a number. */
static void read_result(struct send_test *test, const char *mark)
{
    const char *text = strstr(test->got, mark);
    char *end = NULL;
    test->error = PM_MAIL_CONTEXT;
    if (text != NULL) {
        text += strlen(mark);
        test->error = (unsigned)strtoul(text, &end, 10);
        test->reply = *end == ',' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
    }
    finish(test);
}

static void drive(struct send_test *test)
{
    const char *result;
    take_output(test);
    while (!test->finished && test->step < COMMANDS && answered(test)) {
        type(test);
        take_output(test);
    }
    result = strstr(test->got, "+QSMTPPUT: ");
    if (result != NULL && strchr(result, '\n') != NULL) {
        read_result(test, "+QSMTPPUT: ");
    } else if (strstr(test->got, "ERROR") != NULL) {
        read_result(test, "+CME ERROR: ");
    }
}

static void on_turn(uv_prepare_t *prepare)
{
    struct send_test *test = prepare->data;
    if (!test->finished && !test->daemon.leaving) {
        drive(test);
    }
}

/* ---- What is typed ------------------------------------------------------------------ */

static const char *sender_of(const struct pm_options *options)
{
    return *options->smtp.sender_email != '\0' ? options->smtp.sender_email : options->mail.from;
}

/* A host must name a server; with the owner's relay any name will do, and none is asked for it. */
static const char *server_of(const struct pm_options *options)
{
    return *options->smtp.server != '\0' ? options->smtp.server : "send-test.invalid";
}

/* A sender that is preset is not typed: its name may hold what cannot be. */
static void write_account(const struct pm_options *options, char *out, size_t room)
{
    bool preset = *options->smtp.sender_email != '\0';
    snprintf(out, room, "AT+QSMTPCFG=\"smtpserver\",\"%s\",%u%s%s%s\r", server_of(options),
             options->smtp.port, preset ? "" : ";+QSMTPCFG=\"sender\",\"\",\"",
             preset ? "" : options->mail.from, preset ? "" : "\"");
}

static void write_commands(struct send_test *test, const struct pm_options *options, const char *to)
{
    const size_t room = sizeof test->commands[0];
    unsigned context = options->smtp.contextid;
    const struct pm_pdp_setting *pdp = &options->pdp[context - 1];
    size_t n = 0;
    snprintf(test->commands[n++], room, "ATE0\r");
    snprintf(test->commands[n++], room, "AT+QICSGP=%u,%u,\"%s\"\r", context,
             pdp->type != 0 ? pdp->type : 1U, pdp->apn);
    snprintf(test->commands[n++], room, "AT+QIACT=%u\r", context);
    write_account(options, test->commands[n++], room);
    snprintf(test->commands[n++], room, "AT+QSMTPDST=1,1,\"%s\"\r", to);
    snprintf(test->commands[n++], room, "AT+QSMTPSUB=0,\"Postmodem test\"\r");
    snprintf(test->commands[n++], room, "AT+QSMTPBODY=0,%zu,60\r", strlen(BODY));
    snprintf(test->commands[n++], room, "%s", BODY);
    snprintf(test->commands[n], room, "AT+QSMTPPUT=%d\r", PATIENCE);
}

/* The module is as configured where mail is concerned, and ready at once for the rest. */
static void prepare_options(struct pm_options *options)
{
    struct pm_module_config *config = &options->module;
    options->port_count = 0;
    options->state_dir = options->state_base = options->sd_dir = options->trace = "";
    options->drain_seconds = 0;
    options->mail.alarm_seconds = 0;
    options->log = PM_LOG_DEBUG;
    config->sim = PM_SIM_READY;
    config->registration = 1;
    config->register_delay = config->qiact_delay = 0;
    config->boot_delay = false;
    config->active_at_start = 0;
    config->reuse_seconds = 0;
    config->limits = PM_LIMITS_WIDE;
}

/* ---- The run ------------------------------------------------------------------------ */

static void show_line(void *user, bool sent, const uint8_t *line, size_t len)
{
    (void)user;
    printf("   %s ", sent ? ">" : "<");
    for (size_t i = 0; i < len; i++) {
        /* What a terminal might take for a command, C1 controls too, is spelled out. */
        char shown[PM__ESCAPE_MAX];
        fwrite(shown, 1, pm__escape(line[i], shown), stdout);
    }
    putchar('\n');
}

static bool begin(struct send_test *test, struct pm_options *options, char *err, size_t err_size)
{
    if (!pm_daemon_init(&test->daemon, PM_LOG_WARNING, err, err_size)) {
        pm_options_delete(options);
        return false;
    }
    if (test->secret_in_file) {
        pm_log_printf(&test->daemon.log, PM_LOG_WARNING, PM_SECRET_IN_FILE);
    }
    test->module = pm_daemon_add(&test->daemon, options, err, err_size);
    if (test->module == NULL) {
        pm_daemon_end(&test->daemon);
        return false;
    }
    struct pm_host_module *host = &test->module->host;
    test->module->log.file = stdout;
    test->module->log.journal = false;
    host->platform.trace = show_line;
    pm_port_init(&test->port, &host->module, "sendtest", false, false, pm_host_now(host));
    uv_prepare_init(&test->daemon.loop, &test->prepare);
    test->prepare.data = test;
    uv_prepare_start(&test->prepare, on_turn);
    return true;
}

static int run(struct send_test *test, struct pm_options *options, const char *to)
{
    static const struct pm_daemon_calls calls = {0};
    char err[600] = "";
    pm__send_test_plan(stdout, options, sender_of(options), to);
    prepare_options(options);
    write_commands(test, options, to);
    if (!pm_harden(err, sizeof err) || !begin(test, options, err, sizeof err)) {
        pm_complain("%s", err);
        return PM_EXIT_FAILURE;
    }
    printf("2. What happens (> is sent, < is received)\n");
    type(test);
    pm_daemon_run(&test->daemon, &calls);
    uv_close((uv_handle_t *)&test->prepare, NULL);
    printf("3. Result\n");
    if (test->finished) {
        pm__send_test_result(stdout, (uint16_t)test->error, (uint16_t)test->reply);
    } else {
        printf("   Interrupted.\n");
    }
    pm_daemon_end(&test->daemon);
    return test->finished && test->error == 0 ? PM_EXIT_OK : PM_EXIT_FAILURE;
}

/* ---- The command line ------------------------------------------------------------------- */

static int help(void)
{
    puts("postmodem send-test --config FILE [--module NAME] --to ADDRESS\n"
         "\n"
         "Sends one mail on the way that the configuration describes, and explains each step.\n"
         "\n"
         "  --config FILE  the configuration\n"
         "  --module NAME  the module whose way is tried, where there are several\n"
         "  --to ADDRESS   who gets the mail\n"
         "\n"
         "Succeeds when a server has taken the mail.");
    return PM_EXIT_OK;
}

static bool refuse(char *err, size_t err_size, const char *text, const char *what)
{
    snprintf(err, err_size, "%s%.80s", text, what);
    return false;
}

static bool read_line(int argc, char **argv, struct wanted *wanted, char *err, size_t err_size)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"module", required_argument, NULL, 'm'},
                                            {"to", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (option) {
        case 'c': wanted->config = optarg; break;
        case 'm': wanted->module = optarg; break;
        case 't': wanted->to = optarg; break;
        case 'h': wanted->help = true; return true;
        case ':': return refuse(err, err_size, "a value is missing after ", argv[optind - 1]);
        default: return refuse(err, err_size, "unknown option ", argv[optind - 1]);
        }
    }
    if (optind < argc) {
        return refuse(err, err_size, "unexpected argument ", argv[optind]);
    }
    if (wanted->config == NULL || wanted->to == NULL) {
        return refuse(err, err_size, wanted->config == NULL ? "--config FILE" : "--to ADDRESS",
                      " is missing");
    }
    return true;
}

static bool find_module(struct pm_configuration *configuration, const char *name, size_t *place,
                        char *err, size_t err_size)
{
    if (name == NULL && configuration->count > 1) {
        return refuse(err, err_size, "there are several modules: ", "name one with --module");
    }
    *place = name == NULL ? 0 : pm_configuration_find(configuration, name);
    return *place < configuration->count || refuse(err, err_size, "no such module: ", name);
}

static bool load(const struct wanted *wanted, struct pm_configuration *configuration, size_t *place,
                 char *err, size_t err_size)
{
    if (!pm_address_valid(pm__slice(wanted->to)) || strchr(wanted->to, '"') != NULL) {
        return refuse(err, err_size, "not a mail address: ", wanted->to);
    }
    if (!pm_configuration_read(configuration, wanted->config, err, err_size) ||
        !pm_configuration_finish(configuration, err, err_size) ||
        !find_module(configuration, wanted->module, place, err, err_size)) {
        return false;
    }
    const struct pm_options *options = configuration->modules[*place]->options;
    if (*options->smtp.server == '\0' && *options->mail.override_server == '\0') {
        return refuse(err, err_size, "the configuration names no server: ",
                      "set mail.override_server or smtp.server");
    }
    if (*sender_of(options) == '\0') {
        return refuse(err, err_size,
                      "the configuration names no sender: ", "set mail.from or smtp.sender_email");
    }
    return true;
}

int pm_cli_send_test(int argc, char **argv)
{
    static struct send_test test; /* large for a stack: it holds a port */
    struct pm_configuration configuration;
    struct wanted wanted = {0};
    char err[700] = "";
    size_t place = 0;
    if (!read_line(argc, argv, &wanted, err, sizeof err)) {
        pm_complain("%s (postmodem send-test --help lists the options)", err);
        return PM_EXIT_USAGE;
    }
    if (wanted.help) {
        return help();
    }
    pm_configuration_init(&configuration);
    bool good = load(&wanted, &configuration, &place, err, sizeof err);
    struct pm_options *options = good ? pm_configuration_take(&configuration, place) : NULL;
    test.secret_in_file = configuration.secret_in_file;
    pm_configuration_free(&configuration);
    if (!good) {
        pm_complain("%s", err);
        return PM_EXIT_USAGE;
    }
    int status = run(&test, options, wanted.to);
    return fflush(stdout) != 0 || ferror(stdout) != 0 ? PM_EXIT_FAILURE : status;
}
