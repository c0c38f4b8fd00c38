# SPDX-License-Identifier: BSD-3-Clause
# Bash completion for sluice: `source` it, or install it as /usr/share/bash-completion/completions/sluice.
# What there is to offer is known to the program itself (sluice __complete); this only carries words.

_sluice()
{
	local line=${COMP_LINE:0:COMP_POINT} current prefix='' breaks i
	local -a words found

	# Bash would cut name=blue and MAC addresses at = and :, so the line is cut here, at blanks. A quoted key of two
	# words means the same as two words.
	line=${line//[\"\']/}
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	current=${words[-1]}
	mapfile -t found < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)

	# Readline replaces only what follows the last of its word breaks.
	breaks=${COMP_WORDBREAKS//[^:=@]/}
	[[ -n $breaks ]] && prefix=${current%"${current##*["$breaks"]}"}
	COMPREPLY=()
	if [[ ${found[0]-} == :files ]]; then
		[[ $current == --*=* ]] && current=${current#*=}
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
	fi
	for i in "${found[@]}"; do
		# name=, bandwidth. and tunnel: want more behind them, not a blank
		[[ $i == *[=:@.] ]] && compopt -o nospace 2>/dev/null
		COMPREPLY+=("${i#"$prefix"}")
	done
}

complete -F _sluice sluice
