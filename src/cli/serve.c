/* SPDX-License-Identifier: MIT */
/* `postmodem serve`: options, ready lines, and the daemon between them. */
#include "cli/serve.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/configuration.h"
#include "host/daemon.h"
#include "host/harden.h"
#include "host/port.h"

enum {
    OPTION_PTY = 256,
    OPTION_SERIAL,
    OPTION_TCP,
    OPTION_RFC2217,
    OPTION_STDIO,
    OPTION_CONFIG,
    OPTION_SET,
    OPTION_STATE,
    OPTION_CATCH,
    OPTION_TRACE,
    OPTION_LOG,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"pty", required_argument, NULL, OPTION_PTY},
    {"serial", required_argument, NULL, OPTION_SERIAL},
    {"tcp", required_argument, NULL, OPTION_TCP},
    {"rfc2217", required_argument, NULL, OPTION_RFC2217},
    {"stdio", no_argument, NULL, OPTION_STDIO},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"set", required_argument, NULL, OPTION_SET},
    {"state", required_argument, NULL, OPTION_STATE},
    {"catch", required_argument, NULL, OPTION_CATCH},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"log", required_argument, NULL, OPTION_LOG},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void print_keys(void)
{
    for (size_t i = 0; i < pm_config_key_count; i++) {
        const struct pm_config_key *key = &pm_config_keys[i];
        char allowed[200];
        pm_config_allowed(key, allowed, sizeof allowed);
        printf("  %s = %s%s%s%s\n      %s\n", key->name, allowed,
               *key->preset != '\0' ? " (default " : "", key->preset,
               *key->preset != '\0' ? ")" : "", key->help);
    }
}

static void print_help(void)
{
    puts("postmodem serve: answers AT commands on its ports\n"
         "\n"
         "Ports; at least one is needed, each may be given several times but --stdio:\n"
         "  --pty LINK                    a pty, and a symbolic link to it\n"
         "  --serial DEV[,BAUD[,rtscts]]  a serial line, 115200 8N1 unless told otherwise\n"
         "  --tcp ADDR:PORT               a TCP listener; without ADDR the loopback, port 0: any\n"
         "  --rfc2217 ADDR:PORT           a TCP listener for serial ports over the network\n"
         "  --stdio                       standard input and output\n"
         "\n"
         "Operation:\n"
         "  --state DIR      keep files and profiles in DIR; without it they vanish at exit\n"
         "  --catch DIR      every mail becomes a file of the Maildir DIR; no network is touched\n"
         "  --config FILE    read settings from FILE\n"
         "  --set KEY=VALUE  change one setting (NAME:KEY=VALUE that of one module); later ones "
         "win,\n"
         "                   and all win over the file\n"
         "  --trace FILE     write every byte of the ports and every SMTP line, without passwords\n"
         "  --log LEVEL      error, warning, info or debug\n"
         "  --help           this text\n"
         "\n"
         "Keys:");
    print_keys();
}

/* The key that an option is another word for; NULL: it is none. */
static const char *key_of(int option)
{
    switch (option) {
    case OPTION_STATE: return "state";
    case OPTION_CATCH: return "catch";
    case OPTION_TRACE: return "trace";
    case OPTION_LOG: return "log";
    default: return NULL;
    }
}

static bool apply_option(struct pm_configuration *configuration, int option, const char *value,
                         char *err, size_t err_size)
{
    switch (option) {
    case OPTION_PTY:
        return pm_configuration_add_port(configuration, PM_TERMINAL_PTY, value, err, err_size);
    case OPTION_SERIAL:
        return pm_configuration_add_port(configuration, PM_TERMINAL_SERIAL, value, err, err_size);
    case OPTION_TCP:
        return pm_configuration_add_port(configuration, PM_TERMINAL_TCP, value, err, err_size);
    case OPTION_RFC2217:
        return pm_configuration_add_port(configuration, PM_TERMINAL_RFC2217, value, err, err_size);
    case OPTION_STDIO:
        return pm_configuration_add_port(configuration, PM_TERMINAL_STDIO, "on", err, err_size);
    case OPTION_SET: return pm_configuration_assign(configuration, value, err, err_size);
    case OPTION_CONFIG: return true; /* read before all others */
    default: return pm_configuration_set(configuration, key_of(option), value, err, err_size);
    }
}

/* How a walk along the command line ends. */
enum outcome { GOES_ON, HELP_WANTED, IS_WRONG };

/* Walks the command line: once for the files (`files`), then for what wins over them. */
static enum outcome walk(int argc, char **argv, bool files, struct pm_configuration *configuration,
                         char *err, size_t err_size)
{
    char why[600];
    int option;
    int index = 0;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", long_options, &index)) != -1) {
        if (option == OPTION_HELP) {
            return HELP_WANTED;
        }
        if (option == ':' || option == '?') {
            snprintf(err, err_size, "%s %.80s (postmodem serve --help lists the options)",
                     option == ':' ? "a value is missing after" : "unknown option",
                     argv[optind - 1]);
            return IS_WRONG;
        }
        if (files && option == OPTION_CONFIG &&
            !pm_configuration_read(configuration, optarg, err, err_size)) {
            return IS_WRONG;
        }
        if (!files && !apply_option(configuration, option, optarg, why, sizeof why)) {
            snprintf(err, err_size, "--%s: %s", long_options[index].name, why);
            return IS_WRONG;
        }
    }
    if (optind < argc) {
        snprintf(err, err_size, "unexpected argument %.80s", argv[optind]);
        return IS_WRONG;
    }
    return GOES_ON;
}

static bool every_module_has_ports(const struct pm_configuration *configuration, char *err,
                                   size_t err_size)
{
    for (size_t i = 0; i < configuration->count; i++) {
        const struct pm_options *options = configuration->modules[i]->options;
        if (options->port_count == 0) {
            snprintf(err, err_size, "%s%sno port: give %s", options->name,
                     *options->name != '\0' ? ": " : "",
                     *options->name != '\0' ? "port.1.tcp or the like"
                                            : "--pty, --serial, --tcp, --rfc2217 or --stdio");
            return false;
        }
    }
    return true;
}

/* From the command line, and the files that it names, to a finished configuration. */
static enum outcome load(int argc, char **argv, struct pm_configuration *configuration, char *err,
                         size_t err_size)
{
    enum outcome outcome = walk(argc, argv, true, configuration, err, err_size);
    if (outcome == GOES_ON) {
        outcome = walk(argc, argv, false, configuration, err, err_size);
    }
    if (outcome == GOES_ON && (!pm_configuration_finish(configuration, err, err_size) ||
                               !every_module_has_ports(configuration, err, err_size))) {
        outcome = IS_WRONG;
    }
    return outcome;
}

/* ---- The daemon --------------------------------------------------------------------- */

struct serving {
    int argc;
    char **argv;
    FILE *out; /* for the ready lines: standard output, unless that is a port */
};

static FILE *output_for(const struct pm_daemon *daemon)
{
    for (const struct pm_daemon_module *m = daemon->modules; m != NULL; m = m->next) {
        for (const struct pm_terminal *t = m->host.terminals; t != NULL; t = t->next) {
            if (t->ops == &pm__terminal_stdio) {
                return stderr;
            }
        }
    }
    return stdout;
}

static void print_ready(void *user, const struct pm_daemon_module *module)
{
    const struct serving *serving = user;
    char text[400];
    for (const struct pm_terminal *t = module->host.terminals; t != NULL; t = t->next) {
        pm_terminal_ready(t, text, sizeof text);
        fprintf(serving->out, "ready %s\n", text);
    }
    (void)fflush(serving->out);
}

static bool reload(void *user, struct pm_configuration *configuration, char *err, size_t err_size)
{
    const struct serving *serving = user;
    return load(serving->argc, serving->argv, configuration, err, err_size) == GOES_ON;
}

static bool start(struct pm_daemon *daemon, struct pm_configuration *configuration)
{
    char err[600];
    if (configuration->secret_in_file) {
        pm_log_printf(&daemon->log, PM_LOG_WARNING, PM_SECRET_IN_FILE);
    }
    for (size_t i = 0; i < configuration->count; i++) {
        if (pm_daemon_add(daemon, pm_configuration_take(configuration, i), err, sizeof err) ==
            NULL) {
            pm_complain("%s", err);
            return false;
        }
    }
    return true;
}

static bool say_ready(const struct pm_daemon *daemon, struct serving *serving)
{
    serving->out = output_for(daemon);
    for (const struct pm_daemon_module *m = daemon->modules; m != NULL; m = m->next) {
        print_ready(serving, m);
    }
    if (ferror(serving->out)) {
        pm_complain("standard output cannot be written");
        return false;
    }
    return true;
}

/* Takes the configuration over: it is freed before the long run. */
static int serve(struct serving *serving, struct pm_configuration *configuration)
{
    char err[600] = "";
    struct pm_daemon daemon;
    const struct pm_daemon_calls calls = {serving, reload, print_ready};
    if (!pm_harden(err, sizeof err) || !pm_daemon_reserve(configuration, err, sizeof err) ||
        !pm_daemon_init(&daemon, (enum pm_log_level)configuration->log, err, sizeof err)) {
        pm_complain("%s", err);
        pm_configuration_free(configuration);
        return PM_EXIT_FAILURE;
    }
    bool started = start(&daemon, configuration);
    pm_configuration_free(configuration);
    pm_daemon_hold(SIG_BLOCK, true);
    started = started && say_ready(&daemon, serving);
    if (started) {
        pm_daemon_run(&daemon, &calls);
    }
    pm_daemon_end(&daemon);
    return started ? PM_EXIT_OK : PM_EXIT_FAILURE;
}

int pm_cli_serve(int argc, char **argv)
{
    struct pm_configuration configuration;
    struct serving serving = {.argc = argc, .argv = argv};
    char err[700];
    pm_configuration_init(&configuration);
    enum outcome outcome = load(argc, argv, &configuration, err, sizeof err);
    if (outcome == GOES_ON) {
        return serve(&serving, &configuration);
    }
    pm_configuration_free(&configuration);
    if (outcome == HELP_WANTED) {
        print_help();
        return PM_EXIT_OK;
    }
    pm_complain("%s", err);
    return PM_EXIT_USAGE;
}
