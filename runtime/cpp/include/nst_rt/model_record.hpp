// What a model file promises, and the check of a graph against it. runtime/nst_rt/contract.py is the Python side.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_MODEL_RECORD_HPP
#define NST_RT_MODEL_RECORD_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include "detail/json.hpp"
#include "detail/text.hpp"
#include "errors.hpp"

namespace nst_rt {

inline constexpr int contract_version = 1;

// What a model file promises. It is stored in the metadata of the file.
struct Record {
    std::string kind;        // stylizer, style_encoder
    std::string family;      // transformer, adain, conditional ...
    std::string precision;   // fp32, fp16, int8
    int stride = 1;
    std::size_t style_size = 0;          // length of the style vectors; 0 if one style is baked in
    std::vector<std::string> styles;     // names of the baked-in style, or of the vectors beside the file
    std::string license, provenance, source_sha256;
    std::string strength_blends;         // what `strength` blends: pixels, features, or nothing
    std::string style_encoder;           // file name of the style encoder beside the model
    std::vector<std::string> controls;   // strength and color, if the graph has these inputs

    bool has(std::string_view control) const {
        return std::find(controls.begin(), controls.end(), control) != controls.end();
    }

    // Reads the record of the file `source`. `look_up` returns the value of a metadata key of the file.
    // Throws ModelError: not made for nst-rt, newer than this header, or malformed.
    static Record from_metadata(const std::function<std::optional<std::string>(const std::string&)>& look_up,
                                const std::string& source) {
        const auto malformed = [&](const std::string& what) {
            return ModelError(source + ": its nst-rt metadata is malformed (" + what + "). Export it again");
        };
        const auto optional = [&](const char* key) { return look_up(std::string("nst_rt.") + key).value_or(""); };
        const auto text = [&](const char* key) {
            std::optional<std::string> value = look_up(std::string("nst_rt.") + key);
            if (!value) throw malformed(std::string("no nst_rt.") + key);
            return *value;
        };
        const auto whole = [&](const char* key) {
            const std::string value = text(key);
            int number = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
            if (error != std::errc() || end != value.data() + value.size() || number < 0)
                throw malformed(std::string("nst_rt.") + key + " is " + detail::in_quotes(value));
            return number;
        };
        const auto one_of = [&](const char* key, const std::string& value, std::vector<std::string> choices) {
            if (std::find(choices.begin(), choices.end(), value) == choices.end())
                throw malformed(std::string("nst_rt.") + key + " " + detail::in_quotes(value) + " is none of " +
                                detail::joined(choices));
            return value;
        };
        if (!look_up("nst_rt.contract"))
            throw ModelError(source + ": an ONNX file, but not made for nst-rt (no nst_rt.contract in its metadata). "
                             "Export the checkpoint of the network with nst-rt");
        if (const int contract = whole("contract"); contract > contract_version)
            throw ModelError(source + ": needs contract " + std::to_string(contract) + ", this nst_rt.hpp knows " +
                             std::to_string(contract_version) + ". Take a newer one");
        Record record;
        record.kind = one_of("kind", text("kind"), {"stylizer", "style_encoder"});
        record.family = text("family");
        record.precision = one_of("precision", text("precision"), {"fp32", "fp16", "int8"});
        record.stride = whole("stride");
        record.style_size = static_cast<std::size_t>(whole("style_size"));
        record.license = text("license");
        record.provenance = text("provenance");
        record.source_sha256 = text("source_sha256");
        record.strength_blends = one_of("strength_blends", optional("strength_blends"), {"", "pixels", "features"});
        record.style_encoder = optional("style_encoder");
        try {
            for (const detail::Json& name : detail::JsonReader::read(text("styles")).values)
                record.styles.push_back(name.text);
        } catch (const ModelError&) {
            throw;
        } catch (const std::runtime_error& error) {
            throw malformed(std::string("nst_rt.styles: ") + error.what());
        }
        return record;
    }
};

// An input or output of a graph: its name, its element type (`uint8`, `float` or another) and its dimensions.
struct Tensor {
    std::string name;
    std::string type;
    std::vector<std::string> shape;   // numbers, or the names of symbolic dimensions
};

// Checks the inputs and outputs of a graph against the contract. `source` names the file in errors. Throws ModelError.
inline void check_signature(const Record& record, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                            const std::string& source) {
    using Shape = std::vector<std::vector<std::string>>;   // the values that each dimension may have
    struct Wanted {
        const char* name;
        const char* type;
        Shape shape;
        bool required;
    };
    const auto fail = [&](const std::string& what) {
        return ModelError(source + ": breaks the model contract: " + what + ". Export it again with this nst-rt");
    };
    const Shape frames = {{"batch"}, {"height"}, {"width"}, {"3"}};
    const Shape style = {{"1", "batch", "styles"}, {std::to_string(record.style_size)}};
    std::vector<Wanted> wanted;
    Wanted output{"stylized", "uint8", frames, true};
    if (record.kind == "style_encoder") {
        wanted.push_back({"image", "uint8", {{"1"}, {"height"}, {"width"}, {"3"}}, true});
        output = {"style", "float", style, true};
    } else {
        wanted.push_back({"frame", "uint8", frames, true});
        if (record.style_size) wanted.push_back({"style", "float", style, true});
        wanted.push_back({"strength", "float", {{"1"}}, false});
        wanted.push_back({"color", "float", {{"1"}}, false});
    }
    const auto check = [&](const char* role, const Wanted& expected, const Tensor& tensor) {
        if (tensor.type != expected.type || tensor.shape.size() != expected.shape.size())
            throw fail(std::string(role) + " " + detail::in_quotes(tensor.name) + " is " + tensor.type + " of rank " +
                       std::to_string(tensor.shape.size()) + ", not " + expected.type + " of rank " +
                       std::to_string(expected.shape.size()));
        for (std::size_t index = 0; index < tensor.shape.size(); ++index) {
            const auto& allowed = expected.shape[index];
            if (std::find(allowed.begin(), allowed.end(), tensor.shape[index]) == allowed.end())
                throw fail(detail::in_quotes(tensor.name) + " has the shape [" + detail::joined(tensor.shape) +
                           "]; dimension " + std::to_string(index) + " is none of " + detail::joined(allowed));
        }
    };
    for (const Wanted& expected : wanted)
        if (expected.required && std::none_of(inputs.begin(), inputs.end(),
                                              [&](const Tensor& tensor) { return tensor.name == expected.name; }))
            throw fail("no input " + detail::in_quotes(expected.name));
    for (const Tensor& tensor : inputs) {
        const auto expected = std::find_if(wanted.begin(), wanted.end(),
                                           [&](const Wanted& one) { return one.name == tensor.name; });
        if (expected == wanted.end()) throw fail("unknown input " + detail::in_quotes(tensor.name));
        check("input", *expected, tensor);
    }
    if (outputs.size() != 1 || outputs[0].name != output.name)
        throw fail(std::to_string(outputs.size()) + " outputs, not one named " + detail::in_quotes(output.name));
    check("output", output, outputs[0]);
}

// Checks that a model and the file beside it come from the same weights. Throws ModelError.
inline void require_same_network(const Record& record, const std::filesystem::path& path, const Record& other,
                                 const std::filesystem::path& companion) {
    if (std::tie(record.family, record.source_sha256, record.style_size) !=
        std::tie(other.family, other.source_sha256, other.style_size))
        throw ModelError(companion.string() + " was exported from another checkpoint than " +
                         path.filename().string() + " beside it. Export both again, or remove it");
}

}   // namespace nst_rt

#endif   // NST_RT_MODEL_RECORD_HPP
