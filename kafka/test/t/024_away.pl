# Brokers that are away: the job waits, and says so; it can be stopped and started meanwhile.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use Test::More;
use Time::HiRes qw(time);
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('kafka');

$kafka->create_topic('t', 2);
$kafka->produce('t', [ 1 .. 10 ]);
$node->sql(qq{
	CREATE EXTENSION weir_kafka;
	CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '@{[ $kafka->brokers ]}');
	CREATE FOREIGN TABLE t (v int) SERVER kafka OPTIONS (topic 't', format 'text');
	CREATE TABLE copied (v int);
	SELECT weir.create_job('copy', 'INSERT INTO copied SELECT v FROM t');
	SELECT weir.enable_checkpointing('copy', every => '20 ms');
	SELECT weir.set_restart_strategy('copy', 'none');
	SELECT weir.start_job('copy')});

sub copied_are
{
	my ($n, $what) = @_;

	$node->wait_until("SELECT count(*) >= $n FROM copied");
	return is($node->sql('SELECT count(*), sum(v) FROM copied'), join('|', $n, $n * ($n + 1) / 2), $what);
}

copied_are(10, 'a topic is read');
$kafka->kill9;
$node->wait_until(q{SELECT status = 'connecting' AND last_error ~ 'Connection refused|Disconnected' FROM weir.sources});
is($node->sql('SELECT status FROM weir.jobs'), 'running', 'a job whose broker is away runs on, and says so');
$kafka->again;
$kafka->produce('t', [ 11 .. 20 ]);
copied_are(20, 'and goes on when it is back');
is($node->sql('SELECT status FROM weir.sources'), 'connected', 'which is shown');

$kafka->kill9;
my $began = time();
$node->sql(q{SELECT weir.stop_job('copy')});
cmp_ok(time() - $began, '<', 10, 'it can be stopped meanwhile');
$node->sql(q{SELECT weir.start_job('copy')});
ok($node->wait_until(q{SELECT status = 'connecting' FROM weir.sources}), 'and started');
$kafka->again;
$kafka->produce('t', [ 21 .. 30 ]);
copied_are(30, 'and goes on where it was');
$began = time();
$node->sql(q{SELECT weir.stop_job('copy')});
cmp_ok(time() - $began, '<', 10, 'it can be stopped when the broker has been away');

# A broker comes back without what it had, and the topic is made anew, and longer, before its reader sees that.
$node->sql(q{SELECT weir.start_job('copy')});
$kafka->produce('t', [ 31 .. 40 ]);
copied_are(40, 'a job goes on');
my @readers = split /\n/, $node->sql(q{SELECT pid FROM weir.tasks WHERE kind = 'source'});
kill('STOP', $_) foreach @readers;
$kafka->kill9;
$kafka->again(empty => 1);
$kafka->create_topic('t', 2);
$kafka->put('t', [ map { [ $_ % 2, 0, undef, 1000 + $_ ] } 1 .. 200 ]);
kill('CONT', $_) foreach @readers;
$node->wait_until(q{SELECT status = 'failed' FROM weir.jobs});
like($node->sql(q{SELECT last_error FROM weir.jobs}), qr/topic "t" is not the one that stream public\.t was read of/,
	'a topic that is made anew while a job runs is another one');
is($node->sql('SELECT count(*) FROM copied WHERE v > 1000'), 0, 'of which nothing is read');

done_testing();
