/* Man pages and completion, made of the tables that the program itself goes by.
 *   wsclose_manual SOURCE_DIR OUT_DIR
 * OUT_DIR and its man1, man5 and completion must be there. */
#include "completion.h"
#include "pages.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("wsclose_manual SOURCE_DIR OUT_DIR\n", stderr);
        return 2;
    }
    bool pages = pages_write(argv[1], argv[2]);
    bool completion = completion_write(argv[1], argv[2]);
    return pages && completion ? 0 : 1;
}
