#pragma once

#include "parley/parley.h"

namespace bench_parley {

// What is measured: a call that adds two numbers, and streams of items by the initial credit of their channel.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual parley::Task<std::int32_t> add(std::int32_t a, std::int32_t b) = 0;
  virtual parley::Task<std::uint64_t> stream(std::uint64_t bytes, std::uint64_t us, std::uint64_t size,
                                             parley::Tx<parley::ByteView> out) = 0;
  virtual parley::Task<std::uint64_t> stream256(std::uint64_t bytes, std::uint64_t us, std::uint64_t size,
                                                parley::Tx<parley::ByteView, 256> out) = 0;
  virtual parley::Task<std::uint64_t> stream1024(std::uint64_t bytes, std::uint64_t us, std::uint64_t size,
                                                 parley::Tx<parley::ByteView, 1024> out) = 0;
};
PARLEY_SERVICE(Bench, add, stream, stream256, stream1024);

}  // namespace bench_parley
