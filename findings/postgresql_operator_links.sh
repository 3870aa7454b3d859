#!/bin/sh
# PostgreSQL 15.18 and 15.20 with postgresql-15-debversion 1.1.2-1+b1 and postgresql-15-pgsphere
# 1.1.1+2021-11-10-2+b1 (Debian 12).
#
# One would guess that a minor release runs every CREATE EXTENSION that the one before it ran, above all
# those of the same distribution. 15.20 refuses a CREATE OPERATOR whose COMMUTATOR or NEGATOR is that of
# another operator already (release notes of 15.20: "cleans up some cases where one operator had a
# commutator/negator link to another, but the second operator didn't link back"). Two of Debian's
# extensions hold such operators (debversion gives both < and > the negator >=), so neither can be created.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

for version in 15.18 15.20; do
	debs $version postgresql-15=$version-0+deb12u1 postgresql-15-debversion=1.1.2-1+b1 \
		postgresql-15-pgsphere=1.1.1+2021-11-10-2+b1
	cluster $version
	echo "$version:"
	statements <<-'SQL'
		CREATE EXTENSION debversion
		CREATE EXTENSION pg_sphere
		SELECT 'created ' || extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname
	SQL
done > "$tmp/seen"

same <<'SAID'
15.18:
created debversion
created pg_sphere
15.20:
ERROR: negator operator >= is already the negator of operator <
ERROR: commutator operator @> is already the commutator of operator <@
SAID
