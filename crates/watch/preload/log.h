// The log that all processes of a step share, and the gate: see src/log.rs and src/filter.rs.

#pragma once

#include "kernel.h"

#define GATE 0x3d697a7000
#define MAGIC 0x6d697a7a656e3031
#define HEADER_BYTES 4096
#define SLOTS (1 << 17)
#define PROBES 32
#define LOG_BYTES (HEADER_BYTES + SLOTS * 4 + (16 << 20))

#define PROBED 1
#define READ 2
#define LISTED 4
#define LINK_READ 8
#define WRITTEN 32

struct header {
    uint64_t magic;
    // Where the next record goes, in bytes from the start of the log.
    uint64_t end;
    uint32_t state;
    // Not 0 once the step has made a link: then the listener follows every path.
    uint32_t has_links;
};

// The state in which nothing more needs to be noted.
#define BLIND 2

struct record {
    uint32_t length;
    uint32_t kinds;
    uint8_t path[];
};

// Written over when the file is put into a stage: where the log lies.
EXPORT const volatile char mizzen_log_path[PATH_BYTES] = "mizzen: the path of the log";

static uint8_t *mapped;
static uintptr_t gate;

static void set_up(void) {
    char path[PATH_BYTES];
    size_t at = 0;
    do {
        path[at] = mizzen_log_path[at];
    } while (path[at++] && at < PATH_BYTES);
    word file = call(SYS_openat, WORKING_FOLDER, (word)path, READ_WRITE | CLOSE_ON_EXEC, 0, 0, 0);
    if (file < 0)
        return;
    word log = call(SYS_mmap, 0, LOG_BYTES, 3 /* read, write */, 1 /* shared */, file, 0);
    call(SYS_close, file, 0, 0, 0, 0, 0);
    if (log < 0 && log > -4096)
        return;
    if (((struct header *)log)->magic != MAGIC)
        return;
    // Private, anonymous, and nowhere else.
    word code = call(SYS_mmap, GATE, PATH_BYTES, 3, 0x100022, -1, 0);
    if (code != GATE) {
        if (code > 0 || code <= -4096)
            call(SYS_munmap, code, PATH_BYTES, 0, 0, 0, 0);
        return;
    }
    for (size_t byte = 0; byte < sizeof GATE_CODE; byte++)
        ((volatile uint8_t *)code)[byte] = GATE_CODE[byte];
#if defined(__aarch64__)
    // The code lies in one line of the caches.
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" : : "r"(code) : "memory");
#endif
    if (call(SYS_mprotect, code, PATH_BYTES, 5 /* read, execute */, 0, 0, 0) < 0)
        return;
    mapped = (uint8_t *)log;
    __atomic_store_n(&gate, (uintptr_t)code, __ATOMIC_RELEASE);
}

__attribute__((constructor)) static void start(void) { set_up(); }

static size_t length_of(const char *text) {
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static void copy(uint8_t *to, const uint8_t *from, size_t length) {
    for (size_t at = 0; at < length; at++)
        to[at] = from[at];
}

static int same(const uint8_t *left, const uint8_t *right, size_t length) {
    for (size_t at = 0; at < length; at++)
        if (left[at] != right[at])
            return 0;
    return 1;
}

// Notes that `path` is looked up, unless that is noted already. Returns whether it is in the log.
static int note(uint32_t kinds, const char *path, size_t length) {
    uint64_t hash = 0xcbf29ce484222325 ^ kinds;
    for (size_t at = 0; at < length; at++)
        hash = (hash ^ (uint8_t)path[at]) * 0x100000001b3;
    hash ^= hash >> 32;
    uint32_t *slots = (uint32_t *)(mapped + HEADER_BYTES);
    uint64_t offset = 0;
    for (uint32_t probe = 0; probe < PROBES; probe++) {
        uint32_t *slot = slots + ((hash + probe) & (SLOTS - 1));
        uint32_t there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        if (!there) {
            if (!offset) {
                uint64_t bytes = (sizeof(struct record) + length + 7) & ~(uint64_t)7;
                uint64_t *end = &((struct header *)mapped)->end;
                offset = __atomic_fetch_add(end, bytes, __ATOMIC_RELAXED);
                if (offset + bytes > LOG_BYTES)
                    return 0;
                struct record *record = (struct record *)(mapped + offset);
                record->length = length;
                record->kinds = kinds;
                copy(record->path, (const uint8_t *)path, length);
            }
            // A record is one from here on, and the call comes after: a process that is killed before has
            // looked up nothing.
            if (__atomic_compare_exchange_n(slot, &there, (uint32_t)(offset >> 3), 0, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE))
                return 1;
        }
        struct record *record = (struct record *)(mapped + ((uint64_t)there << 3));
        if (record->kinds == kinds && record->length == length &&
            same(record->path, (const uint8_t *)path, length))
            return 1;
    }
    return 0;
}

// Notes a path that does not start at the root.
__attribute__((noinline)) static int note_relative(uint32_t kinds, int folder, const char *path,
                                                   size_t length) {
    char whole[2 * PATH_BYTES];
    word at;
    if (folder == WORKING_FOLDER) {
        at = call(SYS_getcwd, (word)whole, PATH_BYTES, 0, 0, 0, 0) - 1;
    } else {
        char link[32] = "/proc/self/fd/";
        char digits[12];
        int count = 0, place = 14;
        if (folder < 0)
            return 0;
        do {
            digits[count++] = '0' + folder % 10;
            folder /= 10;
        } while (folder);
        while (count)
            link[place++] = digits[--count];
        at = call_gate(gate, SYS_readlinkat, WORKING_FOLDER, (word)link, (word)whole, PATH_BYTES, 0);
    }
    if (at <= 0 || at >= PATH_BYTES || whole[0] != '/')
        return 0;
    whole[at++] = '/';
    copy((uint8_t *)whole + at, (const uint8_t *)path, length);
    return note(kinds, whole, at + length);
}

// Makes a call about `path`: from the gate once it is noted.
static word look(uint32_t kinds, int folder, const char *path, word number, word a, word b, word c,
                 word d, word e) {
    uintptr_t open = __atomic_load_n(&gate, __ATOMIC_ACQUIRE);
    struct header *header = (struct header *)mapped;
    if (open && path && !__atomic_load_n(&header->has_links, __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(&header->state, __ATOMIC_RELAXED) == BLIND)
            return call_gate(open, number, a, b, c, d, e);
        size_t length = length_of(path);
        // An empty path is that of a descriptor, or of nothing.
        int noted = length == 0            ? 1
                    : length >= PATH_BYTES ? 0
                    : path[0] == '/'       ? note(kinds, path, length)
                                           : note_relative(kinds, folder, path, length);
        if (noted)
            return call_gate(open, number, a, b, c, d, e);
    }
    return call(number, a, b, c, d, e, 0);
}
