/* SPDX-License-Identifier: MIT */
/* The packed texts of a module: draft, account, context and SSL settings. */
#ifndef PM_MODULE_ARENA_H
#define PM_MODULE_ARENA_H

#include "postmodem/module.h"

/* What a record holds. Keys below PM__KEY_SETTINGS lie in the mail zone. */
enum pm__key {
    PM__KEY_USERNAME = 1,
    PM__KEY_PASSWORD,
    PM__KEY_SENDER_NAME,
    PM__KEY_SENDER_EMAIL,
    PM__KEY_SERVER,
    PM__KEY_SUBJECT,
    PM__KEY_RECIPIENT,  /* index: enum pm_recipient_kind */
    PM__KEY_ATTACHMENT, /* index: file_index; storage byte, size (4 bytes), name */
    PM__KEY_SETTINGS,
    PM__KEY_APN = PM__KEY_SETTINGS, /* index: context */
    PM__KEY_PDP_USER,
    PM__KEY_PDP_PASSWORD,
    PM__KEY_DNS,    /* index: context; the bytes of two struct pm_ip */
    PM__KEY_NTP,    /* the server that AT+QNTP asks; two bytes of port before its name */
    PM__KEY_CACERT, /* index: SSL context */
    PM__KEY_CACERTEX,
    PM__KEY_CLIENTCERT,
    PM__KEY_CLIENTKEY,
    PM__KEY_KEY_PASSWORD,
    PM__KEY_PSK_IDENTITY,
    PM__KEY_PSK_KEY,
    PM__KEY_ALPN,
    PM__KEY_HANDLE /* index: place in the table of open files; the file's name */
};

/* A record found; `text` is valid until the next change of its zone. */
struct pm__record {
    uint8_t key, index;
    struct pm_slice text;
};

void pm__arena_init(struct pm_arena *arena, uint8_t *base, size_t size);

/* Walks the records from position *at (0 first). False at the end. */
bool pm__arena_next(const struct pm_arena *arena, size_t *at, struct pm__record *record);

/* The text of the first record of key and index; empty when there is none. */
struct pm_slice pm__arena_get(const struct pm_arena *arena, enum pm__key key, uint8_t index);

/* The n-th record (from 0) of a key, any index. */
bool pm__arena_nth(const struct pm_arena *arena, enum pm__key key, uint16_t n,
                   struct pm__record *record);

/* Adds a record made of two pieces (the second may be empty). False when it does not fit: nothing
 * changes. The pieces must not point into the arena. */
bool pm__arena_add2(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice head,
                    struct pm_slice tail);
bool pm__arena_add(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice text);

/* Bytes that a record with `len` bytes of text takes. */
size_t pm__arena_cost(size_t len);
/* Bytes that records can still take. */
size_t pm__arena_free(const struct pm_arena *arena);

/* Replaces the one record of key and index; empty text removes it. */
bool pm__arena_set(struct pm_arena *arena, enum pm__key key, uint8_t index, struct pm_slice text);

/* Replaces several records at once: all or none, so that a command changes everything or nothing.
 */
struct pm__change {
    enum pm__key key;
    uint8_t index;
    struct pm_slice text;
};
bool pm__arena_set_all(struct pm_arena *arena, const struct pm__change *changes, size_t count);

/* Removes the first record of key and index whose text equals `text` (text.ptr NULL: any). */
bool pm__arena_remove(struct pm_arena *arena, enum pm__key key, uint8_t index,
                      struct pm_slice text);

/* Removes every record of a key. */
void pm__arena_clear(struct pm_arena *arena, enum pm__key key);

#endif
