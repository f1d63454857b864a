/* SPDX-License-Identifier: MIT */
/* `postmodem play`: options, one play after the other, and what came of them. */
#include "cli/play.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/serve.h"
#include "host/idna.h"
#include "host/log.h"
#include "play/directives.h"
#include "play/junit.h"
#include "play/live.h"
#include "play/transcript.h"

/* By default answers on a line may take this much longer than the transcript says, ms. */
#define SLACK_MS    1000U
#define NUMBER_MOST 1000000UL

enum {
    OPTION_PORT = 256,
    OPTION_ALL_CUTS,
    OPTION_TAGS,
    OPTION_SLACK,
    OPTION_KEEP_GOING,
    OPTION_LONGEST,
    OPTION_HAVE,
    OPTION_BEFORE,
    OPTION_JUNIT,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPTION_PORT},
    {"all-cuts", no_argument, NULL, OPTION_ALL_CUTS},
    {"tags", required_argument, NULL, OPTION_TAGS},
    {"slack", required_argument, NULL, OPTION_SLACK},
    {"keep-going", no_argument, NULL, OPTION_KEEP_GOING},
    {"longest", required_argument, NULL, OPTION_LONGEST},
    {"have", required_argument, NULL, OPTION_HAVE},
    {"before", required_argument, NULL, OPTION_BEFORE},
    {"junit", required_argument, NULL, OPTION_JUNIT},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

struct play {
    struct transcript_rules rules;
    struct live_options live;
    bool all_cuts;
    bool slack_given;
    const char *junit;
    bool help;
};

static void print_help(void)
{
    puts("postmodem play FILE.at...: types transcripts and compares every byte of the answers\n"
         "\n"
         "Without --port each is played on a module inside this process, in virtual time, with\n"
         "what is typed cut into pieces in several ways.\n"
         "\n"
         "  --port pty|tcp|rfc2217       a module of its own for each transcript, with the\n"
         "                               settings that it asks for, in real time\n"
         "  --port DEV[,BAUD[,rtscts]]   the module at a serial line, 115200 8N1\n"
         "  --port tcp:HOST:PORT         the module behind a TCP port\n"
         "  --port rfc2217:HOST:PORT     the module behind a terminal server\n"
         "                               several times: its second and third port\n"
         "  --all-cuts       every cut of the first 4096 typed bytes (without --port)\n"
         "  --tags LIST      judge only expectations with these tags (manual, device, inferred);\n"
         "                   other differences are notes\n"
         "  --keep-going     report all differences of a transcript, not the first only\n"
         "  --slack MS       time bounds are so much longer on a line (default 1000)\n"
         "  --longest S      skip those whose `wait` and `after` lines come to more than S\n"
         "                   seconds (on a line); `within` does not count\n"
         "  --have KEY=VALUE the module at the port is set up so, as transcripts ask with `set`;\n"
         "                   no other keys and values\n"
         "  --before LINE    type this command line before each transcript; its answer is not\n"
         "                   judged (on a line)\n"
         "  --junit FILE     write the results as JUnit XML\n"
         "  --help           this text\n"
         "\n"
         "Status 0: all were met, but for those that ask for what the port does not have (skip);\n"
         "1: one was not met, or none could be played; 2: the command line is wrong.\n"
         "docs/transcripts.md describes the format.");
}

static int complain(const char *what, const char *why)
{
    pm_complain("%s%s (postmodem play --help lists the options)", what, why);
    return PM_EXIT_USAGE;
}

static int complain_of_value(const char *value, const char *why)
{
    char reason[400];
    (void)snprintf(reason, sizeof reason, "%s%s%s", value, *why != '\0' ? ": " : "", why);
    return complain("this does not fit its option: ", reason);
}

/* ---- Options ---------------------------------------------------------------------------- */

static bool set_tags(struct play *play, const char *list)
{
    play->rules.tags = 0;
    for (;;) {
        size_t n = strcspn(list, ",");
        unsigned tag = transcript_tag_of(list, n);
        play->rules.tags |= tag;
        if (tag == 0 || list[n] == '\0') {
            return tag != 0;
        }
        list += n + 1;
    }
}

static bool set_number(unsigned *number, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *number = (unsigned)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value <= NUMBER_MOST;
}

static bool add(const char **list, size_t *count, size_t most, const char *value)
{
    if (*count == most) {
        return false;
    }
    list[(*count)++] = value;
    return true;
}

/* "KEY=VALUE" must be what a transcript can ask for: nothing else would ever be had. */
static bool add_have(struct play *play, const char *value, char *err, size_t size)
{
    char pair[200];
    const char *equals = strchr(value, '=');
    if (equals == NULL) {
        (void)snprintf(err, size, "it is KEY=VALUE");
        return false;
    }
    (void)snprintf(pair, sizeof pair, "%.*s %s", (int)(equals - value), value, equals + 1);
    return transcript_setting_check(pair, err, size) &&
           add(play->live.have, &play->live.have_count, LIVE_HAVE, value);
}

/* False: the value does not fit; `err` says why where there is more to say. */
static bool apply(struct play *play, int option, const char *value, char *err, size_t size)
{
    switch (option) {
    case OPTION_PORT:
        return live_check_port(value, err, size) &&
               add(play->live.ports, &play->live.port_count, LIVE_PORTS, value);
    case OPTION_HAVE: return add_have(play, value, err, size);
    case OPTION_BEFORE: return add(play->live.before, &play->live.before_count, LIVE_BEFORE, value);
    case OPTION_TAGS: return set_tags(play, value);
    case OPTION_SLACK: play->slack_given = true; return set_number(&play->rules.slack, value);
    case OPTION_LONGEST: return set_number(&play->live.longest, value);
    case OPTION_ALL_CUTS: play->all_cuts = true; return true;
    case OPTION_KEEP_GOING: play->rules.keep_going = true; return true;
    case OPTION_JUNIT: play->junit = value; return true;
    default: play->help = true; return true;
    }
}

/* What does not go together; NULL: it does. */
static const char *conflict(const struct play *play)
{
    bool own = live_starts_module(&play->live);
    for (size_t i = 0; i < play->live.port_count && !own; i++) {
        if (live_is_kind(play->live.ports[i])) {
            return "a module of its own is the only --port";
        }
    }
    if (play->live.port_count != 0 && play->all_cuts) {
        return "--all-cuts is for virtual time, without --port";
    }
    if (play->live.port_count == 0 &&
        (play->slack_given || play->live.before_count != 0 || play->live.longest != 0)) {
        return "--slack, --before and --longest are for real lines, with --port";
    }
    if ((play->live.port_count == 0 || own) && play->live.have_count != 0) {
        return "--have tells of a module at a port of its own";
    }
    return NULL;
}

/* Returns an exit status, or -1 to go on. */
static int read_options(struct play *play, int argc, char **argv)
{
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == ':' || option == '?') {
            return complain(option == ':' ? "a value is missing after " : "unknown option ",
                            argv[optind - 1]);
        }
        char err[300] = "";
        if (!apply(play, option, optarg, err, sizeof err)) {
            return complain_of_value(optarg, err);
        }
    }
    if (play->help) {
        print_help();
        return PM_EXIT_OK;
    }
    const char *why = conflict(play);
    if (why != NULL) {
        return complain(why, "");
    }
    return optind < argc ? -1 : complain("no transcript", "");
}

/* ---- Plays ------------------------------------------------------------------------------ */

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void play_one(const struct play *play, struct play_result *result)
{
    struct transcript t;
    struct play_report *report = &result->report;
    double start = seconds_now();
    play_report_begin(report);
    if (!transcript_load(&t, result->path)) {
        play_report_error(report, t.error);
    } else if (play->live.port_count != 0) {
        (void)live_play(&t, &play->rules, &play->live, report);
    } else {
        (void)transcript_play_cuts(
            &t, &play->rules, play->all_cuts ? TRANSCRIPT_ALL_CUTS : TRANSCRIPT_FEW_CUTS, report);
    }
    transcript_free(&t);
    play_report_end(report);
    report->seconds = seconds_now() - start;
}

static void print_result(const struct play_result *result)
{
    const struct play_report *report = &result->report;
    static const char *const verdicts[] = {"ok", "FAIL", "skip"};
    printf("%-5s %s (%.2f s)%s%s\n", verdicts[report->verdict], result->path, report->seconds,
           report->verdict == PLAY_SKIPPED ? ": " : "",
           report->verdict == PLAY_SKIPPED ? report->headline : "");
    if (report->text != NULL && report->verdict != PLAY_SKIPPED) {
        (void)fwrite(report->text, 1, report->text_len, stdout);
    }
    (void)fflush(stdout);
}

static bool write_junit(const struct play *play, const struct play_result *results, size_t count,
                        int64_t started)
{
    FILE *file = fopen(play->junit, "wb");
    bool ok = file != NULL && play_junit_write(file, results, count, started);
    ok = file != NULL && fclose(file) == 0 && ok;
    if (!ok) {
        pm_complain("%s: %s", play->junit, strerror(errno));
    }
    return ok;
}

/* Prints the sum; the exit status. */
static int print_sum(const struct play_result *results, size_t count)
{
    size_t verdicts[3] = {0, 0, 0};
    size_t notes = 0;
    for (size_t i = 0; i < count; i++) {
        verdicts[results[i].report.verdict]++;
        notes += results[i].report.notes;
    }
    printf("%zu transcripts: %zu passed, %zu failed, %zu skipped", count, verdicts[PLAY_PASSED],
           verdicts[PLAY_FAILED], verdicts[PLAY_SKIPPED]);
    printf(notes != 0 ? ", %zu notes\n" : "\n", notes);
    return verdicts[PLAY_FAILED] == 0 && verdicts[PLAY_PASSED] != 0 ? PM_EXIT_OK : PM_EXIT_FAILURE;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
    live_interrupt();
}

/* A signal ends the present play, whose module and files go; what was played is reported. The
 * second one ends the program. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static int play_all(const struct play *play, char **paths, size_t count)
{
    struct play_result *results = calloc(count, sizeof *results);
    int64_t started = (int64_t)time(NULL);
    size_t done = 0;
    if (results == NULL) {
        pm_complain("out of memory");
        return PM_EXIT_FAILURE;
    }
    catch_signals();
    while (done < count && interrupted == 0) {
        results[done].path = paths[done];
        play_one(play, &results[done]);
        print_result(&results[done++]);
    }
    int status = print_sum(results, done);
    if (play->junit != NULL && !write_junit(play, results, done, started)) {
        status = PM_EXIT_FAILURE;
    }
    for (size_t i = 0; i < done; i++) {
        play_report_free(&results[i].report);
    }
    free(results);
    return interrupted == 0 ? status : PM_EXIT_FAILURE;
}

int pm_cli_play(int argc, char **argv)
{
    struct play *play = calloc(1, sizeof *play);
    if (play == NULL) {
        pm_complain("out of memory");
        return PM_EXIT_FAILURE;
    }
    play->rules.tags = TRANSCRIPT_ALL_TAGS;
    play->rules.slack = SLACK_MS;
    play->rules.idna = pm_idna_platform;
    int status = read_options(play, argc, argv);
    if (status < 0) {
        if (play->live.port_count == 0) {
            play->rules.slack = 0;
        }
        status = play_all(play, argv + optind, (size_t)(argc - optind));
    }
    free(play);
    return status;
}
