# The header nst_rt.hpp and the C library over it: targets nst_rt::cpp and nst_rt::c, package nst_rt_onnxruntime.
# Nothing of it is built without ONNX Runtime, which is looked for and never downloaded.
include("${CMAKE_CURRENT_LIST_DIR}/cmake/NstRtOnnxRuntime.cmake")
nst_rt_find_onnxruntime()
if(NOT TARGET nst_rt_onnxruntime)
    message(STATUS "nst_rt: ONNX Runtime was not found, so that nst_rt.hpp and the C library over it are left out. Set "
                   "ONNXRUNTIME_ROOT to the folder of an unpacked release")
    return()
endif()

add_library(nst_rt_cpp INTERFACE)
add_library(nst_rt::cpp ALIAS nst_rt_cpp)
set_target_properties(nst_rt_cpp PROPERTIES EXPORT_NAME cpp)
target_compile_features(nst_rt_cpp INTERFACE cxx_std_17)
target_include_directories(nst_rt_cpp INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(nst_rt_cpp INTERFACE nst_rt_onnxruntime)

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/include/nst_rt/nst_rt.h" nst_rt_abi REGEX "^#define NST_RT_ABI_VERSION")
string(REGEX MATCH "[0-9]+$" nst_rt_abi "${nst_rt_abi}")
set(nst_rt_cpp_warnings $<$<NOT:$<CXX_COMPILER_ID:MSVC>>:-Wall -Wextra -Wpedantic -Wshadow>)

add_library(nst_rt_c SHARED "${CMAKE_CURRENT_LIST_DIR}/src/nst_rt.cpp")
add_library(nst_rt::c ALIAS nst_rt_c)
# An ABI number only grows and breaks nothing (nst_rt.h), so that the name of the library stays.
set_target_properties(nst_rt_c PROPERTIES
    EXPORT_NAME c OUTPUT_NAME nst_rt SOVERSION 1 VERSION 1.${nst_rt_abi}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON INSTALL_RPATH_USE_LINK_PATH ON)
target_compile_definitions(nst_rt_c PRIVATE NST_RT_BUILDING)
target_compile_options(nst_rt_c PRIVATE ${nst_rt_cpp_warnings})
target_include_directories(nst_rt_c PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}/include>
                                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(nst_rt_c PRIVATE $<BUILD_INTERFACE:nst_rt_cpp>)
if(UNIX AND NOT APPLE)
    target_link_options(nst_rt_c PRIVATE "LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/src/nst_rt.map")
endif()

function(nst_rt_onnxruntime_program name source)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE ${ARGN})
    target_compile_features(${name} PRIVATE c_std_99 cxx_std_17)
    target_compile_options(${name} PRIVATE ${nst_rt_cpp_warnings})
endfunction()

if(NST_RT_EXAMPLES)
    nst_rt_onnxruntime_program(nst_rt_stylize_ppm examples/stylize_ppm.cpp nst_rt::cpp)
    nst_rt_onnxruntime_program(nst_rt_stylize_ppm_c examples/stylize_ppm_c.c nst_rt::c)
    nst_rt_onnxruntime_program(nst_rt_call_latency examples/call_latency.cpp "nst_rt::cpp;nst_rt::c")
    find_package(OpenCV QUIET COMPONENTS core imgcodecs videoio highgui)
    if(OpenCV_FOUND)
        nst_rt_onnxruntime_program(nst_rt_stylize_opencv examples/stylize_opencv.cpp nst_rt::cpp ${OpenCV_LIBS})
        target_include_directories(nst_rt_stylize_opencv PRIVATE ${OpenCV_INCLUDE_DIRS})
    endif()
    find_package(SDL2 CONFIG QUIET)
    if(TARGET SDL2::SDL2)
        nst_rt_onnxruntime_program(nst_rt_live_sdl examples/live_sdl.c nst_rt::c SDL2::SDL2)
    endif()
endif()

if(NST_RT_TESTS)
    find_package(Threads REQUIRED)
    # Two files that include the header must link into one program.
    nst_rt_onnxruntime_program(nst_rt_hpp_test "tests/nst_rt_hpp_test.cpp;tests/second_inclusion.cpp"
                               nst_rt::cpp Threads::Threads)
    add_test(NAME nst_rt_hpp_test COMMAND nst_rt_hpp_test)
    # Takes two tiny models that Python makes: tests/end_to_end/test_cpp_onnxruntime.py runs it, and this one with one.
    nst_rt_onnxruntime_program(nst_rt_c_test tests/nst_rt_c_test.c nst_rt::c)
endif()

if(NST_RT_INSTALL)
    include(CMakePackageConfigHelpers)
    set(nst_rt_onnxruntime_package ${CMAKE_INSTALL_LIBDIR}/cmake/nst_rt_onnxruntime)
    install(TARGETS nst_rt_cpp nst_rt_c EXPORT nst_rt_onnxruntime
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(DIRECTORY include/nst_rt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN nst_rt.h PATTERN share.hpp EXCLUDE)
    install(EXPORT nst_rt_onnxruntime NAMESPACE nst_rt:: FILE nst_rt_onnxruntimeTargets.cmake
        DESTINATION ${nst_rt_onnxruntime_package})
    write_basic_package_version_file(nst_rt_onnxruntimeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
    install(FILES cmake/nst_rt_onnxruntimeConfig.cmake cmake/NstRtOnnxRuntime.cmake
                  ${CMAKE_CURRENT_BINARY_DIR}/nst_rt_onnxruntimeConfigVersion.cmake
        DESTINATION ${nst_rt_onnxruntime_package})
endif()
