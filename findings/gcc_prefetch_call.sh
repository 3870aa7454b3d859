#!/bin/sh
# gcc 12.2.0 (Debian 12), amd64.
#
# A function whose body only prefetches does what the body does in its place, one would guess, as prefetching is
# all that it is for. But gcc takes it for one without effects, and leaves out calls of it that return nothing and
# that were not inlined before: at -O1 and -O2 those of a static inline function with a small loop, at any level
# from -O1 on those of a function that is never inlined. Nothing is said, with -Wall -Wextra, and the program
# is only slower. always_inline helps, and so does an empty volatile asm in the body.
. "$(dirname "$0")/lib/finding"

debs gcc gcc-12=12.2.0-14+deb12u1 cpp-12=12.2.0-14+deb12u1
cat > "$tmp/prefetch.c" <<'C'
struct slot { unsigned hash; void *entry; };
struct table { unsigned mask; struct slot *slots; };

#define AHEAD(t, hashes, n) \
	for (int i = 0; i < (n); i++) \
	{ \
		const struct slot *s = &(t)->slots[(hashes)[i] & (t)->mask]; \
		__builtin_prefetch(s); \
		__builtin_prefetch(s + 3); \
	}
#define ARGS const struct table *t, const unsigned *hashes, int n

static inline void ahead(ARGS) { AHEAD(t, hashes, n) }
static inline __attribute__((always_inline)) void ahead_always(ARGS) { AHEAD(t, hashes, n) }
static inline void ahead_asm(ARGS) { AHEAD(t, hashes, n) __asm__ volatile (""); }
static __attribute__((noinline)) void ahead_one(const void *p) { __builtin_prefetch(p); }

void in_place(ARGS) { AHEAD(t, hashes, n) }
void static_inline(ARGS) { ahead(t, hashes, n); }
void always_inline(ARGS) { ahead_always(t, hashes, n); }
void with_asm(ARGS) { ahead_asm(t, hashes, n); }
void not_inline(const void *p) { ahead_one(p); }
C
# What each of the last five functions executes: instructions that prefetch, and calls.
for level in -O1 -O2 -O3; do
	unpacked gcc "$tmp/gcc/usr/bin/gcc-12" $level -Wall -Wextra -S -o "$tmp/prefetch.s" "$tmp/prefetch.c" 2>&1 ||
		give_up "gcc failed"
	awk -v level=$level '
		/^[a-z_]+:/ { name = $1; if (name !~ /^ahead/) { names[++n] = name; prefetches[name] = calls[name] = 0 } }
		$1 ~ /^prefetch/ { prefetches[name]++ }
		$1 == "call" || ($1 == "jmp" && $2 !~ /^\./) { calls[name]++ }
		END { for (i = 1; i <= n; i++) print level, names[i], prefetches[names[i]], "prefetches,", calls[names[i]], "calls" }
	' "$tmp/prefetch.s"
done > "$tmp/seen"

same <<'SAID'
-O1 in_place: 2 prefetches, 0 calls
-O1 static_inline: 0 prefetches, 0 calls
-O1 always_inline: 2 prefetches, 0 calls
-O1 with_asm: 2 prefetches, 0 calls
-O1 not_inline: 0 prefetches, 0 calls
-O2 in_place: 2 prefetches, 0 calls
-O2 static_inline: 0 prefetches, 0 calls
-O2 always_inline: 2 prefetches, 0 calls
-O2 with_asm: 2 prefetches, 0 calls
-O2 not_inline: 0 prefetches, 0 calls
-O3 in_place: 2 prefetches, 0 calls
-O3 static_inline: 2 prefetches, 0 calls
-O3 always_inline: 2 prefetches, 0 calls
-O3 with_asm: 2 prefetches, 0 calls
-O3 not_inline: 0 prefetches, 0 calls
SAID
