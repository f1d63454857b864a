/* SPDX-License-Identifier: MIT */
/*
 * The smallest program around libpostmodem.a: one module, one port, one mail.
 *
 * It stands for a firmware. There is no heap, no thread and no operating system call but the
 * printing at the end of the line: files lie in static arrays, and the "mail server" is a few lines
 * inside the platform. On a device you replace the functions of the platform, one by one, by
 * those of your file system, your TCP stack and your clock; nothing else changes. Every operation
 * here finishes at once. One that takes its time answers PM_PENDING and calls pm_module_done()
 * later, from the main loop.
 *
 * ctest:
 * ctest-output: 1 mail was delivered
 */
#include <stdio.h>
#include <string.h>

#include "postmodem/module.h"

/* ---- Everything the module needs, in static memory -------------------------------- */

static struct pm_module module;
static struct pm_port port;
static struct pm_at_table table;
static struct pm_module_config config;
static uint8_t arena[4096];      /* texts of the draft and of the settings */
static uint8_t job_buffer[4096]; /* of the one mail on its way */
static uint64_t now;             /* a virtual clock; a device has a tick counter */

/* ---- Files ------------------------------------------------------------------------ */

#define FILES 6

static struct {
    bool used;
    uint8_t open; /* how many pm_file refer to it */
    enum pm_storage storage;
    uint8_t name[PM_FILE_NAME_SIZE];
    size_t name_len; /* 0: has no name (yet, or any more) */
    uint8_t data[1024];
    size_t len;
} files[FILES];

static int32_t find(enum pm_storage storage, struct pm_slice name)
{
    for (int32_t i = 0; i < FILES; i++) {
        if (files[i].used && files[i].name_len == name.len && files[i].storage == storage &&
            memcmp(files[i].name, name.ptr, name.len) == 0) {
            return i;
        }
    }
    return PM_ERR_NOT_FOUND;
}

static int32_t file_create(void *user, struct pm_op *op, enum pm_storage storage, uint64_t size)
{
    (void)user;
    (void)op;
    if (storage == PM_STORAGE_SD) {
        return PM_ERR_NO_STORAGE;
    }
    if (size > sizeof files[0].data) {
        return PM_ERR_NO_SPACE;
    }
    for (int32_t i = 0; i < FILES; i++) {
        if (!files[i].used) {
            memset(&files[i], 0, sizeof files[i]);
            files[i].used = true;
            files[i].open = 1;
            files[i].storage = storage;
            return i;
        }
    }
    return PM_ERR_NO_MEMORY;
}

static int32_t scratch_create(void *user, struct pm_op *op)
{
    return file_create(user, op, PM_STORAGE_RAM, 0);
}

static int32_t file_write(void *user, struct pm_op *op, pm_file file, const uint8_t *data,
                          size_t len)
{
    (void)user;
    (void)op;
    if (len > sizeof files[file].data - files[file].len) {
        return PM_ERR_NO_SPACE;
    }
    memcpy(files[file].data + files[file].len, data, len);
    files[file].len += len;
    return PM_OK;
}

static void file_close(void *user, pm_file file)
{
    (void)user;
    files[file].open--;
    files[file].used = files[file].open > 0 || files[file].name_len > 0;
}

static void set_name(int32_t file, struct pm_slice name)
{
    memcpy(files[file].name, name.ptr, name.len);
    files[file].name_len = name.len;
}

/* Whoever has it open may go on reading. */
static void unname(int32_t file)
{
    files[file].name_len = 0;
    files[file].used = files[file].open > 0;
}

static int32_t file_commit(void *user, struct pm_op *op, pm_file file, enum pm_storage storage,
                           struct pm_slice name, bool replace)
{
    int32_t there = find(storage, name);
    (void)op;
    if (there >= 0 && replace) {
        unname(there);
    }
    if (there < 0 || replace) {
        set_name(file, name);
    }
    file_close(user, file);
    return there >= 0 && !replace ? PM_ERR_EXISTS : PM_OK;
}

static int32_t file_stat(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    int32_t file = find(storage, name);
    (void)user;
    (void)op;
    if (file >= 0) {
        *size = files[file].len;
    }
    return file >= 0 ? PM_OK : file;
}

static int32_t file_open(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, uint64_t *size)
{
    int32_t file = find(storage, name);
    if (file >= 0) {
        files[file].open++;
        (void)file_stat(user, op, storage, name, size);
    }
    return file;
}

static int32_t file_read(void *user, struct pm_op *op, pm_file file, uint64_t offset, uint8_t *data,
                         size_t len)
{
    (void)user;
    (void)op;
    size_t rest = offset < files[file].len ? files[file].len - (size_t)offset : 0;
    size_t n = len < rest ? len : rest;
    memcpy(data, files[file].data + (n > 0 ? offset : 0), n);
    return (int32_t)n;
}

static int32_t file_delete(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice name)
{
    int32_t file = find(storage, name);
    (void)user;
    (void)op;
    if (file >= 0) {
        unname(file);
    }
    return file >= 0 ? PM_OK : file;
}

static int32_t file_rename(void *user, struct pm_op *op, enum pm_storage storage,
                           struct pm_slice from, struct pm_slice to, bool replace)
{
    int32_t file = find(storage, from);
    int32_t there = find(storage, to);
    (void)user;
    (void)op;
    if (file < 0 || (there >= 0 && !replace)) {
        return file < 0 ? file : PM_ERR_EXISTS;
    }
    if (there >= 0) {
        unname(there);
    }
    set_name(file, to);
    return PM_OK;
}

/* In static memory a file that is changed in place is like any other, and always durable. */
static int32_t file_edit(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice name, bool empty, uint64_t *size)
{
    int32_t file = find(storage, name);
    if (file < 0) {
        file = file_create(user, op, storage, 0);
        if (file < 0) {
            return file;
        }
        set_name(file, name);
    } else {
        files[file].open++;
    }
    files[file].len = empty ? 0 : files[file].len;
    *size = files[file].len;
    return file;
}

static int32_t file_write_at(void *user, struct pm_op *op, pm_file file, uint64_t offset,
                             const uint8_t *data, size_t len)
{
    (void)user;
    (void)op;
    if (len > sizeof files[file].data - offset) {
        return PM_ERR_NO_SPACE;
    }
    memcpy(files[file].data + offset, data, len);
    if (offset + len > files[file].len) {
        files[file].len = (size_t)offset + len;
    }
    return PM_OK;
}

static int32_t file_truncate(void *user, struct pm_op *op, pm_file file, uint64_t size)
{
    (void)user;
    (void)op;
    files[file].len = (size_t)size;
    return PM_OK;
}

static int32_t file_sync(void *user, struct pm_op *op, pm_file file)
{
    (void)user, (void)op, (void)file;
    return PM_OK;
}

/* True when file `i` sorts after a name. */
static bool sorts_after(int32_t i, struct pm_slice name)
{
    size_t common = files[i].name_len < name.len ? files[i].name_len : name.len;
    int order = common > 0 ? memcmp(files[i].name, name.ptr, common) : 0;
    return order != 0 ? order > 0 : files[i].name_len > name.len;
}

static int32_t file_next(void *user, struct pm_op *op, enum pm_storage storage,
                         struct pm_slice after, struct pm_file_entry *entry)
{
    int32_t best = PM_ERR_NOT_FOUND;
    (void)user;
    (void)op;
    for (int32_t i = 0; i < FILES; i++) {
        struct pm_slice name = {files[i].name, files[i].name_len};
        if (files[i].used && name.len > 0 && files[i].storage == storage && sorts_after(i, after) &&
            (best < 0 || sorts_after(best, name))) {
            best = i;
        }
    }
    if (best < 0) {
        return best;
    }
    memcpy(entry->name, files[best].name, files[best].name_len);
    entry->name_len = (uint8_t)files[best].name_len;
    entry->size = files[best].len;
    return PM_OK;
}

static int32_t storage_info(void *user, struct pm_op *op, enum pm_storage storage,
                            struct pm_storage_info *info)
{
    (void)user;
    (void)op;
    memset(info, 0, sizeof *info);
    for (int32_t i = 0; i < FILES; i++) {
        bool counts = files[i].used && files[i].name_len > 0 && files[i].storage == storage;
        info->files += counts ? 1 : 0;
        info->used += counts ? files[i].len : 0;
        info->free += files[i].used ? 0 : sizeof files[i].data;
    }
    info->total = info->used + info->free;
    return storage == PM_STORAGE_SD ? PM_ERR_NO_STORAGE : PM_OK;
}

/* A device without a place for settings. */
static int32_t profile_save(void *user, struct pm_op *op, uint8_t key, const uint8_t *data,
                            size_t len)
{
    (void)user, (void)op, (void)key, (void)data, (void)len;
    return PM_ERR_IO;
}

static int32_t profile_load(void *user, uint8_t key, uint8_t *data, size_t cap)
{
    (void)user, (void)key;
    memset(data, 0, cap);
    return 0; /* bytes: nothing was kept */
}

/* ---- The mail connection, and the server at its other end --------------------------- */

static struct {
    bool in_data;
    char line[1024];
    size_t line_len;
    char answer[256]; /* what it has to say, until the main loop hands it to the module */
    char mail[4096];
    size_t mail_len;
    unsigned int delivered;
} server;

static void server_says(const char *text)
{
    strncat(server.answer, text, sizeof server.answer - 1 - strlen(server.answer));
}

static void server_command(void)
{
    if (strncmp(server.line, "EHLO", 4) == 0) {
        server_says("250-mail.example\r\n250 SIZE 4000\r\n");
    } else if (strncmp(server.line, "DATA", 4) == 0) {
        server.in_data = true;
        server_says("354 go on\r\n");
    } else if (strncmp(server.line, "QUIT", 4) == 0) {
        server_says("221 bye\r\n");
    } else {
        server_says("250 fine\r\n");
    }
}

/* One line with its CRLF has come. */
static void server_line(void)
{
    if (!server.in_data) {
        server_command();
    } else if (strcmp(server.line, ".\r\n") == 0) {
        server.in_data = false;
        server.delivered++;
        server_says("250 kept\r\n");
    } else {
        const char *text = server.line + (server.line[0] == '.' ? 1 : 0);
        int n = snprintf(server.mail + server.mail_len, sizeof server.mail - server.mail_len, "%s",
                         text);
        server.mail_len += n > 0 ? (size_t)n : 0;
    }
}

static int32_t conn_open(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    (void)user, (void)op;
    if (request->tls != NULL) {
        return PM_ERR_TLS; /* this device has no TLS: the host gets +QSMTPPUT: 665,0 */
    }
    server_says("220 mail.example\r\n");
    return PM_OK;
}

static int32_t conn_starttls(void *user, struct pm_op *op, const struct pm_connect_request *request)
{
    (void)user, (void)op, (void)request;
    return PM_ERR_TLS;
}

static int32_t conn_send(void *user, const uint8_t *data, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++) {
        if (server.line_len < sizeof server.line - 1) {
            server.line[server.line_len++] = (char)data[i];
            server.line[server.line_len] = 0;
        }
        if (data[i] == '\n') {
            server_line();
            server.line_len = 0;
        }
    }
    return (int32_t)len;
}

static void conn_close(void *user, bool graceful)
{
    (void)user, (void)graceful;
    server.answer[0] = 0;
}

/* Without HMAC the session uses AUTH PLAIN or LOGIN; hash, pbkdf2 and token are left NULL. */
static int32_t hmac(void *user, struct pm_op *op, enum pm_hmac algorithm, struct pm_slice key,
                    struct pm_slice data, uint8_t *out)
{
    (void)user, (void)op, (void)algorithm, (void)key, (void)data;
    out[0] = 0;
    return PM_ERR_UNSUPPORTED;
}

/* ---- Clock, randomness, memory, log -------------------------------------------------- */

static void write_log(void *user, enum pm_log_level level, const char *text, size_t len)
{
    (void)user;
    if (level <= PM_LOG_WARNING) {
        (void)fprintf(stderr, "log: %.*s\n", (int)len, text);
    }
}

static void wall_clock(void *user, struct pm_wall_time *time)
{
    (void)user;
    time->unix_seconds = 1700000000; /* a device asks its RTC */
    time->offset_minutes = 60;
}

static int32_t random_bytes(void *user, uint8_t *out, size_t len)
{
    static uint32_t state = 1; /* a device asks its generator: these can be foreseen */
    (void)user;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525U + 1013904223U;
        out[i] = (uint8_t)(state >> 24);
    }
    return PM_OK;
}

static void cancel(void *user, struct pm_op *op)
{
    (void)user, (void)op; /* nothing is ever pending here */
}

static uint8_t *job_memory(void *user, size_t *size)
{
    (void)user;
    *size = sizeof job_buffer;
    return job_buffer;
}

static void job_memory_free(void *user, uint8_t *memory)
{
    (void)user;
    memset(memory, 0, sizeof job_buffer); /* static: nothing to give back, but to forget */
}

static struct pm_platform platform = {
    .log = write_log,
    .wall_clock = wall_clock,
    .random = random_bytes,
    .cancel = cancel,
    .file_create = file_create,
    .scratch_create = scratch_create,
    .file_write = file_write,
    .file_commit = file_commit,
    .file_open = file_open,
    .file_read = file_read,
    .file_close = file_close,
    .file_stat = file_stat,
    .file_delete = file_delete,
    .file_rename = file_rename,
    .file_edit = file_edit,
    .file_write_at = file_write_at,
    .file_truncate = file_truncate,
    .file_sync = file_sync,
    .file_next = file_next,
    .storage_info = storage_info,
    .profile_save = profile_save,
    .profile_load = profile_load,
    .conn_open = conn_open,
    .conn_starttls = conn_starttls,
    .conn_send = conn_send,
    .conn_close = conn_close,
    .hmac = hmac,
    .job_memory = job_memory,
    .job_memory_free = job_memory_free,
};

/* ---- The main loop -------------------------------------------------------------------- */

static char heard[4096]; /* what the port has said since the last command */

/* Hands on what the port has to say: here to the screen, on a device to the UART. */
static void drain_port(void)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    while ((len = pm_port_output(&port, &data)) > 0) {
        (void)printf("%.*s", (int)len, (const char *)data);
        strncat(heard, (const char *)data,
                len < sizeof heard - 1 - strlen(heard) ? len : sizeof heard - 1 - strlen(heard));
        pm_port_output_ack(&port, len, now);
    }
}

/* One round: what the server said, what the port says, and time. */
static void poll_once(void)
{
    if (server.answer[0] != 0) {
        char answer[sizeof server.answer];
        memcpy(answer, server.answer, sizeof answer);
        server.answer[0] = 0;
        pm_module_received(&module, (const uint8_t *)answer, strlen(answer), now);
    }
    drain_port();
    uint64_t deadline = pm_module_deadline(&module);
    if (server.answer[0] == 0 && deadline != PM_NEVER && deadline > now) {
        now = deadline; /* the virtual clock jumps; a device sleeps or does other work */
    }
    pm_module_tick(&module, now);
    drain_port();
}

/* Types a line, and runs until `until` has come back. */
static bool talk(const char *typed, const char *until)
{
    size_t len = strlen(typed);
    size_t taken = 0;
    heard[0] = 0;
    for (int rounds = 0; rounds < 1000; rounds++) {
        if (taken < len) {
            taken += pm_port_input(&port, (const uint8_t *)typed + taken, len - taken, now);
        }
        drain_port();
        if (strstr(heard, until) != NULL) {
            return true;
        }
        poll_once();
    }
    return false;
}

static const char *const dialogue[][2] = {
    {"AT+QIACT=1\r", "OK\r\n"},
    {"AT+QSMTPCFG=\"smtpserver\",\"mail.example\",25\r", "OK\r\n"},
    {"AT+QSMTPCFG=\"sender\",\"Pump 3\",\"pump@device.example\"\r", "OK\r\n"},
    {"AT+QSMTPDST=1,1,\"alarm@mail.example\"\r", "OK\r\n"},
    {"AT+QSMTPSUB=0,\"Pump 3 has stopped\"\r", "OK\r\n"},
    {"AT+QSMTPBODY=0,22\r", "CONNECT\r\n"},
    {"It stopped at 08:15.\r\n", "OK\r\n"},
    {"AT+QFUPL=\"RAM:log.csv\",12\r", "CONNECT\r\n"},
    {"08:15,stop\r\n", "OK\r\n"},
    {"AT+QFOPEN=\"RAM:log.csv\"\r", "+QFOPEN: 1\r\n\r\nOK\r\n"},
    {"AT+QFSEEK=1,0,2\r", "OK\r\n"},
    {"AT+QFWRITE=1,14\r", "CONNECT\r\n"},
    {"08:20,idle\r\n??", "+QFWRITE: 14,26\r\n\r\nOK\r\n"},
    {"AT+QFSEEK=1,2,2;+QFTUCAT=1;+QFCLOSE=1\r", "OK\r\n"},
    {"AT+QFMOV=\"RAM:log.csv\",\"RAM:day.csv\"\r", "OK\r\n"},
    {"AT+QSMTPATT=1,1,\"RAM:day.csv\"\r", "OK\r\n"},
    {"AT+QSMTPPUT=300\r", "+QSMTPPUT: 0,0\r\n"},
};

int main(void)
{
    pm_module_config_default(&config);
    config.boot_delay = false;
    if (!pm_module_table(&table) ||
        !pm_module_init(&module, &config, &platform, &table, arena, sizeof arena, now)) {
        (void)fprintf(stderr, "the module does not start\n");
        return 1;
    }
    pm_port_init(&port, &module, "uart1", false, false, now);
    for (size_t i = 0; i < sizeof dialogue / sizeof dialogue[0]; i++) {
        if (!talk(dialogue[i][0], dialogue[i][1])) {
            (void)fprintf(stderr, "no answer to %s\n", dialogue[i][0]);
            return 1;
        }
    }
    pm_module_end(&module);
    if (server.delivered != 1 || strstr(server.mail, "Subject: Pump 3 has stopped\r\n") == NULL ||
        strstr(server.mail, "MDg6MTUsc3RvcA0KMDg6MjAsaWRsZQ0K\r\n") == NULL) {
        (void)fprintf(stderr, "the mail is not what was typed\n");
        return 1;
    }
    (void)printf("\n%s\n1 mail was delivered\n", server.mail);
    return 0;
}
