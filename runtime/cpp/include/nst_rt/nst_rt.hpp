// nst-rt's models in C++17: a frame of bytes in, a stylised frame of bytes out.
//
//     nst_rt::Stylizer stylizer("conditional.onnx");
//     stylizer.set_style("gogh:0.7+wave:0.3");
//     stylizer({pixels, width, height, stride}, {stylised, width, height, stride});
//
// Needs ONNX Runtime 1.17 or newer: its C header alone to compile, its library to link. Whatever the header's version,
// the library is asked for its table of functions of 1.17, so that a library older than the header will do.
//
// With NST_RT_WITHOUT_ONNXRUNTIME defined only what needs no runtime is left: the model record, named styles and
// blends, for programs that run the same files on another one (examples/openvino_ppm.cpp).
//
// The contract that the files keep is runtime/nst_rt/contract.py; the words of the errors are those of the Python side.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_NST_RT_HPP
#define NST_RT_NST_RT_HPP

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <list>
#include <locale>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#ifndef NST_RT_WITHOUT_ONNXRUNTIME
#include <onnxruntime_c_api.h>
#if ORT_API_VERSION < 17
#error "nst_rt.hpp needs the headers of ONNX Runtime 1.17 or newer"
#endif
#endif

#define NST_RT_VERSION "0.1.0"

namespace nst_rt {

inline constexpr int contract_version = 1;
inline constexpr int min_side = 16;         // of a frame, in pixels
inline constexpr int max_side = 16384;
inline constexpr int painting_side = 640;   // paintings are reduced to this long side before a style encoder sees them

// Errors: what() is one line that says what happened, to which file, and what to do next.

class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A frame or painting is too small, too large, or described wrongly.
class InputError : public Error {
public:
    using Error::Error;
};

// A file is missing, truncated, not made for nst-rt, or breaks the model contract.
class ModelError : public Error {
public:
    using Error::Error;
};

// A style, blend, style vector, strength or colour amount is unknown, malformed or out of range.
class StyleError : public Error {
public:
    using Error::Error;
};

// A blend that cannot be read; `below` is the text with a caret under the place.
class ExpressionError : public StyleError {
public:
    ExpressionError(const std::string& message, std::size_t place, std::string pointer)
        : StyleError(message), position(place), below(std::move(pointer)) {}
    std::size_t position;   // of the first wrong character, from 0
    std::string below;
};

// A device that was asked for cannot run the model here.
class DeviceError : public Error {
public:
    using Error::Error;
};

namespace detail {

inline std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

inline std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

inline std::string stripped(std::string_view text) {
    const char* blank = " \t\r\n\f\v";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

inline bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A number that fills the whole text, whatever the locale.
inline std::optional<double> to_number(std::string_view text) {
    double value = 0;
#if defined(__cpp_lib_to_chars) && __cpp_lib_to_chars >= 201611L
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
#else   // a standard library without floating-point from_chars
    std::istringstream stream{std::string(text)};
    stream.imbue(std::locale::classic());
    if (text.empty() || std::isspace(static_cast<unsigned char>(text.front())) || !(stream >> value) ||
        stream.peek() != std::char_traits<char>::eof())
        return std::nullopt;
#endif
    return value;
}

// Characters, not bytes: UTF-8's continuation bytes are left out.
inline std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

inline std::string read_file(const std::filesystem::path& path, const char* what_to_do) {
    try {
        std::ifstream file(path, std::ios::binary);
        std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        if (file.is_open() && !file.bad()) return text;
    } catch (const std::ios_base::failure&) {
        // libstdc++ opens a folder, and throws at its first byte.
    }
    throw StyleError(path.string() + ": cannot be read. " + what_to_do);
}

// JSON as styles files and the metadata of models hold it. Own, because a single header brings no library along.
struct Json {
    enum class Kind { null, boolean, number, text, list, object };
    Kind kind = Kind::null;
    double number = 0;                // of a boolean 0 or 1
    std::string text;
    std::vector<std::string> keys;    // of an object
    std::vector<Json> values;         // of a list or an object

    const Json* find(std::string_view key) const {
        // The last of equal keys, as in Python.
        for (std::size_t index = keys.size(); index-- > 0;)
            if (keys[index] == key) return &values[index];
        return nullptr;
    }

    std::string text_of(std::string_view key) const {
        const Json* value = find(key);
        return value && value->kind == Kind::text ? value->text : std::string();
    }
};

class JsonReader {
public:
    // Throws std::runtime_error with the place.
    static Json read(std::string_view text) {
        JsonReader reader(text);
        Json value = reader.value(0);
        reader.skip_blanks();
        if (reader.place_ != text.size()) reader.fail("more than one value");
        return value;
    }

private:
    static constexpr int max_depth = 32;   // styles files are four deep; a hostile one must not overflow the stack

    explicit JsonReader(std::string_view text) : text_(text) {}

    [[noreturn]] void fail(const char* what) const {
        throw std::runtime_error(std::string(what) + " at byte " + std::to_string(place_));
    }

    void skip_blanks() {
        while (place_ < text_.size() && std::strchr(" \t\r\n", text_[place_]) && text_[place_]) ++place_;
    }

    char peek() {
        skip_blanks();
        if (place_ == text_.size()) fail("it ends too early");
        return text_[place_];
    }

    bool take(char wanted) {
        if (peek() != wanted) return false;
        ++place_;
        return true;
    }

    void word(std::string_view wanted) {
        if (text_.substr(place_, wanted.size()) != wanted) fail("no JSON value");
        place_ += wanted.size();
    }

    Json value(int depth) {
        if (depth > max_depth) fail("it is nested too deep");
        Json json;
        switch (peek()) {
            case '{':
                ++place_;
                json.kind = Json::Kind::object;
                if (take('}')) return json;
                do {
                    if (peek() != '"') fail("a key is missing");
                    json.keys.push_back(string());
                    if (!take(':')) fail("a colon is missing");
                    json.values.push_back(value(depth + 1));
                } while (take(','));
                if (!take('}')) fail("a comma or } is missing");
                return json;
            case '[':
                ++place_;
                json.kind = Json::Kind::list;
                if (take(']')) return json;
                do json.values.push_back(value(depth + 1));
                while (take(','));
                if (!take(']')) fail("a comma or ] is missing");
                return json;
            case '"':
                json.kind = Json::Kind::text;
                json.text = string();
                return json;
            case 't':
                word("true");
                json.kind = Json::Kind::boolean;
                json.number = 1;
                return json;
            case 'f':
                word("false");
                json.kind = Json::Kind::boolean;
                return json;
            case 'n':
                word("null");
                return json;
            default:
                json.kind = Json::Kind::number;
                json.number = number();
                return json;
        }
    }

    double number() {
        const std::size_t end = std::min(text_.find_first_not_of("+-0123456789.eE", place_), text_.size());
        const std::string_view digits = text_.substr(place_, end - place_);
        const std::optional<double> value = to_number(digits);
        if (digits.empty() || digits.front() == '+' || !value) fail("no JSON value");
        place_ = end;
        return *value;
    }

    std::string string() {
        ++place_;   // the opening quote
        std::string result;
        while (true) {
            if (place_ == text_.size()) fail("a string does not end");
            const char letter = text_[place_++];
            if (letter == '"') return result;
            if (static_cast<unsigned char>(letter) < 0x20) fail("a control character in a string");
            if (letter == '\\') escape(result);
            else result += letter;
        }
    }

    void escape(std::string& result) {
        if (place_ == text_.size()) fail("a string does not end");
        const char letter = text_[place_++];
        if (letter != 'u') {
            // Pairs: the letter behind the backslash, what it stands for.
            static constexpr std::string_view pairs = "\"\"\\\\//b\bf\fn\nr\rt\t";
            for (std::size_t index = 0; index < pairs.size(); index += 2)
                if (pairs[index] == letter) {
                    result += pairs[index + 1];
                    return;
                }
            fail("an unknown escape");
        }
        std::uint32_t code = hexadecimal();
        if (code >= 0xD800 && code < 0xE000) {
            // UTF-8 has no halves of a pair.
            if (code >= 0xDC00 || text_.substr(place_, 2) != "\\u") fail("half a surrogate pair");
            place_ += 2;
            const std::uint32_t low = hexadecimal();
            if (low < 0xDC00 || low >= 0xE000) fail("half a surrogate pair");
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        if (code < 0x80) {
            result += static_cast<char>(code);
            return;
        }
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static constexpr std::uint32_t lead[] = {0, 0xC0, 0xE0, 0xF0};
        result += static_cast<char>(lead[more] | (code >> (6 * more)));
        for (int left = more; left-- > 0;) result += static_cast<char>(0x80 | ((code >> (6 * left)) & 0x3F));
    }

    std::uint32_t hexadecimal() {
        std::uint32_t code = 0;
        const std::string_view digits = text_.substr(place_, 4);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) fail("a broken \\u escape");
        place_ += 4;
        return code;
    }

    std::string_view text_;
    std::size_t place_ = 0;
};

}   // namespace detail

// Frames

// Rows of BGR bytes in somebody's memory, top row first. Rows begin `stride` bytes apart: 0 means width * 3, a negative
// one that the memory holds the bottom row first (`data` is the top row still).
struct Frame {
    std::uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    std::ptrdiff_t stride = 0;
};

struct ConstFrame {
    const std::uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    std::ptrdiff_t stride = 0;

    ConstFrame() = default;
    ConstFrame(const std::uint8_t* pixels, int columns, int rows, std::ptrdiff_t row_stride = 0)
        : data(pixels), width(columns), height(rows), stride(row_stride) {}
    ConstFrame(const Frame& frame) : ConstFrame(frame.data, frame.width, frame.height, frame.stride) {}
};

namespace detail {

inline std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

inline void check_size(int width, int height) {
    if (width < min_side || height < min_side)
        throw InputError("a frame of " + size_text(width, height) + " is too small. Both sides must be " +
                         std::to_string(min_side) + " pixels or more");
    if (width > max_side || height > max_side)
        throw InputError("a frame of " + size_text(width, height) + " is too large. Both sides must be " +
                         std::to_string(max_side) + " pixels or less");
}

}   // namespace detail

// Refuses a frame of the wrong size, without memory, or with a stride shorter than its rows. Throws InputError.
inline void check_frame(const ConstFrame& frame) {
    detail::check_size(frame.width, frame.height);
    if (frame.data == nullptr)
        throw InputError("a frame of " + detail::size_text(frame.width, frame.height) +
                         " without memory. Give the address of its pixels");
    const std::ptrdiff_t row = std::ptrdiff_t{3} * frame.width;
    if (frame.stride != 0 && frame.stride < row && frame.stride > -row)
        throw InputError("a stride of " + std::to_string(frame.stride) + " bytes is shorter than a row of " +
                         std::to_string(frame.width) + " pixels, " + std::to_string(row) + " bytes. Pixels are BGR, " +
                         "three bytes each");
}

namespace detail {

inline std::size_t row_bytes(const ConstFrame& frame) { return static_cast<std::size_t>(frame.width) * 3; }

inline std::size_t packed_bytes(const ConstFrame& frame) {
    return row_bytes(frame) * static_cast<std::size_t>(frame.height);
}

inline std::ptrdiff_t stride_of(const ConstFrame& frame) {
    return frame.stride ? frame.stride : static_cast<std::ptrdiff_t>(row_bytes(frame));
}

inline bool is_packed(const ConstFrame& frame) {
    return stride_of(frame) == static_cast<std::ptrdiff_t>(row_bytes(frame));
}

inline bool overlap(const ConstFrame& one, const ConstFrame& other) {
    const auto span = [](const ConstFrame& frame) {
        const std::uint8_t* last = frame.data + stride_of(frame) * (frame.height - 1);
        return std::pair(std::min(frame.data, last, std::less<>()),
                         std::max(frame.data, last, std::less<>()) + row_bytes(frame));
    };
    const auto [first, end] = span(one);
    const auto [other_first, other_end] = span(other);
    return std::less<>()(first, other_end) && std::less<>()(other_first, end);
}

inline void copy_rows(const std::uint8_t* from, std::ptrdiff_t from_stride, std::uint8_t* to, std::ptrdiff_t to_stride,
                      std::size_t bytes, int rows) {
    for (int row = 0; row < rows; ++row, from += from_stride, to += to_stride) std::memcpy(to, from, bytes);
}

// Where the pixels of one side of a shrunk image come from: source pixel, and its share of the result.
inline std::vector<std::vector<std::pair<int, double>>> area_shares(int from, int to) {
    std::vector<std::vector<std::pair<int, double>>> shares(static_cast<std::size_t>(to));
    const double scale = static_cast<double>(from) / to;
    for (int index = 0; index < to; ++index) {
        const double first = index * scale;
        const double last = std::min((index + 1) * scale, static_cast<double>(from));
        for (int source = static_cast<int>(first); source < last; ++source) {
            const double share = std::min(source + 1.0, last) - std::max<double>(source, first);
            if (share > 1e-9) shares[static_cast<std::size_t>(index)].emplace_back(source, share / (last - first));
        }
    }
    return shares;
}

// An image of packed BGR bytes.
struct Image {
    std::vector<std::uint8_t> bgr;
    int width = 0;
    int height = 0;
};

// The image packed, its long side brought down to `long_side` by averaging areas; never enlarged.
inline Image shrunk(const ConstFrame& frame, int long_side) {
    check_frame(frame);
    Image image;
    const double factor = static_cast<double>(long_side) / std::max(frame.width, frame.height);
    if (factor >= 1) {
        image = {std::vector<std::uint8_t>(packed_bytes(frame)), frame.width, frame.height};
        copy_rows(frame.data, stride_of(frame), image.bgr.data(), static_cast<std::ptrdiff_t>(row_bytes(frame)),
                  row_bytes(frame), frame.height);
        return image;
    }
    // nearbyint rounds halves to even, as the Python side does.
    image.width = std::max(1, static_cast<int>(std::nearbyint(frame.width * factor)));
    image.height = std::max(1, static_cast<int>(std::nearbyint(frame.height * factor)));
    if (std::min(image.width, image.height) < min_side)
        throw InputError(size_text(frame.width, frame.height) + " shrinks to " +
                         size_text(image.width, image.height) + ", and a network needs " +
                         std::to_string(min_side) + " px a side. Take another part of it");
    const auto columns = area_shares(frame.width, image.width);
    const auto rows = area_shares(frame.height, image.height);
    const std::size_t row_size = static_cast<std::size_t>(image.width) * 3;
    image.bgr.resize(row_size * static_cast<std::size_t>(image.height));
    std::vector<double> sums(row_size);
    for (std::size_t y = 0; y < rows.size(); ++y) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (const auto& [source_row, row_share] : rows[y]) {
            const std::uint8_t* line = frame.data + stride_of(frame) * source_row;
            for (std::size_t x = 0; x < columns.size(); ++x)
                for (const auto& [column, share] : columns[x])
                    for (std::size_t channel = 0; channel < 3; ++channel)
                        sums[x * 3 + channel] +=
                            row_share * share * line[static_cast<std::size_t>(column) * 3 + channel];
        }
        for (std::size_t index = 0; index < row_size; ++index)
            image.bgr[y * row_size + index] =
                static_cast<std::uint8_t>(std::clamp(std::nearbyint(sums[index]), 0.0, 255.0));
    }
    return image;
}

}   // namespace detail

// Styles

// A named style vector of one network, and the painting behind it.
struct Style {
    std::string name;
    std::vector<float> vector;
    std::string title, artist, year, license;
    std::string source_sha256;   // of the network that it belongs to; empty where the file does not say
};

// The styles of a file NAME.styles.json. Throws StyleError: missing or malformed.
inline std::vector<Style> read_styles(const std::filesystem::path& path) {
    using detail::Json;
    const std::string file = path.string();
    const std::string text = detail::read_file(path, "Remove or replace it");
    Json content;
    try {
        content = detail::JsonReader::read(text);
    } catch (const std::runtime_error& error) {
        throw StyleError(file + ": not a styles file (" + error.what() + "). Remove or replace it");
    }
    const Json* list = content.find("styles");
    if (list && list->kind != Json::Kind::list)
        throw StyleError(file + ": not a styles file ('styles' is no list). Remove or replace it");
    const std::vector<Json> entries = list ? list->values : std::vector<Json>{content};
    std::vector<Style> styles;
    for (const Json& entry : entries) {
        const Json* name = entry.find("name");
        const Json* numbers = entry.find("vector");
        if (!name || name->kind != Json::Kind::text || !numbers || numbers->kind != Json::Kind::list)
            throw StyleError(file + ": malformed style (no 'name', or no 'vector'). Remove or replace it");
        Style style{name->text, {}, entry.text_of("title"), entry.text_of("artist"), entry.text_of("year"),
                    entry.text_of("license"), entry.text_of("source_sha256")};
        if (style.source_sha256.empty()) style.source_sha256 = content.text_of("source_sha256");
        for (const Json& number : numbers->values) {
            style.vector.push_back(static_cast<float>(number.number));
            if (number.kind != Json::Kind::number || !std::isfinite(style.vector.back()))
                throw StyleError(file + ": the vector of " + detail::in_quotes(style.name) +
                                 " is not a list of finite numbers. Remove or replace it");
        }
        styles.push_back(std::move(style));
    }
    return styles;
}

// One part of a blend: a style's name and its weight.
struct Term {
    std::string name;
    double weight;
};

namespace detail {

inline ExpressionError malformed_blend(const std::string& expression, std::size_t byte, const char* reason) {
    const std::size_t position = characters(std::string_view(expression).substr(0, byte));
    std::size_t end = std::min(byte + 12, expression.size());
    while (end < expression.size() && (expression[end] & 0xC0) == 0x80) ++end;   // not inside a character
    return {"style " + in_quotes(expression) + ", character " + std::to_string(position + 1) + " (" +
                in_quotes(std::string_view(expression).substr(byte, end - byte)) + "): " + reason +
                ". Write a blend like gogh:0.7+wave:0.3",
            position, "  " + expression + "\n  " + std::string(position, ' ') + "^"};
}

}   // namespace detail

// `gogh` or `gogh:0.7+wave:0.3`; weights are scaled so that they add up to 1. Throws ExpressionError with the place.
inline std::vector<Term> parse_blend(const std::string& expression) {
    std::vector<Term> terms;
    double total = 0;
    for (std::size_t start = 0; start <= expression.size();) {
        const std::size_t end = std::min(expression.find('+', start), expression.size());
        const std::string_view part = std::string_view(expression).substr(start, end - start);
        const std::size_t colon = part.rfind(':');
        const std::string name = detail::stripped(part.substr(0, colon));
        if (name.empty()) throw detail::malformed_blend(expression, start, "a style's name is missing");
        double weight = 1;
        if (colon != std::string_view::npos) {
            const std::optional<double> number = detail::to_number(detail::stripped(part.substr(colon + 1)));
            if (!number || !std::isfinite(*number) || *number < 0)
                throw detail::malformed_blend(expression, start + colon + 1, "a weight is a number from 0 up");
            weight = *number;
        }
        terms.push_back({name, weight});
        total += weight;
        start = end + 1;
    }
    if (total == 0) throw detail::malformed_blend(expression, 0, "all weights are 0");
    for (Term& term : terms) term.weight /= total;
    return terms;
}

// Where nst-rt keeps the user's own styles and models: $NST_RT_HOME, else the platform's data folder; empty if unknown.
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

// One model's files, which lie side by side: NAME.onnx, and where there are any NAME.fp16.onnx, NAME.int8.onnx,
// NAME.encoder.onnx (paintings to style vectors) and NAME.styles.json (named vectors).
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

// Named styles of one network, and blends of them.
class StyleLibrary {
public:
    // Takes a style; one of the same name is replaced and keeps its place.
    void add(Style style) {
        const auto found = find(style.name);
        if (found != styles_.end()) *found = std::move(style);
        else styles_.push_back(std::move(style));
    }

    // The styles beside a model, then the user's own (`nst-rt add-style`), which win on the same name. Those of another
    // network, and broken files of the user's own, are left out; `warnings` says so.
    // Throws StyleError: the file beside the model is malformed.
    static StyleLibrary of(const ModelFiles& files, std::size_t size, const std::string& source_sha256,
                           bool user_styles = true) {
        StyleLibrary library;
        std::error_code ignored;
        if (std::filesystem::is_regular_file(files.styles(), ignored))
            for (Style& style : read_styles(files.styles())) library.take(std::move(style), size, "");
        if (!user_styles || files.user_styles().empty()) return library;
        std::vector<std::filesystem::path> own;
        std::filesystem::directory_iterator entry(files.user_styles(), ignored);
        for (; entry != std::filesystem::directory_iterator(); entry.increment(ignored))
            if (entry->path().extension() == ".json" && entry->is_regular_file(ignored)) own.push_back(entry->path());
        std::sort(own.begin(), own.end());
        for (const auto& path : own) try {
                for (Style& style : read_styles(path)) library.take(std::move(style), size, source_sha256);
            } catch (const StyleError& error) {
                library.warnings_.push_back(std::string(error.what()) + "; left out");
            }
        return library;
    }

    const std::vector<Style>& styles() const { return styles_; }
    const std::vector<std::string>& warnings() const { return warnings_; }

    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const Style& style : styles_) names.push_back(style.name);
        return names;
    }

    // The vector of a name or a blend. Throws StyleError (which lists the names there are) or ExpressionError.
    std::vector<float> vector(const std::string& expression) const {
        std::vector<float> sum;
        for (const Term& term : parse_blend(expression)) {
            const auto found = std::find_if(styles_.begin(), styles_.end(),
                                            [&](const Style& style) { return style.name == term.name; });
            if (found == styles_.end())
                throw StyleError("no style named " + detail::in_quotes(term.name) + ". " +
                                 (styles_.empty() ? std::string("This model comes without named styles")
                                                  : "There are " + detail::joined(names())));
            const bool first = sum.empty();
            if (first) sum.resize(found->vector.size());
            if (sum.size() != found->vector.size())
                throw StyleError("styles of " + std::to_string(sum.size()) + " and " +
                                 std::to_string(found->vector.size()) + " numbers cannot be blended: " +
                                 detail::in_quotes(term.name) + " belongs to another network");
            const float weight = static_cast<float>(term.weight);
            for (std::size_t index = 0; index < sum.size(); ++index) {
                // In steps of its own, so that no compiler fuses them: the sums are then Python's, bit by bit.
                const volatile float part = weight * found->vector[index];
                sum[index] = first ? part : sum[index] + part;
            }
        }
        return sum;
    }

private:
    std::vector<Style>::iterator find(const std::string& name) {
        return std::find_if(styles_.begin(), styles_.end(), [&](const Style& style) { return style.name == name; });
    }

    void take(Style style, std::size_t size, const std::string& source_sha256) {
        const bool other = !source_sha256.empty() && !style.source_sha256.empty() &&
                           style.source_sha256 != source_sha256;
        if (other || style.vector.size() != size)
            warnings_.push_back("style " + detail::in_quotes(style.name) + " belongs to another network, left out");
        else add(std::move(style));
    }

    std::vector<Style> styles_;
    std::vector<std::string> warnings_;
};

// The model record

// What a model file promises; stored as its metadata.
struct Record {
    std::string kind;        // stylizer, style_encoder
    std::string family;      // transformer, adain, conditional ...
    std::string precision;   // fp32, fp16, int8
    int stride = 1;
    std::size_t style_size = 0;          // length of the style vector; 0 for a style that is baked in
    std::vector<std::string> styles;     // names of the styles in the file, or of the vectors that come with it
    std::string license, provenance, source_sha256;
    std::string strength_blends;         // what `strength` mixes: pixels, features, or nothing
    std::string style_encoder;           // file name of the style encoder beside the model
    std::vector<std::string> controls;   // which of strength and color the graph has; read off the graph

    bool has(std::string_view control) const {
        return std::find(controls.begin(), controls.end(), control) != controls.end();
    }

    // Reads the record of the file `source` through `look_up`, which knows the metadata of the file.
    // Throws ModelError: not ours, newer than this header, or malformed.
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
                             "Export the network's checkpoint with `nst-rt export`");
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

// Name, element type (`uint8`, `float` or what else ONNX Runtime says) and dimensions of a graph's input or output.
struct Tensor {
    std::string name;
    std::string type;
    std::vector<std::string> shape;   // numbers, or the names of symbolic dimensions
};

// Holds a graph's inputs and outputs against the contract; `source` names the file in errors. Throws ModelError.
inline void check_signature(const Record& record, const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                            const std::string& source) {
    using Shape = std::vector<std::vector<std::string>>;   // what each dimension may be
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

// Refuses a file beside a model that was exported from other weights. Throws ModelError.
inline void require_same_network(const Record& record, const std::filesystem::path& path, const Record& other,
                                 const std::filesystem::path& companion) {
    if (std::tie(record.family, record.source_sha256, record.style_size) !=
        std::tie(other.family, other.source_sha256, other.style_size))
        throw ModelError(companion.string() + " was exported from another checkpoint than " +
                         path.filename().string() + " beside it. Export both again, or remove it");
}

#ifndef NST_RT_WITHOUT_ONNXRUNTIME

// Devices

struct Options {
    // `cpu`, `cuda[:N]` and `tensorrt[:N]` are demands; `auto` prefers CUDA and takes the processor where it cannot
    // run.
    std::string device = "auto";
    int threads = 0;           // of a processor; 0: all physical cores
    bool strict = false;       // refuse a GPU session that leaves a single node to the processor
    bool user_styles = true;    // named styles that the user added with `nst-rt add-style`, too
    bool verbose = false;      // ONNX Runtime's own warnings on stderr
    std::filesystem::path engine_cache;   // folder where TensorRT keeps its engines, which take minutes to build
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

    // nullopt for `auto`. Throws DeviceError: not a device's name.
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

namespace detail::ort {

inline constexpr std::uint32_t api_version = 17;   // the oldest library that these models are tested on

inline const OrtApi& api() {
    static const OrtApi* const table = OrtGetApiBase()->GetApi(api_version);
    if (table == nullptr)
        throw DeviceError(std::string("the ONNX Runtime that was loaded is ") + OrtGetApiBase()->GetVersionString() +
                          "; nst-rt's models need 1.17 or newer. Check which libonnxruntime the program finds");
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

// What ONNX Runtime says, for whoever knows what was attempted.
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
    // The first line, without source lines and status codes in front: "FILE:LINE ... [ONNXRuntimeError] : 1 : FAIL : ".
    std::string reason = api().GetErrorMessage(status.get());
    reason.resize(std::min(reason.find('\n'), reason.size()));
    if (const std::size_t place = reason.rfind("failed:"); place != std::string::npos) reason.erase(0, place + 7);
    if (std::size_t place = reason.rfind("[ONNXRuntimeError] : "); place != std::string::npos) {
        for (int colons = 0; colons < 3 && place != std::string::npos; ++colons) place = reason.find(" : ", place + 1);
        if (place != std::string::npos) reason.erase(0, place + 3);
    }
    throw Failure(api().GetErrorCode(status.get()), stripped(reason));
}

// Fills in what a function of the table writes to its last argument, as an owner.
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

struct Size {
    int height;
    int width;
    bool operator==(const Size& other) const { return height == other.height && width == other.width; }
    std::string text() const { return "1x" + std::to_string(height) + "x" + std::to_string(width); }
};

// A session's input: its memory stays the caller's, who keeps it until `run` is back.
struct Feed {
    const char* name;
    const void* data;
    std::size_t bytes;
    std::vector<std::int64_t> shape;
    ONNXTensorElementDataType type;
};

// A model file on a device, for one frame size or any.
class ModelSession {
public:
    // Without a record the graph is not optimised: only the metadata and the signature are wanted.
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

    // Held against the contract.
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
        // Whatever goes wrong comes back as a status; the log would only say it twice.
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
        // The keys and values, and the reasons for them, are those of runtime/nst_rt/engine/devices.py. No CUDA graph here: it
        // would replay a frame from a fixed address on the card, and frames come from the caller's memory.
        const bool fp16 = record && record->precision == "fp16";
        const std::string index = std::to_string(device_.index);
        if (options.strict) check(api().AddSessionConfigEntry(settings, "session.disable_cpu_ep_fallback", "1"));
        if (device_.kind == Device::Kind::tensorrt) {
            std::vector<std::pair<std::string, std::string>> pairs = {{"device_id", index},
                                                                      {"trt_fp16_enable", fp16 ? "1" : "0"},
                                                                      {"trt_layer_norm_fp32_fallback", "1"},
                                                                      {"trt_cuda_graph_enable", "0"}};
            if (!options.engine_cache.empty()) {
                // An engine fits one model, precision, size and version; the version is the folder.
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
        // ONNX Runtime takes no pointer to const, and writes to no input.
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
    Env env_;   // before the session, which must go first
    MemoryInfo memory_;
    Session session_;
};

inline std::vector<std::int64_t> image_shape(const ConstFrame& frame) { return {1, frame.height, frame.width, 3}; }

inline Feed floats(const char* name, const float* values, std::size_t count, std::vector<std::int64_t> shape) {
    return {name, values, count * sizeof(float), std::move(shape), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT};
}

}   // namespace detail::ort

// The record of a model file, held against the contract. Throws ModelError.
inline Record read_model(const std::filesystem::path& path) {
    return detail::ort::ModelSession(path, Device{}, Options{}, nullptr, std::nullopt).record();
}

// Reads style vectors off paintings, on the processor. Throws ModelError: the file is no style encoder.
class StyleEncoder {
public:
    explicit StyleEncoder(const std::filesystem::path& path, const Options& options = {})
        : record_(read_model(path)), session_(path, Device{}, options, &record_, std::nullopt) {
        if (record_.kind != "style_encoder")
            throw ModelError(path.string() + ": a stylising model, not a style encoder. Export the model again");
    }

    // The style vector of a painting, which is brought down to 640 pixels first. Throws InputError: too small.
    std::vector<float> operator()(const ConstFrame& painting) const {
        const detail::Image image = detail::shrunk(painting, painting_side);
        const ConstFrame frame(image.bgr.data(), image.width, image.height);
        std::vector<float> vector(record_.style_size);
        const auto size = static_cast<std::int64_t>(vector.size());
        session_.run({{"image", image.bgr.data(), image.bgr.size(), detail::ort::image_shape(frame),
                       ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8}},
                     detail::ort::floats("style", vector.data(), vector.size(), {1, size}));
        return vector;
    }

    const Record& record() const { return record_; }

private:
    Record record_;
    detail::ort::ModelSession session_;
};

// Stylises frames with one network; the style, its strength and its colours can change between any two calls.
//
// A session is opened for each frame size, at its first frame (a tenth of a second or so; TensorRT takes minutes), and
// the last four stay open. Threads may share a stylizer: calls wait for each other, so that a window's thread can
// change the style while another one runs frames.
class Stylizer {
public:
    // Opens a model with its first style. A device that was demanded and cannot run is refused here.
    // Throws ModelError, StyleError, DeviceError.
    explicit Stylizer(const std::filesystem::path& model, Options options = {})
        : files_{model}, options_(std::move(options)), record_(read_model(model)) {
        if (record_.kind != "stylizer")
            throw ModelError(model.string() + ": a style encoder, not a stylising model. Give the model beside it");
        if (record_.style_size) {
            library_ = StyleLibrary::of(files_, record_.style_size, record_.source_sha256, options_.user_styles);
            if (!library_.styles().empty()) set_style(library_.styles().front().name);
        } else {
            style_ = record_.styles.empty() ? files_.network() : record_.styles.front();
        }
        choose_device();
    }

    Stylizer(const Stylizer&) = delete;
    Stylizer& operator=(const Stylizer&) = delete;

    // Stylises a frame into memory of the same size; the two may be the same memory. Rows without gaps are read and
    // written where they are, others are copied.
    // Throws InputError (size, stride), StyleError (no style was set), DeviceError.
    void operator()(const ConstFrame& frame, const Frame& stylized) {
        check_frame(frame);
        check_frame(stylized);
        if (frame.width != stylized.width || frame.height != stylized.height)
            throw InputError("a frame of " + detail::size_text(frame.width, frame.height) +
                             " cannot be written into one of " + detail::size_text(stylized.width, stylized.height) +
                             ". Both have the same size");
        const std::lock_guard lock(mutex_);
        const std::size_t bytes = detail::packed_bytes(frame), row = detail::row_bytes(frame);
        const auto packed_row = static_cast<std::ptrdiff_t>(row);
        const std::uint8_t* pixels = frame.data;
        if (!detail::is_packed(frame) || detail::overlap(frame, stylized)) {
            packed_frame_.resize(bytes);
            detail::copy_rows(frame.data, detail::stride_of(frame), packed_frame_.data(), packed_row, row,
                              frame.height);
            pixels = packed_frame_.data();
        }
        const bool direct = detail::is_packed(stylized);
        if (!direct) packed_stylized_.resize(bytes);
        run(pixels, direct ? stylized.data : packed_stylized_.data(), {frame.height, frame.width});
        if (!direct)
            detail::copy_rows(packed_stylized_.data(), packed_row, stylized.data, detail::stride_of(stylized), row,
                              frame.height);
    }

    // The same as a new packed image: height * width * 3 bytes.
    std::vector<std::uint8_t> operator()(const ConstFrame& frame) {
        check_frame(frame);
        std::vector<std::uint8_t> stylized(detail::packed_bytes(frame));
        (*this)(frame, {stylized.data(), frame.width, frame.height, 0});
        return stylized;
    }

    // Opens the session for a frame size and runs it, so that the first real frame is as fast as the next.
    void warm_up(int width, int height) {
        detail::check_size(width, height);
        const std::vector<std::uint8_t> blank(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
        (*this)({blank.data(), width, height});
    }

    // A name or a blend: `gogh:0.7+wave:0.3`. Nothing is rebuilt. Throws StyleError, ExpressionError.
    void set_style(const std::string& expression) {
        const std::lock_guard lock(mutex_);
        if (!record_.style_size) {
            if (expression != style_ && std::count(record_.styles.begin(), record_.styles.end(), expression) == 0)
                throw StyleError(name() + " has one style baked in (" + style_ + "), not " +
                                 detail::in_quotes(expression) + ". Take a model with style vectors");
            style_ = expression;
            return;
        }
        vector_ = library_.vector(expression);
        style_ = expression;
    }

    // A vector of `record().style_size` finite numbers. Throws StyleError.
    void set_style_vector(std::vector<float> vector) {
        const std::lock_guard lock(mutex_);
        check_vector(vector);
        vector_ = std::move(vector);
        style_ = "vector";
    }

    // Names a vector, for `set_style` and blends; a style of the same name is replaced. Throws StyleError.
    void add_style(const std::string& name, std::vector<float> vector) {
        const std::lock_guard lock(mutex_);
        check_vector(vector);
        Style style;
        style.name = name;
        style.vector = std::move(vector);
        library_.add(std::move(style));
    }

    // The vector of a name or a blend; of the style in use if left out. Throws StyleError.
    std::vector<float> style_vector(const std::optional<std::string>& expression = std::nullopt) const {
        const std::lock_guard lock(mutex_);
        require_vectors();
        if (expression) return library_.vector(*expression);
        if (vector_.empty()) throw no_style();
        return vector_;
    }

    // The style vector of a painting, by the style encoder NAME.encoder.onnx beside the model.
    // Throws StyleError (there is none), ModelError (it is another network's), InputError (too small).
    std::vector<float> read_style(const ConstFrame& painting) {
        const std::lock_guard lock(mutex_);
        require_vectors();
        if (!encoder_) {
            std::error_code ignored;
            const std::filesystem::path path = files_.encoder();
            if (!std::filesystem::is_regular_file(path, ignored))
                throw StyleError(name() + " has no style encoder beside it (" + path.filename().string() +
                                 "), so it cannot take a painting. Use a named style, or a model that has one");
            auto encoder = std::make_unique<StyleEncoder>(path, options_);
            require_same_network(record_, files_.path, encoder->record(), path);
            encoder_ = std::move(encoder);
        }
        return (*encoder_)(painting);
    }

    // 0 is the photograph, 1 the full style. Throws StyleError: out of range, or the model has no such input.
    void set_strength(float value) { set_control("strength", value, strength_); }

    // 1 takes the style's colours, 0 keeps the photograph's. Throws StyleError likewise.
    void set_color(float value) { set_control("color", value, color_); }

    // The style as it was asked for.
    std::string style() const {
        const std::lock_guard lock(mutex_);
        return style_;
    }

    // Names that `set_style` takes.
    std::vector<std::string> styles() const {
        const std::lock_guard lock(mutex_);
        return record_.style_size ? library_.names() : std::vector<std::string>{style_};
    }

    // The device that runs, `cuda:0` or `cpu`.
    std::string device() const {
        const std::lock_guard lock(mutex_);
        return device_.name();
    }

    // What was left out or not used, and why.
    std::vector<std::string> warnings() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> all = library_.warnings();
        all.insert(all.end(), warnings_.begin(), warnings_.end());
        return all;
    }

    const Record& record() const { return record_; }

private:
    static constexpr std::size_t kept_sessions = 4;   // each holds its own copy of the weights and buffers

    std::string name() const { return files_.path.filename().string(); }

    StyleError no_style() const { return StyleError(name() + " needs a style. Set one by its name or as a vector"); }

    void require_vectors() const {
        if (!record_.style_size)
            throw StyleError(name() + " has one style baked in (" + style_ +
                             "). Take a model with style vectors, such as the built-in network");
    }

    void check_vector(const std::vector<float>& vector) const {
        require_vectors();
        if (vector.size() != record_.style_size)
            throw StyleError(name() + " takes style vectors of " + std::to_string(record_.style_size) +
                             " numbers, not " + std::to_string(vector.size()));
        if (!std::all_of(vector.begin(), vector.end(), [](float number) { return std::isfinite(number); }))
            throw StyleError("a style vector holds a number that is not finite. Read it again");
    }

    void set_control(const char* control, float value, float& place) {
        std::ostringstream number;
        number.imbue(std::locale::classic());
        number << value;
        if (!(value >= 0 && value <= 1))
            throw StyleError(std::string(control) + " " + number.str() + " is out of range. Give a number from 0 to 1");
        if (value != 1 && !record_.has(control))
            throw StyleError(name() + " was exported without " + control + ". Export it again with controls");
        const std::lock_guard lock(mutex_);
        place = value;
    }

    void choose_device() {
        const std::optional<Device> asked = Device::parse(options_.device);
        if (asked) {
            device_ = *asked;
            if (!detail::ort::is_available(device_))
                throw DeviceError("device " + device_.name() + ": this ONNX Runtime was built for " +
                                  detail::joined(detail::ort::available_providers()) +
                                  " only. Link one that was built for it, or take device cpu");
            if (device_.kind != Device::Kind::cpu) refuse_int8();
            if (device_.kind == Device::Kind::cuda) prove();
            return;
        }
        device_ = {Device::Kind::cuda, 0};
        if (record_.precision != "int8" && detail::ort::is_available(device_)) try {
                prove();
                return;
            } catch (const DeviceError& error) {
                warnings_.push_back(std::string("auto: cuda:0 cannot be used, taking cpu (") + error.what() + ")");
            }
        device_ = {};
    }

    void refuse_int8() const {
        if (record_.precision == "int8")
            throw DeviceError("device " + device_.name() + ": " + name() +
                              " is int8, which is for processors. Take the fp16 file here");
    }

    // A session that opens may still not run: out of memory, no kernels for an old card.
    void prove() {
        constexpr int side = 64;
        const std::vector<std::uint8_t> blank(side * side * 3);
        std::vector<std::uint8_t> stylized(blank.size());
        const std::vector<float> kept = vector_;
        vector_.resize(record_.style_size);
        try {
            run(blank.data(), stylized.data(), {side, side});
        } catch (...) {
            vector_ = kept;
            sessions_.clear();
            throw;
        }
        vector_ = kept;
        sessions_.clear();
    }

    void run(const std::uint8_t* pixels, std::uint8_t* stylized, detail::ort::Size size) {
        namespace ort = detail::ort;
        const std::size_t bytes = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) * 3;
        const std::vector<std::int64_t> shape = {1, size.height, size.width, 3};
        std::vector<ort::Feed> feeds = {{"frame", pixels, bytes, shape, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8}};
        if (record_.style_size) {
            if (vector_.empty()) throw no_style();
            feeds.push_back(
                ort::floats("style", vector_.data(), vector_.size(), {1, static_cast<std::int64_t>(vector_.size())}));
        }
        if (record_.has("strength")) feeds.push_back(ort::floats("strength", &strength_, 1, {1}));
        if (record_.has("color")) feeds.push_back(ort::floats("color", &color_, 1, {1}));
        session_for(size).run(feeds, {"stylized", stylized, bytes, shape, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8});
    }

    const detail::ort::ModelSession& session_for(detail::ort::Size size) {
        const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                        [&](const auto& entry) { return entry.first == size; });
        if (found != sessions_.end()) {
            sessions_.splice(sessions_.begin(), sessions_, found);
        } else {
            sessions_.emplace_front(std::piecewise_construct, std::forward_as_tuple(size),
                                    std::forward_as_tuple(files_.path, device_, options_, &record_, size));
            if (sessions_.size() > kept_sessions) sessions_.pop_back();
        }
        return sessions_.front().second;
    }

    ModelFiles files_;
    Options options_;
    Record record_;
    StyleLibrary library_;
    std::string style_;
    std::vector<float> vector_;
    float strength_ = 1;
    float color_ = 1;
    Device device_;
    std::vector<std::string> warnings_;
    std::unique_ptr<StyleEncoder> encoder_;
    std::list<std::pair<detail::ort::Size, detail::ort::ModelSession>> sessions_;   // the last used first
    std::vector<std::uint8_t> packed_frame_, packed_stylized_;
    mutable std::mutex mutex_;
};

#endif   // NST_RT_WITHOUT_ONNXRUNTIME

}   // namespace nst_rt

#endif   // NST_RT_NST_RT_HPP
