/*
 * source/listen_option.c
 *		What a server's options mean where Weir listens and senders connect.
 */
#include "postgres.h"

#include "source/allow.h"
#include "source/listener.h"
#include "source/pollset.h"
#include "source/stream_option.h"

typedef struct Misfit
{
	const char *name;
	const char *detail;
} Misfit;

/* What is of no use to who listens. */
static const Misfit of_dialling[] = {
	{"max_retries", "Senders connect when they like, and a listening stream has no end."},
	{"retry_delay", "Senders connect when they like."},
	{"connect_timeout", "Senders connect; a TLS handshake may take 30 s."},
	{NULL, NULL}
};

/* And to who does not. */
static const Misfit of_listening[] = {
	{"allow", "It says whose senders a listening stream lets in."},
	{"max_connections", "It says how many senders a listening stream serves at once."},
	{NULL, NULL}
};

void
weir_set_listen(WeirStream *stream, DefElem *def)
{
	stream->listen = weir_stream_option_boolean(def);
}

void
weir_set_max_connections(WeirStream *stream, DefElem *def)
{
	stream->max_connections = weir_stream_option_integer(
		def, 1, WEIR_MAX_SENDERS, "Give a number of senders, 1 to 200.");
}

void
weir_set_allow(WeirStream *stream, DefElem *def)
{
	stream->allow = weir_allow_parse(def);
}

static void
refuse_misfits(const WeirStream *stream, const Misfit *misfit)
{
	for (; misfit->name != NULL; misfit++)
	{
		if (weir_stream_option_given(stream, misfit->name))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 stream->listen ?
					 errmsg("option \"%s\" is not available with listen \"on\"", misfit->name) :
					 errmsg("option \"%s\" needs listen \"on\"", misfit->name),
					 errdetail("%s", misfit->detail),
					 stream->listen ?
					 errhint("Leave the option out.") :
					 errhint("Set option listen to \"on\" if senders are to connect, or leave the option out.")));
	}
}

static void
refuse_value(const char *name, const char *value, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("%s \"%s\" is not available with listen \"on\"", name, value),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

static void
require_option(const char *name, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
			 errmsg("option \"%s\" is required", name),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/* Whoever listens shows a certificate; whom he trusts he has to say. */
static void
complete_tls(WeirStream *stream)
{
	if (!stream->sslmode_given && stream->sslmode != WEIR_SSL_DISABLE)
		stream->sslmode = stream->sslrootcert ? WEIR_SSL_VERIFY_CA : WEIR_SSL_REQUIRE;
	if (stream->sslmode == WEIR_SSL_DISABLE)
		return;
	if (stream->sslcert == NULL)
		require_option("sslcert", "Senders are shown a certificate where TLS is spoken.",
					   "Name the files of a certificate and its private key: OPTIONS (sslcert 'server.crt', sslkey 'server.key').");
	if (stream->sslmode >= WEIR_SSL_VERIFY_CA &&
		(stream->sslrootcert == NULL || strcmp(stream->sslrootcert, "system") == 0))
		require_option("sslrootcert", "Whoever has a certificate of any public authority would be let in else.",
					   "Name the file of the authority whose certificates senders must have.");
}

void
weir_listen_options_complete(WeirStream *stream)
{
	refuse_misfits(stream, stream->listen ? of_dialling : of_listening);
	if (!stream->listen)
		return;
	if (!weir_pollset_supported())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("listen \"on\" is not supported on this platform"),
				 errdetail("Many senders are waited for by epoll of Linux."),
				 errhint("Have the senders listen, and leave the option out.")));
	if (stream->resume)
		refuse_value("protocol", "resume",
					 "It asks a sender for the byte to go on from; where the records of several are in one order there is no such byte.",
					 "Leave the option out, or have Weir connect to each sender, by a server of its own.");
	if (stream->join_partial)
		refuse_value("partial", "join",
					 "What a sender left without an end cannot be joined with what another one sends.",
					 "Leave the option out.");
	complete_tls(stream);
}
