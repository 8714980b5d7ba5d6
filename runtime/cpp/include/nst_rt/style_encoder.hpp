// Style vectors of paintings.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_STYLE_ENCODER_HPP
#define NST_RT_STYLE_ENCODER_HPP

#include <filesystem>
#include <optional>
#include <vector>

#include "detail/ort_session.hpp"
#include "detail/shrinking.hpp"
#include "devices.hpp"
#include "errors.hpp"
#include "frames.hpp"
#include "model_record.hpp"

namespace nst_rt {

// The record of a model file, after a check of its graph. Throws ModelError.
inline Record read_model(const std::filesystem::path& path) {
    return detail::ort::ModelSession(path, Device{}, Options{}, nullptr, std::nullopt).record();
}

// Reads style vectors off paintings, on the CPU (Ghiasi et al. 2017).
class StyleEncoder {
public:
    // Throws ModelError: the file is not a style encoder.
    explicit StyleEncoder(const std::filesystem::path& path, const Options& options = {})
        : record_(read_model(path)), session_(path, Device{}, options, &record_, std::nullopt) {
        if (record_.kind != "style_encoder")
            throw ModelError(path.string() + ": a stylising model, not a style encoder. Export the model again");
    }

    // The style vector of a painting, which is first reduced to 640 pixels. Throws InputError: it is too small.
    std::vector<float> operator()(const ConstFrame& painting) const {
        const detail::Image image = detail::shrunk(painting, painting_side);
        std::vector<float> vector(record_.style_size);
        session_.run({detail::ort::image("image", image.bgr.data(), {image.height, image.width})},
                     detail::ort::style_vector(vector));
        return vector;
    }

    const Record& record() const { return record_; }

private:
    Record record_;
    detail::ort::ModelSession session_;
};

}   // namespace nst_rt

#endif   // NST_RT_STYLE_ENCODER_HPP
