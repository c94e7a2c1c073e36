/* The commands; one file each. */
#ifndef WSC_CLI_COMMANDS_H
#define WSC_CLI_COMMANDS_H

#include "args.h"

extern const struct args_command command_live, command_extract, command_show;
extern const struct args_command command_explain, command_compare, command_diagnose, command_report,
    command_doctor;
extern const struct args_command command_analyze, command_events, command_stats, command_codes;

/* All of them, in the order of the help; NULL ends. Whatever tells of commands (--help, man pages,
 * completion) goes by this list and the option tables in it. */
extern const struct args_command *const commands[];

/* The database used when --db is not given. */
#define DEFAULT_DB "wsclose.db"

#endif
