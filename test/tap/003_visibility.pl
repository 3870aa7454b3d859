# Nothing of an epoch is visible before its checkpoint completes; everything of
# it once trigger_checkpoint has returned.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('visibility');

foreach my $parallelism (1, 2)
{
	my $data = Weir::Node::random_lines(3000, 20, $parallelism);
	my @ends;
	my $sender = Weir::Sender->new($data);

	$node->use_database("p$parallelism");
	$node->load_input($data);
	$node->averaging_job(port => $sender->port, job => "parallelism => $parallelism",
		checkpointing => q{every => '1 h'});
	$node->sql(q{SELECT weir.start_job('s3')});
	push @ends, pos $data while $data =~ /(?:[^\n]*\n){1000}/g;

	my ($round, $visible) = (0, 0);
	foreach my $end (@ends)
	{
		my $records = 1000 * ++$round;
		my $complete = $node->sql("SELECT coalesce(sum(c / 2), 0) FROM (SELECT count(*) AS c FROM input WHERE line <= $records GROUP BY f0) x");

		$sender->send_to($end);
		ok($node->wait_until("SELECT sum(records_in) = $records FROM weir.tasks WHERE kind = 'keyed'"),
			"parallelism $parallelism: $records records were processed");
		is($node->sql('SELECT count(*) FROM averages'), $visible, 'nothing of the open epoch is visible');
		like($node->sql(q{SELECT weir.trigger_checkpoint('s3')}), qr/^\d+$/, 'a checkpoint completes');
		is($node->sql('SELECT count(*) FROM averages'), $complete, 'everything of the epoch is visible');
		is($node->sql(q{SELECT DISTINCT kind || ' ' || status FROM weir.checkpoints}), 'manual completed',
			'weir.checkpoints shows it');
		$visible = $complete;
	}

	# A cancelled job leaves its open epoch behind; the next start makes it again.
	$sender->append("1 1\n" x 10);
	$sender->send_to(length($data) + 40);
	ok($node->wait_until(q{SELECT sum(records_in) = 3010 FROM weir.tasks WHERE kind = 'keyed'}), 'ten more were processed');
	$node->sql(q{SELECT weir.stop_job('s3', cancel => true)});
	is($node->sql(q{SELECT status FROM weir.jobs}), 'stopped', 'cancel stops the job');
	is($node->sql('SELECT count(*) FROM averages'), $visible, 'what was not checkpointed is not visible');
	is($node->sql('SELECT count(*) FROM pg_prepared_xacts'), '0', 'and not prepared');
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->wait_accepts(2);
	$node->sql(q{SELECT weir.stop_job('s3')});
	is($node->sql('SELECT count(*) FROM averages'), $visible + 5, 'the next start replays it, stop_job makes it visible');
}

done_testing();
