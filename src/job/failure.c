/*
 * job/failure.c
 *		Why an attempt failed, as a value.
 */
#include "postgres.h"

#include "job/failure.h"

static const char *
copy_text(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

WeirFailure
weir_failure_copy(const WeirFailure *failure)
{
	WeirFailure copy = *failure;

	copy.message = copy_text(failure->message);
	copy.detail = copy_text(failure->detail);
	copy.hint = copy_text(failure->hint);
	return copy;
}

char *
weir_failure_join(const char *first, const char *second)
{
	if (first == NULL || second == NULL)
		return (char *) copy_text(first ? first : second);
	return psprintf("%s\n%s", first, second);
}

char *
weir_failure_text(const WeirFailure *failure)
{
	char	   *text = weir_failure_join(failure->message, failure->detail);

	return failure->hint ? psprintf("%s\nHINT: %s", text, failure->hint) : text;
}

char *
weir_failure_reason(const WeirFailure *failure)
{
	return pnstrdup(failure->message, strcspn(failure->message, "\n"));
}

char *
weir_failure_detail(const WeirFailure *failure)
{
	const char *rest = strchr(failure->message, '\n');

	return weir_failure_join(rest ? rest + 1 : NULL, failure->detail);
}
