// The errors of nst_rt.hpp. what() is one line: what happened, to which file, and what to do next.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_ERRORS_HPP
#define NST_RT_ERRORS_HPP

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace nst_rt {

class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A frame or painting is too small or too large, has no memory, or has a wrong stride.
class InputError : public Error {
public:
    using Error::Error;
};

// A model file is missing, truncated, not made for nst-rt, or breaks the model contract.
class ModelError : public Error {
public:
    using Error::Error;
};

// A style, blend, style vector, strength or colour amount is unknown, malformed or out of range.
class StyleError : public Error {
public:
    using Error::Error;
};

// A blend is malformed. `below` is the text with a caret under the place.
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

}   // namespace nst_rt

#endif   // NST_RT_ERRORS_HPP
