/*
 * Sends a file, or standard input, to a stream of protocol 'resume': sender PORT [FILE]
 * Holds in memory what is not acknowledged, and ends when everything is;
 * docs/resume-protocol.md is the specification.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIMIT (64L << 20)		/* held at most: then reading waits for ACKs */
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static char held[LIMIT];		/* a ring: the byte at offset n is held[n % LIMIT] */
static char heard[64], identity[64];	/* line that Weir is saying; of this stream */
/* Offsets: first byte held, behind the last, acknowledged, next to send (-1: not asked yet). */
static long base, end, acked, next = -1;
static int	peer = -1, nheard;
static bool known, eof, shut;	/* Weir knows the stream; the source has ended; Weir was told */

static void
obey(const char *line)
{
	char		answer[128];
	long		n;

	if (sscanf(line, "ACK %ld", &n) == 1)
		known = true, acked = n > acked ? n : acked;
	else if (sscanf(line, "RESUME %ld", &n) == 1)
	{
		next = known ? n : 0;	/* else n may be an offset of another stream */
		snprintf(answer, sizeof(answer), "STREAM %s\n%s %ld\n", identity,
				 next < base ? "ERR" : "DATA", next < base ? base : next);
		send(peer, answer, strlen(answer), MSG_NOSIGNAL);
		next = next < base ? -1 : next;
	}
}

static void
hear(void)
{
	ssize_t		n;

	while ((n = recv(peer, heard + nheard, 1, MSG_DONTWAIT)) == 1)
		nheard = heard[nheard] == '\n' ? (obey(heard), 0) : MIN(nheard + 1, 62);
	if (n == 0 || errno != EAGAIN)
		close(peer), peer = next = -1;
}

static void
turn(int listener, int source)
{
	bool		sending = next >= 0 && !shut && (next < end || eof);
	long		room = MIN(base + LIMIT - end, LIMIT - end % LIMIT);
	struct pollfd fds[] = {{peer < 0 ? listener : peer, POLLIN | (sending ? POLLOUT : 0), 0},
	{!eof && room > 0 ? source : -1, POLLIN, 0}};
	ssize_t		n;

	poll(fds, 2, -1);
	if (fds[1].revents && (n = read(source, held + end % LIMIT, room)) >= 0)
		eof = n == 0, end += n;
	if (fds[0].revents & POLLOUT && next == end)
		shut = shutdown(peer, SHUT_WR) == 0;	/* the stream ends; ACKs still come */
	else if (fds[0].revents & POLLOUT && (n = send(peer, held + next % LIMIT,
					MIN(end - next, LIMIT - next % LIMIT), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		next += n;
	if (fds[0].revents & ~POLLOUT && peer >= 0)
		hear();
	else if (fds[0].revents & POLLIN)
		peer = accept(listener, NULL, NULL), nheard = 0, shut = false;
	base = MIN(acked, next >= 0 ? next : end);	/* what was announced has to be sent */
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int			listener = socket(AF_INET, SOCK_STREAM, 0), source = argc > 2 ? open(argv[2], O_RDONLY) : 0;
	struct stat f;

	if (argc < 2 || fstat(source, &f) < 0)
		errx(1, "usage: sender PORT [FILE]");
	snprintf(identity, sizeof(identity), "%s:%ld:%ld", source ? "file" : "stdin",
			 source ? (long) f.st_dev : (long) getpid(), source ? (long) f.st_ino : (long) time(NULL));
	at.sin_port = htons(atoi(argv[1]));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int) {1}, sizeof(int));
	if (bind(listener, (struct sockaddr *) &at, sizeof(at)) < 0 || listen(listener, 5) < 0)
		err(1, "could not listen on port %s", argv[1]);
	while (!shut || acked < end)
		turn(listener, source);
}
