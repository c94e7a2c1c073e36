/* What shells ask for to complete a value: a command that no help names. */
#ifndef WSC_CLI_STORED_H
#define WSC_CLI_STORED_H

/* The word that stands for it on the command line. */
#define STORED_COMMAND "__stored"

/* "KEY [DATABASE]": prints what the database has for KEY, a word of stats --by, or for "id" the
 * newest records, one a line: the value, then, where there is more to say, a tab and that. What
 * holds a control character or the like is left out: it could not be typed. It takes a second at
 * most and says nothing of what goes wrong: whoever waits for it wants to type on. Returns
 * EXIT_DONE, or EXIT_USAGE for other words. */
int stored_run(int argc, char **argv);

#endif
