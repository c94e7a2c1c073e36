#include "listing.h"

#include "args.h"

int listing_row(struct listing *l, enum wsc_err e)
{
    l->rows++;
    l->failed = !out_ok(&l->out, e);
    return l->failed;
}

int listing_run(const char *db, const struct out_options *show, listing_ask_fn ask,
                const void *options)
{
    struct wsc_store *store;
    struct wsc_error err;
    struct listing l = {0};
    if (wsc_store_open(db, WSC_STORE_READ, &store, &err) != WSC_OK) {
        out_say("%s", err.message);
        return EXIT_FAILED;
    }
    bool ok = out_open(&l.out, show);
    if (ok) {
        ok = ask(store, &l, options, &err) == WSC_OK;
        if (!ok)
            out_say("%s", err.message);
        ok = out_close(&l.out) && ok && (!l.failed || l.out.closed);
    }
    wsc_store_close(store);
    if (ok && l.rows == 0)
        out_say("no stored record matches");
    return ok ? EXIT_DONE : EXIT_FAILED;
}
