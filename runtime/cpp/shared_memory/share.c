/* The client of nst_rt/share.h. The protocol is in docs/embedding/shared-memory.md, the server in nst_rt/shared_memory.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* F_OFD_SETLK, MAP_POPULATE */

#include "nst_rt/share.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the futex is the lower half of a counter, taken for its first four bytes"
#endif

#define LONGEST_NAME 100
#define SMALLEST_SIDE 16
#define LARGEST_SIDE 16384
#define LOOK_AROUND_MS 100 /* after which a wait is broken off to see whether the server lives */
#define KNOCK_MS 20        /* between two looks for a server that is not there yet */

struct nst_rt_share {
    char name[LONGEST_NAME + 1];
    int roles;
    int file; /* -1: not connected */
    uint8_t *memory;
    uint64_t size;
    nst_rt_share_header *header;
    /* As they were when the segment was opened and checked; what stands in shared memory is not believed again. */
    uint32_t slots;
    uint64_t slot_bytes, frame_bytes, frames_offset, results_offset;
    uint64_t next_frame, next_result, first, lost;
    bool begun, held;
    uint32_t width, height, pixel_format; /* of what was begun */
};

static _Thread_local char last_error[512] = "";

__attribute__((format(printf, 2, 3))) static nst_rt_share_code
fail(nst_rt_share_code code, const char *format, ...)
{
    int kept = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error, sizeof last_error, format, arguments);
    va_end(arguments);
    errno = kept;
    return code;
}

uint32_t nst_rt_share_version(void)
{
    return NST_RT_SHARE_VERSION;
}

const char *nst_rt_share_last_error(void)
{
    return last_error;
}

/* --- time --- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Negative is for as long as the server lives. */
static int64_t deadline_after(int timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : now_ns() + (int64_t)timeout_ms * 1000000;
}

static void nap(int milliseconds)
{
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

/* --- counters --- */

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void publish(uint64_t *counter, uint64_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELEASE);
    /* Not FUTEX_PRIVATE_FLAG: that would look for waiters in this process alone. */
    syscall(SYS_futex, counter, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void wait_for(const uint64_t *counter, uint64_t seen, int64_t nanoseconds)
{
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    syscall(SYS_futex, counter, FUTEX_WAIT, (uint32_t)seen, &limit, NULL, 0);
}

/* --- roles --- */

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

/* 1 or 0; -1: the system cannot say. */
static int taken(int file, int byte)
{
    struct flock lock = byte_lock(F_WRLCK, byte);
    return fcntl(file, F_OFD_GETLK, &lock) != 0 ? -1 : lock.l_type != F_UNLCK;
}

static bool take(int file, int byte)
{
    struct flock lock = byte_lock(F_WRLCK, byte);
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

static void leave(int file, int byte)
{
    struct flock lock = byte_lock(F_UNLCK, byte);
    fcntl(file, F_OFD_SETLK, &lock);
}

/* When a process began, 0 if it cannot be seen. */
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
    char *at = strrchr(text, ')'); /* the name before it may hold anything */
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

static nst_rt_share_code no_lock(const nst_rt_share *share, const char *role)
{
    return fail(
        NST_RT_SHARE_SYSTEM, "%s: the lock of its %s does not work (%s). It needs Linux 3.15 or newer, and a sandbox "
        "that lets fcntl through", share->name, role, strerror(errno));
}

static nst_rt_share_code claim(nst_rt_share *share, int byte, nst_rt_share_holder *holder, const char *role)
{
    if (!take(share->file, byte)) {
        if (errno != EAGAIN && errno != EACCES)
            return no_lock(share, role);
        uint32_t pid = __atomic_load_n(&holder->pid, __ATOMIC_RELAXED);
        uint64_t start = __atomic_load_n(&holder->start, __ATOMIC_RELAXED);
        char who[64] = "a process that cannot be seen from here";
        if (pid != 0 && start != 0 && start_of(pid) == start)
            snprintf(who, sizeof who, "process %" PRIu32, pid);
        return fail(
            NST_RT_SHARE_ROLE_TAKEN, "%s: %s is its %s already, and there can be one. End that, or have nst-rt share "
            "serve another --name", share->name, who, role);
    }
    __atomic_store_n(&holder->start, start_of((uint32_t)getpid()), __ATOMIC_RELAXED);
    __atomic_store_n(&holder->pid, (uint32_t)getpid(), __ATOMIC_RELEASE);
    __atomic_store_n(&holder->joined, holder->joined + 1, __ATOMIC_RELEASE);
    return NST_RT_SHARE_OK;
}

static bool served(const nst_rt_share *share)
{
    /* In this order: one who removes a dead segment has the lock for a moment, and has changed the state before. */
    return taken(share->file, NST_RT_SHARE_SERVER_BYTE) == 1 &&
           __atomic_load_n(&share->header->state, __ATOMIC_ACQUIRE) == NST_RT_SHARE_SERVING;
}

/* --- opening and closing --- */

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return length > 0 && length <= LONGEST_NAME && strspn(name, letters) == length && strchr("._-", name[0]) == NULL;
}

static bool is_audio(const nst_rt_share_header *header, uint64_t size)
{
    uint64_t slots = header->slots, slot_bytes = header->slot_bytes;
    return header->header_bytes == NST_RT_SHARE_HEADER_BYTES && header->segment_bytes == size && slots >= 1 &&
           slots <= NST_RT_SHARE_MAX_SLOTS && header->frames_offset % 64 == 0 && header->results_offset % 64 == 0 &&
           slot_bytes % 64 == 0 && slot_bytes <= size && header->frame_bytes > 0 && slot_bytes > 256 &&
           header->frame_bytes <= slot_bytes - NST_RT_SHARE_SLOT_HEADER_BYTES &&
           header->frames_offset >= NST_RT_SHARE_HEADER_BYTES && header->frames_offset <= size &&
           header->results_offset <= size &&
           header->results_offset >= header->frames_offset + slots * slot_bytes &&
           size >= header->results_offset + slots * slot_bytes;
}

static void disconnect(nst_rt_share *share)
{
    if (share->memory != NULL) {
        if (share->roles & NST_RT_SHARE_PRODUCER)
            __atomic_store_n(&share->header->producer.pid, 0, __ATOMIC_RELEASE);
        if (share->roles & NST_RT_SHARE_CONSUMER)
            __atomic_store_n(&share->header->consumer.pid, 0, __ATOMIC_RELEASE);
        munmap(share->memory, share->size);
    }
    if (share->file >= 0) {
        /* Explicitly: a child that was forked meanwhile has the same open file, and would keep the locks. */
        leave(share->file, NST_RT_SHARE_PRODUCER_BYTE);
        leave(share->file, NST_RT_SHARE_CONSUMER_BYTE);
        close(share->file);
    }
    share->file = -1;
    share->memory = NULL;
    share->header = NULL;
    share->begun = share->held = false;
}

static nst_rt_share_code map(nst_rt_share *share, const char *path)
{
    struct {
        char magic[8];
        uint32_t version, header_bytes;
    } start;
    struct stat status;
    memset(&start, 0, sizeof start);
    if (pread(share->file, &start, sizeof start, 0) < 0 || fstat(share->file, &status) != 0)
        return fail(
            NST_RT_SHARE_SYSTEM, "%s: cannot be read (%s). Remove it, or choose another name", path, strerror(errno));
    if (memcmp(start.magic, NST_RT_SHARE_MAGIC, sizeof start.magic) != 0)
        return fail(NST_RT_SHARE_BAD_SEGMENT, "%s: not a segment of nst-rt. Remove it, or choose another name", path);
    if (start.version != NST_RT_SHARE_VERSION)
        return fail(
            NST_RT_SHARE_BAD_VERSION, "%s: its server speaks version %" PRIu32 " of the protocol, this program version "
            "%d. Take both from one release of nst-rt", share->name, start.version, NST_RT_SHARE_VERSION);
    uint64_t size = (uint64_t)status.st_size;
    void *memory = MAP_FAILED;
    if (size >= NST_RT_SHARE_HEADER_BYTES)
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, share->file, 0);
    if (memory == MAP_FAILED && size >= NST_RT_SHARE_HEADER_BYTES)
        return fail(
            NST_RT_SHARE_SYSTEM, "%s: cannot be mapped (%s). Free memory, or start nst-rt share with a smaller --size "
            "or fewer --slots", path, strerror(errno));
    if (memory == MAP_FAILED || !is_audio(memory, size)) {
        if (memory != MAP_FAILED)
            munmap(memory, size);
        return fail(
            NST_RT_SHARE_BAD_SEGMENT, "%s: damaged, its header does not fit its size. End its server and start nst-rt "
            "share again", path);
    }
    share->memory = memory;
    share->size = size;
    share->header = memory;
    share->slots = share->header->slots;
    share->slot_bytes = share->header->slot_bytes;
    share->frame_bytes = share->header->frame_bytes;
    share->frames_offset = share->header->frames_offset;
    share->results_offset = share->header->results_offset;
    return NST_RT_SHARE_OK;
}

/* One look; SERVER_GONE: there is no server. */
static nst_rt_share_code look(nst_rt_share *share, const char *path)
{
    share->file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (share->file < 0 && errno == ENOENT)
        return NST_RT_SHARE_SERVER_GONE;
    if (share->file < 0 && (errno == EACCES || errno == EPERM))
        return fail(
            NST_RT_SHARE_SYSTEM, "%s: belongs to another user. Run both programs as the same one", path);
    if (share->file < 0)
        return fail(
            NST_RT_SHARE_SYSTEM, "%s: cannot be opened (%s). Mend that, or choose another name", path, strerror(errno));
    nst_rt_share_code code = map(share, path);
    if (code == NST_RT_SHARE_OK && taken(share->file, NST_RT_SHARE_SERVER_BYTE) < 0)
        return no_lock(share, "server");
    return code == NST_RT_SHARE_OK && !served(share) ? NST_RT_SHARE_SERVER_GONE : code;
}

static void let_go(nst_rt_share *share)
{
    int roles = share->roles;
    share->roles = 0; /* they were never ours */
    disconnect(share);
    share->roles = roles;
}

static nst_rt_share_code connect_to(nst_rt_share *share, int timeout_ms)
{
    char path[sizeof "/dev/shm/" NST_RT_SHARE_PREFIX + LONGEST_NAME];
    snprintf(path, sizeof path, "/dev/shm/" NST_RT_SHARE_PREFIX "%s", share->name);
    int64_t deadline = deadline_after(timeout_ms);
    nst_rt_share_code code;
    while ((code = look(share, path)) == NST_RT_SHARE_SERVER_GONE) {
        let_go(share);
        if (now_ns() >= deadline)
            return fail(
                NST_RT_SHARE_TIMEOUT, "%s: no server. Start one: nst-rt share --name %s", share->name, share->name);
        nap(KNOCK_MS);
    }
    if (code != NST_RT_SHARE_OK) {
        let_go(share);
        return code;
    }
    nst_rt_share_header *header = share->header;
    int roles = share->roles;
    share->roles = 0;
    if (roles & NST_RT_SHARE_PRODUCER) {
        code = claim(share, NST_RT_SHARE_PRODUCER_BYTE, &header->producer, "producer");
        share->roles |= code == NST_RT_SHARE_OK ? NST_RT_SHARE_PRODUCER : 0;
    }
    if (code == NST_RT_SHARE_OK && (roles & NST_RT_SHARE_CONSUMER)) {
        code = claim(share, NST_RT_SHARE_CONSUMER_BYTE, &header->consumer, "consumer");
        share->roles |= code == NST_RT_SHARE_OK ? NST_RT_SHARE_CONSUMER : 0;
    }
    if (code != NST_RT_SHARE_OK) {
        disconnect(share); /* gives back what it got */
        share->roles = roles;
        return code;
    }
    /* A predecessor's unfinished frame does not exist, its unread results do. */
    share->next_frame = share->first = load(&header->frames.head);
    share->next_result = load(&header->results.tail);
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_share_open(nst_rt_share **share, const char *name, int roles, int timeout_ms)
{
    if (share == NULL)
        return fail(NST_RT_SHARE_BAD_CALL, "nst_rt_share_open: no place for the handle. Give the address of one");
    *share = NULL;
    if (name == NULL || !is_name(name))
        return fail(
            NST_RT_SHARE_BAD_CALL, "'%s' cannot be a name: up to %d letters, digits, dots, dashes and underscores, a "
            "letter or digit first. Choose another, such as cam0", name == NULL ? "" : name, LONGEST_NAME);
    if (roles < NST_RT_SHARE_PRODUCER || roles > NST_RT_SHARE_BOTH)
        return fail(
            NST_RT_SHARE_BAD_CALL, "%s: %d is no role. Take NST_RT_SHARE_PRODUCER, _CONSUMER or _BOTH", name, roles);
    nst_rt_share *made = calloc(1, sizeof *made);
    if (made == NULL)
        return fail(NST_RT_SHARE_SYSTEM, "%s: no memory for the handle. Free some and try again", name);
    strcpy(made->name, name);
    made->roles = roles;
    made->file = -1;
    nst_rt_share_code code = connect_to(made, timeout_ms);
    if (code != NST_RT_SHARE_OK)
        free(made);
    else
        *share = made;
    return code;
}

void nst_rt_share_close(nst_rt_share *share)
{
    if (share != NULL)
        disconnect(share);
    free(share);
}

/* Sent, and not received. */
static uint64_t unanswered(const nst_rt_share *share)
{
    const nst_rt_share_header *header = share->header;
    /* Atomically: the other of two threads may be at it. */
    uint64_t sent = load(share->roles & NST_RT_SHARE_PRODUCER ? &share->next_frame : &header->frames.head);
    uint64_t received = load(share->roles & NST_RT_SHARE_CONSUMER ? &share->next_result : &header->results.head);
    return sent > received ? sent - received : 0;
}

nst_rt_share_code nst_rt_share_reconnect(nst_rt_share *share, int timeout_ms)
{
    if (share == NULL)
        return fail(NST_RT_SHARE_BAD_CALL, "nst_rt_share_reconnect: no handle. Open one first");
    if (share->memory != NULL)
        share->lost += unanswered(share);
    disconnect(share);
    return connect_to(share, timeout_ms);
}

uint64_t nst_rt_share_lost(const nst_rt_share *share)
{
    return share->lost;
}

uint64_t nst_rt_share_first(const nst_rt_share *share)
{
    return share->first;
}

void nst_rt_share_size(const nst_rt_share *share, uint32_t *width, uint32_t *height)
{
    *width = share->header != NULL ? share->header->width : 0;
    *height = share->header != NULL ? share->header->height : 0;
}

uint64_t nst_rt_share_room(const nst_rt_share *share)
{
    return share->memory != NULL ? share->frame_bytes : 0;
}

const char *nst_rt_share_description(const nst_rt_share *share)
{
    return share->header != NULL ? share->header->description : "";
}

/* --- frames --- */

uint32_t nst_rt_share_row_bytes(uint32_t width, uint32_t pixel_format)
{
    if (width < SMALLEST_SIDE || width > LARGEST_SIDE)
        return 0;
    switch (pixel_format) {
    case NST_RT_SHARE_BGR24:
    case NST_RT_SHARE_RGB24:
        return width * 3;
    case NST_RT_SHARE_RGBA:
        return width * 4;
    case NST_RT_SHARE_GRAY:
    case NST_RT_SHARE_NV12:
    case NST_RT_SHARE_YUV420P:
    case NST_RT_SHARE_YUV422P:
    case NST_RT_SHARE_YUV444P:
        return width;
    default:
        return 0;
    }
}

uint64_t nst_rt_share_frame_bytes(uint32_t width, uint32_t height, uint32_t pixel_format)
{
    uint64_t first = (uint64_t)nst_rt_share_row_bytes(width, pixel_format) * height;
    uint64_t across = (width + 1) / 2, down = (height + 1) / 2;
    if (first == 0 || height < SMALLEST_SIDE || height > LARGEST_SIDE)
        return 0;
    switch (pixel_format) {
    case NST_RT_SHARE_NV12:
    case NST_RT_SHARE_YUV420P:
        return first + 2 * across * down;
    case NST_RT_SHARE_YUV422P:
        return first + 2 * across * height;
    case NST_RT_SHARE_YUV444P:
        return first * 3;
    default:
        return first;
    }
}

static bool is_packed(uint32_t pixel_format)
{
    return pixel_format <= NST_RT_SHARE_GRAY;
}

static nst_rt_share_slot *slot_at(const nst_rt_share *share, uint64_t offset, uint64_t number)
{
    return (nst_rt_share_slot *)(share->memory + offset + number % share->slots * share->slot_bytes);
}

static uint8_t *pixels_of(nst_rt_share_slot *slot)
{
    return (uint8_t *)slot + NST_RT_SHARE_SLOT_HEADER_BYTES;
}

static nst_rt_share_code gone(const nst_rt_share *share)
{
    return fail(
        NST_RT_SHARE_SERVER_GONE, "%s: the server is gone, and %" PRIu64 " frames with it. Start nst-rt share again and "
        "reconnect", share->name, unanswered(share));
}

/* Frames between the two counters of a ring, of which the caller moves one; -1: that cannot be. */
static int64_t filled(const nst_rt_share *share, const nst_rt_share_cursors *cursors)
{
    uint64_t tail = load(&cursors->tail), head = load(&cursors->head);
    return head < tail || head - tail > share->slots ? -1 : (int64_t)(head - tail);
}

/* Wait until `cursors` has room (or something in it), which the other side says by moving `counter`. */
static nst_rt_share_code await(
    const nst_rt_share *share, const nst_rt_share_cursors *cursors, const uint64_t *counter, bool room, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    bool look_now = false, last_look = false;
    for (;;) {
        uint64_t seen = load(counter);
        int64_t count = filled(share, cursors);
        if (count < 0)
            return fail(
                NST_RT_SHARE_BAD_SEGMENT, "%s: the shared memory was damaged: its counters cannot be. Something else "
                "writes to it; end that and start nst-rt share again", share->name);
        if (room ? count < (int64_t)share->slots : count > 0)
            return NST_RT_SHARE_OK;
        if (last_look)
            return gone(share);
        int64_t left = deadline - now_ns();
        /* In a busy stream nobody sleeps so long that the lock has to be asked. */
        if ((look_now || left <= 0) && !served(share)) {
            last_look = true; /* what it did last may have come after the count */
            continue;
        }
        if (left <= 0)
            return fail(
                NST_RT_SHARE_TIMEOUT, "%s: %d ms, and no %s", share->name, timeout_ms,
                room ? "room for a frame. Receive the results, or send less often" : "result");
        int64_t most = (int64_t)LOOK_AROUND_MS * 1000000, began = now_ns();
        wait_for(counter, seen, left < most ? left : most);
        look_now = now_ns() - began >= most ||
                   __atomic_load_n(&share->header->state, __ATOMIC_ACQUIRE) != NST_RT_SHARE_SERVING;
    }
}

nst_rt_share_code nst_rt_share_begin(
    nst_rt_share *share, uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms, uint8_t **pixels)
{
    if (share == NULL || pixels == NULL || share->memory == NULL || !(share->roles & NST_RT_SHARE_PRODUCER))
        return fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_begin: not a connected producer, or no place for the pixels. Open or "
            "reconnect one with NST_RT_SHARE_PRODUCER, and give the address of a pointer");
    *pixels = NULL;
    if (nst_rt_share_row_bytes(SMALLEST_SIDE, pixel_format) == 0)
        return fail(
            NST_RT_SHARE_BAD_FRAME, "%s: there is no pixel format %" PRIu32 ". Take one of bgr24 (%d), rgb24 (%d), "
            "rgba (%d), gray (%d), nv12 (%d), yuv420p (%d), yuv422p (%d), yuv444p (%d)", share->name, pixel_format,
            NST_RT_SHARE_BGR24, NST_RT_SHARE_RGB24, NST_RT_SHARE_RGBA, NST_RT_SHARE_GRAY, NST_RT_SHARE_NV12,
            NST_RT_SHARE_YUV420P, NST_RT_SHARE_YUV422P, NST_RT_SHARE_YUV444P);
    uint64_t bytes = nst_rt_share_frame_bytes(width, height, pixel_format);
    if (bytes == 0)
        return fail(
            NST_RT_SHARE_BAD_FRAME, "%s: there is no frame of %" PRIu32 "x%" PRIu32 ". Scale it: sides are %d to %d px",
            share->name, width, height, SMALLEST_SIDE, LARGEST_SIDE);
    if (bytes > share->frame_bytes)
        return fail(
            NST_RT_SHARE_BAD_FRAME, "%s: a frame of %" PRIu32 "x%" PRIu32 " is over the %" PRIu64 " bytes of a slot. "
            "Start nst-rt share with a larger --size", share->name, width, height, share->frame_bytes);
    nst_rt_share_cursors *ring = &share->header->frames;
    nst_rt_share_code code = await(share, ring, &ring->tail, true, timeout_ms);
    if (code != NST_RT_SHARE_OK)
        return code;
    if (!served(share))
        return gone(share);
    nst_rt_share_slot *slot = slot_at(share, share->frames_offset, share->next_frame);
    __atomic_store_n(&slot->sequence, 2 * share->next_frame + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* nobody may see new pixels under the old sequence number */
    share->begun = true;
    share->width = width;
    share->height = height;
    share->pixel_format = pixel_format;
    *pixels = pixels_of(slot);
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_share_commit(nst_rt_share *share, int64_t time_ns, uint64_t tag, uint64_t *number)
{
    if (share == NULL || !share->begun)
        return fail(NST_RT_SHARE_BAD_CALL, "nst_rt_share_commit: nothing was begun. Call nst_rt_share_begin first");
    nst_rt_share_slot *slot = slot_at(share, share->frames_offset, share->next_frame);
    slot->number = share->next_frame;
    slot->time_ns = time_ns;
    slot->tag = tag;
    slot->width = share->width;
    slot->height = share->height;
    slot->stride = nst_rt_share_row_bytes(share->width, share->pixel_format);
    slot->pixel_format = share->pixel_format;
    slot->size = nst_rt_share_frame_bytes(share->width, share->height, share->pixel_format);
    slot->status = 0;
    slot->written_ns = now_ns();
    __atomic_store_n(&slot->sequence, 2 * share->next_frame + 2, __ATOMIC_RELEASE);
    if (number != NULL)
        *number = share->next_frame;
    share->begun = false;
    __atomic_store_n(&share->next_frame, share->next_frame + 1, __ATOMIC_RELAXED);
    publish(&share->header->frames.head, share->next_frame);
    return NST_RT_SHARE_OK;
}

/* Rows that lie apart, from one place to another; of YUV all planes as one piece. */
static void copy_rows(
    uint8_t *to, size_t to_stride, const uint8_t *from, size_t from_stride, uint32_t width, uint32_t height,
    uint32_t pixel_format)
{
    size_t row = nst_rt_share_row_bytes(width, pixel_format);
    if (!is_packed(pixel_format) || (to_stride == row && from_stride == row)) {
        memcpy(to, from, nst_rt_share_frame_bytes(width, height, pixel_format));
        return;
    }
    for (uint32_t y = 0; y < height; y++)
        memcpy(to + y * to_stride, from + y * from_stride, row);
}

static nst_rt_share_code check_stride(
    const char *what, size_t stride, uint32_t width, uint32_t pixel_format)
{
    size_t row = nst_rt_share_row_bytes(width, pixel_format);
    if (row == 0) /* there is no such frame, which begin says better */
        return NST_RT_SHARE_OK;
    if (stride < row || (stride > row && !is_packed(pixel_format)))
        return fail(
            NST_RT_SHARE_BAD_FRAME, "%s: rows of %zu bytes, and those of %" PRIu32 " pixels in format %" PRIu32
            " have %zu. %s", what, stride, width, pixel_format, row,
            stride > row ? "Copy the planes into one piece first" : "The stride is in bytes, not in pixels");
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_share_send(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint32_t width, uint32_t height, uint32_t pixel_format,
    int64_t time_ns, uint64_t tag, int timeout_ms, uint64_t *number)
{
    uint8_t *slot;
    if (pixels == NULL)
        return fail(NST_RT_SHARE_BAD_CALL, "nst_rt_share_send: no pixels. Give the address of the frame");
    nst_rt_share_code code = check_stride("nst_rt_share_send", stride, width, pixel_format);
    if (code == NST_RT_SHARE_OK)
        code = nst_rt_share_begin(share, width, height, pixel_format, timeout_ms, &slot);
    if (code != NST_RT_SHARE_OK)
        return code;
    copy_rows(slot, nst_rt_share_row_bytes(width, pixel_format), pixels, stride, width, height, pixel_format);
    return nst_rt_share_commit(share, time_ns, tag, number);
}

/* --- results --- */

static bool is_intact(const nst_rt_share *share, const nst_rt_share_slot *slot)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* what was read before must not be read later than this */
    return __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) == 2 * share->next_result + 2;
}

static nst_rt_share_code torn(const nst_rt_share *share, uint64_t number)
{
    return fail(
        NST_RT_SHARE_TORN, "%s: result %" PRIu64 " was changed while it was read. Something writes to the segment that "
        "is not its server. Do not use the result; end what writes there, and receive the next", share->name, number);
}

static void advance(nst_rt_share *share)
{
    share->held = false;
    __atomic_store_n(&share->next_result, share->next_result + 1, __ATOMIC_RELAXED);
    publish(&share->header->results.tail, share->next_result);
}

nst_rt_share_code nst_rt_share_receive(nst_rt_share *share, nst_rt_share_result *result, int timeout_ms)
{
    if (share == NULL || result == NULL || share->memory == NULL || !(share->roles & NST_RT_SHARE_CONSUMER))
        return fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_receive: not a connected consumer, or no place for the result. Open "
            "or reconnect one with NST_RT_SHARE_CONSUMER, and give the address of a result");
    if (share->held)
        return fail(NST_RT_SHARE_BAD_CALL, "%s: release the result before you receive the next", share->name);
    nst_rt_share_cursors *ring = &share->header->results;
    nst_rt_share_code code = await(share, ring, &ring->head, false, timeout_ms);
    if (code != NST_RT_SHARE_OK)
        return code;
    nst_rt_share_slot *slot = slot_at(share, share->results_offset, share->next_result);
    bool whole = is_intact(share, slot);
    memset(result, 0, sizeof *result);
    result->bytes = slot->size;
    result->number = slot->number;
    result->time_ns = slot->time_ns;
    result->tag = slot->tag;
    result->sent_ns = slot->sent_ns;
    result->taken_ns = slot->taken_ns;
    result->done_ns = slot->written_ns;
    result->width = slot->width;
    result->height = slot->height;
    result->stride = slot->stride;
    result->pixel_format = slot->pixel_format;
    result->status = slot->status;
    memcpy(result->message, slot->message, sizeof result->message - 1);
    if (result->status == NST_RT_SHARE_STYLIZED) {
        result->pixels = pixels_of(slot);
        whole = whole && result->bytes <= share->frame_bytes &&
                result->bytes == nst_rt_share_frame_bytes(result->width, result->height, result->pixel_format) &&
                result->stride == nst_rt_share_row_bytes(result->width, result->pixel_format);
    }
    if (!whole || !is_intact(share, slot)) {
        advance(share); /* or the next call would stumble over it again */
        result->pixels = NULL;
        return torn(share, share->next_result - 1);
    }
    share->held = true;
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_share_release(nst_rt_share *share)
{
    if (share == NULL || !share->held)
        return fail(NST_RT_SHARE_BAD_CALL, "nst_rt_share_release: no result is held. Receive one first");
    bool intact = is_intact(share, slot_at(share, share->results_offset, share->next_result));
    advance(share);
    return intact ? NST_RT_SHARE_OK : torn(share, share->next_result - 1);
}

/* --- both --- */

static int left_of(int64_t deadline)
{
    int64_t left = deadline == INT64_MAX ? -1 : (deadline - now_ns()) / 1000000;
    return deadline == INT64_MAX ? -1 : left < 0 ? 0 : (int)left;
}

/* begin, for who has both roles: results that take up the room, such as a dead predecessor's, are let go meanwhile. */
static nst_rt_share_code begin_anyway(
    nst_rt_share *share, uint32_t width, uint32_t height, uint32_t pixel_format, int64_t deadline, uint8_t **pixels)
{
    for (int patience_ms = 0;;) {
        nst_rt_share_code code = nst_rt_share_begin(share, width, height, pixel_format, patience_ms, pixels);
        if (code != NST_RT_SHARE_TIMEOUT)
            return code;
        nst_rt_share_result result;
        while ((code = nst_rt_share_receive(share, &result, 0)) == NST_RT_SHARE_OK || code == NST_RT_SHARE_TORN)
            if (code == NST_RT_SHARE_OK)
                nst_rt_share_release(share);
        if (code != NST_RT_SHARE_TIMEOUT)
            return code;
        patience_ms = left_of(deadline);
        if (patience_ms == 0)
            return fail(
                NST_RT_SHARE_TIMEOUT, "%s: no room for a frame in time, the server is not done with earlier ones. Try "
                "again, or allow more time", share->name);
        if (patience_ms < 0 || patience_ms > LOOK_AROUND_MS)
            patience_ms = LOOK_AROUND_MS;
    }
}

nst_rt_share_code nst_rt_share_stylize(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint8_t *stylized, size_t stylized_stride,
    uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms)
{
    if (share == NULL || pixels == NULL || stylized == NULL || share->roles != NST_RT_SHARE_BOTH)
        return fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_stylize: not opened for both roles, or no frame, or no place for the "
            "result. Open with NST_RT_SHARE_BOTH, and give the addresses of both");
    int64_t deadline = deadline_after(timeout_ms);
    uint64_t number;
    uint8_t *slot;
    nst_rt_share_code code = check_stride("nst_rt_share_stylize", stride, width, pixel_format);
    if (code == NST_RT_SHARE_OK)
        code = check_stride("nst_rt_share_stylize", stylized_stride, width, pixel_format);
    if (code == NST_RT_SHARE_OK)
        code = begin_anyway(share, width, height, pixel_format, deadline, &slot);
    if (code != NST_RT_SHARE_OK)
        return code;
    copy_rows(slot, nst_rt_share_row_bytes(width, pixel_format), pixels, stride, width, height, pixel_format);
    nst_rt_share_commit(share, 0, 0, &number);
    for (;;) {
        nst_rt_share_result result;
        code = nst_rt_share_receive(share, &result, left_of(deadline));
        if (code != NST_RT_SHARE_OK)
            return code;
        bool ours = result.number == number, there = result.status == NST_RT_SHARE_STYLIZED;
        bool fits = result.width == width && result.height == height && result.pixel_format == pixel_format;
        if (ours && there && fits)
            copy_rows(stylized, stylized_stride, result.pixels, result.stride, width, height, pixel_format);
        code = nst_rt_share_release(share);
        if (!ours)
            continue;
        if (code == NST_RT_SHARE_OK && !(there && fits))
            return fail(
                NST_RT_SHARE_REFUSED, "%s: frame %" PRIu64 ": %s", share->name, number,
                there ? "the result is of another size" : result.message);
        return code;
    }
}
