/* The clock, and the counters in shared memory that one side moves and the other side waits for.
 * SPDX-License-Identifier: MIT */
#ifndef NST_RT_SHARE_COUNTERS_H
#define NST_RT_SHARE_COUNTERS_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the futex is the lower half of a counter, which has to be its first four bytes"
#endif

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The time in now_ns() at which a wait ends. A negative timeout_ms never ends. */
static inline int64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : now_ns() + (int64_t)timeout_ms * 1000000;
}

static inline uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static inline void publish(uint64_t *counter, uint64_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELEASE);
    /* Without FUTEX_PRIVATE_FLAG, which would wake waiters in this process only. */
    syscall(SYS_futex, counter, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Returns when the counter is no longer `seen`, after the time, or earlier. */
static inline void wait_for(const uint64_t *counter, uint64_t seen, int64_t nanoseconds)
{
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    syscall(SYS_futex, counter, FUTEX_WAIT, (uint32_t)seen, &limit, NULL, 0);
}

#endif
