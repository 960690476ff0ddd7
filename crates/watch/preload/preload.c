// The library that every dynamic program of a watched step loads first. It stands before the functions
// of the C library with which programs look up paths: each call is noted in the log, then made from the
// gate, the one place from which the step's filter lets such calls through.
//
// Whatever is unusual here (no log, a log that is full, a path that cannot be told) makes the call from
// elsewhere: then the kernel asks the listener, which notes it. So nothing here has to succeed.
//
// It uses nothing of the C library but `errno` and two functions that any has, and no header of it, so
// that one file serves programs of glibc and of musl. It takes no lock and allocates only where its
// caller asks for it: a call may come from a signal handler, or between `vfork` and `execve`.
//
// The layout of the log is that of src/log.rs, the address of the gate that of src/filter.rs.

#include "log.h"

extern int *__errno_location(void);
extern void *fdopendir(int);
extern void *malloc(size_t);

static word result(word value) {
    if (value < 0 && value > -4096) {
        *__errno_location() = (int)-value;
        return -1;
    }
    return value;
}

// ---------------------------------------------------------------- open

// The same as `how_opened` in src/calls.rs.
static uint32_t how_opened(int flags) {
    if (flags & UNNAMED)
        return PROBED;
    if (flags & PATH_ALONE)
        return flags & FOLDER ? PROBED : READ;
    if ((flags & ACCESS_MODE) == READ_ONLY)
        return flags & FOLDER ? LISTED : flags & CREATE ? READ | WRITTEN : READ;
    if (flags & TRUNCATE || (flags & (CREATE | EXCLUSIVE)) == (CREATE | EXCLUSIVE))
        return WRITTEN;
    return READ | WRITTEN;
}

static int open_at(int folder, const char *path, int flags, unsigned mode) {
    return result(look(how_opened(flags), folder, path, SYS_openat, folder, (word)path, flags,
                       flags & (CREATE | UNNAMED) ? mode : 0, 0));
}

// The mode is a variable argument, which comes like any other.
EXPORT int open(const char *path, int flags, unsigned mode) {
    return open_at(WORKING_FOLDER, path, flags, mode);
}
EXPORT int openat(int folder, const char *path, int flags, unsigned mode) {
    return open_at(folder, path, flags, mode);
}
EXPORT int __open_2(const char *path, int flags) { return open_at(WORKING_FOLDER, path, flags, 0); }
EXPORT int __openat_2(int folder, const char *path, int flags) {
    return open_at(folder, path, flags, 0);
}
EXPORT int creat(const char *path, unsigned mode) {
    return open_at(WORKING_FOLDER, path, CREATE | WRITE_ONLY | TRUNCATE, mode);
}

EXPORT int open64(const char *path, int flags, unsigned mode) SAME_AS(open);
EXPORT int openat64(int folder, const char *path, int flags, unsigned mode) SAME_AS(openat);
EXPORT int __open64_2(const char *path, int flags) SAME_AS(__open_2);
EXPORT int __openat64_2(int folder, const char *path, int flags) SAME_AS(__openat_2);
EXPORT int creat64(const char *path, unsigned mode) SAME_AS(creat);

EXPORT void *opendir(const char *path) {
    int file = open_at(WORKING_FOLDER, path, READ_ONLY | FOLDER | CLOSE_ON_EXEC | NON_BLOCKING, 0);
    if (file < 0)
        return NULL;
    void *folder = fdopendir(file);
    if (!folder)
        call(SYS_close, file, 0, 0, 0, 0, 0);
    return folder;
}

// ---------------------------------------------------------------- stat

// On both processors the C libraries' `struct stat` is the kernel's.
static int stat_at(int folder, const char *path, void *stat, int flags) {
    return result(look(PROBED, folder, path, SYS_newfstatat, folder, (word)path, (word)stat, flags, 0));
}

EXPORT int stat(const char *path, void *stat) { return stat_at(WORKING_FOLDER, path, stat, 0); }
EXPORT int lstat(const char *path, void *stat) {
    return stat_at(WORKING_FOLDER, path, stat, NOT_FOLLOWED);
}
EXPORT int fstatat(int folder, const char *path, void *stat, int flags) {
    return stat_at(folder, path, stat, flags);
}
EXPORT int stat64(const char *path, void *buffer) SAME_AS(stat);
EXPORT int lstat64(const char *path, void *buffer) SAME_AS(lstat);
EXPORT int fstatat64(int folder, const char *path, void *buffer, int flags) SAME_AS(fstatat);

// What a program calls that was linked with glibc before 2.33: with the version of the struct.
EXPORT int __xstat(int version, const char *path, void *stat) {
    (void)version;
    return stat_at(WORKING_FOLDER, path, stat, 0);
}
EXPORT int __lxstat(int version, const char *path, void *stat) {
    (void)version;
    return stat_at(WORKING_FOLDER, path, stat, NOT_FOLLOWED);
}
EXPORT int __fxstatat(int version, int folder, const char *path, void *stat, int flags) {
    (void)version;
    return stat_at(folder, path, stat, flags);
}
EXPORT int __xstat64(int version, const char *path, void *buffer) SAME_AS(__xstat);
EXPORT int __lxstat64(int version, const char *path, void *buffer) SAME_AS(__lxstat);
EXPORT int __fxstatat64(int version, int folder, const char *path, void *buffer, int flags)
    SAME_AS(__fxstatat);

// glibc makes it of a look-up with an empty path, about which the kernel would ask.
EXPORT int fstat(int file, void *stat) { return result(call(SYS_fstat, file, (word)stat, 0, 0, 0, 0)); }
EXPORT int __fxstat(int version, int file, void *stat) {
    (void)version;
    return result(call(SYS_fstat, file, (word)stat, 0, 0, 0, 0));
}
EXPORT int fstat64(int file, void *buffer) SAME_AS(fstat);
EXPORT int __fxstat64(int version, int file, void *buffer) SAME_AS(__fxstat);

EXPORT int statx(int folder, const char *path, int flags, unsigned mask, void *buffer) {
    return result(look(PROBED, folder, path, SYS_statx, folder, (word)path, flags, mask, (word)buffer));
}

EXPORT int access(const char *path, int mode) {
    return result(look(PROBED, WORKING_FOLDER, path, SYS_faccessat, WORKING_FOLDER, (word)path, mode, 0, 0));
}
EXPORT int faccessat(int folder, const char *path, int mode, int flags) {
    word number = flags ? SYS_faccessat2 : SYS_faccessat;
    return result(look(PROBED, folder, path, number, folder, (word)path, mode, flags, 0));
}

// ---------------------------------------------------------------- links

static word read_link(int folder, const char *path, char *to, size_t size) {
    return look(LINK_READ, folder, path, SYS_readlinkat, folder, (word)path, (word)to, size, 0);
}

EXPORT word readlink(const char *path, char *to, size_t size) {
    return result(read_link(WORKING_FOLDER, path, to, size));
}
EXPORT word readlinkat(int folder, const char *path, char *to, size_t size) {
    return result(read_link(folder, path, to, size));
}
EXPORT word __readlink_chk(const char *path, char *to, size_t size, size_t room) {
    (void)room;
    return result(read_link(WORKING_FOLDER, path, to, size));
}

// Resolves `path` into `out`, which has room for PATH_BYTES; returns 0 or an error below it. Each part is
// looked at as a link, as glibc and musl do it.
static word resolve(const char *path, char *out) {
    char rest[PATH_BYTES], link[PATH_BYTES];
    struct stat_buffer {
        uint64_t words[32];
    } stat;
    size_t at = 0, length = length_of(path), links = 0;
    if (!length)
        return -NOT_FOUND;
    if (length >= PATH_BYTES)
        return -TOO_LONG;
    if (path[0] != '/') {
        word got = call(SYS_getcwd, (word)out, PATH_BYTES, 0, 0, 0, 0);
        if (got < 0)
            return got;
        if (out[0] != '/')
            return -NOT_FOUND;
        at = got == 2 ? 0 : got - 1;
    }
    char *next = rest + PATH_BYTES - 1 - length;
    copy((uint8_t *)next, (const uint8_t *)path, length + 1);
    for (;;) {
        while (*next == '/')
            next++;
        size_t part = 0;
        while (next[part] && next[part] != '/')
            part++;
        if (!part)
            break;
        int dots = next[0] != '.' ? 0 : part == 1 ? 1 : part == 2 && next[1] == '.' ? 2 : 0;
        if (dots) {
            next += part;
            for (; dots == 2 && at; at--)
                if (out[at - 1] == '/') {
                    at--;
                    break;
                }
            continue;
        }
        if (at + 2 + part >= PATH_BYTES)
            return -TOO_LONG;
        size_t before = at;
        out[at++] = '/';
        copy((uint8_t *)out + at, (const uint8_t *)next, part);
        at += part;
        out[at] = 0;
        next += part;
        word got = read_link(WORKING_FOLDER, out, link, PATH_BYTES);
        if (got == -INVALID) {
            // A slash, `.` or `..` may only follow a folder; any other part is refused by the next look.
            const char *after = next;
            while (*after == '/')
                after++;
            if (after != next && (!*after || *after == '.')) {
                out[at] = '/';
                out[at + 1] = 0;
                got = look(PROBED, WORKING_FOLDER, out, SYS_newfstatat, WORKING_FOLDER, (word)out, (word)&stat, 0, 0);
                if (got < 0)
                    return got;
            }
            continue;
        }
        if (got <= 0)
            return got ? got : -NOT_FOUND;
        if (++links > 40)
            return -TOO_MANY_LINKS;
        if (got > next - rest)
            return -TOO_LONG;
        next -= got;
        copy((uint8_t *)next, (const uint8_t *)link, got);
        at = link[0] == '/' ? 0 : before;
    }
    if (!at)
        out[at++] = '/';
    out[at] = 0;
    return 0;
}

EXPORT char *realpath(const char *path, char *to) {
    char out[PATH_BYTES];
    word error = path ? resolve(path, out) : -INVALID;
    if (error < 0) {
        result(error);
        return NULL;
    }
    size_t bytes = length_of(out) + 1;
    if (!to && !(to = malloc(bytes)))
        return NULL;
    copy((uint8_t *)to, (const uint8_t *)out, bytes);
    return to;
}
EXPORT char *__realpath_chk(const char *path, char *to, size_t room) {
    (void)room;
    return realpath(path, to);
}
EXPORT char *canonicalize_file_name(const char *path) { return realpath(path, NULL); }

// ---------------------------------------------------------------- changes

EXPORT int mkdir(const char *path, unsigned mode) {
    return result(look(WRITTEN, WORKING_FOLDER, path, SYS_mkdirat, WORKING_FOLDER, (word)path, mode, 0, 0));
}
EXPORT int unlink(const char *path) {
    return result(look(WRITTEN, WORKING_FOLDER, path, SYS_unlinkat, WORKING_FOLDER, (word)path, 0, 0, 0));
}
EXPORT int chdir(const char *path) {
    return result(look(PROBED, WORKING_FOLDER, path, SYS_chdir, (word)path, 0, 0, 0, 0));
}
EXPORT int utimensat(int folder, const char *path, const void *times, int flags) {
    return result(look(WRITTEN, folder, path, SYS_utimensat, folder, (word)path, (word)times, flags, 0));
}
// A look-up without a path, about which the kernel would ask.
EXPORT int futimens(int file, const void *times) {
    uintptr_t open = __atomic_load_n(&gate, __ATOMIC_ACQUIRE);
    word value = open ? call_gate(open, SYS_utimensat, file, 0, (word)times, 0, 0)
                      : call(SYS_utimensat, file, 0, (word)times, 0, 0, 0);
    return result(value);
}
