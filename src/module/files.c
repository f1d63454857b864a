/* SPDX-License-Identifier: MIT */
/* FILE commands without data mode: QFLST, QFDEL, QFLDS. */
#include <string.h>

#include "module/files.h"

uint16_t pm__file_error(int32_t status, uint16_t other)
{
    switch (status) {
    case PM_ERR_NO_STORAGE: return PM__FILE_NO_STORAGE; /* CD21 */
    case PM_ERR_NO_SPACE: return PM__FILE_NO_ROOM;
    case PM_ERR_EXISTS: return PM__FILE_EXISTS;
    case PM_ERR_BUSY: return PM__FILE_IN_USE;
    default: return other;
    }
}

uint16_t pm__room_error(const struct pm_port *port, uint64_t size)
{
    if (port->op.result != PM_OK) {
        return pm__file_error(port->op.result, PM__FILE_NO_STORAGE);
    }
    return port->task.info.free < size ? PM__FILE_NO_ROOM : 0;
}

void pm__file_fail(struct pm_port *port, uint16_t error)
{
    pm__task_end(port);
    pm__cme(port, error);
}

bool pm__file_taken(struct pm_module *module, uint8_t storage, struct pm_slice name)
{
    for (const struct pm_port *port = module->ports; port != NULL; port = port->next) {
        const struct pm_task *task = &port->task;
        if (task->claims &&
            ((task->storage == storage && pm__slice_equal(task->name, name)) ||
             (task->target_storage == storage && pm__slice_equal(task->target, name)))) {
            return true;
        }
    }
    return pm__handle_of(module, storage, name) != NULL;
}

_Static_assert(PM_FILE_NAME_SIZE <= UINT8_MAX && PM_FILE_NAME_SIZE <= PM_PORT_CHUNK,
               "a name has a length byte, and lies in the chunk while the next one is looked for");

/* "*", "UFS:*", "RAM:*", "SD:*": the storage meant. */
static bool wildcard(struct pm_slice pattern, uint8_t *storage)
{
    struct pm_slice name;
    if (pattern.len == 0 || pm__file_name(pattern, storage, &name) != 0) {
        return false;
    }
    return name.len == 1 && name.ptr[0] == '*';
}

static struct pm_slice entry_name(const struct pm_task *task)
{
    return (struct pm_slice){task->entry.name, task->entry.name_len};
}

/* Asks for the entry after the present one. The name asked with lies in the port's chunk, for
 * the platform writes the entry. */
static int32_t next_entry(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    memcpy(port->chunk, task->entry.name, task->entry.name_len);
    return platform->file_next(platform->user, &port->op, (enum pm_storage)task->storage,
                               (struct pm_slice){port->chunk, task->entry.name_len}, &task->entry);
}

uint32_t pm__file_shown(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static void print_entry(struct pm_port *port, struct pm_slice name, uint64_t size)
{
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QFLST: ");
    pm__put_file_name_quoted(&port->at, port->task.storage, name, true);
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, pm__file_shown(size));
}

/* ---- QFLST --------------------------------------------------------------------- */

enum { LIST_NEXT, LIST_ENTRY, LIST_STAT, LIST_FOUND };

/* A line takes at most the name, its prefix, the size and framing. */
#define LIST_LINE (PM_FILE_NAME_SIZE + 40U)

static bool list_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    switch (task->state) {
    case LIST_NEXT:
        if (pm_at_room(&port->at) < LIST_LINE) { /* The host reads slower than we print. */
            pm_at_flush(&port->at);
            return false;
        }
        return pm__await(port, next_entry(port), LIST_ENTRY);
    case LIST_ENTRY:
        if (port->op.result == PM_OK) {
            print_entry(port, entry_name(task), task->entry.size);
            task->state = LIST_NEXT;
            return true;
        }
        if (port->op.result != PM_ERR_NOT_FOUND) {
            pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_LIST));
            return true;
        }
        break;
    case LIST_STAT:
        return pm__await(port,
                         platform->file_stat(platform->user, &port->op,
                                             (enum pm_storage)task->storage, task->name,
                                             &task->size),
                         LIST_FOUND);
    default:
        if (port->op.result != PM_OK) {
            pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NOT_FOUND)); /* CD6 */
            return true;
        }
        print_entry(port, task->name, task->size);
        break;
    }
    pm__task_end(port);
    pm__ok(port);
    return true;
}

static void run_qflst(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    struct pm_slice pattern = form == PM_AT_EXEC ? pm__slice("*") : values->v[0].text;
    uint8_t storage = PM_STORAGE_UFS;
    bool all = wildcard(pattern, &storage);
    struct pm_slice name = {NULL, 0};
    uint16_t error = all ? 0 : pm__file_name(pattern, &storage, &name);
    if (error != 0) {
        pm__cme(port, error);
        return;
    }
    pm__task_begin(port, list_step);
    port->task.storage = storage;
    port->task.name = name;
    port->task.state = all ? LIST_NEXT : LIST_STAT;
}

/* ---- QFDEL --------------------------------------------------------------------- */

enum { DELETE_NEXT, DELETE_ENTRY, DELETE_NAME, DELETE_DONE };

/* Whether a file is open, or any in its storage when the name is empty: then none is deleted. */
static bool is_open(struct pm_module *module, uint8_t storage, struct pm_slice name)
{
    if (name.len != 0) {
        return pm__handle_of(module, storage, name) != NULL;
    }
    for (uint8_t i = 0; i < PM_MAX_HANDLES; i++) {
        if (module->handles[i].used && module->handles[i].storage == storage) {
            return true;
        }
    }
    return false;
}

static bool delete_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    const enum pm_storage storage = (enum pm_storage)task->storage;
    bool gone = false;
    switch (task->state) {
    case DELETE_NEXT:
        task->name = (struct pm_slice){NULL, 0}; /* It lay in the entry. */
        return pm__await(port, next_entry(port), DELETE_ENTRY);
    case DELETE_ENTRY:
        if (port->op.result == PM_OK) {
            task->name = entry_name(task);
            task->state = DELETE_NAME;
            return true;
        }
        if (port->op.result != PM_ERR_NOT_FOUND) {
            pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_DELETE));
            return true;
        }
        break;
    case DELETE_NAME:
        if (pm__handle_of(port->module, task->storage, task->name) != NULL) {
            pm__file_fail(port, PM__FILE_IN_USE); /* opened meanwhile, on another port */
            return true;
        }
        return pm__await(port,
                         platform->file_delete(platform->user, &port->op, storage, task->name),
                         DELETE_DONE);
    default:
        gone = task->argument[0] != 0 && port->op.result == PM_ERR_NOT_FOUND;
        if (port->op.result != PM_OK && !gone) { /* Another port may delete all files, too. */
            pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_DELETE)); /* CD2 */
            return true;
        }
        if (task->argument[0] != 0) { /* all files: the next one after this */
            task->state = DELETE_NEXT;
            return true;
        }
        break;
    }
    pm__task_end(port);
    pm__ok(port);
    return true;
}

static void run_qfdel(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    struct pm_port *port = owner;
    uint8_t storage = PM_STORAGE_UFS;
    struct pm_slice name = {NULL, 0};
    (void)form;
    bool all = wildcard(values->v[0].text, &storage);
    uint16_t error = all ? 0 : pm__file_name(values->v[0].text, &storage, &name);
    if (error == 0 && is_open(port->module, storage, name)) {
        error = PM__FILE_IN_USE;
    }
    if (error != 0) {
        pm__cme(port, error);
        return;
    }
    pm__task_begin(port, delete_step);
    port->task.claims = true;
    port->task.storage = storage;
    port->task.name = name;
    port->task.argument[0] = all ? 1 : 0;
    port->task.state = all ? DELETE_NEXT : DELETE_NAME;
}

/* ---- QFLDS --------------------------------------------------------------------- */

enum { INFO_START, INFO_DONE };

static bool info_step(struct pm_port *port)
{
    struct pm_task *task = &port->task;
    const struct pm_platform *platform = port->module->platform;
    if (task->state == INFO_START) {
        return pm__await(port,
                         platform->storage_info(platform->user, &port->op,
                                                (enum pm_storage)task->storage, &task->info),
                         INFO_DONE);
    }
    if (port->op.result != PM_OK) {
        pm__file_fail(port, pm__file_error(port->op.result, PM__FILE_NO_STORAGE));
        return true;
    }
    bool space = task->argument[0] != 0;
    pm_at_info(&port->at);
    pm_at_put(&port->at, "+QFLDS: ");
    pm_at_put_number(&port->at, pm__file_shown(space ? task->info.free : task->info.used));
    pm_at_put(&port->at, ",");
    pm_at_put_number(&port->at, pm__file_shown(space ? task->info.total : task->info.files));
    pm__task_end(port);
    pm__ok(port);
    return true;
}

static void run_qflds(void *owner, enum pm_at_form form, const struct pm_at_values *values)
{
    static const char *const names[] = {"UFS", "RAM", "SD"};
    struct pm_port *port = owner;
    uint8_t storage = 0;
    while (form == PM_AT_WRITE && storage < 3 &&
           !pm__slice_equal_nocase(values->v[0].text, pm__slice(names[storage]))) {
        storage++;
    }
    if (storage == 3) {
        pm__cme(port, PM__CME_FILE_INPUT);
        return;
    }
    pm__task_begin(port, info_step);
    port->task.storage = storage;
    port->task.argument[0] = form == PM_AT_WRITE ? 1 : 0;
}

/* Longer than any name: what is too long is judged by pm__file_name and answered 406. */
#define NAME_PARAM                                            \
    {                                                         \
        .name = "filename", .type = PM_AT_STRING, .max = 4096 \
    }

static const struct pm_at_param name_params[] = {NAME_PARAM};
static const struct pm_at_param upload_params[] = {
    NAME_PARAM,
    {.name = "file_size", .flags = PM_AT_OPTIONAL, .min = 1, .max = INT32_MAX, .def = 10240},
    {.name = "timeout", .flags = PM_AT_OPTIONAL, .min = 1, .max = 65535, .def = 5},
    {.name = "ackmode", .flags = PM_AT_OPTIONAL, .max = 1},
};
#define HANDLE_PARAM                           \
    {                                          \
        .name = "filehandle", .max = INT32_MAX \
    }
static const struct pm_at_param open_params[] = {
    NAME_PARAM,
    {.name = "mode", .flags = PM_AT_OPTIONAL, .max = 2},
};
static const struct pm_at_param handle_params[] = {HANDLE_PARAM};
static const struct pm_at_param read_params[] = {
    HANDLE_PARAM,
    {.name = "length", .flags = PM_AT_OPTIONAL, .min = 1, .max = INT32_MAX}, /* or to the end */
};
static const struct pm_at_param write_params[] = {
    HANDLE_PARAM,
    {.name = "length", .flags = PM_AT_OPTIONAL, .min = 1, .max = INT32_MAX, .def = 10240},
    {.name = "timeout", .flags = PM_AT_OPTIONAL, .min = 1, .max = 65535, .def = 5},
};
static const struct pm_at_param seek_params[] = {
    HANDLE_PARAM,
    {.name = "offset", .max = INT32_MAX},
    {.name = "position", .flags = PM_AT_OPTIONAL, .max = 2},
};
static const struct pm_at_param move_params[] = {
    {.name = "src_filename", .type = PM_AT_STRING, .max = 4096},
    {.name = "dst_filename", .type = PM_AT_STRING, .max = 4096},
    {.name = "copy", .flags = PM_AT_OPTIONAL, .max = 1},
    {.name = "overwrite", .flags = PM_AT_OPTIONAL, .max = 1},
};
static const struct pm_at_param storage_params[] = {
    {.name = "name_pattern", .type = PM_AT_STRING, .max = 16},
};

#define FILE_ROW(n) .name = (n), .bad = PM__CME_FILE_INPUT, .group = PM__GROUP_FILE

static const struct pm_at_command rows[] = {
    {FILE_ROW("+QFUPL"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_DATA, .param_count = 4,
     .params = upload_params, .test = "+QFUPL: <filename>[,(1-<freesize>)[,(1-65535)[,(0,1)]]]",
     .handler = pm__run_qfupl},
    {FILE_ROW("+QFDWL"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_DATA, .param_count = 1,
     .params = name_params, .handler = pm__run_qfdwl},
    {FILE_ROW("+QFLST"), .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OK,
     .param_count = 1, .params = name_params, .handler = run_qflst},
    {FILE_ROW("+QFDEL"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 1, .params = name_params,
     .handler = run_qfdel},
    {FILE_ROW("+QFLDS"), .forms = PM_AT_EXEC | PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_TEST_OK,
     .param_count = 1, .params = storage_params, .handler = run_qflds},
    {FILE_ROW("+QFOPEN"), .forms = PM_AT_READ | PM_AT_TEST | PM_AT_WRITE, .param_count = 2,
     .params = open_params, .test = "+QFOPEN: <filename>[,(0-2)]", .handler = pm__run_qfopen},
    {FILE_ROW("+QFREAD"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_DATA, .param_count = 2,
     .params = read_params, .test = "+QFREAD: <filehandle>[,<length>]", .handler = pm__run_qfread},
    {FILE_ROW("+QFWRITE"), .forms = PM_AT_TEST | PM_AT_WRITE, .flags = PM_AT_DATA, .param_count = 3,
     .params = write_params, .test = "+QFWRITE: <filehandle>[,<length>[,<timeout>]]",
     .handler = pm__run_qfwrite},
    {FILE_ROW("+QFSEEK"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 3,
     .params = seek_params, .test = "+QFSEEK: <filehandle>,<offset>[,<position>]",
     .handler = pm__run_qfseek},
    {FILE_ROW("+QFPOSITION"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 1,
     .params = handle_params, .test = "+QFPOSITION: <filehandle>", .handler = pm__run_qfposition},
    {FILE_ROW("+QFTUCAT"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 1,
     .params = handle_params, .test = "+QFTUCAT: <filehandle>", .handler = pm__run_qftucat},
    {FILE_ROW("+QFCLOSE"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 1,
     .params = handle_params, .test = "+QFCLOSE: <filehandle>", .handler = pm__run_qfclose},
    {FILE_ROW("+QFMOV"), .forms = PM_AT_TEST | PM_AT_WRITE, .param_count = 4, .params = move_params,
     .test = "+QFMOV: <src_filename>,<dst_filename>[,(0,1)[,(0,1)]]", .handler = pm__run_qfmov},
};

const struct pm__commands pm__file_commands = {rows, sizeof rows / sizeof rows[0]};
