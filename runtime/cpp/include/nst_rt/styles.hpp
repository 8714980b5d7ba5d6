// Named style vectors: the files that hold them, and the library that finds and blends them.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_STYLES_HPP
#define NST_RT_STYLES_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "blends.hpp"
#include "detail/json.hpp"
#include "detail/text.hpp"
#include "errors.hpp"
#include "model_files.hpp"

namespace nst_rt::detail {

inline std::string read_file(const std::filesystem::path& path) {
    try {
        std::ifstream file(path, std::ios::binary);
        std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        if (file.is_open() && !file.bad()) return text;
    } catch (const std::ios_base::failure&) {
        // libstdc++ opens a folder as a file, and throws at its first byte.
    }
    throw StyleError(path.string() + ": cannot be read. Remove or replace it");
}

}   // namespace nst_rt::detail

namespace nst_rt {

// A named style vector of one network, and the painting that it was read from.
struct Style {
    std::string name;
    std::vector<float> vector;
    std::string title, artist, year, license;
    std::string source_sha256;   // of the checkpoint of its network; empty if the file does not say
};

// Reads a file NAME.styles.json, or one user style. Throws StyleError: the file is missing or malformed.
inline std::vector<Style> read_styles(const std::filesystem::path& path) {
    using detail::Json;
    const std::string file = path.string();
    const std::string text = detail::read_file(path);
    Json content;
    try {
        content = detail::JsonReader::read(text);
    } catch (const std::runtime_error& error) {
        throw StyleError(file + ": not a styles file (" + error.what() + "). Remove or replace it");
    }
    const Json* list = content.find("styles");
    if (list && list->kind != Json::Kind::list)
        throw StyleError(file + ": not a styles file ('styles' is not a list). Remove or replace it");
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

// Named styles of one network, and blends of them.
class StyleLibrary {
public:
    // Adds a style. A style of the same name is replaced and keeps its place.
    void add(Style style) {
        const auto found = find(style.name);
        if (found != styles_.end()) *found = std::move(style);
        else styles_.push_back(std::move(style));
    }

    // The styles beside a model, then the user styles (`nst-rt add-style`), which replace styles of the same name.
    // Styles of another network and malformed user styles are left out, with a warning.
    // Throws StyleError: the file beside the model is malformed.
    static StyleLibrary of(const ModelFiles& files, std::size_t size, const std::string& source_sha256,
                           bool user_styles = true) {
        StyleLibrary library;
        std::error_code ignored;
        if (std::filesystem::is_regular_file(files.styles(), ignored))
            for (Style& style : read_styles(files.styles())) library.take(std::move(style), size, "");
        if (!user_styles || files.user_styles().empty()) return library;
        std::vector<std::filesystem::path> paths;
        std::filesystem::directory_iterator entry(files.user_styles(), ignored);
        for (; entry != std::filesystem::directory_iterator(); entry.increment(ignored))
            if (entry->path().extension() == ".json" && entry->is_regular_file(ignored)) paths.push_back(entry->path());
        std::sort(paths.begin(), paths.end());
        for (const auto& path : paths) try {
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

    // The vector of a name or a blend. Throws StyleError: unknown name (the message lists all), or ExpressionError.
    std::vector<float> vector(const std::string& expression) const {
        std::vector<float> sum;
        for (const Term& term : parse_blend(expression)) {
            const auto found = std::find_if(styles_.begin(), styles_.end(),
                                            [&](const Style& style) { return style.name == term.name; });
            if (found == styles_.end())
                throw StyleError("no style named " + detail::in_quotes(term.name) + ". " +
                                 (styles_.empty() ? std::string("This model has no named styles")
                                                  : "There are " + detail::joined(names())));
            const bool first = sum.empty();
            if (first) sum.resize(found->vector.size());
            if (sum.size() != found->vector.size())
                throw StyleError("styles of " + std::to_string(sum.size()) + " and " +
                                 std::to_string(found->vector.size()) + " numbers cannot be blended: " +
                                 detail::in_quotes(term.name) + " belongs to another network");
            const float weight = static_cast<float>(term.weight);
            for (std::size_t index = 0; index < sum.size(); ++index) {
                // volatile prevents a fused multiply-add, so that the sums are bit for bit those of Python.
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

}   // namespace nst_rt

#endif   // NST_RT_STYLES_HPP
