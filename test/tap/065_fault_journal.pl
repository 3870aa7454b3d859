# A journal that cannot be written costs restarts, but no byte that was received:
# what was read goes to the next attempt with the connection.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('unwritten', "weir.journal_segment_size = '64kB'");

sub begin
{
	my ($name, $port, $options) = @_;

	$options //= "host '127.0.0.1'";

	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket OPTIONS ($options, port '$port');
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (id bigserial, line text);
SELECT weir.create_job('s3', 'INSERT INTO seen (line) SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 1000, delay => '10 ms');
SQL
	return -s $node->logfile;
}

sub fill
{
	my ($from, $to) = @_;
	return join('', map { "line $_\n" } $from .. $to);
}

sub is_exact
{
	my ($name, $n) = @_;

	ok($node->wait_until("SELECT count(*) >= $n FROM seen"), "$name: all records");
	is($node->sql('SELECT count(*), count(DISTINCT line) FROM seen'), "$n|$n", "$name: each once");
	return;
}

# Faults while the stream flows; the peer accepts but one connection.
foreach my $case (
	[ 'flush', 'before_journal_flush:error:1' ],
	[ 'commit', 'before_journal_commit:error:1' ],
	[ 'committed', 'after_journal_flush:error:1' ],
	[ 'again', join(', ', ('before_journal_flush:error:1') x 5) ],
	[ 'at_exit', 'before_barrier:error:1, before_journal_flush:error:1' ],
	[ 'trim', 'before_journal_trim:error:1' ])
{
	my ($name, $faults) = @$case;
	my $data = fill(1, 20_000);
	my $sender = Weir::Sender->new($data, once => 1);
	my ($last) = $faults =~ /(\w+):error:1$/;

	begin($name, $sender->port);
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(100)->wait_sent(100);
	ok($node->wait_until('SELECT count(*) > 0 FROM seen'), "$name: it flows");
	my $from = -s $node->logfile;
	$node->arm($faults);
	$sender->rate(400_000)->send_to(length $data);
	ok($node->wait_fired($last, $from), "$name: the fault");
	ok($node->wait_until(q{SELECT restarts > 0 FROM weir.jobs}), "$name: a restart");
	is_exact($name, 20_000);
	is($sender->accepts, 1, "$name: by one connection");
	$sender->finish;
	ok($node->wait_status('finished'), "$name: finished");
	unlike(slurp_file($node->logfile, $from), qr/WARNING.*lost/, "$name: nothing is said to be lost");
}

# Senders that connect: port, connections and what they have begun go on, too.
foreach my $case (
	[ 'senders_again', join(', ', ('before_journal_flush:error:1') x 3) ],
	[ 'senders_at_exit', 'before_barrier:error:1, before_journal_commit:error:1' ])
{
	my ($name, $faults) = @$case;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $from = begin($name, $port, "listen 'on'");

	$node->sql(q{SELECT weir.start_job('s3')});
	$node->wait_until(q{SELECT status FROM weir.sources}, 'listening');
	my @senders = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) } 0 .. 2;
	my @rest = map { my $k = $_; join('', map { "$k:$_\n" } 1 .. 2000) } 0 .. 2;
	srand(20261127);
	for (my $i = 0; grep { $_ ne '' } @rest; $i++)
	{
		my $k = int(rand(3));
		syswrite($senders[$k], substr($rest[$k], 0, 1 + int(rand(99)), '')) if $rest[$k] ne '';
		$node->arm($faults) if $i == 100;
	}
	ok($node->wait_until(q{SELECT restarts > 0 FROM weir.jobs}), "$name: a restart");
	is_exact($name, 6000);
	is($node->sql(q{SELECT bool_and(n = k) FROM (SELECT split_part(line, ':', 2)::int AS n,
		row_number() OVER (PARTITION BY split_part(line, ':', 1) ORDER BY id) AS k FROM seen) s}), 't', "$name: in order");
	is($node->sql('SELECT peer FROM weir.sources'), '3 senders', "$name: by their connections");
	unlike(slurp_file($node->logfile, $from), qr/WARNING/, "$name: nothing is lost");
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
}

# The first segment cannot be made: nothing is read yet.
my $sender = Weir::Sender->new(fill(1, 10), once => 1);
my $from = begin('first', $sender->port);
$node->arm(join(', ', ('before_journal_flush:error:1') x 3));
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(1000);
is_exact('first segment', 10);
is($sender->accepts, 1, 'first segment: by one connection');

# The peer has closed meanwhile: the bytes and the end of the stream go on without it.
$sender = Weir::Sender->new(fill(1, 10), once => 1);
$from = begin('closed', $sender->port);
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(7)->wait_sent(7);
ok($node->wait_until('SELECT count(*) = 1 FROM seen'), 'closed: it flows');
$node->arm(join(', ', ('before_journal_flush:error:1') x 2));
$sender->finish;
ok($node->wait_status('finished'), 'closed: finished');
is_exact('closed', 10);

# The job gives up: it says what is lost.
$sender = Weir::Sender->new(fill(1, 10), once => 1);
$from = begin('gives_up', $sender->port);
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'none'); SELECT weir.start_job('s3')});
$sender->send_to(7)->wait_sent(7);
ok($node->wait_until('SELECT count(*) = 1 FROM seen'), 'gives up: it flows');
$node->arm('before_journal_flush:error:1');
$sender->send_to(14)->wait_sent(14);
ok($node->wait_status('failed'), 'gives up: failed');
like(slurp_file($node->logfile, $from), qr/WARNING:  7 bytes that a stream has received are lost/, 'gives up: a warning has their number');

done_testing();
