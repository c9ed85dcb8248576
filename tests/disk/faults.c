/* Makes writes and syncs of a store's files fail while the file that ONCUE_DISK_FAULT names says so:
   "full" (no space), "readonly", "sync" (fsync fails). Loaded before the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fault_is(const char *name) {
    const char *path = getenv("ONCUE_DISK_FAULT");
    char text[16] = "";
    int fd = path ? open(path, O_RDONLY) : -1;
    if (fd < 0) return 0;
    if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
    close(fd);
    return strcmp(text, name) == 0;
}

static int is_store(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "/oncue.db") != NULL;
}

static int refused(int fd) {
    if (!is_store(fd)) return 0;
    if (fault_is("full")) return ENOSPC;
    return fault_is("readonly") ? EROFS : 0;
}

#define WRITES(name, offset)                                                        \
    ssize_t name(int fd, const void *bytes, size_t count, offset at) {              \
        static ssize_t (*real)(int, const void *, size_t, offset);                  \
        if (!real) real = (ssize_t (*)(int, const void *, size_t, offset))dlsym(RTLD_NEXT, #name); \
        if ((errno = refused(fd))) return -1;                                       \
        return real(fd, bytes, count, at);                                          \
    }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if ((errno = refused(fd))) return -1;
    return real(fd, bytes, count);
}

#define SYNCS(name)                                                                 \
    int name(int fd) {                                                              \
        static int (*real)(int);                                                    \
        if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);                    \
        if (is_store(fd) && fault_is("sync")) { errno = EIO; return -1; }           \
        return real(fd);                                                            \
    }
SYNCS(fsync)
SYNCS(fdatasync)
