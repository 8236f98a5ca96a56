# Finds LibTorch in a PyTorch wheel or in a LibTorch zip (both have the same layout) and defines
# the target LibTorch::LibTorch.
#
# Why not find_package(Torch): the wheel is a CUDA build and its own configuration demands a CUDA
# toolkit. We link the CPU libraries only; the CUDA back end is loaded at run time when a device
# asks for it (common/device.h), so one binary serves machines with and without a GPU.
#
# Input: LIBTORCH_ROOT, the folder that holds include/ and lib/.

find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS "${LIBTORCH_ROOT}/include" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS "${LIBTORCH_ROOT}/lib" NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  REASON_FAILURE_MESSAGE
    "set -DLIBTORCH_ROOT=<folder with include/ and lib/> (./nvlm does this for you)")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(
    LibTorch::LibTorch SYSTEM INTERFACE "${LibTorch_INCLUDE_DIR}"
                                        "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  # The wheel's libraries name further libraries that only a GPU needs.
  target_link_libraries(LibTorch::LibTorch INTERFACE "${LibTorch_CPU_LIBRARY}"
                                                     "${LibTorch_C10_LIBRARY}")
  target_link_options(LibTorch::LibTorch INTERFACE -Wl,--allow-shlib-undefined)
endif()
