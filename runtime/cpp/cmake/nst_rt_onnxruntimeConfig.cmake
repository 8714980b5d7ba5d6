# find_package(nst_rt_onnxruntime): nst_rt::cpp (the header nst_rt/nst_rt.hpp) and nst_rt::c (nst_rt/nst_rt.h and its
# library). Both need ONNX Runtime; ONNXRUNTIME_ROOT says where, unless its own package is found.
cmake_minimum_required(VERSION 3.21)
include("${CMAKE_CURRENT_LIST_DIR}/NstRtOnnxRuntime.cmake")
nst_rt_find_onnxruntime()
if(NOT TARGET nst_rt_onnxruntime)
    set(nst_rt_onnxruntime_FOUND FALSE)
    set(nst_rt_onnxruntime_NOT_FOUND_MESSAGE "ONNX Runtime was not found. Set ONNXRUNTIME_ROOT to its folder")
    return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/nst_rt_onnxruntimeTargets.cmake")
