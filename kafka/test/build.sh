# Sourced by scripts that run weir_kafka on a server of their own, after
# test/private-server.sh: has weir_kafka built and installed, too, and gives
# the copy its own of the broker's jars, since root's cache is only root's.

build_kafka() {
	[ -e /usr/include/librdkafka/rdkafka.h ] || return 0
	echo "building weir_kafka" >&2
	as_user make -s -C "$copy/weir/kafka" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" ${CC:+CC="$CC"}
	make -s -C "$copy/weir/kafka" install PG_CONFIG="$PG_CONFIG" > /dev/null
}

# Or else says why not.
fetch_kafka() {
	command -v java > /dev/null && command -v mvn > /dev/null && command -v kcat > /dev/null || {
		echo "kcat, maven or librdkafka-dev is missing"
		return 1
	}
	found=$(sh "$copy/weir/kafka/test/broker" lib) && cp -r "$found" "$copy/kafka-lib" && chmod -R a+rX "$copy/kafka-lib"
}

build_more() {
	build_kafka
	if fetch_kafka > "$copy/kafka.log" 2>&1; then
		KAFKA_LIB=$copy/kafka-lib
		return 0
	fi
	KAFKA_LIB=
	chown "$pg_user": "$copy/kafka.log"
	case ${KAFKA-} in
		auto | faults)
			echo "weir_kafka: left out, $(tail -n 1 "$copy/kafka.log")" >&2
			KAFKA=off
			;;
	esac
}
