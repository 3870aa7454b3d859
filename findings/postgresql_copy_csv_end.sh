#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# RFC 4180 asks for quotes around a comma, a quote or a newline, so a csv file may hold the value \. without
# quotes, and Python's csv module, for one, writes it so. One would guess that COPY of a file, whose end the
# server can see, reads it as a value, or else refuses it. COPY takes the line for the end of the data, in a
# file too: it reports success, and the lines behind it are not read. In quotes it is a value.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1
cluster 15
printf 'one\n\\.\nthree\n' > "$tmp/plain.csv"
printf 'one\n"\\."\nthree\n' > "$tmp/quoted.csv"
statements > "$tmp/seen" <<SQL
CREATE TABLE plain (value text)
CREATE TABLE quoted (value text)
COPY plain FROM '$tmp/plain.csv' CSV
COPY quoted FROM '$tmp/quoted.csv' CSV
SELECT 'plain: ' || value FROM plain
SELECT 'quoted: ' || value FROM quoted
SQL

same <<'SAID'
plain: one
quoted: one
quoted: \.
quoted: three
SAID
