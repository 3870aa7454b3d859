#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# avg(float8) is the sum divided by the count, one would guess, and fails where one of them is out of range. But
# it shares its transition function, float8_accum, with the variances: that also keeps the sum of the squared
# deviations, and raises 22003 when that overflows, although the average never looks at it. So 1e308 and 5 have a
# sum, and no average: as an aggregate, over a window, or as regr_avgx. What is needed is a deviation of some
# 1e154, not large values: of two equal ones there is an average. avg over numeric, and of float4, whose squares
# fit in float8, are as guessed. var_pop fails for what it asks for itself.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1
cluster 15
statements > "$tmp/seen" <<'SQL'
SELECT 'sum of 1e308, 5: ' || sum(v) FROM unnest(ARRAY[1e308, 5]::float8[]) v
SELECT 'avg of 1e308, 5: ' || avg(v) FROM unnest(ARRAY[1e308, 5]::float8[]) v
SELECT 'avg of 1e308, 5: ' || sum(v) / count(v) || ' by division' FROM unnest(ARRAY[1e308, 5]::float8[]) v
SELECT 'avg of 1e308, 5: ' || avg(v::numeric)::float8 || ' over numeric' FROM unnest(ARRAY[1e308, 5]::float8[]) v
SELECT 'avg of 1e308, 5, window: ' || avg(v) OVER () FROM unnest(ARRAY[1e308, 5]::float8[]) v
SELECT 'regr_avgx of 1e308, 5: ' || regr_avgx(v, v) FROM unnest(ARRAY[1e308, 5]::float8[]) v
SELECT 'avg of 2e154, 5: ' || avg(v) FROM unnest(ARRAY[2e154, 5]::float8[]) v
SELECT 'avg of 1e154, 5: ' || avg(v) FROM unnest(ARRAY[1e154, 5]::float8[]) v
SELECT 'avg of 8e307, 8e307: ' || avg(v) FROM unnest(ARRAY[8e307, 8e307]::float8[]) v
SELECT 'var_pop of 2e154, 5: ' || var_pop(v) FROM unnest(ARRAY[2e154, 5]::float8[]) v
SELECT 'avg of float4 3e38, 5: ' || avg(v)::float4 FROM unnest(ARRAY[3e38, 5]::float4[]) v
DO $$ BEGIN PERFORM avg(v) FROM unnest(ARRAY[1e308, 5]::float8[]) v; EXCEPTION WHEN OTHERS THEN RAISE EXCEPTION 'SQLSTATE %', SQLSTATE; END $$
SQL

same <<'SAID'
sum of 1e308, 5: 1e+308
ERROR: value out of range: overflow
avg of 1e308, 5: 5e+307 by division
avg of 1e308, 5: 5e+307 over numeric
ERROR: value out of range: overflow
ERROR: value out of range: overflow
ERROR: value out of range: overflow
avg of 1e154, 5: 5e+153
avg of 8e307, 8e307: 8e+307
ERROR: value out of range: overflow
avg of float4 3e38, 5: 1.5e+38
ERROR: SQLSTATE 22003
SAID
