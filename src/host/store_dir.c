/* SPDX-License-Identifier: MIT */
/* Directories of a store: making, reading at start, emptying. Runs at start and end only. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/store_internal.h"

void pm__store_say(const struct store_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text->text, text->size, format, arguments);
    va_end(arguments);
}

/* A directory that was just made must survive a power cut as the files in it do. */
static int store_dir_sync_parent(int parent, const char *name)
{
    char up[4096];
    int n = snprintf(up, sizeof up, "%s/..", name);
    if (n < 0 || (size_t)n >= sizeof up) {
        return ENAMETOOLONG;
    }
    int fd = openat(parent, up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        /* A parent that may be searched but not read cannot be synced by us. */
        return errno == EACCES ? 0 : errno;
    }
    int error = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd);
    return error;
}

int pm__store_dir_make(int parent, const char *name, const struct store_text *err)
{
    bool made = mkdirat(parent, name, 0700) == 0;
    if (!made && errno != EEXIST) {
        pm__store_say(err, "cannot make directory %s: %s", name, strerror(errno));
        return -1;
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        pm__store_say(err, "cannot open directory %s: %s", name, strerror(errno));
        return -1;
    }
    int error = made ? store_dir_sync_parent(parent, name) : 0;
    if (error == 0 && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        error = errno;
    }
    if (error != 0) {
        pm__store_say(err, "cannot write to directory %s: %s", name, strerror(error));
        (void)close(fd);
        return -1;
    }
    return fd;
}

int pm__store_dir_temporary(char *path, size_t size, const struct store_text *err)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] == 0) {
        base = "/tmp";
    }
    int n = snprintf(path, size, "%s/postmodem-XXXXXX", base);
    if (n < 0 || (size_t)n >= size) {
        pm__store_say(err, "TMPDIR is too long");
        return -1;
    }
    if (mkdtemp(path) == NULL) {
        pm__store_say(err, "cannot make a temporary directory in %s: %s", base, strerror(errno));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        pm__store_say(err, "cannot open %s: %s", path, strerror(errno));
    }
    return fd;
}

static DIR *store_dir_list(int dirfd)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL && fd >= 0) {
        (void)close(fd);
    }
    return list;
}

/* Takes one directory entry into the index. False without memory or room. */
static bool store_dir_take(struct store_area *area, const char *text)
{
    uint8_t name[PM_FILE_NAME_SIZE];
    uint8_t len = 0;
    struct stat st;
    if (!pm__store_name_decode(text, name, &len) ||
        fstatat(area->dirfd, text, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) {
        return true;
    }
    struct pm_slice slice = {name, len};
    if (!pm__store_index_reserve(&area->index, 1)) {
        return false;
    }
    struct store_entry *entry = pm__store_entry_new(slice);
    if (entry == NULL) {
        return false;
    }
    entry->size = (uint64_t)st.st_size;
    pm__store_index_append(&area->index, entry);
    return true;
}

static bool store_dir_unfinished(const char *name)
{
    return strncmp(name, STORE_NEW_PREFIX, strlen(STORE_NEW_PREFIX)) == 0;
}

bool pm__store_dir_scan(struct pm_store *store, struct store_area *area, bool empty)
{
    if (empty) {
        pm__store_dir_empty(area->dirfd, false);
    }
    DIR *list = store_dir_list(area->dirfd);
    if (list == NULL) {
        return false;
    }
    unsigned int leftovers = 0;
    bool room = true;
    const struct dirent *item;
    while (room && (item = readdir(list)) != NULL) {
        if (store_dir_unfinished(item->d_name)) {
            leftovers += unlinkat(area->dirfd, item->d_name, 0) == 0 ? 1U : 0U;
        } else {
            room = store_dir_take(area, item->d_name);
        }
    }
    (void)closedir(list);
    pm__store_index_sort(&area->index);
    if (leftovers > 0) {
        pm__store_log(store, PM_LOG_INFO, "removed %u unfinished files of an earlier run",
                      leftovers);
    }
    if (!room) {
        pm__store_log(store, PM_LOG_WARNING, "too many files: only %zu are served",
                      area->index.count);
    }
    return true;
}

void pm__store_dir_empty(int dirfd, bool unfinished)
{
    DIR *list = store_dir_list(dirfd);
    if (list == NULL) {
        return;
    }
    const struct dirent *item;
    while ((item = readdir(list)) != NULL) {
        struct stat st;
        if ((!unfinished || store_dir_unfinished(item->d_name)) &&
            fstatat(dirfd, item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
            (void)unlinkat(dirfd, item->d_name, 0);
        }
    }
    (void)closedir(list);
}
