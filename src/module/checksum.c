/* SPDX-License-Identifier: MIT */
/* The FILE manual's checksum: big-endian 16-bit words XORed, an odd last byte as high half. */
#include "module/internal.h"

void pm__checksum(struct pm_task *task, const uint8_t *data, size_t len)
{
    size_t i = 0;
    if (task->half && len != 0) {
        task->checksum = (uint16_t)(task->checksum ^ (task->odd << 8 | data[0]));
        task->half = false;
        i = 1;
    }
    for (; i + 1 < len; i += 2) {
        task->checksum = (uint16_t)(task->checksum ^ (data[i] << 8 | data[i + 1]));
    }
    if (i < len) {
        task->odd = data[i];
        task->half = true;
    }
}

uint16_t pm__checksum_end(const struct pm_task *task)
{
    if (!task->half) {
        return task->checksum;
    }
    return (uint16_t)(task->checksum ^ (task->odd << 8));
}
