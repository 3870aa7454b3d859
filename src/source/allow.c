/*
 * source/allow.c
 *		The addresses and networks whose senders a listening stream lets in, by
 *		PostgreSQL's own types for them.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "source/allow.h"
#include "source/stream_option.h"

#define HINT_LIST "Give addresses and networks, with a comma between them, such as \"10.0.0.0/8, 192.168.1.7\"."

static void
name_option(void *arg)
{
	errcontext("option \"%s\"", ((DefElem *) arg)->defname);
	errhint(HINT_LIST);
}

/* Without the spaces round it. */
static char *
trimmed(char *text)
{
	char	   *end;

	while (*text == ' ')
		text++;
	end = text + strlen(text);
	while (end > text && end[-1] == ' ')
		*--end = '\0';
	return text;
}

List *
weir_allow_parse(DefElem *def)
{
	ErrorContextCallback context = {error_context_stack, name_option, def};
	char	   *rest = pstrdup(defGetString(def));
	char	   *element;
	List	   *allow = NIL;

	error_context_stack = &context;
	while ((element = strsep(&rest, ",")) != NULL)
	{
		element = trimmed(element);
		if (*element == '\0')
			weir_stream_option_refuse(def, HINT_LIST);
		allow = lappend(allow, DatumGetPointer(DirectFunctionCall1(cidr_in, CStringGetDatum(element))));
	}
	error_context_stack = context.previous;
	return allow;
}

bool
weir_allow_admits(List *allow, const char *address)
{
	/* an IPv6 address may name its interface */
	char	   *plain = pnstrdup(address, strcspn(address, "%"));
	Datum		inet = DirectFunctionCall1(inet_in, CStringGetDatum(plain));
	ListCell   *lc;

	foreach(lc, allow)
	{
		if (DatumGetBool(DirectFunctionCall2(network_subeq, inet, PointerGetDatum(lfirst(lc)))))
			return true;
	}
	return false;
}
