# The broker that the other tests use: a real one, on ports of its own, which
# keeps what it was given when it is killed.
use strict;
use warnings;

use File::Path qw(remove_tree);
use KafkaBroker;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $kafka = KafkaBroker->start;

$kafka->create_topic('t', 2);
$kafka->produce('t', [ map { "k$_ $_" } 1 .. 20 ], key => ' ');
is_deeply([ sort { $a <=> $b } $kafka->consume('t') ], [ 1 .. 20 ], 'what was produced can be consumed');
is(eval { $kafka->create_topic('t', 2); 1 }, undef, 'a topic cannot be created twice');
like($@, qr/already exists/, 'which is said');

$kafka->set_partitions('t', 3);
$kafka->put('t', [ [ 2, 1000, undef, undef ], [ 2, 2000, 'k', '', 'h=1', 'h=\N' ] ]);
is_deeply([ $kafka->consume('t', partition => 2, format => '%o %T %K %S %h;\n') ],
	[ '0 1000 -1 -1 ;', '1 2000 1 0 h=1,h=NULL;' ], 'offset, timestamp, key, value, headers');
$kafka->forget('t', 2, 1);
is_deeply(($kafka->ends('t'))[2], [ 1, 2 ], 'records can be deleted');

$kafka->create_topic('u');
$kafka->put('u', [ [ 0, 0, undef, 'gone' ] ], transaction => 'a', end => 'abort');
$kafka->put('u', [ [ 0, 0, undef, 'here' ] ], transaction => 'a');
is_deeply([ $kafka->consume('u', format => '%o %s\n') ], ['2 here'], 'transactions are aborted and committed');

my $pid = $kafka->{pids}[0];
$kafka->kill9;
ok(!kill(0, $pid), 'it is killed');
$kafka->again;
is_deeply([ $kafka->consume('u') ], ['here'], 'and comes back with what it had');
$kafka->drop_topic('u');
$kafka->term;
$kafka->again;
is(eval { $kafka->topic('', 'ends', 'u') }, '', 'after it was stopped in order, too');

# A test that is killed has no time to stop its broker.
my $file = PostgreSQL::Test::Utils::tempdir_short() . '/pid';
my $test = fork() // die "could not fork: $!";
if ($test == 0)
{
	my $other = KafkaBroker->start;
	append_to_file("$file.new", "$other->{pids}[0] $other->{dir}");
	rename("$file.new", $file);
	sleep(60);
	POSIX::_exit(0);
}
my $deadline = time() + 60;
usleep(20_000) until -s $file || time() > $deadline;
my ($orphan, $dir) = split ' ', slurp_file($file);
ok(kill(0, $orphan), 'another broker is there');
kill('KILL', $test);
waitpid($test, 0);
usleep(20_000) while kill(0, $orphan) && time() < $deadline;
ok(!kill(0, $orphan), 'it has ended with the test that was killed');
remove_tree($dir);

done_testing();
