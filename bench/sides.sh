# Sourced by bench/check and bench/backpressure: commits, each built with a copy of
# PostgreSQL's installation, which finds its files by where it lies.  Uses sides, which
# are base and head or head alone, and the commits in the variables of these names.

# In place of private-server.sh's: the sides instead of the tree as it is.
build() {
	for side in $sides; do
		eval "commit=\$$side"
		copy_postgres "$copy/$side"
		mkdir "$copy/$side/weir"
		git -C "$top" archive "$commit" | tar -C "$copy/$side/weir" -xf -
	done
	git -C "$top" archive HEAD | tar -C "$copy/weir" -xf -
	chown -R "$pg_user": "$copy"
	for side in $sides; do
		echo "building $side" >&2
		as_user make -s -C "$copy/$side/weir" -j"$(nproc)" PG_CONFIG="$copy/$side$PG_CONFIG" ${CC:+CC="$CC"}
		as_user make -s -C "$copy/$side/weir" install PG_CONFIG="$copy/$side$PG_CONFIG" > /dev/null
	done
}

# A link's target tells where it lies, so files are copied.
copy_postgres() {
	for what in bindir pkglibdir sharedir includedir-server; do
		from=$("$PG_CONFIG" --$what)
		mkdir -p "$1$(dirname "$from")"
		[ -e "$1$from" ] || cp -a "$from" "$1$(dirname "$from")/"
	done
}

# The server, its folder and its clients from here on are those of base or head.
on_side() {
	side=$1
	work=$WEIR_COPY/$1
	bindir=$work$(dirname "$PG_CONFIG")
	export PGHOST="$work"
}

# In place of the one in PATH, in the background: exec makes it the shell's child itself.
postgres() {
	if [ -n "${under_callgrind-}" ]; then
		exec valgrind -q --tool=callgrind --callgrind-out-file="$work/callgrind.%p" "$bindir/postgres" "$@"
	fi
	exec "$bindir/postgres" "$@"
}

initdb() {
	"$bindir/initdb" "$@"
}

side_create() {
	server_create "shared_buffers = 256MB" "max_wal_size = 8GB" "autovacuum = off"
	server_start
	(PG_CONFIG=$work$PG_CONFIG && set_up_jobs)
	export PGOPTIONS="-c client_min_messages=warning"
	server_stop
}
