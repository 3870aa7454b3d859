# What checkpoints write and restores read: at random parallelism the same as plain
# SQL says; a table that does not grow, however many checkpoints come; damaged
# chunks are refused, and never more than that.  WEIR_CHECKPOINTS sets how many.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('snapshots', 'autovacuum_naptime = 1s');

# Three states of different shape, one of them sometimes large, cleared by every
# value that ends in 0.
my $definitions = q{
CREATE SERVER sensors FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port 'PORT', max_retries '-1');
CREATE FOREIGN TABLE readings (f0 bigint, f1 bigint) SERVER sensors OPTIONS (delimiter ' ');
CREATE FUNCTION label(v bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN v % 7 = 0 THEN NULL
                WHEN v % 97 = 1 THEN (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 700) i)
                ELSE repeat('x', (abs(v) % 300)::int) END $$;
CREATE TYPE pair AS (n int, total bigint);
CREATE FUNCTION follow(r readings) RETURNS TABLE (f0 bigint, f1 bigint, n int, total bigint, before text) LANGUAGE plpgsql AS $$
DECLARE
    p pair := weir.state_value('p', NULL::pair);
    last text := weir.state_value('last', NULL::text);
    records bigint := coalesce(weir.state_value('records', NULL::bigint), 0) + 1;
BEGIN
    p.n := p.n + 1;
    p.total := p.total + r.f1;
    RETURN QUERY SELECT r.f0, r.f1, p.n, p.total, records || ' ' || coalesce(last, 'none');
    PERFORM weir.state_update('p', p);
    PERFORM weir.state_update('records', records);
    PERFORM weir.state_update('last', label(r.f1));
    IF r.f1 % 10 = 0 THEN
        PERFORM weir.state_clear('p'), weir.state_clear('last'), weir.state_clear('records');
    END IF;
END $$;
SELECT weir.create_value_state('follow(readings)', 'p', 'pair', default_value => '(0,0)');
SELECT weir.create_value_state('follow(readings)', 'last', 'text');
SELECT weir.create_value_state('follow(readings)', 'records', 'bigint');
CREATE TABLE followed (f0 bigint, f1 bigint, n int, total bigint, before text);
};

my $model = q{
SELECT f0, f1, n::int, total::bigint, n || ' ' || coalesce(lag(last) OVER w, 'none') AS before
FROM (
	SELECT f0, f1, line, life, label(f1) AS last,
		row_number() OVER w AS n, sum(f1) OVER w AS total
	FROM (SELECT f0, f1, line, count(*) FILTER (WHERE f1 % 10 = 0)
			OVER (PARTITION BY f0 ORDER BY line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS life FROM input) i
	WINDOW w AS (PARTITION BY f0, life ORDER BY line)) l
WINDOW w AS (PARTITION BY f0, life ORDER BY line)};

sub define
{
	my ($database, $port, $arguments, $checkpointing) = @_;

	$node->use_database($database);
	$node->sql($definitions =~ s/PORT/$port/r);
	$node->sql("SELECT weir.create_job('follow', 'INSERT INTO followed SELECT a.* FROM readings r
		JOIN LATERAL follow(r) a ON weir.key_by(r.f0)', $arguments);
		SELECT weir.enable_checkpointing('follow', $checkpointing)");
	return;
}

sub seen { my ($n) = @_; return $node->wait_until("SELECT count(*) = $n FROM followed"); }

# Stops and crashes at random, another parallelism after each stop.
my $rounds = 10;
my $lines = 400;
my $data = Weir::Node::random_lines($rounds * $lines, 500, 80);
my @ends;
push @ends, pos $data while $data =~ /\n/g;
my $sender = Weir::Sender->new($data);
define('random', $sender->port, 'parallelism => 2, max_parallelism => 13', "every => '20 ms'");
$node->load_input($data);
$node->sql(q{SELECT weir.start_job('follow')});
$sender->rate(20_000);
srand(80);
my $savepoints = 0;
my $changes = 0;
foreach my $round (1 .. $rounds)
{
	my $dice = int(rand(4));
	$sender->send_to($ends[ $round * $lines - 1 ]);
	ok(seen($round * $lines), "round $round: all is visible");
	$changes += $node->sql('SELECT count(*) FROM weir_internal.snapshot WHERE NOT is_full');
	if ($dice == 0)
	{
		$node->kill9;
		$node->start;
		$node->wait_status('running', 'follow');
		next;
	}
	my $name = 's' . ++$savepoints;
	my $parallelism = 1 + int(rand(5));
	$node->sql("SELECT weir.stop_job('follow'" . ($dice == 1 ? ", savepoint => '$name'" : '') . ')');
	$node->sql("SELECT weir.alter_job('follow', parallelism => $parallelism)");
	$node->sql("SELECT weir.start_job('follow'" . ($dice == 1 ? ", from_savepoint => '$name'" : '') . ')');
	ok($node->wait_status('running', 'follow'), "round $round: on at parallelism $parallelism");
}
is($node->sql("SELECT count(*) FROM (($model) EXCEPT ALL TABLE followed) x"), '0', 'every row of the model is there');
is($node->sql('SELECT count(*) FROM followed'), $rounds * $lines, 'and nothing else');
cmp_ok($changes, '>', 0, 'changes were written');

# Damage: one start for each kind of it.
$node->sql(q{SELECT weir.stop_job('follow', savepoint => 'whole'); SELECT weir.set_restart_strategy('follow', 'none')});
my @chunks = map { [ split /\|/ ] } split /\n/, $node->sql(q{
	SELECT key_group, seq, encode(payload, 'hex') FROM weir_internal.snapshot
	WHERE checkpoint = (SELECT checkpoint FROM weir_internal.completed WHERE savepoint = 'whole')});

sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xffffffff;
	foreach my $byte (unpack 'C*', $bytes)
	{
		$crc ^= $byte;
		$crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 foreach 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

# A chunk is magic, checksum, length, ...; fixed: so that it passes the checksum.
sub damage
{
	my ($chunk, $fixed) = @_;
	my $kind = int(rand(5));
	my $at = 8 + int(rand(length($chunk) - 8));

	if ($kind == 0) { substr($chunk, $at, 1) = chr(int(rand(256))); }
	elsif ($kind == 1) { substr($chunk, $at) = ''; }
	elsif ($kind == 2) { substr($chunk, $at, 4) = pack('L', int(rand(2)) ? 0xffffffff : int(rand(65536))); }
	elsif ($kind == 3) { $chunk .= join '', map { chr(int(rand(256))) } 1 .. 1 + int(rand(20)); }
	else { substr($chunk, $at, 1) = chr(ord(substr($chunk, $at, 1)) ^ 1 << int(rand(8))); }
	return $chunk if !$fixed || length($chunk) < 12;
	substr($chunk, 8, 4) = pack('L', length $chunk);
	substr($chunk, 4, 4) = pack('L', crc32c(substr($chunk, 8)));
	return $chunk;
}

sub store
{
	my ($group, $seq, $hex) = @_;
	$node->sql("UPDATE weir_internal.snapshot SET payload = '\\x$hex' WHERE key_group = $group AND seq = $seq
		AND checkpoint = (SELECT checkpoint FROM weir_internal.completed WHERE savepoint = 'whole')");
	return;
}

my $refusal = qr/is damaged|has format version|does not declare|not of the type its snapshot|not the one its snapshot/;
my %outcome;
foreach my $i (1 .. 60)
{
	my ($group, $seq, $hex) = @{ $chunks[ rand @chunks ] };
	my $fixed = $i % 3;
	my $damaged = unpack 'H*', damage(pack('H*', $hex), $fixed);

	next if $damaged eq $hex;
	store($group, $seq, $damaged);
	$node->sql(q{SELECT weir.start_job('follow', from_savepoint => 'whole')});
	$node->wait_until(q{SELECT status IN ('running', 'failed') FROM weir.jobs});
	my ($status, $error) = split /\|/, $node->sql(q{SELECT status, last_error FROM weir.jobs}), 2;
	$outcome{$fixed ? 'fixed' : 'plain'}{ $status eq 'running' ? 'ran' : $error =~ $refusal ? 'refused' : "other: $error" }++;
	$node->sql(q{SELECT weir.stop_job('follow', cancel => true)}) if $status eq 'running';
	store($group, $seq, $hex);
}
is(join(',', sort keys %{ $outcome{plain} }), 'refused', 'a damaged chunk is refused');
is(join(',', grep { !/^(?:ran|refused)$/ } keys %{ $outcome{fixed} }), '', 'also where its checksum fits: it is refused, or makes sense');
cmp_ok($outcome{fixed}{refused}, '>', 10, 'most are refused');
unlike(slurp_file($node->logfile), qr/terminated by signal [^9]|PANIC|TRAP/, 'nothing ever crashed of it');
$node->sql(q{SELECT weir.start_job('follow', from_savepoint => 'whole')});
ok($node->wait_status('running', 'follow'), 'the whole one starts');
$node->sql(q{SELECT weir.stop_job('follow', cancel => true)});

# The table of chunks stays as large as it is.
my $checkpoints = $ENV{WEIR_CHECKPOINTS} || 800;
$data = Weir::Node::random_lines(400_000 + 150 * $checkpoints, 3000, 81);
$sender = Weir::Sender->new($data);
define('bounded', $sender->port, 'parallelism => 1, max_parallelism => 16', "every => '10 ms', history => 10");
$node->sql(q{SELECT weir.start_job('follow')});
$sender->rate(20_000);
$sender->send_to(length $data);
my @sizes;
foreach my $quarter (1 .. 4)
{
	ok($node->wait_until(qq{SELECT last_checkpoint >= $checkpoints * $quarter / 4 FROM weir.jobs}, 't', 600), "$quarter quarters of the checkpoints");
	push @sizes, $node->sql(q{SELECT pg_total_relation_size('weir_internal.snapshot') / 1024});
}
diag("kB of chunks: @sizes");
cmp_ok($sizes[3], '<', 4 * $sizes[0] + 4096, 'the table of chunks does not grow with the checkpoints');
cmp_ok($node->sql(q{SELECT count(*) FROM weir_internal.snapshot}), '<', 3000, 'nor do its rows');

done_testing();
