# Sourced by bench/run: how soon what was written is a visible row, in at_least_once.
# The sender stamps each line just before it writes it; watch_averages (setup.sql) sees
# when its row is there.

latency_rate=50000
latency_seconds=15
latency_warm=250000

latency_begin() {
	start_sender --stamp "$latency_rate" "$latency_seconds" "$keys"
	query "TRUNCATE averages, seen"
}

# latency_end SYSTEM
latency_end() {
	query "CALL watch_averages($latency_warm, $((latency_rate * latency_seconds)))"
	result latency "$1" 1 $(query "SELECT seen_within(0.5), seen_within(0.99), seen_within(1)" | tr '|' ' ')
}

latency_row() {
	latency_begin
	weir_create last 0 table 1 "every => '1 s', mode => 'at_least_once', sink_flush => '10 ms'"
	query "SELECT weir.start_job('bench')" > /dev/null
	latency_end weir
	weir_finish
	weir_drop

	peer_there || return 0
	latency_begin
	peer_java last 0 at-least-once 1 > /dev/null &
	java=$!
	latency_end flink
	wait "$java" || fail "Flink failed"
}
