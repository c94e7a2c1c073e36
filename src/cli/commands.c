#include "commands.h"

const struct args_command *const commands[] = {&command_analyze,
                                               &command_live,
                                               &command_events,
                                               &command_show,
                                               &command_stats,
                                               &command_extract,
                                               &command_diagnose,
                                               &command_report,
                                               &command_explain,
                                               &command_compare,
                                               &command_codes,
                                               &command_doctor,
                                               NULL};
