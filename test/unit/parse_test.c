/*
 * parse_test.c
 *		Numbers and dates from text: what is read, and of what nothing is said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide/parse_datetime.h"
#include "decide/parse_number.h"
#include "tap.h"

typedef struct IntCase
{
	const char *text;
	int			used;			/* bytes; -1: not sure */
	int64_t		value;
} IntCase;

static const IntCase ints[] = {
	{"0", 1, 0}, {"7,8", 1, 7}, {"-1", 2, -1}, {"+12 ", 3, 12}, {"007", 3, 7}, {"-0", 2, 0},
	{"999999999999999999", 18, INT64_C(999999999999999999)},
	{"-999999999999999999", 19, -INT64_C(999999999999999999)},
	{"1000000000000000000", -1, 0}, {"0000000000000000001", -1, 0}, {"", -1, 0}, {"-", -1, 0},
	{"+-1", -1, 0}, {" 1", -1, 0}, {"x", -1, 0}, {"1_000", 1, 1}, {"1e3", 1, 1}, {"0x10", 1, 0}
};

typedef struct BoolCase
{
	const char *text;
	int			value;			/* -1: not sure */
} BoolCase;

static const BoolCase bools[] = {
	{"t", 1}, {"f", 0}, {"true", 1}, {"false", 0}, {"1", 1}, {"0", 0}, {"T", -1}, {"tru", -1},
	{"yes", -1}, {"on", -1}, {"", -1}, {" t", -1}, {"truth", -1}, {"2", -1}
};

/* Of which float8 and float4 are not sure. */
static const char *const uncertain[] = {
	"", "-", ".", ".5", "5.", "1e5", "NaN", "inf", " 1", "1 ", "0x1p3", "--1", "1.2.3", "1,5",
	"9007199254740993", "0.12345678901234567890", "1234567890123456789"
};

typedef struct NumericCase
{
	const char *text;
	int			precision;
	int			scale;
	int			n;				/* words; 0: not sure */
	uint16_t	words[6];
} NumericCase;

static const NumericCase numerics[] = {
	{"0", 0, 0, 1, {0x8000}}, {"-0", 0, 0, 1, {0x8000}}, {"0.00", 0, 0, 1, {0x8100}},
	{"1", 0, 0, 2, {0x8000, 1}}, {"-1", 0, 0, 2, {0xa000, 1}}, {"+1", 0, 0, 2, {0x8000, 1}},
	{"10000", 0, 0, 2, {0x8001, 1}}, {"12345", 0, 0, 3, {0x8001, 1, 2345}},
	{"000012345", 0, 0, 3, {0x8001, 1, 2345}}, {"1.5", 0, 0, 3, {0x8080, 1, 5000}},
	{"1.50", 0, 0, 3, {0x8100, 1, 5000}}, {"0.0001", 0, 0, 2, {0x827f, 1}},
	{"0.00001", 0, 0, 2, {0x82fe, 1000}}, {"-123456.7890", 0, 0, 4, {0xa201, 12, 3456, 7890}},
	{"100000000.00000001", 0, 0, 6, {0x8402, 1, 0, 0, 0, 1}},
	{"1.5", 10, 2, 3, {0x8100, 1, 5000}}, {"12345678", 10, 2, 3, {0x8101, 1234, 5678}},
	{"0", 10, 2, 1, {0x8100}}, {"123456789", 10, 2, 0, {0}}, {"1.555", 10, 2, 0, {0}},
	{"1", 2, 5, 0, {0}}, {"1", 2, -3, 0, {0}},
	{".5", 0, 0, 0, {0}}, {"5.", 0, 0, 0, {0}}, {"1e5", 0, 0, 0, {0}}, {"NaN", 0, 0, 0, {0}},
	{"", 0, 0, 0, {0}}, {"-", 0, 0, 0, {0}}, {"1 ", 0, 0, 0, {0}}
};

typedef struct DateCase
{
	const char *text;
	bool		good;
	int32_t		days;
} DateCase;

static const DateCase dates[] = {
	{"2000-01-01", true, 0}, {"1999-12-31", true, -1}, {"2000-03-01", true, 60},
	{"2024-02-29", true, 8825}, {"0001-01-01", true, -730119}, {"9999-12-31", true, 2921939},
	{"1970-01-01", true, -10957},
	{"2023-02-29", false, 0}, {"1900-02-29", false, 0}, {"0000-01-01", false, 0},
	{"2024-00-01", false, 0}, {"2024-13-01", false, 0}, {"2024-01-00", false, 0},
	{"2024-04-31", false, 0}, {"2024-1-01", false, 0}, {"24-01-01", false, 0},
	{"2024-01-011", false, 0}, {"2024/01/01", false, 0}, {"20240101", false, 0},
	{"-024-01-01", false, 0}, {"infinity", false, 0}, {" 024-01-01", false, 0}, {"", false, 0}
};

typedef struct TimestampCase
{
	const char *text;
	bool		good;
	int64_t		us;
	int			offset;			/* -1: none */
} TimestampCase;

static const TimestampCase timestamps[] = {
	{"2000-01-01 00:00:00", true, 0, -1},
	{"2000-01-01 23:59:59.999999", true, INT64_C(86399999999), -1},
	{"1999-12-31 23:59:59", true, -1000000, -1},
	{"2000-01-02 01:02:03.5", true, INT64_C(90123500000), -1},
	{"2000-01-01 00:00:00+02", true, 0, 7200},
	{"2000-01-01 00:00:00.1-05:30", true, 100000, -19800},
	{"2000-01-01 00:00:00+14:59", true, 0, 53940},
	{"2000-01-01T00:00:00", false, 0, 0}, {"2000-01-01 00:00:00Z", false, 0, 0},
	{"2000-01-01 24:00:00", false, 0, 0}, {"2000-01-01 00:60:00", false, 0, 0},
	{"2000-01-01 00:00:60", false, 0, 0}, {"2000-01-01 00:00", false, 0, 0},
	{"2000-01-01 00:00:00.", false, 0, 0}, {"2000-01-01 00:00:00.1234567", false, 0, 0},
	{"2000-01-01 00:00:00 UTC", false, 0, 0}, {"2000-01-01 00:00:00+15", false, 0, 0},
	{"2000-01-01 00:00:00+0200", false, 0, 0}, {"2000-01-01 00:00:00+02:60", false, 0, 0},
	{"2000-01-01  00:00:00", false, 0, 0}, {"2000-01-01", false, 0, 0}, {"2000-02-30 00:00:00", false, 0, 0}
};

static void
check_ints(void)
{
	for (int i = 0; i < COUNT(ints); i++)
	{
		const IntCase *c = &ints[i];
		int64_t		value = 0;
		const char *end = weir_parse_int64(c->text, c->text + strlen(c->text), &value);

		ok((end == NULL ? -1 : (int) (end - c->text)) == c->used &&
		   (end == NULL || value == c->value), "parse int: \"%s\"", c->text);
	}
}

/* Within other bytes, as the C library. */
static void
check_random_ints(void)
{
	static const char alphabet[] = "0123456789012345678901234567890123456789+- ,/:x\200\377\n";
	Random		r = {3};
	int			wrong = 0;
	int			sure = 0;

	for (int i = 0; i < 300000; i++)
	{
		int			len = random_below(&r, 30);
		int			at;
		char	   *text = malloc((size_t) len + 1);
		int64_t		value = 0;
		const char *end;
		char	   *expected;
		long long	number;

		for (int k = 0; k < len; k++)
			text[k] = alphabet[random_below(&r, COUNT(alphabet) - 1)];
		text[len] = '\0';
		at = random_below(&r, len + 1);
		number = strtoll(text + at, &expected, 10);
		end = weir_parse_int64(text + at, text + len, &value);
		sure += end != NULL;
		/* of spaces before it nothing is said */
		if (end != NULL)
			wrong += end != expected || value != number;
		else
			wrong += expected != text + at && text[at] != ' ' && text[at] != '\n' &&
				expected - text - at <= WEIR_INT64_DIGITS;
		free(text);
	}
	ok(wrong == 0 && sure > 100000, "parse int: as the C library (%d)", sure);
}

static void
check_bools(void)
{
	for (int i = 0; i < COUNT(bools); i++)
	{
		const BoolCase *c = &bools[i];
		bool		value = false;
		bool		sure = weir_parse_bool(c->text, strlen(c->text), &value);

		ok((sure ? (int) value : -1) == c->value, "parse bool: \"%s\"", c->text);
	}
}

static void
check_uncertain(void)
{
	for (int i = 0; i < COUNT(uncertain); i++)
	{
		double		d;
		float		f;

		ok(!weir_parse_float8(uncertain[i], strlen(uncertain[i]), &d) &&
		   !weir_parse_float4(uncertain[i], strlen(uncertain[i]), &f),
		   "parse float: not \"%s\"", uncertain[i]);
	}
}

/* A decimal number of some digits, with a sign or none. */
static void
random_decimal(Random *r, char *text)
{
	int			whole = 1 + random_below(r, 10);
	int			fraction = random_below(r, 9);
	int			at = 0;

	if (random_below(r, 3) == 0)
		text[at++] = random_below(r, 4) == 0 ? '+' : '-';
	for (int i = 0; i < whole; i++)
		text[at++] = (char) ('0' + random_below(r, 10));
	if (fraction > 0)
		text[at++] = '.';
	for (int i = 0; i < fraction; i++)
		text[at++] = (char) ('0' + random_below(r, 10));
	text[at] = '\0';
}

/* To the last bit what the C library reads. */
static void
check_floats(void)
{
	Random		r = {11};
	char		text[32];
	int			sure = 0;
	int			wrong = 0;

	for (int i = 0; i < 200000; i++)
	{
		double		d;
		double		d_expected;
		float		f;
		float		f_expected;

		random_decimal(&r, text);
		d_expected = strtod(text, NULL);
		f_expected = strtof(text, NULL);
		if (weir_parse_float8(text, strlen(text), &d))
		{
			sure++;
			wrong += memcmp(&d, &d_expected, sizeof(d)) != 0;
		}
		if (weir_parse_float4(text, strlen(text), &f))
		{
			sure++;
			wrong += memcmp(&f, &f_expected, sizeof(f)) != 0;
		}
	}
	ok(wrong == 0 && sure > 200000, "parse float: as the C library, to the bit (%d)", sure);
}

static void
check_numerics(void)
{
	for (int i = 0; i < COUNT(numerics); i++)
	{
		const NumericCase *c = &numerics[i];
		uint16_t	words[WEIR_NUMERIC_WORDS];
		int			n = weir_parse_numeric(c->text, strlen(c->text), c->precision, c->scale, words);

		ok(n == c->n && memcmp(words, c->words, (size_t) n * sizeof(uint16_t)) == 0,
		   "parse numeric: \"%s\" (%d, %d)", c->text, c->precision, c->scale);
	}
}

static void
check_long_numerics(void)
{
	char		text[130];
	uint16_t	words[WEIR_NUMERIC_WORDS];

	memset(text, '9', sizeof(text));
	ok(weir_parse_numeric(text, 60, 0, 0, words) == 16, "parse numeric: 60 digits");
	ok(weir_parse_numeric(text, 61, 0, 0, words) == 0, "parse numeric: not 61 digits");
	text[31] = '.';
	ok(weir_parse_numeric(text, 61, 0, 0, words) == 17, "parse numeric: 60 digits and a point");
	ok(weir_parse_numeric(text, 62, 0, 0, words) == 0, "parse numeric: not 61 digits and a point");
}

static void
check_dates(void)
{
	WeirDateTime value;

	for (int i = 0; i < COUNT(dates); i++)
	{
		bool		good = weir_parse_date(dates[i].text, strlen(dates[i].text), &value);

		ok(good == dates[i].good && (!good || weir_date_days(&value) == dates[i].days),
		   "parse date: \"%s\"", dates[i].text);
	}
	for (int i = 0; i < COUNT(timestamps); i++)
	{
		const TimestampCase *c = &timestamps[i];
		bool		good = weir_parse_timestamp(c->text, strlen(c->text), &value);

		ok(good == c->good &&
		   (!good || (weir_timestamp_us(&value) == c->us &&
					  (value.zone == WEIR_ZONE_NONE ? -1 : value.offset) == c->offset)),
		   "parse timestamp: \"%s\"", c->text);
	}
}

void
test_parse(void)
{
	check_ints();
	check_random_ints();
	check_bools();
	check_uncertain();
	check_floats();
	check_numerics();
	check_long_numerics();
	check_dates();
}
