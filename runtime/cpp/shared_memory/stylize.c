/* nst_rt_share_stylize: a frame and its result in one call.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* clock_gettime */

#include <inttypes.h>

#include "counters.h"
#include "handle.h"

/* -1: the wait never ends. */
static int remaining_ms(int64_t deadline)
{
    int64_t left = (deadline - now_ns()) / 1000000;
    return deadline == INT64_MAX ? -1 : left < 0 ? 0 : (int)left;
}

/* nst_rt_share_begin for both roles: releases results that fill the ring, such as those of an earlier process. */
static nst_rt_share_code begin_with_room(
    nst_rt_share *share, uint32_t width, uint32_t height, uint32_t pixel_format, int64_t deadline, uint8_t **pixels)
{
    for (int wait_ms = 0;;) {
        nst_rt_share_code code = nst_rt_share_begin(share, width, height, pixel_format, wait_ms, pixels);
        if (code != NST_RT_SHARE_TIMEOUT)
            return code;
        nst_rt_share_result result;
        while ((code = nst_rt_share_receive(share, &result, 0)) == NST_RT_SHARE_OK || code == NST_RT_SHARE_TORN)
            if (code == NST_RT_SHARE_OK)
                nst_rt_share_release(share);
        if (code != NST_RT_SHARE_TIMEOUT)
            return code;
        wait_ms = remaining_ms(deadline);
        if (wait_ms == 0)
            return nst_rt_fail(
                NST_RT_SHARE_TIMEOUT, "%s: no room for a frame in time, the server still works on earlier ones. Try "
                "again, or allow more time", share->name);
        if (wait_ms < 0 || wait_ms > LIVENESS_CHECK_MS)
            wait_ms = LIVENESS_CHECK_MS;
    }
}

nst_rt_share_code nst_rt_share_stylize(
    nst_rt_share *share, const uint8_t *pixels, size_t stride, uint8_t *stylized, size_t stylized_stride,
    uint32_t width, uint32_t height, uint32_t pixel_format, int timeout_ms)
{
    if (share == NULL || pixels == NULL || stylized == NULL || share->roles != NST_RT_SHARE_BOTH)
        return nst_rt_fail(
            NST_RT_SHARE_BAD_CALL, "nst_rt_share_stylize: not opened for both roles, or pixels or stylized is a null "
            "pointer. Open with NST_RT_SHARE_BOTH, and give both addresses");
    int64_t deadline = deadline_after(timeout_ms);
    uint64_t number;
    uint8_t *slot;
    nst_rt_share_code code = nst_rt_check_stride("nst_rt_share_stylize", stride, width, pixel_format);
    if (code == NST_RT_SHARE_OK)
        code = nst_rt_check_stride("nst_rt_share_stylize", stylized_stride, width, pixel_format);
    if (code == NST_RT_SHARE_OK)
        code = begin_with_room(share, width, height, pixel_format, deadline, &slot);
    if (code != NST_RT_SHARE_OK)
        return code;
    nst_rt_copy_rows(slot, nst_rt_share_row_bytes(width, pixel_format), pixels, stride, width, height, pixel_format);
    nst_rt_share_commit(share, 0, 0, &number);
    for (;;) {
        nst_rt_share_result result;
        code = nst_rt_share_receive(share, &result, remaining_ms(deadline));
        if (code != NST_RT_SHARE_OK)
            return code;
        bool ours = result.number == number, there = result.status == NST_RT_SHARE_STYLIZED;
        bool fits = result.width == width && result.height == height && result.pixel_format == pixel_format;
        if (ours && there && fits)
            nst_rt_copy_rows(stylized, stylized_stride, result.pixels, result.stride, width, height, pixel_format);
        code = nst_rt_share_release(share);
        if (!ours)
            continue;
        if (code == NST_RT_SHARE_OK && !(there && fits))
            return nst_rt_fail(
                NST_RT_SHARE_REFUSED, "%s: frame %" PRIu64 ": %s", share->name, number,
                there ? "the result has another size" : result.message);
        return code;
    }
}
