# Scenario 26c, as far as it can be seen afterwards: the marker rows say that
# somebody resolved a prepared transaction by hand, and the job says so.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('by_hand');
my $data = join('', map { "$_ 10\n$_ 20\n" } 1 .. 8);

sub stopped_job
{
	my ($name) = @_;
	my $sender = Weir::Sender->new($data);

	$node->use_database($name);
	$node->averaging_job(port => $sender->port, checkpointing => q{every => '1 h'});
	$node->sql(q{SELECT weir.start_job('s3')});
	$sender->send_to(length $data);
	ok($node->wait_until(q{SELECT sum(records_in) = 16 FROM weir.tasks WHERE kind = 'keyed'}), "$name: records flow");
	$node->sql(q{SELECT weir.stop_job('s3')});
	is($node->sql('SELECT count(*) FROM averages'), '8', "$name: the output is visible");
	return $sender;
}

sub start_fails
{
	my ($name, $why) = @_;

	$node->sql(q{SELECT weir.start_job('s3')});
	ok($node->wait_status('failed'), "$name: the job is failed");
	like($node->sql('SELECT last_error FROM weir.jobs'), $why, "$name: and says why");
	return;
}

my $sender = stopped_job('rolled_back');
isnt($node->sql('SELECT count(*) FROM weir_internal.marker'), '0', 'a completed checkpoint has markers');
$node->sql('DELETE FROM weir_internal.marker');
start_fails('rolled_back', qr/prepared for completed checkpoint \d+ was rolled back by hand/);

$sender = stopped_job('committed');
$node->sql('INSERT INTO weir_internal.marker SELECT job, attempt, checkpoint + 1, task FROM weir_internal.marker LIMIT 1');
start_fails('committed', qr/which was not completed, was committed by hand/);

done_testing();
