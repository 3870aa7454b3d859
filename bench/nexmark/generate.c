/*
 * bench/nexmark/generate.c
 *		Events after the public Nexmark benchmark, as three files of csv.
 *
 *	generate EVENTS SEED FOLDER
 *
 * Writes person.csv, auction.csv and bid.csv: of each 50 events one person, three
 * auctions, 46 bids.  The same arguments give the same bytes.
 *
 *	person		arrival, id, name, emailAddress, creditCard, city, state, dateTime, extra
 *	auction		arrival, id, itemName, description, initialBid, reserve, dateTime, expires,
 *				seller, category, extra
 *	bid			arrival, auction, bidder, price, channel, url, dateTime, extra
 *
 * arrival counts the events of all three.  Time: an event each 100 us from 2024-02-28
 * 23:59:30 UTC on; a third of the events carry a time up to 3 s before that, the others
 * up to 40 ms.  Half of the bids are on one auction, which changes with every 25 auctions,
 * half come from one bidder, half of the auctions are of one seller (each changes with
 * every 8 persons); the others are of the last 100 auctions and 1,000 persons.  An
 * auction lasts for 1 to 20 s.  Prices are even by their logarithm from 100 to 100 M.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ID 1000
#define EVENT_US 100
#define BEGIN_MS INT64_C(1709164770000)	/* since 1970 */
#define MIDNIGHT_MS INT64_C(1709164800000)	/* the 29th of February begins */

static uint64_t state;

/* Splitmix64. */
static uint64_t
draw(void)
{
	uint64_t	z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int64_t
below(int64_t n)
{
	return (int64_t) (draw() % (uint64_t) n);
}

static int64_t
between(int64_t from, int64_t to)
{
	return from + below(to - from + 1);
}

static const char *
pick(const char *const *words, int n)
{
	return words[below(n)];
}
#define PICK(words) pick(words, (int) (sizeof(words) / sizeof((words)[0])))

/* So many letters; a few may be had at a time. */
static const char *
letters(int n)
{
	static char texts[4][64];
	static int	next = 0;
	char	   *text = texts[next++ % 4];

	for (int i = 0; i < n; i++)
		text[i] = (char) ('a' + below(26));
	text[n] = '\0';
	return text;
}

static int64_t
price(void)
{
	return (int64_t) pow(10, 2 + 6 * (double) (draw() >> 11) / (double) (UINT64_C(1) << 53));
}

/* Of the event that arrives at this place. */
static int64_t
time_of(int64_t event)
{
	return BEGIN_MS + event * EVENT_US / 1000 - (below(3) == 0 ? below(3000) : below(40));
}

/* No run lasts longer than to the end of the 29th. */
static const char *
print_time(int64_t ms)
{
	static char texts[2][40];
	static int	next = 0;
	char	   *text = texts[next++ % 2];
	int64_t		day = ms < MIDNIGHT_MS ? 28 : 29;
	int64_t		of_day = ms - MIDNIGHT_MS + (day == 28 ? 86400000 : 0);

	snprintf(text, sizeof(texts[0]), "2024-02-%02d %02d:%02d:%02d.%03d+00", (int) day, (int) (of_day / 3600000),
			 (int) (of_day / 60000 % 60), (int) (of_day / 1000 % 60), (int) (of_day % 1000));
	return text;
}

static void
write_person(FILE *to, int64_t event, int64_t person)
{
	static const char *const first[] = {"Iris", "Zoe", "Ada", "Otto", "Nils", "Lena", "Ivo", "Ruth"};
	static const char *const last[] = {"Imhof", "Drew", "Baum", "Ortiz", "Stone", "Kim", "Novak"};
	static const char *const cities[] = {"Phoenix", "Portland", "San Francisco", "Boise", "Bend", "Seattle"};
	static const char *const states[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};

	fprintf(to, "%" PRId64 ",%" PRId64 ",%s %s,%s@%s.example,%04d %04d %04d %04d,%s,%s,%s,%s\n",
			event, FIRST_ID + person, PICK(first), PICK(last), letters(7), letters(5), (int) below(10000),
			(int) below(10000), (int) below(10000), (int) below(10000), PICK(cities), PICK(states),
			print_time(time_of(event)), letters((int) between(10, 40)));
}

/* One of the last, of which there are some. */
static int64_t
recent(int64_t n, int64_t window)
{
	return n <= 1 ? 0 : n - 1 - below(n < window ? n : window);
}

static int64_t
hot(int64_t n, int64_t each)
{
	return n == 0 ? 0 : (n - 1) / each * each;
}

static void
write_auction(FILE *to, int64_t event, int64_t auction, int64_t persons)
{
	int64_t		at = time_of(event);
	int64_t		initial = price();
	int64_t		seller = below(2) ? hot(persons, 8) : recent(persons, 1000);

	fprintf(to, "%" PRId64 ",%" PRId64 ",%s %s,%s,%" PRId64 ",%" PRId64 ",%s,%s,%" PRId64 ",%d,%s\n",
			event, FIRST_ID + auction, letters(5), letters(5), letters((int) between(15, 30)), initial,
			initial + price(), print_time(at), print_time(at + between(1000, 20000)), FIRST_ID + seller,
			(int) between(10, 14), letters((int) between(10, 40)));
}

static void
print_channel(FILE *to)
{
	static const char *const names[] = {"Apple", "Google", "Facebook", "Baidu", "apple", "google", "facebook", "baidu"};
	int			number = (int) below(10000);

	if (below(2))
		fprintf(to, "%s,https://shop.example/%s/%s/%s/item.htm?query=1", PICK(names), letters(3), letters(4), letters(5));
	else
		fprintf(to, "channel-%d,https://shop.example/%s/%s/%s/item.htm?query=1&channel_id=%d", number, letters(3),
				letters(4), letters(5), number);
}

static void
write_bid(FILE *to, int64_t event, int64_t auctions, int64_t persons)
{
	int64_t		auction = below(2) ? hot(auctions, 25) : recent(auctions, 100);
	int64_t		bidder = below(2) ? hot(persons, 8) + (persons > 1) : recent(persons, 1000);

	fprintf(to, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",", event, FIRST_ID + auction, FIRST_ID + bidder, price());
	print_channel(to);
	fprintf(to, ",%s,%s\n", print_time(time_of(event)), letters((int) between(10, 40)));
}

static FILE *
create(const char *folder, const char *name)
{
	char		path[4096];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s.csv", folder, name);
	if ((file = fopen(path, "w")) == NULL)
	{
		perror(path);
		exit(1);
	}
	return file;
}

static void
finish(FILE *file)
{
	if (ferror(file) || fclose(file) != 0)
	{
		perror("write");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	int64_t		persons = 0;
	int64_t		auctions = 0;

	if (argc != 4)
	{
		fprintf(stderr, "usage: generate EVENTS SEED FOLDER\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 10);
	FILE	   *person = create(argv[3], "person");
	FILE	   *auction = create(argv[3], "auction");
	FILE	   *bid = create(argv[3], "bid");

	for (int64_t event = 0; event < atoll(argv[1]); event++)
	{
		int64_t		place = event % 50;

		if (place == 0)
			write_person(person, event, persons++);
		else if (place <= 3)
			write_auction(auction, event, auctions++, persons);
		else
			write_bid(bid, event, auctions, persons);
	}
	finish(person);
	finish(auction);
	finish(bid);
	return 0;
}
