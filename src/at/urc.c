/* SPDX-License-Identifier: MIT */
/*
 * The queue of unsolicited result codes: records of a header (length, earliest
 * time) and the text, oldest first.
 */
#include <string.h>

#include "at/at_internal.h"

struct header {
    uint64_t not_before;
    uint16_t len;
};

enum { HEADER = sizeof(struct header), FRAME = 4 };

_Static_assert(PM_AT_URC_SIZE > HEADER && PM_AT_URC_SIZE <= UINT16_MAX, "a URC has a length");
_Static_assert(PM_AT_OUT_SIZE >= PM_AT_URC_SIZE + FRAME, "the longest URC must fit the output");

static struct header head(const struct pm_at *at)
{
    struct header header;
    memcpy(&header, at->urc, HEADER);
    return header;
}

static void drop_head(struct pm_at *at)
{
    size_t size = HEADER + (size_t)head(at).len;
    at->urc_len -= size;
    memmove(at->urc, at->urc + size, at->urc_len);
}

bool pm_at_urc(struct pm_at *at, const char *text, size_t len, uint64_t not_before)
{
    if (len > PM_AT_URC_SIZE - HEADER) {
        return false;
    }
    while (PM_AT_URC_SIZE - at->urc_len < HEADER + len) {
        drop_head(at);
    }
    struct header header;
    memset(&header, 0, sizeof header);
    header.not_before = not_before;
    header.len = (uint16_t)len;
    memcpy(at->urc + at->urc_len, &header, HEADER);
    memcpy(at->urc + at->urc_len + HEADER, text, len);
    at->urc_len += HEADER + len;
    return true;
}

bool pm_at_urc_fits(const struct pm_at *at, size_t len)
{
    return at->urc_len + HEADER + len <= PM_AT_URC_SIZE;
}

/*
 * When the oldest URC may go, as far as time alone holds it back. Not in the
 * millisecond of the last byte or result while more of that piece may follow.
 */
uint64_t pm__at_urc_deadline(const struct pm_at *at)
{
    if (at->urc_len == 0 || pm__at_line_busy(at) || pm__at_has_raw(at) || at->dropped > 0 ||
        at->raw_skip) {
        return PM_NEVER;
    }
    struct header header = head(at);
    if (pm__at_free(at) < (size_t)header.len + FRAME) {
        return PM_NEVER; /* The next output ack comes with a call that looks again. */
    }
    uint64_t idle = at->active + (at->line_state != PM__LINE_HUNT ? PM__HALF_TYPED_MS
                                  : at->input_ended               ? 0
                                                                  : 1);
    return header.not_before > idle ? header.not_before : idle;
}

void pm__at_urc_run(struct pm_at *at)
{
    while (pm__at_urc_deadline(at) <= at->now) {
        pm__at_emit_line(at, at->urc + HEADER, head(at).len);
        pm__at_show(at);
        drop_head(at);
    }
}
