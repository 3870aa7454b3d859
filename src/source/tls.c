/*
 * source/tls.c
 *		TLS 1.2 or later on a stream's TCP connection, by OpenSSL: as its client, or,
 *		where senders connect, as its server.
 *
 * The options mean what they mean to libpq.  Without a root certificate the
 * system's are trusted.
 *
 * A peer ends its stream by close_notify.  An end without it is a failure, since
 * whoever is between could have made it.
 *
 * The session's keys live in this process, so that the connection cannot be
 * handed over by its descriptor: it is closed with what was read, and the next
 * source dials.
 */
#include "postgres.h"

#include "storage/latch.h"

#include "source/transport.h"

#ifdef USE_OPENSSL

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "utils/memutils.h"

typedef struct TlsTransport
{
	WeirTransport base;
	SSL		   *ssl;
	bool		established;	/* hands are shaken */
	bool		broken;			/* nothing may be said any more */
} TlsTransport;

/* The first reason of a failure; valid until the next. */
static const char *
reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *text = ERR_reason_error_string(code);

#ifdef ERR_SYSTEM_ERROR
	if (text == NULL && ERR_SYSTEM_ERROR(code))
		text = strerror(ERR_GET_REASON(code));
#endif
	return text != NULL ? text : code == 0 ? "no reason given" : psprintf("OpenSSL error %lX", code);
}

bool
weir_tls_supported(void)
{
	return true;
}

static void
cannot_load(SSL_CTX *context, const WeirStream *stream, const char *option, const char *file,
			const char *why)
{
	SSL_CTX_free(context);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("could not load file \"%s\": %s", file, why),
			 errdetail("It is option \"%s\" of the server of stream %s.", option, stream->name),
			 errhint("Give a file in PEM format that the server can read; a relative path begins at the data directory.")));
}

static bool
trusts_system(const WeirStream *stream)
{
	return stream->sslrootcert == NULL || strcmp(stream->sslrootcert, "system") == 0;
}

/* As in libpq, "require" verifies where it is told by whom. */
static bool
verifies(const WeirStream *stream)
{
	return stream->sslmode >= WEIR_SSL_VERIFY_CA || stream->sslrootcert != NULL;
}

static void
load_roots(SSL_CTX *context, const WeirStream *stream)
{
	if (!verifies(stream))
		return;
	/* the second matters to a server alone: a client must have a certificate */
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (trusts_system(stream))
	{
		if (SSL_CTX_set_default_verify_paths(context) != 1)
			cannot_load(context, stream, "sslrootcert", "system", reason());
	}
	else if (SSL_CTX_load_verify_locations(context, stream->sslrootcert, NULL) != 1)
		cannot_load(context, stream, "sslrootcert", stream->sslrootcert, reason());
}

/* What is wrong with the private key's file; NULL: nothing. */
static const char *
judge_key_file(const char *file)
{
	struct stat st;

	if (stat(file, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (st.st_mode & (st.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO))
		return "it has group or world access; it must have permissions u=rw (0600) or less, or u=rw,g=r (0640) or less if root owns it";
	return NULL;
}

static void
load_certificate(SSL_CTX *context, const WeirStream *stream)
{
	const char *why;

	if (stream->sslcert == NULL)
		return;
	if (SSL_CTX_use_certificate_chain_file(context, stream->sslcert) != 1)
		cannot_load(context, stream, "sslcert", stream->sslcert, reason());
	why = judge_key_file(stream->sslkey);
	if (why == NULL && (SSL_CTX_use_PrivateKey_file(context, stream->sslkey, SSL_FILETYPE_PEM) != 1 ||
						SSL_CTX_check_private_key(context) != 1))
		why = reason();
	if (why != NULL)
		cannot_load(context, stream, "sslkey", stream->sslkey, why);
}

/* Without this OpenSSL would ask a terminal. */
static int
no_password(char *buffer, int size, int writing, void *arg)
{
	return 0;
}

static SSL_CTX *
make_context(const WeirStream *stream, const SSL_METHOD *method)
{
	SSL_CTX    *context;

	ERR_clear_error();
	context = SSL_CTX_new(method);
	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not set up TLS: %s", reason())));
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(context, no_password);
	load_roots(context, stream);
	load_certificate(context, stream);
	return context;
}

WeirTlsContext *
weir_tls_context(const WeirStream *stream)
{
	return make_context(stream, TLS_client_method());
}

/* Sessions are not resumed: there are few, and they last. */
WeirTlsContext *
weir_tls_server_context(const WeirStream *stream)
{
	SSL_CTX    *context = make_context(stream, TLS_server_method());

	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(context, 0);
	if (verifies(stream))
		SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(stream->sslrootcert));
	return context;
}

static bool
is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* Whom the certificate must name; whom the peer is told that we want. */
static bool
expect_host(SSL *ssl, const WeirStream *stream)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	bool		address = is_address(stream->host);

	if (!address && SSL_set_tlsext_host_name(ssl, stream->host) != 1)
		return false;
	if (stream->sslmode != WEIR_SSL_VERIFY_FULL)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(param, stream->host) == 1;
	return X509_VERIFY_PARAM_set1_host(param, stream->host, 0) == 1;
}

static bool
speaks_otherwise(void)
{
	unsigned long code = ERR_peek_error();

	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return false;
	switch (ERR_GET_REASON(code))
	{
		case SSL_R_WRONG_VERSION_NUMBER:
		case SSL_R_PACKET_LENGTH_TOO_LONG:
		case SSL_R_HTTP_REQUEST:
			return true;
		default:
			return false;
	}
}

static void
describe(TlsTransport *tls, int save_errno)
{
	char	   *problem = tls->base.problem;
	Size		size = sizeof(tls->base.problem);
	long		verdict = SSL_get_verify_result(tls->ssl);
	unsigned long code = ERR_peek_error();
	bool		silent = code == 0 && save_errno == 0;

#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
	silent = silent || (ERR_GET_LIB(code) == ERR_LIB_SSL &&
						ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
#endif
	if (verdict != X509_V_OK && !tls->established)
		snprintf(problem, size, "the peer's certificate is refused: %s",
				 X509_verify_cert_error_string(verdict));
	else if (silent)
		strlcpy(problem, tls->established ?
				"the peer closed the connection without a TLS close_notify" :
				"the peer closed the connection during the TLS handshake", size);
	else if (code == 0)
		strlcpy(problem, strerror(save_errno), size);
	else if (speaks_otherwise() && !tls->established)
		snprintf(problem, size, "the peer does not speak TLS: %s", reason());
	else
		snprintf(problem, size, "TLS error: %s", reason());
}

static WeirIo
outcome(TlsTransport *tls, int result)
{
	int			save_errno = errno;

	switch (SSL_get_error(tls->ssl, result))
	{
		case SSL_ERROR_NONE:
			return WEIR_IO_DONE;
		case SSL_ERROR_WANT_READ:
			tls->base.events = WL_SOCKET_READABLE;
			return WEIR_IO_WAIT;
		case SSL_ERROR_WANT_WRITE:
			tls->base.events = WL_SOCKET_WRITEABLE;
			return WEIR_IO_WAIT;
		case SSL_ERROR_ZERO_RETURN:
			tls->base.events = WL_SOCKET_READABLE;
			return WEIR_IO_END;
		default:
			tls->broken = true;
			describe(tls, save_errno);
			return WEIR_IO_FAILED;
	}
}

static void
prepare(void)
{
	ERR_clear_error();
	errno = 0;
}

static WeirIo
tls_handshake(WeirTransport *t)
{
	TlsTransport *tls = (TlsTransport *) t;
	WeirIo		io;

	prepare();
	io = outcome(tls, SSL_do_handshake(tls->ssl));
	tls->established = io == WEIR_IO_DONE;
	return io;
}

static WeirIo
tls_read(WeirTransport *t, char *buffer, Size size, Size *done)
{
	TlsTransport *tls = (TlsTransport *) t;
	int			result;

	prepare();
	t->events = WL_SOCKET_READABLE;
	result = SSL_read(tls->ssl, buffer, (int) Min(size, INT_MAX));
	*done = Max(result, 0);
	return outcome(tls, result);
}

/* Whoever writes knows himself what to wait for. */
static WeirIo
tls_write(WeirTransport *t, const char *data, Size len, Size *done)
{
	TlsTransport *tls = (TlsTransport *) t;
	int			events = t->events;
	int			result;
	WeirIo		io;

	*done = 0;
	if (tls->broken)
		return WEIR_IO_FAILED;
	prepare();
	result = SSL_write(tls->ssl, data, (int) Min(len, INT_MAX));
	*done = Max(result, 0);
	io = outcome(tls, result);
	t->events = events;
	return io;
}

/* One try: a peer that does not read must not hold us up. */
static void
tls_close(WeirTransport *t)
{
	TlsTransport *tls = (TlsTransport *) t;

	prepare();
	if (!tls->broken && tls->established)
		(void) SSL_shutdown(tls->ssl);
	SSL_free(tls->ssl);
	ERR_clear_error();
	pfree(tls);
}

static const WeirTransportRoutine tls_routine = {
	.handshake = tls_handshake,
	.read = tls_read,
	.write = tls_write,
	.close = tls_close,
	.movable = false
};

static void
cannot_set_up(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("could not set up TLS: %s", reason())));
}

/* Signals do not matter to OpenSSL's writes: a background worker ignores SIGPIPE. */
static TlsTransport *
make_transport(pgsocket fd, SSL_CTX *context)
{
	TlsTransport *tls = MemoryContextAllocZero(TopMemoryContext, sizeof(TlsTransport));

	prepare();
	tls->base.routine = &tls_routine;
	tls->base.fd = fd;
	tls->base.events = WL_SOCKET_WRITEABLE;
	tls->ssl = SSL_new(context);
	if (tls->ssl == NULL || SSL_set_fd(tls->ssl, fd) != 1)
		cannot_set_up();
	return tls;
}

WeirTransport *
weir_tls_transport(pgsocket fd, const WeirStream *stream, WeirTlsContext *context)
{
	TlsTransport *tls = make_transport(fd, context);

	SSL_CTX_free(context);
	if (!expect_host(tls->ssl, stream))
		cannot_set_up();
	SSL_set_connect_state(tls->ssl);
	return &tls->base;
}

WeirTransport *
weir_tls_server_transport(pgsocket fd, const WeirStream *stream, WeirTlsContext *context,
						  const char *address)
{
	TlsTransport *tls = make_transport(fd, context);

	tls->base.events = WL_SOCKET_READABLE;
	if (stream->sslmode == WEIR_SSL_VERIFY_FULL &&
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), address) != 1)
		cannot_set_up();
	SSL_set_accept_state(tls->ssl);
	return &tls->base;
}

void
weir_tls_forget(WeirTlsContext *context)
{
	SSL_CTX_free(context);
}

#else

bool
weir_tls_supported(void)
{
	return false;
}

WeirTlsContext *
weir_tls_context(const WeirStream *stream)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("TLS is not supported by this build of the server")));
}

WeirTransport *
weir_tls_transport(pgsocket fd, const WeirStream *stream, WeirTlsContext *context)
{
	pg_unreachable();
}

WeirTlsContext *
weir_tls_server_context(const WeirStream *stream)
{
	return weir_tls_context(stream);
}

WeirTransport *
weir_tls_server_transport(pgsocket fd, const WeirStream *stream, WeirTlsContext *context,
						  const char *address)
{
	pg_unreachable();
}

void
weir_tls_forget(WeirTlsContext *context)
{
}

#endif
