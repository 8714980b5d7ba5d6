# nst_rt_find_onnxruntime() makes the target `nst_rt_onnxruntime` where ONNX Runtime is found.
#
# ONNXRUNTIME_ROOT (a CMake or environment variable) comes first, because it was given on purpose: the folder of an
# unpacked release, or any with include/ and lib/. Then ONNX Runtime's own CMake package, then the system's folders.
# The packages in the release archives from 1.19 to at least 1.23 name folders that do not exist, so that a package is
# believed only if its header is there.

function(nst_rt_find_onnxruntime)
    if(TARGET nst_rt_onnxruntime)
        return()
    endif()
    set(root "${ONNXRUNTIME_ROOT}")
    if(NOT root)
        set(root "$ENV{ONNXRUNTIME_ROOT}")
    endif()

    if(root)
        set(only NO_DEFAULT_PATH)
    else()
        set(only "")
        find_package(onnxruntime CONFIG QUIET)
        if(TARGET onnxruntime::onnxruntime)
            get_target_property(folders onnxruntime::onnxruntime INTERFACE_INCLUDE_DIRECTORIES)
            find_path(headers onnxruntime_c_api.h PATHS ${folders}
                      PATH_SUFFIXES onnxruntime onnxruntime/core/session NO_DEFAULT_PATH NO_CACHE)
            if(headers)
                add_library(nst_rt_onnxruntime INTERFACE IMPORTED GLOBAL)
                set_target_properties(nst_rt_onnxruntime PROPERTIES
                                      INTERFACE_INCLUDE_DIRECTORIES "${headers}"
                                      INTERFACE_LINK_LIBRARIES onnxruntime::onnxruntime)
                message(STATUS "nst_rt: ONNX Runtime ${onnxruntime_VERSION} by its package in ${onnxruntime_DIR}")
                return()
            endif()
            message(STATUS "nst_rt: the package of ONNX Runtime in ${onnxruntime_DIR} names headers that are not there")
        endif()
    endif()

    find_path(headers onnxruntime_c_api.h PATHS ${root}
              PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session onnxruntime
                            onnxruntime/core/session
              ${only} NO_CACHE)
    find_library(library NAMES onnxruntime PATHS ${root} PATH_SUFFIXES lib lib64 ${only} NO_CACHE)
    if(headers AND library)
        add_library(nst_rt_onnxruntime UNKNOWN IMPORTED GLOBAL)
        set_target_properties(nst_rt_onnxruntime PROPERTIES
                              IMPORTED_LOCATION "${library}"
                              INTERFACE_INCLUDE_DIRECTORIES "${headers}")
        message(STATUS "nst_rt: ONNX Runtime is ${library}")
    elseif(root)
        message(FATAL_ERROR "nst_rt: no ONNX Runtime in ONNXRUNTIME_ROOT=${root}: wanted "
                            "include/onnxruntime_c_api.h and lib/libonnxruntime.so. Unpack a release there")
    endif()
endfunction()
