# A server that was promoted lacks that it gave its partitions to another, which has begun
# to take them: it learns of that, and the other takes them with their state.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;

my $partitions = 4;
my $kafka = KafkaBroker->start(extra => "group.min.session.timeout.ms=1000\ngroup.initial.rebalance.delay.ms=0\n");
my %server = map { $_ => Weir::Node->create($_) } qw(a b);
my ($sent, $sum) = (0, 0);

$kafka->create_topic('clicks', $partitions);
foreach my $name (qw(a b))
{
	my $other = $server{ $name eq 'a' ? 'b' : 'a' };
	my $peer = sprintf('host=%s port=%s dbname=postgres user=%s', $other->host, $other->port, scalar getpwuid($<));

	$server{$name}->sql(qq{
		CREATE EXTENSION weir_kafka;
		CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}',
			"group" 'shop', member '$name', peers '$peer', "session.timeout.ms" '1000', "heartbeat.interval.ms" '200');
		CREATE FOREIGN TABLE clicks (k int, v int, partition int OPTIONS (metadata 'partition'),
			"offset" bigint OPTIONS (metadata 'offset')) SERVER kafka OPTIONS (topic 'clicks', format 'csv');
		CREATE TABLE counted (k int, n bigint, total bigint);
		CREATE TABLE seen (partition int, "offset" bigint);
		SELECT weir.create_job('clicks', 'INSERT INTO counted SELECT k, count(*), sum(v) FROM clicks GROUP BY k, weir.count_window(5);
			INSERT INTO seen SELECT partition, "offset" FROM clicks', max_parallelism => $partitions);
		SELECT weir.enable_checkpointing('clicks', every => '100 ms');
		SELECT weir.set_restart_strategy('clicks', 'fixed_delay', attempts => -1, delay => '20 ms')});
}

# Of 20 keys a number each that no window divides.
sub send_more
{
	my @lines = map { my $k = $_ % 20; "k$k:$k,$_" } $sent + 1 .. $sent + 60;

	$kafka->produce('clicks', \@lines, key => ':');
	$sent += @lines;
	return;
}

sub total
{
	my ($query) = @_;
	my $n = 0;

	$n += $server{$_}->sql($query) foreach qw(a b);
	return $n;
}

# Windows of 5 over all servers: none would be whole if a partition had begun anew.
sub is_exact
{
	my ($what) = @_;
	my $deadline = time() + $Weir::Node::patience;
	my $windows = 20 * int($sent / 20 / 5);

	usleep(20_000) until (eval { total("SELECT count(*) FROM seen") } // 0) >= $sent || time() > $deadline;
	is(total('SELECT count(*) FROM seen'), $sent, "$what: each record once");
	is(total('SELECT count(*) FROM counted'), $windows, "$what: as many windows as were filled");
	is(total('SELECT coalesce(sum(n), 0) FROM counted'), 5 * $windows, "$what: each whole");
	return;
}

sub reads_all
{
	my ($name) = @_;
	return $server{$name}->wait_until(qq{SELECT count(*) = $partitions FROM weir."group" WHERE state = 'owned'});
}

$server{a}->sql(q{SELECT weir.start_job('clicks')});
ok(reads_all('a'), 'one reads all');
send_more();
is_exact('at first');

# What a had written of it is lost, and b has not come to the end of it.
$server{a}->sql(q{SELECT weir.stop_job('clicks')});
$server{b}->sql(q{SELECT weir.start_job('clicks')});
ok(reads_all('b'), 'the other takes all');
$server{b}->sql(q{SELECT weir.stop_job('clicks')});
$server{a}->sql(q{UPDATE weir_internal.group_partition SET state = 'owned', given_to = NULL, wal_timeline = 0,
	checkpoint = NULL, timeline = NULL, positions = NULL});
$server{b}->sql(q{UPDATE weir_internal.group_partition SET state = 'none', epoch = 0, taking = true, taking_from = 'a'});

$server{a}->sql(q{SELECT weir.start_job('clicks')});
ok($server{a}->wait_until(qq{SELECT count(*) = $partitions FROM weir_internal.group_partition
	WHERE state = 'given' AND given_to = 'b' AND checkpoint IS NOT NULL AND positions IS NOT NULL}),
	'it has lost all, and keeps what the other begins with');
$server{a}->sql(q{SELECT weir.stop_job('clicks')});
$server{b}->sql(q{SELECT weir.start_job('clicks')});
ok(reads_all('b'), 'the other takes all again');
is($server{b}->sql(q{SELECT count(*) FROM weir_internal.group_partition
	WHERE num_nonnulls(checkpoint, timeline, positions) > 0}), 0, 'nothing is kept of what is owned');
send_more();
is_exact('then');

done_testing();
