/* SPDX-License-Identifier: MIT */
/*
 * Limits for a small target: a module and a port take about 10 KB together; the command index
 * (4 KB, half of it with 32-bit pointers), the arena and the 4 KB of a running mail come on top.
 * Longer command lines, replies and passwords are refused, nothing else changes. Use it with
 * -DPM_CONFIG_FILE='"small_config.h"' for the library and for all that includes its headers.
 */
#ifndef SMALL_CONFIG_H
#define SMALL_CONFIG_H

#define PM_AT_LINE_SIZE   512
#define PM_AT_IN_SIZE     256
#define PM_AT_OUT_SIZE    2304
#define PM_AT_REPLY_ROOM  2048
#define PM_SMTP_LINE_SIZE 1024
#define PM_SMTP_OUT_SIZE  1024
#define PM_MIME_TEXT_SIZE 512
#define PM_BASE64_FAST    0

#endif
