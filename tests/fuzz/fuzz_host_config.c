/* SPDX-License-Identifier: MIT */
/*
 * Any text as a configuration file. What is refused names file, line and reason; what is taken
 * makes the same options each time; no other file is opened but one of the passwords and keys that
 * are named, of which just one is there; and no value of a secret stands in a message.
 */
#include <errno.h>
#include <grp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "host/configuration.h"

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
struct group *__wrap_getgrnam(const char *name);

/* A seed's secret. When it stands just once in a file, it can be told from the rest of it. */
#define MARK "S3cr3t!"
/* The password file that is there. */
#define PASSWORD_FILE "/there"
/* The group that is there. */
#define GROUP "there"

enum { INPUT_SIZE = 16384 };

static int text_fd = -1;
static char text_path[32];
static bool watched; /* the code under test runs, and the fuzzer's own files do not count */

/* The linker gives all calls of fopen() here (CMakeLists.txt). */
FILE *__wrap_fopen(const char *path, const char *mode)
{
    static char password[] = "from-a-file\n";
    if (!watched) {
        return __real_fopen(path, mode);
    }
    REQUIRE(strcmp(mode, "re") == 0);
    if (strcmp(path, text_path) == 0) {
        return __real_fopen(path, mode);
    }
    if (strcmp(path, PASSWORD_FILE) == 0) {
        return fmemopen(password, sizeof password - 1, "r");
    }
    errno = ENOENT;
    return NULL;
}

/* Likewise those of getgrnam(), which would look into the system's own database. */
struct group *__wrap_getgrnam(const char *name)
{
    static struct group there = {.gr_gid = 7};
    return strcmp(name, GROUP) == 0 ? &there : NULL;
}

struct result {
    struct pm_configuration configuration;
    bool read, finished;
    char err[1200];
};

static void load(struct result *result)
{
    pm_configuration_init(&result->configuration);
    /* Else the host is asked for its name. */
    strcpy(result->configuration.ehlo_name, "me.example");
    result->err[0] = '\0';
    watched = true;
    result->read =
        pm_configuration_read(&result->configuration, text_path, result->err, sizeof result->err);
    result->finished = result->read && pm_configuration_finish(&result->configuration, result->err,
                                                               sizeof result->err);
    watched = false;
    REQUIRE(result->finished == (result->err[0] == '\0'));
}

/* "FILE:LINE: reason", the line being one of the file's. */
static void check_refusal(const struct result *result, const char *text, size_t size)
{
    size_t path = strlen(text_path);
    char *end = NULL;
    unsigned long lines = 1;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n' ? 1 : 0;
    }
    REQUIRE(strncmp(result->err, text_path, path) == 0 && result->err[path] == ':');
    unsigned long line = strtoul(result->err + path + 1, &end, 10);
    REQUIRE(line >= 1 && line <= lines && strncmp(end, ": ", 2) == 0 && end[2] != '\0');
}

/* True when the only mark of the text stands in the value of a secret. */
static bool mark_is_secret(const char *text, size_t size)
{
    const char *mark = memmem(text, size, MARK, strlen(MARK));
    if (mark == NULL) {
        return false;
    }
    size_t rest = size - (size_t)(mark - text) - strlen(MARK);
    if (memmem(mark + strlen(MARK), rest, MARK, strlen(MARK)) != NULL) {
        return false;
    }
    const char *start = mark;
    while (start > text && start[-1] != '\n') {
        start--;
    }
    const char *sign = memchr(start, '=', (size_t)(mark - start));
    char key[64];
    size_t len = sign != NULL ? (size_t)(sign - start) : sizeof key;
    while (len > 0 && len < sizeof key && start[len - 1] == ' ') {
        len--;
    }
    if (len >= sizeof key) {
        return false;
    }
    memcpy(key, start, len);
    key[len] = '\0';
    return pm_config_key_secret(key);
}

static void same(struct result *a, struct result *b)
{
    REQUIRE(a->read == b->read && a->finished == b->finished && strcmp(a->err, b->err) == 0);
    REQUIRE(a->configuration.count == b->configuration.count);
    for (size_t i = 0; a->finished && i < a->configuration.count; i++) {
        struct pm_options *one = pm_configuration_take(&a->configuration, i);
        struct pm_options *two = pm_configuration_take(&b->configuration, i);
        REQUIRE(one != NULL && two != NULL);
        REQUIRE(pm_options_difference(one, two) == NULL);
        REQUIRE(pm_configuration_find(&a->configuration, one->name) == i);
        pm_options_delete(one);
        pm_options_delete(two);
    }
}

static void put_text(const uint8_t *data, size_t size)
{
    if (text_fd < 0) {
        text_fd = memfd_create("config", MFD_CLOEXEC);
        REQUIRE(text_fd >= 0);
        (void)snprintf(text_path, sizeof text_path, "/proc/self/fd/%d", text_fd);
    }
    REQUIRE(ftruncate(text_fd, 0) == 0 && pwrite(text_fd, data, size, 0) == (ssize_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct result one;
    static struct result two;
    if (size > INPUT_SIZE) {
        return 0;
    }
    put_text(data, size);
    load(&one);
    load(&two);
    if (!one.read || strncmp(one.err, text_path, strlen(text_path)) == 0) {
        check_refusal(&one, (const char *)data, size);
    }
    REQUIRE(!mark_is_secret((const char *)data, size) || strstr(one.err, MARK) == NULL);
    same(&one, &two);
    pm_configuration_free(&one.configuration);
    pm_configuration_free(&two.configuration);
    return 0;
}
