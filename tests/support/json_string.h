/* SPDX-License-Identifier: MIT */
#ifndef PM_TEST_JSON_STRING_H
#define PM_TEST_JSON_STRING_H

#include <stddef.h>

/* Prints text as a JSON string on standard output. */
void json_string(const char *text, size_t len);

#endif
