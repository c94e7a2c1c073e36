/* The whole library. */
#ifndef WSCLOSE_WSCLOSE_H
#define WSCLOSE_WSCLOSE_H

#include <wsclose/across.h>
#include <wsclose/analyzer.h>
#include <wsclose/capture.h>
#include <wsclose/closure.h>
#include <wsclose/codes.h>
#include <wsclose/doctor.h>
#include <wsclose/error.h>
#include <wsclose/extract.h>
#include <wsclose/findings.h>
#include <wsclose/guard.h>
#include <wsclose/keylog.h>
#include <wsclose/libraries.h>
#include <wsclose/limits.h>
#include <wsclose/live.h>
#include <wsclose/metrics.h>
#include <wsclose/page.h>
#include <wsclose/pcapng.h>
#include <wsclose/plot.h>
#include <wsclose/report.h>
#include <wsclose/store.h>
#include <wsclose/story.h>
#include <wsclose/types.h>
#include <wsclose/workers.h>

#define WSCLOSE_VERSION "0.1.0"

/* WSCLOSE_VERSION of the library in use. */
const char *wsc_version(void);

#endif
