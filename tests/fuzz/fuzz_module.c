/* SPDX-License-Identifier: MIT */
/*
 * Any life of a module with three ports. The input is a list of steps; each takes the bytes behind
 * its own as it needs them: a step of the walk (walk.h), a line made from the command table, any
 * bytes typed on a port, any bytes from the mail server, time. What the walk checks must hold; what
 * comes out must stay in proportion to what went in, and must not depend on how what is typed is
 * cut; and at the end everything must end.
 *
 * scripts/fuzz-seeds makes inputs of this form from the transcripts.
 */
#include "harness.h"
#include "walk.h"

enum { MAX_INPUT = 8192, ANSWER_MOST = 65536 };

struct input {
    struct walk walk;
    const uint8_t *data;
    size_t left;
    unsigned lines;
};

/* One byte, or two where one does not reach; zeros behind the end. */
static uint32_t draw(void *user, uint32_t below)
{
    struct input *in = user;
    uint32_t number = 0;
    for (unsigned i = 0; i < (below > 256 ? 2U : 1U) && in->left != 0; i++) {
        number = number << 8 | *in->data++;
        in->left--;
    }
    return number % below;
}

static void broken(void *user, const char *what)
{
    (void)user;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* A length and so many bytes, as far as there are any. */
static const uint8_t *take(struct input *in, size_t *len)
{
    const uint8_t *bytes = in->data;
    *len = draw(in, 256);
    bytes += in->data != bytes ? 1 : 0;
    *len = *len < in->left ? *len : in->left;
    in->data += *len;
    in->left -= *len;
    return bytes;
}

static void one(struct input *in)
{
    struct walk *walk = &in->walk;
    const uint8_t *bytes;
    size_t port = 0;
    size_t len = 0;
    switch (draw(in, 8)) {
    case 0:
        port = draw(in, WALK_PORTS);
        bytes = take(in, &len);
        walk_type(walk, port, bytes, len);
        break;
    case 1:
        bytes = take(in, &len);
        walk_server_says(walk, bytes, len);
        break;
    case 2: walk_table_command(walk, draw(in, WALK_PORTS)); break;
    case 3: walk_pass(walk, (uint64_t)draw(in, 256) * 8); break;
    case 4:
        if (!pm_module_mail_running(&walk->w.module)) {
            walk_preset(walk);
        }
        break;
    default: walk_step(walk); break;
    }
    in->lines++;
}

static void live(struct input *in, const uint8_t *data, size_t size, bool steady, size_t piece)
{
    memset(in, 0, sizeof *in);
    in->data = data;
    in->left = size;
    in->walk.draw = draw;
    in->walk.broken = broken;
    in->walk.user = in;
    in->walk.steady = steady;
    in->walk.piece = piece;
    walk_begin(&in->walk);
    while (in->left != 0) {
        one(in);
    }
    walk_end(&in->walk);
    if (in->walk.told > in->walk.typed + (uint64_t)(in->lines + 1) * ANSWER_MOST) {
        broken(in, "the module says more than it was asked for");
    }
}

/* The first byte chooses: a platform that is late and fails, or one that is not, and then the
 * same life once more with the typed bytes in pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct input in;
    uint64_t whole[WALK_PORTS];
    if (size < 4 || size > MAX_INPUT) {
        return 0;
    }
    bool steady = data[0] % 2 != 0;
    live(&in, data + 1, size - 1, steady, 0);
    if (steady) {
        memcpy(whole, in.walk.sum, sizeof whole);
        live(&in, data + 1, size - 1, true, 1 + data[0] / 2 % 4);
        if (memcmp(whole, in.walk.sum, sizeof whole) != 0) {
            broken(&in, "what is typed in pieces is answered otherwise");
        }
    }
    return 0;
}
