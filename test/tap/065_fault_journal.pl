# A journal that cannot be written costs restarts, but no byte that was received:
# what was read goes to the next attempt with the connection.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('unwritten', "weir.journal_segment_size = '64kB'");

sub begin
{
	my ($name, $sender) = @_;

	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '${\ $sender->port }');
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (line text);
SELECT weir.create_job('s3', 'INSERT INTO seen SELECT line FROM words');
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

	begin($name, $sender);
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

# The first segment cannot be made: nothing is read yet.
my $sender = Weir::Sender->new(fill(1, 10), once => 1);
my $from = begin('first', $sender);
$node->arm(join(', ', ('before_journal_flush:error:1') x 3));
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(1000);
is_exact('first segment', 10);
is($sender->accepts, 1, 'first segment: by one connection');

# The peer has closed meanwhile: the bytes and the end of the stream go on without it.
$sender = Weir::Sender->new(fill(1, 10), once => 1);
$from = begin('closed', $sender);
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(7)->wait_sent(7);
ok($node->wait_until('SELECT count(*) = 1 FROM seen'), 'closed: it flows');
$node->arm(join(', ', ('before_journal_flush:error:1') x 2));
$sender->finish;
ok($node->wait_status('finished'), 'closed: finished');
is_exact('closed', 10);

# The job gives up: it says what is lost.
$sender = Weir::Sender->new(fill(1, 10), once => 1);
$from = begin('gives_up', $sender);
$node->sql(q{SELECT weir.set_restart_strategy('s3', 'none'); SELECT weir.start_job('s3')});
$sender->send_to(7)->wait_sent(7);
ok($node->wait_until('SELECT count(*) = 1 FROM seen'), 'gives up: it flows');
$node->arm('before_journal_flush:error:1');
$sender->send_to(14)->wait_sent(14);
ok($node->wait_status('failed'), 'gives up: failed');
like(slurp_file($node->logfile, $from), qr/WARNING:  7 bytes that a stream has received are lost/, 'gives up: a warning has their number');

done_testing();
