# Savepoints whose position is gone, with the protocol 'resume': from the journal,
# or, where none is kept, from the sender, if it still holds more than it must.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('resume_savepoints', "weir.journal_segment_size = '64kB'");
my $odd = "1 10\n2 10\n3 10\n";
my $many = join('', map { $_ % 100 + 10 . " $_\n" } 1 .. 60_000);
my $even = "1 20\n2 30\n3 40\n";
my $data = $odd . $many . $even;

# A savepoint behind the first records, then all the others.
sub begin
{
	my ($name, $journal, %o) = @_;
	my $sender = Weir::Sender->new($data, resume => 1, identity => 'a', %o);

	$node->use_database($name);
	$node->averaging_job(port => $sender->port, checkpointing => "every => '50 ms'",
		server => "protocol 'resume', max_retries '-1', retry_delay '20 ms', journal '$journal'");
	$node->load_input($data);
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(length $odd);
	ok($node->wait_until(q{SELECT sum(records_in) = 3 FROM weir.tasks WHERE kind = 'keyed'}), "$name: the first records");
	$node->sql(q{SELECT weir.create_savepoint('s3', 'old')});
	$sender->send_to(length $data);
	ok($node->wait_until('SELECT records = 60006 FROM weir.sources'), "$name: and all the others");
	$sender->wait_acked(length $data);
	$node->sql(q{SELECT weir.stop_job('s3')});
	$node->is_exact($name);
	$node->sql('TRUNCATE averages');
	return $sender;
}

sub start { my ($more) = @_; $node->sql("SELECT weir.start_job('s3', from_savepoint => 'old'" . ($more // '') . ')'); return; }

my $sender = begin('journal', 'on', keep => 1);
like($node->sql_error(q{SELECT weir.start_job('s3', from_savepoint => 'old')}),
	qr/55000.*journal of job "s3" no longer holds.*bytes are missing/s, 'journal on: the journal decides, whatever the sender holds');

$sender = begin('kept', 'off', keep => 1);
start();
ok($node->wait_until('SELECT records = 60006 FROM weir.sources'), 'journal off: what the sender still holds is asked for again');
is($sender->asked, length $odd, 'journal off: from the savepoint on');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->is_exact('journal off, from a savepoint');

$sender = begin('forgotten', 'off');
start();
ok($node->wait_status('failed'), 'journal off: what it has forgotten fails the job');
my $missing = length($data) - length($odd);
like($node->sql('SELECT last_error FROM weir.jobs'), qr/$missing bytes are missing/, 'journal off: which says how much');
start(', allow_gap => true');
$sender->append($even);
$sender->send_to(length($data . $even));
ok($node->wait_until(q{SELECT sum(records_in) = 3 FROM weir.tasks WHERE kind = 'keyed'}), 'journal off: allow_gap goes on behind it');
$node->sql(q{SELECT weir.stop_job('s3')});
is($node->sql(q{SELECT string_agg(f0 || ' ' || average, ', ' ORDER BY f0) FROM averages}), '1 15, 2 20, 3 25',
	'journal off: with the state of the savepoint');

done_testing();
