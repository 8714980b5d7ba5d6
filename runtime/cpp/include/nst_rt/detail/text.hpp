// Reading text the same way in every locale, and quoting it in messages.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_DETAIL_TEXT_HPP
#define NST_RT_DETAIL_TEXT_HPP

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nst_rt::detail {

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

// The number that the whole text is, independent of the locale; nullopt if it is none.
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

// The number of characters: all bytes but UTF-8's continuation bytes.
inline std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}   // namespace nst_rt::detail

#endif   // NST_RT_DETAIL_TEXT_HPP
