#!/bin/sh
# PostgreSQL 15.20 (Debian 12).
#
# A slot is read with the publications that the reader names. One that does not exist is an error, and its cure,
# one would guess, is to create it. But pgoutput looks for it in the catalogs as they were at the change that it
# decodes: to a change from before CREATE PUBLICATION the publication "does not exist", although pg_publication has it, and
# so for ever: what is read next is the same change. Only moving the slot past it, or dropping the slot, helps.
# Neither the documentation of CREATE PUBLICATION nor that of pgoutput says so. Changes of tables that are in no publication
# bring it about as well.
. "$(dirname "$0")/lib/finding"
. "$(dirname "$0")/lib/postgresql"

debs 15 postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1
cluster 15
serve wal_level=logical
peek="SELECT count(*) || ' messages' FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL, 'proto_version', '1', 'publication_names', 'p')"
ask "CREATE TABLE t (id int); CREATE TABLE other (id int)" \
	"SELECT 'slot ' || slot_name FROM pg_create_logical_replication_slot('s', 'pgoutput')" \
	"INSERT INTO other VALUES (1)" \
	"CREATE PUBLICATION p FOR TABLE t" \
	"INSERT INTO t VALUES (1)" \
	"SELECT pubname || ' is there' FROM pg_publication" \
	"$peek" > "$tmp/seen"
lsn=$(ask "SELECT pg_current_wal_flush_lsn()")
ask "SELECT slot_name || ' moved' FROM pg_replication_slot_advance('s', '$lsn')" \
	"INSERT INTO t VALUES (2)" \
	"$peek" >> "$tmp/seen"
sed -i 's/associated LSN .*/associated LSN (some)/' "$tmp/seen"

same <<'SAID'
slot s
p is there
ERROR:  publication "p" does not exist
CONTEXT:  slot "s", output plugin "pgoutput", in the change callback, associated LSN (some)
s moved
4 messages
SAID
