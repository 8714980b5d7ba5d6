// The files of a model, and the folder of the user styles.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_MODEL_FILES_HPP
#define NST_RT_MODEL_FILES_HPP

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "detail/text.hpp"

namespace nst_rt {

// The folder of the user styles and models: $NST_RT_HOME, else the platform's data folder. Empty if it is unknown.
inline std::filesystem::path data_folder() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value ? value : "");
    };
    if (const auto home = variable("NST_RT_HOME"); !home.empty()) return home;
#if defined(_WIN32)
    const auto base = variable("LOCALAPPDATA");
#elif defined(__APPLE__)
    const auto base = variable("HOME").empty() ? variable("HOME") : variable("HOME") / "Library/Application Support";
#else
    auto base = variable("XDG_DATA_HOME");
    if (base.empty() && !variable("HOME").empty()) base = variable("HOME") / ".local/share";
#endif
    return base.empty() ? base : base / "nst-rt";
}

// The files of one model, in one folder: NAME.onnx, and optionally NAME.fp16.onnx, NAME.int8.onnx, NAME.encoder.onnx
// (the style encoder) and NAME.styles.json (named style vectors). `path` is one of the first three.
struct ModelFiles {
    std::filesystem::path path;

    std::string network() const {
        std::string name = path.filename().string();
        for (const char* end : {".onnx", ".ort", ".fp16", ".int8"})
            if (detail::ends_with(name, end)) name.resize(name.size() - std::strlen(end));
        return name;
    }

    std::filesystem::path beside(const char* suffix) const { return path.parent_path() / (network() + suffix); }
    std::filesystem::path styles() const { return beside(".styles.json"); }
    std::filesystem::path encoder() const { return beside(".encoder.onnx"); }
    std::filesystem::path user_styles() const {
        const auto folder = data_folder();
        return folder.empty() ? folder : folder / "styles" / network();
    }
};

}   // namespace nst_rt

#endif   // NST_RT_MODEL_FILES_HPP
