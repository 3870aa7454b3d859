# header 'on': the first record of each connection is passed over, and just that
# one, whatever happens between its bytes: attempts that end, connections that are
# handed over, crashes, checkpoints before it, within it and behind it.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $mark = "\xef\xbb\xbf";
my $node = Weir::Node->create('headers');
my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', ReuseAddr => 1,
	Timeout => 60) or die "could not listen: $!";
my $peer;

sub begin
{
	my ($name, $port, $server, $mode) = @_;

	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '$port', max_retries '-1', retry_delay '20 ms' $server);
CREATE FOREIGN TABLE pairs (id int, val int) SERVER lines OPTIONS (format 'csv', header 'on');
CREATE TABLE seen (id int, val int);
SELECT weir.create_job('s3', 'INSERT INTO seen SELECT * FROM pairs');
SELECT weir.enable_checkpointing('s3', every => '1 hour', mode => '$mode');
SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 100, delay => '10 ms');
SELECT weir.start_job('s3');
SQL
	return;
}

# The bytes are in the journal when this returns.
sub say_bytes
{
	my ($bytes) = @_;
	my $end = $node->sql('SELECT journal_end()') + length $bytes;

	print $peer $bytes;
	$peer->flush;
	ok($node->wait_until('SELECT journal_end()', $end), "journaled up to byte $end");
	return;
}

# An attempt ends; the next has the connection, and replays the journal.
sub restart_source
{
	my $restarts = $node->sql(q{SELECT restarts FROM weir.jobs});

	$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
	ok($node->wait_until(qq{SELECT restarts > $restarts AND status = 'running' FROM weir.jobs}, 't'), 'another attempt');
	return;
}

sub seen
{
	my ($expected, $name) = @_;

	$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
	is($node->sql(q{SELECT coalesce(string_agg(id || '-' || val, ' ' ORDER BY id), '') FROM seen}), $expected, $name);
	return;
}

sub accept_peer
{
	close $peer if $peer;
	$peer = $listener->accept or die "nobody connected: $!";
	return;
}

begin('plain', $listener->sockport, '', 'exactly_once');
accept_peer();
say_bytes("${mark}id,v");
restart_source();
say_bytes("al\n1,10\n");
restart_source();
seen('1-10', 'a header in two attempts');
restart_source();
say_bytes("2,20\n");
seen('1-10 2-20', 'a checkpoint behind it: the next record is data');

accept_peer();
say_bytes("id,v");
seen('1-10 2-20', 'a checkpoint within the next header');
restart_source();
say_bytes("al\n");
restart_source();
seen('1-10 2-20', 'a checkpoint right behind it');
restart_source();
say_bytes("3,3");
restart_source();
say_bytes("0\n");
seen('1-10 2-20 3-30', 'the record behind it in two attempts');

# Closed by a crash, behind a header and a record that no checkpoint covers.
accept_peer();
say_bytes("id,val\n4,40\n");
$node->kill9;
$node->start;
accept_peer();
say_bytes("id,val\n5,50\n");
seen('1-10 2-20 3-30 4-40 5-50', 'a crash: both headers are passed over, each once');

# A connection that brings nothing, and stop_job.
accept_peer();
accept_peer();
say_bytes("id,val\n6,60\n");
$node->sql(q{SELECT weir.stop_job('s3')});
$node->sql(q{SELECT weir.start_job('s3')});
accept_peer();
say_bytes("id,val\n7,70\n");
seen('1-10 2-20 3-30 4-40 5-50 6-60 7-70', 'stopped and started: another connection, another header');
$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
close $peer;

# Without a journal every attempt has a connection of its own.
begin('unkept', $listener->sockport, q{, journal 'off'}, 'at_most_once');
undef $peer;
accept_peer();
print $peer "${mark}id,val\n1,10\n";
$peer->flush;
ok($node->wait_until('SELECT records FROM weir.sources', 2), 'no journal: a header and a record');
seen('1-10', 'no journal: the header is passed over');
$node->kill9;
$node->start;
accept_peer();
print $peer "id,val\n2,20\n";
$peer->flush;
ok($node->wait_until('SELECT records FROM weir.sources', 4), 'no journal: again');
seen('1-10 2-20', 'no journal: so is that of the connection of the next attempt');
$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});

# In the protocol "resume" a connection goes on with the stream: its begin has the header.
my $sender = Weir::Sender->new("id,val\n1,10\n2,20\n", resume => 1);
begin('resume', $sender->port, q{, protocol 'resume'}, 'exactly_once');
$sender->send_to(3);
$sender->wait_acked(3);
$sender->disconnect;
$sender->send_to(12);
ok($node->wait_until('SELECT records FROM weir.sources', 2), 'resume: a header over two connections');
$sender->disconnect;
restart_source();
$sender->send_to(17);
ok($node->wait_until('SELECT records FROM weir.sources', 3), 'resume: what follows');
seen('1-10 2-20', 'resume: the header of the stream is passed over, and nothing else');

done_testing();
