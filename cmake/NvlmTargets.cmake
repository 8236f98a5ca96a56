# nvlm_library(<folder> <dependencies...>): one static library per folder, alias nvlm::<folder>,
# from every .cpp below the folder. All share one precompiled header of LibTorch.
# nvlm_tests(<folder> <dependencies...>): the folder's test program; it links only what is named,
# so a forbidden dependency breaks the build.

set(NVLM_PCH "${CMAKE_SOURCE_DIR}/cmake/precompiled.h")

function(nvlm_configure target)
  target_include_directories(${target} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_compile_options(${target} PRIVATE -pthread -Wall -Wextra -Wno-unused-parameter)
  if(NVLM_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(NVLM_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-omit-frame-pointer
                                            -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
  if(NVLM_FUZZ)
    # vptr would need the type information of LibTorch's hidden classes.
    target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link,address,undefined
                                            -fno-sanitize=vptr -fno-omit-frame-pointer
                                            -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
  if(target STREQUAL "nvlm_common")
    target_precompile_headers(${target} PRIVATE "${NVLM_PCH}")
  else()
    target_precompile_headers(${target} REUSE_FROM nvlm_common)
  endif()
endfunction()

function(nvlm_library folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/*.cpp")
  add_library(nvlm_${folder} STATIC ${sources})
  add_library(nvlm::${folder} ALIAS nvlm_${folder})
  target_link_libraries(nvlm_${folder} PUBLIC LibTorch::LibTorch ${ARGN})
  nvlm_configure(nvlm_${folder})
endfunction()

function(nvlm_tests folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${folder}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(test_${folder} ${sources} "${CMAKE_SOURCE_DIR}/tests/support/main.cpp")
  target_link_libraries(test_${folder} PRIVATE nvlm::${folder} ${ARGN})
  target_compile_definitions(test_${folder} PRIVATE NVLM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  nvlm_configure(test_${folder})
  add_test(NAME ${folder} COMMAND test_${folder} --no-intro --no-version)
endfunction()

# A heap that keeps and reuses large blocks, where it is installed: training on a processor is a third
# faster with it, and what the process holds is what its tensors take.
function(nvlm_fast_heap target)
  find_library(TCMALLOC_LIBRARY NAMES tcmalloc_minimal libtcmalloc_minimal.so.4)
  if(TCMALLOC_LIBRARY AND NOT NVLM_SANITIZE)
    target_link_libraries(${target} PRIVATE -Wl,--no-as-needed ${TCMALLOC_LIBRARY}
                                            -Wl,--as-needed)
  endif()
endfunction()
