# State of every kind in a running job: through checkpoints of what changed,
# crashes, another parallelism, blocks that are undone, changed declarations.
use strict;
use warnings;

use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('state_kinds');
my $keys = 20;
my @lines = map { ($_ * 7919) % $keys . ' ' . ($_ * 104729) % 1000 . "\n" } 1 .. 3000;
my $data = join '', @lines;
my $sender = Weir::Sender->new($data);

$node->sql(<<"SQL");
CREATE SERVER here FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '${\ $sender->port}', max_retries '-1', retry_delay '50 ms');
CREATE FOREIGN TABLE readings (k int, v int) SERVER here OPTIONS (delimiter ' ');
CREATE TYPE slot AS (n int, last int);
CREATE DOMAIN digit AS int CHECK (VALUE BETWEEN 0 AND 9);
CREATE TABLE seen (k int, v int, total bigint, average numeric, last int[], slots text, words text[]);

-- A record whose value is a multiple of 7 leaves no trace in state.
CREATE FUNCTION keep(r readings) RETURNS SETOF seen LANGUAGE plpgsql AS \$\$
BEGIN
    BEGIN
        PERFORM weir.reducing_add('total', r.v::bigint);
        PERFORM weir.aggregating_add('average', r.v::numeric);
        PERFORM weir.aggregating_add('words', 'w' || r.v);
        PERFORM weir.list_add('last', r.v);
        PERFORM weir.list_update('last', (weir.list_get('last', NULL::int))[2:]) WHERE cardinality(weir.list_get('last', NULL::int)) > 3;
        PERFORM weir.map_put('slots', (r.v % 10)::digit,
            ROW(1 + coalesce((weir.map_get('slots', (r.v % 10)::digit, NULL::slot)).n, 0), r.v)::slot);
        IF r.v % 7 = 0 THEN
            PERFORM weir.state_clear('words');
            PERFORM weir.map_remove('slots', key) FROM weir.map_entries('slots', NULL::digit, NULL::slot);
            RAISE EXCEPTION 'undone';
        END IF;
    EXCEPTION WHEN raise_exception THEN
        RETURN;
    END;
    RETURN QUERY SELECT r.k, r.v, weir.reducing_get('total', NULL::bigint), weir.aggregating_get('average', NULL::numeric),
        weir.list_get('last', NULL::int),
        (SELECT string_agg(key || ':' || (value).n || ':' || (value).last, ' ' ORDER BY key) FROM weir.map_entries('slots', NULL::digit, NULL::slot)),
        weir.aggregating_get('words', NULL::text[]);
END \$\$;
SELECT weir.create_reducing_state('keep(readings)', 'total', 'bigint', reduce => 'int8pl(bigint,bigint)'),
    weir.create_aggregating_state('keep(readings)', 'average', aggregate => 'avg(numeric)'),
    weir.create_aggregating_state('keep(readings)', 'words', 'text', aggregate => 'array_agg(anynonarray)', ttl => '1 day'),
    weir.create_list_state('keep(readings)', 'last', 'int', ttl => '1 day'),
    weir.create_map_state('keep(readings)', 'slots', 'digit', 'slot', ttl => weir.state_ttl('1 day', 'on_read_and_write'));
SELECT weir.create_job('keep', 'INSERT INTO seen SELECT s.* FROM readings r JOIN LATERAL keep(r) s ON weir.key_by(r.k)', parallelism => 2);
SELECT weir.enable_checkpointing('keep', every => '30 ms');
SELECT weir.start_job('keep');

-- The same from all records at once.
CREATE TABLE records (line int, k int, v int);
CREATE FUNCTION slots(vs int[]) RETURNS text LANGUAGE sql AS \$\$
    SELECT string_agg(concat_ws(':', digit, n, last), ' ' ORDER BY digit)
    FROM (SELECT v % 10 AS digit, count(*) AS n, (array_agg(v ORDER BY i DESC))[1] AS last
          FROM unnest(vs) WITH ORDINALITY u (v, i) GROUP BY 1) s \$\$;
CREATE VIEW expected AS
    SELECT k, v, sum(v) OVER so_far AS total, avg(v::numeric) OVER so_far AS average,
        array_agg(v) OVER (PARTITION BY k ORDER BY line ROWS 2 PRECEDING) AS last,
        slots(array_agg(v) OVER so_far) AS slots, array_agg('w' || v) OVER so_far AS words
    FROM records WHERE v % 7 <> 0 WINDOW so_far AS (PARTITION BY k ORDER BY line);
SQL

my $sent = 0;
# Sends so many lines, and waits for what comes of them.
sub feed
{
	my ($n, $name) = @_;
	my @now = @lines[ $sent .. $sent + $n - 1 ];
	$node->sql('INSERT INTO records VALUES ' . join ', ', map { /(\d+) (\d+)/; '(' . ++$sent . ", $1, $2)" } @now);
	$sender->send_to(length join '', @lines[ 0 .. $sent - 1 ]);
	ok($node->wait_until('SELECT (SELECT count(*) FROM seen) = (SELECT count(*) FROM expected)'), "$name: output for every record");
	is($node->sql('SELECT count(*) FROM ((TABLE seen EXCEPT TABLE expected) UNION ALL (TABLE expected EXCEPT TABLE seen)) d'), '0', "$name: as from all records at once");
	return;
}

feed(800, 'first');
$node->kill9;
$node->start;
feed(700, 'after a crash');
$node->sql(q{SELECT weir.stop_job('keep')});
$node->sql(q{SELECT weir.start_job('keep')});
feed(500, 'after stop and start');

# Two checkpoints that write changes only, then a crash between them and the next.
$node->sql(q{SELECT weir.trigger_checkpoint('keep')}) foreach 1 .. 2;
$node->kill9;
$node->start;
feed(1000, 'restored from changes');

# A time to live given to a running job counts from its next attempt.
$node->sql(q{SELECT weir.alter_state('keep(readings)', 'total', ttl => '1 ms')});
$node->sql(q{SELECT weir.stop_job('keep'); });
$node->sql(q{TRUNCATE seen; SELECT weir.start_job('keep')});
$sender->append("3 1\n");
$sender->send_to(length($data) + 4);
ok($node->wait_until('SELECT count(*) = 1 FROM seen'), 'one more record');
is($node->sql('SELECT total, average IS NOT NULL FROM seen'), '1|t', 'state that has got a time to live expires from then on');

# A state that is declared anew as another kind is not the one that was kept.
$node->sql(q{SELECT weir.stop_job('keep')});
$node->sql(q{SELECT weir.drop_state('keep(readings)', 'total'), weir.create_value_state('keep(readings)', 'total', 'bigint')});
$node->sql(q{SELECT weir.start_job('keep')});
ok($node->wait_until(q{SELECT last_error LIKE '%total%' FROM weir.jobs}), 'another kind of state is refused at the start')
  or diag($node->sql('SELECT status, last_error FROM weir.jobs'));
ok($node->wait_until(q{SELECT status = 'failed' AND restarts = 0 FROM weir.jobs}), 'for good: no restart would help');
$node->stop;
done_testing();
