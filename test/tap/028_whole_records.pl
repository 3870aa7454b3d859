# A plain sender that begins each connection with a whole record: whatever breaks
# off where, no row appears that nobody sent.  A drain ends behind the last whole
# record, and a journal's table is nobody's business.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $seed = $ENV{SEED} || 20260727;
my $node = Weir::Node->create('whole');

sub begin
{
	my ($name, $sender, %o) = @_;
	my $server = $o{server} // q{max_retries '-1', retry_delay '10 ms'};
	my $table = $o{table} // '';

	$node->use_database($name);
	$node->sql($o{before}) if $o{before};
	$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $sender->port }', $server);
CREATE FOREIGN TABLE words (line text) SERVER lines OPTIONS (format 'line' $table);
CREATE TABLE seen (line text);
SELECT weir.create_job('s3', 'INSERT INTO seen SELECT line FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.set_restart_strategy('s3', 'fixed_delay', attempts => 1000, delay => '10 ms');
SELECT weir.start_job('s3');
SQL
	return;
}

# Lines of any length, all of them different, none of them the begin or end of another.
sub lines
{
	my ($n) = @_;
	return join('', map { "<$_:" . 'x' x int(rand(200)) . ">\n" } 1 .. $n);
}

# What the table has that was not sent, and what was sent that it has not once.
sub compare
{
	my ($data) = @_;
	my %sent = map { $_ => 1 } split /\n/, $data;
	my %rows;

	$rows{$_}++ foreach split /\n/, $node->sql('SELECT line FROM seen');
	return ((grep { !$sent{$_} } keys %rows), 'and', (grep { ($rows{$_} // 0) != 1 } keys %sent));
}

srand($seed);
note("seed $seed");

# The sender alone breaks off: exact.
my $data = lines(2000);
my $sender = Weir::Sender->new($data, whole => 1);
begin('disconnects', $sender);
my $at = 0;
my $accepts = 1;
while ($at < length $data)
{
	$at += 1 + int(rand(8000));
	$at = length $data if $at > length $data;
	$sender->send_to($at)->wait_sent($at);
	$sender->wait_accepts($accepts)->disconnect;
	$sender->wait_accepts(++$accepts);
}
ok($node->wait_until(q{SELECT count(*) >= 2000 FROM seen}), 'all records come');
is(join(' ', compare($data)), 'and', 'each once, and no other');
cmp_ok($node->sql('SELECT partial_records FROM weir.sources'), '>', 10, 'though connections ended within records');

# Everything breaks off: what was on its way may be lost, but nothing is made up.
$data = lines(20_000);
$sender = Weir::Sender->new($data, whole => 1);
begin('kills', $sender, table => q{, on_error 'dead_letter', max_dead_letters '100000'});
my @breaks = (
	sub { $sender->disconnect },
	sub { $sender->reset },
	sub { $node->kill9; $node->start; },
	sub { $node->sql(q{SELECT pg_terminate_backend(pid) FROM weir.tasks WHERE kind = 'source'}) },
	sub { $node->sql(q{SELECT weir.stop_job('s3'); SELECT weir.start_job('s3')}) });
$sender->rate(300_000)->send_to(length $data);
foreach my $round (1 .. 8)
{
	my $sent = $sender->sent;
	my $goal = $sent + int(rand(40_000));

	$goal = length $data if $goal > length $data;
	$sender->wait_sent($goal);
	eval { $breaks[$round <= @breaks ? $round - 1 : rand @breaks]->(); 1 } or note("round $round: $@");
	ok($node->wait_until(q{SELECT status IN ('running', 'finished') FROM weir.jobs}), "round $round: the job runs");
}
$sender->rate(0)->wait_sent(length $data);
my ($last) = $data =~ /(<\d+:x*>)\n$/;
ok($node->wait_until("SELECT count(*) > 0 FROM seen WHERE line = '$last'"), 'the last record comes');
my ($strange) = split / ?and/, join(' ', compare($data));
is($strange, '', 'no row that nobody sent');
is($node->sql(q{SELECT count(*) FROM weir.dead_letters WHERE error !~ '^record is partial'}), '0', 'nor a dead letter but of partial records');

# A drain within a record, by protocol and framing.
foreach my $case (
	[ 'resume', "12\n3456\n78\n", 5, { resume => 1 }, q{protocol 'resume'}, '12', '12,3456,78' ],
	[ 'journal_off', "12\n3456\n78\n", 5, { resume => 1 }, q{protocol 'resume', journal 'off'}, '12', '12,3456,78' ],
	[ 'joined', "12\n3456\n78\n", 5, {}, q{partial 'join'}, '12', '12,3456,78' ],
	[ 'discarded', "12\n3456\n78\n", 5, {}, q{partial 'discard'}, '12', '12,56,78' ],
	[ 'counted', "2 124 34562 78", 6, {}, q{partial 'join', framing 'octet_counted'}, '12', '12,3456,78' ],
	[ 'json_seq', "\x1e12\n\x1e3456\n\x1e78\n", 7, {}, q{partial 'join', framing 'json_seq'}, '12', '12,3456,78' ])
{
	my ($name, $bytes, $half, $kind, $server, $first, $all) = @$case;

	$sender = Weir::Sender->new($bytes, %$kind);
	begin("drain_$name", $sender, server => $server);
	$sender->send_to($half)->wait_sent($half);
	ok($node->wait_until(q{SELECT record_bytes > 0 FROM weir.sources}), "drain, $name: within a record");
	$node->sql(q{SELECT weir.stop_job('s3', drain => true)});
	is($node->sql('SELECT status FROM weir.jobs'), 'finished', "drain, $name: finished");
	is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), $first, "drain, $name: whole records");
	$node->restart;
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->finish;
	ok($node->wait_status('finished'), "drain, $name: finished again");
	is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), $all, "drain, $name: goes on behind them");
}

# A journal smaller than a record that never ends: put aside in parts, and what follows is read.
$data = "first\n" . ('x' x 9_000_000) . "\nlast\n";
$sender = Weir::Sender->new($data);
begin('endless', $sender, server => q{max_journal '1MB'}, table => q{, on_error 'dead_letter', max_record '10kB'});
$sender->finish;
ok($node->wait_status('finished'), 'a record longer than the journal: finished');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'first,last', 'what is before and behind it is read');
is($node->sql(q{SELECT count(*) > 10, min(error) ~ 'longer than 10240 bytes', sum(substring(error from '(\d+) bytes were put aside')::int), max(octet_length(raw)) FROM weir.dead_letters}),
	't|t|9000001|10240', 'it is dead letters, which say how long it was');

# A job that is to put nothing aside any more begins within such a record: all that is left of it is passed.
$data = "first\n" . ('x' x 3_000_000) . "\nlast\n";
$sender = Weir::Sender->new($data);
begin('altered', $sender, server => q{max_journal '1MB', partial 'join'}, table => q{, on_error 'dead_letter', max_record '10kB'});
$sender->send_to(1_000_000)->wait_sent(1_000_000);
ok($node->wait_until('SELECT count(*) > 0 FROM weir.dead_letters'), 'within a record longer than the journal');
$node->sql(q{SELECT weir.stop_job('s3'); ALTER FOREIGN TABLE words OPTIONS (SET on_error 'stop'); SELECT weir.start_job('s3')});
$sender->finish;
ok($node->wait_status('finished'), 'on_error was altered within it: finished');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'first,last', 'what is before and behind it is read');

# Records that are passed over count for checkpoints, so that the journal is freed of them.
$data = "first\n" . ("\n" x 3_000_000) . "last\n";
$sender = Weir::Sender->new($data);
begin('empty', $sender, server => q{max_journal '1MB'}, table => q{, skip_empty 'on', max_record '10kB'});
$sender->finish;
ok($node->wait_status('finished'), 'more empty records than the journal holds: finished');
is($node->sql(q{SELECT string_agg(line, ',' ORDER BY line) FROM seen}), 'first,last', 'what is before and behind them is read');

# A quote that is never closed: it is seen while the record grows.
my $log = -s $node->logfile;
$sender = Weir::Sender->new('"' . 'x' x 70);
begin('growing', $sender, table => q{, max_record '100B'});
$node->sql(q{SELECT weir.stop_job('s3', cancel => true); ALTER FOREIGN TABLE words OPTIONS (SET format 'csv'); SELECT weir.start_job('s3')});
$sender->send_to(71)->wait_sent(71);
ok($node->wait_until('SELECT record_bytes = 71 FROM weir.sources'), 'weir.sources shows a record that is not whole');
ok($node->wait_for_log(qr/WARNING:  stream public\.words: the record behind line 0 has 71 bytes and is not whole.*HINT:  If a quote in it is never closed/s, $log), 'and a warning says so');

# Event triggers are for tables that users make.
$data = "one\n";
$sender = Weir::Sender->new($data);
begin('event_trigger', $sender, before => <<'SQL');
CREATE FUNCTION want_key() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity ~ 'journal') THEN
		RAISE 'table needs a primary key';
	END IF;
END $$;
CREATE EVENT TRIGGER want_key ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION want_key();
SQL
$sender->send_to(4)->wait_sent(4);
ok($node->wait_until(q{SELECT count(*) = 1 FROM seen}), 'an event trigger does not see the journal');
is($node->sql('SELECT restarts FROM weir.jobs'), '0', 'and ends no attempt');

done_testing();
