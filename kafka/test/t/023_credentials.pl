# Brokers that let in only who has a password, by TLS: properties of the server and the mapping of the
# jobs' owner.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib", "$FindBin::RealBin/../../../test/tap/lib";

use KafkaBroker;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Weir::Node;

my $kafka = KafkaBroker->start;
my $node = Weir::Node->create('kafka');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $dir = PostgreSQL::Test::Utils::tempdir_short();

# A second listener, for TLS and passwords; the certificate is its own authority.
system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
	'-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem");
append_to_file("$dir/both.pem", slurp_file("$dir/key.pem") . slurp_file("$dir/cert.pem"));

my $file = "$kafka->{dir}/1/server.properties";
my $properties = slurp_file($file);
$properties =~ s{^((?:advertised\.)?listeners=.*)$}{$1,SAFE://127.0.0.1:$port}mg;
$properties =~ s{^(listener\.security\.protocol\.map=.*)$}{$1,SAFE:SASL_SSL}m;
$properties .= <<"P";
sasl.enabled.mechanisms=PLAIN
listener.name.safe.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_app="right";
listener.name.safe.ssl.keystore.type=PEM
listener.name.safe.ssl.keystore.location=$dir/both.pem
P
unlink $file;
append_to_file($file, $properties);
$kafka->term;
$kafka->again;
$kafka->create_topic('t');
$kafka->produce('t', [ 1 .. 10 ]);

$node->sql(qq{
	SET client_min_messages = warning;
	CREATE EXTENSION weir_kafka;
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app;
	CREATE SERVER kafka FOREIGN DATA WRAPPER weir_kafka OPTIONS (brokers '127.0.0.1:$port',
		"security.protocol" 'sasl_ssl', "sasl.mechanism" 'PLAIN', "ssl.ca.location" '$dir/cert.pem');
	GRANT USAGE ON FOREIGN SERVER kafka TO app;
	CREATE USER MAPPING FOR app SERVER kafka OPTIONS ("sasl.username" 'app', "sasl.password" 'wrong');
	SET ROLE app;
	CREATE FOREIGN TABLE t (v int) SERVER kafka OPTIONS (topic 't', format 'text');
	CREATE TABLE copied (v int);
	SELECT weir.create_job('copy', 'INSERT INTO copied SELECT v FROM t');
	SELECT weir.enable_checkpointing('copy', every => '100 ms');
	SELECT weir.set_restart_strategy('copy', 'none')});

eval { $node->sql(q{SELECT weir.start_job('copy')}) };
$node->wait_until(q{SELECT status = 'failed' FROM weir.jobs});
like($node->sql(q{SELECT last_error FROM weir.jobs}), qr/do not let "app" in.*Authentication failed/s, 'a wrong password');
$node->sql(q{
	ALTER USER MAPPING FOR app SERVER kafka OPTIONS (SET "sasl.password" 'right');
	SELECT weir.start_job('copy')});
$node->wait_until(q{SELECT count(*) = 10 FROM copied});
is($node->sql(q{SELECT sum(v) FROM copied}), 55, 'the right one');
$kafka->produce('t', [ 11 .. 20 ]);
$node->wait_until(q{SELECT count(*) = 20 FROM copied});
is($node->sql(q{SELECT sum(v) FROM copied}), 210, 'goes on');

done_testing();
