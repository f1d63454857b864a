/* SPDX-License-Identifier: MIT */
/* The texts of all error numbers. */
#include "postmodem/error.h"

/* 27.007 section 9.2 as the AG35 prints it, then the numbers of 9.2 that it does not list. */
#define CME_ERRORS(X)                                      \
    X(0, "phone failure")                                  \
    X(1, "no connection to phone")                         \
    X(2, "phone-adaptor link reserved")                    \
    X(3, "operation not allowed")                          \
    X(4, "operation not supported")                        \
    X(5, "PH-SIM PIN required")                            \
    X(6, "PH-FSIM PIN required")                           \
    X(7, "PH-FSIM PUK required")                           \
    X(10, "SIM not inserted")                              \
    X(11, "SIM PIN required")                              \
    X(12, "SIM PUK required")                              \
    X(13, "SIM failure")                                   \
    X(14, "SIM busy")                                      \
    X(15, "SIM wrong")                                     \
    X(16, "incorrect password")                            \
    X(17, "SIM PIN2 required")                             \
    X(18, "SIM PUK2 required")                             \
    X(20, "memory full")                                   \
    X(21, "invalid index")                                 \
    X(22, "not found")                                     \
    X(23, "memory failure")                                \
    X(24, "text string too long")                          \
    X(25, "invalid characters in text string")             \
    X(26, "dial string too long")                          \
    X(27, "invalid characters in dial string")             \
    X(30, "no network service")                            \
    X(31, "network timeout")                               \
    X(32, "network not allowed - emergency calls only")    \
    X(40, "network personalization PIN required")          \
    X(41, "network personalization PUK required")          \
    X(42, "network subset personalization PIN required")   \
    X(43, "network subset personalization PUK required")   \
    X(44, "service provider personalization PIN required") \
    X(45, "service provider personalization PUK required") \
    X(46, "corporate personalization PIN required")        \
    X(47, "corporate personalization PUK required")        \
    X(50, "Incorrect parameters")                          \
    X(100, "unknown")                                      \
    X(103, "Illegal MS")                                   \
    X(106, "Illegal ME")                                   \
    X(107, "GPRS services not allowed")                    \
    X(111, "PLMN not allowed")                             \
    X(112, "Location area not allowed")                    \
    X(113, "Roaming not allowed in this location area")    \
    X(132, "service option not supported")                 \
    X(133, "requested service option not subscribed")      \
    X(134, "service option temporarily out of order")      \
    X(148, "unspecified GPRS error")                       \
    X(149, "PDP authentication failure")                   \
    X(150, "invalid mobile class")

/* The FILE commands' own numbers. */
#define FILE_ERRORS(X)                             \
    X(400, "invalid input value")                  \
    X(401, "larger than the size of the file")     \
    X(402, "read zero byte")                       \
    X(403, "drive full")                           \
    X(404, "file move error")                      \
    X(405, "file not found")                       \
    X(406, "invalid file name")                    \
    X(407, "file already existed")                 \
    X(408, "fail to create the file")              \
    X(409, "fail to write the file")               \
    X(410, "fail to open the file")                \
    X(411, "fail to read the file")                \
    X(412, "exceed the max length")                \
    X(413, "reach the max number of opened files") \
    X(414, "the file is read-only")                \
    X(415, "get file size failed")                 \
    X(416, "invalid file descriptor")              \
    X(417, "list file failed")                     \
    X(418, "delete file failed")                   \
    X(419, "get disk info failed")                 \
    X(420, "no space")                             \
    X(421, "time-out")                             \
    X(422, "file not found")                       \
    X(423, "file too large")                       \
    X(424, "file already exist")                   \
    X(425, "invalid parameter")                    \
    X(426, "file already opened")

/* Short messages, 27.005 section 3.2.5: those that are used. */
#define CMS_ERRORS(X)                 \
    X(303, "operation not supported") \
    X(310, "SIM not inserted")        \
    X(311, "SIM PIN required")        \
    X(313, "SIM failure")             \
    X(314, "SIM busy")                \
    X(316, "SIM PUK required")        \
    X(321, "invalid memory index")

#define AUDIO_ERRORS(X)                     \
    X(901, "audio unknown error")           \
    X(902, "audio invalid parameters")      \
    X(903, "audio operation not supported") \
    X(904, "audio device busy")

/* What AT+QIGETERROR tells of the last TCP/IP command. */
#define NET_ERRORS(X)                       \
    X(0, "operate successfully")            \
    X(550, "unknown error")                 \
    X(551, "operation blocked")             \
    X(552, "invalid parameters")            \
    X(553, "memory not enough")             \
    X(554, "create socket failed")          \
    X(555, "operation not supported")       \
    X(556, "socket bind failed")            \
    X(557, "socket listen failed")          \
    X(558, "socket write failed")           \
    X(559, "socket read failed")            \
    X(560, "socket accept failed")          \
    X(561, "open PDP context failed")       \
    X(562, "close PDP context failed")      \
    X(563, "socket identity has been used") \
    X(564, "DNS busy")                      \
    X(565, "DNS parse failed")              \
    X(566, "socket connect failed")         \
    X(567, "socket has been closed")        \
    X(568, "operation busy")                \
    X(569, "operation timeout")             \
    X(570, "PDP context broken down")       \
    X(571, "cancel send")                   \
    X(572, "operation not allowed")         \
    X(573, "APN not configured")            \
    X(574, "port busy")

#define CASE_TEXT(number, text) \
    case number: return text;

const char *pm_cme_text(uint16_t number)
{
    switch (number) {
        CME_ERRORS(CASE_TEXT)
        FILE_ERRORS(CASE_TEXT)
        AUDIO_ERRORS(CASE_TEXT)
    default: return NULL;
    }
}

const char *pm_cms_text(uint16_t number)
{
    switch (number) {
        CMS_ERRORS(CASE_TEXT)
    default: return NULL;
    }
}

const char *pm_net_error_text(uint16_t number)
{
    switch (number) {
        NET_ERRORS(CASE_TEXT)
    default: return NULL;
    }
}

const char *pm_mail_error_text(uint16_t number)
{
#define CASE_MAIL(name, error, reply, text) \
    case (error): return text;
    switch (number) {
        PM_MAIL_ERRORS(CASE_MAIL)
    default: return NULL;
    }
#undef CASE_MAIL
}

uint16_t pm_mail_error_of_reply(uint16_t reply)
{
    static const struct {
        uint16_t error;
        uint16_t reply;
    } rows[] = {
#define ROW(name, error, reply, text) {(error), (reply)},
        PM_MAIL_ERRORS(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].reply == reply && reply != 0) {
            return rows[i].error;
        }
    }
    return PM_MAIL_SEND;
}
