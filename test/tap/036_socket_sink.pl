# Rows as lines to a socket: when their checkpoint has completed, in every format, over
# connections that are lost and peers that are away; in the protocol "epoch" once each
# for a receiver that honours it, whatever dies.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('socket_sink');
my $receiver;					# listens
my $peer;						# the connection
my $received;					# bytes of it

sub receive_at
{
	my ($port) = @_;

	undef $peer;
	$receiver = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $port // 0, ReuseAddr => 1)
	  or die "could not listen: $!";
	$received = '';
	return $receiver->sockport;
}

# Takes what comes until the pattern matches; what came.
sub receive
{
	my ($pattern) = @_;
	my $deadline = time() + $Weir::Node::patience;

	while ($received !~ $pattern && time() < $deadline)
	{
		eval { $node->tend($node->{sender}) };
		foreach my $socket (IO::Select->new(grep { defined } $receiver, $peer)->can_read(0.1))
		{
			if ($socket == $receiver) { $peer = $receiver->accept; next; }
			undef $peer unless sysread($peer, $received, 65536, length $received);
		}
	}
	return $received;
}

# Until the condition holds, or it has taken too long.
sub await
{
	my ($condition) = @_;
	my $deadline = time() + $Weir::Node::patience;

	until ($condition->() || time() > $deadline)
	{
		eval { $node->tend($node->{sender}) };
		usleep(50_000);
	}
	return;
}

# A job from a sender's records to the receiver.
sub begin
{
	my ($name, $sender, %o) = @_;
	my $columns = $o{columns} // 'id bigint, t text';

	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER there FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '@{[$sender->port]}');
CREATE FOREIGN TABLE records ($columns) SERVER there OPTIONS (format 'csv' @{[$o{stream} // '']});
CREATE SERVER away FOREIGN DATA WRAPPER weir_socket OPTIONS (host '127.0.0.1', port '$o{port}', retry_delay '20 ms' @{[$o{server} // '']});
CREATE FOREIGN TABLE lines ($columns) SERVER away OPTIONS (@{[$o{table} // "format 'csv'"]});
SELECT weir.create_job('out', 'INSERT INTO lines SELECT * FROM records');
SQL
	$node->sql("SELECT weir.enable_checkpointing('out', $o{checkpointing})") if $o{checkpointing};
	$node->sql(q{SELECT weir.start_job('out')});
	return;
}

# ---- exactly once: after the checkpoint ----

my $sender = Weir::Sender->new("1,a\n2,b\n3,c\n4,d\n");	# before: it would hold the listener open
my $port = receive_at();
begin('held', $sender, port => $port, checkpointing => q{every => '1 h'});
$sender->send_to(12);
ok($node->wait_until(q{SELECT max(records_out) = 3 FROM weir.tasks WHERE kind = 'sink'}), 'rows are with the sink');
ok(!IO::Select->new($receiver)->can_read(0), 'nothing is sent before the checkpoint');
$node->sql(q{SELECT weir.trigger_checkpoint('out')});
is(receive(qr/3,c\n/), "1,a\n2,b\n3,c\n", 'then their lines are');
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.outbox'), 'and deleted');
like($node->sql(q{SELECT string_agg(e, ' ') FROM weir.explain_job('out') e}), qr/in one sink task:.*as lines to a socket/, 'explained');

# The connection is lost, the peer away, the input ended: the job ends when the lines are sent.
close $receiver;
close $peer;
$sender->finish;
ok($node->wait_until(q{SELECT bool_or(in_sink > 0.5) FROM weir.tasks WHERE kind = 'sink'}), 'the sink waits for its peer');
like($node->sql(q{SELECT last_error FROM weir.tasks WHERE kind = 'sink'}), qr/refused/, 'and says why');
is($node->sql(q{SELECT status IN ('running', 'stopping') FROM weir.jobs}), 't', 'and the job for the sink');
is($node->sql(q{SELECT string_agg(status, ' ' ORDER BY checkpoint_id DESC) FILTER (WHERE kind = 'final') FROM weir.checkpoints}), 'completed', 'no checkpoint fails for that');
receive_at($port);
is(receive(qr/4,d\n/), "4,d\n", 'the lines come when it is back');
ok($node->wait_status('finished', 'out'), 'and the job has finished');

# ---- at least once, in every format, and back ----

my $values = qq{1,"a\tb"\n2,"back\\slash\nand newline"\n3,\n4,""\n5,"c,""d"""\n6,\\N\n7,"\303\251;"\n};
my %formats = (
	"format 'csv'" => qq{1,a\tb\n2,"back\\slash\nand newline"\n3,\n4,""\n5,"c,""d"""\n6,\\N\n7,\303\251;\n},
	"format 'text'" => "1\ta\\tb\n2\tback\\\\slash\\nand newline\n3\t\\N\n4\t\n5\tc,\"d\"\n6\t\\\\N\n7\t\303\251;\n",
	"format 'text', delimiter ';', null '-', encoding 'LATIN1'" => "1;a\\tb\n2;back\\\\slash\\nand newline\n3;-\n4;\n5;c,\"d\"\n6;\\\\N\n7;\351\\;\n",
	"format 'jsonl'" => qq({"id":1,"t":"a\\tb"}\n{"id":2,"t":"back\\\\slash\\nand newline"}\n{"id":3,"t":null}\n)
	  . qq({"id":4,"t":""}\n{"id":5,"t":"c,\\"d\\""}\n{"id":6,"t":"\\\\N"}\n{"id":7,"t":"\303\251;"}\n));
my $n = 0;
foreach my $format (sort keys %formats)
{
	$sender = Weir::Sender->new($values);
	$port = receive_at();
	begin('format_' . ++$n, $sender, port => $port, table => $format, checkpointing => q{every => '1 h', mode => 'at_least_once', sink_flush => '10 ms'});
	$sender->finish;
	is(receive(qr/7.*\n/), $formats{$format}, "$format");
	ok($node->wait_status('finished', 'out'), "$format: finished");
	$sender = Weir::Sender->new($received);
	$node->sql("ALTER SERVER away OPTIONS (SET port '@{[$sender->port]}');
		CREATE TABLE back (id bigint, t text); SELECT weir.create_job('back', 'INSERT INTO back SELECT id, t FROM lines'); SELECT weir.start_job('back')");
	$sender->finish;
	ok($node->wait_status('finished', 'back'), "$format: read back");
	is($node->sql(q{SELECT string_agg(id || coalesce(quote_literal(t), ''), ' ' ORDER BY id) FROM back}),
		qq{1'a\tb' 2E'back\\\\slash\nand newline' 3 4'' 5'c,"d"' 6E'\\\\N' 7'\303\251;'}, "$format: the same rows");
}
is($node->sql_error(q{SELECT weir.create_job('loop', 'INSERT INTO lines SELECT * FROM lines')}) =~ /0A000: a job cannot read "lines", into which it inserts/ ? 1 : 0, 1,
	'a job cannot read what it writes');

# Without checkpointing; format line; what nothing escapes is a dead letter.
$sender = Weir::Sender->new(qq{one\n"two\nlines"\nthree\n});
$port = receive_at();
begin('line', $sender, port => $port, columns => 't text', table => "format 'line'", server => q{, record_delimiter '|', framing 'delimiter'},
	stream => q{, on_error 'dead_letter'});
$sender->finish;
is(receive(qr/three\|/), "one|two\nlines|three|", 'format line, another delimiter');
ok($node->wait_status('finished', 'out'), 'without checkpointing: finished');

# Nobody listens: only a cancel ends the job, and its lines go out when it is started again.
$port = receive_at();
close $receiver;
$sender = Weir::Sender->new("1,a\n2,b\n");
begin('cancelled', $sender, port => $port, checkpointing => q{every => '50 ms'});
$sender->send_to(4);
ok($node->wait_until('SELECT count(*) > 0 FROM weir_internal.outbox'), 'a line waits');
$node->sql(q{SELECT weir.stop_job('out', cancel => true)});
is($node->sql('SELECT status FROM weir.jobs'), 'stopped', 'a job is cancelled while it waits for its peer');
receive_at($port);
$node->sql(q{SELECT weir.start_job('out')});
is(receive(qr/1,a\n/), "1,a\n", 'its line is sent by the next attempt');

# A peer may close its writing side alone.
shutdown($peer, 1);
$sender->send_to(8);
is(receive(qr/2,b\n/), "1,a\n2,b\n", 'who says nothing more is written to');
ok($node->wait_until('SELECT count(*) = 0 FROM weir_internal.outbox'), 'and his lines are deleted');
$node->sql(q{SELECT weir.stop_job('out')});

# ---- the protocol "epoch" ----

my $many = 30_000;
my $file = PostgreSQL::Test::Utils::tempdir() . '/received';
$port = receive_at();
close $receiver;
my $data = join('', map { "$_," . 'x' x 150 . "\n" } 1 .. $many);
$sender = Weir::Sender->new($data, hold => 1);
$node->use_database('epoch');
$node->sql('CREATE TABLE nothing ()');
begin('epochs', $sender, port => $port, server => q{, protocol 'epoch'}, checkpointing => q{every => '100 ms'});
like($node->sql_error(q{SELECT weir.stop_job('out', cancel => true); SELECT weir.enable_checkpointing('out', mode => 'at_least_once')}),
	qr/55000: the protocol "epoch" needs the mode exactly_once/, 'epochs are those of exactly_once');
like($node->sql_error(q{CREATE TABLE t (id bigint, t text); SELECT weir.create_job('in', 'INSERT INTO t SELECT * FROM lines'); SELECT weir.start_job('in')}),
	qr/0A000: stream public.lines cannot be read in the protocol "epoch"/, 'and are not read');
$node->sql(q{SELECT weir.start_job('out')});
$node->tend($sender);

# A peer that reads some, and no more: the emission stands when the server dies.
receive_at($port);
$sender->send_to(length $data);
like(receive(qr/^EPOCH (\d+)\n.*\n/s), qr/^EPOCH (\d+)\n1,x+\n/, 'an epoch begins with its number');
ok($node->wait_until("SELECT sum(records_out) > 0 AND bool_or(in_sink > 0.5) FROM weir.tasks WHERE kind = 'sink'"), 'a peer that does not read holds the sink back');
my ($first) = $received =~ /^EPOCH (\d+)\n/;
$node->kill9;
$node->start;
$node->tend($sender);
close $peer;
undef $peer;
$received = '';
like(receive(qr/^EPOCH (\d+)\n.*\n/s), qr/^EPOCH $first\n1,x+\n/, 'after a crash it comes again, from its first line on');
close $receiver;
close $peer;
undef $peer;

sub start_receiver
{
	my $pid = fork() // die;
	if ($pid == 0) { exec('perl', 'examples/epoch/receiver.pl', $port, $file) or POSIX::_exit(1); }
	return $pid;
}

# The reference receiver, killed now and then, as is the server.
my $pid = start_receiver();
foreach my $share (1 .. 3)
{
	await(sub { -e $file && -s $file > $share * length($data) / 5 });
	kill('KILL', $pid);
	waitpid($pid, 0);
	if ($share == 2)
	{
		$node->kill9;
		$node->start;
		$node->tend($sender);
	}
	$pid = start_receiver();
}
$sender->finish;
ok($node->wait_status('finished', 'out'), 'finished');
await(sub { -s $file > length $data });
kill('TERM', $pid);
waitpid($pid, 0);
my @ids = slurp_file($file) =~ /^(\d+),x{150}$/mg;
is(scalar(@ids), $many, 'as many lines as rows');
is(scalar(grep { $ids[$_] != $_ + 1 } 0 .. $#ids), 0, 'each once, in order');
$node->stop;
done_testing();
