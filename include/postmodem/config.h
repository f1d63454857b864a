/* SPDX-License-Identifier: MIT */
/*
 * Compile-time limits of the portable library.
 *
 * Every buffer inside a caller-owned struct takes its size from here, so that a
 * small target can trade capacity for RAM with -D options or with a header of
 * its own named by PM_CONFIG_FILE. The defaults hold the `wide` limits.
 */
#ifndef POSTMODEM_CONFIG_H
#define POSTMODEM_CONFIG_H

#ifdef PM_CONFIG_FILE
#include PM_CONFIG_FILE
#endif

/* Longest AT command line in bytes, without its prefix and its line end (CD13). */
#ifndef PM_AT_LINE_SIZE
#define PM_AT_LINE_SIZE 4096
#endif

/* Input kept while a command runs, and data-mode bytes not yet taken (CD26). */
#ifndef PM_AT_IN_SIZE
#define PM_AT_IN_SIZE 4096
#endif

/* Reply bytes that wait for the host to read them. */
#ifndef PM_AT_OUT_SIZE
#define PM_AT_OUT_SIZE 8192
#endif

/* A command starts only with this much room, so that short replies need no check. */
#ifndef PM_AT_REPLY_ROOM
#define PM_AT_REPLY_ROOM 4096
#endif

/* Unsolicited result codes that wait until their port is idle, in bytes. */
#ifndef PM_AT_URC_SIZE
#define PM_AT_URC_SIZE 512
#endif

/* Most parameters of one command. */
#ifndef PM_AT_MAX_PARAMS
#define PM_AT_MAX_PARAMS 24
#endif

/* Slots of the look-up index; a power of two, at least twice the commands. */
#ifndef PM_AT_INDEX_SLOTS
#define PM_AT_INDEX_SLOTS 512
#endif

/* Longest SMTP reply line accepted, in bytes (SD60). */
#ifndef PM_SMTP_LINE_SIZE
#define PM_SMTP_LINE_SIZE 4096
#endif

/* Most lines of one SMTP reply (SD60). */
#ifndef PM_SMTP_MAX_LINES
#define PM_SMTP_MAX_LINES 1000
#endif

/* SMTP command bytes built at once; bounds what is outstanding when pipelining.
 * Must hold base64 of user and password at their limits. */
#ifndef PM_SMTP_OUT_SIZE
#define PM_SMTP_OUT_SIZE 4608
#endif

/* Largest message that BDAT sends together with MAIL and RCPT, before their replies: about what
 * TCP carries in its first flight (RFC 6928). A larger one takes more round trips anyway, and would
 * be pushed at a server that may have refused it. */
#ifndef PM_SMTP_GROUP_SIZE
#define PM_SMTP_GROUP_SIZE 14336
#endif

/* Longest unfolded pieces the composer keeps: an address, a name, a subject. */
#ifndef PM_MIME_TEXT_SIZE
#define PM_MIME_TEXT_SIZE 1024
#endif

/* 1: base64 with a table of 8 KiB, as fast as memory allows; 0: one of 64 bytes. */
#ifndef PM_BASE64_FAST
#define PM_BASE64_FAST 1
#endif

/* PDP contexts 1..n (CD22) and SSL contexts 0..n-1 of a module. */
#ifndef PM_PDP_CONTEXTS
#define PM_PDP_CONTEXTS 16
#endif
#ifndef PM_SSL_CONTEXTS
#define PM_SSL_CONTEXTS 6
#endif

/* Attachments of one draft. */
#ifndef PM_MAX_ATTACHMENTS
#define PM_MAX_ATTACHMENTS 10
#endif

/* Files that AT+QFOPEN holds open at once (413 beyond). */
#ifndef PM_MAX_HANDLES
#define PM_MAX_HANDLES 10
#endif

/* Longest file name of the module with its storage prefix, in bytes. */
#ifndef PM_FILE_NAME_SIZE
#define PM_FILE_NAME_SIZE 80
#endif

/* A fixed piece of each port for file contents on their way to the host. */
#ifndef PM_PORT_CHUNK
#define PM_PORT_CHUNK 1024
#endif

/*
 * A library and a program compiled with different sizes would disagree about the structs they
 * share. So the functions that start an engine have the sizes that structs depend on in their
 * names, and such a program does not link: "undefined reference to pm_module_init_4096_...". Sizes
 * are plain numbers for that, without parentheses or operators.
 */
#define PM_SIZED(name)                                                                  \
    PM__SIZED(name, PM_AT_LINE_SIZE, PM_AT_IN_SIZE, PM_AT_OUT_SIZE, PM_AT_URC_SIZE,     \
              PM_AT_MAX_PARAMS, PM_AT_INDEX_SLOTS, PM_SMTP_LINE_SIZE, PM_SMTP_OUT_SIZE, \
              PM_MIME_TEXT_SIZE, PM_PDP_CONTEXTS, PM_SSL_CONTEXTS, PM_MAX_ATTACHMENTS,  \
              PM_FILE_NAME_SIZE, PM_PORT_CHUNK, PM_MAX_HANDLES)
#define PM__SIZED(name, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) \
    PM__PASTED(name, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
#define PM__PASTED(name, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) \
    name##_##a##_##b##_##c##_##d##_##e##_##f##_##g##_##h##_##i##_##j##_##k##_##l##_##m##_##n##_##o

#define pm_at_init     PM_SIZED(pm_at_init)
#define pm_mime_init   PM_SIZED(pm_mime_init)
#define pm_smtp_init   PM_SIZED(pm_smtp_init)
#define pm_module_init PM_SIZED(pm_module_init)

#endif
