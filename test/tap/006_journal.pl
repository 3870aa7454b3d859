# The journal is a ring: its size stays bounded, also while a snapshot is held
# elsewhere, and max_journal stops reading, not the disk.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $segment = 1024 * 1024;
my $data = Weir::Node::random_lines(2_000_000, 100, 5);
my $sender = Weir::Sender->new($data);
my $node = Weir::Node->create('journal', "weir.journal_segment_size = '1MB'");

$node->averaging_job(port => $sender->port, job => 'parallelism => 1',
	query => 'INSERT INTO averages SELECT f0, f1 FROM readings WHERE f1 = 999');
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM averages;');

$node->sql(q{SELECT weir.start_job('s3')});
$sender->finish;

my ($most, $looks) = (0, 0);
until ($node->sql(q{SELECT status = 'finished' FROM weir.jobs}) eq 't')
{
	my $size = $node->journal_size;
	$most = $size if $size > $most;
	last if $looks++ > 3000;
}
is($node->sql('SELECT status FROM weir.jobs'), 'finished', 'the job finishes');
cmp_ok(length $data, '>', 12 * $segment, 'the input is many segments long');
cmp_ok($most, '>', 0, 'there is a journal');
cmp_ok($most, '<', 8 * $segment, 'the journal stayed bounded under an old snapshot');
diag("journal at most $most bytes of " . length $data);
$reader->query_safe('COMMIT');
$reader->quit;
is($node->sql('SELECT count(*) FROM averages'), scalar(() = $data =~ / 999\n/g), 'and no record was lost');

# No checkpoint completes, so nothing may be forgotten: reading stops.
my $full = Weir::Sender->new($data);
$node->use_database('bounded');
$node->averaging_job(port => $full->port, server => q{max_journal '3MB'},
	query => 'INSERT INTO averages SELECT f0, f1 FROM readings WHERE f1 = 999',
	checkpointing => q{every => '1 h'});
$node->sql(q{SELECT weir.start_job('s3')});
$full->send_to(length $data);
ok($node->wait_until(q{SELECT journal_size() > 2000000}), 'the journal fills');
my $seen = -1;
until ($seen == $full->sent)
{
	$seen = $full->sent;
	$node->sql('SELECT pg_sleep(1)');
}
cmp_ok($seen, '<', length $data, 'reading stopped');
cmp_ok($node->journal_size, '<', 6 * $segment, 'within max_journal and a segment or two');
my $end = $node->journal_end;
$node->sql(q{SELECT weir.trigger_checkpoint('s3')});
ok($node->wait_until("SELECT journal_end() > $end"), 'a checkpoint lets it go on');

# A record may be longer than max_journal.
my $long = Weir::Sender->new('x' x 2_000_000 . "\n");
$node->use_database('long_record');
$node->sql(<<"SQL");
CREATE SERVER lines FOREIGN DATA WRAPPER weir_socket
    OPTIONS (host '127.0.0.1', port '${\ $long->port }', max_journal '1MB');
CREATE FOREIGN TABLE words (line text) SERVER lines OPTIONS (max_record '3MB');
CREATE TABLE lengths (n int);
SELECT weir.create_job('s3', 'INSERT INTO lengths SELECT length(line) FROM words');
SELECT weir.enable_checkpointing('s3', every => '50 ms');
SELECT weir.start_job('s3');
SQL
$long->finish;
ok($node->wait_status('finished'), 'a record longer than max_journal passes');
is($node->sql('SELECT n FROM lengths'), '2000000', 'whole');

done_testing();
