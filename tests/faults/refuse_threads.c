/* Loaded before the C library, this refuses threads: once armed, the n-th call of
 * pthread_create (counted from 0) fails with EAGAIN, or every call from the n-th on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_long calls = LONG_MIN / 2; /* not armed: far below any n */
static atomic_long nth;
static atomic_int all_from;
static atomic_long refused;

void refuse_threads(long n, int all) {
    nth = n;
    all_from = all;
    refused = 0;
    calls = 0;
}

/* Ends it; returns how many were refused. */
long allow_threads(void) {
    calls = LONG_MIN / 2;
    return refused;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                   void *(*start)(void *), void *arg) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        dlsym(RTLD_NEXT, "pthread_create");
    long call = atomic_fetch_add(&calls, 1);
    if (call == nth || (all_from && call > nth)) {
        atomic_fetch_add(&refused, 1);
        return EAGAIN;
    }
    return real(thread, attr, start, arg);
}
