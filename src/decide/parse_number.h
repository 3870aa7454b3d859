/*
 * decide/parse_number.h
 *		Numbers from text, where their value is certain.
 *
 * These read the forms in which nearly all numbers come: digits, with a sign
 * before and a point between them.  Of all others (spaces, exponents, NaN, too
 * many digits) they say that they are not sure, and the type's input function has
 * the word: it knows what is meant, or what to say.
 */
#ifndef WEIR_DECIDE_PARSE_NUMBER_H
#define WEIR_DECIDE_PARSE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits that are certain not to overflow an int64. */
#define WEIR_INT64_DIGITS	18

/* Reads a sign and digits; returns where they end, NULL: not sure. */
static inline const char *
weir_parse_int64(const char *p, const char *end, int64_t *value)
{
	bool		negative = p < end && *p == '-';
	const char *first;
	uint64_t	digits = 0;

	if (negative || (p < end && *p == '+'))
		p++;
	for (first = p; p < end && (unsigned char) (*p - '0') <= 9; p++)
		digits = digits * 10 + (unsigned char) (*p - '0');
	if (p == first || p - first > WEIR_INT64_DIGITS)
		return NULL;
	*value = negative ? -(int64_t) digits : (int64_t) digits;
	return p;
}

/* True if the text is a number that the division of two exact ones gives, as strtod would. */
extern bool weir_parse_float8(const char *text, size_t len, double *value);
extern bool weir_parse_float4(const char *text, size_t len, float *value);

/* t, f, true, false, 1, 0. */
extern bool weir_parse_bool(const char *text, size_t len, bool *value);

/*
 * PostgreSQL's numeric in its short form, behind the length: a word of sign,
 * scale and weight, then digits to the base of 10000.  precision 0: any number,
 * its scale is that of the text.  Returns how many words there are, 0: not sure.
 */
#define WEIR_NUMERIC_WORDS	20

extern int	weir_parse_numeric(const char *text, size_t len, int precision, int scale,
							   uint16_t words[WEIR_NUMERIC_WORDS]);

#endif
