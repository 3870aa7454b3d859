#!/bin/sh
# postgresql-15-plprofiler 4.2.1-2 with PostgreSQL 15.20 (Debian 12).
#
# One would guess that the order of shared_preload_libraries does not decide whether the server starts, and
# that an error about a library's locks is that library's. plprofiler's shmem_request_hook does not call the
# hook that stood there before it, so that whatever a library named earlier would request is never requested:
# pg_stat_statements then fails for want of its locks, with a message that names neither. Named first, all is well.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1 postgresql-15-plprofiler=4.2.1-2
cluster 15
for list in pg_stat_statements plprofiler plprofiler,pg_stat_statements pg_stat_statements,plprofiler; do
	echo "$list:"
	if postgresql pg_ctl -D "$data" -l "$data/log" -o "-c listen_addresses= -k '$data'" \
		-o "-c shared_preload_libraries=$list -c log_line_prefix=" start > /dev/null 2>&1; then
		echo "starts"
		postgresql pg_ctl -D "$data" -m immediate stop > /dev/null
	else
		grep FATAL "$data/log"
	fi
	rm -f "$data/log"
done > "$tmp/seen"

same <<'SAID'
pg_stat_statements:
starts
plprofiler:
starts
plprofiler,pg_stat_statements:
starts
pg_stat_statements,plprofiler:
FATAL:  requested tranche is not registered
SAID
