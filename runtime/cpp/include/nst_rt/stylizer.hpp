// The stylizer: one network, opened for frames.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_STYLIZER_HPP
#define NST_RT_STYLIZER_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <locale>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "detail/ort_session.hpp"
#include "detail/text.hpp"
#include "devices.hpp"
#include "errors.hpp"
#include "frames.hpp"
#include "model_files.hpp"
#include "model_record.hpp"
#include "style_encoder.hpp"
#include "styles.hpp"

namespace nst_rt {

// Stylises frames with one network. The style, its strength and its colours can change between any two calls.
//
// The first frame of each size opens a session, which takes about 0.1 s (with TensorRT minutes). The sessions of the
// last four sizes stay open. Threads may share a stylizer, and calls wait for each other: one thread can change the
// style while another one stylises frames.
class Stylizer {
public:
    // Opens a model with its first style. Throws ModelError, StyleError, or DeviceError: the device cannot run it.
    explicit Stylizer(const std::filesystem::path& model, Options options = {})
        : files_{model}, options_(std::move(options)), record_(read_model(model)) {
        if (record_.kind != "stylizer")
            throw ModelError(model.string() + ": a style encoder, not a stylising model. Give the model beside it");
        if (record_.style_size) {
            library_ = StyleLibrary::of(files_, record_.style_size, record_.source_sha256, options_.user_styles);
            if (!library_.styles().empty()) set_style(library_.styles().front().name);
        } else {
            style_ = record_.styles.empty() ? files_.network() : record_.styles.front();
        }
        choose_device();
    }

    Stylizer(const Stylizer&) = delete;
    Stylizer& operator=(const Stylizer&) = delete;

    // Stylises a frame into memory of the same size, which may be the same memory. Rows with gaps between them, and
    // frames that overlap, cost a copy. Throws InputError (size, stride), StyleError (no style is set), DeviceError.
    void operator()(const ConstFrame& frame, const Frame& stylized) {
        check_frame(frame);
        check_frame(stylized);
        if (frame.width != stylized.width || frame.height != stylized.height)
            throw InputError("a frame of " + detail::size_text(frame.width, frame.height) +
                             " cannot be written into one of " + detail::size_text(stylized.width, stylized.height) +
                             ". Both have the same size");
        const std::lock_guard lock(mutex_);
        if (record_.style_size && vector_.empty()) throw no_style();
        const std::size_t bytes = detail::packed_bytes(frame), row = detail::row_bytes(frame);
        const auto packed_row = static_cast<std::ptrdiff_t>(row);
        const std::uint8_t* pixels = frame.data;
        if (!detail::is_packed(frame) || detail::overlap(frame, stylized)) {
            packed_frame_.resize(bytes);
            detail::copy_rows(frame.data, detail::stride_of(frame), packed_frame_.data(), packed_row, row,
                              frame.height);
            pixels = packed_frame_.data();
        }
        const bool direct = detail::is_packed(stylized);
        if (!direct) packed_stylized_.resize(bytes);
        const detail::ort::Size size{frame.height, frame.width};
        run(session_for(size), pixels, direct ? stylized.data : packed_stylized_.data(), size, vector_);
        if (!direct)
            detail::copy_rows(packed_stylized_.data(), packed_row, stylized.data, detail::stride_of(stylized), row,
                              frame.height);
    }

    // Stylises a frame into a new packed image of height * width * 3 bytes.
    std::vector<std::uint8_t> operator()(const ConstFrame& frame) {
        check_frame(frame);
        std::vector<std::uint8_t> stylized(detail::packed_bytes(frame));
        (*this)(frame, {stylized.data(), frame.width, frame.height, 0});
        return stylized;
    }

    // Opens the session for a frame size and runs it once, so that the first real frame is not slow.
    void warm_up(int width, int height) {
        detail::check_size(width, height);
        const std::vector<std::uint8_t> blank(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
        (*this)({blank.data(), width, height});
    }

    // Sets a style by its name or as a blend: `gogh:0.7+wave:0.3`. Nothing is rebuilt.
    // Throws StyleError, ExpressionError.
    void set_style(const std::string& expression) {
        const std::lock_guard lock(mutex_);
        if (!record_.style_size) {
            if (expression != style_ && std::count(record_.styles.begin(), record_.styles.end(), expression) == 0)
                throw StyleError(name() + " has one style baked in (" + style_ + "), not " +
                                 detail::in_quotes(expression) + ". Take a model with style vectors");
            style_ = expression;
            return;
        }
        vector_ = library_.vector(expression);
        style_ = expression;
    }

    // Sets a vector of `record().style_size` finite numbers. Throws StyleError.
    void set_style_vector(std::vector<float> vector) {
        const std::lock_guard lock(mutex_);
        check_vector(vector);
        vector_ = std::move(vector);
        style_ = "vector";
    }

    // Gives a vector a name for `set_style` and blends. A style of the same name is replaced. Throws StyleError.
    void add_style(const std::string& name, std::vector<float> vector) {
        const std::lock_guard lock(mutex_);
        check_vector(vector);
        Style style;
        style.name = name;
        style.vector = std::move(vector);
        library_.add(std::move(style));
    }

    // The vector of a name or a blend, by default of the current style. Throws StyleError.
    std::vector<float> style_vector(const std::optional<std::string>& expression = std::nullopt) const {
        const std::lock_guard lock(mutex_);
        require_vectors();
        if (expression) return library_.vector(*expression);
        if (vector_.empty()) throw no_style();
        return vector_;
    }

    // The style vector of a painting, from the style encoder NAME.encoder.onnx beside the model.
    // Throws StyleError (there is no encoder), ModelError (it belongs to another network), InputError (too small).
    std::vector<float> read_style(const ConstFrame& painting) {
        const std::lock_guard lock(mutex_);
        require_vectors();
        if (!encoder_) {
            std::error_code ignored;
            const std::filesystem::path path = files_.encoder();
            if (!std::filesystem::is_regular_file(path, ignored))
                throw StyleError(name() + " has no style encoder beside it (" + path.filename().string() +
                                 "), so it cannot take a painting. Use a named style, or a model that has one");
            auto encoder = std::make_unique<StyleEncoder>(path, options_);
            require_same_network(record_, files_.path, encoder->record(), path);
            encoder_ = std::move(encoder);
        }
        return (*encoder_)(painting);
    }

    // 0 gives the content image, 1 the full style. Throws StyleError: out of range, or the model lacks it.
    void set_strength(float value) { set_control("strength", value, strength_); }

    // 1 takes the colours of the style, 0 keeps those of the content image. Throws StyleError as `set_strength` does.
    void set_color(float value) { set_control("color", value, color_); }

    // The current style, as it was set.
    std::string style() const {
        const std::lock_guard lock(mutex_);
        return style_;
    }

    // Names that `set_style` takes.
    std::vector<std::string> styles() const {
        const std::lock_guard lock(mutex_);
        return record_.style_size ? library_.names() : std::vector<std::string>{style_};
    }

    // The device that runs the model, such as `cuda:0` or `cpu`.
    std::string device() const {
        const std::lock_guard lock(mutex_);
        return device_.name();
    }

    // What was left out, such as styles of another network or a device that cannot be used, and why.
    std::vector<std::string> warnings() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> all = library_.warnings();
        all.insert(all.end(), warnings_.begin(), warnings_.end());
        return all;
    }

    const Record& record() const { return record_; }

private:
    static constexpr std::size_t kept_sessions = 4;   // each has its own copy of the weights and buffers

    std::string name() const { return files_.path.filename().string(); }

    StyleError no_style() const { return StyleError(name() + " needs a style. Set one by its name or as a vector"); }

    void require_vectors() const {
        if (!record_.style_size)
            throw StyleError(name() + " has one style baked in (" + style_ +
                             "). Take a model with style vectors, such as the built-in network");
    }

    void check_vector(const std::vector<float>& vector) const {
        require_vectors();
        if (vector.size() != record_.style_size)
            throw StyleError(name() + " takes style vectors of " + std::to_string(record_.style_size) +
                             " numbers, not " + std::to_string(vector.size()));
        if (!std::all_of(vector.begin(), vector.end(), [](float number) { return std::isfinite(number); }))
            throw StyleError("a style vector holds a number that is not finite. Read it again");
    }

    void set_control(const char* control, float value, float& place) {
        std::ostringstream number;
        number.imbue(std::locale::classic());
        number << value;
        if (!(value >= 0 && value <= 1))
            throw StyleError(std::string(control) + " " + number.str() + " is out of range. Give a number from 0 to 1");
        if (value != 1 && !record_.has(control))
            throw StyleError(name() + " was exported without " + control + ". Export it again with controls");
        const std::lock_guard lock(mutex_);
        place = value;
    }

    void choose_device() {
        const std::optional<Device> demanded = Device::parse(options_.device);
        if (demanded) {
            device_ = *demanded;
            if (!detail::ort::is_available(device_))
                throw DeviceError("device " + device_.name() + ": this ONNX Runtime was built for " +
                                  detail::joined(detail::ort::available_providers()) +
                                  " only. Link one that was built for this device, or use device cpu");
            if (device_.kind != Device::Kind::cpu) refuse_int8();
            if (device_.kind == Device::Kind::cuda) test_run();
            return;
        }
        device_ = {Device::Kind::cuda, 0};
        if (record_.precision != "int8" && detail::ort::is_available(device_)) try {
                test_run();
                return;
            } catch (const DeviceError& error) {
                warnings_.push_back(std::string("auto: cuda:0 cannot be used, taking cpu (") + error.what() + ")");
            }
        device_ = {};
    }

    void refuse_int8() const {
        if (record_.precision == "int8")
            throw DeviceError("device " + device_.name() + ": " + name() +
                              " is int8, which is for CPUs. Use the fp16 file here");
    }

    // Runs a small frame. A session that opens may still fail to run: no memory, or no kernels for an old GPU.
    void test_run() const {
        constexpr int side = 64;
        const std::vector<std::uint8_t> blank(side * side * 3);
        std::vector<std::uint8_t> stylized(blank.size());
        const detail::ort::Size size{side, side};
        const detail::ort::ModelSession session(files_.path, device_, options_, &record_, size);
        run(session, blank.data(), stylized.data(), size, std::vector<float>(record_.style_size));
    }

    void run(const detail::ort::ModelSession& session, const std::uint8_t* pixels, std::uint8_t* stylized,
             detail::ort::Size size, const std::vector<float>& style) const {
        namespace ort = detail::ort;
        std::vector<ort::Feed> feeds = {ort::image("frame", pixels, size)};
        if (record_.style_size) feeds.push_back(ort::style_vector(style));
        if (record_.has("strength")) feeds.push_back(ort::number("strength", &strength_));
        if (record_.has("color")) feeds.push_back(ort::number("color", &color_));
        session.run(feeds, ort::image("stylized", stylized, size));
    }

    const detail::ort::ModelSession& session_for(detail::ort::Size size) {
        const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                        [&](const auto& entry) { return entry.first == size; });
        if (found != sessions_.end()) {
            sessions_.splice(sessions_.begin(), sessions_, found);
        } else {
            sessions_.emplace_front(std::piecewise_construct, std::forward_as_tuple(size),
                                    std::forward_as_tuple(files_.path, device_, options_, &record_, size));
            if (sessions_.size() > kept_sessions) sessions_.pop_back();
        }
        return sessions_.front().second;
    }

    ModelFiles files_;
    Options options_;
    Record record_;
    StyleLibrary library_;
    std::string style_;
    std::vector<float> vector_;
    float strength_ = 1;
    float color_ = 1;
    Device device_;
    std::vector<std::string> warnings_;
    std::unique_ptr<StyleEncoder> encoder_;
    std::list<std::pair<detail::ort::Size, detail::ort::ModelSession>> sessions_;   // the last used one first
    std::vector<std::uint8_t> packed_frame_, packed_stylized_;
    mutable std::mutex mutex_;
};

}   // namespace nst_rt

#endif   // NST_RT_STYLIZER_HPP
