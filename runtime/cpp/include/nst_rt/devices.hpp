// Devices of ONNX Runtime, and the options of a stylizer.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_DEVICES_HPP
#define NST_RT_DEVICES_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "detail/text.hpp"
#include "errors.hpp"

namespace nst_rt {

struct Options {
    // `cpu`, `cuda[:N]` and `tensorrt[:N]` are demands. `auto` prefers CUDA, and uses the CPU where CUDA cannot run.
    std::string device = "auto";
    int threads = 0;           // on the CPU; 0: one per physical core
    bool strict = false;       // refuse a GPU session that runs any node on the CPU
    bool user_styles = true;   // also offer the styles that were added with `nst-rt add-style`
    bool verbose = false;      // print ONNX Runtime's own warnings on stderr
    std::filesystem::path engine_cache;   // folder for TensorRT's engines, which take minutes to build
};

struct Device {
    enum class Kind { cpu, cuda, tensorrt };
    Kind kind = Kind::cpu;
    int index = 0;

    std::string name() const {
        if (kind == Kind::cpu) return "cpu";
        return (kind == Kind::cuda ? "cuda:" : "tensorrt:") + std::to_string(index);
    }

    const char* provider() const {
        return kind == Kind::cpu    ? "CPUExecutionProvider"
               : kind == Kind::cuda ? "CUDAExecutionProvider"
                                    : "TensorrtExecutionProvider";
    }

    // nullopt for `auto`. Throws DeviceError: no device has this name.
    static std::optional<Device> parse(const std::string& text) {
        if (text == "auto") return std::nullopt;
        const std::size_t colon = std::min(text.find(':'), text.size());
        const std::string kind = text.substr(0, colon);
        Device device;
        bool known = kind == "cpu" && colon == text.size();
        if (kind == "cuda" || kind == "tensorrt") {
            device.kind = kind == "cuda" ? Kind::cuda : Kind::tensorrt;
            const char* end = text.data() + text.size();
            const auto [stop, error] =
                std::from_chars(text.data() + std::min(colon + 1, text.size()), end, device.index);
            known = colon == text.size() || (error == std::errc() && stop == end && device.index >= 0);
        }
        if (!known)
            throw DeviceError("unknown device " + detail::in_quotes(text) + ". Devices are auto, cpu, cuda[:N] and " +
                              "tensorrt[:N]; OpenVINO runs the same files, see examples/openvino_ppm.cpp");
        return device;
    }
};

}   // namespace nst_rt

#endif   // NST_RT_DEVICES_HPP
