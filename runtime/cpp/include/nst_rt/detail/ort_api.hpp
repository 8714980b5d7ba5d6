// ONNX Runtime's C API: owners of its objects, and its errors as exceptions.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_DETAIL_ORT_API_HPP
#define NST_RT_DETAIL_ORT_API_HPP

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <onnxruntime_c_api.h>

#include "../devices.hpp"
#include "../errors.hpp"
#include "text.hpp"

#if ORT_API_VERSION < 17
#error "nst_rt.hpp needs the headers of ONNX Runtime 1.17 or newer"
#endif

namespace nst_rt::detail::ort {

inline constexpr std::uint32_t api_version = 17;   // the oldest library that the models are tested with

inline const OrtApi& api() {
    static const OrtApi* const table = OrtGetApiBase()->GetApi(api_version);
    if (table == nullptr)
        throw DeviceError(std::string("the ONNX Runtime that was loaded is ") + OrtGetApiBase()->GetVersionString() +
                          "; nst-rt needs 1.17 or newer. Check which libonnxruntime the program finds");
    return *table;
}

template <auto Release>
struct Releaser {
    template <class Object>
    void operator()(Object* object) const {
        (api().*Release)(object);
    }
};

template <class Object, auto Release>
using Owned = std::unique_ptr<Object, Releaser<Release>>;
using Env = Owned<OrtEnv, &OrtApi::ReleaseEnv>;
using SessionOptions = Owned<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>;
using Session = Owned<OrtSession, &OrtApi::ReleaseSession>;
using Status = Owned<OrtStatus, &OrtApi::ReleaseStatus>;
using Value = Owned<OrtValue, &OrtApi::ReleaseValue>;
using MemoryInfo = Owned<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>;
using Metadata = Owned<OrtModelMetadata, &OrtApi::ReleaseModelMetadata>;
using TypeInfo = Owned<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>;
using CudaOptions = Owned<OrtCUDAProviderOptionsV2, &OrtApi::ReleaseCUDAProviderOptions>;
using TensorRtOptions = Owned<OrtTensorRTProviderOptionsV2, &OrtApi::ReleaseTensorRTProviderOptions>;

// An error of ONNX Runtime. The caller knows what failed, and throws its own error for it.
class Failure : public std::runtime_error {
public:
    Failure(OrtErrorCode what_kind, const std::string& reason) : std::runtime_error(reason), code(what_kind) {}
    OrtErrorCode code;

    bool is_about_the_file() const {
        return code == ORT_NO_SUCHFILE || code == ORT_NO_MODEL || code == ORT_INVALID_PROTOBUF ||
               code == ORT_INVALID_GRAPH;
    }

    bool is_about_memory() const {
        std::string reason = what();
        for (char& letter : reason) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        for (const char* sign : {"failed to allocate", "out of memory", "bad_alloc", "bad allocation"})
            if (reason.find(sign) != std::string::npos) return true;
        return false;
    }
};

inline void check(OrtStatus* returned) {
    const Status status(returned);
    if (!status) return;
    // Keep the first line, without what stands before the message: "FILE:LINE ... [ONNXRuntimeError] : 1 : FAIL : ".
    std::string reason = api().GetErrorMessage(status.get());
    reason.resize(std::min(reason.find('\n'), reason.size()));
    if (const std::size_t place = reason.rfind("failed:"); place != std::string::npos) reason.erase(0, place + 7);
    if (std::size_t place = reason.rfind("[ONNXRuntimeError] : "); place != std::string::npos) {
        for (int colons = 0; colons < 3 && place != std::string::npos; ++colons) place = reason.find(" : ", place + 1);
        if (place != std::string::npos) reason.erase(0, place + 3);
    }
    throw Failure(api().GetErrorCode(status.get()), stripped(reason));
}

// Calls a function of the table that makes an object in its last argument, and returns the owner of the object.
template <class Owner, class Function, class... Arguments>
Owner make(Function function, Arguments... arguments) {
    typename Owner::pointer object = nullptr;
    check((api().*function)(arguments..., &object));
    return Owner(object);
}

inline std::vector<std::string> available_providers() {
    char** names = nullptr;
    int count = 0;
    check(api().GetAvailableProviders(&names, &count));
    std::vector<std::string> providers(names, names + count);
    check(api().ReleaseAvailableProviders(names, count));
    return providers;
}

inline bool is_available(const Device& device) {
    const auto providers = available_providers();
    return std::find(providers.begin(), providers.end(), device.provider()) != providers.end();
}

}   // namespace nst_rt::detail::ort

#endif   // NST_RT_DETAIL_ORT_API_HPP
