#include <wsclose/wsclose.h>

#include "commands.h"
#include "i18n.h"
#include "out.h"
#include "stored.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static const char *command_name(const void *ctx, size_t i)
{
    (void)ctx;
    return commands[i] != NULL ? commands[i]->name : NULL;
}

#define HELP_COLUMN 22u

static void help(FILE *out)
{
    fprintf(out, "wsclose tells why WebSocket connections closed, from packets.\n\nUsage: wsclose "
                 "COMMAND [OPTION]...\n\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        char left[40];
        (void)snprintf(left, sizeof(left), "  %s %s", commands[i]->name,
                       commands[i]->operands != NULL ? commands[i]->operands : "");
        args_row(out, HELP_COLUMN, left, commands[i]->summary);
    }
    fprintf(out, "\nStart with: wsclose analyze FILE.pcap\n"
                 "The options of a command: wsclose help COMMAND\n"
                 "The version, and the libraries it runs with: wsclose --version\n");
}

static void version(void)
{
    struct wsc_library libraries[WSC_LIBRARIES_MAX];
    size_t n = wsc_libraries(libraries);
    printf("wsclose %s\n", wsc_version());
    for (size_t i = 0; i < n; i++)
        printf("%s%s%s%s", i == 0 ? "with " : ", ", libraries[i].name,
               libraries[i].version[0] != '\0' ? " " : "", libraries[i].version);
    putchar('\n');
}

static const char *option_name(const void *ctx, size_t i)
{
    static const char *const names[] = {"--help", "--version", "--lang", NULL};
    (void)ctx;
    return names[i];
}

static int unknown(const char *word)
{
    bool option = word[0] == '-';
    const char *nearest = args_nearest(word, option ? option_name : command_name, NULL);
    if (nearest != NULL)
        out_say("there is no %s \"%s\"; did you mean %s?", option ? "option" : "command", word,
                nearest);
    else if (!option && access(word, F_OK) == 0)
        out_say("what shall be done with %s? To read it: wsclose analyze %s", word, word);
    else
        out_say("there is no %s \"%s\"; wsclose --help lists %s", option ? "option" : "command",
                word, option ? "the commands, which have theirs" : "them");
    return EXIT_USAGE;
}

static const struct args_command *find(const char *word)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(word, commands[i]->name) == 0)
            return commands[i];
    return NULL;
}

static int show_help(const char *word)
{
    const struct args_command *command = word != NULL ? find(word) : NULL;
    if (word != NULL && word[0] != '-' && command == NULL)
        return unknown(word);
    if (command != NULL)
        args_help(command);
    else
        help(stdout);
    return EXIT_DONE;
}

/* --lang stands before the command too. Returns false, having said why, if it is wrong or nothing
 * follows. */
static bool take_lang(int *argc, char ***argv)
{
    static const char option[] = "--lang";
    while (*argc > 1 && strncmp((*argv)[1], option, sizeof(option) - 1) == 0) {
        const char *rest = (*argv)[1] + sizeof(option) - 1;
        int used = *rest == '=' ? 1 : 2;
        const char *lang = used == 1 ? rest + 1 : *argc > 2 ? (*argv)[2] : "";
        if (*rest != '\0' && *rest != '=')
            return true; /* another option: for unknown() */
        if (!i18n_use(lang)) {
            out_say("option --lang: expected en, ja or vi, not \"%s\"", lang);
            return false;
        }
        *argc -= used;
        *argv += used;
    }
    if (*argc < 2)
        help(stderr);
    return *argc >= 2;
}

/* What --help and --version print is written by nobody who looks. */
static int printed(int status)
{
    if (status != EXIT_DONE || (fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return status;
    out_say("cannot write the output: %s", strerror(errno));
    return EXIT_FAILED;
}

/* Not each part that goes on without the memory it asked for says so. */
static int checked(int status)
{
    if (wsc_refusals() == 0 || status == EXIT_FAILED || status == EXIT_USAGE)
        return status;
    out_say("out of memory: what was shown may be wrong or incomplete");
    return EXIT_FAILED;
}

/* A right that the program's file brings (setcap) is for live, and for doctor to look at: who reads
 * captures holds none. */
static bool give_up_right(const struct args_command *command)
{
    static const struct wsc_guard_user same = {.change = false};
    struct wsc_error err = {0};
    if (getauxval(AT_SECURE) == 0 || command == &command_live || command == &command_doctor ||
        wsc_guard_drop(&same, &err) == WSC_OK)
        return true;
    out_say("%s", err.message);
    return false;
}

int main(int argc, char **argv)
{
    i18n_init();
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is seen as a failed write */
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (!take_lang(&argc, &argv))
        return EXIT_USAGE;
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return printed(show_help(argc > 2 ? argv[2] : NULL));
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        version();
        return printed(EXIT_DONE);
    }
    const struct args_command *command = find(word);
    if (!give_up_right(command))
        return EXIT_FAILED;
    if (strcmp(word, STORED_COMMAND) == 0)
        return stored_run(argc - 2, argv + 2);
    return command != NULL ? printed(checked(command->run(argc - 2, argv + 2))) : unknown(word);
}
