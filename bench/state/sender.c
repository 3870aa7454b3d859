/*
 * bench/state/sender.c
 *		A TCP server that sends lines "key value" to whoever connects.
 *
 *	sender KEYS RATE SECONDS
 *
 * To the first peer: each key once, as fast as it can; once SIGUSR1 has come, RATE
 * lines a second of random keys for SECONDS; once it has come again, no more, until
 * the peer leaves.  To every later peer: one line.  Prints a line for each step:
 * "port N", "filled", "updated N", and "sent" to a later peer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536
#define LINE 32

static volatile sig_atomic_t signals = 0;

static void
on_signal(int number)
{
	(void) number;
	signals++;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
send_all(int peer, const char *bytes, size_t size)
{
	while (size > 0)
	{
		ssize_t		n = write(peer, bytes, size);

		if (n < 0)
			die("write");
		bytes += n;
		size -= (size_t) n;
	}
}

static uint64_t
random_bits(void)
{
	static uint64_t state = 1;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Writes "key value\n" without printf. */
static size_t
put_line(char *at, uint64_t key)
{
	char		digits[20];
	int			n = 0;
	char	   *start = at;

	do
		digits[n++] = (char) ('0' + key % 10);
	while ((key /= 10) > 0);
	while (n > 0)
		*at++ = digits[--n];
	memcpy(at, " 7\n", 3);
	return (size_t) (at + 3 - start);
}

static void
fill(int peer, uint64_t keys)
{
	char		block[BLOCK];
	size_t		used = 0;

	for (uint64_t key = 0; key < keys; key++)
	{
		used += put_line(block + used, key);
		if (used > BLOCK - LINE)
		{
			send_all(peer, block, used);
			used = 0;
		}
	}
	send_all(peer, block, used);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* A hundredth of a second's lines at a time; behind time, it catches up. */
static uint64_t
update(int peer, uint64_t keys, uint64_t rate, double seconds)
{
	static char block[1 << 22];
	double		start = now();
	uint64_t	sent = 0;

	for (;;)
	{
		double		elapsed = now() - start;
		uint64_t	due = (uint64_t) (elapsed * (double) rate);
		size_t		used = 0;

		if (elapsed >= seconds)
			return sent;
		for (; sent < due && used < sizeof(block) - LINE; sent++)
			used += put_line(block + used, random_bits() % keys);
		send_all(peer, block, used);
		nanosleep(&(struct timespec) {0, 10000000}, NULL);
	}
}

static void
wait_signals(int n)
{
	sigset_t	blocked;
	sigset_t	none;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	while (signals < n)
		sigsuspend(&none);
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
}

static void
wait_gone(int peer)
{
	char		byte;

	while (read(peer, &byte, 1) > 0)
		;
	close(peer);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	size = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM, 0);
	int			peer;
	uint64_t	keys;

	if (argc != 4)
	{
		fprintf(stderr, "usage: sender KEYS RATE SECONDS\n");
		return 2;
	}
	keys = strtoull(argv[1], NULL, 10);
	signal(SIGUSR1, on_signal);
	signal(SIGPIPE, SIG_IGN);
	setlinebuf(stdout);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *) &address, sizeof(address)) != 0 || listen(listener, 5) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &size) != 0)
		die("listen");
	printf("port %d\n", ntohs(address.sin_port));

	peer = accept(listener, NULL, NULL);
	fill(peer, keys);
	printf("filled\n");
	wait_signals(1);
	printf("updated %" PRIu64 "\n", update(peer, keys, strtoull(argv[2], NULL, 10), atof(argv[3])));
	wait_gone(peer);
	for (;;)
	{
		peer = accept(listener, NULL, NULL);
		send_all(peer, "1 7\n", 4);
		printf("sent\n");
		wait_gone(peer);
	}
}
