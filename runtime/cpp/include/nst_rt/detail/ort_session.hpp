// A model file, opened in ONNX Runtime on a device.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_DETAIL_ORT_SESSION_HPP
#define NST_RT_DETAIL_ORT_SESSION_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../devices.hpp"
#include "../errors.hpp"
#include "../model_record.hpp"
#include "ort_api.hpp"

namespace nst_rt::detail::ort {

struct Size {
    int height;
    int width;
    bool operator==(const Size& other) const { return height == other.height && width == other.width; }
    std::string text() const { return "1x" + std::to_string(height) + "x" + std::to_string(width); }
};

// An input or output of a session. The memory belongs to the caller, and must live until `run` returns.
struct Feed {
    const char* name;
    const void* data;
    std::size_t bytes;
    std::vector<std::int64_t> shape;
    ONNXTensorElementDataType type;
};

// A model file on a device, for one frame size or for any size.
class ModelSession {
public:
    // Without a record the graph is not optimised: then only the metadata and the signature are read.
    ModelSession(const std::filesystem::path& path, const Device& device, const Options& options, const Record* record,
                 std::optional<Size> size)
        : path_(path), device_(device) {
        std::error_code ignored;
        if (!std::filesystem::is_regular_file(path, ignored)) throw ModelError(path.string() + ": no such model file");
        try {
            open(options, record, size);
        } catch (const Failure& failure) {
            if (device.kind == Device::Kind::cpu || failure.is_about_the_file())
                throw ModelError(path.string() + ": ONNX Runtime cannot read it as a model (" + failure.what() +
                                 "). Is the file complete? Export it again");
            throw DeviceError(
                path.filename().string() + " cannot be opened on " + device.name() + " (" + failure.what() +
                "). It needs an ONNX Runtime built for it, and its libraries and driver; " + "device cpu runs");
        }
    }

    void run(const std::vector<Feed>& feeds, const Feed& output) const {
        try {
            std::vector<Value> values;
            std::vector<const char*> names;
            std::vector<const OrtValue*> inputs;
            for (const Feed& feed : feeds) {
                values.push_back(tensor(feed));
                names.push_back(feed.name);
                inputs.push_back(values.back().get());
            }
            const Value result = tensor(output);
            OrtValue* results = result.get();
            check(api().Run(session_.get(), nullptr, names.data(), inputs.data(), inputs.size(), &output.name, 1,
                            &results));
        } catch (const Failure& failure) {
            if (failure.is_about_memory())
                throw InputError(path_.filename().string() + " needs more memory on " + device_.name() +
                                 " than there is. Use smaller images, or another device");
            throw DeviceError(path_.filename().string() + " failed on " + device_.name() + ": " + failure.what() +
                              ". Try device cpu");
        }
    }

    // The record of the file, after a check of the graph against it. Throws ModelError.
    Record record() const {
        const Metadata metadata = make<Metadata>(&OrtApi::SessionGetModelMetadata, session_.get());
        OrtAllocator* allocator = nullptr;
        check(api().GetAllocatorWithDefaultOptions(&allocator));
        const auto look_up = [&](const std::string& key) -> std::optional<std::string> {
            char* value = nullptr;
            check(api().ModelMetadataLookupCustomMetadataMap(metadata.get(), allocator, key.c_str(), &value));
            if (value == nullptr) return std::nullopt;
            std::string text(value);
            allocator->Free(allocator, value);
            return text;
        };
        Record record = Record::from_metadata(look_up, path_.string());
        std::size_t inputs = 0, outputs = 0;
        check(api().SessionGetInputCount(session_.get(), &inputs));
        check(api().SessionGetOutputCount(session_.get(), &outputs));
        const auto graph_inputs = tensors(inputs, allocator, api().SessionGetInputName, api().SessionGetInputTypeInfo);
        check_signature(record, graph_inputs,
                        tensors(outputs, allocator, api().SessionGetOutputName, api().SessionGetOutputTypeInfo),
                        path_.string());
        for (const Tensor& tensor : graph_inputs)
            if (tensor.name == "strength" || tensor.name == "color") record.controls.push_back(tensor.name);
        return record;
    }

    const Device& device() const { return device_; }

private:
    void open(const Options& options, const Record* record, std::optional<Size> size) {
        memory_ = make<MemoryInfo>(&OrtApi::CreateCpuMemoryInfo, OrtArenaAllocator, OrtMemTypeDefault);
        // Every error is returned as a status. The log would only repeat it.
        const OrtLoggingLevel level = options.verbose ? ORT_LOGGING_LEVEL_WARNING : ORT_LOGGING_LEVEL_FATAL;
        env_ = make<Env>(&OrtApi::CreateEnv, level, "nst_rt");
        check(api().DisableTelemetryEvents(env_.get()));
        const SessionOptions settings = make<SessionOptions>(&OrtApi::CreateSessionOptions);
        check(api().SetSessionLogSeverityLevel(settings.get(), level));
        if (options.threads > 0) check(api().SetIntraOpNumThreads(settings.get(), options.threads));
        if (record == nullptr) check(api().SetSessionGraphOptimizationLevel(settings.get(), ORT_DISABLE_ALL));
        if (size) {
            // Static shapes fold into constants, and TensorRT builds one fast engine.
            const std::pair<const char*, int> pins[] = {
                {"batch", 1}, {"height", size->height}, {"width", size->width}, {"styles", 1}};
            for (const auto& [name, value] : pins)
                check(api().AddFreeDimensionOverrideByName(settings.get(), name, value));
        }
        if (device_.kind != Device::Kind::cpu) append_gpu(settings.get(), options, record, size);
        session_ = make<Session>(&OrtApi::CreateSession, env_.get(), path_.c_str(), settings.get());
    }

    void append_gpu(OrtSessionOptions* settings, const Options& options, const Record* record,
                    std::optional<Size> size) const {
        // The options are those of runtime/nst_rt/engine/providers.py, which gives the reasons. CUDA graphs are off,
        // because they need the frames at a fixed address on the GPU.
        const bool fp16 = record && record->precision == "fp16";
        const std::string index = std::to_string(device_.index);
        if (options.strict) check(api().AddSessionConfigEntry(settings, "session.disable_cpu_ep_fallback", "1"));
        if (device_.kind == Device::Kind::tensorrt) {
            std::vector<std::pair<std::string, std::string>> pairs = {{"device_id", index},
                                                                      {"trt_fp16_enable", fp16 ? "1" : "0"},
                                                                      {"trt_layer_norm_fp32_fallback", "1"},
                                                                      {"trt_cuda_graph_enable", "0"}};
            if (!options.engine_cache.empty()) {
                // An engine fits one model, precision, size and version of ONNX Runtime.
                const auto timings = options.engine_cache / ("ort" + std::string(OrtGetApiBase()->GetVersionString()));
                const auto engines = timings / (path_.stem().string() + "_" +
                                                (record ? record->source_sha256.substr(0, 16) : std::string()) + "_" +
                                                (fp16 ? "fp16" : "fp32") + "_" + (size ? size->text() : "any"));
                std::error_code error;
                std::filesystem::create_directories(engines, error);
                if (error)
                    throw DeviceError(engines.string() + " cannot be made (" + error.message() +
                                      "). Give another engine cache, or none");
                pairs.insert(pairs.end(), {{"trt_engine_cache_enable", "1"},
                                           {"trt_engine_cache_path", engines.string()},
                                           {"trt_timing_cache_enable", "1"},
                                           {"trt_timing_cache_path", timings.string()}});
            }
            const auto provider = make<TensorRtOptions>(&OrtApi::CreateTensorRTProviderOptions);
            const auto [keys, values] = columns(pairs);
            check(api().UpdateTensorRTProviderOptions(provider.get(), keys.data(), values.data(), keys.size()));
            check(api().SessionOptionsAppendExecutionProvider_TensorRT_V2(settings, provider.get()));
        }
        const std::vector<std::pair<std::string, std::string>> pairs = {{"device_id", index},
                                                                        {"cudnn_conv_algo_search", "HEURISTIC"},
                                                                        {"arena_extend_strategy", "kSameAsRequested"},
                                                                        {"do_copy_in_default_stream", "1"},
                                                                        {"use_tf32", fp16 ? "1" : "0"},
                                                                        {"enable_cuda_graph", "0"}};
        const auto provider = make<CudaOptions>(&OrtApi::CreateCUDAProviderOptions);
        const auto [keys, values] = columns(pairs);
        check(api().UpdateCUDAProviderOptions(provider.get(), keys.data(), values.data(), keys.size()));
        check(api().SessionOptionsAppendExecutionProvider_CUDA_V2(settings, provider.get()));
    }

    static std::pair<std::vector<const char*>, std::vector<const char*>> columns(
        const std::vector<std::pair<std::string, std::string>>& pairs) {
        std::pair<std::vector<const char*>, std::vector<const char*>> columns;
        for (const auto& [key, value] : pairs) {
            columns.first.push_back(key.c_str());
            columns.second.push_back(value.c_str());
        }
        return columns;
    }

    Value tensor(const Feed& feed) const {
        // ONNX Runtime takes no pointer to const, but does not write to inputs.
        return make<Value>(&OrtApi::CreateTensorWithDataAsOrtValue, memory_.get(), const_cast<void*>(feed.data),
                           feed.bytes, feed.shape.data(), feed.shape.size(), feed.type);
    }

    template <class NameOf, class TypeOf>
    std::vector<Tensor> tensors(std::size_t count, OrtAllocator* allocator, NameOf name_of, TypeOf type_of) const {
        std::vector<Tensor> tensors;
        for (std::size_t index = 0; index < count; ++index) {
            char* name = nullptr;
            check(name_of(session_.get(), index, allocator, &name));
            Tensor tensor{name, "no tensor", {}};
            allocator->Free(allocator, name);
            OrtTypeInfo* returned = nullptr;
            check(type_of(session_.get(), index, &returned));
            const TypeInfo type(returned);
            const OrtTensorTypeAndShapeInfo* info = nullptr;
            check(api().CastTypeInfoToTensorInfo(type.get(), &info));
            if (info) {
                ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
                std::size_t rank = 0;
                check(api().GetTensorElementType(info, &element));
                check(api().GetDimensionsCount(info, &rank));
                std::vector<std::int64_t> sizes(rank);
                std::vector<const char*> names(rank);
                check(api().GetDimensions(info, sizes.data(), rank));
                check(api().GetSymbolicDimensions(info, names.data(), rank));
                tensor.type = element == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8   ? "uint8"
                              : element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ? "float"
                                                                               : "type " + std::to_string(element);
                for (std::size_t axis = 0; axis < rank; ++axis)
                    tensor.shape.push_back(sizes[axis] >= 0 ? std::to_string(sizes[axis])
                                           : names[axis] && *names[axis] ? std::string(names[axis])
                                                                         : std::string("?"));
            }
            tensors.push_back(std::move(tensor));
        }
        return tensors;
    }

    std::filesystem::path path_;
    Device device_;
    Env env_;   // declared before the session, so that it is destroyed after it
    MemoryInfo memory_;
    Session session_;
};

// Packed BGR bytes.
inline Feed image(const char* name, const std::uint8_t* bgr, Size size) {
    const std::size_t bytes = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) * 3;
    return {name, bgr, bytes, {1, size.height, size.width, 3}, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8};
}

inline Feed number(const char* name, const float* value) {
    return {name, value, sizeof *value, {1}, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT};
}

inline Feed style_vector(const std::vector<float>& vector) {
    const auto size = static_cast<std::int64_t>(vector.size());
    return {"style", vector.data(), vector.size() * sizeof(float), {1, size}, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT};
}

}   // namespace nst_rt::detail::ort

#endif   // NST_RT_DETAIL_ORT_SESSION_HPP
