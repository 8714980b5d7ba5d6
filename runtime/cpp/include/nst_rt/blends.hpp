// Blends of named styles: `gogh:0.7+wave:0.3`.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_BLENDS_HPP
#define NST_RT_BLENDS_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "detail/text.hpp"
#include "errors.hpp"

namespace nst_rt {

// One part of a blend: a style's name and its weight.
struct Term {
    std::string name;
    double weight;
};

}   // namespace nst_rt

namespace nst_rt::detail {

inline ExpressionError malformed_blend(const std::string& expression, std::size_t byte, const char* reason) {
    const std::size_t position = characters(std::string_view(expression).substr(0, byte));
    std::size_t end = std::min(byte + 12, expression.size());
    while (end < expression.size() && (expression[end] & 0xC0) == 0x80) ++end;   // not inside a character
    return {"style " + in_quotes(expression) + ", character " + std::to_string(position + 1) + " (" +
                in_quotes(std::string_view(expression).substr(byte, end - byte)) + "): " + reason +
                ". Write a blend like gogh:0.7+wave:0.3",
            position, "  " + expression + "\n  " + std::string(position, ' ') + "^"};
}

}   // namespace nst_rt::detail

namespace nst_rt {

// Reads `gogh` or `gogh:0.7+wave:0.3`. The weights are scaled to the sum 1. Throws ExpressionError with the place.
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

}   // namespace nst_rt

#endif   // NST_RT_BLENDS_HPP
