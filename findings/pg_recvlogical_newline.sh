#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# pg_recvlogical "streams changes ... to the file", one would guess: what the plugin wrote, no byte more; that is
# what pg_logical_slot_get_binary_changes returns, and what a program that reads it wants. But it writes a newline
# behind each message of any plugin, of a binary one such as pgoutput, too, and has no option not to. pgoutput's
# messages have no length before them and hold newlines of their own, in values or as any byte of a number, so
# nobody can tell where one ends but by taking it apart to its last field. Below, four messages of 109 bytes are
# 113 in the file.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1
cluster 15
serve wal_level=logical
options="'proto_version', '1', 'publication_names', 'p'"
ask "CREATE TABLE t (id int, v text); CREATE PUBLICATION p FOR TABLE t" \
	"SELECT 'slot ' || slot_name FROM pg_create_logical_replication_slot('s', 'pgoutput')" \
	"INSERT INTO t VALUES (1, E'a\\nb')" > "$tmp/seen"
ask "SELECT format('%s messages, %s bytes', count(*), sum(length(data))) FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL, $options)" >> "$tmp/seen"
end=$(ask "SELECT pg_current_wal_flush_lsn()")
postgresql pg_recvlogical -h "$tmp" -U "$owner" -d postgres -S s --start -o proto_version=1 -o publication_names=p \
	--endpos "$end" -f - > "$tmp/file"
echo "pg_recvlogical: $(wc -c < "$tmp/file") bytes, $(tr -dc '\n' < "$tmp/file" | wc -c) newlines" >> "$tmp/seen"

same <<'SAID'
slot s
4 messages, 109 bytes
pg_recvlogical: 113 bytes, 5 newlines
SAID
