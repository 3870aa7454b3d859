package Weir::EveryKind;

=head1 Weir::EveryKind

Jobs that keep every kind of state, for tests that take it elsewhere: each reads the
same records and is compared with batch SQL over them.

=cut

use strict;
use warnings;

use Test::More;
use Weir::Sender;

my $keys = 23;
our @lines = map { ($_ * 7919) % $keys . ' ' . ($_ * 104729) % 1000 } 1 .. 2400;
our $half = 1187;				# no window of any job ends everywhere

# The first n records, but for some, as the senders send them: with their numbers.
sub records
{
	my ($n, $from) = @_;
	return join '', map { ($_ + 1) . " $lines[$_]\n" } ($from // 0) .. $n - 1;
}

# What the jobs call, and the records as a table, to compare with.
my $schema = <<'SQL';
CREATE TYPE slot AS (n int, last int);
CREATE DOMAIN digit AS int CHECK (VALUE BETWEEN 0 AND 9);
CREATE FUNCTION append_word(text, text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce($1 || '-', '') || coalesce($2, '?') $$;
CREATE AGGREGATE words(text) (sfunc = append_word, stype = text);
CREATE FUNCTION widen(s slot, v int) RETURNS slot LANGUAGE plpgsql AS $$
BEGIN
    RETURN ROW(coalesce(s.n, 0) + 1, greatest(s.last, v))::slot;
END $$;
CREATE AGGREGATE extent(int) (sfunc = widen, stype = slot);
CREATE TABLE records (line int, k int, v int);

CREATE TABLE seen (k int, v int, value text, total bigint, average numeric, extent slot, words text, kept text[],
                   pairs text, last int[], slots text);
CREATE FUNCTION slots(vs int[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(':', digit, n, last), ' ' ORDER BY digit)
    FROM (SELECT v % 10 AS digit, count(*) AS n, (array_agg(v ORDER BY i DESC))[1] AS last
          FROM unnest(vs) WITH ORDINALITY u (v, i) GROUP BY 1) s $$;
CREATE VIEW seen_expected (k, v, value, total, average, extent, words, kept, pairs, last, slots) AS
    SELECT k, v, ROW(count(*) OVER so_far, v)::slot::text, sum(v) OVER so_far, avg(v::numeric) OVER so_far,
        extent(v) OVER so_far, words('w' || v) OVER so_far, array_agg('w' || v) OVER so_far,
        string_agg(v::text, ',') OVER so_far, array_agg(v) OVER (PARTITION BY k ORDER BY line ROWS 2 PRECEDING),
        slots(array_agg(v) OVER so_far)
    FROM records WINDOW so_far AS (PARTITION BY k ORDER BY line);

CREATE FUNCTION windows(size int, slide int) RETURNS TABLE (w bigint, line int, k int, v int) LANGUAGE sql AS $$
    WITH numbered AS (SELECT *, row_number() OVER (PARTITION BY k ORDER BY line) AS i FROM records)
    SELECT f.i, r.line, r.k, r.v
      FROM numbered f JOIN numbered r ON r.k = f.k AND r.i BETWEEN f.i - size + 1 AND f.i
     WHERE f.i % slide = 0 ORDER BY r.line $$;
CREATE TABLE tumbling (k int, n bigint, sum bigint, average numeric, kept int[], text text, words text, extent slot, deviation numeric);
CREATE VIEW tumbling_expected AS
    SELECT k, count(*), sum(v), avg(v::numeric), array_agg(v ORDER BY line), string_agg(v::text, '/' ORDER BY line),
        words(v::text ORDER BY line), extent(v), stddev(v)
      FROM windows(5, 5) GROUP BY w, k;
CREATE TABLE sliding (LIKE tumbling);
CREATE VIEW sliding_expected AS
    SELECT k, count(*), sum(v), avg(v::numeric), array_agg(v ORDER BY line), string_agg(v::text, '/' ORDER BY line),
        words(v::text ORDER BY line), extent(v), stddev(v)
      FROM windows(7, 3) GROUP BY w, k;
CREATE TABLE sorted (k int, largest int[], different bigint, json jsonb);
CREATE VIEW sorted_expected AS
    SELECT k, array_agg(v ORDER BY v DESC), count(DISTINCT v), jsonb_agg(v ORDER BY line) FROM windows(4, 4) GROUP BY w, k;
CREATE TABLE latest (k int PRIMARY KEY, n bigint, total bigint, at int);
CREATE VIEW latest_expected AS
    SELECT k, count(*), sum(v), max(line) FROM windows(3, 3) GROUP BY k;
SQL

# A job for each: its stream, what it declares, its query.
my $columns = 'count(*), sum(v), avg(v::numeric), array_agg(v), string_agg(v::text, \'/\'), words(v::text), extent(v), stddev(v)';
my %job = (
	seen => [ <<'SQL', 'SELECT s.* FROM seen_stream r JOIN LATERAL keep(r) s ON weir.key_by(r.k)' ],
CREATE FUNCTION keep(r seen_stream) RETURNS SETOF seen LANGUAGE plpgsql AS $$
BEGIN
    PERFORM weir.state_update('value', ROW((weir.state_value('value', NULL::slot)).n + 1, r.v)::slot);
    PERFORM weir.reducing_add('total', r.v::bigint);
    PERFORM weir.aggregating_add('average', r.v::numeric);
    PERFORM weir.aggregating_add('extent', r.v);
    PERFORM weir.aggregating_add('words', 'w' || r.v);
    PERFORM weir.aggregating_add('kept', 'w' || r.v);
    PERFORM weir.list_add('last', r.v);
    PERFORM weir.list_update('last', (weir.list_get('last', NULL::int))[2:]) WHERE cardinality(weir.list_get('last', NULL::int)) > 3;
    PERFORM weir.list_add('pairs', r.v::text);
    PERFORM weir.map_put('slots', (r.v % 10)::digit,
        ROW(1 + coalesce((weir.map_get('slots', (r.v % 10)::digit, NULL::slot)).n, 0), r.v)::slot);
    RETURN QUERY SELECT r.k, r.v, weir.state_value('value', NULL::slot)::text, weir.reducing_get('total', NULL::bigint),
        weir.aggregating_get('average', NULL::numeric), weir.aggregating_get('extent', NULL::slot),
        weir.aggregating_get('words', NULL::text), weir.aggregating_get('kept', NULL::text[]),
        array_to_string(weir.list_get('pairs', NULL::text), ','), weir.list_get('last', NULL::int),
        (SELECT string_agg(key || ':' || (value).n || ':' || (value).last, ' ' ORDER BY key)
           FROM weir.map_entries('slots', NULL::digit, NULL::slot));
END $$;
SELECT weir.create_value_state('keep(seen_stream)', 'value', 'slot', default_value => '(0,0)', ttl => '100 years'),
    weir.create_reducing_state('keep(seen_stream)', 'total', 'bigint', reduce => 'int8pl(bigint,bigint)'),
    weir.create_aggregating_state('keep(seen_stream)', 'average', aggregate => 'avg(numeric)'),
    weir.create_aggregating_state('keep(seen_stream)', 'extent', aggregate => 'extent(int)'),
    weir.create_aggregating_state('keep(seen_stream)', 'words', aggregate => 'words(text)'),
    weir.create_aggregating_state('keep(seen_stream)', 'kept', 'text', aggregate => 'array_agg(anynonarray)', ttl => '100 years'),
    weir.create_list_state('keep(seen_stream)', 'last', 'int', ttl => '100 years'),
    weir.create_list_state('keep(seen_stream)', 'pairs', 'text'),
    weir.create_map_state('keep(seen_stream)', 'slots', 'digit', 'slot', ttl => weir.state_ttl('100 years', 'on_read_and_write'));
SQL
	tumbling => [ '', "SELECT k, $columns FROM tumbling_stream GROUP BY k, weir.count_window(5)" ],
	sliding => [ '', "SELECT k, $columns FROM sliding_stream GROUP BY k, weir.count_window(7, 3)" ],
	sorted => [ '', 'SELECT k, array_agg(v ORDER BY v DESC), count(DISTINCT v), jsonb_agg(v)
		FROM sorted_stream GROUP BY k, weir.count_window(4)' ],
	latest => [ '', 'SELECT k, count(*), sum(v), max(line) FROM latest_stream GROUP BY k, weir.count_window(3)
		ON CONFLICT (k) DO UPDATE SET n = latest.n + excluded.n, total = latest.total + excluded.total, at = excluded.at' ]);
our @jobs = sort keys %job;

# Until each job of the database has written what is expected of this many records.
sub compare
{
	my ($node, $n, $name) = @_;

	foreach my $job (@jobs)
	{
		$node->sql("CREATE OR REPLACE VIEW difference AS SELECT count(*) AS rows FROM (
			(TABLE $job EXCEPT ALL TABLE ${job}_expected) UNION ALL (TABLE ${job}_expected EXCEPT ALL TABLE $job)) d");
		ok($node->wait_until('SELECT rows = 0 FROM difference'), "$name: $job is exact after $n records");
	}
	return;
}

sub know
{
	my ($node, $from, $to) = @_;
	$node->sql('INSERT INTO records VALUES ' . join ', ', map { '(' . ($_ + 1) . ', ' . $lines[$_] =~ s/ /, /r . ')' } $from .. $to - 1);
	return;
}

our %sender;
my %from;

# What the jobs read, call and write: their senders have all records, or those from this one on.
sub declare
{
	my ($node, $database, $from) = @_;

	$from{$database} = $from // 0;

	$node->use_database($database) unless $node->{database} eq $database;
	$node->sql($schema);
	foreach my $job (@jobs)
	{
		my $sender = $sender{$database}{$job} = Weir::Sender->new(records(scalar @lines, $from));

		$node->sql("CREATE SERVER ${job}_server FOREIGN DATA WRAPPER weir_socket
			OPTIONS (host '127.0.0.1', port '${\ $sender->port}', max_retries '-1', retry_delay '50 ms');
			CREATE FOREIGN TABLE ${job}_stream (line int, k int, v int) SERVER ${job}_server OPTIONS (delimiter ' ');
			$job{$job}[0]");
	}
	return;
}

# They run, and have worked off the first half.
sub begin
{
	my ($node, $database) = @_;

	declare($node, $database);
	foreach my $job (@jobs)
	{
		$node->sql("SELECT weir.create_job('$job', \$job\$INSERT INTO $job $job{$job}[1]\$job\$, parallelism => 2);
			SELECT weir.enable_checkpointing('$job', every => '50 ms');
			SELECT weir.start_job('$job')");
		$sender{$database}{$job}->send_to(length records($half));
	}
	know($node, 0, $half);
	compare($node, $half, "$database before");
	foreach my $job (@jobs)
	{
		$node->sql("SELECT weir.create_savepoint('$job', 'half')");
		$node->sql("CREATE TABLE ${job}_half AS TABLE $job");
	}
	return;
}

# The rest of the records arrives, then once more from the savepoint.
sub finish
{
	my ($node, $database) = @_;

	know($node, $half, scalar @lines);
	$sender{$database}{$_}->send_to(length records(scalar @lines, $from{$database})) foreach @jobs;
	compare($node, scalar @lines, "$database after");
	foreach my $job (@jobs)
	{
		$node->sql("SELECT weir.stop_job('$job')");
		$node->sql("TRUNCATE $job; INSERT INTO $job TABLE ${job}_half; SELECT weir.start_job('$job', from_savepoint => 'half')");
	}
	compare($node, scalar @lines, "$database from the savepoint");
	is($node->sql(q{SELECT string_agg(job || ': ' || last_error, ' ') FROM (SELECT name AS job, last_error FROM weir.jobs) j}), '',
		"$database: without an error");
	return;
}

1;
