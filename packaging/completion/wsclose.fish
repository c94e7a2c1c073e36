# fish completion for wsclose(1). The table at the end is made of the program's own.

# The command on the line, if it stands there already.
function __wsclose_command
    set -l skip 1 # the program
    for word in (commandline -opc)
        if test $skip = 1
            set skip 0
        else if test "$word" = --lang
            set skip 1
        else if not string match -q -- '-*' "$word"
            printf '%s\n' $word
            return 0
        end
    end
    return 1
end

function __wsclose_is
    set -l command (__wsclose_command)
    and test "$command" = "$argv[1]"
end

function __wsclose_is_none
    not __wsclose_command >/dev/null
end

function __wsclose_words
    printf '%s\n' $argv
end

# Several of them, apart by commas.
function __wsclose_list
    set -l before (string match -r -- '.*,' (commandline -ct | string replace -r -- '^--[^=]*=' ''))
    for word in $argv
        printf '%s%s\n' "$before" $word
    end
end

# What stands in the database that the line names. fish quotes it: nothing of it is ever expanded.
function __wsclose_stored
    set -l database wsclose.db
    set -l last ''
    for word in (commandline -opc)
        if test "$last" = --db
            set database $word
        else if string match -q -- '--db=*' "$word"
            set database (string replace -- --db= '' "$word")
        end
        set last $word
    end
    set database (string replace -r -- '^~/' "$HOME/" "$database")
    command wsclose __stored $argv[1] "$database" 2>/dev/null
end

function __wsclose_file
    __fish_complete_path (commandline -ct | string replace -r -- '^--[^=]*=' '')
end

function __wsclose_keylog
    __wsclose_file
end

function __wsclose_capture
    __fish_complete_suffix .pcapng .pcap .cap .pcap.gz .pcapng.gz .pcap.zst .pcapng.zst .pcap.xz .pcapng.xz
end

function __wsclose_database
    __wsclose_words $argv
    __fish_complete_suffix .db .sqlite .sqlite3
end

function __wsclose_folder
    __fish_complete_directories
end

function __wsclose_interface
    __wsclose_words $argv
    __fish_print_interfaces
end

function __wsclose_user
    __fish_complete_users
end

complete -c wsclose -f
complete -c wsclose -n __wsclose_is_none -a help -d 'show the options of a command'
complete -c wsclose -n __wsclose_is_none -s h -l help -d 'show the commands'
complete -c wsclose -n __wsclose_is_none -s V -l version -d 'show the version'
complete -c wsclose -n __wsclose_is_none -l lang -x -a 'en ja vi' -d 'language of headings and prose'
@TABLE@
