# The compiler, its flags and the options of a build. Everything below this folder is built with them.

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "Parley needs clang 19 or newer, and this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}).\n"
    "Why: g++ corrupts memory in coroutines. It destroys twice what a full expression with co_await holds: temporaries of aggregates, "
    "captures of lambdas. Older clangs lack what C++23 we use.\n"
    "Type one of these, in a build folder that has no CMakeCache.txt yet:\n"
    "  cmake --preset dev                       (also: tsan, release, fuzz)\n"
    "  CC=clang-19 CXX=clang++-19 cmake -G Ninja -B build/mine\n"
    "tools/setup installs the compiler on Debian 12.")
endif()

option(PARLEY_WERROR "Warnings are errors (the presets set it)" OFF)
option(PARLEY_BENCH "Build bench/" OFF)
option(PARLEY_FUZZ "Build fuzz/ against libFuzzer, and nothing else that needs a main" OFF)
option(PARLEY_COVERAGE "Source coverage (llvm-cov)" OFF)
set(PARLEY_SANITIZE "" CACHE STRING "What -fsanitize= is given: address,undefined or thread; empty for none")
set(PARLEY_TESTS "${PROJECT_IS_TOP_LEVEL}" CACHE STRING "Build the tests: ON, OFF, or AUTO (when gtest and rapidcheck are there)")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

# Options structs are filled by name, the fields left out have defaults: no warning for these.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-designated-field-initializers)
# Stacks of the sanitizers are walked by frame pointers; a release has that register for its hot path.
add_compile_options($<$<NOT:$<CONFIG:Release>>:-fno-omit-frame-pointer>)
# Names of files in asserts and debug information start at the root of the tree: no path of a machine gets into what we ship,
# and two checkouts share one compiler cache.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
add_link_options(-fuse-ld=lld)
if(PARLEY_WERROR)
  add_compile_options(-Werror)
endif()
if(PARLEY_SANITIZE)
  add_compile_options(-fsanitize=${PARLEY_SANITIZE} -fno-sanitize-recover=all)
  # The vptr check opens a pipe for each look at memory, and takes a process without free descriptors for a broken one;
  # the address sanitizer sees what it would see.
  if(PARLEY_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
  add_link_options(-fsanitize=${PARLEY_SANITIZE})
endif()
if(PARLEY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(PARLEY_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

find_program(PARLEY_CCACHE ccache)
if(PARLEY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers need the sloppiness; the base folder lets copies of the tree (mutants) hit what the tree compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${PARLEY_CCACHE})
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)  # tools/setup installs libssl-dev
# Header-only fmt: any .cpp may use it, and an installed libparley.a then needs no other library for it.
find_package(fmt 9 REQUIRED)

if(PARLEY_TESTS)
  find_package(GTest QUIET)
  find_package(rapidcheck QUIET)
  if(NOT GTest_FOUND OR NOT rapidcheck_FOUND)
    set(missing "gtest or rapidcheck is missing; `tools/setup --test` installs both")
    if(PARLEY_TESTS STREQUAL "AUTO")
      message(STATUS "Tests are not built: ${missing}")
      set(PARLEY_TESTS OFF)
    else()
      message(FATAL_ERROR "Tests cannot be built: ${missing}. (PARLEY_TESTS=OFF builds without.)")
    endif()
  endif()
endif()

# One variable that tests run with: reports of the sanitizers name source lines.
find_program(PARLEY_SYMBOLIZER NAMES llvm-symbolizer-19 llvm-symbolizer HINTS /usr/lib/llvm-19/bin)
set(PARLEY_TEST_ENVIRONMENT "")
if(PARLEY_SYMBOLIZER AND PARLEY_SANITIZE MATCHES "address")
  set(PARLEY_TEST_ENVIRONMENT "ASAN_OPTIONS=external_symbolizer_path=${PARLEY_SYMBOLIZER}")
elseif(PARLEY_SYMBOLIZER AND PARLEY_SANITIZE MATCHES "thread")
  set(PARLEY_TEST_ENVIRONMENT "TSAN_OPTIONS=external_symbolizer_path=${PARLEY_SYMBOLIZER}")
endif()
