# Three servers share a topic of 12 partitions: one is added, one is killed and comes back,
# one is replaced by its standby.  All records are counted once, and no partition
# begins anew.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Weir::Node;

my $partitions = 12;
my $keys = 240;
my $kafka = KafkaBroker->start(extra => "group.min.session.timeout.ms=1000\ngroup.initial.rebalance.delay.ms=0\n");
my %server;
my $sent = 0;
my @value;

$kafka->create_topic('clicks', $partitions);

# How the other servers connect to it, and to its standby.
sub conninfo
{
	my (@nodes) = @_;
	return sprintf("host=%s port=%s dbname=postgres user=%s target_session_attrs=read-write connect_timeout=2",
		join(',', map { $_->host } @nodes), join(',', map { $_->port } @nodes), scalar getpwuid($<));
}

my %reach;

sub peers_of
{
	my ($name) = @_;
	return join('; ', map { $reach{$_} } grep { $_ ne $name } sort keys %reach);
}

sub define
{
	my ($name) = @_;

	$server{$name}->sql(qq{
		CREATE EXTENSION weir_kafka;
		CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}',
			"group" 'shop', member '$name', peers '@{[ peers_of($name) ]}', "session.timeout.ms" '3000',
			"heartbeat.interval.ms" '500');
		CREATE FOREIGN TABLE clicks (k int, v int, partition int OPTIONS (metadata 'partition'),
			"offset" bigint OPTIONS (metadata 'offset')) SERVER kafka OPTIONS (topic 'clicks', format 'csv');
		CREATE TABLE totals (k int PRIMARY KEY, n bigint, total bigint);
		CREATE TABLE seen (partition int, "offset" bigint, k int, v int);
		SELECT weir.create_job('clicks', 'INSERT INTO totals SELECT k, count(*), sum(v) FROM clicks WHERE v % 7 <> 0 GROUP BY k
				ON CONFLICT (k) DO UPDATE SET n = excluded.n, total = excluded.total;
			INSERT INTO seen SELECT partition, "offset", k, v FROM clicks', parallelism => 2, max_parallelism => $partitions);
		SELECT weir.enable_checkpointing('clicks', every => '200 ms');
		SELECT weir.set_restart_strategy('clicks', 'fixed_delay', attempts => -1, delay => '100 ms')});
	return;
}

sub start_job { $server{ $_[0] }->sql(q{SELECT weir.start_job('clicks')}); return; }

# Partitions that some server reads: partition => server.
sub owners
{
	my (@names) = @_;
	my %owner;

	foreach my $name (@names)
	{
		$owner{$_} .= $name foreach split /\n/,
		  $server{$name}->sql(q{SELECT partition FROM weir."group" WHERE state = 'owned'});
	}
	return %owner;
}

# Waits until each partition has one owner among these servers, and each of these some, and runs.
sub wait_shared
{
	my ($what, $begun, @names) = @_;
	my $deadline = time() + $Weir::Node::patience;
	my %owner;
	my %of;

	while (time() < $deadline)
	{
		%owner = owners(@names);
		%of = ();
		$of{$_}++ foreach values %owner;
		last if keys %owner == $partitions && keys %of == @names
		  && !grep { $server{$_}->sql(q{SELECT status FROM weir.jobs}) ne 'running' } @names;
		usleep(50_000);
	}
	diag(sprintf("%s: each partition has its owner after %.1f s: %s", $what, time() - $begun, join(' ', map { "$_ $of{$_}" } sort keys %of)));
	is_deeply([ sort { $a <=> $b } keys %owner ], [ 0 .. $partitions - 1 ], "$what: every partition is read")
	  or diag(map { "$_: " . $server{$_}->sql('SELECT * FROM weir."group" ORDER BY partition') . "\n" } @names);
	is_deeply([ sort keys %of ], [ sort @names ], "$what: by one server each, and every server reads some");
	return;
}

sub send_more
{
	my ($n) = @_;
	my @lines;

	foreach ($sent + 1 .. $sent + $n)
	{
		my $k = ($_ * 7919) % $keys;
		push @lines, "k$k:$k,$_";
		next if $_ % 7 == 0;
		$value[$k][0]++;
		$value[$k][1] += $_;
	}
	$kafka->produce('clicks', \@lines, key => ':');
	$sent += $n;
	return;
}

sub all_seen
{
	my (@names) = @_;
	return map { split /\n/, $server{$_}->sql('SELECT partition || \':\' || "offset" || \' \' || v FROM seen') } @names;
}

sub is_exact
{
	my ($what, @names) = @_;
	my $deadline = time() + $Weir::Node::patience;
	my (%record, %total);
	my $n = 0;

	while (time() < $deadline && $n < $sent)
	{
		$n = 0;
		$n += $server{$_}->sql('SELECT count(*) FROM seen') foreach @names;
		usleep(50_000) if $n < $sent;
	}
	is($n, $sent, "$what: as many records as were sent");
	$record{$_}++ foreach all_seen(@names);
	is(scalar(keys %record), $sent, "$what: each once");

	# of a key's rows the one that counts most is its present owner's
	foreach my $name (@names)
	{
		foreach (split /\n/, $server{$name}->sql('SELECT k, n, total FROM totals'))
		{
			my ($k, $count, $total) = split /\|/;
			$total{$k} = [ $count, $total ] if !$total{$k} || $total{$k}[0] < $count;
		}
	}
	my @wrong = grep { !$total{$_} || "@{ $total{$_} }" ne "@{ $value[$_] }" } 0 .. $keys - 1;
	is(scalar(@wrong), 0, "$what: the totals of all keys are exact")
	  or diag("key $wrong[0]: @{ $total{$wrong[0]} // ['none'] }, not @{ $value[$wrong[0]] }");
	return;
}

# ---- two servers, one of them with a standby ----

$server{a} = Weir::Node->create('a');
$server{b} = Weir::Node->create('b', 'max_wal_senders = 5', 'hot_standby = on');
my $standby = Weir::Node->new('standby');
$reach{a} = conninfo($server{a});
$reach{b} = conninfo($server{b}, $standby);
define($_) foreach qw(a b);
$server{b}->backup('base');
$standby->init_from_backup($server{b}, 'base', has_streaming => 1);
$standby->start;
$standby->{database} = 'postgres';
$server{b}->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'");
$server{b}->reload;
ok($server{b}->wait_until(q{SELECT sync_state = 'sync' FROM pg_stat_replication}), 'the standby is synchronous');
send_more(3000);
my $begun = time();
start_job('a');
ok($server{a}->wait_until(qq{SELECT count(*) = $partitions FROM weir."group" WHERE state = 'owned'}), 'one server reads all');
start_job('b');
wait_shared('two servers', $begun, qw(a b));
send_more(3000);
is_exact('two servers', qw(a b));

# ---- one is added ----

$server{c} = Weir::Node->create('c');
$reach{c} = conninfo($server{c});
define('c');
$server{$_}->sql("ALTER SERVER kafka OPTIONS (SET peers '" . peers_of($_) . "')") foreach qw(a b);
$begun = time();
start_job('c');
send_more(2000);
wait_shared('one is added', $begun, qw(a b c));
send_more(2000);
is_exact('one is added', qw(a b c));

# ---- one is killed ----

my @had = split /\n/, $server{a}->sql(q{SELECT partition FROM weir."group" WHERE state = 'owned' ORDER BY 1});
$server{a}->kill9;
$begun = time();
send_more(3000);
ok($server{c}->wait_until(q{SELECT count(*) > 0 FROM weir."group" WHERE waits_for LIKE 'a (%, which cannot be asked: %'}),
	'what the dead server has is waited for, and does not begin anew');
$server{a}->start;
wait_shared('one was killed', $begun, qw(a b c));
send_more(2000);
is_exact('one was killed', qw(a b c));

# ---- one is replaced by its standby ----

send_more(1000);
$server{b}->kill9;
$begun = time();
send_more(1000);
$standby->promote;
$server{b} = $standby;
wait_shared('a standby was promoted', $begun, qw(a b c));
send_more(2000);
is_exact('a standby was promoted', qw(a b c));

# ---- one is stopped: its database is up ----

$begun = time();
$server{c}->sql(q{SELECT weir.stop_job('clicks')});
send_more(1000);
wait_shared('one is stopped', $begun, qw(a b));
send_more(1000);
is_exact('one is stopped', qw(a b c));
is($server{c}->sql(q{SELECT count(*) FROM weir."group" WHERE state = 'released'}), 0, 'and its partitions were taken');

done_testing();
