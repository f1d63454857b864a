/* SPDX-License-Identifier: MIT */
/*
 * The error table: one row makes the enum, the number a host sees, the SMTP
 * reply code it stands for (0: none) and the text.
 */
#ifndef POSTMODEM_ERROR_H
#define POSTMODEM_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* AG35 SMTP manual, tables 1 and 2 (page 26 and on). X(name, number, reply, text) */
#define PM_MAIL_ERRORS(X)                                                     \
    X(OK, 0, 0, "success")                                                    \
    X(UNKNOWN, 651, 0, "unknown error")                                       \
    X(BUSY, 652, 0, "SMTP service busy")                                      \
    X(RESOLVE, 653, 0, "failed to get IP address of the domain name")         \
    X(NETWORK, 654, 0, "network error")                                       \
    X(AUTH_TYPE, 655, 0, "unsupported authentication type")                   \
    X(CLOSED, 656, 0, "connection closed by peer")                            \
    X(CONTEXT, 657, 0, "context deactivated")                                 \
    X(TIMEOUT, 658, 0, "timeout")                                             \
    X(NO_RECIPIENT, 659, 0, "no recipient")                                   \
    X(SEND, 660, 0, "sending failed")                                         \
    X(FILE_OPEN, 661, 0, "file open failed")                                  \
    X(NO_MEMORY, 662, 0, "out of memory")                                     \
    X(ATTACHMENT, 663, 0, "attachment save failed")                           \
    X(PARAMETER, 664, 0, "bad input parameter")                               \
    X(SSL, 665, 0, "SSL authentication failed")                               \
    X(SERVICE, 666, 421, "service unavailable, closing transmission channel") \
    X(MAILBOX_BUSY, 667, 450, "mail action not taken: mailbox unavailable")   \
    X(LOCAL, 668, 451, "action aborted: local error in processing")           \
    X(STORAGE, 669, 452, "action not taken: insufficient system storage")     \
    X(SYNTAX, 670, 500, "syntax error, command unrecognized")                 \
    X(ARGUMENT, 671, 501, "syntax error in parameters or arguments")          \
    X(COMMAND, 672, 502, "command not implemented")                           \
    X(SEQUENCE, 673, 503, "bad sequence of commands")                         \
    X(COMMAND_ARGUMENT, 674, 504, "command parameter not implemented")        \
    X(DOMAIN, 675, 521, "domain does not accept mail")                        \
    X(ACCESS, 676, 530, "access denied")                                      \
    X(AUTH, 677, 535, "authentication failed")                                \
    X(MAILBOX, 678, 550, "mailbox unavailable")                               \
    X(NOT_LOCAL, 679, 551, "user not local")                                  \
    X(ALLOCATION, 680, 552, "exceeded storage allocation")                    \
    X(MAILBOX_NAME, 681, 553, "mailbox name not allowed")                     \
    X(TRANSACTION, 682, 554, "transaction failed")

enum pm_mail_error {
#define PM_X(name, number, reply, text) PM_MAIL_##name = (number),
    PM_MAIL_ERRORS(PM_X)
#undef PM_X
};

/*
 * The text of one +CME ERROR number (27.007 section 9.2, FILE codes 400-426),
 * as printed at CMEE=2. NULL where only the number is known: the host then sees
 * the number (SD46). The text is static.
 */
const char *pm_cme_text(uint16_t number);

/* The text of one +CMS ERROR number (27.005 section 3.2.5), likewise. */
const char *pm_cms_text(uint16_t number);

/* The text of one mail error number (0, 651-682) for logs; NULL when unknown. */
const char *pm_mail_error_text(uint16_t number);

/*
 * The mail error for a negative SMTP reply code by table 2, or PM_MAIL_SEND for
 * a code outside the table (SD33).
 */
uint16_t pm_mail_error_of_reply(uint16_t reply);

/* The text of one TCP/IP error (0, 550-574) as +QIGETERROR prints it; NULL when unknown. */
const char *pm_net_error_text(uint16_t number);

#ifdef __cplusplus
}
#endif

#endif
