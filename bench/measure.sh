# Sourced by bench/run: what a span of time cost the server.
#
# measure_begin         from here
# measure_end           to here: sets seconds, cpu (seconds of all of the server's processes),
#                       wal (bytes) and memory (bytes, of what was started in between)

now() {
	date +%s.%N
}

children_of() {
	cat "/proc/$1/task/$1/children" 2>/dev/null
}

ticks_of() {
	cut -d ' ' -f 14-17 "/proc/$server_pid/stat"
	for child in $1; do
		cut -d ' ' -f 14-15 "/proc/$child/stat" 2>/dev/null || :
	done
}

# In clock ticks.  What has exited is in the postmaster's own account of its children: read
# while none exits, so that none is missed or counted twice.
server_ticks() {
	after=$(children_of "$server_pid")
	before=
	while [ "$before" != "$after" ]; do
		before=$after
		ticks=$(ticks_of "$before")
		after=$(children_of "$server_pid")
	done
	echo "$ticks" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum }'
}

wal_position() {
	query "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
}

measure_begin() {
	query "CHECKPOINT"
	wal_before=$(wal_position)
	ticks_before=$(server_ticks)
	rm -f "$work/peak"
	perl bench/peak "$server_pid" "$work/peak" &
	peak_pid=$!
	started=$(now)
}

measure_end() {
	ended=$(now)
	cpu=$(echo "$ticks_before $(server_ticks) $(getconf CLK_TCK)" | awk '{ printf "%.2f", ($2 - $1) / $3 }')
	wal=$(($(wal_position) - wal_before))
	seconds=$(echo "$started $ended" | awk '{ printf "%.3f", $2 - $1 }')
	kill -TERM "$peak_pid"
	wait "$peak_pid" || :
	memory=$(cat "$work/peak")
}
