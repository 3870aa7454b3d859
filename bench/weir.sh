# Sourced by bench/run: the jobs of Weir.

# The query of a step and a sink.
weir_query() {
	target=nowhere
	[ "$2" = dropped ] || target=averages
	window="div(sum(f1), count(*))::bigint"
	case $1 in
		window | forgiving)
			stream=readings
			[ "$1" = window ] || stream=forgiving_readings
			count="weir.count_window(2)"
			[ "$3" = 0 ] || count="weir.count_window(2, ttl => '$3 s')"
			echo "INSERT INTO $target SELECT f0, $window FROM $stream GROUP BY f0, $count"
			;;
		union)
			echo "INSERT INTO $target SELECT f0, $window FROM (SELECT * FROM readings UNION ALL SELECT * FROM more_readings) r
				GROUP BY f0, weir.count_window(2)"
			;;
		chain)
			echo "INSERT INTO $target SELECT f1, max(f0) FROM
				(SELECT f0, max(f1) AS f1 FROM readings GROUP BY f0, weir.count_window(1)) r
				GROUP BY f1, weir.count_window(1)"
			;;
		running)
			echo "INSERT INTO totals SELECT f0, count(*), sum(f1) FROM readings GROUP BY f0
				ON CONFLICT (f0) DO UPDATE SET n = excluded.n, total = excluded.total"
			;;
		last) echo "INSERT INTO $target SELECT f0, max(f1) FROM readings GROUP BY f0, weir.count_window(1)" ;;
		none) echo "INSERT INTO $target SELECT f0, f1 FROM readings" ;;
		plpgsql) echo "INSERT INTO $target SELECT a.* FROM readings r JOIN LATERAL plpgsql_average(r) a ON weir.key_by(r.f0)" ;;
		c) echo "INSERT INTO $target SELECT a.* FROM readings r JOIN LATERAL c_average(r.f0, r.f1) a ON weir.key_by(r.f0)" ;;
		example)
			echo "INSERT INTO example_nowhere SELECT a.* FROM readings r JOIN LATERAL
				moving_average.moving_average(ROW(r.f0::text, 'C', r.f1::float8)::moving_average.reading) a
				ON weir.key_by(r.f0)"
			;;
	esac
}

# weir_create STEP TTL SINK PARALLELISM CHECKPOINTING
weir_create() {
	query "ALTER SERVER sensors OPTIONS (SET port '$port'); ALTER SERVER more_sensors OPTIONS (SET port '${other_port:-1}')"
	query "TRUNCATE averages, totals"
	query "SELECT weir.create_job('bench', \$\$$(weir_query "$1" "$3" "$2")\$\$, parallelism => $4)" > /dev/null
	query "SELECT weir.enable_checkpointing('bench', $5)" > /dev/null
}

weir_finish() {
	if [ "$(query "SELECT weir.wait_for_job('bench', 'finished', '10 min')")" != t ]; then
		psql -X -c 'TABLE weir.jobs' >&2
		fail "the job does not finish"
	fi
}

weir_drop() {
	query "SELECT weir.drop_job('bench')" > /dev/null
}

# weir_run ROW STEP TTL SINK INPUT PARALLELISM: a line of results
weir_run() {
	case $2 in
		union) start_two_senders ;;
		*) start_sender "$5" ;;
	esac
	weir_create "$2" "$3" "$4" "$6" "every => '1 s', mode => 'exactly_once'"
	measure_begin
	query "SELECT weir.start_job('bench')" > /dev/null
	weir_finish
	measure_end
	[ "$3" != 0 ] || [ "$4" != table ] || check_rows "$2"
	weir_drop
	result "$1" weir "$6" "$seconds" "$cpu" "$wal" "$memory"
}
