/* SPDX-License-Identifier: MIT */
/* What the tests of the store share: a loop, a store on a directory of its own, and a wait. */
#ifndef HOST_STORE_FIXTURE_H
#define HOST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/store_internal.h"

struct fixture {
    uv_loop_t loop;
    struct pm_store *store;
    struct pm_store_options options;
    char dir[64]; /* holds the state directory "state" and whatever the test adds */
    char state[96];
    char err[512];
    char log[4096];
    struct pm_op op;      /* of the operation that waits */
    struct pm_op *ended;  /* the last that was answered */
    unsigned int answers; /* how many were */
    int32_t result;
};

static inline void fixture_done(void *user, struct pm_op *op, int32_t result)
{
    struct fixture *f = user;
    f->ended = op;
    f->answers++;
    f->result = result;
    op->result = result;
}

static inline void fixture_log(void *user, enum pm_log_level level, const char *text)
{
    struct fixture *f = user;
    size_t used = strlen(f->log);
    (void)level;
    (void)snprintf(f->log + used, sizeof f->log - used, "%s\n", text);
}

static inline struct pm_store *fixture_try(struct fixture *f)
{
    struct pm_store_sink sink = {f, fixture_done, fixture_log, NULL};
    f->err[0] = 0;
    return pm_store_open_sink(&sink, &f->loop, &f->options, f->err, sizeof f->err);
}

static inline void fixture_open(struct fixture *f)
{
    f->store = fixture_try(f);
    assert_string_equal(f->err, "");
    assert_non_null(f->store);
}

static inline void fixture_close(struct fixture *f)
{
    pm_store_close(f->store);
    f->store = NULL;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    strcpy(f->dir, "/tmp/pm-test-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->state, sizeof f->state, "%s/state", f->dir);
    f->options.dir = f->state;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    if (f->store != NULL) {
        fixture_close(f);
    }
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static inline void fixture_restart(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

/* The result of an operation, now or when the loop brings it. */
static inline int32_t fixture_await(struct fixture *f, int32_t result)
{
    if (result != PM_PENDING) {
        return result;
    }
    unsigned int before = f->answers;
    while (f->answers == before) {
        assert_int_not_equal(uv_run(&f->loop, UV_RUN_ONCE) == 0 && f->answers == before, 1);
    }
    assert_int_equal(f->answers, before + 1);
    assert_ptr_equal(f->ended, &f->op);
    return f->result;
}

static inline struct pm_slice text_slice(const char *text)
{
    struct pm_slice slice = {(const uint8_t *)text, strlen(text)};
    return slice;
}

/* Byte `i` of the file that is made from `seed`. */
static inline uint8_t pattern(uint32_t seed, uint64_t i)
{
    uint64_t x = (i / 3 + 1) * 2654435761U + seed * 40503U + i;
    return (uint8_t)(x >> 7);
}

static inline void pattern_fill(uint8_t *out, size_t len, uint32_t seed, uint64_t from)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = pattern(seed, from + i);
    }
}

/* Writes `size` bytes in pieces of `piece`. The first result that is not PM_OK. */
static inline int32_t fixture_fill(struct fixture *f, pm_file file, uint64_t size, size_t piece,
                                   uint32_t seed)
{
    uint8_t *data = malloc(piece);
    assert_non_null(data);
    int32_t result = PM_OK;
    for (uint64_t at = 0; at < size && result == PM_OK;) {
        size_t n = size - at < piece ? (size_t)(size - at) : piece;
        pattern_fill(data, n, seed, at);
        result = fixture_await(f, pm__store_write(f->store, &f->op, file, data, n));
        at += n;
    }
    free(data);
    return result;
}

static inline int32_t fixture_commit(struct fixture *f, pm_file file, enum pm_storage storage,
                                     const char *name)
{
    return fixture_await(
        f, pm__store_commit(f->store, &f->op, file, storage, text_slice(name), false));
}

/* A whole upload. */
static inline int32_t fixture_put(struct fixture *f, enum pm_storage storage, const char *name,
                                  uint64_t size, uint32_t seed)
{
    int32_t file = fixture_await(f, pm__store_create(f->store, &f->op, storage, size));
    if (file < 0) {
        return file;
    }
    int32_t result = fixture_fill(f, file, size, 4096, seed);
    if (result != PM_OK) {
        pm__store_file_close(f->store, file);
        return result;
    }
    return fixture_commit(f, file, storage, name);
}

static inline int32_t fixture_open_file(struct fixture *f, enum pm_storage storage,
                                        const char *name, uint64_t *size)
{
    return fixture_await(f, pm__store_open(f->store, &f->op, storage, text_slice(name), size));
}

/* Reads from `at` to the end in pieces and compares. The number of bytes that were right. */
static inline uint64_t fixture_compare(struct fixture *f, pm_file file, uint64_t at, size_t piece,
                                       uint32_t seed)
{
    uint8_t *data = malloc(piece);
    uint8_t *expected = malloc(piece);
    assert_non_null(data);
    assert_non_null(expected);
    uint64_t right = 0;
    for (;;) {
        int32_t n = fixture_await(f, pm__store_read(f->store, &f->op, file, at, data, piece));
        if (n <= 0) {
            assert_int_equal(n, 0);
            break;
        }
        pattern_fill(expected, (size_t)n, seed, at);
        if (memcmp(data, expected, (size_t)n) != 0) {
            break;
        }
        at += (uint64_t)n;
        right += (uint64_t)n;
    }
    free(data);
    free(expected);
    return right;
}

/* True when the named file holds exactly the bytes of `seed`. */
static inline bool fixture_is(struct fixture *f, enum pm_storage storage, const char *name,
                              uint64_t size, uint32_t seed)
{
    uint64_t told = 0;
    int32_t file = fixture_open_file(f, storage, name, &told);
    if (file < 0) {
        return false;
    }
    uint64_t right = fixture_compare(f, file, 0, 5000, seed);
    pm__store_file_close(f->store, file);
    return told == size && right == size;
}

/* Entries of a directory below the fixture's, "." and ".." not counted. */
static inline unsigned int fixture_entries(const struct fixture *f, const char *below)
{
    char command[256];
    unsigned int n = 0;
    (void)snprintf(command, sizeof command, "ls -A '%s/%s' | wc -l", f->dir, below);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%u", &n), 1);
    assert_int_equal(pclose(pipe), 0);
    return n;
}

#endif
