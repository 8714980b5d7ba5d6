/* Roles. The holder of a role has one byte of the segment's file locked; the system frees it when the process ends.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_OFD_SETLK */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handle.h"

static struct flock byte_lock(short type, int byte)
{
    struct flock lock;
    memset(&lock, 0, sizeof lock); /* l_pid has to be 0 */
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return lock;
}

/* When a process started; 0 if it cannot be seen. */
static uint64_t start_of(uint32_t pid)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    text[count > 0 ? count : 0] = 0;
    char *at = strrchr(text, ')'); /* the name of the process ends here; it may contain any character */
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

static nst_rt_share_code locks_do_not_work(const nst_rt_share *share, const char *role)
{
    return nst_rt_fail(
        NST_RT_SHARE_SYSTEM, "%s: the lock of its %s does not work (%s). It needs Linux 3.15 or newer, and a sandbox "
        "that allows fcntl", share->name, role, strerror(errno));
}

nst_rt_share_code nst_rt_take_role(nst_rt_share *share, int role)
{
    bool produces = role == NST_RT_SHARE_PRODUCER;
    const char *name = produces ? "producer" : "consumer";
    nst_rt_share_holder *holder = produces ? &share->header->producer : &share->header->consumer;
    struct flock lock = byte_lock(F_WRLCK, produces ? NST_RT_SHARE_PRODUCER_BYTE : NST_RT_SHARE_CONSUMER_BYTE);
    if (fcntl(share->file, F_OFD_SETLK, &lock) != 0) {
        if (errno != EAGAIN && errno != EACCES)
            return locks_do_not_work(share, name);
        uint32_t pid = __atomic_load_n(&holder->pid, __ATOMIC_RELAXED);
        uint64_t start = __atomic_load_n(&holder->start, __ATOMIC_RELAXED);
        char who[64] = "a process that cannot be seen from here";
        if (pid != 0 && start != 0 && start_of(pid) == start)
            snprintf(who, sizeof who, "process %" PRIu32, pid);
        return nst_rt_fail(
            NST_RT_SHARE_ROLE_TAKEN, "%s: %s is its %s already, and only one is possible. End that process, or use "
            "another name", share->name, who, name);
    }
    __atomic_store_n(&holder->start, start_of((uint32_t)getpid()), __ATOMIC_RELAXED);
    __atomic_store_n(&holder->pid, (uint32_t)getpid(), __ATOMIC_RELEASE);
    __atomic_store_n(&holder->joined, holder->joined + 1, __ATOMIC_RELEASE);
    share->roles_taken |= role;
    return NST_RT_SHARE_OK;
}

static void leave_role(nst_rt_share *share, int byte, nst_rt_share_holder *holder)
{
    struct flock lock = byte_lock(F_UNLCK, byte);
    __atomic_store_n(&holder->pid, 0, __ATOMIC_RELEASE);
    /* To close the file is not enough: a child that was forked meanwhile has the same open file. */
    fcntl(share->file, F_OFD_SETLK, &lock);
}

void nst_rt_leave_roles(nst_rt_share *share)
{
    if (share->roles_taken & NST_RT_SHARE_PRODUCER)
        leave_role(share, NST_RT_SHARE_PRODUCER_BYTE, &share->header->producer);
    if (share->roles_taken & NST_RT_SHARE_CONSUMER)
        leave_role(share, NST_RT_SHARE_CONSUMER_BYTE, &share->header->consumer);
    share->roles_taken = 0;
}

/* 1 or 0; -1: the system cannot say. */
static int server_has_lock(const nst_rt_share *share)
{
    struct flock lock = byte_lock(F_WRLCK, NST_RT_SHARE_SERVER_BYTE);
    return fcntl(share->file, F_OFD_GETLK, &lock) != 0 ? -1 : lock.l_type != F_UNLCK;
}

bool nst_rt_is_served(const nst_rt_share *share)
{
    /* First the lock, then the state: a process that removes a dead segment changes the state before it locks. */
    return server_has_lock(share) == 1 &&
           __atomic_load_n(&share->header->state, __ATOMIC_ACQUIRE) == NST_RT_SHARE_SERVING;
}

nst_rt_share_code nst_rt_find_server(const nst_rt_share *share)
{
    if (server_has_lock(share) < 0)
        return locks_do_not_work(share, "server");
    return nst_rt_is_served(share) ? NST_RT_SHARE_OK : NST_RT_SHARE_SERVER_GONE;
}
