/* Preloaded into a process: lets system calls on data.mdb fail with EIO, as the file $BROKEN_DISK says.
 *
 * header  writing LMDB's header page fails, and nothing is written
 * late    the same, but the header was written; what would put the old one back is not
 * sync    waiting for the disk fails
 * open    the file cannot be opened
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int broken(const char *how) {
    const char *path = getenv("BROKEN_DISK");
    char said[64] = {0};
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t size = read(file, said, sizeof said - 1);
    close(file);
    return size > 0 && strstr(said, how) != NULL;
}

static int is_data(int file) {
    char link[64], path[512] = {0};
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/data.mdb") != NULL;
}

ssize_t pwrite64(int file, const void *from, size_t size, off_t at) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    static int calls;
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    if (size < 200 && is_data(file)) {
        if (broken("late") && calls++ % 2 == 0) real(file, from, size, at);
        if (broken("late") || broken("header")) { errno = EIO; return -1; }
    }
    return real(file, from, size, at);
}

ssize_t pwrite(int file, const void *from, size_t size, off_t at) { return pwrite64(file, from, size, at); }

int fdatasync(int file) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
    if (is_data(file) && broken("sync")) { errno = EIO; return -1; }
    return real(file);
}

int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (!real) real = dlsym(RTLD_NEXT, "open64");
    if (strstr(path, "/data.mdb") && broken("open")) { errno = EIO; return -1; }
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return open64(path, flags, mode);
}
