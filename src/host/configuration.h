/* SPDX-License-Identifier: MIT */
/*
 * The configuration of the program: what files and command line say, and the modules that come out.
 *
 * In a file, keys below `[module NAME]` are those of that module, and keys outside hold for all
 * modules. Without any such section there is one module, which has no name. On the command line
 * KEY=VALUE holds for all and NAME:KEY=VALUE for one. In files, what is said for one module wins
 * over what is said for all; the command line wins over the files; then, later wins over earlier.
 *
 * A named module keeps its files below the common `state` directory in one of its name, and has an
 * identity of its own, made of its name, unless it is told otherwise.
 */
#ifndef PM_HOST_CONFIGURATION_H
#define PM_HOST_CONFIGURATION_H

#include "host/config.h"

/* What to say of secret_in_file. */
#define PM_SECRET_IN_FILE "the configuration file holds a password and others can read it"

struct pm_setting; /* configuration.c: a key and its value, and where they were read */

struct pm_settings {
    struct pm_setting *first, **end;
};

/* A module as far as it is described. */
struct pm_described {
    char name[PM_MODULE_NAME_MAX + 1];
    size_t place;                /* among the modules */
    uint64_t number;             /* of its identity, below 10^10 */
    struct pm_settings settings; /* of the files */
    struct pm_options *options;  /* once finished; NULL: taken by pm_configuration_take() */
};

struct pm_configuration {
    struct pm_settings general; /* of the files, outside of modules */
    struct pm_settings command; /* of the command line, in order */
    struct pm_described **modules;
    size_t count, room;
    void *by_name;             /* a tree of tsearch() */
    struct pm_options scratch; /* every setting is tried here when it is read */
    bool secret_in_file;       /* a password came from a file that others can read */
    uint8_t log;               /* of the program itself: enum pm_log_level */
    char ehlo_name[256];       /* for modules that name none; "": not looked for yet */
};

/* Nothing set: one module with defaults, as far as pm_configuration_finish() is concerned. */
void pm_configuration_init(struct pm_configuration *configuration);

/* Overwrites secrets and frees all but the options that were taken. */
void pm_configuration_free(struct pm_configuration *configuration);

/* Reads a file. False with file, line and reason in `err`. */
bool pm_configuration_read(struct pm_configuration *configuration, const char *path, char *err,
                           size_t err_size);

/* From the command line: KEY=VALUE or NAME:KEY=VALUE; a key for all modules; a port of the only
 * module. False with the reason in `err`. */
bool pm_configuration_assign(struct pm_configuration *configuration, const char *text, char *err,
                             size_t err_size);
bool pm_configuration_set(struct pm_configuration *configuration, const char *key,
                          const char *value, char *err, size_t err_size);
bool pm_configuration_add_port(struct pm_configuration *configuration, enum pm_terminal_kind kind,
                               const char *where, char *err, size_t err_size);

/*
 * After the last setting: makes the finished options of every module, and checks that no two of
 * them share what only one can have. False with the reason in `err`.
 */
bool pm_configuration_finish(struct pm_configuration *configuration, char *err, size_t err_size);

/* The place of the module of this name, configuration->count: there is none. */
size_t pm_configuration_find(const struct pm_configuration *configuration, const char *name);

/* The options of module `i`, which are the caller's from now on: pm_options_delete(). */
struct pm_options *pm_configuration_take(struct pm_configuration *configuration, size_t i);

/* ---- Between the files of the configuration ------------------------------------ */

/* Where a setting stands; `file` NULL: on the command line. */
struct pm_setting_place {
    const char *file;
    int line;
};

/* The module of a name, described from now on. NULL with the reason in `err`. */
struct pm_described *pm__configuration_module(struct pm_configuration *configuration,
                                              const char *name, size_t len, char *err,
                                              size_t err_size);

/* Tries a setting and keeps it; `module` NULL: for all. False with the reason in `err`. */
bool pm__configuration_keep(struct pm_configuration *configuration, struct pm_described *module,
                            const struct pm_setting_place *place, const char *key,
                            const char *value, char *err, size_t err_size);

/* Gives the named modules their numbers. False: no memory. */
bool pm__configuration_number(struct pm_configuration *configuration);

/* The identity of a number, as if it had been set. False: no memory. */
bool pm__configuration_identity(struct pm_options *options, uint64_t number);

/* True when two ports cannot be there at once, as far as their names tell. */
bool pm_ports_collide(const struct pm_port_setting *a, const struct pm_port_setting *b);

/* False with the reason in `err` when two modules want the same port or directory. */
bool pm__configuration_distinct(const struct pm_configuration *configuration, char *err,
                                size_t err_size);

#endif
