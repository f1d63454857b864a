/* SPDX-License-Identifier: MIT */
/* BDAT of a catcher session (RFC 3030): chunks of counted bytes, without dot-stuffing. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "host/catcher_session.h"

/* "123" or "123 LAST". */
static bool take_size(struct catcher_session *session)
{
    char *end = NULL;
    errno = 0;
    session->chunk_left = strtoull(session->argument, &end, 10);
    session->chunk_last = strcasecmp(end, " LAST") == 0;
    return session->argument[0] >= '0' && session->argument[0] <= '9' && errno == 0 &&
           (*end == '\0' || session->chunk_last);
}

/* What is to become of the chunk. */
static enum catcher_chunk judge(struct catcher_session *session)
{
    if (session->bdat == BDAT_CHUNKS) {
        return CHUNK_TAKEN;
    }
    if (session->bdat == BDAT_FAILED || session->recipient_count == 0) {
        return CHUNK_NOT_NOW;
    }
    if (session->data_code != 0) {
        return CHUNK_ON_DEMAND;
    }
    return pm__catcher_mail_begin(session) ? CHUNK_TAKEN : CHUNK_NO_MEMORY;
}

static void chunk_ended(struct catcher_session *session)
{
    session->state = CATCHER_COMMAND;
    switch (session->chunk) {
    case CHUNK_NOT_NOW: pm__catcher_reply(session, "503 RCPT first, or RSET"); break;
    case CHUNK_NO_MEMORY: pm__catcher_reply(session, "452 out of memory"); break;
    case CHUNK_ON_DEMAND: pm__catcher_refuse(session, session->data_code); break;
    default:
        if (session->chunk_last || session->size > PM_CATCHER_MAIL) {
            pm__catcher_mail_end(session);
        } else {
            pm__catcher_reply(session, "250 %llu bytes so far", (unsigned long long)session->size);
        }
        break;
    }
}

void pm__catcher_bdat(struct catcher_session *session)
{
    if (!take_size(session)) {
        /* Where the next command begins nobody knows: mail must not be taken for one. */
        pm__catcher_reply(session, "501 BDAT needs a size, and LAST or nothing");
        session->state = CATCHER_CLOSING;
        return;
    }
    session->chunk = judge(session);
    if (session->mail_given) {
        session->bdat = session->chunk == CHUNK_TAKEN ? BDAT_CHUNKS : BDAT_FAILED;
    }
    session->state = CATCHER_CHUNK;
    if (session->chunk_left == 0) {
        chunk_ended(session);
    }
}

size_t pm__catcher_chunk(struct catcher_session *session, const uint8_t *data, size_t len)
{
    if (session->fault.kind == CATCHER_FAULT_CUT) {
        session->state = CATCHER_CLOSING; /* which drops the delivery, too */
        return len;
    }
    size_t part = len < session->chunk_left ? len : (size_t)session->chunk_left;
    if (session->chunk == CHUNK_TAKEN) {
        size_t room = pm_delivery_room(session->delivery);
        part = part < room ? part : room;
        pm__catcher_mail_keep(session, data, part);
    }
    session->chunk_left -= part;
    if (session->chunk_left == 0) {
        chunk_ended(session);
    }
    return part;
}
