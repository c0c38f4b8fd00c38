# SPDX-License-Identifier: BSD-3-Clause
# Shared by scripts/setup, demo and test (sourced, bash). Sets `top` and `build`, and runs the set-up and the build
# where they are needed. SLUICE_BUILD names another build folder than build/.
# shellcheck shell=bash

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
build=${SLUICE_BUILD:-build}
[[ $build == /* ]] || build=$top/$build
logs=$top/build/test-logs
# The compiler says which headers it read (-MD), so ccache need not run the preprocessor first: a third of a first build
export CCACHE_DEPEND=${CCACHE_DEPEND:-1}

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	warn "$*"
	exit 1
}

need_root() {
	[[ $(id -u) -eq 0 ]] || die "$1 needs root (network namespaces, raw sockets, huge pages): run it with sudo"
}

# quietly LOG CMD…: runs it with its output in LOG, which is shown when it fails.
quietly() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		warn "failed: $*"
		tail -n 40 "$log" | sed 's/^/    /' >&2
		warn "the whole log: $log"
		return 1
	fi
}

# ensure_configured DIR [-option of meson setup…]
ensure_configured() {
	local dir=$1 name=${1##*/}
	shift
	[[ ! -f $dir/build.ninja ]] || return 0
	say "configuring $name"
	rm -rf "$dir/meson-private" "$dir/meson-info" # what a failed attempt left
	quietly "$logs/$name-setup.log" meson setup "$dir" "$top" "$@"
}

# ensure_build DIR [-option of meson setup…] [target…]: configures DIR if it is not, then compiles what changed of the targets, as ninja names them (all).
ensure_build() {
	local dir=$1 name=${1##*/} word options=() targets=()
	shift
	for word; do
		if [[ $word == -* ]]; then options+=("$word"); else targets+=("$word"); fi
	done
	ensure_configured "$dir" "${options[@]}" || return 1
	# ninja -n answers in a moment; only a build that has something to do is announced
	if ! ninja -C "$dir" -n "${targets[@]}" 2>/dev/null | grep -q 'no work to do'; then
		say "building $name"
	fi
	# compilers take their memory by malloc() and page by page: in huge pages a tenth of their time goes
	GLIBC_TUNABLES=${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1} quietly "$logs/$name-compile.log" ninja -C "$dir" "${targets[@]}"
}
