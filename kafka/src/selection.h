/*
 * selection.h
 *		Some partitions of a topic, as an option says it: "0,3-5".
 */
#ifndef WEIR_KAFKA_SELECTION_H
#define WEIR_KAFKA_SELECTION_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR_SELECTION_MAX	64	/* ranges */
#define WEIR_PARTITION_MAX	999999

typedef struct WeirSelection
{
	int			n;
	struct
	{
		int32_t		first;
		int32_t		last;
	}			ranges[WEIR_SELECTION_MAX];
} WeirSelection;

/* False if the text is none, or has more ranges than there is room for. */
extern bool weir_selection_parse(const char *text, WeirSelection *selection);
extern bool weir_selection_has(const WeirSelection *selection, int32_t partition);
/* The highest partition it names. */
extern int32_t weir_selection_last(const WeirSelection *selection);

#endif
