/* SPDX-License-Identifier: MIT */
/* No new privileges, no core dumps. */
#include "host/harden.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* LeakSanitizer looks at its own process with ptrace(), which a process that cannot be dumped
 * does not let it do. */
#if defined(__SANITIZE_ADDRESS__)
#define PM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PM_SANITIZED 1
#endif
#endif
#ifndef PM_SANITIZED
#define PM_SANITIZED 0
#endif

bool pm_harden(char *err, size_t err_size)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        (!PM_SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)) {
        snprintf(err, err_size, "cannot be kept from core dumps: %s", strerror(errno));
        return false;
    }
    return true;
}
