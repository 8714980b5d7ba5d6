// Stylises a PPM image with nst_rt.hpp.
//
//     nst_rt_stylize_ppm MODEL.onnx IN.ppm OUT.ppm [--style gogh:0.7+wave:0.3] [--painting PAINTING.ppm]
//                        [--strength 0.8] [--color 0] [--device cpu] [--threads 2]

#include <nst_rt/nst_rt.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "ppm.h"

namespace {

struct Image {
    explicit Image(const std::string& path) : pixels(ppm_read(path.c_str(), &width, &height), std::free) {
        if (!pixels) std::exit(2);   // ppm_read has said why
    }
    nst_rt::Frame frame() const { return {pixels.get(), width, height, 0}; }

    int width = 0, height = 0;
    std::unique_ptr<unsigned char, void (*)(void*)> pixels;
};

int stylize(const std::vector<std::string>& arguments) {
    std::string style, painting;
    float strength = 1, color = 1;
    nst_rt::Options options;
    for (std::size_t index = 3; index < arguments.size(); index += 2) {
        const std::string& name = arguments[index];
        if (index + 1 == arguments.size()) throw nst_rt::InputError(name + " needs a value");
        const std::string& value = arguments[index + 1];
        if (name == "--style") style = value;
        else if (name == "--painting") painting = value;
        else if (name == "--strength") strength = std::stof(value);
        else if (name == "--color") color = std::stof(value);
        else if (name == "--device") options.device = value;
        else if (name == "--threads") options.threads = std::stoi(value);
        else throw nst_rt::InputError("unknown option " + name);
    }
    const Image image(arguments[1]);
    nst_rt::Stylizer stylizer(arguments[0], options);
    for (const std::string& warning : stylizer.warnings()) std::cerr << warning << '\n';
    if (!painting.empty()) {
        // Named, so that `--style painting:0.5+gogh:0.5` can blend it.
        stylizer.add_style("painting", stylizer.read_style(Image(painting).frame()));
        if (style.empty()) style = "painting";
    }
    if (!style.empty()) stylizer.set_style(style);
    stylizer.set_strength(strength);
    stylizer.set_color(color);
    stylizer(image.frame(), image.frame());
    std::cerr << stylizer.record().family << ", style " << stylizer.style() << ", on " << stylizer.device()
              << ", ONNX Runtime " << OrtGetApiBase()->GetVersionString() << '\n';
    return ppm_write(arguments[2].c_str(), image.pixels.get(), image.width, image.height) == 0 ? 0 : 2;
}

}   // namespace

int main(int count, char** values) {
    const std::vector<std::string> arguments(values + 1, values + count);
    if (arguments.size() < 3) {
        std::cerr << "usage: nst_rt_stylize_ppm MODEL.onnx IN.ppm OUT.ppm [--style NAME] [--painting PAINTING.ppm]\n"
                     "           [--strength 0..1] [--color 0..1] [--device cpu] [--threads N]\n";
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
