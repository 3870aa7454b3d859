# Sourced by bench/run: the same jobs on Flink.

peer_maven() {
	mvn "$@" -q -B -f "$top/bench/flink/pom.xml" package > "$top/bench/flink/build.log" 2>&1
}

# As root, in the tree: builds bench/flink where there is Java; nothing of it is needed.
peer_build() {
	if ! command -v java > /dev/null || ! command -v mvn > /dev/null; then
		echo "without java and mvn there is no peer" >&2
	elif ! peer_maven --offline && ! peer_maven; then
		cat "$top/bench/flink/build.log" >&2
		echo "Flink cannot be built: there is no peer" >&2
	fi
}

peer_there() {
	[ "$peer" != off ] && command -v java > /dev/null && ls bench/flink/target/*.jar > /dev/null 2>&1
}

peer_version() {
	sed -n 's|.*<flink.version>\(.*\)</flink.version>.*|Flink \1|p' bench/flink/pom.xml
	java -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/Java \1/p'
}

# What Flink asks for on Java 17.
peer_opens() {
	for package in util lang time nio util.concurrent; do
		echo "--add-opens=java.base/java.$package=ALL-UNNAMED"
	done
}

# peer_java STEP TTL SINK PARALLELISM [PLACE...]: where the lines come from, if not from port
peer_java() {
	peer_job="parallelism=$4 step=$1 ttl=$2 sink=$3"
	shift 4
	[ $# != 0 ] || set -- "port=$port"
	rm -rf "$work/flink"
	mkdir "$work/flink"
	java $(peer_opens) -Xmx4g -Djava.io.tmpdir="$work/flink" \
		-Dorg.slf4j.simpleLogger.defaultLogLevel=error \
		-cp "bench/flink/target/bench-flink-1.jar:bench/flink/target/jars/*" weir.bench.Peer \
		$peer_job "$@" \
		"url=jdbc:postgresql://127.0.0.1:$PGPORT/postgres?reWriteBatchedInserts=true" \
		user=peer "password=${peer_password-}" "checkpoints=$work/flink" 2> "$work/flink.log"
}

# A run that fails is said, and is none: the rest of the table is worth having.
peer_failed() {
	kill "$sender" 2>/dev/null || :
	grep '^Caused by' "$work/flink.log" | tail -n 1 >&2
	echo "$1: Flink failed at parallelism $2" | tee -a "$work/failures" >&2
	query "SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts" | while read -r statement; do
		query "$statement"
	done
}

# peer_run ROW STEP TTL SINK INPUT PARALLELISM: a line of results
peer_run() {
	start_sender "$5"
	if [ "$warm" != 0 ]; then
		cold_port=$port
		start_sender "$5"
		port=$cold_port,$port
	fi
	[ "$4" = dropped ] && sink=dropped || sink=exactly-once
	query "TRUNCATE averages"
	measure_begin
	said=$(peer_java "$2" "$3" "$sink" "$6") || said=
	measure_end
	if [ -z "$said" ]; then
		peer_failed "$1" "$6"
		return
	fi
	[ "$3" != 0 ] || [ "$4" != table ] || [ "$warm" != 0 ] || check_rows "$1"
	# Its own clock, which begins with the job; of the server, what JDBC had it do.
	result "$1" flink "$6" "$(word "$said" seconds)" \
		"$(echo "$cpu $(word "$said" cpu)" | awk '{ print $1 + $2 }')" "$wal" "$(word "$said" memory)"
}
