#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# JSON has one kind of number, and a cast of jsonb to integer takes 1.0 and 10e-1 for 1. One would guess that
# jsonb_populate_record fills an integer column from the same numbers. It passes the number's text to the
# column's input function: 1.0 and 10e-1 (which jsonb keeps as 1.0) are refused, 1e0 (which it keeps as 1) is
# taken, and json_populate_record, which sees 1e0, refuses that too. Python writes the float 1 as 1.0.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1
cluster 15
statements > "$tmp/seen" <<'SQL'
CREATE TABLE t (a integer)
SELECT 'cast 1.0: ' || ('1.0'::jsonb)::integer
SELECT 'cast 10e-1: ' || ('10e-1'::jsonb)::integer
SELECT 'jsonb 1e0: ' || a FROM jsonb_populate_record(NULL::t, '{"a": 1e0}')
SELECT 'jsonb 1.0: ' || a FROM jsonb_populate_record(NULL::t, '{"a": 1.0}')
SELECT 'jsonb 10e-1: ' || a FROM jsonb_populate_record(NULL::t, '{"a": 10e-1}')
SELECT 'json 1e0: ' || a FROM json_populate_record(NULL::t, '{"a": 1e0}')
SQL

same <<'SAID'
cast 1.0: 1
cast 10e-1: 1
jsonb 1e0: 1
ERROR: invalid input syntax for type integer: "1.0"
ERROR: invalid input syntax for type integer: "1.0"
ERROR: invalid input syntax for type integer: "1e0"
SAID
