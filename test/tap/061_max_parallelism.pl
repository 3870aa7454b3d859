# Scenario 13: state written at one max_parallelism is not restored at another.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;
use Weir::Sender;

my $node = Weir::Node->create('max_parallelism');
my $data = join('', map { "$_ 10\n$_ 20\n" } 1 .. 8);
my $sender = Weir::Sender->new($data);

$node->averaging_job(port => $sender->port, job => 'parallelism => 2, max_parallelism => 13', checkpointing => q{every => '1 h'});
$node->sql(q{SELECT weir.start_job('s3')});
$sender->send_to(length $data);
ok($node->wait_until(q{SELECT sum(records_in) = 16 FROM weir.tasks WHERE kind = 'keyed'}), 'records flow');
$node->sql(q{SELECT weir.stop_job('s3')});
$node->sql('UPDATE weir_internal.job SET max_parallelism = 17');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('failed'), '13: restored at another max_parallelism it is refused');
like($node->sql('SELECT last_error FROM weir.jobs'), qr/max_parallelism 13, the job has 17/, '13: and says both numbers');
is($node->sql('SELECT restarts FROM weir.jobs'), '0', '13: without a restart');
$node->sql('UPDATE weir_internal.job SET max_parallelism = 13, parallelism = 5');
$node->sql(q{SELECT weir.start_job('s3')});
ok($node->wait_status('running'), 'parallelism may change');
is($node->sql(q{SELECT weir.stop_job('s3')}), '', 'and the job goes on');
is($node->sql('SELECT count(*) FROM averages'), '8', 'with its output');

done_testing();
