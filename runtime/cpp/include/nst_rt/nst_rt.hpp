// nst-rt's models in C++17: a frame of bytes in, a stylised frame of bytes out.
//
//     nst_rt::Stylizer stylizer("conditional.onnx");
//     stylizer.set_style("gogh:0.7+wave:0.3");
//     stylizer({pixels, width, height, stride}, {stylized, width, height, stride});
//
// Needs ONNX Runtime 1.17 or newer: the C header to compile, the library to link. The header may be newer than the
// library, because only functions of version 1.17 are called.
//
// Define NST_RT_WITHOUT_ONNXRUNTIME to leave out all that needs ONNX Runtime. The model record, named styles and blends
// remain, for programs that run the same files in another runtime (examples/openvino_ppm.cpp).
//
// This header includes all parts. The folder can be copied as it is, and nothing has to be built.
// SPDX-License-Identifier: MIT

#ifndef NST_RT_NST_RT_HPP
#define NST_RT_NST_RT_HPP

#define NST_RT_VERSION "0.1.0"

#include "blends.hpp"
#include "errors.hpp"
#include "frames.hpp"
#include "model_files.hpp"
#include "model_record.hpp"
#include "styles.hpp"

#ifndef NST_RT_WITHOUT_ONNXRUNTIME
#include "devices.hpp"
#include "style_encoder.hpp"
#include "stylizer.hpp"
#endif

#endif   // NST_RT_NST_RT_HPP
