/* What this machine can do: facts, asked of who knows them. Nothing is changed by asking, and no
 * file is left. Linux only. */
#ifndef WSCLOSE_DOCTOR_H
#define WSCLOSE_DOCTOR_H

#include <wsclose/error.h>
#include <wsclose/types.h>

#include <sys/types.h>

/* ---- rights ---- */

struct wsc_doctor_rights {
    bool root;
    bool effective;       /* this process has CAP_NET_RAW */
    bool file;            /* its program file grants it */
    bool no_new_rights;   /* no program started here gets more than it has (PR_SET_NO_NEW_PRIVS) */
    bool nosuid;          /* the program file lies where none is granted (mounted nosuid) */
    int refused;          /* errno of opening a packet socket that receives nothing; 0: it opens */
    unsigned seccomp_api; /* libseccomp's word for what the kernel can filter; 0: nothing */
};
void wsc_doctor_rights(struct wsc_doctor_rights *out);

/* ---- interfaces ---- */

/* Work that the interface does for the kernel, so that packets are not seen as they are on the
 * wire. 1: on, 0: off, -1: not known. */
struct wsc_doctor_interface {
    bool exists; /* a network interface, not another thing that libpcap captures from */
    bool loopback;
    uint32_t mtu; /* 0: not known */
    int gro, lro; /* segments that came are joined */
    int tso, gso; /* segments that go are not yet split */
    int rx_checksum, tx_checksum;
};
void wsc_doctor_interface(const char *name, struct wsc_doctor_interface *out);

/* ---- libraries ---- */

/* Compressed captures: the |i|-th format, NULL at the end. |*built_in|: libarchive reads it by
 * itself, in this build of it. */
const char *wsc_doctor_compression(size_t i, bool *built_in);

/* True if nDPI starts. */
bool wsc_doctor_ndpi(void);

/* ---- a database, by the first bytes of its file ---- */

struct wsc_doctor_database {
    bool exists, regular;
    bool empty;              /* of no bytes: wsclose makes a database of it */
    bool sqlite;             /* begins as SQLite's files do */
    bool ours;               /* by its application_id */
    uint32_t schema;         /* user_version */
    uint32_t newest;         /* the schema this wsclose writes */
    uint32_t sqlite_version; /* of who wrote it last: 3040001 */
    bool readable, writable; /* the file */
    bool folder;             /* the directory it lies in can be written to */
    pid_t writer;            /* who writes to it just now; 0: nobody, -1: not known who */
    uint64_t free_bytes;     /* for us, where it lies; UINT64_MAX: not known */
};
/* Not while this process has it open: to close the file again gives up the locks on it. */
void wsc_doctor_database(const char *path, struct wsc_doctor_database *out);

#endif
