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

/* Writes an enhanced status code in brackets; nothing when there is none. */
void pm__text_status(struct pm__text *text, struct pm_smtp_status status);

/* How far composing has come. */
enum pm__composed {
    PM__COMPOSED_SOME, /* the output is full */
    PM__COMPOSED_WAIT, /* the platform reads a file */
    PM__COMPOSED_ALL,  /* the message is complete */
    PM__COMPOSED_BAD   /* a file is not what it was */
};

/* job_compose.c: starts the message anew; puts its next bytes into `mid`, *written of them. While
 * `measuring` attachments count as empty. */
void pm__compose_begin(struct pm_module *module);
enum pm__composed pm__compose(struct pm_module *module, size_t *written, bool measuring);

/* policy.c: what the owner decides about the mail. */
/* Where a mail goes, and as whom. */
struct pm__relay {
    struct pm_slice server;
    uint16_t port;
    uint8_t ssltype;
    struct pm_slice username, password, sender;
};
/* True when server and account are not the host's. */
bool pm__policy_relays(const struct pm_module *module);
struct pm__relay pm__policy_relay(const struct pm_module *module);
/* Tells the log what the host asked for and what is done instead. */
void pm__policy_log(struct pm_module *module);
/* The SMTP reply that refuses the mail, after a line in the log; 0: it may go. */
uint16_t pm__policy_refuse(struct pm_module *module);

/* A mail that has failed before its server was ready for it does not count for the rate limit. */
void pm__policy_give_back(struct pm_module *module);

/* international.c: addresses beyond ASCII. */
/* The address as it leaves, its domain in ASCII where the platform can tell it; in `out` when that
 * is another one, and empty when the domain has no such form. */
struct pm_slice pm__address_ascii(const struct pm_module *module, struct pm_slice address,
                                  uint8_t out[PM_ADDRESS_MAX]);
/* True when it cannot leave without SMTPUTF8. */
bool pm__address_international(const struct pm_module *module, struct pm_slice address);
/* Notes the sender, and what the addresses of the mail need. */
void pm__international_begin(struct pm_module *module, struct pm_slice sender);
/* The server has no SMTPUTF8: those who need it are told to the log, and left out from now on. */
void pm__international_leave_out(struct pm_module *module);
/* The recipient that the session counts as `index`. */
bool pm__recipient_nth(const struct pm_module *module, uint16_t index, struct pm__record *record);

/* `n` bytes of a part of the job's memory are, or will be, written; `used` is its mark. */
void pm__job_uses(size_t *used, size_t n);

/* job_prepare.c: memory, texts, and one step of opening files and measuring. */
/* The first answers 0, or the error that ends the job. */
uint16_t pm__prepare_begin(struct pm_module *module);
bool pm__prepare_files(struct pm_module *module);
bool pm__prepare_measure(struct pm_module *module);
/* Opens a connection for the mail that is ready. */
bool pm__prepare_connect(struct pm_module *module);

/* job_session.c: the states from the open connection on. */
void pm__session_begin(struct pm_module *module);
bool pm__session_run(struct pm_module *module);
/* Hands on what the session has to say, of a kept connection as well. True when some of it left. */
bool pm__session_send(struct pm_module *module);
/* Shows a line of the dialogue. */
void pm__trace(struct pm_module *module, bool sent, struct pm_slice line);

/* Begins the mail on the kept connection; false: it needs a new one. */
bool pm__session_again(struct pm_module *module);

/* reuse.c: */
/* All changes that matter to a connection, so far. */
uint32_t pm__reuse_changes(const struct pm_module *module);
/* Takes the connection over from the job, which ends. */
void pm__reuse_begin(struct pm_module *module);
/* Begins the job's mail on it; false when there is none for it, and any other is closed. */
bool pm__reuse_take(struct pm_module *module, const struct pm_smtp_config *config);
void pm__reuse_received(struct pm_module *module, const uint8_t *data, size_t len);
void pm__reuse_closed(struct pm_module *module);

/* job_auth.c: what the session's AUTH may use, and what it asks the platform for. */
void pm__auth_configure(struct pm_module *module, const struct pm__relay *relay,
                        struct pm_smtp_config *config);
/* Whether `server` is the one that the platform's token is for. */
bool pm__auth_has_token(const struct pm_module *module, struct pm_slice server);
bool pm__auth_crypto(struct pm_module *module, const struct pm_smtp_event *event);
bool pm__auth_token(struct pm_module *module, bool renew);
/* Hands the platform's result to the session. */
void pm__auth_resume(struct pm_module *module);

#endif
