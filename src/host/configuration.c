/* SPDX-License-Identifier: MIT */
/* Settings as they are read, and the options of each module that they make. */
#include "host/configuration.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pm_setting {
    struct pm_setting *next;
    const struct pm_described *module; /* of the command line: for this one; NULL: for all */
    struct pm_setting_place place;
    uint8_t port; /* enum pm_terminal_kind: the value is a port to add; else `key` is set */
    size_t size;  /* of the text */
    const char *value;
    char text[]; /* key, NUL, value, NUL */
};

static const char no_memory[] = "out of memory";

/* ---- Lists of settings ------------------------------------------------------------ */

static void settings_init(struct pm_settings *settings)
{
    settings->first = NULL;
    settings->end = &settings->first;
}

static void settings_free(struct pm_settings *settings)
{
    while (settings->first != NULL) {
        struct pm_setting *setting = settings->first;
        settings->first = setting->next;
        explicit_bzero(setting->text, setting->size);
        free(setting);
    }
}

static struct pm_setting *add_setting(struct pm_settings *settings, const char *key,
                                      const char *value)
{
    size_t key_size = strlen(key) + 1;
    size_t size = key_size + strlen(value) + 1;
    struct pm_setting *setting = calloc(1, sizeof *setting + size);
    if (setting != NULL) {
        setting->size = size;
        setting->value = setting->text + key_size;
        memcpy(setting->text, key, key_size);
        memcpy(setting->text + key_size, value, size - key_size);
        *settings->end = setting;
        settings->end = &setting->next;
    }
    return setting;
}

/* ---- Modules ----------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct pm_described *left = a;
    const struct pm_described *right = b;
    return strcmp(left->name, right->name);
}

static struct pm_described *find_module(const struct pm_configuration *configuration,
                                        const char *name)
{
    struct pm_described wanted = {.name = ""};
    size_t len = strlen(name);
    if (len > PM_MODULE_NAME_MAX) {
        return NULL;
    }
    memcpy(wanted.name, name, len);
    void *node = tfind(&wanted, &configuration->by_name, by_name);
    return node != NULL ? *(struct pm_described **)node : NULL;
}

size_t pm_configuration_find(const struct pm_configuration *configuration, const char *name)
{
    const struct pm_described *module = find_module(configuration, name);
    return module != NULL ? module->place : configuration->count;
}

static struct pm_described *add_module(struct pm_configuration *configuration, const char *name)
{
    if (configuration->count == configuration->room) {
        size_t room = configuration->room > 0 ? 2 * configuration->room : 8;
        struct pm_described **larger =
            realloc(configuration->modules, room * sizeof(struct pm_described *));
        if (larger == NULL) {
            return NULL;
        }
        configuration->modules = larger;
        configuration->room = room;
    }
    struct pm_described *module = calloc(1, sizeof *module);
    if (module == NULL) {
        return NULL;
    }
    snprintf(module->name, sizeof module->name, "%s", name);
    settings_init(&module->settings);
    if (tsearch(module, &configuration->by_name, by_name) == NULL) {
        free(module);
        return NULL;
    }
    module->place = configuration->count;
    configuration->modules[configuration->count++] = module;
    return module;
}

/* A name stands in messages, and is that of a directory. */
static bool is_module_name(const char *name, size_t len)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return len > 0 && len <= PM_MODULE_NAME_MAX && name[0] != '.' && strspn(name, allowed) >= len;
}

struct pm_described *pm__configuration_module(struct pm_configuration *configuration,
                                              const char *name, size_t len, char *err,
                                              size_t err_size)
{
    char text[PM_MODULE_NAME_MAX + 1];
    if (!is_module_name(name, len)) {
        snprintf(err, err_size,
                 "a module's name has 1 to %d letters, digits, and _ . - only, and no . first",
                 PM_MODULE_NAME_MAX);
        return NULL;
    }
    memcpy(text, name, len);
    text[len] = '\0';
    struct pm_described *module = find_module(configuration, text);
    if (module == NULL) {
        module = add_module(configuration, text);
    }
    if (module == NULL) {
        snprintf(err, err_size, "%s", no_memory);
    }
    return module;
}

/* ---- Life ---------------------------------------------------------------------------- */

void pm_configuration_init(struct pm_configuration *configuration)
{
    memset(configuration, 0, sizeof *configuration);
    settings_init(&configuration->general);
    settings_init(&configuration->command);
    pm_options_init(&configuration->scratch);
}

static void keep_node(void *node)
{
    (void)node; /* The array owns the modules. */
}

void pm_configuration_free(struct pm_configuration *configuration)
{
    settings_free(&configuration->general);
    settings_free(&configuration->command);
    tdestroy(configuration->by_name, keep_node);
    for (size_t i = 0; i < configuration->count; i++) {
        settings_free(&configuration->modules[i]->settings);
        pm_options_delete(configuration->modules[i]->options);
        free(configuration->modules[i]);
    }
    free(configuration->modules);
    pm_options_free(&configuration->scratch);
    memset(configuration, 0, sizeof *configuration);
}

struct pm_options *pm_configuration_take(struct pm_configuration *configuration, size_t i)
{
    struct pm_options *options = configuration->modules[i]->options;
    configuration->modules[i]->options = NULL;
    return options;
}

/* ---- Taking settings in ----------------------------------------------------------------- */

bool pm__configuration_keep(struct pm_configuration *configuration, struct pm_described *module,
                            const struct pm_setting_place *place, const char *key,
                            const char *value, char *err, size_t err_size)
{
    if (!pm_options_set(&configuration->scratch, key, value, err, err_size)) {
        return false;
    }
    struct pm_setting *setting =
        add_setting(module != NULL ? &module->settings : &configuration->general, key, value);
    if (setting == NULL) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    setting->place = *place;
    return true;
}

static bool keep_command(struct pm_configuration *configuration, const struct pm_described *module,
                         const char *key, const char *value, char *err, size_t err_size)
{
    if (!pm_options_set(&configuration->scratch, key, value, err, err_size)) {
        return false;
    }
    struct pm_setting *setting = add_setting(&configuration->command, key, value);
    if (setting == NULL) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    setting->module = module;
    return true;
}

bool pm_configuration_set(struct pm_configuration *configuration, const char *key,
                          const char *value, char *err, size_t err_size)
{
    return keep_command(configuration, NULL, key, value, err, err_size);
}

bool pm_configuration_assign(struct pm_configuration *configuration, const char *text, char *err,
                             size_t err_size)
{
    char key[PM_MODULE_NAME_MAX + 1 + 64];
    const struct pm_described *module = NULL;
    size_t len = strcspn(text, "=");
    if (text[len] != '=' || len == 0 || len >= sizeof key) {
        snprintf(err, err_size, "%.60s is not KEY=VALUE", text);
        return false;
    }
    memcpy(key, text, len);
    key[len] = '\0';
    char *colon = strchr(key, ':');
    if (colon != NULL) {
        *colon = '\0';
        module = find_module(configuration, key);
        if (module == NULL) {
            snprintf(err, err_size, "no module is called %.40s", key);
            return false;
        }
    }
    return keep_command(configuration, module, colon != NULL ? colon + 1 : key, text + len + 1, err,
                        err_size);
}

bool pm_configuration_add_port(struct pm_configuration *configuration, enum pm_terminal_kind kind,
                               const char *where, char *err, size_t err_size)
{
    if (configuration->count > 1) {
        snprintf(err, err_size,
                 "of %zu modules: say whose port it is with --set NAME:port.1.tcp=ADDRESS:PORT and "
                 "the like",
                 configuration->count);
        return false;
    }
    if (!pm_options_add_port(&configuration->scratch, kind, where, err, err_size)) {
        return false;
    }
    struct pm_setting *setting = add_setting(&configuration->command, "", where);
    if (setting == NULL) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    setting->port = (uint8_t)kind;
    return true;
}

/* ---- Where an error is -------------------------------------------------------------------- */

static bool is_for(const struct pm_setting *setting, const struct pm_described *module)
{
    return setting->module == NULL || setting->module == module;
}

/* The setting of a key that counts for a module; NULL: it has its default. */
static const struct pm_setting *setting_of(const struct pm_configuration *configuration,
                                           const struct pm_described *module, const char *key,
                                           size_t len)
{
    const struct pm_settings *lists[] = {&configuration->general, &module->settings,
                                         &configuration->command};
    const struct pm_setting *found = NULL;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const struct pm_setting *s = lists[i]->first; s != NULL; s = s->next) {
            if (is_for(s, module) && strlen(s->text) == len && memcmp(s->text, key, len) == 0) {
                found = s;
            }
        }
    }
    return found;
}

/* "FILE:LINE: ", or that it is the command line; "" for a port, which its option tells. */
static size_t put_place(const struct pm_setting *setting, char *text, size_t size)
{
    text[0] = '\0';
    if (setting != NULL && setting->place.file != NULL) {
        snprintf(text, size, "%s:%d: ", setting->place.file, setting->place.line);
    } else if (setting != NULL && setting->port == PM_TERMINAL_NONE) {
        snprintf(text, size, "--set: ");
    }
    return strlen(text);
}

/* What is wrong with a module begins with a key: the place where that was set goes before it. */
static void put_error(const struct pm_configuration *configuration,
                      const struct pm_described *module, const char *why, char *err,
                      size_t err_size)
{
    const struct pm_setting *setting = setting_of(configuration, module, why, strcspn(why, ":"));
    size_t len = put_place(setting, err, err_size);
    snprintf(err + len, err_size - len, "%s%s%s", module->name, module->name[0] != '\0' ? ": " : "",
             why);
}

/* ---- Making options ----------------------------------------------------------------------- */

/* The common state directory holds one of its own for each named module. */
static bool own_state(struct pm_options *options)
{
    char text[1000 + 1 + PM_MODULE_NAME_MAX + 1];
    options->state_base = options->state_dir;
    if (*options->state_dir == '\0') {
        return true;
    }
    int len = snprintf(text, sizeof text, "%s/%s", options->state_dir, options->name);
    options->state_dir = pm_options_keep(options, text, (size_t)len);
    return options->state_dir != NULL;
}

static bool apply(struct pm_options *options, const struct pm_setting *setting, bool general,
                  char *err, size_t err_size)
{
    if (setting->port != PM_TERMINAL_NONE) {
        return pm_options_add_port(options, (enum pm_terminal_kind)setting->port, setting->value,
                                   err, err_size);
    }
    if (!pm_options_set(options, setting->text, setting->value, err, err_size)) {
        return false;
    }
    if (strcmp(setting->text, "state") != 0) {
        return true;
    }
    options->state_base = "";
    if (general && *options->name != '\0' && !own_state(options)) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    return true;
}

/* Those of a list that hold for all modules or for this one. */
static bool apply_all(struct pm_options *options, const struct pm_settings *settings,
                      const struct pm_described *module, bool general, char *err, size_t err_size)
{
    char why[500];
    for (const struct pm_setting *s = settings->first; s != NULL; s = s->next) {
        if (is_for(s, module) &&
            !apply(options, s, general && s->module == NULL, why, sizeof why)) {
            size_t len = put_place(s, err, err_size);
            snprintf(err + len, err_size - len, "%s", why);
            return false;
        }
    }
    return true;
}

/* The host's own name is looked for once, not for each module. */
static bool give_ehlo_name(struct pm_configuration *configuration, struct pm_options *options)
{
    char *name = configuration->ehlo_name;
    if (*options->module.ehlo_name == '\0') {
        if (*name == '\0') {
            pm_config_ehlo_name(name, sizeof configuration->ehlo_name);
        }
        options->module.ehlo_name = pm_options_keep(options, name, strlen(name));
    }
    return options->module.ehlo_name != NULL;
}

/* What shows only when all settings of a module are known. */
static bool finish_options(const struct pm_configuration *configuration,
                           const struct pm_described *module, char *err, size_t err_size)
{
    char why[500];
    const struct pm_options *before =
        module->place > 0 ? configuration->modules[module->place - 1]->options : NULL;
    if (pm_options_finish(module->options, why, sizeof why) &&
        pm__config_check_tls(module->options, before, why, sizeof why)) {
        return true;
    }
    put_error(configuration, module, why, err, err_size);
    return false;
}

static bool make_options(struct pm_configuration *configuration, struct pm_described *module,
                         char *err, size_t err_size)
{
    struct pm_options *options = malloc(sizeof *options);
    module->options = options;
    if (options == NULL) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    pm_options_init(options);
    options->name = pm_options_keep(options, module->name, strlen(module->name));
    if (options->name == NULL ||
        (module->name[0] != '\0' && !pm__configuration_identity(options, module->number))) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    if (!apply_all(options, &configuration->general, module, true, err, err_size) ||
        !apply_all(options, &module->settings, module, false, err, err_size) ||
        !apply_all(options, &configuration->command, module, true, err, err_size)) {
        return false;
    }
    if (!give_ehlo_name(configuration, options)) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    return finish_options(configuration, module, err, err_size);
}

/* The program's own log level is the one said for all. */
static bool find_log_level(struct pm_configuration *configuration)
{
    struct pm_options common;
    char ignored[8];
    pm_options_init(&common);
    const struct pm_settings *lists[] = {&configuration->general, &configuration->command};
    bool good = true;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (const struct pm_setting *s = lists[i]->first; s != NULL; s = s->next) {
            if (s->module == NULL && strcmp(s->text, "log") == 0) {
                good = pm_options_set(&common, s->text, s->value, ignored, sizeof ignored) && good;
            }
        }
    }
    configuration->log = common.log;
    pm_options_free(&common);
    return good;
}

bool pm_configuration_finish(struct pm_configuration *configuration, char *err, size_t err_size)
{
    bool named = configuration->count > 0;
    if ((!named && add_module(configuration, "") == NULL) || !find_log_level(configuration) ||
        (named && !pm__configuration_number(configuration))) {
        snprintf(err, err_size, "%s", no_memory);
        return false;
    }
    for (size_t i = 0; i < configuration->count; i++) {
        if (!make_options(configuration, configuration->modules[i], err, err_size)) {
            return false;
        }
    }
    return pm__configuration_distinct(configuration, err, err_size);
}
