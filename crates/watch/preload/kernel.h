// The kernel's calls, flags and errors as this library needs them: a C library's headers may not be there.

#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define SAME_AS(name) __attribute__((alias(#name), visibility("default")))

#define PATH_BYTES 4096

// Errors.
#define NOT_FOUND 2
#define INVALID 22
#define TOO_LONG 36
#define TOO_MANY_LINKS 40

#define WORKING_FOLDER -100
#define NOT_FOLLOWED 0x100

// Flags of `open`.
#define ACCESS_MODE 3
#define READ_ONLY 0
#define WRITE_ONLY 1
#define READ_WRITE 2
#define CREATE 0100
#define EXCLUSIVE 0200
#define TRUNCATE 01000
#define NON_BLOCKING 04000
#define CLOSE_ON_EXEC 02000000
#define PATH_ALONE 010000000
#define UNNAMED 020000000

#if defined(__x86_64__)
#define FOLDER 0200000
#define SYS_close 3
#define SYS_fstat 5
#define SYS_mmap 9
#define SYS_mprotect 10
#define SYS_munmap 11
#define SYS_getcwd 79
#define SYS_chdir 80
#define SYS_openat 257
#define SYS_mkdirat 258
#define SYS_newfstatat 262
#define SYS_unlinkat 263
#define SYS_readlinkat 267
#define SYS_faccessat 269
#define SYS_utimensat 280
#define SYS_statx 332
#elif defined(__aarch64__)
#define FOLDER 040000
#define SYS_close 57
#define SYS_fstat 80
#define SYS_mmap 222
#define SYS_mprotect 226
#define SYS_munmap 215
#define SYS_getcwd 17
#define SYS_chdir 49
#define SYS_openat 56
#define SYS_mkdirat 34
#define SYS_newfstatat 79
#define SYS_unlinkat 35
#define SYS_readlinkat 78
#define SYS_faccessat 48
#define SYS_utimensat 88
#define SYS_statx 291
#else
#error "not one of the processors that mizzen is for"
#endif
#define SYS_faccessat2 439

typedef long word;

#if defined(__x86_64__)
static word call(word number, word a, word b, word c, word d, word e, word f) {
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    register word r9 __asm__("r9") = f;
    word result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static word call_gate(uintptr_t gate, word number, word a, word b, word c, word d, word e) {
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    word result;
    __asm__ volatile("call *%[gate]"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), [gate] "r"(gate)
                     : "rcx", "r11", "memory");
    return result;
}

// endbr64; syscall; ret
static const uint8_t GATE_CODE[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x05, 0xc3};
#elif defined(__aarch64__)
static word call(word number, word a, word b, word c, word d, word e, word f) {
    register word x8 __asm__("x8") = number;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x4 __asm__("x4") = e;
    register word x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

static word call_gate(uintptr_t gate, word number, word a, word b, word c, word d, word e) {
    register word x8 __asm__("x8") = number;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x4 __asm__("x4") = e;
    __asm__ volatile("blr %[gate]"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [gate] "r"(gate)
                     : "x30", "memory");
    return x0;
}

// bti c; svc 0; ret
static const uint8_t GATE_CODE[] = {0x5f, 0x24, 0x03, 0xd5, 0x01, 0x00, 0x00, 0xd4,
                                    0xc0, 0x03, 0x5f, 0xd6};
#endif
