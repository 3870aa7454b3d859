# The blocks of docs/recipes.md: each is accepted as it stands, and its job makes of a line
# what the page says. test/recipes runs them with the real programs.
use strict;
use warnings;

use IPC::Run qw(run);
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $page = slurp_file('docs/recipes.md');
my $node = Weir::Node->create('recipes', q{timezone = 'UTC'});

# Records, and the rows that the job writes for them, of what is no table of fields.
my %try = (
	syslog => [ 'log', [ "<14>1 2026-01-01T00:00:00Z host app 1 - - a message\n", '<13>1 2026-01-01T00:00:00Z host app 1 ID [a b="c"] another' ],
		q{(6,"2026-01-01 00:00:00+00",host,app,"a message")}, q{(5,"2026-01-01 00:00:00+00",host,app,another)} ],
	collectd => [ 'samples', [ "collectd.host.load 0.5 1700000000" ], q{(collectd.host.load,0.5,"2023-11-14 22:13:20+00")} ],
	statsd => [ 'samples', [ 'hits:1|c|@0.1', 'took:3.5|ms' ], '(hits,1,c,0.1)', '(took,3.5,ms,1)' ],
	gelf => [ 'log', [ '{"version":"1.1","host":"h","short_message":"m","timestamp":1700000000.5,"level":4,"_logger":"l"}' ],
		q{("2023-11-14 22:13:20.5+00",h,4,l,m)} ],
	mqtt => [ 'temperatures', [ '{"tst":"2026-01-01T00:00:00.5+0000","topic":"rooms/hall/temperature","qos":1,"retain":0,"payloadlen":4,"payload":"21.5"}', '{"topic":"rooms/hall/light","payload":"on"}' ],
		q{("2026-01-01 00:00:00.5+00",hall,21.5)} ],
	kafka => [ 'latest', [ '{"topic":"t","partition":1,"offset":7,"tstype":"create","ts":1,"broker":1,"key":"k","payload":"v"}' ], '(k,v,1,7)' ],
	nginx => [ 'requests_by_status', [ '{"at":"2026-01-01T00:00:00+00:00","remote":"::1","request":"GET /\u0022 HTTP/1.0","status":404,"bytes":5,"seconds":0.001}' ], '(404,1,5)' ],
	gpsd => [ 'track', [ '{"class":"VERSION"}', '{"class":"TPV","mode":3,"time":"2026-01-01T00:00:00.000Z","lat":48.1,"lon":11.5}' ], q{("2026-01-01 00:00:00+00",48.1,11.5)} ],
	ais => [ 'ships', [ '{"class":"AIS","type":1,"mmsi":477553000,"lat":47.5,"lon":-122.3,"speed":0.0}', '{"class":"AIS","type":5,"mmsi":1}' ], '(477553000,47.5,-122.3)' ],
	sbs => [ 'planes', [ 'MSG,3,1,1,40621D,1,2026/01/01,00:00:00.000,2026/01/01,00:00:00.000,,38000,,,52.25,3.91,,,,,,0', 'MSG,1,1,1,40621D,1,2026/01/01,00:00:00.000,2026/01/01,00:00:00.000,KLM1023 ,,,,,,,,,,,' ], '(40621D,38000,52.25,3.91)' ],
	influx => [ 'samples', [ 'cpu,host=a\ b user=1.5,n=2i,note="a b",up=true 1700000000000000000', 'mem free=1' ],
		q{(cpu,"host=a\\\\ b",user,1.5,"2023-11-14 22:13:20+00")}, q{(cpu,"host=a\\\\ b",n,2,"2023-11-14 22:13:20+00")}, '(mem,,free,1,)' ],
);

sub quoted { my ($text) = @_; return "'" . $text =~ s/'/''/gr . "'"; }

while ($page =~ /^```sql (\w+)\n(.*?)^```/msg)
{
	my ($name, $sql) = ($1, $2);

	next if $name eq 'all';
	$node->use_database($name);
	is($node->sql_error($sql), '', "$name is accepted");
	next if !$try{$name};
	my ($table, $lines, @rows) = @{ $try{$name} };
	my $call = sprintf('SELECT t FROM weir.try_job((SELECT name FROM weir.jobs), ARRAY[%s], NULL::%s) t',
		join(', ', map { quoted($_) } @$lines), $table);
	is($node->sql($call), join("\n", @rows), "$name: the rows of its records");
}
is_deeply([ sort grep { !/^(?:nc|feed)$/ } $page =~ /^```sql (\w+)$/mg ], [ sort('all', keys %try) ], 'all of the page was looked at');

# The pieces of a pipe into a feed.
$node->{database} = 'feed';
my ($all) = $page =~ /^```sql all\n(.*?)^```/ms;
my ($split) = $page =~ /^```sh feed\n(.*?)^```/ms;
my $file = $node->basedir . '/readings.txt';
$node->sql($all);
append_to_file($file, join('', map { $_ % 10 . ' ' . $_ % 100 . "\n" } 0 .. 999));
$split =~ s/readings\.txt/$file/;
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'feed');
	ok(run([ 'sh', '-c', $split ]), 'the pieces go in');
}
ok($node->wait_until('SELECT count(*) = 100 AND bool_and(average = sensor + 45) FROM averages'), 'and come out');
$node->stop('fast');
done_testing();
