/* SPDX-License-Identifier: MIT */
/* A disk that is really full, and ram/ as a mount point of its own. Needs the right to mount. */
#include "host_store_fixture.h"

#include <sys/mount.h>

#define SKIPPED 77

static bool ram_mounted(const struct fixture *f, bool mounted)
{
    char path[112];
    (void)snprintf(path, sizeof path, "%s/ram", f->state);
    return (mounted ? mount("tmpfs", path, "tmpfs", 0, "size=256k") : umount(path)) == 0;
}

/* A file that is changed in place keeps what was answered PM_OK, and nothing else. */
static void full_while_changed(struct fixture *f)
{
    uint8_t piece[3000];
    uint64_t size = 0;
    int32_t file = fixture_await(
        f, pm__store_edit(f->store, &f->op, PM_STORAGE_RAM, text_slice("log"), false, &size));
    assert_true(file >= 0);
    int32_t result = PM_OK;
    while (result == PM_OK) {
        assert_true(size < 1000000);
        pattern_fill(piece, sizeof piece, 3, size);
        result =
            fixture_await(f, pm__store_write_at(f->store, &f->op, file, size, piece, sizeof piece));
        size += result == PM_OK ? sizeof piece : 0;
    }
    assert_int_equal(result, PM_ERR_NO_SPACE);
    assert_true(size > 100000);
    assert_true(fixture_is(f, PM_STORAGE_RAM, "log", size, 3));
    assert_int_equal(
        fixture_await(f, pm__store_write_at(f->store, &f->op, file, 0, piece, sizeof piece)),
        PM_OK); /* over what is there */
    pm__store_file_close(f->store, file);
    assert_int_equal(
        fixture_await(f, pm__store_delete(f->store, &f->op, PM_STORAGE_RAM, text_slice("log"))),
        PM_OK);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    assert_true(ram_mounted(f, true));
    fixture_open(f);
    /* The announced size is reserved on the disk itself: the host learns before CONNECT. */
    int32_t file = fixture_await(f, pm__store_create(f->store, &f->op, PM_STORAGE_RAM, 1000000));
    assert_int_equal(file, PM_ERR_NO_SPACE);
    /* More than was announced. */
    file = fixture_await(f, pm__store_create(f->store, &f->op, PM_STORAGE_RAM, 1000));
    assert_true(file >= 0);
    int32_t result = fixture_fill(f, file, 1000000, 4096, 1);
    if (result == PM_OK) {
        result = fixture_commit(f, file, PM_STORAGE_RAM, "big");
    } else {
        pm__store_file_close(f->store, file);
    }
    assert_int_equal(result, PM_ERR_NO_SPACE);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(fixture_entries(f, "state/ram"), 0);
    /* A scratch file says so at the write. */
    file = fixture_await(f, pm__store_scratch(f->store, &f->op));
    assert_true(file >= 0);
    assert_int_equal(fixture_fill(f, file, 1000000, 4096, 1), PM_ERR_NO_SPACE);
    pm__store_file_close(f->store, file);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    full_while_changed(f);
    assert_int_equal(fixture_put(f, PM_STORAGE_RAM, "fits", 100000, 2), PM_OK);
    assert_true(fixture_is(f, PM_STORAGE_RAM, "fits", 100000, 2));
    fixture_close(f);
    assert_true(ram_mounted(f, false));
}

/* Tries out on a directory of its own whether mounting is allowed. */
static bool may_mount(void)
{
    char dir[] = "/tmp/pm-test-mount-XXXXXX";
    if (mkdtemp(dir) == NULL) {
        return false;
    }
    bool good = mount("tmpfs", dir, "tmpfs", 0, "size=64k") == 0;
    if (good) {
        (void)umount(dir);
    }
    (void)rmdir(dir);
    return good;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_disk, fixture_setup, fixture_teardown),
    };
    if (!may_mount()) {
        (void)printf("skipped: needs the right to mount\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
