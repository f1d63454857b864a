/* SPDX-License-Identifier: MIT */
/*
 * A main() for the fuzz harnesses where libFuzzer is not at hand: the corpus as a regression test.
 * Each file of the given folders runs whole, cut short, and damaged by a seeded generator, so that
 * a finding can be repeated exactly.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_SIZE = 1 << 20, MAX_CUTS = 16, MUTATIONS = 8 };

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* A copy of exactly `size` bytes lets the address sanitizer see a read past the end. */
static void run_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_damaged(uint8_t *data, size_t size, uint32_t seed)
{
    uint32_t state = seed | 1u;
    for (int i = 0; i < MUTATIONS && size > 0; i++) {
        size_t at = next_random(&state) % size;
        uint8_t kept = data[at];
        data[at] = (uint8_t)next_random(&state);
        run_exact(data, size);
        data[at] = kept;
    }
}

static void run_input(uint8_t *data, size_t size)
{
    size_t step = size / MAX_CUTS + 1;
    run_exact(data, size);
    for (size_t cut = 0; cut < size; cut += step) {
        run_exact(data, cut);
    }
    run_damaged(data, size, (uint32_t)size * 2654435761u);
}

static int run_file(const char *path)
{
    static uint8_t data[INPUT_SIZE];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    int failed = ferror(file);
    if (fclose(file) != 0 || failed) {
        perror(path);
        return -1;
    }
    run_input(data, size);
    return 0;
}

static int run_folder(const char *folder, unsigned *count)
{
    DIR *entries = opendir(folder);
    if (entries == NULL) {
        perror(folder);
        return -1;
    }
    int result = 0;
    struct dirent *entry = readdir(entries);
    while (entry != NULL && result == 0) {
        char path[4096];
        struct stat status;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof path) {
            result = -1;
        } else if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            result = run_file(path);
            (*count)++;
        }
        entry = readdir(entries);
    }
    (void)closedir(entries);
    return result;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++) {
        if (run_folder(argv[i], &count) != 0) {
            return 1;
        }
    }
    if (count == 0) {
        fprintf(stderr, "no corpus file was found: a run without input proves nothing\n");
        return 1;
    }
    printf("%u corpus files\n", count);
    return 0;
}
