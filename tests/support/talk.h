/* SPDX-License-Identifier: MIT */
/*
 * A talk with a module in the test world: what a host types at a port, the time that passes, and
 * what the host then hears. Answers stay valid until something is heard again.
 */
#ifndef PM_TEST_TALK_H
#define PM_TEST_TALK_H

#include "play/world.h"

/* How long talk_say() waits: what needs neither a server nor a delay is answered by then. */
enum { TALK_WAIT_MS = 500 };

struct talk {
    struct world w;  /* first: the platform's `user` is the world, and so the talk */
    char got[65536]; /* what was heard last */
};

/* A world without a module yet: settings can be changed before world_begin() brings it up. */
struct talk *talk_new(void);
/* A module with the settings of world_init() and `ports` ports. */
struct talk *talk_begin(size_t ports);
/* Ends `old` and starts a module with one port, as after a power cut: what was stored is all that
 * is left. */
struct talk *talk_again(struct talk *old);
/* Ends the module, which must have left nothing behind, and frees the talk. */
void talk_end(struct talk *t);

/* Types at the first port, lets half a second pass, and returns everything the port said. */
const char *talk_say(struct talk *t, const char *text);
/* The same at any port. */
const char *talk_say_on(struct talk *t, size_t port, const char *text);
/* The same at the first port, where the answer must be a bare OK. */
void talk_ok(struct talk *t, const char *line);
/* Lets time pass, and returns what the first port has said. */
const char *talk_later(struct talk *t, uint64_t ms);
/* What a port has said. */
const char *talk_hear(struct talk *t, size_t port);
/* Types while time stands still and what the platform has to do stays undone. */
void talk_type_only(struct talk *t, size_t port, const char *text);

/* Turns the echo off and sets what mails have in common: the context, a server without TLS, and
 * the sender. */
void talk_mail_settings(struct talk *t);
/* Gives the mail its text. */
void talk_mail_body(struct talk *t, const char *text);

/* What is stored under a key. Fails the test when there is nothing. */
struct world_profile *talk_stored(struct talk *t, uint8_t key);
/* How many files the module has open. */
unsigned talk_open_files(const struct world *w);

#endif
