/*
 * decide/parse_number.c
 *		Numbers from text, where their value is certain.
 */
#include "decide/parse_number.h"

#include <float.h>
#include <string.h>

#define MAX_DIGITS		60		/* of a numeric: they fit into its words, its scale into the header */

/* The header of a short numeric. */
#define NUMERIC_SHORT				0x8000
#define NUMERIC_SHORT_NEGATIVE		0x2000
#define NUMERIC_SHORT_SCALE_SHIFT	7
#define NUMERIC_SHORT_WEIGHT		0x007f	/* in two's complement */

/* What a text of sign, digits, point and digits consists of. */
typedef struct Decimal
{
	bool		negative;
	const char *whole;			/* its digits before the point, without leading zeros */
	int			nwhole;
	const char *fraction;
	int			nfraction;
} Decimal;

static const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* At least one digit before a point and, if there is one, behind it. */
static bool
take_apart(const char *p, size_t len, Decimal *d)
{
	const char *end = p + len;
	const char *first;

	d->negative = len > 0 && *p == '-';
	if (len > 0 && (*p == '-' || *p == '+'))
		p++;
	first = p;
	p = skip_digits(first, end);
	if (p == first || p - first > MAX_DIGITS)
		return false;
	while (first < p && *first == '0')
		first++;
	d->whole = first;
	d->nwhole = (int) (p - first);
	d->fraction = p;
	d->nfraction = 0;
	if (p == end)
		return true;
	if (*p++ != '.')
		return false;
	d->fraction = p;
	p = skip_digits(p, end);
	d->nfraction = (int) (p - d->fraction);
	return p == end && d->nfraction > 0 && d->nfraction <= MAX_DIGITS;
}

static uint64_t
add_digits(uint64_t value, const char *digits, int n)
{
	for (int i = 0; i < n; i++)
		value = value * 10 + (uint64_t) (digits[i] - '0');
	return value;
}

/* All of its digits as one integer, below 10^18; false: there are more. */
static bool
all_digits(const Decimal *d, uint64_t *value)
{
	if (d->nwhole + d->nfraction > WEIR_INT64_DIGITS)
		return false;
	*value = add_digits(add_digits(0, d->whole, d->nwhole), d->fraction, d->nfraction);
	return true;
}

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0

/*
 * Digits and power of ten are exact, and their quotient is rounded once: it is
 * the number nearest to the text.
 */
bool
weir_parse_float8(const char *text, size_t len, double *value)
{
	static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
		1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
	Decimal		d;
	uint64_t	digits;

	if (!take_apart(text, len, &d) || !all_digits(&d, &digits) || digits > UINT64_C(1) << 53)
		return false;
	*value = (double) digits / powers[d.nfraction];
	if (d.negative)
		*value = -*value;
	return true;
}

bool
weir_parse_float4(const char *text, size_t len, float *value)
{
	static const float powers[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
	Decimal		d;
	uint64_t	digits;

	if (!take_apart(text, len, &d) || !all_digits(&d, &digits) || digits > UINT64_C(1) << 24 ||
		d.nfraction > 10)
		return false;
	*value = (float) digits / powers[d.nfraction];
	if (d.negative)
		*value = -*value;
	return true;
}

#else

/* What is computed here may be rounded twice. */
bool
weir_parse_float8(const char *text, size_t len, double *value)
{
	return false;
}

bool
weir_parse_float4(const char *text, size_t len, float *value)
{
	return false;
}

#endif

bool
weir_parse_bool(const char *text, size_t len, bool *value)
{
	if (len == 1 && strchr("tf10", *text) != NULL)
		*value = *text == 't' || *text == '1';
	else if (len == 4 && memcmp(text, "true", 4) == 0)
		*value = true;
	else if (len == 5 && memcmp(text, "false", 5) == 0)
		*value = false;
	else
		return false;
	return len != 1 || *text != '\0';
}

/* Digits to the base of 10000; those that are missing at the end are zeros. */
static int
put_groups(uint16_t *words, const char *digits, int n, int first)
{
	int			count = 0;

	for (int at = 0, size = first; at < n; at += size, size = 4)
	{
		uint16_t	group = 0;

		for (int i = 0; i < size; i++)
			group = (uint16_t) (group * 10 + (at + i < n ? digits[at + i] - '0' : 0));
		words[count++] = group;
	}
	return count;
}

/* Does it fit the declared precision, without being rounded? */
static bool
fits(const Decimal *d, int precision, int scale)
{
	return precision == 0 ||
		(scale >= 0 && scale <= precision && scale <= MAX_DIGITS && d->nfraction <= scale &&
		 d->nwhole <= precision - scale);
}

int
weir_parse_numeric(const char *text, size_t len, int precision, int scale,
				   uint16_t words[WEIR_NUMERIC_WORDS])
{
	Decimal		d;
	int			n;
	int			first;
	int			weight;

	if (!take_apart(text, len, &d) || d.nwhole + d.nfraction > MAX_DIGITS ||
		!fits(&d, precision, scale))
		return 0;
	first = (d.nwhole - 1) % 4 + 1;
	n = put_groups(words + 1, d.whole, d.nwhole, first);
	weight = n - 1;
	n += put_groups(words + 1 + n, d.fraction, d.nfraction, 4);

	/* neither leading nor trailing zeros are kept */
	first = 1;
	while (first <= n && words[first] == 0)
		first++;
	while (n >= first && words[n] == 0)
		n--;
	weight -= first - 1;
	n -= first - 1;
	memmove(words + 1, words + first, (size_t) n * sizeof(uint16_t));
	if (n == 0)
	{
		weight = 0;
		d.negative = false;
	}
	words[0] = (uint16_t) (NUMERIC_SHORT | (d.negative ? NUMERIC_SHORT_NEGATIVE : 0) |
						   (precision == 0 ? d.nfraction : scale) << NUMERIC_SHORT_SCALE_SHIFT |
						   (weight & NUMERIC_SHORT_WEIGHT));
	return n + 1;
}
