/*
 * base/descriptor.c
 *		Bytes into a descriptor, to the last one.
 */
#include "postgres.h"

#include <unistd.h>

#include "base/descriptor.h"

bool
weir_write_all(int fd, const void *data, Size len)
{
	const char *p = data;

	while (len > 0)
	{
		ssize_t		n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}
