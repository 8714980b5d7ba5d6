// JSON as styles files and the metadata of models hold it. Our own reader, so that the header needs no JSON library.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_DETAIL_JSON_HPP
#define NST_RT_DETAIL_JSON_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "text.hpp"

namespace nst_rt::detail {

struct Json {
    enum class Kind { null, boolean, number, text, list, object };
    Kind kind = Kind::null;
    double number = 0;                // a boolean is 0 or 1
    std::string text;
    std::vector<std::string> keys;    // of an object
    std::vector<Json> values;         // of a list or an object

    const Json* find(std::string_view key) const {
        // The last one of equal keys, as in Python.
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
    // Throws std::runtime_error: malformed, with the place.
    static Json read(std::string_view text) {
        JsonReader reader(text);
        Json value = reader.value(0);
        reader.skip_blanks();
        if (reader.place_ != text.size()) reader.fail("more than one value");
        return value;
    }

private:
    static constexpr int max_depth = 32;   // styles files have four levels; a hostile file must not overflow the stack

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
        if (text_.substr(place_, wanted.size()) != wanted) fail("not a JSON value");
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
        if (digits.empty() || digits.front() == '+' || !value) fail("not a JSON value");
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
            // Pairs: the letter after the backslash, and the character that it stands for.
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
            // UTF-8 cannot encode half a surrogate pair.
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

}   // namespace nst_rt::detail

#endif   // NST_RT_DETAIL_JSON_HPP
