# An example that runs the same models on OpenVINO's own C++ API, found by its CMake package: of an archive or apt
# package, or of the Python wheel (which carries headers and libraries):
#     -DOpenVINO_DIR=$(python -c "import openvino, pathlib; print(pathlib.Path(openvino.__file__).parent / 'cmake')")
if(NOT NST_RT_EXAMPLES)
    return()
endif()
find_package(OpenVINO CONFIG QUIET COMPONENTS Runtime)
if(TARGET openvino::runtime)
    add_executable(nst_rt_stylize_openvino examples/openvino_ppm.cpp)
    target_compile_features(nst_rt_stylize_openvino PRIVATE cxx_std_17)
    target_include_directories(nst_rt_stylize_openvino PRIVATE include)
    target_link_libraries(nst_rt_stylize_openvino PRIVATE openvino::runtime)
endif()
