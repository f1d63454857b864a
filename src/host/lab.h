/* SPDX-License-Identifier: MIT */
/*
 * The network of a test lab (CD47): with a catcher nothing leaves the machine, and names, echoes
 * and the time are answered here. Names that the configuration does not know have an address
 * of their own from the ranges for documentation (RFC 5737, RFC 3849), always the same; names
 * below .invalid do not exist.
 */
#ifndef PM_HOST_LAB_H
#define PM_HOST_LAB_H

#include <stdbool.h>
#include <stddef.h>

#include "postmodem/platform.h"

struct pm_lab {
    const char *hosts; /* "NAME=ADDRESS[ ADDRESS...],..."; NULL: none. Must outlive the lab */
    bool faults;       /* fault-resolve, fault-connect and fault-silent do what they say */
};

enum pm_lab_server { PM_LAB_WORKS, PM_LAB_UNKNOWN, PM_LAB_REFUSED, PM_LAB_SILENT };

/* False with the reason in `err` when `hosts` cannot be read. */
bool pm_lab_check(const char *hosts, char *err, size_t err_size);

/* What a server of this name does. */
enum pm_lab_server pm_lab_server(const struct pm_lab *lab, const char *host);

/* The addresses of a name for a context of type 1-3. PM_OK or PM_ERR_RESOLVE. */
int32_t pm_lab_resolve(const struct pm_lab *lab, const char *host, uint8_t type,
                       struct pm_resolved *resolved);

/* Whether echo requests to an address get lost, or are refused: those of fault-silent and
 * fault-connect. */
bool pm_lab_lost(const struct pm_ip *address);
bool pm_lab_refused(const struct pm_ip *address);

/* The name servers of every context. */
size_t pm_lab_name_servers(struct pm_ip servers[2]);

#endif
