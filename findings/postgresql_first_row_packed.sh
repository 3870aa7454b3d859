#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# Only values that are stored have the one-byte header of a short varlena, one would guess: what repeat() or a
# row constructor has just made has four bytes. But an aggregate without hashing keeps the first row of each
# group as a formed tuple (grp_firstTuple in nodeAgg.c), and forming it packs the values: of three equal values
# in one statement the first is three bytes smaller than the others. pg_column_size shows it, and so does a C
# function in an aggregate's argument: one that takes its argument as it comes works for all rows but the first.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1
cluster 15
statements > "$tmp/seen" <<'SQL'
CREATE TYPE pair AS (n integer, t text)
SELECT 'a row each: ' || pg_column_size(v) FROM (SELECT repeat('x', 5) AS v FROM generate_series(1, 3) OFFSET 0) s
SELECT 'aggregate of text: ' || string_agg(pg_column_size(v)::text, ' ') FROM (SELECT repeat('x', 5) AS v FROM generate_series(1, 3) OFFSET 0) s
SELECT 'aggregate of rows: ' || string_agg(pg_column_size(e)::text, ' ') FROM unnest(ARRAY[(1, 'x'), (2, 'y'), (3, 'z')]::pair[]) e
SQL

same <<'SAID'
a row each: 9
a row each: 9
a row each: 9
aggregate of text: 6 9 9
aggregate of rows: 27 30 30
SAID
