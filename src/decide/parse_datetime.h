/*
 * decide/parse_datetime.h
 *		Dates and times from text, where they mean the same under every DateStyle.
 *
 * That is ISO 8601 with a year of four digits, as PostgreSQL and most programs
 * write it.  Of all else the type's input function has the word.
 */
#ifndef WEIR_DECIDE_PARSE_DATETIME_H
#define WEIR_DECIDE_PARSE_DATETIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_US_PER_DAY		INT64_C(86400000000)

typedef enum WeirZone
{
	WEIR_ZONE_NONE,				/* the text says none */
	WEIR_ZONE_OFFSET
} WeirZone;

typedef struct WeirDateTime
{
	int			year;			/* 1 to 9999 */
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			us;
	int			digits;			/* of the fraction of a second */
	WeirZone	zone;
	int			offset;			/* seconds east of Greenwich */
} WeirDateTime;

/* YYYY-MM-DD; false: not sure. */
extern bool weir_parse_date(const char *text, size_t len, WeirDateTime *value);

/*
 * YYYY-MM-DD HH:MM:SS; then up to six digits of a second, and an offset, +HH or
 * +HH:MM.  A T between date and time may be the name of a zone, and so may a Z
 * behind it: somebody may have given them one.
 */
extern bool weir_parse_timestamp(const char *text, size_t len, WeirDateTime *value);

/* Days since 2000-01-01; microseconds since it began, in the zone the text has. */
extern int32_t weir_date_days(const WeirDateTime *value);
extern int64_t weir_timestamp_us(const WeirDateTime *value);

#endif
