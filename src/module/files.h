/* SPDX-License-Identifier: MIT */
/* What the files of the FILE manual share. */
#ifndef PM_MODULE_FILES_H
#define PM_MODULE_FILES_H

#include "module/internal.h"

/* +CME numbers of the FILE manual, and what they are for here (CD31). */
enum pm__file_cme {
    PM__FILE_TOO_LARGE = 401,
    PM__FILE_READ_NOTHING = 402,
    PM__FILE_NO_ROOM = 403,
    PM__FILE_NO_MOVE = 404,
    PM__FILE_NOT_FOUND = 405,
    PM__FILE_NAME = 406,
    PM__FILE_EXISTS = 407,
    PM__FILE_NO_CREATE = 408,
    PM__FILE_NO_WRITE = 409,
    PM__FILE_NO_OPEN = 410,
    PM__FILE_NO_READ = 411,
    PM__FILE_TOO_MANY = 413,
    PM__FILE_READ_ONLY = 414,
    PM__FILE_BAD_HANDLE = 416,
    PM__FILE_NO_LIST = 417,
    PM__FILE_NO_DELETE = 418,
    PM__FILE_NO_STORAGE = 419,
    PM__FILE_TIMEOUT = 421,
    PM__FILE_IN_USE = 426
};

/* The +CME number of a platform status; `other` for those without one of their own (CD31). */
uint16_t pm__file_error(int32_t status, uint16_t other);

/* After storage_info() into the task: 0 when `size` bytes fit, else the +CME number. */
uint16_t pm__room_error(const struct pm_port *port, uint64_t size);

/* Ends the port's task and answers its command with an error. */
void pm__file_fail(struct pm_port *port, uint16_t error);

/* As pm__file_name() for a name that means one file: "*" is none (406). */
uint16_t pm__file_name_one(struct pm_slice text, uint8_t *storage, struct pm_slice *name);

/* True when a file is open, or a command on some port deletes or moves it, or moves another to
 * its name. */
bool pm__file_taken(struct pm_module *module, uint8_t storage, struct pm_slice name);

/* Storages count in 64 bits, answers in 32: what is larger shows as the largest. */
uint32_t pm__file_shown(uint64_t number);

/* transfer.c: true when the line that ends a transfer fits; a host that does not read may have
 * left no room for it. */
bool pm__result_fits(struct pm_port *port);
/* Hands the chunk of the port to its host, counts it, and goes on in state `then` when all of it
 * is out. False when nothing could be handed over. */
bool pm__put_chunk(struct pm_port *port, uint8_t then);

/* handles.c. Modes of QFOPEN. */
enum pm__mode { PM__MODE_KEEP, PM__MODE_EMPTY, PM__MODE_READ };
/* The handle of a number, for the running command to use, or to change its file. NULL when that
 * may not be: the command has been answered. */
struct pm_handle *pm__handle_use(struct pm_port *port, int32_t number, bool changing);
/* Starts a task that works with a handle until it ends. */
void pm__handle_begin(struct pm_port *port, struct pm_handle *handle, bool changing,
                      bool (*step)(struct pm_port *port));

void pm__run_qfopen(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfclose(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfseek(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfposition(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfread(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfwrite(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qftucat(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfmov(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfupl(void *owner, enum pm_at_form form, const struct pm_at_values *values);
void pm__run_qfdwl(void *owner, enum pm_at_form form, const struct pm_at_values *values);

#endif
