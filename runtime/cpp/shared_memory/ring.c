/* The two rings: frames go to the server, results come back.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* syscall */

#include <inttypes.h>
#include <string.h>

#include "counters.h"
#include "handle.h"

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
    return nst_rt_fail(
        NST_RT_SHARE_SERVER_GONE, "%s: the server is gone, and %" PRIu64 " frames with it. Start the server again "
        "and reconnect", share->name, nst_rt_unanswered(share));
}

/* The number of frames in a ring; -1: its counters are impossible. */
static int64_t filled(const nst_rt_share *share, const nst_rt_share_cursors *cursors)
{
    uint64_t tail = load(&cursors->tail), head = load(&cursors->head);
    return head < tail || head - tail > share->slots ? -1 : (int64_t)(head - tail);
}

/* Waits until a ring has room, or a frame in it. The other side then moves `counter`. */
static nst_rt_share_code await(
    const nst_rt_share *share, const nst_rt_share_cursors *cursors, const uint64_t *counter, bool room, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    bool check_now = false, last_read = false;
    for (;;) {
        uint64_t seen = load(counter);
        int64_t count = filled(share, cursors);
        if (count < 0)
            return nst_rt_fail(
                NST_RT_SHARE_BAD_SEGMENT, "%s: the shared memory is damaged: its counters are impossible. A process "
                "that is neither producer nor consumer writes to it: end that process and start the server again",
                share->name);
        if (room ? count < (int64_t)share->slots : count > 0)
            return NST_RT_SHARE_OK;
        if (last_read)
            return gone(share);
        int64_t left = deadline - now_ns();
        /* A busy stream never waits long enough to ask for the lock, which is slow. */
        if ((check_now || left <= 0) && !nst_rt_is_served(share)) {
            last_read = true; /* the server may have moved a counter after it was read, and then ended */
            continue;
        }
        if (left <= 0)
            return nst_rt_fail(
                NST_RT_SHARE_TIMEOUT, "%s: %d ms, and no %s", share->name, timeout_ms,
                room ? "room for a frame. Receive the results, or send less often" : "result");
        int64_t most = (int64_t)LIVENESS_CHECK_MS * 1000000, began = now_ns();
        wait_for(counter, seen, left < most ? left : most);
        check_now = now_ns() - began >= most ||
                   __atomic_load_n(&share->header->state, __ATOMIC_ACQUIRE) != NST_RT_SHARE_SERVING;
    }
}

nst_rt_share_code nst_rt_share_begin(
    nst_rt_share *share, uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms, uint8_t **pixels)
{
    if (share == NULL || pixels == NULL || share->memory == NULL || !(share->roles & NST_RT_SHARE_PRODUCER))
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_begin: not a connected producer, or pixels is a null pointer. Open or "
            "reconnect with NST_RT_SHARE_PRODUCER, and give the address of a pointer");
    *pixels = NULL;
    if (nst_rt_share_row_bytes(SMALLEST_SIDE, pixel_format) == 0)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_FRAME, "%s: there is no pixel format %" PRIu32 ". Take one of bgr24 (%d), rgb24 (%d), "
            "rgba (%d), gray (%d), nv12 (%d), yuv420p (%d), yuv422p (%d), yuv444p (%d)", share->name, pixel_format,
            NST_RT_SHARE_BGR24, NST_RT_SHARE_RGB24, NST_RT_SHARE_RGBA, NST_RT_SHARE_GRAY, NST_RT_SHARE_NV12,
            NST_RT_SHARE_YUV420P, NST_RT_SHARE_YUV422P, NST_RT_SHARE_YUV444P);
    uint64_t bytes = nst_rt_share_frame_bytes(width, height, pixel_format);
    if (bytes == 0)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_FRAME, "%s: a frame cannot be %" PRIu32 "x%" PRIu32 ". Scale it: sides are %d to %d px",
            share->name, width, height, SMALLEST_SIDE, LARGEST_SIDE);
    if (bytes > share->frame_bytes)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_FRAME, "%s: a frame of %" PRIu32 "x%" PRIu32 " is over the %" PRIu64 " bytes of a slot. "
            "Start the server for larger frames", share->name, width, height, share->frame_bytes);
    nst_rt_share_cursors *ring = &share->header->frames;
    nst_rt_share_code code = await(share, ring, &ring->tail, true, timeout_ms);
    if (code != NST_RT_SHARE_OK)
        return code;
    if (!nst_rt_is_served(share))
        return gone(share);
    nst_rt_share_slot *slot = slot_at(share, share->frames_offset, share->next_frame);
    __atomic_store_n(&slot->sequence, 2 * share->next_frame + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* no process may see new pixels with the old sequence number */
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
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_commit: no frame was begun. Call nst_rt_share_begin first");
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

nst_rt_share_code nst_rt_share_send(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint32_t width, uint32_t height, uint32_t pixel_format,
    int64_t time_ns, uint64_t tag, int timeout_ms, uint64_t *number)
{
    uint8_t *slot;
    if (pixels == NULL)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_send: pixels is a null pointer. Give the address of the frame");
    nst_rt_share_code code = nst_rt_check_stride("nst_rt_share_send", stride, width, pixel_format);
    if (code == NST_RT_SHARE_OK)
        code = nst_rt_share_begin(share, width, height, pixel_format, timeout_ms, &slot);
    if (code != NST_RT_SHARE_OK)
        return code;
    nst_rt_copy_rows(slot, nst_rt_share_row_bytes(width, pixel_format), pixels, stride, width, height, pixel_format);
    return nst_rt_share_commit(share, time_ns, tag, number);
}

static bool is_intact(const nst_rt_share *share, const nst_rt_share_slot *slot)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the reads before must not move behind this one */
    return __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) == 2 * share->next_result + 2;
}

static nst_rt_share_code torn(const nst_rt_share *share, uint64_t number)
{
    return nst_rt_fail(
        NST_RT_SHARE_TORN, "%s: result %" PRIu64 " was changed while it was read. A process that is not the server "
        "writes to the segment. Do not use the result; end that process, and receive the next", share->name, number);
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
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_receive: not a connected consumer, or result is a null pointer. Open "
            "or reconnect with NST_RT_SHARE_CONSUMER, and give the address of a result");
    if (share->held)
        return nst_rt_fail(NST_RT_SHARE_BAD_CALL, "%s: release the result before you receive the next", share->name);
    nst_rt_share_cursors *ring = &share->header->results;
    nst_rt_share_code code = await(share, ring, &ring->head, false, timeout_ms);
    if (code != NST_RT_SHARE_OK)
        return code;
    nst_rt_share_slot *slot = slot_at(share, share->results_offset, share->next_result);
    bool intact = is_intact(share, slot);
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
        intact = intact && result->bytes <= share->frame_bytes &&
                result->bytes == nst_rt_share_frame_bytes(result->width, result->height, result->pixel_format) &&
                result->stride == nst_rt_share_row_bytes(result->width, result->pixel_format);
    }
    if (!intact || !is_intact(share, slot)) {
        advance(share); /* else the next call would fail at the same result */
        result->pixels = NULL;
        return torn(share, share->next_result - 1);
    }
    share->held = true;
    return NST_RT_SHARE_OK;
}

nst_rt_share_code nst_rt_share_release(nst_rt_share *share)
{
    if (share == NULL || !share->held)
        return nst_rt_fail(NST_RT_SHARE_BAD_CALL, "nst_rt_share_release: no result is held. Receive one first");
    bool intact = is_intact(share, slot_at(share, share->results_offset, share->next_result));
    advance(share);
    return intact ? NST_RT_SHARE_OK : torn(share, share->next_result - 1);
}
