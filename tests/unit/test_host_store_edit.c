/* SPDX-License-Identifier: MIT */
/*
 * Files that are changed in place: what is where when an operation has ended, what lasts, quotas,
 * a disk that fails at each place, cancelling, and other names.
 */
#include "host_store_disk.h"

#include <sys/stat.h>

static int32_t try_edit(struct fixture *f, enum pm_storage storage, const char *name, bool empty,
                        uint64_t *size)
{
    return fixture_await(f,
                         pm__store_edit(f->store, &f->op, storage, text_slice(name), empty, size));
}

static pm_file edit(struct fixture *f, const char *name, bool empty, uint64_t expected)
{
    uint64_t size = 99;
    int32_t file = try_edit(f, PM_STORAGE_UFS, name, empty, &size);
    assert_true(file >= 0);
    assert_int_equal(size, expected);
    return file;
}

static int32_t put(struct fixture *f, pm_file file, uint64_t at, const char *text)
{
    return fixture_await(
        f, pm__store_write_at(f->store, &f->op, file, at, (const uint8_t *)text, strlen(text)));
}

static int32_t cut(struct fixture *f, pm_file file, uint64_t size)
{
    return fixture_await(f, pm__store_truncate(f->store, &f->op, file, size));
}

static int32_t sync_file(struct fixture *f, pm_file file)
{
    return fixture_await(f, pm__store_sync(f->store, &f->op, file));
}

static int32_t rename_to(struct fixture *f, const char *from, const char *to, bool replace)
{
    return fixture_await(f, pm__store_rename(f->store, &f->op, PM_STORAGE_UFS, text_slice(from),
                                             text_slice(to), replace));
}

static void assert_reads(struct fixture *f, pm_file file, const char *expected)
{
    uint8_t bytes[256];
    size_t at = 0;
    int32_t n = 0;
    do {
        n = fixture_await(
            f, pm__store_read(f->store, &f->op, file, at, bytes + at, sizeof bytes - at));
        assert_true(n >= 0);
        at += (size_t)n;
    } while (n > 0);
    assert_int_equal(at, strlen(expected));
    assert_memory_equal(bytes, expected, at);
}

/* The named file, in the index, through an opened file, and on the disk. */
static void assert_holds(struct fixture *f, const char *name, const char *expected)
{
    uint64_t size = 0;
    char path[256];
    struct stat st;
    assert_int_equal(pm__store_stat(f->store, PM_STORAGE_UFS, text_slice(name), &size), PM_OK);
    assert_int_equal(size, strlen(expected));
    int32_t file = fixture_open_file(f, PM_STORAGE_UFS, name, &size);
    assert_true(file >= 0);
    assert_int_equal(size, strlen(expected));
    assert_reads(f, file, expected);
    pm__store_file_close(f->store, file);
    (void)snprintf(path, sizeof path, "%s/ufs/%s", f->state, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, strlen(expected));
}

static void put_text(struct fixture *f, const char *name, const char *text)
{
    pm_file file = edit(f, name, true, 0);
    assert_int_equal(put(f, file, 0, text), PM_OK);
    pm__store_file_close(f->store, file);
    settle(f);
}

/* ---- Changes ---- */

static void test_changes_are_seen_at_once(void **state)
{
    struct fixture *f = *state;
    pm_file file = edit(f, "a", false, 0);
    assert_holds(f, "a", "");
    assert_int_equal(put(f, file, 0, "0123456789"), PM_OK);
    assert_holds(f, "a", "0123456789");
    assert_int_equal(put(f, file, 8, "abcd"), PM_OK);
    assert_holds(f, "a", "01234567abcd");
    assert_int_equal(put(f, file, 1, "xy"), PM_OK);
    assert_reads(f, file, "0xy34567abcd");
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 12);
    assert_int_equal(cut(f, file, 5), PM_OK);
    assert_reads(f, file, "0xy34");
    assert_holds(f, "a", "0xy34");
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 5);
    assert_int_equal(cut(f, file, 5), PM_OK);
    assert_int_equal(put(f, file, 5, ""), PM_OK);
    pm__store_file_close(f->store, file);
    settle(f);
    /* Again: with its bytes, then without them; and once more after a restart. */
    file = edit(f, "a", false, 5);
    assert_reads(f, file, "0xy34");
    pm__store_file_close(f->store, file);
    fixture_restart(f);
    file = edit(f, "a", true, 0);
    assert_reads(f, file, "");
    assert_holds(f, "a", "");
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 0);
    pm__store_file_close(f->store, file);
}

/* A file of several read windows that changes under what was read ahead. */
static void test_read_ahead_is_not_stale(void **state)
{
    struct fixture *f = *state;
    const uint64_t size = 3 * STORE_WINDOW;
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "a", size, 1), PM_OK);
    pm_file file = edit(f, "a", false, size);
    f->store->files[file]->no_nowait = true; /* as on a file system that cannot tell */
    for (uint32_t seed = 2; seed < 6; seed++) {
        uint8_t piece[4096];
        uint8_t back[4096];
        uint64_t at = (uint64_t)seed * 100000;
        assert_int_equal(
            fixture_await(f, pm__store_read(f->store, &f->op, file, at - 9, back, sizeof back)),
            sizeof back);
        pattern_fill(piece, sizeof piece, seed, at);
        assert_int_equal(
            fixture_await(f, pm__store_write_at(f->store, &f->op, file, at, piece, sizeof piece)),
            PM_OK);
        assert_int_equal(
            fixture_await(f, pm__store_read(f->store, &f->op, file, at, back, sizeof back)),
            sizeof back);
        assert_memory_equal(back, piece, sizeof back);
    }
    pm__store_file_close(f->store, file);
}

static void test_order_on_the_disk(void **state)
{
    struct fixture *f = *state;
    pm_file file = edit(f, "a", false, 0);
    assert_string_equal(disk.calls, "s"); /* the new name */
    disk.count = 0;
    assert_int_equal(put(f, file, 0, "bytes"), PM_OK);
    assert_string_equal(disk.calls, "w");
    assert_int_equal(sync_file(f, file), PM_OK);
    assert_string_equal(disk.calls, "ws");
    assert_int_equal(sync_file(f, file), PM_OK); /* nothing is left to do */
    assert_string_equal(disk.calls, "ws");
    assert_int_equal(cut(f, file, 1), PM_OK);
    pm__store_file_close(f->store, file); /* as at a restart: synced on its way out */
    settle(f);
    assert_string_equal(disk.calls, "wscs");
    disk.count = 0;
    assert_int_equal(rename_to(f, "a", "b", false), PM_OK);
    assert_string_equal(disk.calls, "rs");
    disk.count = 0;
    file = edit(f, "b", true, 0);
    assert_int_equal(sync_file(f, file), PM_OK);
    assert_string_equal(disk.calls, "cs");
    pm__store_file_close(f->store, file);
    settle(f);
    disk.count = 0;
    disk.calls[0] = 0;
    uint64_t size = 0;
    file = try_edit(f, PM_STORAGE_RAM, "r", true, &size);
    assert_int_equal(put(f, file, 0, "bytes"), PM_OK);
    assert_int_equal(sync_file(f, file), PM_OK);
    pm__store_file_close(f->store, file);
    settle(f);
    assert_string_equal(disk.calls, "w"); /* RAM does not last: nothing is synced */
}

/* ---- Refusals ---- */

static void test_bad_calls(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0;
    put_text(f, "a", "text");
    pm_file file = edit(f, "a", false, 4);
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "a", false, &size), PM_ERR_BUSY);
    assert_int_equal(try_edit(f, PM_STORAGE_SD, "a", false, &size), PM_ERR_NO_STORAGE);
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "", false, &size), PM_ERR_IO);
    assert_int_equal(put(f, file, 5, "x"), PM_ERR_IO);
    assert_int_equal(cut(f, file, 5), PM_ERR_IO);
    assert_int_equal(put(f, 63, 0, "x"), PM_ERR_IO);
    assert_int_equal(pm__store_write(f->store, &f->op, file, (const uint8_t *)"x", 1), PM_ERR_IO);
    assert_int_equal(
        pm__store_commit(f->store, &f->op, file, PM_STORAGE_UFS, text_slice("b"), false),
        PM_ERR_IO);
    int32_t reader = fixture_open_file(f, PM_STORAGE_UFS, "a", &size);
    assert_int_equal(put(f, reader, 0, "x"), PM_ERR_IO);
    assert_int_equal(cut(f, reader, 0), PM_ERR_IO);
    assert_int_equal(sync_file(f, reader), PM_ERR_IO);
    pm__store_file_close(f->store, reader);
    disk.hold_write = true;
    struct pm_op other;
    assert_int_equal(pm__store_write_at(f->store, &f->op, file, 0, (const uint8_t *)"TEXT", 4),
                     PM_PENDING);
    wait_held();
    assert_int_equal(pm__store_sync(f->store, &other, file), PM_ERR_BUSY);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(fixture_await(f, PM_PENDING), PM_OK);
    pm__store_file_close(f->store, file);
    settle(f);
    assert_holds(f, "a", "TEXT");
}

static void test_not_a_plain_file(void **state)
{
    struct fixture *f = *state;
    char path[256];
    uint64_t size = 0;
    put_text(f, "a", "text");
    (void)snprintf(path, sizeof path, "%s/ufs/a", f->state);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "a", false, &size), PM_ERR_NOT_FOUND);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "a", true, &size), PM_ERR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "a", false, &size), PM_ERR_IO);
    settle(f);
    assert_null(f->store->files[0]);
}

/* ---- Room ---- */

static void test_quota(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    f->options.ufs_size = 10;
    fixture_open(f);
    pm_file file = edit(f, "a", false, 0);
    assert_int_equal(put(f, file, 0, "01234567890"), PM_ERR_NO_SPACE);
    assert_int_equal(put(f, file, 0, "012345678"), PM_OK);
    assert_int_equal(put(f, file, 8, "ab"), PM_OK); /* one over, one beyond */
    assert_int_equal(put(f, file, 9, "cd"), PM_ERR_NO_SPACE);
    assert_int_equal(put(f, file, 0, "9876543210"), PM_OK); /* nothing grows */
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, 0);
    assert_int_equal(cut(f, file, 4), PM_OK);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, 6);
    /* What an upload has reserved is not there for a change, and the other way round. */
    pm_file upload = create(f, PM_STORAGE_UFS, 4);
    assert_int_equal(put(f, file, 4, "xyz"), PM_ERR_NO_SPACE);
    disk.hold_write = true;
    assert_int_equal(pm__store_write_at(f->store, &f->op, file, 4, (const uint8_t *)"xy", 2),
                     PM_PENDING);
    wait_held();
    struct pm_op other;
    assert_int_equal(pm__store_create(f->store, &other, PM_STORAGE_UFS, 1), PM_ERR_NO_SPACE);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(fixture_await(f, PM_PENDING), PM_OK);
    pm__store_file_close(f->store, upload);
    settle(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).free, 4);
    assert_int_equal(f->store->area[PM_STORAGE_UFS].reserved, 0);
    assert_holds(f, "a", "9876xy");
    pm__store_file_close(f->store, file);
}

/* ---- A disk that fails ---- */

static void test_failures_change_no_size(void **state)
{
    struct fixture *f = *state;
    put_text(f, "a", "0123456789");
    pm_file file = edit(f, "a", false, 10);
    disk.fail_write = ENOSPC;
    assert_int_equal(put(f, file, 10, "more"), PM_ERR_NO_SPACE);
    assert_holds(f, "a", "0123456789");
    disk.fail_write = EIO;
    assert_int_equal(put(f, file, 8, "over"), PM_ERR_IO);
    assert_holds(f, "a", "0123456789");
    disk.fail_cut = EIO;
    assert_int_equal(cut(f, file, 3), PM_ERR_IO);
    assert_holds(f, "a", "0123456789");
    disk.fail_sync = ENOSPC;
    assert_int_equal(put(f, file, 10, "!"), PM_OK);
    assert_int_equal(sync_file(f, file), PM_ERR_NO_SPACE);
    disk.count = 0;
    assert_int_equal(sync_file(f, file), PM_OK); /* it is tried again */
    assert_string_equal(disk.calls, "s");
    assert_int_equal(f->store->area[PM_STORAGE_UFS].reserved, 0);
    pm__store_file_close(f->store, file);
    settle(f);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 11);
}

/* A write that failed half-way leaves nothing beyond the old end on the disk. */
static void test_failed_growth_is_cut_off(void **state)
{
    struct fixture *f = *state;
    put_text(f, "a", "0123456789");
    pm_file file = edit(f, "a", false, 10);
    disk.count = 0;
    disk.fail_write = EIO;
    assert_int_equal(put(f, file, 10, "more"), PM_ERR_IO);
    assert_string_equal(disk.calls, "wc");
    pm__store_file_close(f->store, file);
    settle(f);
    fixture_restart(f);
    assert_holds(f, "a", "0123456789");
}

static void test_failures_to_open(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0;
    disk.fail_sync = EIO; /* of the directory */
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "a", false, &size), PM_ERR_IO);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 0);
    put_text(f, "a", "text");
    disk.fail_cut = EIO;
    assert_int_equal(try_edit(f, PM_STORAGE_UFS, "a", true, &size), PM_ERR_IO);
    settle(f);
    assert_holds(f, "a", "text");
    assert_int_equal(f->store->area[PM_STORAGE_UFS].unfinished, 0);
    pm_file file = edit(f, "a", true, 0); /* no leftover holds it */
    pm__store_file_close(f->store, file);
}

/* ---- Cancelling, closing ---- */

static void test_cancel_a_write(void **state)
{
    struct fixture *f = *state;
    put_text(f, "a", "0123456789");
    pm_file file = edit(f, "a", false, 10);
    uint8_t *data = malloc(4);
    assert_non_null(data);
    memcpy(data, "more", 4);
    disk.hold_write = true;
    assert_int_equal(pm__store_write_at(f->store, &f->op, file, 10, data, 4), PM_PENDING);
    wait_held();
    unsigned int before = f->answers;
    assert_true(pm_store_cancel(f->store, &f->op));
    memset(data, 'X', 4);
    free(data); /* the pool has its own: the sanitizer would tell */
    /* What comes next waits for the one that runs. */
    assert_int_equal(pm__store_truncate(f->store, &f->op, file, 2), PM_PENDING);
    assert_int_equal(sem_post(&disk.go), 0);
    assert_int_equal(fixture_await(f, PM_PENDING), PM_OK);
    assert_int_equal(f->answers, before + 1);
    assert_holds(f, "a", "01");
    /* So does the end of the file. */
    disk.hold_write = true;
    assert_int_equal(pm__store_write_at(f->store, &f->op, file, 2, (const uint8_t *)"!", 1),
                     PM_PENDING);
    wait_held();
    before = f->answers;
    pm__store_file_close(f->store, file);
    uint64_t size = 0;
    struct pm_op other;
    assert_int_equal(
        pm__store_edit(f->store, &other, PM_STORAGE_UFS, text_slice("a"), false, &size),
        PM_ERR_BUSY);
    assert_int_equal(sem_post(&disk.go), 0);
    settle(f);
    assert_int_equal(f->answers, before);
    assert_holds(f, "a", "01!");
}

/* Taken back before its turn nothing is made; taken back while it runs, a file may be there. */
static void test_cancel_an_opening(void **state)
{
    struct fixture *f = *state;
    struct pm_op first;
    uint64_t size = 0;
    assert_int_equal(pm__store_profile_save(f->store, &first, 1, (const uint8_t *)"p", 1),
                     PM_PENDING);
    assert_int_equal(
        pm__store_edit(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"), false, &size),
        PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    settle(f);
    assert_ptr_equal(f->ended, &first);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 0);
    assert_int_equal(
        pm__store_edit(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"), false, &size),
        PM_PENDING);
    assert_true(pm_store_cancel(f->store, &f->op));
    settle(f);
    assert_ptr_equal(f->ended, &first);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 1);
    assert_int_equal(f->store->area[PM_STORAGE_UFS].unfinished, 0);
    pm__store_file_close(f->store, edit(f, "a", false, 0));
}

/* An upload gets its name while a file of that name is being opened: that one is opened then. Of
 * two that would make one file, one does. */
static void test_races_for_a_name(void **state)
{
    struct fixture *f = *state;
    struct pm_op first;
    uint64_t size = 0;
    uint64_t other_size = 0;
    pm_file upload = create(f, PM_STORAGE_UFS, 4);
    assert_int_equal(fixture_fill(f, upload, 4, 4, 1), PM_OK);
    disk.hold_write = true;
    assert_int_equal(
        pm__store_commit(f->store, &first, upload, PM_STORAGE_UFS, text_slice("a"), false),
        PM_PENDING);
    wait_held();
    assert_int_equal(
        pm__store_edit(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"), false, &size),
        PM_PENDING);
    assert_int_equal(sem_post(&disk.go), 0);
    settle(f);
    /* Whichever of the two had its turn first, the other one knows. */
    assert_true(f->op.result >= 0);
    assert_int_equal(first.result, size == 4 ? PM_OK : PM_ERR_EXISTS);
    pm__store_file_close(f->store, f->op.result);
    settle(f);
    assert_int_equal(pm__store_profile_save(f->store, &first, 1, (const uint8_t *)"p", 1),
                     PM_PENDING);
    assert_int_equal(
        pm__store_edit(f->store, &first, PM_STORAGE_UFS, text_slice("b"), false, &other_size),
        PM_PENDING);
    assert_int_equal(
        pm__store_edit(f->store, &f->op, PM_STORAGE_UFS, text_slice("b"), false, &size),
        PM_PENDING);
    settle(f);
    assert_true(first.result >= 0);
    assert_int_equal(f->op.result, PM_ERR_BUSY);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 2);
    assert_int_equal(f->store->area[PM_STORAGE_UFS].unfinished, 0);
    pm__store_file_close(f->store, first.result);
}

/* An upload that has its name by the time the opening has its turn. */
static void test_opening_behind_a_commit(void **state)
{
    struct fixture *f = *state;
    struct pm_op first;
    struct pm_op second;
    uint64_t size = 0;
    pm_file upload = create(f, PM_STORAGE_UFS, 0);
    assert_int_equal(pm__store_profile_save(f->store, &first, 1, (const uint8_t *)"p", 1),
                     PM_PENDING);
    assert_int_equal(
        pm__store_commit(f->store, &second, upload, PM_STORAGE_UFS, text_slice("a"), false),
        PM_PENDING);
    assert_int_equal(
        pm__store_edit(f->store, &f->op, PM_STORAGE_UFS, text_slice("a"), false, &size),
        PM_PENDING);
    settle(f);
    assert_int_equal(second.result, PM_OK);
    assert_true(f->op.result >= 0);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 1);
    assert_int_equal(put(f, f->op.result, 0, "x"), PM_OK);
    assert_holds(f, "a", "x");
    pm__store_file_close(f->store, 0);
    pm__store_file_close(f->store, 1);
}

/* A file that is deleted or gets another name while it is open for changes. */
static void test_names_of_an_open_file(void **state)
{
    struct fixture *f = *state;
    put_text(f, "other", "0123456789");
    pm_file file = edit(f, "a", false, 0);
    assert_int_equal(rename_to(f, "a", "b", false), PM_OK);
    assert_int_equal(put(f, file, 0, "text"), PM_OK);
    assert_holds(f, "b", "text");
    assert_int_equal(rename_to(f, "other", "b", true), PM_OK);
    assert_int_equal(put(f, file, 4, " more"), PM_OK);
    assert_holds(f, "b", "0123456789");
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 10);
    assert_reads(f, file, "text more");
    pm__store_file_close(f->store, file);
    file = edit(f, "b", false, 10);
    assert_int_equal(
        fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_UFS, text_slice("b"))),
        PM_OK);
    assert_int_equal(put(f, file, 0, "gone"), PM_OK);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 0);
    pm__store_file_close(f->store, file);
}

/* ---- Other names ---- */

static void test_rename(void **state)
{
    struct fixture *f = *state;
    put_text(f, "a", "aaa");
    put_text(f, "b", "bb");
    assert_int_equal(rename_to(f, "none", "c", false), PM_ERR_NOT_FOUND);
    assert_int_equal(rename_to(f, "a", "b", false), PM_ERR_EXISTS);
    assert_int_equal(rename_to(f, "a", "", false), PM_ERR_IO);
    assert_int_equal(rename_to(f, "a", "../c", false), PM_OK);
    assert_int_equal(fixture_entries(f, ""), 1);
    assert_int_equal(rename_to(f, "../c", "b", true), PM_OK);
    assert_holds(f, "b", "aaa");
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 1);
    assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 3);
    disk.fail_rename = EACCES;
    assert_int_equal(rename_to(f, "b", "c", false), PM_ERR_IO);
    assert_holds(f, "b", "aaa");
    disk.fail_rename = EINVAL; /* a file system without that flag */
    assert_int_equal(rename_to(f, "b", "c", false), PM_OK);
    disk.fail_sync = EIO; /* the error is told; the name is what it is */
    assert_int_equal(rename_to(f, "c", "d", false), PM_ERR_IO);
    assert_holds(f, "d", "aaa");
    fixture_restart(f);
    assert_holds(f, "d", "aaa");
    assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 1);
}

static void test_commit_replaces(void **state)
{
    struct fixture *f = *state;
    uint64_t size = 0;
    put_text(f, "a", "old");
    int32_t reader = fixture_open_file(f, PM_STORAGE_UFS, "a", &size);
    for (uint32_t round = 0; round < 2; round++) {
        pm_file file = create(f, PM_STORAGE_UFS, 10);
        assert_int_equal(fixture_fill(f, file, 10, 10, round), PM_OK);
        disk.good_syncs = 1;
        disk.fail_sync = round == 1 ? EIO : 0; /* of the directory: what replaced stays */
        assert_int_equal(fixture_await(f, pm__store_commit(f->store, &f->op, file, PM_STORAGE_UFS,
                                                           text_slice("a"), true)),
                         round == 1 ? PM_ERR_IO : PM_OK);
        settle(f);
        assert_true(fixture_is(f, PM_STORAGE_UFS, "a", 10, round));
        assert_int_equal(info_of(f, PM_STORAGE_UFS).used, 10);
        assert_int_equal(info_of(f, PM_STORAGE_UFS).files, 1);
    }
    assert_reads(f, reader, "old");
    pm__store_file_close(f->store, reader);
    assert_int_equal(fixture_put(f, PM_STORAGE_UFS, "b", 10, 7), PM_OK);
    disk.fail_rename = ENOSPC;
    pm_file file = create(f, PM_STORAGE_UFS, 10);
    assert_int_equal(fixture_await(f, pm__store_commit(f->store, &f->op, file, PM_STORAGE_UFS,
                                                       text_slice("b"), true)),
                     PM_ERR_NO_SPACE);
    settle(f);
    assert_true(fixture_is(f, PM_STORAGE_UFS, "b", 10, 7));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_changes_are_seen_at_once),
        TEST(test_read_ahead_is_not_stale),
        TEST(test_order_on_the_disk),
        TEST(test_bad_calls),
        TEST(test_not_a_plain_file),
        TEST(test_quota),
        TEST(test_failures_change_no_size),
        TEST(test_failed_growth_is_cut_off),
        TEST(test_failures_to_open),
        TEST(test_cancel_a_write),
        TEST(test_cancel_an_opening),
        TEST(test_races_for_a_name),
        TEST(test_opening_behind_a_commit),
        TEST(test_names_of_an_open_file),
        TEST(test_rename),
        TEST(test_commit_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
