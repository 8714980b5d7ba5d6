// C++17 around nst_rt/share.h: handles that let go of themselves, errors as exceptions.
//
//     nst_rt::Share share("cam0");
//     share.stylize(bgr.data, bgr.step, stylized.data, stylized.step, bgr.cols, bgr.rows);
//
// Without copies:
//
//     auto frame = share.begin(width, height);            // fill frame.pixels()
//     frame.commit();                                     // or leave the block, and it was never there
//     auto result = share.receive();                      // read result->pixels; let go at the end of the block
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

// What a call of nst_rt/share.h returned, and its message.
class ShareError : public std::runtime_error {
public:
    explicit ShareError(nst_rt_share_code code) : std::runtime_error(nst_rt_share_last_error()), code_(code) {}
    nst_rt_share_code code() const noexcept { return code_; }

private:
    nst_rt_share_code code_;
};

// Nothing came, or no room was made, in time; try again.
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

// A producer, a consumer, or both. For one thread, except that one may send and another receive.
class Share {
public:
    // 0 to about 24 days; anything else is taken for the nearer of the two.
    using Timeout = std::chrono::milliseconds;
    static constexpr Timeout patience{5000};

    // The memory of the next frame. Frames and results must not outlive their Share.
    class Frame {
    public:
        std::uint8_t *pixels() const noexcept { return pixels_; }
        std::uint64_t bytes() const noexcept { return bytes_; }

        // Send it; returns its number. time_ns and tag come back with the result.
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

    // A result in place, until it is let go.
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

        // Let go of it now; throws if it was changed while it was read, which the destructor cannot say.
        void release() { detail::check_share(nst_rt_share_release(std::exchange(share_, nullptr))); }

    private:
        friend class Share;
        Result(nst_rt_share *share, const nst_rt_share_result &result) : share_(share), result_(result) {}
        nst_rt_share *share_;
        nst_rt_share_result result_;
    };

    // Throws ShareTimeout if no server came, ShareError if a role is taken or the segment is no good.
    explicit Share(const std::string &name, int roles = NST_RT_SHARE_BOTH, Timeout timeout = patience)
    {
        nst_rt_share *opened = nullptr;
        detail::check_share(nst_rt_share_open(&opened, name.c_str(), roles, milliseconds(timeout)));
        share_.reset(opened);
    }

    // Give the memory of the next frame; what is not committed was never there.
    Frame begin(
        std::uint32_t width, std::uint32_t height, std::uint32_t pixel_format = NST_RT_SHARE_BGR24,
        Timeout timeout = patience)
    {
        std::uint8_t *pixels = nullptr;
        detail::check_share(
            nst_rt_share_begin(share_.get(), width, height, pixel_format, milliseconds(timeout), &pixels));
        return {share_.get(), pixels, nst_rt_share_frame_bytes(width, height, pixel_format)};
    }

    // Copy a frame whose rows lie `stride` bytes apart, and send it; returns its number.
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

    // The next result; look at stylized() before its pixels.
    Result receive(Timeout timeout = patience)
    {
        nst_rt_share_result result;
        detail::check_share(nst_rt_share_receive(share_.get(), &result, milliseconds(timeout)));
        return {share_.get(), result};
    }

    // Send a frame and copy its result; results of earlier frames are let go.
    void stylize(
        const std::uint8_t *pixels, std::size_t stride, std::uint8_t *stylized, std::size_t stylized_stride,
        std::uint32_t width, std::uint32_t height, std::uint32_t pixel_format = NST_RT_SHARE_BGR24,
        Timeout timeout = patience)
    {
        detail::check_share(nst_rt_share_stylize(
            share_.get(), pixels, stride, stylized, stylized_stride, width, height, pixel_format,
            milliseconds(timeout)));
    }

    // Leave a server that is gone for the next of its name. To be called again after ShareTimeout.
    void reconnect(Timeout timeout = patience)
    {
        detail::check_share(nst_rt_share_reconnect(share_.get(), milliseconds(timeout)));
    }

    // Frames that servers took with them so far.
    std::uint64_t lost() const noexcept { return nst_rt_share_lost(share_.get()); }
    // Number of this producer's first frame.
    std::uint64_t first() const noexcept { return nst_rt_share_first(share_.get()); }
    // Bytes of the largest frame.
    std::uint64_t room() const noexcept { return nst_rt_share_room(share_.get()); }
    // Model, style and device.
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
