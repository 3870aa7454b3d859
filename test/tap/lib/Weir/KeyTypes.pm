package Weir::KeyTypes;

=head1 Weir::KeyTypes

Types for keys, of PostgreSQL and of packaged extensions: how to have each, and
values of it, some of them equal though written differently.  A type that cannot
be a key has the reason instead.

=cut

use strict;
use warnings;

# Of PostgreSQL itself: name => [values].
our %builtin = (
	'boolean' => [qw(t true f no)],
	'"char"' => [qw(a b c)],
	'name' => [qw(a A b)],
	'smallint' => [qw(1 01 -2)],
	'integer' => [qw(1 01 -2)],
	'bigint' => [qw(1 01 -2 9000000000)],
	'real' => [qw(0 -0 1.5 NaN nan)],
	'double precision' => [qw(0 -0 1e3 1000 NaN)],
	'numeric' => [qw(1 1.0 1.00 2 NaN Infinity)],
	'text' => [ qw(a A b), '' ],
	'varchar(5)' => [qw(a A abcde)],
	'character(4)' => [ 'a', 'a ', 'b' ],
	'bytea' => [qw(\\\\x61 a b)],
	'date' => [qw(2024-02-29 2024-2-29 infinity)],
	'time' => [qw(01:00 01:00:00 13:00)],
	'timetz' => [qw(01:00+00 02:00+01 01:00+01)],
	'timestamp' => [ '2024-01-01', '2024-01-01 00:00:00', 'infinity' ],
	'timestamptz' => [ '2024-01-01 00:00+00', '2024-01-01 01:00+01', '-infinity' ],
	'interval' => [ '1 day', '24:00:00', '30 days', '1 month', '2 days' ],
	'uuid' => [ 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC999C0B4EF8BB6D6BB9BD380A11', '00000000-0000-0000-0000-000000000000' ],
	'inet' => [qw(10.0.0.1 10.0.0.1/32 ::1)],
	'cidr' => [qw(10.0.0.0/8 10/8 ::/0)],
	'macaddr' => [qw(08:00:2b:01:02:03 08002b010203 00:00:00:00:00:00)],
	'macaddr8' => [qw(08:00:2b:01:02:03:04:05 08002b0102030405)],
	'oid' => [qw(1 01 4294967295)],
	'oidvector' => [ '1 2', '1  2', '3' ],
	'xid' => [qw(1 01 2)],
	'xid8' => [qw(1 01 2)],
	'cid' => [qw(1 2)],
	'tid' => ['(0,1)', '( 0,1)', '(2,3)'],
	'pg_lsn' => [qw(0/1 0/01 1/0)],
	'jsonb' => [ '{"a": 1, "b": 2}', '{"b":2,"a":1.0}', '[1]', 'null' ],
	'aclitem' => [qw(postgres=r/postgres postgres=w/postgres)],
	'regtype' => [qw(integer int4 text)],
	'int4range' => [ '[1,3]', '[1,4)', 'empty' ],
	'numrange' => [ '[1,3)', '[1.0,3.0)', '(,)' ],
	'tstzrange' => [ '[2024-01-01 00:00+00,)', '[2024-01-01 01:00+01,)' ],
	'int8multirange' => [ '{[1,3]}', '{[1,2],[3,3]}', '{}' ],
	'integer[]' => [ '{1,2}', '{1, 2}', '{1,NULL}', '[0:1]={1,2}' ],
	'text[]' => [ '{a,b}', '{"a","b"}', '{{a},{b}}' ],
	'interval[]' => [ '{1 day}', '{24:00:00}' ],
	# declared by types()
	'mood' => [qw(sad ok)],
	'pair' => [ '(1,a)', '(01,a)', '(1,)', '(2,b)' ],
	'pair[]' => [ '{"(1,a)"}', '{"(01,a)"}', '{}' ],
	'small' => [qw(1 01 2)],
	'span' => [ '[1,3]', '[1,4)' ],
	'folded' => [qw(a A b)]);

our $declare = q{
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE TYPE pair AS (n integer, t text);
	CREATE DOMAIN small AS integer CHECK (VALUE < 100);
	CREATE DOMAIN span AS int4range;
	CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
	CREATE DOMAIN folded AS text COLLATE nocase;
	CREATE TYPE shape AS (n integer, at point)};

# Refused: name => the reason.
our %refused = (
	'json' => 'no default hash operator class',
	'xml' => 'no default hash operator class',
	'point' => 'no default hash operator class',
	'tsvector' => 'a default btree operator class only',
	'money' => 'a default btree operator class only',
	'bit(3)' => 'a default btree operator class only',
	'varbit' => 'a default btree operator class only',
	'point[]' => 'values of type point, which has no default hash operator class',
	'shape' => 'values of type point, which has no default hash operator class',
	'tsvector[]' => 'values of type tsvector, which has a default btree operator class only');

# Of extensions: extension => { type => [values] }, a reason in place of values.
my $sorted = 'a default btree operator class only';
my $nothing = 'no default hash operator class';

our %extension = (
	asn1oid => { 'asn1oid' => $sorted },
	citext => { 'citext' => [qw(a A b)], 'citext[]' => [qw({a} {A})] },
	cube => { 'cube' => $sorted },
	debversion => { 'debversion' => [qw(1.0 0:1.0 1.0-1)] },
	earthdistance => { 'earth' => $sorted },
	hll => { 'hll' => $nothing },
	hstore => { 'hstore' => [ 'a=>1,b=>2', 'b=>2, a=>1', '' ] },
	ip4r => { 'ip4' => [qw(1.2.3.4 1.2.3.5)], 'ip4r' => [qw(10.0.0.0/8 10.0.0.0-10.255.255.255 10.0.0.1)],
		'ip6' => [qw(::1 0:0:0:0:0:0:0:1 ::2)], 'ip6r' => [qw(2001:db8::/32 2001:0db8::/32 ::/0)],
		'ipaddress' => [qw(1.2.3.4 ::1 0::1)], 'iprange' => [qw(10.0.0.0/8 10.0.0.0-10.255.255.255 ::/0)] },
	isn => { 'isbn13' => [qw(978-0-393-04002-9 9780393040029)], 'isbn' => [qw(0-393-04002-X 039304002X)],
		'ean13' => [qw(0220356483481)], 'issn' => [qw(1436-4522 14364522)], 'issn13' => [qw(977-1436-452-00-8)],
		'ismn' => [qw(M-2306-7118-7)], 'ismn13' => [qw(979-0-2306-7118-7)], 'upc' => [qw(220356483481)] },
	lo => { 'lo' => [qw(1 01 2)] },
	ltree => { 'ltree' => $sorted },
	numeral => { 'numeral' => [qw(one two)], 'roman' => [qw(I II XII)], 'zahl' => [qw(eins zwei)] },
	pg_rational => { 'rational' => [qw(1/2 2/4 3/1)] },
	pg_sphere => { 'spoint' => $nothing },
	pgmp => { 'mpz' => [qw(1 0x1 123456789012345678901234567890)], 'mpq' => [qw(1/2 2/4 3)] },
	postgis => { 'geometry' => [ 'POINT(1 2)', 'POINT(1.0 2.0)', 'LINESTRING(0 0,1 1)' ], 'geography' => $sorted, 'box2d' => $nothing },
	prefix => { 'prefix_range' => $sorted },
	seg => { 'seg' => $sorted },
	semver => { 'semver' => [qw(1.0.0 1.0.0+a 1.2.3-beta)], 'semverrange' => [ '[1.0.0,2.0.0)', '[1.0.0,3.0.0)' ], 'semver[]' => [ '{1.0.0}', '{1.0.0,2.0.0}' ] },
	tdigest => { 'tdigest' => $nothing },
	unit => { 'unit' => $sorted, 'unitrange' => 'values of type unit, which has a default btree operator class only' });

# Extensions that look at everything a server does, and what each needs in its
# configuration.  plprofiler comes first: it forgets what others have asked for before it.
our %neighbour = (
	auto_explain => [ 'auto_explain.log_min_duration = 0', 'auto_explain.log_analyze = on', 'auto_explain.log_nested_statements = on' ],
	pg_cron => [],
	pg_partman_bgw => [ "pg_partman_bgw.dbname = 'postgres'", 'pg_partman_bgw.interval = 5' ],
	pg_stat_statements => [ 'pg_stat_statements.track = all' ],
	pgaudit => [ "pgaudit.log = 'all'" ],
	plprofiler => []);

# To be created, as it has functions or tables of its own.
our @companions = qw(pg_cron pg_partman pg_stat_statements pgaudit pgq plprofiler);

1;
