/*
 * remote/conntext.c
 *		Texts that say how to connect, as libpq has them.
 */
#include "postgres.h"

#include "libpq-fe.h"

#include "remote/conntext.h"

static const char *
value_of(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *o = options; o->keyword; o++)
	{
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	}
	return NULL;
}

static char *
describe(const PQconninfoOption *options)
{
	const char *service = value_of(options, "service");
	const char *host = value_of(options, "host");
	const char *port = value_of(options, "port");
	const char *dbname = value_of(options, "dbname");

	if (host == NULL)
		host = value_of(options, "hostaddr");
	if (host == NULL && service)
		return psprintf("service %s", service);
	return psprintf("%s%s%s%s%s", host ? host : "the local server", port ? ":" : "", port ? port : "",
					dbname ? "/" : "", dbname ? dbname : "");
}

static WeirConntext *
take(const PQconninfoOption *options)
{
	WeirConntext *info = palloc0(sizeof(WeirConntext));
	int			n = 0;

	for (const PQconninfoOption *o = options; o->keyword; o++)
		n++;
	info->keywords = palloc0(sizeof(char *) * (n + 1));
	info->values = palloc0(sizeof(char *) * (n + 1));
	n = 0;
	for (const PQconninfoOption *o = options; o->keyword; o++)
	{
		if (o->val == NULL)
			continue;
		info->keywords[n] = pstrdup(o->keyword);
		info->values[n++] = pstrdup(o->val);
	}
	info->place = describe(options);
	info->has_password = value_of(options, "password") != NULL;
	return info;
}

WeirConntext *
weir_conntext_parse(const char *text, char **why)
{
	char	   *error = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &error);
	WeirConntext *info;

	if (options == NULL)
	{
		*why = pstrdup(error ? error : "out of memory");
		while (strlen(*why) > 0 && (*why)[strlen(*why) - 1] == '\n')
			(*why)[strlen(*why) - 1] = '\0';
		PQfreemem(error);
		return NULL;
	}
	info = take(options);
	PQconninfoFree(options);
	return info;
}
