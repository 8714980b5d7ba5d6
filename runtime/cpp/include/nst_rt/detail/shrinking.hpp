// Reducing an image by averaging areas.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_DETAIL_SHRINKING_HPP
#define NST_RT_DETAIL_SHRINKING_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "../errors.hpp"
#include "../frames.hpp"

namespace nst_rt::detail {

// For each pixel along one side of the reduced image: its source pixels, and the share of each in the result.
inline std::vector<std::vector<std::pair<int, double>>> area_shares(int from, int to) {
    std::vector<std::vector<std::pair<int, double>>> shares(static_cast<std::size_t>(to));
    const double scale = static_cast<double>(from) / to;
    for (int index = 0; index < to; ++index) {
        const double first = index * scale;
        const double last = std::min((index + 1) * scale, static_cast<double>(from));
        for (int source = static_cast<int>(first); source < last; ++source) {
            const double share = std::min(source + 1.0, last) - std::max<double>(source, first);
            if (share > 1e-9) shares[static_cast<std::size_t>(index)].emplace_back(source, share / (last - first));
        }
    }
    return shares;
}

// An image of packed BGR bytes.
struct Image {
    std::vector<std::uint8_t> bgr;
    int width = 0;
    int height = 0;
};

// A packed copy of an image. The long side is reduced to `long_side` by averaging areas; it is never enlarged.
inline Image shrunk(const ConstFrame& frame, int long_side) {
    check_frame(frame);
    Image image;
    const double factor = static_cast<double>(long_side) / std::max(frame.width, frame.height);
    if (factor >= 1) {
        image = {std::vector<std::uint8_t>(packed_bytes(frame)), frame.width, frame.height};
        copy_rows(frame.data, stride_of(frame), image.bgr.data(), static_cast<std::ptrdiff_t>(row_bytes(frame)),
                  row_bytes(frame), frame.height);
        return image;
    }
    // nearbyint rounds halves to even, as Python does.
    image.width = std::max(1, static_cast<int>(std::nearbyint(frame.width * factor)));
    image.height = std::max(1, static_cast<int>(std::nearbyint(frame.height * factor)));
    if (std::min(image.width, image.height) < min_side)
        throw InputError(size_text(frame.width, frame.height) + " shrinks to " +
                         size_text(image.width, image.height) + ", and a network needs " +
                         std::to_string(min_side) + " px a side. Take another part of it");
    const auto columns = area_shares(frame.width, image.width);
    const auto rows = area_shares(frame.height, image.height);
    const std::size_t row_size = static_cast<std::size_t>(image.width) * 3;
    image.bgr.resize(row_size * static_cast<std::size_t>(image.height));
    std::vector<double> sums(row_size);
    for (std::size_t y = 0; y < rows.size(); ++y) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (const auto& [source_row, row_share] : rows[y]) {
            const std::uint8_t* line = frame.data + stride_of(frame) * source_row;
            for (std::size_t x = 0; x < columns.size(); ++x)
                for (const auto& [column, share] : columns[x])
                    for (std::size_t channel = 0; channel < 3; ++channel)
                        sums[x * 3 + channel] +=
                            row_share * share * line[static_cast<std::size_t>(column) * 3 + channel];
        }
        for (std::size_t index = 0; index < row_size; ++index)
            image.bgr[y * row_size + index] =
                static_cast<std::uint8_t>(std::clamp(std::nearbyint(sums[index]), 0.0, 255.0));
    }
    return image;
}

}   // namespace nst_rt::detail

#endif   // NST_RT_DETAIL_SHRINKING_HPP
