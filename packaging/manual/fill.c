#include "fill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 8u

struct filling {
    const char *from;
    const struct fill_slot *slots;
    unsigned used[SLOTS_MAX];
    FILE *out;
};

static bool say(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    return false;
}

/* True if |line| is "@NAME@", and then |line| is NAME. */
static bool is_slot(char *line, char **name)
{
    size_t len = strlen(line);
    if (len < 3 || line[0] != '@' || line[len - 1] != '@')
        return false;
    line[len - 1] = '\0';
    *name = line + 1;
    return true;
}

static bool take_line(struct filling *f, char *line, const void *ctx)
{
    char *name;
    line[strcspn(line, "\n")] = '\0';
    if (!is_slot(line, &name))
        return fprintf(f->out, "%s\n", line) >= 0;
    for (size_t i = 0; f->slots[i].name != NULL; i++) {
        if (strcmp(f->slots[i].name, name) != 0)
            continue;
        f->used[i]++;
        f->slots[i].write(f->out, ctx);
        return true;
    }
    fprintf(stderr, "%s: @%s@ stands for nothing\n", f->from, name);
    return false;
}

static bool all_used(const struct filling *f)
{
    for (size_t i = 0; f->slots[i].name != NULL; i++)
        if (f->used[i] != 1) {
            fprintf(stderr, "%s: @%s@ must stand there once\n", f->from, f->slots[i].name);
            return false;
        }
    return true;
}

bool fill(const char *from, const char *to, const struct fill_slot *slots, const void *ctx)
{
    struct filling f = {.from = from, .slots = slots};
    FILE *in = fopen(from, "r");
    if (in == NULL)
        return say(from, strerror(errno));
    f.out = fopen(to, "w");
    bool ok = f.out != NULL || say(to, strerror(errno));
    char *line = NULL;
    size_t cap = 0;
    while (ok && getline(&line, &cap, in) >= 0)
        ok = take_line(&f, line, ctx);
    ok = ok && (!ferror(in) || say(from, "cannot be read")) && all_used(&f);
    free(line);
    (void)fclose(in);
    if (f.out != NULL && fclose(f.out) != 0)
        ok = say(to, "cannot be written");
    return ok;
}
