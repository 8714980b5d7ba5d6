// Stylises a PPM image on OpenVINO's own runtime, with the record, styles and blends of nst_rt.hpp.
//
//     nst_rt_stylize_openvino MODEL.onnx IN.ppm OUT.ppm [STYLE]

#define NST_RT_WITHOUT_ONNXRUNTIME
#include <nst_rt/nst_rt.hpp>

#include <openvino/openvino.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ppm.h"

namespace {

// Inputs or outputs as the contract knows them. OpenVINO drops the names of symbolic dimensions: only their places can
// be checked.
template <class Port>
std::vector<nst_rt::Tensor> tensors(const std::vector<Port>& ports) {
    static const std::string symbols[] = {"batch", "height", "width"};
    std::vector<nst_rt::Tensor> told;
    for (const Port& port : ports) {
        const ov::element::Type type = port.get_element_type();
        nst_rt::Tensor tensor{port.get_any_name(), type.to_string(), {}};
        if (type == ov::element::u8) tensor.type = "uint8";
        if (type == ov::element::f32) tensor.type = "float";
        for (const ov::Dimension& side : port.get_partial_shape()) {
            const std::size_t place = tensor.shape.size();
            tensor.shape.push_back(side.is_static() ? std::to_string(side.get_length())
                                                    : place < 3 ? symbols[place] : "any");
        }
        told.push_back(std::move(tensor));
    }
    return told;
}

int stylize(const std::vector<std::string>& arguments) {
    const std::string& path = arguments[0];
    int width = 0, height = 0;
    const std::unique_ptr<unsigned char, void (*)(void*)> pixels(ppm_read(arguments[1].c_str(), &width, &height),
                                                                 std::free);
    if (!pixels) return 2;
    nst_rt::check_frame({pixels.get(), width, height});

    ov::Core core;
    const std::shared_ptr<ov::Model> model = core.read_model(path);
    // OpenVINO keeps a file's metadata under "framework".
    const nst_rt::Record record = nst_rt::Record::from_metadata(
        [&](const std::string& key) -> std::optional<std::string> {
            if (!model->has_rt_info("framework", key)) return std::nullopt;
            return model->get_rt_info<std::string>("framework", key);
        },
        path);
    if (record.kind != "stylizer") throw nst_rt::ModelError(path + ": a style encoder, not a stylising model");
    nst_rt::check_signature(record, tensors(model->inputs()), tensors(model->outputs()), path);

    std::vector<float> style;
    if (record.style_size) {
        const auto library = nst_rt::StyleLibrary::of({path}, record.style_size, record.source_sha256);
        if (library.styles().empty()) throw nst_rt::StyleError(path + " comes without named styles");
        style = library.vector(arguments.size() > 3 ? arguments[3] : library.styles().front().name);
    }

    // Static shapes, and fp32 arithmetic: left to itself OpenVINO computes in bf16 where the processor can.
    const auto rows = static_cast<std::size_t>(height), columns = static_cast<std::size_t>(width);
    std::map<std::string, ov::PartialShape> shapes;
    for (const auto& input : model->inputs()) {
        const std::string name = input.get_any_name();
        if (name == "frame") shapes[name] = ov::Shape{1, rows, columns, 3};
        else if (name == "style") shapes[name] = ov::Shape{1, style.size()};
        else shapes[name] = ov::Shape{1};   // strength, color
    }
    model->reshape(shapes);
    ov::CompiledModel network =
        core.compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32),
                           ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY));
    ov::InferRequest request = network.create_infer_request();

    float one = 1;
    for (const auto& [name, shape] : shapes) {
        if (name == "frame")
            request.set_tensor(name, ov::Tensor(ov::element::u8, shape.to_shape(), pixels.get()));
        else
            request.set_tensor(name,
                               ov::Tensor(ov::element::f32, shape.to_shape(), name == "style" ? style.data() : &one));
    }
    request.infer();
    return ppm_write(arguments[2].c_str(), request.get_output_tensor().data<std::uint8_t>(), width, height) ? 2 : 0;
}

}   // namespace

int main(int count, char** values) {
    const std::vector<std::string> arguments(values + 1, values + count);
    if (arguments.size() < 3 || arguments.size() > 4) {
        std::cerr << "usage: nst_rt_stylize_openvino MODEL.onnx IN.ppm OUT.ppm [STYLE]\n";
        return 2;
    }
    try {
        return stylize(arguments);
    } catch (const nst_rt::ExpressionError& error) {
        std::cerr << error.what() << '\n' << error.below << '\n';
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
    }
    return 2;
}
