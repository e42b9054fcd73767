#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace parley::codec {

using Blake3Digest = std::array<std::uint8_t, 32>;

// BLAKE3 in hash mode with 32 bytes of output, also at compile time. Input may come in pieces; digest() may be asked
// for at any time and changes nothing. Not made for speed: it hashes signatures and descriptions.
class Blake3 {
 public:
  constexpr Blake3& update(ByteView bytes) {
    for (const std::uint8_t byte : bytes) add(byte);
    return *this;
  }
  constexpr Blake3& update(std::string_view text) {
    for (const char letter : text) add(static_cast<std::uint8_t>(letter));
    return *this;
  }

  constexpr Blake3Digest digest() const {
    const bool is_single = depth_ == 0;
    Words words = finish_chunk(is_single ? root : 0);
    for (std::size_t i = depth_; i > 0; --i) words = parent(stack_[i - 1], words, i == 1 ? root : 0);
    Blake3Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::uint8_t>(words[i / 4] >> (8 * (i % 4)));
    }
    return digest;
  }

 private:
  using Words = std::array<std::uint32_t, 8>;
  using Block = std::array<std::uint32_t, 16>;

  static constexpr std::size_t block_bytes = 64;
  static constexpr std::size_t blocks_per_chunk = 16;
  static constexpr std::uint32_t chunk_start = 1;
  static constexpr std::uint32_t chunk_end = 2;
  static constexpr std::uint32_t parent_node = 4;
  static constexpr std::uint32_t root = 8;
  static constexpr Words initial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

  static constexpr void mix(Block& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d, std::uint32_t x,
                            std::uint32_t y) {
    v[a] = v[a] + v[b] + x;
    v[d] = std::rotr(v[d] ^ v[a], 16);
    v[c] = v[c] + v[d];
    v[b] = std::rotr(v[b] ^ v[c], 12);
    v[a] = v[a] + v[b] + y;
    v[d] = std::rotr(v[d] ^ v[a], 8);
    v[c] = v[c] + v[d];
    v[b] = std::rotr(v[b] ^ v[c], 7);
  }

  static constexpr Words compress(const Words& chain, const Block& block, std::uint64_t counter, std::size_t size,
                                  std::uint32_t flags) {
    constexpr std::array<std::uint8_t, 16> order = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};
    Block v = {chain[0],
               chain[1],
               chain[2],
               chain[3],
               chain[4],
               chain[5],
               chain[6],
               chain[7],
               initial[0],
               initial[1],
               initial[2],
               initial[3],
               static_cast<std::uint32_t>(counter),
               static_cast<std::uint32_t>(counter >> 32),
               static_cast<std::uint32_t>(size),
               flags};
    Block m = block;
    for (int round = 0; round < 7; ++round) {
      for (std::size_t i = 0; i < 4; ++i) mix(v, i, 4 + i, 8 + i, 12 + i, m[2 * i], m[2 * i + 1]);
      for (std::size_t i = 0; i < 4; ++i) {
        mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, m[8 + 2 * i], m[9 + 2 * i]);
      }
      const Block before = m;
      for (std::size_t i = 0; i < m.size(); ++i) m[i] = before[order[i]];
    }
    Words out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = v[i] ^ v[i + 8];
    return out;
  }

  static constexpr Words parent(const Words& left, const Words& right, std::uint32_t flags) {
    Block block{};
    for (std::size_t i = 0; i < 8; ++i) {
      block[i] = left[i];
      block[8 + i] = right[i];
    }
    return compress(initial, block, 0, block_bytes, parent_node | flags);
  }

  constexpr Words finish_chunk(std::uint32_t flags) const {
    return compress(chain_, block_, chunks_, size_, (blocks_ == 0 ? chunk_start : 0) | chunk_end | flags);
  }

  // A full block waits for one more byte, because the last of a chunk and of the input are marked as such.
  constexpr void add(std::uint8_t byte) {
    if (size_ == block_bytes) {
      if (blocks_ == blocks_per_chunk - 1) {
        close_chunk();
      } else {
        chain_ = compress(chain_, block_, chunks_, size_, blocks_ == 0 ? chunk_start : 0);
        ++blocks_;
      }
      block_ = {};
      size_ = 0;
    }
    block_[size_ / 4] |= static_cast<std::uint32_t>(byte) << (8 * (size_ % 4));
    ++size_;
  }

  // Subtrees of equal size are joined as soon as there are two: as many as the number of chunks has trailing zeros.
  constexpr void close_chunk() {
    Words words = finish_chunk(0);
    ++chunks_;
    for (std::uint64_t joined = chunks_; (joined & 1) == 0; joined >>= 1) words = parent(stack_[--depth_], words, 0);
    stack_[depth_++] = words;
    chain_ = initial;
    blocks_ = 0;
  }

  Words chain_ = initial;
  Block block_{};
  std::size_t size_ = 0;
  std::size_t blocks_ = 0;
  std::uint64_t chunks_ = 0;
  std::array<Words, 54> stack_{};  // of subtrees, largest first: enough for 2^64 bytes
  std::size_t depth_ = 0;
};

constexpr Blake3Digest blake3(ByteView bytes) { return Blake3().update(bytes).digest(); }

}  // namespace parley::codec
