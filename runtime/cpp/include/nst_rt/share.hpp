// nst_rt/share.h for C++17: connections and results release themselves, and errors are exceptions.
//
//     nst_rt::Share share("cam0");
//     share.stylize(bgr.data, bgr.step, stylized.data, stylized.step, bgr.cols, bgr.rows);
//
// Without copies:
//
//     auto frame = share.begin(width, height);            // fill frame.pixels()
//     frame.commit();                                     // without it, the frame is dropped
//     auto result = share.receive();                      // read result->pixels; released at the end of the block
// SPDX-License-Identifier: MIT
#ifndef NST_RT_SHARE_HPP
#define NST_RT_SHARE_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "nst_rt/share.h"

namespace nst_rt {

// The code that a call of nst_rt/share.h returned, and its message.
class ShareError : public std::runtime_error {
public:
    explicit ShareError(nst_rt_share_code code) : std::runtime_error(nst_rt_share_last_error()), code_(code) {}
    nst_rt_share_code code() const noexcept { return code_; }

private:
    nst_rt_share_code code_;
};

// No server, no room or no result in time: try again.
class ShareTimeout : public ShareError {
public:
    using ShareError::ShareError;
};

// The server ended or was killed: reconnect.
class ShareServerGone : public ShareError {
public:
    using ShareError::ShareError;
};

namespace detail {
inline void check_share(nst_rt_share_code code)
{
    switch (code) {
    case NST_RT_SHARE_OK:
        return;
    case NST_RT_SHARE_TIMEOUT:
        throw ShareTimeout(code);
    case NST_RT_SHARE_SERVER_GONE:
        throw ShareServerGone(code);
    default:
        throw ShareError(code);
    }
}
} // namespace detail

// A producer, a consumer, or both. For one thread, or for two of which one sends and the other receives.
class Share {
public:
    // From 0 to about 24 days; other values are limited to this range.
    using Timeout = std::chrono::milliseconds;
    static constexpr Timeout patience{5000};

    // The memory of the next frame. A frame or result must not outlive its Share.
    class Frame {
    public:
        std::uint8_t *pixels() const noexcept { return pixels_; }
        std::uint64_t bytes() const noexcept { return bytes_; }

        // Sends it, and returns its number. time_ns and tag come back with the result.
        std::uint64_t commit(std::int64_t time_ns = 0, std::uint64_t tag = 0)
        {
            std::uint64_t number = 0;
            detail::check_share(nst_rt_share_commit(share_, time_ns, tag, &number));
            return number;
        }

    private:
        friend class Share;
        Frame(nst_rt_share *share, std::uint8_t *pixels, std::uint64_t bytes)
            : share_(share), pixels_(pixels), bytes_(bytes)
        {
        }
        nst_rt_share *share_;
        std::uint8_t *pixels_;
        std::uint64_t bytes_;
    };

    // A result in place, until it is released.
    class Result {
    public:
        Result(Result &&other) noexcept : share_(std::exchange(other.share_, nullptr)), result_(other.result_) {}
        Result &operator=(Result &&) = delete;
        ~Result()
        {
            if (share_ != nullptr)
                nst_rt_share_release(share_);
        }

        const nst_rt_share_result *operator->() const noexcept { return &result_; }
        bool stylized() const noexcept { return result_.status == NST_RT_SHARE_STYLIZED; }

        // Releases it now. Throws ShareError if it was changed while you read it; the destructor cannot.
        void release() { detail::check_share(nst_rt_share_release(std::exchange(share_, nullptr))); }

    private:
        friend class Share;
        Result(nst_rt_share *share, const nst_rt_share_result &result) : share_(share), result_(result) {}
        nst_rt_share *share_;
        nst_rt_share_result result_;
    };

    // Throws ShareTimeout: there is no server; ShareError: a role is taken, or the segment is damaged.
    explicit Share(const std::string &name, int roles = NST_RT_SHARE_BOTH, Timeout timeout = patience)
    {
        nst_rt_share *opened = nullptr;
        detail::check_share(nst_rt_share_open(&opened, name.c_str(), roles, milliseconds(timeout)));
        share_.reset(opened);
    }

    // Gives the memory of the next frame. It is dropped unless it is committed.
    Frame begin(
        std::uint32_t width, std::uint32_t height, std::uint32_t pixel_format = NST_RT_SHARE_BGR24,
        Timeout timeout = patience)
    {
        std::uint8_t *pixels = nullptr;
        detail::check_share(
            nst_rt_share_begin(share_.get(), width, height, pixel_format, milliseconds(timeout), &pixels));
        return {share_.get(), pixels, nst_rt_share_frame_bytes(width, height, pixel_format)};
    }

    // Copies a frame with rows `stride` bytes apart and sends it. Returns its number.
    std::uint64_t send(
        const std::uint8_t *pixels, std::size_t stride, std::uint32_t width, std::uint32_t height,
        std::uint32_t pixel_format = NST_RT_SHARE_BGR24, std::int64_t time_ns = 0, std::uint64_t tag = 0,
        Timeout timeout = patience)
    {
        std::uint64_t number = 0;
        detail::check_share(nst_rt_share_send(
            share_.get(), pixels, stride, width, height, pixel_format, time_ns, tag, milliseconds(timeout), &number));
        return number;
    }

    // The next result. Check stylized() before you read its pixels.
    Result receive(Timeout timeout = patience)
    {
        nst_rt_share_result result;
        detail::check_share(nst_rt_share_receive(share_.get(), &result, milliseconds(timeout)));
        return {share_.get(), result};
    }

    // Sends a frame and copies its result. Results of earlier frames are released.
    void stylize(
        const std::uint8_t *pixels, std::size_t stride, std::uint8_t *stylized, std::size_t stylized_stride,
        std::uint32_t width, std::uint32_t height, std::uint32_t pixel_format = NST_RT_SHARE_BGR24,
        Timeout timeout = patience)
    {
        detail::check_share(nst_rt_share_stylize(
            share_.get(), pixels, stride, stylized, stylized_stride, width, height, pixel_format,
            milliseconds(timeout)));
    }

    // Connects to the next server of the same name. After ShareTimeout call it again.
    void reconnect(Timeout timeout = patience)
    {
        detail::check_share(nst_rt_share_reconnect(share_.get(), milliseconds(timeout)));
    }

    // Frames that were lost with servers so far.
    std::uint64_t lost() const noexcept { return nst_rt_share_lost(share_.get()); }
    // The number of this producer's first frame.
    std::uint64_t first() const noexcept { return nst_rt_share_first(share_.get()); }
    // The bytes of the largest frame.
    std::uint64_t room() const noexcept { return nst_rt_share_room(share_.get()); }
    // The server's model, style and device.
    std::string description() const { return nst_rt_share_description(share_.get()); }

private:
    static int milliseconds(Timeout timeout) noexcept
    {
        constexpr Timeout::rep most = std::numeric_limits<int>::max();
        return static_cast<int>(std::clamp<Timeout::rep>(timeout.count(), 0, most));
    }

    struct Close {
        void operator()(nst_rt_share *share) const noexcept { nst_rt_share_close(share); }
    };
    std::unique_ptr<nst_rt_share, Close> share_;
};

} // namespace nst_rt

#endif
