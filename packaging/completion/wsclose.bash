# bash completion for wsclose(1). What stands between the functions is made of the program's own tables.

# The words up to the cursor as wsclose gets them: bash breaks them at ":" and "=", too.
_wsclose_split() {
    local line=${COMP_LINE:0:COMP_POINT} piece i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=("")
        fi
        ((i < COMP_CWORD)) || piece=$line
        words[${#words[@]} - 1]+=$piece
        line=${line#"$piece"}
    done
}

_wsclose_commands() { # sets options
    options=(
@COMMANDS@
    )
}

_wsclose_options() { # COMMAND: sets options
    case $1 in
@OPTIONS@
    esac
}

_wsclose_value() { # COMMAND OPTION, or COMMAND "" for an operand: sets kind, stored, many, values; fails if none is taken
    local words=()
    kind='' stored='' many=''
    case "$1 $2" in
@VALUES@
        *) return 1 ;;
    esac
    values=("${words[@]}")
}

# A path as it was typed, without what quotes it.
_wsclose_path() {
    local path=$1
    case $path in
        \'*\' | \"*\") path=${path:1:${#path}-2} ;;
        *) path=${path//\\/} ;;
    esac
    [[ $path != '~/'* ]] || path=$HOME/${path:2}
    printf '%s' "$path"
}

# Offers what begins with the typed word, quoted as that word is. Nothing of it is ever expanded.
_wsclose_offer() { # TYPED BEFORE VALUE...: BEFORE stands in front of each value
    local typed=$1 before=$2 value quoted tail
    shift 2
    for value; do
        case $typed in
            \'*) [[ $value != *\'* ]] || continue ;;
            \"*) [[ $value != *[\"\$\`\\!]* ]] || continue ;;
        esac
        case $typed in
            [\'\"]*)
                [[ $value == "${typed:1}"* ]] && COMPREPLY+=("$value")
                continue
                ;;
        esac
        printf -v quoted %q "$value"
        [[ $quoted == "$typed"* ]] || continue
        quoted=$before$quoted
        # bash replaces only what stands behind the last character at which it breaks words.
        tail=$before$typed
        [[ $COMP_WORDBREAKS == *:* ]] && tail=${tail##*:}
        [[ $COMP_WORDBREAKS == *=* ]] && tail=${tail##*=}
        COMPREPLY+=("${quoted:${#before}+${#typed}-${#tail}}")
    done
}

_wsclose_files() { # TYPED [PATTERN]
    local cur=$1 COMP_FILEDIR_FALLBACK=1 BASH_COMPLETION_FILEDIR_FALLBACK=1
    if declare -F _filedir >/dev/null; then
        _filedir ${2:+"$2"}
    else
        compopt -o default 2>/dev/null
    fi
}

_wsclose_complete_value() { # TYPED BEFORE DATABASE: by kind, stored, values
    local typed=$1 before=$2 list
    case $kind in
        words | database | interface) _wsclose_offer "$typed" "$before" "${values[@]}" ;;
    esac
    case $kind in
        list)
            [[ $typed == *,* ]] && before+=${typed%,*},
            _wsclose_offer "${typed##*,}" "$before" "${values[@]}"
            compopt -o nospace 2>/dev/null
            ;;
        stored)
            mapfile -t list < <(command wsclose __stored "$stored" "$3" 2>/dev/null)
            _wsclose_offer "$typed" "$before" "${list[@]%%$'\t'*}"
            ;;
        file | keylog) _wsclose_files "$typed" ;;
        capture) _wsclose_files "$typed" '@(pcap|pcapng|cap|pcap?(ng).@(gz|zst|xz|bz2|lz4))' ;;
        database) _wsclose_files "$typed" '@(db|sqlite|sqlite3)' ;;
        folder) _wsclose_files "$typed" -d ;;
        interface)
            list=(/sys/class/net/*)
            _wsclose_offer "$typed" "$before" "${list[@]##*/}"
            ;;
        user)
            mapfile -t list < <(compgen -u)
            _wsclose_offer "$typed" "$before" "${list[@]}"
            ;;
    esac
}

_wsclose() {
    local words command='' pending='' database=wsclose.db only_operands='' options=() used=' '
    local kind stored many values word i
    COMPREPLY=()
    _wsclose_split
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        if [[ -n $pending ]]; then
            [[ $pending != --db ]] || database=$(_wsclose_path "$word")
            pending=''
        elif [[ -z $command && $word != -* ]]; then
            command=$word
        elif [[ -z $only_operands && $word == -* ]]; then
            [[ $word != -- ]] || only_operands=1
            _wsclose_value "${command:-codes}" "${word%%=*}" || continue
            [[ -n $many ]] || used+="${word%%=*} "
            case $word in
                --db=*) database=$(_wsclose_path "${word#--db=}") ;;
                *=*) ;;
                *) pending=$word ;;
            esac
        fi
    done
    word=${words[${#words[@]} - 1]}
    if [[ -n $pending ]]; then
        _wsclose_value "${command:-codes}" "$pending" && _wsclose_complete_value "$word" '' "$database"
    elif [[ -z $command ]]; then
        _wsclose_commands
        _wsclose_offer "$word" '' "${options[@]}" help --help --version --lang
    elif [[ $command == help ]]; then
        _wsclose_commands
        _wsclose_offer "$word" '' "${options[@]}"
    elif [[ -z $only_operands && $word == --*=* ]]; then
        _wsclose_value "$command" "${word%%=*}" && _wsclose_complete_value "${word#*=}" "${word%%=*}=" "$database"
    elif [[ -z $only_operands && $word == -* ]] || ! _wsclose_value "$command" ''; then
        _wsclose_options "$command"
        for i in "${options[@]}"; do
            [[ $used == *" $i "* ]] || _wsclose_offer "$word" '' "$i"
        done
    else
        _wsclose_complete_value "$word" '' "$database"
    fi
}

complete -F _wsclose wsclose
