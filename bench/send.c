/*
 * bench/send.c
 *		A TCP server on 127.0.0.1 that sends a file to its one peer.
 *
 *	send FILE [RATE]        as fast as it can, or RATE lines a second
 *	send --stamp RATE SECONDS KEYS
 *	                        lines "key microseconds": the time of each one's write, since 1970
 *	send --speed FILE       to itself: what this machine's loopback does
 *
 * Prints "port N", and when all is sent "sent LINES SECONDS".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK ((size_t) 1 << 18)
#define LINE 48
#define TICK 0.001				/* seconds between the writes of a paced stream */

typedef struct Text
{
	const char *bytes;
	size_t		size;
} Text;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static Text
map_file(const char *name)
{
	int			file = open(name, O_RDONLY);
	struct stat status;
	void	   *bytes;

	if (file < 0 || fstat(file, &status) < 0)
		die(name);
	bytes = mmap(NULL, (size_t) status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
	if (bytes == MAP_FAILED)
		die("mmap");
	return (Text) {bytes, (size_t) status.st_size};
}

static int
listen_anywhere(struct sockaddr_in *address)
{
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t	size = sizeof *address;

	*address = (struct sockaddr_in) {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (listener < 0 || bind(listener, (struct sockaddr *) address, size) < 0 || listen(listener, 4) < 0)
		die("listen");
	getsockname(listener, (struct sockaddr *) address, &size);
	printf("port %d\n", ntohs(address->sin_port));
	fflush(stdout);
	return listener;
}

static void
send_all(int peer, const char *bytes, size_t size)
{
	while (size > 0)
	{
		ssize_t		n = write(peer, bytes, size < BLOCK ? size : BLOCK);

		if (n < 0)
			die("write");
		bytes += n;
		size -= (size_t) n;
	}
}

static void
rest_until(double due)
{
	double		left = due - now(CLOCK_MONOTONIC);
	struct timespec t = {0, (long) (left * 1e9)};

	if (left > 0)
		nanosleep(&t, NULL);
}

static const char *
after_lines(const char *at, const char *end, size_t lines)
{
	for (; lines > 0 && at < end; lines--)
	{
		const char *newline = memchr(at, '\n', (size_t) (end - at));

		at = newline == NULL ? end : newline + 1;
	}
	return at;
}

static void
send_paced(int peer, Text text, double rate)
{
	const char *at = text.bytes;
	const char *end = text.bytes + text.size;
	double		start = now(CLOCK_MONOTONIC);
	size_t		sent = 0;

	while (at < end)
	{
		size_t		due = (size_t) ((now(CLOCK_MONOTONIC) - start) * rate) + 1;
		const char *to = after_lines(at, end, due - sent);

		send_all(peer, at, (size_t) (to - at));
		at = to;
		sent = due;
		rest_until(start + sent / rate + TICK);
	}
}

/* Each write holds the lines that have become due since the last, stamped just before. */
static size_t
send_stamped(int peer, double rate, double seconds, uint64_t keys)
{
	double		start = now(CLOCK_MONOTONIC);
	char	   *lines = malloc((size_t) (rate * seconds + 1) * LINE);
	size_t		sent = 0;

	if (lines == NULL)
		die("malloc");
	for (;;)
	{
		double		elapsed = now(CLOCK_MONOTONIC) - start;
		size_t		due = (size_t) ((elapsed < seconds ? elapsed : seconds) * rate);
		int64_t		stamp = (int64_t) (now(CLOCK_REALTIME) * 1e6);
		size_t		size = 0;

		for (; sent < due; sent++)
			size += (size_t) sprintf(lines + size, "%" PRIu64 " %" PRId64 "\n",
									 (uint64_t) sent * 2654435761u % keys, stamp);
		send_all(peer, lines, size);
		if (elapsed >= seconds)
			break;
		rest_until(now(CLOCK_MONOTONIC) + TICK);
	}
	free(lines);
	return sent;
}

static size_t
count_lines(Text text)
{
	size_t		lines = 0;

	for (const char *at = text.bytes, *end = at + text.size; at < end; lines++)
		at = after_lines(at, end, 1);
	return lines;
}

/* The reader of --speed: only takes the bytes. */
static void *
read_all(void *argument)
{
	const struct sockaddr_in *address = argument;
	int			peer = socket(AF_INET, SOCK_STREAM, 0);
	static char buffer[BLOCK];

	if (peer < 0 || connect(peer, (const struct sockaddr *) address, sizeof *address) < 0)
		die("connect");
	while (read(peer, buffer, sizeof buffer) > 0)
		;
	close(peer);
	return NULL;
}

int
main(int argc, char **argv)
{
	int			stamp = argc == 5 && strcmp(argv[1], "--stamp") == 0;
	int			speed = argc == 3 && strcmp(argv[1], "--speed") == 0;
	Text		text = {NULL, 0};
	size_t		lines = 0;
	struct sockaddr_in address;
	int			listener;
	int			peer;
	pthread_t	reader;
	double		start;

	if (!stamp && !speed && argc != 2 && argc != 3)
	{
		fprintf(stderr, "usage: send FILE [RATE] | --stamp RATE SECONDS KEYS | --speed FILE\n");
		return 2;
	}
	if (!stamp)
	{
		text = map_file(argv[speed ? 2 : 1]);
		lines = count_lines(text);
	}
	listener = listen_anywhere(&address);
	if (speed && pthread_create(&reader, NULL, read_all, &address) != 0)
		die("pthread_create");
	peer = accept(listener, NULL, NULL);
	if (peer < 0)
		die("accept");
	close(listener);
	start = now(CLOCK_MONOTONIC);
	if (stamp)
		lines = send_stamped(peer, atof(argv[2]), atof(argv[3]), strtoull(argv[4], NULL, 10));
	else if (argc == 3 && !speed)
		send_paced(peer, text, atof(argv[2]));
	else
		send_all(peer, text.bytes, text.size);
	close(peer);
	if (speed)
		pthread_join(reader, NULL);
	printf("sent %zu %.6f\n", lines, now(CLOCK_MONOTONIC) - start);
	return 0;
}
