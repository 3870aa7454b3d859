/*
 * selection.c
 *		Some partitions of a topic, as an option says it.
 */
#include "selection.h"

#include <stddef.h>

static const char *
skip_spaces(const char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

/* Behind the number; NULL: there is none. */
static const char *
read_number(const char *text, int32_t *number)
{
	int64_t		value = 0;

	text = skip_spaces(text);
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
	{
		value = value * 10 + (*text - '0');
		if (value > WEIR_PARTITION_MAX)
			return NULL;
	}
	*number = (int32_t) value;
	return skip_spaces(text);
}

/* Behind "5" or "3-5"; NULL: there is none. */
static const char *
read_range(const char *text, int32_t *first, int32_t *last)
{
	text = read_number(text, first);
	*last = *first;
	if (text != NULL && *text == '-')
		text = read_number(text + 1, last);
	return text != NULL && *first <= *last ? text : NULL;
}

bool
weir_selection_parse(const char *text, WeirSelection *selection)
{
	int32_t		first = 0;
	int32_t		last = 0;

	selection->n = 0;
	while (selection->n < WEIR_SELECTION_MAX)
	{
		text = read_range(text, &first, &last);
		if (text == NULL)
			return false;
		selection->ranges[selection->n].first = first;
		selection->ranges[selection->n].last = last;
		selection->n++;
		if (*text == '\0')
			return true;
		if (*text++ != ',')
			return false;
	}
	return false;
}

bool
weir_selection_has(const WeirSelection *selection, int32_t partition)
{
	for (int i = 0; i < selection->n; i++)
	{
		if (partition >= selection->ranges[i].first && partition <= selection->ranges[i].last)
			return true;
	}
	return false;
}

int32_t
weir_selection_last(const WeirSelection *selection)
{
	int32_t		last = -1;

	for (int i = 0; i < selection->n; i++)
	{
		if (selection->ranges[i].last > last)
			last = selection->ranges[i].last;
	}
	return last;
}
