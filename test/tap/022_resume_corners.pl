# protocol 'resume': senders that lose their past, that restart with another
# stream, that do not keep to it; connections that are handed over.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('resume_corners');
my $sender;

# Lines into the table seen; the sender of it.
sub begin
{
	my ($name, $data, $options, %o) = @_;
	my $retries = $o{retries} // -1;

	$sender = Weir::Sender->new($data, resume => 1, %o);
	$node->use_database($name);
	$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $sender->port }', protocol 'resume', max_retries '$retries', retry_delay '20 ms'$options);
CREATE FOREIGN TABLE words (line text) SERVER lines;
CREATE TABLE seen (id bigserial, line text);
SELECT weir.create_job('s3', 'INSERT INTO seen (line) SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.start_job('s3');
SQL
	return;
}

sub seen
{
	my ($expected, $name) = @_;
	ok($node->wait_until(q{SELECT coalesce(string_agg(line, ',' ORDER BY id), '') FROM seen}, $expected), $name);
	return;
}

sub log_like
{
	my ($pattern, $name) = @_;
	like(slurp_file($node->logfile), $pattern, $name);
	return;
}

sub stop { $node->sql(q{SELECT weir.stop_job('s3')}); return; }
sub start { my ($more) = @_; $node->sql("SELECT weir.start_job('s3'" . ($more // '') . ')'); return; }

# 29. "te", disconnect, reconnect, "st1\n": one record "test1".
begin('joined', 'te', '');
$sender->send_to(2);
$sender->wait_acked(2);
$sender->disconnect;
$sender->append("st1\n");
$sender->send_to(6);
seen('test1', '29: one record across a reconnect');
is($sender->asked, 2, '29: the rest of it was asked for');
$node->kill9;
$node->start;
$sender->append("te");
$sender->send_to(8);
$sender->wait_acked(8);
$node->kill9;
$node->start;
$sender->append("st2\n");
$sender->send_to(12);
seen('test1,test2', '29: and across a crash');
unlike(slurp_file($node->logfile), qr/reconnects inside a record/, '29: without a WARNING');
stop();

# A sender that has lost its past.
foreach my $journal ('on', 'off')
{
	my $missing = $journal eq 'on' ? 10 : 11;	# what is received is kept; without journal, what is processed

	begin("lost_$journal", "one\ntwo\nthree\nfour\nfive\n", ", journal '$journal'");
	$sender->send_to(9);		# "t" of three
	seen('one,two', "journal $journal: two records");
	$sender->wait_acked($journal eq 'on' ? 9 : 8);
	stop();
	$sender->forget(19);		# "five"
	start();
	ok($node->wait_status('failed'), "journal $journal: a sender that has lost its past fails the job");
	like($node->sql('SELECT last_error FROM weir.jobs'), qr/no longer holds.*$missing bytes are missing.*oldest it holds is byte 19.*allow_gap/s,
		"journal $journal: for good, and says how much is missing");
	is($node->sql('SELECT restarts FROM weir.jobs'), '0', "journal $journal: without a restart");
	start(', allow_gap => true');
	$sender->send_to(24);
	seen('one,two,five', "journal $journal: allow_gap goes on at the oldest byte, without the partial record");
	log_like(qr/goes on without $missing bytes/, "journal $journal: and the log has it");
	is($sender->asked, 19, "journal $journal: it was asked for that");
	$sender->wait_acked(24);
	$node->kill9;
	$node->start;
	$sender->append("six\n");
	$sender->send_to(28);
	seen('one,two,five,six', "journal $journal: a crash behind the gap changes nothing");
	is($sender->asked, 24, "journal $journal: offsets go on");
	stop();
}

# A sender that restarts with another stream.
foreach my $journal ('on', 'off')
{
	foreach my $literal (0, 1)
	{
		my $name = "journal $journal" . ($literal ? ', STREAM alone' : ', with DATA');

		begin("another_${journal}_$literal", "one\ntwo\nthr", ", journal '$journal'", identity => 'a', literal => $literal);
		$sender->send_to(11);
		seen('one,two', "$name: two records of the first");
		$sender->wait_acked($journal eq 'on' ? 11 : 8);
		$sender->restart('b', "eins\nzwei\ndrei\n");
		$sender->send_to(10);
		seen('one,two,thr,eins,zwei', "$name: the old stream is used up, the new one begins at 0");
		log_like(qr/another stream begins on stream public.words\n.*"b" follows "a"/, "$name: the log has it");
		$sender->wait_acked(10);
		$node->kill9;
		$node->start;
		$sender->send_to(15);
		seen('one,two,thr,eins,zwei,drei', "$name: exact behind a crash");
		is($sender->asked, 10, "$name: asked for an offset of the new stream");
		is($sender->refused, 0, "$name: which it holds");
		stop();
	}
}

# A sender that was started again, and holds its stream from byte 0, cannot know
# what Weir has of it: it sends all.
foreach my $journal ('on', 'off')
{
	my $lines = join('', map { "line $_\n" } 1 .. 50_000);

	begin("again_$journal", $lines, ", journal '$journal'", identity => 'a');
	$sender->send_to(400_000);
	ok($node->wait_until('SELECT count(*) > 30000 FROM seen'), "journal $journal: most of a stream");
	$sender->restart('a', $lines);
	$sender->send_to(length $lines);
	$sender->wait_acked(length $lines);
	ok($node->wait_until('SELECT count(*) >= 50000 FROM seen'), "journal $journal: all of it");
	stop();
	is($node->sql('SELECT count(*), count(DISTINCT line) FROM seen'), '50000|50000', "journal $journal: what was known is skipped");
}

# Without journal the stream a checkpoint stands in is the one that counts.
begin('before_another', "one\n", q{, journal 'off'}, identity => 'a');
$sender->send_to(4);
seen('one', 'one record of the first stream');
$node->sql(q{SELECT weir.create_savepoint('s3', 'first')});
$sender->restart('b', "eins\n");
$sender->send_to(5);
seen('one,eins', 'one of the second');
$sender->wait_acked(5);
stop();
start(q{, from_savepoint => 'first'});
ok($node->wait_status('failed'), 'a savepoint of the first stream needs the second from its begin');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/5 bytes are missing/, 'which the sender has forgotten');
is($sender->asked, 4, 'it was asked for the byte behind the savepoint');

# Once checkpointing is disabled no checkpoint says what is safe: all that was read is.
begin('unchecked', "one\ntwo\n", q{, journal 'off'});
$sender->send_to(4);
$sender->wait_acked(4);
$node->sql(q{SELECT weir.disable_checkpointing('s3')});
$sender->send_to(8);
seen('one,two', 'a record behind the last checkpoint');
$sender->wait_acked(8);
pass('it is acknowledged');
$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});

# Not the protocol.
my $malformed = 0;
foreach my $case (
	[ "ERR lost\n", qr/a number of 1 to 18 digits is missing.*begins with "ERR lost/s ],
	[ "ERR 0\n", qr/does not lie before its oldest/ ],
	[ "STREAM a b\n", qr/printable ASCII/ ],
	[ 'STREAM ' . 'x' x 200, qr/longer than 128 bytes/ ])
{
	my ($line, $error) = @$case;
	my $name = 'malformed_' . ++$malformed;

	begin($name, $line, '');
	$sender->send_to(length $line);
	ok($node->wait_until(q{SELECT restarts > 0 AND last_error IS NOT NULL FROM weir.jobs}), "$name: an error, and a restart");
	like($node->sql('SELECT last_error FROM weir.jobs'), $error, "$name: that says what is wrong");
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
}
begin('looks_like', "DATA 0\nERR 5\n", '');
$sender->send_to(13);
seen('ERR 5', 'behind DATA a line that looks like the protocol is data');
stop();

# A connection that is handed over needs no RESUME.
begin('handed_over', "one\ntwo\n", '', identity => 'a');
$sender->send_to(6);
seen('one', 'a record');
$sender->wait_acked(6);
$node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'});
ok($node->wait_until(q{SELECT restarts = 1 AND status = 'running' FROM weir.jobs}), 'a restart');
$sender->send_to(8);
seen('one,two', 'handed over within a record');
$sender->wait_acked(8);
is($sender->accepts, 1, 'one connection');
stop();

# The end of a stream is acknowledged; what a finished job goes on with may be another.
foreach my $journal ('on', 'off')
{
	begin("ended_$journal", "one\ntwo", ", journal '$journal'", identity => 'a', retries => 0);
	$sender->finish;
	ok($node->wait_status('finished'), "journal $journal: finished");
	seen('one,two', "journal $journal: with its tail as a record");
	$sender->wait_acked(7);
	pass("journal $journal: all is acknowledged");
	$sender->restart('b', "eins\n");
	start();
	$sender->finish;
	ok($node->wait_status('finished'), "journal $journal: finished again");
	seen('one,two,eins', "journal $journal: with another stream");
	$sender->wait_acked(5);
	is($sender->asked, 7, "journal $journal: it was asked for what would have followed the first");
}

# A sender serves one job: another would acknowledge what the first has not received.
begin('one_consumer', "one\ntwo\n", '');
$sender->send_to(4);
seen('one', 'one consumer: a job runs');
$node->sql(<<"SQL");
CREATE SERVER again FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $sender->port }', protocol 'resume', max_retries '-1');
CREATE FOREIGN TABLE same (line text) SERVER again;
CREATE VIEW over AS SELECT * FROM words;
CREATE ROLE mallory LOGIN;
GRANT SELECT ON words, same, over TO mallory;
SET ROLE mallory;
SELECT weir.create_job('by_table', 'INSERT INTO weir.print SELECT line FROM words');
SELECT weir.create_job('by_server', 'INSERT INTO weir.print SELECT line FROM same');
SELECT weir.create_job('by_view', 'INSERT INTO weir.print SELECT line FROM over');
SQL
foreach my $state (qw(running stopped))
{
	foreach my $job (qw(by_table by_server by_view))
	{
		like($node->sql_error("SET ROLE mallory; SELECT weir.start_job('$job', allow_gap => true)"),
			qr/55006.*serves job "s3".*HINT: .*sender of its own/s, "one consumer: $job is refused while the first is $state");
	}
	stop() if $state eq 'running';
}
start();
$sender->send_to(8);
seen('one,two', 'one consumer: the first goes on, without loss');
stop();
$node->sql(q{SELECT weir.drop_job('s3')});
is($node->sql_error(q{SELECT weir.start_job('by_server', allow_gap => true)}), '', 'one consumer: once it is dropped another may');
$node->sql(q{SELECT weir.stop_job('by_server', cancel => true)});

done_testing();
