# The changes of tables as a stream: of what is there first, then each change once, in
# the order of commits; of this server's tables and of another cluster's; what stops
# such a job, and what it says then; what is left on the source when it is dropped.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my @logical = ('wal_level = logical', 'max_wal_senders = 20', 'max_replication_slots = 20', 'wal_sender_timeout = 10s');
my $node = Weir::Node->create('changes', @logical);
my $metadata = q{operation text OPTIONS (metadata 'operation'), lsn pg_lsn OPTIONS (metadata 'lsn'),
	xid xid OPTIONS (metadata 'xid'), committed_at timestamptz OPTIONS (metadata 'committed_at')};
my $restart = q{'fixed_delay', attempts => 1, delay => '10 ms'};

$node->sql(q{CREATE SERVER here FOREIGN DATA WRAPPER weir_changes;
	CREATE USER MAPPING FOR postgres SERVER here});

# A table on the source, its stream, and a job that writes what it reads: all by one name.
#	table     the columns of the table, "id int PRIMARY KEY, v text"
#	full      with REPLICA IDENTITY FULL
#	rows      INSERT's values that are there before
#	stream    the columns of the stream
#	options   of the stream
#	keep      the select list; "sink" the columns of the table it goes to
#	every     the interval of checkpoints
sub prepare
{
	my ($name, %o) = @_;
	my $source = $o{source} // $node;

	$source->safe_psql('postgres', "CREATE TABLE $name ($o{table});"
		. ($o{full} ? "ALTER TABLE $name REPLICA IDENTITY FULL;" : '')
		. ($o{rows} ? "INSERT INTO $name VALUES $o{rows};" : ''));
	my $options = join(', ', "table_name '$name'", $o{options} // ());
	$node->sql("CREATE FOREIGN TABLE ${name}_changes ($o{stream}) SERVER @{[ $o{server} // 'here' ]} OPTIONS ($options);
		CREATE TABLE ${name}_seen (at bigint GENERATED ALWAYS AS IDENTITY, $o{sink});
		SELECT weir.create_job('$name', 'INSERT INTO ${name}_seen (' || (SELECT string_agg(attname, ', ' ORDER BY attnum)
				FROM pg_attribute WHERE attrelid = '${name}_seen'::regclass AND attnum > 1) || ') SELECT $o{keep} FROM ${name}_changes');
		SELECT weir.enable_checkpointing('$name', every => '@{[ $o{every} // '50 ms' ]}');
		SELECT weir.set_restart_strategy('$name', $restart)");
	return;
}

sub begin
{
	my ($name, %o) = @_;

	prepare($name, %o);
	$node->sql("SELECT weir.start_job('$name')");
	ok($node->wait_until("SELECT count(*) = 1 FROM weir.sources WHERE job = '$name' AND status = 'connected'"), "$name: it follows");
	return;
}

# What is written, in order, comes to be this.
sub comes
{
	my ($name, $expected, $what) = @_;
	my $columns = $node->sql("SELECT string_agg(format('coalesce(%I::text, ''-'')', attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '${name}_seen'::regclass AND attnum > 1");
	my $rows = "SELECT string_agg(concat_ws(' ', $columns), ', ' ORDER BY at) FROM ${name}_seen";

	$node->wait_until("SELECT count(*) >= @{[ scalar split /, /, $expected ]} FROM ${name}_seen");
	is($node->sql($rows), $expected, $what);
	return;
}

# The job fails, with an error like this.
sub fails
{
	my ($name, $pattern, $what) = @_;

	ok($node->wait_status('failed', $name), "$what: the job fails");
	like($node->sql("SELECT last_error FROM weir.jobs WHERE name = '$name'"), $pattern, "$what: why, and what to do");
	return;
}

sub end
{
	my ($name, $source) = @_;

	$node->sql("SELECT weir.stop_job('$name', cancel => true)") if $node->sql("SELECT status FROM weir.jobs WHERE name = '$name'") eq 'running';
	$node->sql("SELECT weir.drop_job('$name'); DROP FOREIGN TABLE ${name}_changes; DROP TABLE ${name}_seen");
	is(left($source // $node), '', "$name: nothing is left on the source");
	return;
}

# A checkpoint that is asked for covers what is committed by now, and the slot is told.
sub is_confirmed
{
	my ($name, $what) = @_;
	my $lsn = $node->sql('SELECT pg_current_wal_lsn()');

	$node->sql("SELECT weir.trigger_checkpoint('$name')");
	ok($node->wait_until("SELECT bool_and(confirmed_flush_lsn >= '$lsn') FROM pg_replication_slots"), $what);
	return;
}

# Slots and publications.
sub left
{
	my ($source) = @_;
	return $source->safe_psql('postgres', q{SELECT string_agg(name, ' ') FROM
		(SELECT slot_name::text FROM pg_replication_slots UNION ALL SELECT pubname::text FROM pg_publication) x (name)});
}

# ---- a copy, then what follows ----

begin('orders', table => 'id int PRIMARY KEY, customer text, amount numeric, note text', rows => "(1, 'a', 10, 'x'), (2, 'b', 20.50, NULL)",
	stream => "amount numeric, id int, $metadata, customer text", keep => 'operation, id, customer, amount', sink => 'operation text, id int, customer text, amount numeric');
comes('orders', 'copy 1 a 10, copy 2 b 20.50', 'what is there comes first');
$node->sql(q{INSERT INTO orders VALUES (3, 'c', 30, NULL)});
$node->sql(q{BEGIN; UPDATE orders SET amount = 11 WHERE id = 1; SAVEPOINT s; UPDATE orders SET amount = 99; ROLLBACK TO s;
	DELETE FROM orders WHERE id = 2; COMMIT});
$node->sql(q{BEGIN; INSERT INTO orders VALUES (4, 'd', 40, NULL); ROLLBACK});
$node->sql(q{UPDATE orders SET id = 5 WHERE id = 3});
comes('orders', 'copy 1 a 10, copy 2 b 20.50, insert 3 c 30, update 1 a 11, delete 2 - -, update 5 c 30', 'then what is committed, in order');

# It goes on where it was: after a stop, a kill of its source, of the walsender, of the server.
$node->sql(q{SELECT weir.stop_job('orders')});
$node->sql(q{INSERT INTO orders VALUES (6, 'e', 60, NULL)});
$node->sql(q{SELECT weir.start_job('orders')});
comes('orders', 'copy 1 a 10, copy 2 b 20.50, insert 3 c 30, update 1 a 11, delete 2 - -, update 5 c 30, insert 6 e 60', 'a start goes on behind the last change');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE job = 'orders' AND kind = 'source'; INSERT INTO orders VALUES (7, 'f', 70, NULL)});
$node->wait_until(q{SELECT count(*) = 8 FROM orders_seen});
$node->sql(q{SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots; INSERT INTO orders VALUES (8, 'g', 80, NULL)});
$node->wait_until(q{SELECT count(*) = 9 FROM orders_seen});
$node->kill9;
$node->start;
$node->wait_until(q{SELECT status = 'running' FROM weir.jobs});
$node->sql(q{INSERT INTO orders VALUES (9, 'h', 90, NULL)});
$node->wait_until(q{SELECT count(*) = 10 FROM orders_seen});
is($node->sql(q{SELECT string_agg(id::text, ' ' ORDER BY at) FROM orders_seen}), '1 2 3 1 2 5 6 7 8 9', 'each change once, whoever dies');
is_confirmed('orders', 'the slot is confirmed');
my $lsn = $node->sql('CREATE TABLE aside AS SELECT i FROM generate_series(1, 50000) i; SELECT pg_current_wal_lsn()');
ok($node->wait_until("SELECT confirmed_flush_lsn > '$lsn'::pg_lsn - 1500000 FROM pg_replication_slots"), 'also behind what others write');
end('orders');

# ---- what is known of a change ----

begin('known', table => 'id int PRIMARY KEY, v text', rows => "(1, 'a')",
	stream => "id int, v text, $metadata", keep => 'id, operation, lsn, xid, committed_at', sink => 'id int, operation text, lsn pg_lsn, xid xid, committed_at timestamptz');
my $xid = $node->sql(q{BEGIN; INSERT INTO known VALUES (2, 'b'), (3, 'c'); SELECT pg_current_xact_id(); COMMIT});
$node->sql(q{DELETE FROM known WHERE id = 3});
$node->wait_until('SELECT count(*) = 4 FROM known_seen');
is($node->sql(q{SELECT string_agg(coalesce(xid::text, '-'), ' ' ORDER BY at) FROM known_seen WHERE id < 3 OR operation = 'insert'}), "- $xid $xid", 'xid: of the transaction; of what was copied none');
is($node->sql(q{SELECT count(DISTINCT committed_at) || ' ' || bool_and(committed_at BETWEEN now() - interval '1 min' AND now()) FROM known_seen WHERE operation = 'insert'}),
	'1 true', 'committed_at: when it was committed');
is($node->sql(q{SELECT bool_and(lsn >= before AND lsn <= pg_current_wal_lsn()) FROM (SELECT lsn, lag(lsn) OVER (ORDER BY at) AS before FROM known_seen) s WHERE before IS NOT NULL}),
	't', 'lsn: never falls');
end('known');

# ---- old values ----

begin('pairs', table => 'id int PRIMARY KEY, customer text, amount int', full => 1, rows => "(1, 'a', 10), (2, 'b', 20)", options => "updates 'pair'",
	stream => "id int, customer text, amount int, $metadata", keep => 'operation, id, customer, amount', sink => 'operation text, id int, customer text, amount int');
$node->sql(q{UPDATE pairs SET customer = 'c' WHERE id = 1; DELETE FROM pairs WHERE id = 2; INSERT INTO pairs VALUES (3, NULL, NULL)});
comes('pairs', 'copy 1 a 10, copy 2 b 20, update_before 1 a 10, update_after 1 c 10, delete 2 b 20, insert 3 - -', 'an update is two records');
end('pairs');

begin('olds', table => 'id int PRIMARY KEY, amount int', full => 1, rows => '(1, 10)',
	stream => "id int, amount int, before int OPTIONS (old 'amount'), old_id int OPTIONS (old 'id'), operation text OPTIONS (metadata 'operation')",
	keep => 'operation, id, amount, before, old_id', sink => 'operation text, id int, amount int, before int, old_id int');
$node->sql(q{UPDATE olds SET amount = 11; UPDATE olds SET id = 2; INSERT INTO olds VALUES (3, 30); DELETE FROM olds WHERE id = 2});
comes('olds', 'copy 1 10 - -, update 1 11 10 1, update 2 11 11 1, insert 3 30 - -, delete 2 11 11 2', 'old values beside the new ones');
end('olds');

# ---- values ----

$node->sql(q{CREATE TYPE mood AS ENUM ('sad', 'ok');
	ALTER DATABASE postgres SET datestyle = 'SQL, DMY'; ALTER DATABASE postgres SET bytea_output = 'escape';
	ALTER DATABASE postgres SET extra_float_digits = 0; ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'});
begin('kinds', table => q{id int PRIMARY KEY, t text, b bytea, n numeric, j jsonb, a text[], m mood, at timestamptz, f float8, r int4range, gone int},
	rows => q{(1, E'tab\there\nnewline \\\\ backslash', '\xdeadbeef', 'NaN', '{"a": "\u00e9\n"}', '{"x,y",NULL,"\"q\""}', 'ok', '2026-01-02 03:04:05.678901+00', 0.1::float8 + 0.2::float8, '[1,5)', 1), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)},
	stream => q{id int, t text, b bytea, n numeric, j jsonb, a text[], m mood, moment timestamptz OPTIONS (column_name 'at'), f float8, r int4range},
	keep => 'id, t, b, n, j, a, m, moment, f, r', sink => 'id int, t text, b bytea, n numeric, j jsonb, a text[], m mood, moment timestamptz, f float8, r int4range');
$node->sql(q{INSERT INTO kinds SELECT id + 10, t, b, n, j, a, m, at, f, r FROM kinds});
$node->wait_until('SELECT count(*) = 4 FROM kinds_seen');
is($node->sql(q{SELECT count(*) FROM (SELECT id, t, b, n, j, a, m, at, f, r FROM kinds EXCEPT SELECT id, t, b, n, j, a, m, moment, f, r FROM kinds_seen) x}), '0',
	'values are the same, copied or followed, however the source would show them');
$node->sql('ALTER DATABASE postgres RESET ALL');
end('kinds');

# A value kept out of line that an update leaves alone.
my $big = q{(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i)};
begin('toast', table => 'id int PRIMARY KEY, big text, n int', full => 1, rows => "(1, $big, 1)",
	stream => 'id int, big text, n int', keep => 'n, md5(big)', sink => 'n int, big text');
$node->sql('UPDATE toast SET n = 2');
my $md5 = $node->sql('SELECT md5(big) FROM toast');
comes('toast', "1 $md5, 2 $md5", 'TOAST: with REPLICA IDENTITY FULL the value is taken from the old row');
end('toast');
begin('untoast', table => 'id int PRIMARY KEY, big text, n int', rows => "(1, $big, 1)", stream => 'id int, n int', keep => 'n', sink => 'n int');
$node->sql('UPDATE untoast SET n = 2');
comes('untoast', '1, 2', 'TOAST: a column that is not read is not missed');
end('untoast');
begin('notoast', table => 'id int PRIMARY KEY, big text, n int', rows => "(1, $big, 1)", stream => 'id int, big text, n int', keep => 'n, md5(big)', sink => 'n int, big text');
$node->sql('UPDATE notoast SET n = 2');
fails('notoast', qr/"big".*HINT:.*ALTER TABLE .*notoast REPLICA IDENTITY FULL/s, 'TOAST: without, a value that is not sent');
end('notoast');

# ---- long transactions ----

begin('long', table => 'id int PRIMARY KEY, v int', rows => '(0, 0)', stream => 'id int, v int', keep => 'id', sink => 'id int');
$node->sql(q{INSERT INTO long SELECT i, i FROM generate_series(1, 100000) i});
$node->wait_until('SELECT count(*) > 20000 FROM long_seen');
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE job = 'long' AND kind = 'source'});
ok($node->wait_until('SELECT count(*) >= 100001 FROM long_seen'), 'a long transaction, read again in its midst');
is($node->sql(q{SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || bool_and(id = at - 1) FROM (SELECT id, row_number() OVER (ORDER BY at) AS at FROM long_seen) s}),
	'100001 100001 true', 'has each change once, in order');
end('long');

# ---- options ----

my %plain = (table => 'id int PRIMARY KEY, v int', stream => 'id int, v int', keep => 'id', sink => 'id int');
begin('nocopy', %plain, rows => '(1, 1)', options => "copy 'off', on_truncate 'ignore'");
$node->sql(q{INSERT INTO nocopy VALUES (2, 2); TRUNCATE nocopy; INSERT INTO nocopy VALUES (3, 3)});
comes('nocopy', '2, 3', 'without a copy, and TRUNCATE passed over');
$node->sql(q{SELECT weir.stop_job('nocopy', drain => true); INSERT INTO nocopy VALUES (4, 4)});
ok($node->wait_status('finished', 'nocopy'), 'a drain ends it');
$node->sql(q{SELECT weir.start_job('nocopy')});
comes('nocopy', '2, 3, 4', 'and a start goes on behind that');
end('nocopy');

begin('letters', %plain, rows => '(1, 1), (2, -2)', stream => 'id int, v int CHECK (v > 0)', options => "on_error 'dead_letter'");
$node->sql(q{INSERT INTO letters VALUES (3, -3), (4, 4)});
comes('letters', '1, 4', 'rows that a constraint of the stream refuses are left out');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line_number) FROM weir.dead_letters WHERE job = 'letters'}), "2\t-2,3\t-3", 'and are dead letters');
end('letters');

begin('parts', %plain, table => 'id int PRIMARY KEY, v int) PARTITION BY RANGE (id', sink => 'id int, operation text', keep => 'id, operation',
	stream => "id int, operation text OPTIONS (metadata 'operation')");
$node->sql(q{CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
	INSERT INTO parts VALUES (1, 1), (11, 11); UPDATE parts SET id = 12 WHERE id = 1});
comes('parts', '1 insert, 11 insert, 1 delete, 12 insert', 'a partitioned table is one stream');
end('parts');

# A slot and a publication of the user's own stay.
$node->sql(q{CREATE TABLE mine (id int PRIMARY KEY, v int); CREATE PUBLICATION my_publication FOR TABLE mine WITH (publish = 'insert, delete')});
$node->sql(q{SELECT pg_create_logical_replication_slot('my_slot', 'pgoutput')});
$node->sql(q{INSERT INTO mine VALUES (1, 1); UPDATE mine SET v = 2; DELETE FROM mine;
	CREATE FOREIGN TABLE mine_changes (id int, operation text OPTIONS (metadata 'operation')) SERVER here
		OPTIONS (table_name 'mine', slot 'my_slot', publication 'my_publication', copy 'off');
	CREATE TABLE mine_seen (at bigint GENERATED ALWAYS AS IDENTITY, operation text, id int);
	SELECT weir.create_job('mine', 'INSERT INTO mine_seen (operation, id) SELECT operation, id FROM mine_changes');
	SELECT weir.enable_checkpointing('mine', every => '50 ms'); SELECT weir.start_job('mine')});
comes('mine', 'insert 1, delete 1', 'from where a slot stands, what a publication has');
$node->sql(q{SELECT weir.stop_job('mine'); SELECT weir.drop_job('mine'); DROP FOREIGN TABLE mine_changes});
is(left($node), 'my_slot my_publication', 'both stay when the job is dropped');
$node->sql(q{SELECT pg_drop_replication_slot('my_slot'); DROP PUBLICATION my_publication});

# ---- what a stream cannot be ----

sub refused
{
	my ($name, $pattern, $what, %o) = @_;

	my $error = eval { prepare($name, %o); $node->sql_error("SELECT weir.start_job('$name')") } // $@;
	if ($error eq '')
	{
		$node->wait_status('failed', $name);
		$error = $node->sql("SELECT last_error FROM weir.jobs WHERE name = '$name'");
	}
	like($error, $pattern, $what);
	eval { $node->sql("SELECT weir.drop_job('$name')") };
	is(left($o{source} // $node), '', "$what: nothing is left on the source");
	return;
}

refused('unpaired', qr/HINT:.*REPLICA IDENTITY FULL/s, 'pairs of a table that does not tell old rows', %plain, options => "updates 'pair'");
refused('unold', qr/HINT:.*REPLICA IDENTITY FULL/s, 'an old value that is not told', %plain, stream => "id int, was int OPTIONS (old 'v')");
refused('nokey', qr/HINT:.*REPLICA IDENTITY/s, 'a table without a replica identity', %plain, table => 'id int, v int');
is($node->sql_error('INSERT INTO nokey VALUES (1, 2); UPDATE nokey SET v = 1'), '', 'it can be written as before');
refused('nocolumn', qr/"w".*HINT:.*column_name/s, 'a column that the table has not', %plain, stream => 'id int, w int');
refused('notable', qr/nowhere/, 'a table that is not there', %plain, options => "schema_name 'nowhere'");
refused('failover', qr/failover.*17.*HINT:/s, 'failover, of a server that has none', %plain, options => "failover 'on'")
  if $node->pg_version < 17;
like($node->sql_error(q{CREATE FOREIGN TABLE x (id int) SERVER here OPTIONS (updates 'twice')}), qr/twice/, 'an unknown value');
like($node->sql_error(q{CREATE FOREIGN TABLE x (id int) SERVER here OPTIONS (slt 'a')}), qr/HV00D.*HINT:/s, 'an unknown option');
like($node->sql_error(q{CREATE SERVER x FOREIGN DATA WRAPPER weir_changes OPTIONS (hots 'a')}), qr/HV00D.*HINT:/s, 'an unknown option of the server');
like($node->sql_error(q{CREATE SERVER x FOREIGN DATA WRAPPER weir_changes OPTIONS (password 'a')}), qr/password/, 'a password is no option of the server');
$node->sql('CREATE TABLE readonly (id int PRIMARY KEY); CREATE FOREIGN TABLE readonly_changes (id int) SERVER here OPTIONS (table_name \'readonly\')');
isnt($node->sql_error('INSERT INTO readonly_changes VALUES (1)'), '', 'nobody inserts into it');
isnt($node->sql_error('SELECT * FROM readonly_changes'), '', 'nor selects outside a job');

# ---- rights ----

$node->sql(q{CREATE ROLE reader LOGIN PASSWORD 'r'; CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'r';
	CREATE SERVER as_reader FOREIGN DATA WRAPPER weir_changes; CREATE USER MAPPING FOR postgres SERVER as_reader OPTIONS (user 'reader');
	CREATE SERVER as_replicator FOREIGN DATA WRAPPER weir_changes; CREATE USER MAPPING FOR postgres SERVER as_replicator OPTIONS (user 'replicator')});
refused('noright', qr/HINT:.*REPLICATION/s, 'a role that may not replicate', %plain, server => 'as_reader');
refused('noselect', qr/HINT:.*(?:GRANT|OWNER|own)/s, 'a role that may not read the table, or publish it', %plain, server => 'as_replicator');

# ---- what stops it ----

begin('gone', %plain, rows => '(1, 1)');
comes('gone', '1', 'a job');
$node->sql(q{SELECT weir.stop_job('gone')});
$node->sql(q{SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots});
$node->sql(q{INSERT INTO gone VALUES (2, 2)});
my $error = $node->sql_error(q{SELECT weir.start_job('gone')});
if ($error eq '') { fails('gone', qr/slot.*HINT:.*fresh/s, 'the slot is gone'); }
else { like($error, qr/slot.*HINT:.*fresh/s, 'the slot is gone'); pass('at once'); }
$node->sql(q{DELETE FROM gone_seen; SELECT weir.start_job('gone', fresh => true)});
comes('gone', '1, 2', 'a fresh start copies anew');
$node->sql(q{INSERT INTO gone VALUES (3, 3)});
comes('gone', '1, 2, 3', 'and follows');
end('gone');

begin('unpublished', %plain, rows => '(1, 1)');
is_confirmed('unpublished', 'a job');
$node->sql(q{DO $$ DECLARE p name; BEGIN FOR p IN SELECT pubname FROM pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', p); END LOOP; END $$});
$node->sql(q{INSERT INTO unpublished VALUES (2, 2)});
fails('unpublished', qr/publication.*HINT:.*fresh/s, 'the publication is gone');
end('unpublished');

begin('altered', %plain, rows => '(1, 1)');
$node->sql(q{ALTER TABLE altered ADD COLUMN more text DEFAULT 'm'; INSERT INTO altered VALUES (2, 2, 'x')});
comes('altered', '1, 2', 'a column more changes nothing');
$node->sql(q{ALTER TABLE altered RENAME COLUMN v TO w; INSERT INTO altered VALUES (3, 3, 'x')});
fails('altered', qr/"v".*HINT:/s, 'a column has another name');
$node->sql(q{ALTER FOREIGN TABLE altered_changes ALTER COLUMN v OPTIONS (ADD column_name 'w'); SELECT weir.start_job('altered')});
comes('altered', '1, 2, 3', 'the stream is told, and it goes on');
end('altered');

begin('truncated', %plain, rows => '(1, 1)');
$node->sql(q{TRUNCATE truncated});
fails('truncated', qr/TRUNCATE.*HINT:.*fresh/s, 'the table was truncated');
end('truncated');

# A savepoint behind which the slot has been confirmed.
begin('saved', %plain, rows => '(1, 1)');
comes('saved', '1', 'a job');
$node->sql(q{SELECT weir.create_savepoint('saved', 'early'); INSERT INTO saved VALUES (2, 2)});
comes('saved', '1, 2', 'goes on');
is_confirmed('saved', 'with checkpoints');
$node->sql(q{SELECT weir.stop_job('saved')});
$error = $node->sql_error(q{SELECT weir.start_job('saved', from_savepoint => 'early')});
like($error, qr/HINT:.*(?:allow_gap|fresh)/s, 'a savepoint from which changes are no more to be had');
end('saved');

# No checkpoint completes, so nothing is confirmed, and WAL piles up.
begin('lagging', %plain, options => "max_slot_lag '4MB'", every => '1 h');
$node->sql(q{INSERT INTO lagging VALUES (1, 1); CREATE TABLE ballast AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)});
ok($node->wait_until('SELECT count(*) = 0 FROM pg_replication_slots'), 'max_slot_lag: the slot is dropped');
fails('lagging', qr/max_slot_lag.*HINT:/s, 'max_slot_lag');
end('lagging');

# ---- what docs/changes.md begins with ----

my ($example) = slurp_file("$ENV{top_builddir}/docs/changes.md") =~ /```sql\n(.*?)```/s;
$node->use_database('example');
$node->sql($example);
$node->sql(q{INSERT INTO orders SELECT i, i % 7, i FROM generate_series(1, 100) i; UPDATE orders SET customer = 1 WHERE id % 5 = 0;
	DELETE FROM orders WHERE id % 3 = 0; UPDATE orders SET amount = amount + 1, id = id + 1000 WHERE id > 50});
$node->sql(q{SELECT weir.trigger_checkpoint('customers')});
is($node->sql('SELECT string_agg(c::text, $$ $$ ORDER BY customer) FROM customers c WHERE orders <> 0'),
	$node->sql('SELECT string_agg(c::text, $$ $$ ORDER BY customer) FROM (SELECT customer, count(*), sum(amount) FROM orders GROUP BY 1) c'),
	'the example: a checkpoint that is asked for has all of it');
$node->sql(q{SELECT weir.stop_job('customers'); SELECT weir.drop_job('customers')});
$node->{database} = 'postgres';

# ---- another server ----

my $other = PostgreSQL::Test::Cluster->new('changes_other');
$other->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$other->append_conf('postgresql.conf', join("\n", @logical, ''));
$other->start;
$node->sql("CREATE SERVER there FOREIGN DATA WRAPPER weir_changes OPTIONS (host '@{[ $other->host ]}', port '@{[ $other->port ]}', dbname 'postgres');
	CREATE USER MAPPING FOR postgres SERVER there OPTIONS (user '@{[ scalar getpwuid $< ]}')");
begin('away', %plain, rows => '(1, 1)', source => $other, server => 'there');
$other->safe_psql('postgres', 'INSERT INTO away VALUES (2, 2)');
comes('away', '1, 2', 'another cluster: copy and follow');
$other->stop('immediate');
ok($node->wait_until(q{SELECT status = 'connecting' AND last_error <> '' FROM weir.sources}), 'it is away: that is said');
is($node->sql(q{SELECT status FROM weir.jobs WHERE name = 'away'}), 'running', 'and is no error');
$other->start;
$other->safe_psql('postgres', 'INSERT INTO away VALUES (3, 3)');
comes('away', '1, 2, 3', 'it is back: the job goes on');

# A database of another encoding.
$other->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0});
$other->safe_psql('latin', q{CREATE TABLE words (id int PRIMARY KEY, w text); INSERT INTO words VALUES (1, 'caf' || chr(233))});
$node->sql("CREATE SERVER latin FOREIGN DATA WRAPPER weir_changes OPTIONS (host '@{[ $other->host ]}', port '@{[ $other->port ]}', dbname 'latin');
	CREATE USER MAPPING FOR postgres SERVER latin OPTIONS (user '@{[ scalar getpwuid $< ]}');
	CREATE FOREIGN TABLE words (id int, w text) SERVER latin; CREATE TABLE words_seen (id int, w text);
	SELECT weir.create_job('words', 'INSERT INTO words_seen SELECT id, w FROM words');
	SELECT weir.enable_checkpointing('words', every => '50 ms'); SELECT weir.start_job('words')");
ok($node->wait_until('SELECT count(*) = 1 FROM words_seen'), 'another encoding: copied');
$other->safe_psql('latin', q{INSERT INTO words VALUES (2, chr(252) || 'ber')});
ok($node->wait_until(q{SELECT array_agg(w ORDER BY id) = ARRAY['caf' || chr(233), chr(252) || 'ber'] FROM words_seen}), 'another encoding: the same words');
$node->sql(q{SELECT weir.stop_job('words'); SELECT weir.drop_job('words')});

# Another one behind the same name.
my $stranger = PostgreSQL::Test::Cluster->new('changes_stranger');
$stranger->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$stranger->append_conf('postgresql.conf', join("\n", @logical, ''));
$stranger->start;
$stranger->safe_psql('postgres', 'CREATE TABLE away (id int PRIMARY KEY, v int)');
$node->sql(q{SELECT weir.stop_job('away')});
$node->sql("ALTER SERVER there OPTIONS (SET host '@{[ $stranger->host ]}', SET port '@{[ $stranger->port ]}')");
$error = $node->sql_error(q{SELECT weir.start_job('away')});
if ($error eq '') { fails('away', qr/system identifier|another/s, 'another server behind the same name'); }
else { like($error, qr/system identifier|another/s, 'another server behind the same name'); pass('at once'); }
$node->sql("ALTER SERVER there OPTIONS (SET host '@{[ $other->host ]}', SET port '@{[ $other->port ]}')");
$node->sql(q{SELECT weir.start_job('away')});
$other->safe_psql('postgres', 'INSERT INTO away VALUES (4, 4)');
comes('away', '1, 2, 3, 4', 'the right one again');
end('away', $other);

# What cannot be dropped is named.
begin('farewell', %plain, source => $other, server => 'there');
$node->sql(q{SELECT weir.stop_job('farewell')});
$other->stop;
my ($status, undef, $stderr) = $node->psql('postgres', q{SELECT weir.drop_job('farewell')});
is($status, 0, 'a job whose source is away is dropped');
like($stderr, qr/WARNING:.*pg_drop_replication_slot/s, 'with the statement that drops its slot');
$other->start;
my ($statement) = $stderr =~ /(SELECT pg_(?:catalog\.pg_)?drop_replication_slot\([^;\n]*\))/;
$other->safe_psql('postgres', $statement);
is($other->safe_psql('postgres', 'SELECT count(*) FROM pg_replication_slots'), '0', 'which does');
$other->stop;

# ---- a source that does not decode ----

my $replica = PostgreSQL::Test::Cluster->new('changes_replica');
$replica->init(extra => [ '--locale=C', '--encoding=UTF8' ], allows_streaming => 1);
$replica->append_conf('postgresql.conf', "wal_level = replica");
$replica->start;
$node->sql("CREATE SERVER undecoded FOREIGN DATA WRAPPER weir_changes OPTIONS (host '@{[ $replica->host ]}', port '@{[ $replica->port ]}', dbname 'postgres');
	CREATE USER MAPPING FOR postgres SERVER undecoded OPTIONS (user '@{[ scalar getpwuid $< ]}')");
refused('nodecoding', qr/wal_level.*HINT:.*logical/s, 'wal_level is not logical', %plain, source => $replica, server => 'undecoded');
$replica->stop;

$node->stop('fast');
done_testing();
