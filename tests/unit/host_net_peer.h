/* SPDX-License-Identifier: MIT */
/* A server in a thread that plays one script with blocking calls, on loopback. */
#ifndef PM_TEST_HOST_NET_PEER_H
#define PM_TEST_HOST_NET_PEER_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/time.h>

#include "host_net_fixture.h"

struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    void (*script)(struct peer *peer);
    int fd;           /* of the one connection */
    SSL_CTX *context; /* of a TLS script */
    SSL *ssl;
    int handshake; /* result of SSL_accept */
    char sni[128]; /* what the client named */
    bool client_certificate;
    uint8_t *data; /* what the script has received */
    size_t len;
    const char *say;       /* what the script says first */
    const char *say_clear; /* likewise, before TLS */
    size_t expect;         /* bytes a script waits for */
};

FIXTURE void *peer_run(void *user)
{
    struct peer *peer = user;
    struct timeval patience = {20, 0};
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL); /* of this thread only: OpenSSL write()s */
    peer->fd = accept(peer->listener, NULL, NULL);
    if (peer->fd >= 0) {
        setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        peer->script(peer);
        SSL_free(peer->ssl);
        peer->ssl = NULL;
        if (peer->fd >= 0) {
            close(peer->fd);
        }
    }
    return NULL;
}

/* `address` of loopback, IPv4 or IPv6. */
FIXTURE void peer_start_at(struct peer *peer, const char *address)
{
    struct sockaddr_storage space = {0};
    struct sockaddr *any = (struct sockaddr *)&space;
    socklen_t len = sizeof(space);
    if (uv_ip4_addr(address, 0, (struct sockaddr_in *)&space) != 0) {
        assert_int_equal(uv_ip6_addr(address, 0, (struct sockaddr_in6 *)&space), 0);
    }
    peer->listener = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->listener >= 0);
    assert_int_equal(bind(peer->listener, any, len), 0);
    assert_int_equal(listen(peer->listener, 4), 0);
    assert_int_equal(getsockname(peer->listener, any, &len), 0);
    peer->port = any->sa_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&space)->sin6_port)
                                            : ntohs(((struct sockaddr_in *)&space)->sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

FIXTURE void peer_start(struct peer *peer)
{
    peer_start_at(peer, "127.0.0.1");
}

/* Waits for the script's end. A peer that nobody has called is released, too. */
FIXTURE void peer_join(struct peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    close(peer->listener);
}

FIXTURE void peer_end(struct peer *peer)
{
    peer_join(peer);
    SSL_CTX_free(peer->context);
    free(peer->data);
}

FIXTURE int peer_sni(SSL *ssl, int *alert, void *user)
{
    struct peer *peer = user;
    (void)alert;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    snprintf(peer->sni, sizeof(peer->sni), "%s", name != NULL ? name : "");
    return SSL_TLSEXT_ERR_OK;
}

/* A server's context at security level 0, so that the client alone decides. */
FIXTURE void peer_tls(struct peer *peer, const struct cert *cert, int min, int max)
{
    peer->context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(peer->context, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(peer->context, min), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(peer->context, max), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(peer->context, "ALL:@SECLEVEL=0"), 1);
    assert_int_equal(SSL_CTX_use_certificate(peer->context, cert->x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(peer->context, cert->key), 1);
    SSL_CTX_set_tlsext_servername_callback(peer->context, peer_sni);
    SSL_CTX_set_tlsext_servername_arg(peer->context, peer);
}

/* Script: TLS at once, says `say`, then reads to the end. */
FIXTURE void peer_script_tls(struct peer *peer)
{
    if (peer->say_clear != NULL) {
        char command[64];
        (void)send(peer->fd, "220 hello\r\n", 11, MSG_NOSIGNAL);
        (void)recv(peer->fd, command, sizeof(command), 0);
        (void)send(peer->fd, peer->say_clear, strlen(peer->say_clear), MSG_NOSIGNAL);
    }
    peer->ssl = SSL_new(peer->context);
    SSL_set_fd(peer->ssl, peer->fd);
    peer->handshake = SSL_accept(peer->ssl);
    if (peer->handshake == 1) {
        char data[4096];
        X509 *client = SSL_get0_peer_certificate(peer->ssl);
        peer->client_certificate = client != NULL;
        if (peer->say != NULL) {
            (void)SSL_write(peer->ssl, peer->say, (int)strlen(peer->say));
        }
        while (SSL_read(peer->ssl, data, sizeof(data)) > 0) {
        }
        (void)SSL_shutdown(peer->ssl);
    }
    ERR_clear_error();
}

#endif
