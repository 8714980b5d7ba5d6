// Frames: BGR bytes in the caller's memory.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_FRAMES_HPP
#define NST_RT_FRAMES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "errors.hpp"

namespace nst_rt {

inline constexpr int min_side = 16;   // of a frame, in pixels
inline constexpr int max_side = 16384;
inline constexpr int painting_side = 640;   // the long side of a painting that a style encoder sees

// Rows of BGR bytes, the top row first. `data` is the first byte of the top row; `stride` is the number of bytes from
// one row to the next. A stride of 0 means width * 3; a negative one means that the bottom row lies first in memory.
struct Frame {
    std::uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    std::ptrdiff_t stride = 0;
};

// The same, read only.
struct ConstFrame {
    const std::uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    std::ptrdiff_t stride = 0;

    ConstFrame() = default;
    ConstFrame(const std::uint8_t* pixels, int columns, int rows, std::ptrdiff_t row_stride = 0)
        : data(pixels), width(columns), height(rows), stride(row_stride) {}
    ConstFrame(const Frame& frame) : ConstFrame(frame.data, frame.width, frame.height, frame.stride) {}
};

}   // namespace nst_rt

namespace nst_rt::detail {

inline std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

inline void check_size(int width, int height) {
    if (width < min_side || height < min_side)
        throw InputError("a frame of " + size_text(width, height) + " is too small. Both sides must be " +
                         std::to_string(min_side) + " pixels or more");
    if (width > max_side || height > max_side)
        throw InputError("a frame of " + size_text(width, height) + " is too large. Both sides must be " +
                         std::to_string(max_side) + " pixels or less");
}

}   // namespace nst_rt::detail

namespace nst_rt {

// Checks the size, the memory and the stride of a frame. Throws InputError.
inline void check_frame(const ConstFrame& frame) {
    detail::check_size(frame.width, frame.height);
    if (frame.data == nullptr)
        throw InputError("a frame of " + detail::size_text(frame.width, frame.height) +
                         " without memory. Give the address of its pixels");
    const std::ptrdiff_t row = std::ptrdiff_t{3} * frame.width;
    if (frame.stride != 0 && frame.stride < row && frame.stride > -row)
        throw InputError("a stride of " + std::to_string(frame.stride) + " bytes is shorter than a row of " +
                         std::to_string(frame.width) + " pixels, " + std::to_string(row) + " bytes. Pixels are BGR, " +
                         "three bytes each");
}

}   // namespace nst_rt

namespace nst_rt::detail {

inline std::size_t row_bytes(const ConstFrame& frame) { return static_cast<std::size_t>(frame.width) * 3; }

inline std::size_t packed_bytes(const ConstFrame& frame) {
    return row_bytes(frame) * static_cast<std::size_t>(frame.height);
}

inline std::ptrdiff_t stride_of(const ConstFrame& frame) {
    return frame.stride ? frame.stride : static_cast<std::ptrdiff_t>(row_bytes(frame));
}

inline bool is_packed(const ConstFrame& frame) {
    return stride_of(frame) == static_cast<std::ptrdiff_t>(row_bytes(frame));
}

inline bool overlap(const ConstFrame& one, const ConstFrame& other) {
    const auto span = [](const ConstFrame& frame) {
        const std::uint8_t* last = frame.data + stride_of(frame) * (frame.height - 1);
        return std::pair(std::min(frame.data, last, std::less<>()),
                         std::max(frame.data, last, std::less<>()) + row_bytes(frame));
    };
    const auto [first, end] = span(one);
    const auto [other_first, other_end] = span(other);
    return std::less<>()(first, other_end) && std::less<>()(other_first, end);
}

inline void copy_rows(const std::uint8_t* from, std::ptrdiff_t from_stride, std::uint8_t* to, std::ptrdiff_t to_stride,
                      std::size_t bytes, int rows) {
    for (int row = 0; row < rows; ++row, from += from_stride, to += to_stride) std::memcpy(to, from, bytes);
}

}   // namespace nst_rt::detail

#endif   // NST_RT_FRAMES_HPP
