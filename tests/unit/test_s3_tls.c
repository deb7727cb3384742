/*
 * Tests of the S3 sink: whom it trusts.
 *
 * Copyright (C) 2026 the sme-backup authors.  SPDX-License-Identifier: Apache-2.0
 *
 * A server with a certificate of its own; what counts is whether a request ever reaches it.
 */
#include "../harness/s3rig.h"
#include "../harness/tree.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "docs/data/0001"

struct tls {
    SSL_CTX *context;
    int listener;
    char endpoint[64];
    char *scratch;
    char ca_file[PATH_MAX];
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    unsigned requests;
};

static X509 *make_certificate(EVP_PKEY *key, const char *names, long seconds)
{
    X509 *cert = X509_new();
    X509V3_CTX context;

    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -7200));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                                (const unsigned char *)"test store", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(cert)), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* One request of one connection: "204 No Content". */
static void serve(struct tls *tls, SSL *ssl)
{
    static const char reply[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char head[8192];
    int len = 0;

    if (SSL_accept(ssl) != 1)
        return;
    while (len < (int)sizeof head && memmem(head, (size_t)len, "\r\n\r\n", 4) == NULL) {
        int got = SSL_read(ssl, head + len, (int)sizeof head - len);
        if (got <= 0)
            return;
        len += got;
    }
    (void)pthread_mutex_lock(&tls->lock);
    tls->requests++;
    (void)pthread_mutex_unlock(&tls->lock);
    (void)SSL_write(ssl, reply, sizeof reply - 1);
    (void)SSL_shutdown(ssl);
}

static void *accept_all(void *cookie)
{
    struct tls *tls = cookie;

    for (;;) {
        int fd = accept(tls->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        SSL *ssl = SSL_new(tls->context);
        if (ssl != NULL && SSL_set_fd(ssl, fd) == 1)
            serve(tls, ssl);
        SSL_free(ssl);
        (void)close(fd);
    }
}

static void tls_start(struct tls *tls, const char *names, long seconds)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    EVP_PKEY *key = EVP_EC_gen("P-256");

    *tls = (struct tls){.context = SSL_CTX_new(TLS_server_method())};
    assert_non_null(key);
    assert_non_null(tls->context);
    X509 *cert = make_certificate(key, names, seconds);
    assert_int_equal(SSL_CTX_use_certificate(tls->context, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls->context, key), 1);
    tls->scratch = tree_new();
    assert_non_null(tls->scratch);
    (void)snprintf(tls->ca_file, sizeof tls->ca_file, "%s/ca.pem", tls->scratch);
    FILE *file = fopen(tls->ca_file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    (void)fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tls->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(tls->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(tls->listener, 8), 0);
    assert_int_equal(getsockname(tls->listener, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(tls->endpoint, sizeof tls->endpoint, "https://127.0.0.1:%u",
                   ntohs(address.sin_port));
    (void)pthread_mutex_init(&tls->lock, NULL);
    assert_int_equal(pthread_create(&tls->thread, NULL, accept_all, tls), 0);
}

static void tls_stop(struct tls *tls)
{
    (void)shutdown(tls->listener, SHUT_RDWR);
    (void)pthread_join(tls->thread, NULL);
    (void)close(tls->listener);
    SSL_CTX_free(tls->context);
    tree_remove(tls->scratch);
    free(tls->scratch);
    (void)pthread_mutex_destroy(&tls->lock);
}

static unsigned tls_requests(struct tls *tls)
{
    (void)pthread_mutex_lock(&tls->lock);
    unsigned count = tls->requests;
    (void)pthread_mutex_unlock(&tls->lock);
    return count;
}

static void point_at(struct s3rig *rig, const char *endpoint, const char *ca_file)
{
    rig->config.endpoint = endpoint;
    rig->config.ca_file = ca_file;
    s3rig_reopen(rig);
}

static void an_authority_that_is_named_is_trusted(void **state)
{
    struct s3rig *rig = *state;
    struct tls tls;

    tls_start(&tls, "IP:127.0.0.1", 3600);
    point_at(rig, tls.endpoint, tls.ca_file);
    if (s3rig_remove(rig, KEY) != SME_OK)
        fail_msg("%s", rig->err.message);
    assert_int_equal(tls_requests(&tls), 1);
    tls_stop(&tls);
}

static void assert_not_trusted(struct s3rig *rig, const char *names, long seconds, bool named)
{
    struct tls tls;

    tls_start(&tls, names, seconds);
    point_at(rig, tls.endpoint, named ? tls.ca_file : NULL);
    /* Repeating does not help, and nothing is sent. */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(s3rig_remove(rig, KEY), SME_E_DENIED);
        assert_true(s3rig_says(rig, "certificate"));
        assert_true(s3rig_says(rig, "127.0.0.1"));
        assert_true(s3rig_says(rig, "ca_file"));
    }
    assert_int_equal(tls_requests(&tls), 0);
    tls_stop(&tls);
}

static void an_unknown_authority_is_not_trusted(void **state)
{
    assert_not_trusted(*state, "IP:127.0.0.1", 3600, false);
}

static void a_certificate_of_another_host_is_not_trusted(void **state)
{
    assert_not_trusted(*state, "DNS:store.example,IP:127.0.0.2", 3600, true);
}

static void a_certificate_that_has_expired_is_not_trusted(void **state)
{
    assert_not_trusted(*state, "IP:127.0.0.1", -3600, true);
}

static void allow_http_does_not_weaken_https(void **state)
{
    struct s3rig *rig = *state;
    char endpoint[64];

    /* A server that speaks http behind an https address is not asked in the clear. */
    (void)snprintf(endpoint, sizeof endpoint, "https://127.0.0.1:%u", httpd_port(rig->server));
    rig->config.allow_http = true;
    point_at(rig, endpoint, NULL);
    rig->s3->connect_sec = 1; /* that server waits for the rest of what it takes for a request */
    assert_true(s3rig_remove(rig, KEY) < 0);
    assert_true(s3rig_says(rig, "127.0.0.1"));
    assert_int_equal(s3rig_seen(rig), 0);
}

static void a_missing_ca_file_is_told(void **state)
{
    struct s3rig *rig = *state;
    struct tls tls;
    char missing[PATH_MAX + 16];

    tls_start(&tls, "IP:127.0.0.1", 3600);
    (void)snprintf(missing, sizeof missing, "%s/none.pem", tls.scratch);
    point_at(rig, tls.endpoint, missing);
    int got = s3rig_remove(rig, KEY);
    assert_true(got == SME_E_DENIED || got == SME_E_INVALID);
    assert_true(s3rig_says(rig, "ca_file"));
    assert_int_equal(tls_requests(&tls), 0);
    tls_stop(&tls);
}

#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, s3rig_set_up, s3rig_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RIG_TEST(an_authority_that_is_named_is_trusted),
        RIG_TEST(an_unknown_authority_is_not_trusted),
        RIG_TEST(a_certificate_of_another_host_is_not_trusted),
        RIG_TEST(a_certificate_that_has_expired_is_not_trusted),
        RIG_TEST(allow_http_does_not_weaken_https),
        RIG_TEST(a_missing_ca_file_is_told),
    };

    /* OpenSSL writes to connections that the client has given up. */
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("s3_tls", tests, NULL, NULL);
}
