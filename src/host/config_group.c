/* SPDX-License-Identifier: MIT */
/*
 * The group of a pty. It is looked up with the rest of the configuration, so that a wrong one is
 * found before a module is started, or ended to be started afresh.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"
#include "host/config.h"

/* A name, or else a number, as chgrp takes it. */
static bool find_group(const char *text, gid_t *gid, char *why, size_t why_size)
{
    uint64_t number = 0;
    errno = 0;
    const struct group *group = getgrnam(text);
    if (group != NULL) {
        *gid = group->gr_gid;
        return true;
    }
    int error = errno;
    /* The highest number means "leave it as it is". */
    if (pm__slice_number(pm__slice(text), (gid_t)-1 - 1U, &number)) {
        *gid = (gid_t)number;
        return true;
    }
    /* Databases say with various codes that they do not have it; these are none of them. */
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO) {
        snprintf(why, why_size, "group %s: %s", text, strerror(error));
    } else {
        snprintf(why, why_size, "there is no group %s", text);
    }
    return false;
}

/* True when this program may give its files to the group. */
static bool may_give(gid_t gid)
{
    if (geteuid() == 0 || getegid() == gid) {
        return true;
    }
    int count = getgroups(0, NULL);
    gid_t *groups = count > 0 ? calloc((size_t)count, sizeof *groups) : NULL;
    count = groups != NULL ? getgroups(count, groups) : 0;
    bool member = false;
    for (int i = 0; i < count && !member; i++) {
        member = groups[i] == gid;
    }
    free(groups);
    return member;
}

bool pm__config_finish_group(struct pm_port_setting *port, char *err, size_t err_size)
{
    char why[120] = "only ptys have it";
    if (*port->group == '\0') {
        return true;
    }
    if (port->kind == PM_TERMINAL_PTY && find_group(port->group, &port->gid, why, sizeof why)) {
        if (may_give(port->gid)) {
            return true;
        }
        snprintf(why, sizeof why, "this program's user is not in group %s", port->group);
    }
    snprintf(err, err_size, "port.%u.group: %s", port->number, why);
    return false;
}
