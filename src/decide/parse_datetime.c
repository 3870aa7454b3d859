/*
 * decide/parse_datetime.c
 *		Dates and times from text, where they mean the same under every DateStyle.
 */
#include "decide/parse_datetime.h"

#include <string.h>

#define DATE_LEN	10			/* YYYY-MM-DD */
#define TIME_LEN	19			/* and HH:MM:SS */

/* A number of so many digits; -1: it is none. */
static int
digits(const char *p, int n)
{
	int			value = 0;

	for (int i = 0; i < n; i++)
	{
		if (p[i] < '0' || p[i] > '9')
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool
take_date(const char *p, WeirDateTime *value)
{
	value->year = digits(p, 4);
	value->month = digits(p + 5, 2);
	value->day = digits(p + 8, 2);
	return p[4] == '-' && p[7] == '-' && value->year >= 1 && value->month >= 1 &&
		value->month <= 12 && value->day >= 1 &&
		value->day <= days_in_month(value->year, value->month);
}

static bool
take_time(const char *p, WeirDateTime *value)
{
	value->hour = digits(p, 2);
	value->minute = digits(p + 3, 2);
	value->second = digits(p + 6, 2);
	return p[2] == ':' && p[5] == ':' && value->hour >= 0 && value->hour < 24 &&
		value->minute >= 0 && value->minute < 60 && value->second >= 0 && value->second < 60;
}

/* Up to six digits; returns where they end, NULL: there are none or more. */
static const char *
take_fraction(const char *p, const char *end, WeirDateTime *value)
{
	int			scale = 100000;

	if (p == end || *p != '.')
		return p;
	for (p++; p < end && *p >= '0' && *p <= '9'; p++)
	{
		value->us += (*p - '0') * scale;
		scale /= 10;
		if (++value->digits > 6)
			return NULL;
	}
	return value->digits > 0 ? p : NULL;
}

/* +HH or +HH:MM, or nothing. */
static bool
take_offset(const char *p, const char *end, WeirDateTime *value)
{
	int			hours;
	int			minutes = 0;

	if (p == end)
		return true;
	if ((*p != '+' && *p != '-') || (end - p != 3 && end - p != 6))
		return false;
	hours = digits(p + 1, 2);
	if (end - p == 6)
		minutes = p[3] == ':' ? digits(p + 4, 2) : -1;
	if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
		return false;
	value->zone = WEIR_ZONE_OFFSET;
	value->offset = (hours * 60 + minutes) * 60;
	if (*p == '-')
		value->offset = -value->offset;
	return true;
}

bool
weir_parse_date(const char *text, size_t len, WeirDateTime *value)
{
	memset(value, 0, sizeof(*value));
	return len == DATE_LEN && take_date(text, value);
}

bool
weir_parse_timestamp(const char *text, size_t len, WeirDateTime *value)
{
	const char *end = text + len;
	const char *p;

	memset(value, 0, sizeof(*value));
	if (len < TIME_LEN || text[DATE_LEN] != ' ' ||
		!take_date(text, value) || !take_time(text + DATE_LEN + 1, value))
		return false;
	p = take_fraction(text + TIME_LEN, end, value);
	return p != NULL && take_offset(p, end, value);
}

/* Years begin in March, so that the day a leap year has more is their last. */
int32_t
weir_date_days(const WeirDateTime *value)
{
	int			year = value->month <= 2 ? value->year - 1 : value->year;
	int			month = (value->month + 9) % 12;
	int			day = (153 * month + 2) / 5 + value->day - 1;

	/* 730425 days lie between 0000-03-01 and 2000-01-01 */
	return year * 365 + year / 4 - year / 100 + year / 400 + day - 730425;
}

int64_t
weir_timestamp_us(const WeirDateTime *value)
{
	int64_t		seconds = value->hour * 3600 + value->minute * 60 + value->second;

	return weir_date_days(value) * WEIR_US_PER_DAY + seconds * 1000000 + value->us;
}
