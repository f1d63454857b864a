/* SPDX-License-Identifier: MIT */
/*
 * Secrets of the Linux side are overwritten when they are done with: in what is freed, which is
 * seen because free() of our code is this file's (the linker wraps it), and on the stack, which is
 * one that this file owns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/configuration.h"
#include "host/tls_client.h"
#include "host/token.h"
#include "host_net_certs.h"

#define STACK_SIZE ((size_t)1 << 20)

/* Repeated, so that what is written over a part of it leaves another one. */
#define MARK "kX7-uPq2_Zr9"
#define SECRET                                                                                     \
    MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK \
        MARK MARK MARK MARK MARK

static const char *volatile mark; /* what must not be in memory that is freed; NULL: nobody looks */
static volatile unsigned freed;   /* how often it was */
static char folder[] = "/tmp/pm-wipe-XXXXXX";
static char path[sizeof folder + 16];

void __real_free(void *memory);
void __wrap_free(void *memory);

void __wrap_free(void *memory)
{
    if (memory != NULL && mark != NULL &&
        memmem(memory, malloc_usable_size(memory), mark, strlen(mark)) != NULL) {
        freed++;
    }
    __real_free(memory);
}

static void look_for(const char *text)
{
    mark = text;
    freed = 0;
}

static void expect_none(void)
{
    mark = NULL;
    assert_int_equal(freed, 0);
}

static const char *write_file(const char *name, const char *text, size_t len)
{
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

/*
 * Runs it in a thread; true: no copy of the mark is left on its stack. It has run once before:
 * where a function of a library is called for the first time, the dynamic linker keeps registers
 * there.
 */
static bool clean_stack(void *(*run)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *result = NULL;
    assert_non_null(run(NULL));
    uint8_t *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    assert_true(stack != MAP_FAILED);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
    assert_non_null(result); /* it did what it was to do */
    bool clean = memmem(stack, STACK_SIZE, MARK, strlen(MARK)) == NULL;
    assert_int_equal(munmap(stack, STACK_SIZE), 0);
    return clean;
}

/* ---- Without which the rest shows nothing ---------------------------------------------- */

static void *leave_one(void *user)
{
    volatile char copy[sizeof SECRET];
    (void)user;
    for (size_t i = 0; i < sizeof SECRET; i++) {
        copy[i] = SECRET[i];
    }
    return copy[0] == SECRET[0] ? path : NULL;
}

static void what_is_left_is_found(void **state)
{
    (void)state;
    assert_false(clean_stack(leave_one));
    look_for(MARK);
    char *volatile copy = strdup(SECRET);
    free(copy);
    mark = NULL;
    assert_int_equal(freed, 1);
}

/* ---- Configuration --------------------------------------------------------------------- */

static bool configure(const char *assignment)
{
    struct pm_configuration configuration;
    char err[600];
    pm_configuration_init(&configuration);
    bool good = pm_configuration_read(&configuration, path, err, sizeof err) &&
                (assignment == NULL ||
                 pm_configuration_assign(&configuration, assignment, err, sizeof err)) &&
                pm_configuration_finish(&configuration, err, sizeof err) &&
                configuration.count == 1;
    struct pm_options *options = good ? pm_configuration_take(&configuration, 0) : NULL;
    good = good && strcmp(options->module.policy.password, SECRET) == 0;
    pm_configuration_free(&configuration);
    pm_options_delete(options);
    return good;
}

static void *configure_in_file(void *user)
{
    (void)user;
    return configure(NULL) ? path : NULL;
}

/* What comes after it would write over what it leaves. */
static void *read_alone(void *user)
{
    struct pm_configuration configuration;
    char err[600];
    (void)user;
    pm_configuration_init(&configuration);
    bool good = pm_configuration_read(&configuration, path, err, sizeof err);
    pm_configuration_free(&configuration);
    return good ? path : NULL;
}

#define RELAY                                                                                   \
    "port.1.tcp = 127.0.0.1:0\nmail.override_server = relay.example\nmail.override_tls = tls\n" \
    "mail.override_username = owner\n"

static void passwords_in_the_configuration(void **state)
{
    static const char text[] = RELAY "mail.override_password = " SECRET "\n# The end.\n";
    (void)state;
    (void)write_file("conf", text, sizeof text - 1);
    look_for(MARK);
    assert_true(clean_stack(read_alone));
    assert_true(clean_stack(configure_in_file));
    expect_none();
    assert_int_equal(unlink(path), 0);
}

static void passwords_on_the_command_line(void **state)
{
    (void)state;
    (void)write_file("conf", RELAY, sizeof RELAY - 1);
    look_for(MARK);
    assert_true(configure("mail.override_password=" SECRET));
    expect_none();
    assert_int_equal(unlink(path), 0);
}

static void passwords_in_their_files(void **state)
{
    char password[sizeof path];
    char text[400];
    (void)state;
    (void)strcpy(password, write_file("password", SECRET "\n", sizeof SECRET));
    int len = snprintf(text, sizeof text, RELAY "mail.override_password_file = %s\n", password);
    (void)write_file("conf", text, (size_t)len);
    look_for(MARK);
    assert_true(clean_stack(configure_in_file));
    expect_none();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(password), 0);
}

/* ---- Tokens ---------------------------------------------------------------------------- */

static uint8_t got[PM_TOKEN_SIZE];
static int32_t got_len;

static void on_token(void *user, int32_t result)
{
    (void)user;
    got_len = result;
}

static void on_log(void *user, enum pm_log_level level, const char *text)
{
    (void)user;
    (void)level;
    (void)text;
}

/* The token that a file or a command gives; false: none. */
static bool take_token(const char *file, const char *command)
{
    uv_loop_t loop;
    const struct pm_token_source source = {
        .file = file, .command = command, .log = on_log, .done = on_token};
    if (uv_loop_init(&loop) != 0) {
        return false;
    }
    struct pm_token *token = pm_token_new(&loop, &source);
    got_len = token != NULL ? pm_token_get(token, false, got, sizeof got) : PM_ERR_IO;
    uv_run(&loop, UV_RUN_DEFAULT);
    pm_token_free(token);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 && got_len == (int32_t)strlen(SECRET) &&
           memcmp(got, SECRET, strlen(SECRET)) == 0;
}

static void *token_of_file(void *user)
{
    (void)user;
    return take_token(path, NULL) ? path : NULL;
}

static void tokens(void **state)
{
    char command[sizeof path + 8];
    (void)state;
    (void)write_file("token", SECRET "\n", sizeof SECRET);
    look_for(MARK);
    assert_true(clean_stack(token_of_file));
    expect_none();
    (void)snprintf(command, sizeof command, "cat %s", path);
    look_for(MARK);
    assert_true(take_token(NULL, command));
    expect_none();
    assert_int_equal(unlink(path), 0);
}

/* ---- Keys ------------------------------------------------------------------------------ */

static struct {
    uint8_t *data;
    size_t len;
} certificate, key;

static int load(void *user, enum pm_storage storage, const uint8_t *name, size_t len,
                uint8_t **data, size_t *data_len, size_t max)
{
    const bool wants_key = len == 3 && memcmp(name, "key", 3) == 0;
    (void)user;
    (void)storage;
    (void)max;
    *data_len = wants_key ? key.len : certificate.len;
    *data = malloc(*data_len);
    assert_non_null(*data);
    memcpy(*data, wants_key ? key.data : certificate.data, *data_len);
    return PM_OK;
}

static struct pm_slice slice(const char *text)
{
    return (struct pm_slice){(const uint8_t *)text, strlen(text)};
}

static void key_of_the_module(void)
{
    char err[200] = "";
    const struct pm_tls_request request = {.version = 4,
                                           .ciphersuite = 0xFFFF,
                                           .seclevel = 2,
                                           .cacert = slice("cert"),
                                           .clientcert = slice("cert"),
                                           .clientkey = slice("key")};
    const struct pm_tls_setup setup = {.request = &request, .host = "mail.test", .load = load};
    SSL *ssl = pm_tls_client(&setup, err, sizeof err);
    assert_non_null(ssl);
    assert_non_null(SSL_get_privatekey(ssl));
    SSL_free(ssl);
}

static void key_of_the_configuration(const char *cert_path, const char *key_path)
{
    char err[200] = "";
    struct pm_tls_local local;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    assert_true(pm_tls_local_init(&local, NULL, cert_path, key_path, NULL, err, sizeof err));
    assert_true(pm_tls_local_client(&local, context, err, sizeof err));
    pm_tls_local_end(&local);
    SSL_CTX_free(context);
}

static void private_keys(void **state)
{
    const struct cert_spec spec = {.cn = "client", .ca = true};
    char cert_path[sizeof path];
    char line[41] = "";
    struct cert cert = cert_make(&spec, NULL);
    (void)state;
    certificate.data = cert_pem(&cert, &certificate.len);
    key.data = cert_key_pem(&cert, NULL, &key.len);
    const char *second = memchr(key.data, '\n', key.len);
    assert_non_null(second);
    memcpy(line, second + 1, sizeof line - 1);
    (void)strcpy(cert_path, write_file("cert", (const char *)certificate.data, certificate.len));
    (void)write_file("key", (const char *)key.data, key.len);
    look_for(line);
    key_of_the_module();
    key_of_the_configuration(cert_path, path);
    expect_none();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(cert_path), 0);
    free(certificate.data);
    free(key.data);
    cert_free(&cert);
}

/* A file too long for a key: what was read of it may be one all the same. */
static void a_key_that_is_too_long(void **state)
{
    const size_t size = PM_TLS_FILE_MAX + 1;
    char *text = malloc(size);
    char err[200] = "";
    struct pm_tls_local local;
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = MARK[i % strlen(MARK)];
    }
    (void)write_file("key", text, size);
    look_for(MARK);
    assert_true(pm_tls_local_init(&local, path, NULL, NULL, NULL, err, sizeof err));
    assert_false(pm_tls_local_try(&local, err, sizeof err));
    expect_none();
    pm_tls_local_end(&local);
    assert_int_equal(unlink(path), 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_found),
        cmocka_unit_test(passwords_in_the_configuration),
        cmocka_unit_test(passwords_on_the_command_line),
        cmocka_unit_test(passwords_in_their_files),
        cmocka_unit_test(tokens),
        cmocka_unit_test(private_keys),
        cmocka_unit_test(a_key_that_is_too_long),
    };
    if (getenv("PM_TEST_VALGRIND") != NULL) {
        print_message("valgrind does not let anybody look at memory that was not written\n");
        return 0;
    }
    return cmocka_run_group_tests_name("host_wipe", tests, set_up, tear_down);
}
