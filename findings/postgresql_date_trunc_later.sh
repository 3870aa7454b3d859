#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# One would guess that date_trunc gives a time that is not after its argument: the beginning of what the argument
# is in. In a zone that sets its clocks back at 01:00 to 00:00, midnight comes twice; date_trunc('day', ...) of the
# hour after the first one names the second, which is up to an hour later. So the first hour of that day lies before
# "its day", and a day taken as date_trunc to date_trunc plus one day lacks it. By units below a day, whose offset
# it keeps, it does not. Havana, 2024-11-03: 04:00 and 05:00 UTC are both midnight.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

[ -e /usr/share/zoneinfo/America/Havana ] || give_up "no time zones here (package tzdata)"
debs 15 postgresql-15=15.20-0+deb12u1
cluster 15
statements > "$tmp/seen" <<'SQL'
SET timezone = 'UTC'
CREATE TABLE t AS SELECT timestamptz '2024-11-03 03:30+00' + i * interval '30 min' AS ts FROM generate_series(0, 4) i
SELECT ts || ' day ' || date_trunc('day', ts, 'America/Havana') || CASE WHEN date_trunc('day', ts, 'America/Havana') > ts THEN ', which is later' ELSE '' END FROM t
SELECT 'within date_trunc and a day more: ' || count(*) FILTER (WHERE ts >= date_trunc('day', ts, 'America/Havana')) || ' of ' || count(*) FROM t WHERE date_trunc('day', ts, 'America/Havana') = '2024-11-03 05:00+00'
SELECT ts || ' hour ' || date_trunc('hour', ts, 'America/Havana') FROM t WHERE ts = '2024-11-03 04:30+00'
SQL

same <<'SAID'
2024-11-03 03:30:00+00 day 2024-11-02 04:00:00+00
2024-11-03 04:00:00+00 day 2024-11-03 05:00:00+00, which is later
2024-11-03 04:30:00+00 day 2024-11-03 05:00:00+00, which is later
2024-11-03 05:00:00+00 day 2024-11-03 05:00:00+00
2024-11-03 05:30:00+00 day 2024-11-03 05:00:00+00
within date_trunc and a day more: 2 of 4
2024-11-03 04:30:00+00 hour 2024-11-03 04:00:00+00
SAID
