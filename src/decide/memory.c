/*
 * decide/memory.c
 *		Memory of the decision code.
 */
#include "decide/memory.h"

#include <stdint.h>
#include <stdlib.h>

static void
give_up(size_t size)
{
	(void) size;
	abort();
}

void		(*weir_out_of_memory) (size_t size) = give_up;

void *
weir_alloc(size_t count, size_t size)
{
	/* never zero bytes, for which calloc may return NULL */
	void	   *p = calloc(count > 0 ? count : 1, size);

	if (p == NULL)
		weir_out_of_memory(count * size);
	return p;
}

void *
weir_grow(void *array, int nitems, int *capacity, size_t size)
{
	int			wanted = *capacity > 0 ? *capacity * 2 : 8;
	void	   *p;

	if (nitems < *capacity)
		return array;
	p = realloc(array, (size_t) wanted * size);
	if (p == NULL)
		weir_out_of_memory((size_t) wanted * size);
	*capacity = wanted;
	return p;
}
