/* SPDX-License-Identifier: MIT */
/* Types shared by all engines: byte slices and status codes. */
#ifndef POSTMODEM_TYPES_H
#define POSTMODEM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No deadline: what an engine's pm_*_deadline answers when it waits for no time. */
#define PM_NEVER UINT64_MAX

/* Bytes owned by somebody else; each function says until when they stay valid. */
struct pm_slice {
    const uint8_t *ptr;
    size_t len;
};

/* An IP address in network byte order. */
enum pm_ip_family { PM_IP_NONE = 0, PM_IPV4 = 4, PM_IPV6 = 6 };
struct pm_ip {
    uint8_t family;    /* enum pm_ip_family; PM_IP_NONE: no address */
    uint8_t bytes[16]; /* the first 4 for IPv4 */
};

/* Charsets of AT+QSMTPSUB and AT+QSMTPBODY, as numbered on the wire. */
enum pm_charset {
    PM_CHARSET_ASCII = 0,
    PM_CHARSET_UTF8 = 1,
    PM_CHARSET_GB2312 = 2,
    PM_CHARSET_BIG5 = 3
};

/* Kinds of recipient, as numbered by AT+QSMTPDST. */
enum pm_recipient_kind { PM_RECIPIENT_TO = 1, PM_RECIPIENT_CC = 2, PM_RECIPIENT_BCC = 3 };

/*
 * What a platform operation answers. Zero or more is success (a count where the
 * operation has one); PM_PENDING means that the result comes later.
 */
enum pm_status {
    PM_OK = 0,
    PM_PENDING = -1,        /* not finished: pm_module_done() tells the result */
    PM_ERR_NOT_FOUND = -2,  /* no such file, or the list has ended */
    PM_ERR_EXISTS = -3,     /* a file of this name exists */
    PM_ERR_NO_SPACE = -4,   /* the storage is full */
    PM_ERR_IO = -5,         /* the storage failed */
    PM_ERR_NO_STORAGE = -6, /* the storage is absent (no SD card) */
    PM_ERR_NO_MEMORY = -7,  /* a buffer or handle could not be had */
    PM_ERR_RESOLVE = -8,    /* the host name has no address */
    PM_ERR_CONNECT = -9,    /* no address could be connected to */
    PM_ERR_TLS = -10,       /* handshake, certificate or key failed */
    PM_ERR_CLOSED = -11,    /* the peer closed the connection */
    PM_ERR_BUSY = -12,      /* the file is open elsewhere */
    PM_ERR_UNSUPPORTED = -13,
    PM_ERR_TIMEOUT = -14 /* no answer in time */
};

#endif
