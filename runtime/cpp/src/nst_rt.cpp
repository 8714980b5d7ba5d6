// The C ABI over nst_rt.hpp. No exception and no C++ type crosses it.
// SPDX-License-Identifier: MIT

#include "nst_rt/nst_rt.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "nst_rt/nst_rt.hpp"

struct nst_rt_stylizer {
    nst_rt::Stylizer stylizer;
};

namespace {

class ArgumentError : public nst_rt::Error {
public:
    using nst_rt::Error::Error;
};

// One per thread: they need no lock, and no other thread overwrites them.
thread_local std::string last_error;
thread_local std::string returned;

nst_rt_status fail(nst_rt_status status, const char* message, const char* below = "") noexcept {
    try {
        last_error = message;
        if (*below) last_error.append("\n").append(below);
    } catch (...) {   // no memory for the message; the caller still gets the status
        last_error.clear();
    }
    return status;
}

template <class Action>
nst_rt_status guarded(Action&& action) noexcept {
    try {
        action();
        return NST_RT_OK;
    } catch (const ArgumentError& error) {
        return fail(NST_RT_ERROR_ARGUMENT, error.what());
    } catch (const nst_rt::InputError& error) {
        return fail(NST_RT_ERROR_INPUT, error.what());
    } catch (const nst_rt::ModelError& error) {
        return fail(NST_RT_ERROR_MODEL, error.what());
    } catch (const nst_rt::ExpressionError& error) {
        return fail(NST_RT_ERROR_STYLE, error.what(), error.below.c_str());
    } catch (const nst_rt::StyleError& error) {
        return fail(NST_RT_ERROR_STYLE, error.what());
    } catch (const nst_rt::DeviceError& error) {
        return fail(NST_RT_ERROR_DEVICE, error.what());
    } catch (const std::bad_alloc&) {
        return fail(NST_RT_ERROR_MEMORY, "out of memory. Use smaller images");
    } catch (const std::exception& error) {
        return fail(NST_RT_ERROR_INTERNAL, error.what());
    } catch (...) {
        return fail(NST_RT_ERROR_INTERNAL, "an unknown exception");
    }
}

template <class Pointer>
Pointer* given(Pointer* pointer, const char* name) {
    if (pointer == nullptr) throw ArgumentError(std::string(name) + " is a null pointer");
    return pointer;
}

const char* keep(std::string text) {
    returned = std::move(text);
    return returned.c_str();
}

constexpr std::size_t smallest_options = offsetof(nst_rt_options, verbose) + sizeof(int32_t);

nst_rt_options default_options() {
    nst_rt_options options{};
    options.struct_size = sizeof options;
    options.user_styles = 1;
    return options;
}

// Programs that were built with a newer header pass a longer struct. It is accepted if all fields that this library does
// not know are zero.
nst_rt::Options read_options(const nst_rt_options* passed) {
    nst_rt_options options = default_options();
    if (passed != nullptr) {
        const std::size_t size = passed->struct_size;
        if (size < smallest_options || size > 4096)
            throw ArgumentError("options.struct_size is " + std::to_string(size) +
                                ". Fill the struct with nst_rt_options_init(&options, sizeof options)");
        const auto* bytes = reinterpret_cast<const unsigned char*>(passed);
        if (size > sizeof options && std::any_of(bytes + sizeof options, bytes + size, [](auto byte) { return byte; }))
            throw ArgumentError("options sets fields that this nst_rt library (ABI " +
                                std::to_string(NST_RT_ABI_VERSION) + ") does not know. Install a newer one");
        std::memcpy(&options, passed, std::min(size, sizeof options));
    }
    nst_rt::Options result;
    if (options.device) result.device = options.device;
    if (options.engine_cache) result.engine_cache = options.engine_cache;
    if (options.threads < 0) throw ArgumentError("options.threads is negative. 0 means all physical cores");
    result.threads = options.threads;
    result.strict = options.strict != 0;
    result.user_styles = options.user_styles != 0;
    result.verbose = options.verbose != 0;
    return result;
}

void write_vector(const std::vector<float>& values, float* vector, std::size_t count) {
    if (count < values.size())
        throw ArgumentError("there is room for " + std::to_string(count) + " numbers of a style vector of " +
                            std::to_string(values.size()) + ". nst_rt_style_size() says how many");
    std::copy(values.begin(), values.end(), given(vector, "vector"));
}

}   // namespace

extern "C" {

int32_t nst_rt_abi_version(void) { return NST_RT_ABI_VERSION; }

const char* nst_rt_version(void) { return NST_RT_VERSION; }

const char* nst_rt_onnxruntime_version(void) { return OrtGetApiBase()->GetVersionString(); }

const char* nst_rt_last_error(void) { return last_error.c_str(); }

nst_rt_status nst_rt_options_init(nst_rt_options* options, size_t struct_size) {
    return guarded([&] {
        given(options, "options");
        if (struct_size < smallest_options)
            throw ArgumentError("struct_size is " + std::to_string(struct_size) + ". Pass sizeof(nst_rt_options)");
        nst_rt_options defaults = default_options();
        std::memset(options, 0, struct_size);
        std::memcpy(options, &defaults, std::min(struct_size, sizeof defaults));
        options->struct_size = struct_size;
    });
}

nst_rt_status nst_rt_open(const char* model_path, const nst_rt_options* options, nst_rt_stylizer** stylizer) {
    return guarded([&] {
        *given(stylizer, "stylizer") = nullptr;
        *stylizer = new nst_rt_stylizer{nst_rt::Stylizer(given(model_path, "model_path"), read_options(options))};
    });
}

void nst_rt_close(nst_rt_stylizer* stylizer) { delete stylizer; }

nst_rt_status nst_rt_stylize(nst_rt_stylizer* stylizer, const uint8_t* bgr, int32_t width, int32_t height,
                             ptrdiff_t stride, uint8_t* stylized, ptrdiff_t stylized_stride) {
    return guarded([&] {
        given(stylizer, "stylizer")->stylizer({given(bgr, "bgr"), width, height, stride},
                                              {given(stylized, "stylized"), width, height, stylized_stride});
    });
}

nst_rt_status nst_rt_warm_up(nst_rt_stylizer* stylizer, int32_t width, int32_t height) {
    return guarded([&] { given(stylizer, "stylizer")->stylizer.warm_up(width, height); });
}

nst_rt_status nst_rt_set_style(nst_rt_stylizer* stylizer, const char* expression) {
    return guarded([&] { given(stylizer, "stylizer")->stylizer.set_style(given(expression, "expression")); });
}

nst_rt_status nst_rt_set_style_vector(nst_rt_stylizer* stylizer, const float* vector, size_t count) {
    return guarded([&] {
        given(vector, "vector");
        given(stylizer, "stylizer")->stylizer.set_style_vector({vector, vector + count});
    });
}

nst_rt_status nst_rt_add_style(nst_rt_stylizer* stylizer, const char* name, const float* vector, size_t count) {
    return guarded([&] {
        given(vector, "vector");
        given(stylizer, "stylizer")->stylizer.add_style(given(name, "name"), {vector, vector + count});
    });
}

nst_rt_status nst_rt_style_vector(nst_rt_stylizer* stylizer, const char* expression, float* vector, size_t count) {
    return guarded([&] {
        const nst_rt::Stylizer& source = given(stylizer, "stylizer")->stylizer;
        write_vector(expression ? source.style_vector(expression) : source.style_vector(), vector, count);
    });
}

nst_rt_status nst_rt_read_style(nst_rt_stylizer* stylizer, const uint8_t* bgr, int32_t width, int32_t height,
                                ptrdiff_t stride, float* vector, size_t count) {
    return guarded([&] {
        write_vector(given(stylizer, "stylizer")->stylizer.read_style({given(bgr, "bgr"), width, height, stride}),
                     vector, count);
    });
}

nst_rt_status nst_rt_set_strength(nst_rt_stylizer* stylizer, float strength) {
    return guarded([&] { given(stylizer, "stylizer")->stylizer.set_strength(strength); });
}

nst_rt_status nst_rt_set_color(nst_rt_stylizer* stylizer, float color) {
    return guarded([&] { given(stylizer, "stylizer")->stylizer.set_color(color); });
}

size_t nst_rt_style_size(const nst_rt_stylizer* stylizer) {
    return stylizer ? stylizer->stylizer.record().style_size : 0;
}

size_t nst_rt_style_count(const nst_rt_stylizer* stylizer) {
    size_t count = 0;
    guarded([&] { count = given(stylizer, "stylizer")->stylizer.styles().size(); });
    return count;
}

const char* nst_rt_style_name(const nst_rt_stylizer* stylizer, size_t index) {
    const char* name = nullptr;
    guarded([&] {
        const auto names = given(stylizer, "stylizer")->stylizer.styles();
        if (index >= names.size())
            throw ArgumentError("there is no style number " + std::to_string(index) + " of " +
                                std::to_string(names.size()));
        name = keep(names[index]);
    });
    return name;
}

const char* nst_rt_property(const nst_rt_stylizer* stylizer, const char* name) {
    const char* value = nullptr;
    guarded([&] {
        const nst_rt::Stylizer& source = given(stylizer, "stylizer")->stylizer;
        const nst_rt::Record& record = source.record();
        const std::string wanted = given(name, "name");
        if (wanted == "style") value = keep(source.style());
        else if (wanted == "device") value = keep(source.device());
        else if (wanted == "family") value = keep(record.family);
        else if (wanted == "precision") value = keep(record.precision);
        else if (wanted == "license") value = keep(record.license);
        else if (wanted == "provenance") value = keep(record.provenance);
        else if (wanted == "strength_blends") value = keep(record.strength_blends);
        else if (wanted == "warnings") {
            std::string lines;
            for (const std::string& warning : source.warnings()) lines += warning + "\n";
            value = keep(lines);
        } else
            throw ArgumentError("there is no property '" + wanted + "'. nst_rt.h lists them");
    });
    return value;
}

}   // extern "C"
