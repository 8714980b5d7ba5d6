// The parts of nst_rt.hpp that need no model: JSON, styles files, blends, strides, shrinking, records, signatures.
// With the model `tinting` of tests/fixtures/tiny_models.py also two threads that share a stylizer.
//
//     nst_rt_hpp_test [TINTING.onnx]

#include <nst_rt/nst_rt.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

std::string version_elsewhere();   // second_inclusion.cpp

namespace {

int failures = 0;

void expect(bool holds, const std::string& what, int line) {
    if (holds) return;
    std::cerr << "line " << line << ": " << what << '\n';
    ++failures;
}
#define EXPECT(condition) expect(static_cast<bool>(condition), #condition, __LINE__)

template <class Expected>
std::string message_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Expected& error) {
        return error.what();
    } catch (const std::exception& error) {
        return std::string("another exception: ") + error.what();
    }
    return "no exception";
}

bool contains(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos) return true;
    std::cerr << "  not in: " << text << '\n';
    return false;
}

using nst_rt::detail::Json;
using nst_rt::detail::JsonReader;

void reads_json() {
    const Json json =
        JsonReader::read(R"( {"a": [1, -2.5e-3, true, null], "b": {"c": "\u00e9\n\ud83c\udfa8\/"}, "a": 3} )");
    EXPECT(json.find("a")->number == 3);   // the last of equal keys, as in Python
    EXPECT(json.values[0].values[1].number == -2.5e-3);
    EXPECT(json.find("b")->text_of("c") == "\xC3\xA9\n\xF0\x9F\x8E\xA8/");
    EXPECT(json.find("d") == nullptr);
    EXPECT(JsonReader::read("[]").values.empty());
    for (const char* broken : {"", "[1,]", "[1", "{\"a\"}", "{\"a\":}", "{a:1}", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
                               "01x", "+1", ".", "nul", "[1] 2", "\"\n\"", "{\"a\":1,}", "-", "1e"})
        EXPECT(contains(message_of<std::runtime_error>([&] { JsonReader::read(broken); }), " at byte "));
    EXPECT(JsonReader::read(R"("\ud7ff\udbff\udfff\ue000")").text == "\xED\x9F\xBF\xF4\x8F\xBF\xBF\xEE\x80\x80");
    for (const char* half : {R"("\ud83c")", R"("\ud83cx")", R"("\udfa8")", R"("\ud83c\u0041")", R"("\ud83c\ud83c")",
                             R"("\ud83c\ue000")", R"("\ud83c\n")"})
        EXPECT(contains(message_of<std::runtime_error>([&] { JsonReader::read(half); }), "half a surrogate pair at"));
    EXPECT(contains(message_of<std::runtime_error>([] { JsonReader::read(std::string(100000, '[')); }),
                    "nested too deep"));
    const std::string with_zero("[1\0]", 4);
    EXPECT(contains(message_of<std::runtime_error>([&] { JsonReader::read(with_zero); }), "at byte 2"));
}

void parses_blends() {
    const auto terms = nst_rt::parse_blend(" gogh :0.5 + wave: 1.5");
    EXPECT(terms.size() == 2 && terms[0].name == "gogh" && terms[1].name == "wave");
    EXPECT(terms[0].weight == 0.25 && terms[1].weight == 0.75);
    EXPECT(nst_rt::parse_blend("gogh").front().weight == 1);
    EXPECT(nst_rt::parse_blend("a+b").back().weight == 0.5);
    EXPECT(nst_rt::parse_blend("a:1e-1+b:0").front().weight == 1);

    struct Wrong {
        std::string text;
        std::size_t position;
        const char* reason;
    };
    for (const Wrong& wrong : std::vector<Wrong>{{"", 0, "name is missing"},
                                                 {"gogh:x", 5, "a weight is a number"},
                                                 {"gogh:0.7+", 9, "name is missing"},
                                                 {"gogh:0.7+:0.3", 9, "name is missing"},
                                                 {"gogh:0.7+wave:-1", 14, "a weight is a number"},
                                                 {"gogh:", 5, "a weight is a number"},
                                                 {"gogh:nan", 5, "a weight is a number"},
                                                 {"gogh:1e999", 5, "a weight is a number"},
                                                 {"gogh:0+wave:0", 0, "all weights are 0"},
                                                 {"caf\xC3\xA9:x", 5, "a weight is a number"}}) {
        try {
            nst_rt::parse_blend(wrong.text);
            expect(false, "no exception for " + wrong.text, __LINE__);
        } catch (const nst_rt::ExpressionError& error) {
            EXPECT(contains(error.what(), wrong.reason));
            EXPECT(error.position == wrong.position);
            EXPECT(error.below == "  " + wrong.text + "\n  " + std::string(wrong.position, ' ') + "^");
        }
    }
}

void blends_vectors() {
    nst_rt::StyleLibrary library;
    nst_rt::Style style;
    style.name = "gogh";
    style.vector = {0, 4};
    library.add(style);
    style.name = "wave";
    style.vector = {8, 0};
    library.add(style);
    EXPECT((library.vector("gogh:3+wave:1") == std::vector<float>{2, 3}));
    EXPECT(contains(message_of<nst_rt::StyleError>([&] { library.vector("gohg"); }),
                    "no style named 'gohg'. There are gogh, wave"));
    style.name = "gogh";
    style.vector = {1, 1};
    library.add(style);
    EXPECT((library.names() == std::vector<std::string>{"gogh", "wave"}));
    EXPECT((library.vector("gogh") == std::vector<float>{1, 1}));
    style.name = "other";
    style.vector = {1, 2, 3};
    library.add(style);
    EXPECT(
        contains(message_of<nst_rt::StyleError>([&] { library.vector("gogh+other"); }), "belongs to another network"));
}

void names_the_files_of_a_model() {
    for (const char* name : {"models/ada.onnx", "models/ada.fp16.onnx", "models/ada.int8.onnx"}) {
        const nst_rt::ModelFiles files{name};
        EXPECT(files.styles() == std::filesystem::path("models/ada.styles.json"));
        EXPECT(files.encoder() == std::filesystem::path("models/ada.encoder.onnx"));
    }
}

void refuses_folders_as_styles() {
    EXPECT(contains(message_of<nst_rt::StyleError>([] { nst_rt::read_styles("."); }), "cannot be read. Remove"));
}

void checks_frames() {
    using nst_rt::check_frame;
    std::vector<std::uint8_t> pixels(64 * 64 * 3);
    const auto wrong = [&](nst_rt::ConstFrame frame) {
        return message_of<nst_rt::InputError>([&] { check_frame(frame); });
    };
    EXPECT(contains(wrong({pixels.data(), 15, 64}), "15x64 is too small"));
    EXPECT(contains(wrong({pixels.data(), 64, -1}), "too small"));
    EXPECT(contains(wrong({pixels.data(), 64, 16385}), "64x16385 is too large. Both sides must be 16384 pixels"));
    EXPECT(contains(wrong({pixels.data(), 2147483647, 64}), "too large"));
    EXPECT(contains(wrong({nullptr, 16384, 16384}), "without memory"));
    EXPECT(contains(wrong({nullptr, 64, 64}), "without memory"));
    EXPECT(contains(wrong({pixels.data(), 64, 64, 100}), "shorter than a row of 64 pixels, 192 bytes"));
    EXPECT(contains(wrong({pixels.data(), 64, 64, -100}), "shorter than a row"));
    check_frame({pixels.data() + 192 * 63, 64, 64, -192});

    using nst_rt::detail::overlap;
    const nst_rt::ConstFrame top(pixels.data(), 64, 32), bottom(pixels.data() + 192 * 32, 64, 32);
    EXPECT(!overlap(top, bottom) && overlap(top, top));
    EXPECT(overlap(top, {pixels.data() + 192 * 31, 64, 32}));
    EXPECT(overlap(top, {pixels.data() + 192 * 40, 64, 32, -192}));
}

void shrinks() {
    // 1300 columns are brought to 640: two or so to one. A constant stays what it is, a ramp a ramp.
    const int width = 1300, height = 40;
    std::vector<std::uint8_t> pixels(width * height * 3);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            std::uint8_t* pixel = &pixels[static_cast<std::size_t>(y * width + x) * 3];
            pixel[0] = 200;
            pixel[1] = static_cast<std::uint8_t>(x / 6);
            pixel[2] = x % 2 ? 0 : 100;
        }
    const auto small = nst_rt::detail::shrunk({pixels.data(), width, height}, 640);
    EXPECT(small.width == 640 && small.height == 20);
    int worst = 0;
    for (int x = 0; x < small.width; ++x) {
        const std::uint8_t* pixel = &small.bgr[static_cast<std::size_t>(10 * small.width + x) * 3];
        EXPECT(pixel[0] == 200);
        worst = std::max(worst, std::abs(pixel[1] - static_cast<int>((x + 0.5) * width / 640 / 6)));
        EXPECT(pixel[2] > 40 && pixel[2] < 60);
    }
    EXPECT(worst <= 1);
    const auto same = nst_rt::detail::shrunk({pixels.data() + 30, 100, 20, width * 3}, 640);
    EXPECT(same.width == 100 && same.bgr[1] == 10 / 6 && same.bgr[100 * 3 + 1] == 10 / 6);
    EXPECT(contains(message_of<nst_rt::InputError>([&] { nst_rt::detail::shrunk({pixels.data(), 1300, 20}, 640); }),
                    "shrinks to 640x10"));
}

void reads_records() {
    std::map<std::string, std::string> metadata = {
        {"nst_rt.contract", "1"},  {"nst_rt.kind", "stylizer"}, {"nst_rt.family", "test"}, {"nst_rt.precision", "fp32"},
        {"nst_rt.stride", "4"},    {"nst_rt.style_size", "3"},  {"nst_rt.license", "MIT"}, {"nst_rt.provenance", ""},
        {"nst_rt.source_sha256", "00"}, {"nst_rt.styles", "[\"gogh\", \"caf\\u00e9\"]"}};
    const auto read = [&] {
        return nst_rt::Record::from_metadata(
            [&](const std::string& key) -> std::optional<std::string> {
                const auto found = metadata.find(key);
                return found == metadata.end() ? std::nullopt : std::optional(found->second);
            },
            "a.onnx");
    };
    const auto wrong = [&](const char* key, const char* value) {
        auto kept = metadata;
        if (value) metadata[key] = value;
        else metadata.erase(key);
        const std::string message = message_of<nst_rt::ModelError>(read);
        metadata = kept;
        return message;
    };
    const nst_rt::Record record = read();
    EXPECT(record.style_size == 3 && record.stride == 4 && record.styles.back() == "caf\xC3\xA9");
    EXPECT(contains(wrong("nst_rt.contract", nullptr), "a.onnx: an ONNX file, but not made for nst-rt"));
    EXPECT(contains(wrong("nst_rt.contract", "2"), "needs contract 2"));
    EXPECT(contains(wrong("nst_rt.stride", "4x"), "malformed (nst_rt.stride is '4x')"));
    EXPECT(contains(wrong("nst_rt.style_size", "-1"), "malformed"));
    EXPECT(contains(wrong("nst_rt.family", nullptr), "malformed (no nst_rt.family)"));
    EXPECT(contains(wrong("nst_rt.kind", "cat"), "'cat' is none of stylizer, style_encoder"));
    EXPECT(contains(wrong("nst_rt.styles", "[\"a\""), "malformed (nst_rt.styles: "));

    const std::vector<std::string> frames = {"batch", "height", "width", "3"};
    const auto broken = [&](std::vector<nst_rt::Tensor> inputs, std::vector<nst_rt::Tensor> outputs) {
        return message_of<nst_rt::ModelError>([&] { nst_rt::check_signature(record, inputs, outputs, "a.onnx"); });
    };
    const nst_rt::Tensor frame{"frame", "uint8", frames}, style{"style", "float", {"1", "3"}},
        out{"stylized", "uint8", frames};
    EXPECT(broken({frame, style, {"strength", "float", {"1"}}}, {out}) == "no exception");
    EXPECT(contains(broken({frame}, {out}), "no input 'style'"));
    EXPECT(contains(broken({frame, style, {"mask", "float", {"1"}}}, {out}), "unknown input 'mask'"));
    EXPECT(contains(broken({frame, {"style", "float", {"1", "4"}}}, {out}), "'style' has the shape [1, 4]"));
    EXPECT(contains(broken({{"frame", "float", frames}, style}, {out}), "input 'frame' is float"));
    EXPECT(contains(broken({{"frame", "uint8", {"n", "height", "width", "3"}}, style}, {out}),
                    "dimension 0 is none of batch"));
    EXPECT(contains(broken({frame, style}, {out, out}), "2 outputs"));
}

void parses_devices() {
    EXPECT(!nst_rt::Device::parse("auto"));
    EXPECT(nst_rt::Device::parse("cpu")->name() == "cpu");
    EXPECT(nst_rt::Device::parse("cuda")->name() == "cuda:0");
    EXPECT(nst_rt::Device::parse("tensorrt:2")->name() == "tensorrt:2");
    for (const char* wrong : {"", "gpu", "cpu:0", "cuda:", "cuda:-1", "cuda:1x", "openvino", "CUDA"})
        EXPECT(contains(message_of<nst_rt::DeviceError>([&] { nst_rt::Device::parse(wrong); }), "unknown device"));
}

// A window's thread changes the style and reads frames of its own size while another one runs frames: each frame is
// wholly in one style.
void threads_share(const char* tinting) {
    nst_rt::Options options;
    options.device = "cpu";
    options.threads = 1;
    nst_rt::Stylizer stylizer(tinting, options);
    stylizer.add_style("low", {10, 10, 10});
    stylizer.add_style("high", {90, 90, 90});
    stylizer.set_style("low");
    std::atomic<bool> done{false};
    std::thread window([&] {
        std::vector<std::uint8_t> small(16 * 20 * 3);
        for (int turn = 0; !done; ++turn) {
            stylizer.set_style(turn % 2 ? "low" : "high");
            stylizer({small.data(), 20, 16});
        }
    });
    int seen[2] = {0, 0};
    std::vector<std::uint8_t> frame(64 * 48 * 3), out;
    for (int turn = 0; turn < 100000 && (turn < 300 || !seen[0] || !seen[1]); ++turn) {
        out = stylizer({frame.data(), 64, 48});
        EXPECT(std::count(out.begin(), out.end(), out[0]) == static_cast<std::ptrdiff_t>(out.size()));
        EXPECT(out[0] == 10 || out[0] == 90);
        ++seen[out[0] == 90];
    }
    done = true;
    window.join();
    EXPECT(seen[0] > 0 && seen[1] > 0);
}

}   // namespace

int main(int count, char** arguments) {
    EXPECT(version_elsewhere() == NST_RT_VERSION);
    reads_json();
    parses_blends();
    blends_vectors();
    names_the_files_of_a_model();
    refuses_folders_as_styles();
    checks_frames();
    shrinks();
    reads_records();
    parses_devices();
    if (count > 1) threads_share(arguments[1]);
    return failures ? 1 : 0;
}
