/* Pixel formats: the sizes of frames and rows, and copies between different strides.
 * SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "handle.h"

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

nst_rt_share_code nst_rt_check_stride(const char *call, size_t stride, uint32_t width, uint32_t pixel_format)
{
    size_t row = nst_rt_share_row_bytes(width, pixel_format);
    if (row == 0) /* no such frame; nst_rt_share_begin says so */
        return NST_RT_SHARE_OK;
    if (stride < row || (stride > row && !is_packed(pixel_format)))
        return nst_rt_fail(
            NST_RT_SHARE_BAD_FRAME, "%s: rows of %zu bytes, but rows of %" PRIu32 " pixels in format %" PRIu32
            " have %zu. %s", call, stride, width, pixel_format, row,
            stride > row ? "Copy the planes into one piece first" : "The stride is in bytes, not in pixels");
    return NST_RT_SHARE_OK;
}

void nst_rt_copy_rows(
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
