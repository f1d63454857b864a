/* SPDX-License-Identifier: MIT */
/* What the files of the mail job share. */
#ifndef PM_MODULE_JOB_H
#define PM_MODULE_JOB_H

#include "module/mail.h"

/* Notes what a platform operation of the job answered. True: the result is there. */
bool pm__job_await(struct pm_job *job, int32_t result);

/* Ends the job with a result: connection and files are closed, the URC is queued. With
 * `graceful` what the session still has to say (QUIT) leaves first. */
void pm__job_finish(struct pm_module *module, uint16_t error, uint16_t reply, bool graceful);

/* How far composing has come. */
enum pm__composed {
    PM__COMPOSED_SOME, /* the output is full */
    PM__COMPOSED_WAIT, /* the platform reads a file */
    PM__COMPOSED_ALL,  /* the message is complete */
    PM__COMPOSED_BAD   /* a file is not what it was */
};

/* job_compose.c: starts the message anew; while `measuring` attachments count as empty. */
void pm__compose_begin(struct pm_module *module);
enum pm__composed pm__compose(struct pm_module *module, uint8_t *out, size_t size, size_t *written,
                              bool measuring);

/* job_prepare.c: memory, texts, and one step of opening files and measuring. */
/* The first answers 0, or the error that ends the job. */
uint16_t pm__prepare_begin(struct pm_module *module);
bool pm__prepare_files(struct pm_module *module);
bool pm__prepare_measure(struct pm_module *module);

/* job_session.c: the states from the open connection on. */
void pm__session_begin(struct pm_module *module);
bool pm__session_run(struct pm_module *module);

#endif
