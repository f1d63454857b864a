/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: a host names the fault that it wants to see in its own data, in the name of
 * the mail server, in an address or in the account. docs/faults.md lists them all.
 *
 * Names are compared without regard to case. A name that is not exactly one of these is an
 * ordinary name, and so is one whose code is not within 400-599.
 */
#ifndef PM_HOST_CATCHER_FAULTS_H
#define PM_HOST_CATCHER_FAULTS_H

enum catcher_fault_kind {
    CATCHER_FAULT_NONE,
    /* Of a server, by the first label of its name. */
    CATCHER_FAULT_RESOLVE,  /* the name does not exist */
    CATCHER_FAULT_CONNECT,  /* nobody listens there */
    CATCHER_FAULT_SILENT,   /* it never says anything */
    CATCHER_FAULT_CLOSE,    /* it closes after its banner */
    CATCHER_FAULT_SYNTAX,   /* its banner is no SMTP reply */
    CATCHER_FAULT_TLS,      /* no handshake succeeds */
    CATCHER_FAULT_STARTTLS, /* STARTTLS is not offered, or refused with a code */
    CATCHER_FAULT_AUTH,     /* the only mechanism is one that nobody knows */
    CATCHER_FAULT_CUT,      /* the connection ends in the middle of the mail */
    CATCHER_FAULT_BANNER,   /* the banner has a code */
    /* Of an address or a user, by its local part. */
    CATCHER_FAULT_REPLY,      /* the command that names it is answered with a code */
    CATCHER_FAULT_DATA_REPLY, /* DATA is answered with a code */
    CATCHER_FAULT_DOT_REPLY,  /* the end of the mail is answered with a code */
};

struct catcher_fault {
    enum catcher_fault_kind kind;
    unsigned code; /* 400-599; 0: none belongs to it */
};

/* The fault that a server of this name plays. */
struct catcher_fault pm_catcher_fault_of_server(const char *host);

/* The fault that an address, or a user with or without a domain, asks for. */
struct catcher_fault pm_catcher_fault_of_address(const char *address);

#endif
