// Looks up paths in every way that a program can: `looker WAY PATH…`. Built dynamic and static.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char **paths;

static void read_it(const char *path) {
    char byte;
    int file = open(path, O_RDONLY);
    if (file >= 0) {
        if (read(file, &byte, 1) < 0)
            perror(path);
        close(file);
    }
}

static void *in_thread(void *path) {
    read_it(path);
    return NULL;
}

static void wait_for(pid_t child) {
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        exit(3);
}

int main(int count, char **arguments) {
    const char *way = arguments[1];
    paths = arguments + 2;
    const char *first = count > 2 ? paths[0] : "", *second = count > 3 ? paths[1] : "";
    struct stat stat_buffer;
    char buffer[4096];
#define IS(name) (strcmp(way, name) == 0)
    if (IS("read")) {
        for (char **path = paths; *path; path++)
            read_it(*path);
    } else if (IS("threads")) {
        pthread_t threads[8];
        for (int at = 0; paths[at]; at++)
            pthread_create(&threads[at], NULL, in_thread, paths[at]);
        for (int at = 0; paths[at]; at++)
            pthread_join(threads[at], NULL);
    } else if (IS("fork")) {
        pid_t child = fork();
        if (!child) {
            read_it(first);
            _exit(0);
        }
        wait_for(child);
    } else if (IS("vfork")) {
        // Runs itself, with a look-up before that: in the memory of the parent.
        char *again[] = {arguments[0], "read", paths[1], NULL};
        pid_t child = vfork();
        if (!child) {
            access(first, R_OK);
            execv(arguments[0], again);
            _exit(1);
        }
        wait_for(child);
    } else if (IS("spawn") || IS("scrubbed")) {
        char *again[] = {arguments[0], "read", paths[0], NULL}, *nothing[] = {NULL};
        pid_t child;
        if (posix_spawn(&child, arguments[0], NULL, NULL, again, IS("spawn") ? environ : nothing))
            return 3;
        wait_for(child);
    } else if (IS("execveat")) {
        char *again[] = {arguments[0], "read", paths[0], NULL};
        int self = open(arguments[0], O_PATH | O_CLOEXEC);
        syscall(SYS_execveat, self, "", again, environ, AT_EMPTY_PATH);
        return 3;
    } else if (IS("run")) {
        execv(first, paths);
        return 3;
    } else if (IS("chdir")) {
        if (chdir(first))
            return 3;
        read_it(second);
    } else if (IS("folder")) {
        int folder = open(first, O_RDONLY | O_DIRECTORY);
        int file = openat(folder, second, O_RDONLY);
        fstatat(folder, "probed", &stat_buffer, 0);
        faccessat(folder, "asked", R_OK, 0);
        if (readlinkat(folder, "link", buffer, sizeof buffer) > 0)
            return 3;
        close(file);
    } else if (IS("openat2")) {
        struct {
            unsigned long flags, mode, resolve;
        } how = {O_RDONLY, 0, 0};
        syscall(437, AT_FDCWD, first, &how, sizeof how);
        how.resolve = 0x10;
        if (*second)
            syscall(437, AT_FDCWD, second, &how, sizeof how);
    } else if (IS("statx")) {
        struct statx statx_buffer;
        statx(AT_FDCWD, first, 0, STATX_ALL, &statx_buffer);
        if (stat(second, &stat_buffer) == 0 || lstat(second, &stat_buffer) == 0)
            return 3;
    } else if (IS("raw")) {
        syscall(SYS_openat, AT_FDCWD, first, O_RDONLY);
#ifdef SYS_open
        syscall(SYS_open, second, O_RDONLY);
#else
        syscall(SYS_openat, AT_FDCWD, second, O_RDONLY);
#endif
    } else if (IS("real")) {
        char *real = realpath(first, NULL);
        printf("%s\n", real ? real : strerror(errno));
    } else if (IS("list")) {
        char command[4096];
        snprintf(command, sizeof command, "ls %s", first);
        return system(command) != 0;
    } else if (IS("bad")) {
        // No path at all, one in no memory, one that ends where the memory does.
        syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY);
        syscall(SYS_openat, AT_FDCWD, (char *)8, O_RDONLY);
        long page = sysconf(_SC_PAGESIZE);
        char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(two + page, page);
        char *last = two + page - strlen(first) - 1;
        strcpy(last, first);
        syscall(SYS_openat, AT_FDCWD, last, O_RDONLY);
        memset(two, '/', page);
        syscall(SYS_openat, AT_FDCWD, two, O_RDONLY);
    } else if (IS("long")) {
        // 4,095 bytes are the longest that the kernel takes; one more is no look-up.
        char longest[4097];
        memset(longest, 'x', sizeof longest);
        for (int at = 0; at < 4095; at += 100)
            longest[at] = '/';
        longest[4095] = 0;
        int longest_error = open(longest, O_RDONLY) < 0 ? errno : 0;
        longest[4095] = 'x';
        longest[4096] = 0;
        int too_long_error = open(longest, O_RDONLY) < 0 ? errno : 0;
        printf("%d %d\n", longest_error == ENOENT, too_long_error == ENAMETOOLONG);
    } else if (IS("write")) {
        int file = open(first, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (write(file, "x", 1) != 1)
            return 3;
        close(file);
        if (rename(first, second))
            return 3;
        read_it(second);
        file = open(second, O_WRONLY | O_APPEND);
        close(file);
        unlink(second);
    } else if (IS("unnamed")) {
        // A file that gets its first name when it is complete.
        int file = open(".", O_TMPFILE | O_RDWR, 0644);
        if (write(file, "x", 1) != 1)
            return 3;
        snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", file);
        if (linkat(AT_FDCWD, buffer, AT_FDCWD, first, AT_SYMLINK_FOLLOW))
            return 3;
        read_it(first);
    } else if (IS("move")) {
        if (rename(first, second))
            return 3;
        snprintf(buffer, sizeof buffer, "%s/%s", second, paths[2]);
        read_it(buffer);
    } else if (IS("link")) {
        if (symlink(first, second))
            return 3;
        for (char **path = paths + 2; *path; path++)
            read_it(*path);
    } else if (IS("socket")) {
        struct sockaddr_un address = {AF_UNIX, ""};
        strncpy(address.sun_path, first, sizeof address.sun_path - 1);
        int file = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(file, (struct sockaddr *)&address, sizeof address) == 0)
            return 3;
    } else if (IS("io_uring")) {
        char parameters[120] = {0};
        long file = syscall(SYS_io_uring_setup, 4, parameters);
        printf("%d\n", file < 0 && errno == ENOSYS);
    } else if (IS("mount")) {
        syscall(SYS_mount, "a", first, "tmpfs", 0, 0);
#ifdef __x86_64__
    } else if (IS("32-bit")) {
        // getpid by the gate of 32-bit programs.
        int result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
#endif
    } else if (IS("killed")) {
        pid_t child = fork();
        if (!child)
            for (;;) {
                read_it(first);
                syscall(SYS_openat, AT_FDCWD, second, O_RDONLY);
            }
        usleep(20000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    } else if (IS("left")) {
        // A process that its parent does not wait for.
        if (!fork()) {
            setsid();
            usleep(20000);
            read_it(first);
        }
    } else {
        return 2;
    }
    return 0;
}
