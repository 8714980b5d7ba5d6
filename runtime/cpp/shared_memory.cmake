# The client of `nst-rt share`: target nst_rt::share, package nst_rt_share. Needs Linux and libc, nothing else.
if(NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
    message(STATUS "nst_rt: shared memory is left out, it needs Linux")
    return()
endif()

add_library(nst_rt_share
    shared_memory/connection.c shared_memory/errors.c shared_memory/pixel_formats.c shared_memory/ring.c
    shared_memory/roles.c shared_memory/segment.c shared_memory/stylize.c)
add_library(nst_rt::share ALIAS nst_rt_share)
target_include_directories(nst_rt_share PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(nst_rt_share PRIVATE c_std_11)
set_target_properties(nst_rt_share PROPERTIES
    EXPORT_NAME share C_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON VERSION ${PROJECT_VERSION} SOVERSION 1)

set(nst_rt_warnings -Wall -Wextra -Wpedantic)
target_compile_options(nst_rt_share PRIVATE ${nst_rt_warnings})

function(nst_rt_share_program name source)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE nst_rt::share ${ARGN})
    target_compile_features(${name} PRIVATE c_std_11 cxx_std_17)
    target_compile_options(${name} PRIVATE ${nst_rt_warnings})
endfunction()

if(NST_RT_EXAMPLES)
    nst_rt_share_program(nst_rt_share_image examples/share_image.c)
    nst_rt_share_program(nst_rt_share_latency examples/share_latency.c)
    find_package(OpenCV QUIET COMPONENTS core imgcodecs videoio highgui)
    if(OpenCV_FOUND)
        nst_rt_share_program(nst_rt_share_opencv examples/share_opencv.cpp ${OpenCV_LIBS})
    else()
        message(STATUS "nst_rt: no OpenCV (apt install libopencv-dev), the example with it is left out")
    endif()
endif()

if(NST_RT_TESTS)
    find_package(Threads REQUIRED)
    nst_rt_share_program(nst_rt_share_test tests/share_test.c Threads::Threads)
    nst_rt_share_program(nst_rt_share_wrapper_test tests/share_wrapper_test.cpp)
    foreach(test nst_rt_share_test nst_rt_share_wrapper_test)
        target_sources(${test} PRIVATE tests/share_test_server.c)
        add_test(NAME ${test} COMMAND ${test})
        set_tests_properties(${test} PROPERTIES TIMEOUT 120)
    endforeach()
endif()

if(NST_RT_INSTALL)
    include(CMakePackageConfigHelpers)
    set(nst_rt_share_package ${CMAKE_INSTALL_LIBDIR}/cmake/nst_rt_share)
    install(TARGETS nst_rt_share EXPORT nst_rt_share
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(FILES include/nst_rt/share.h include/nst_rt/share.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nst_rt)
    install(EXPORT nst_rt_share NAMESPACE nst_rt:: FILE nst_rt_shareConfig.cmake DESTINATION ${nst_rt_share_package})
    write_basic_package_version_file(nst_rt_shareConfigVersion.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/nst_rt_shareConfigVersion.cmake DESTINATION ${nst_rt_share_package})
endif()
