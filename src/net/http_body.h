#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace parley::net {

// Reads the body of one message of HTTP/1.1 out of the bytes that follow its head, in whatever portions they come. Each
// byte is looked at once; memory grows with what comes, never with what is announced. What an extension of a chunk
// says, and the fields behind the last one, is skipped.
class HttpBody {
 public:
  enum class Status : std::uint8_t {
    more,  // all bytes were taken, and others belong to it
    whole,
    too_long,  // than the bound
    wrong,
  };
  static constexpr std::uint64_t no_bound = std::numeric_limits<std::uint64_t>::max();

  static HttpBody none() { return HttpBody(State::whole, 0, 0); }
  static HttpBody of_length(std::uint64_t length, std::uint64_t bytes_max = no_bound) {
    if (length > bytes_max) return HttpBody(State::too_long, 0, 0);
    return HttpBody(length == 0 ? State::whole : State::plain, length, bytes_max);
  }
  static HttpBody chunked(std::uint64_t bytes_max = no_bound) { return HttpBody(State::size_first, 0, bytes_max); }
  // To the end of the stream.
  static HttpBody endless(std::uint64_t bytes_max = no_bound) { return HttpBody(State::endless, 0, bytes_max); }

  // Takes what belongs to the body off the front of `bytes`, and puts it behind `into`.
  Status read(std::string_view& bytes, std::string& into);
  // The stream has ended.
  Status end() const { return state_ == State::endless ? Status::whole : Status::wrong; }
  Status status() const;

 private:
  enum class State : std::uint8_t {
    plain,
    endless,
    size_first,
    size,
    extension,
    size_end,
    chunk,
    chunk_return,
    chunk_end,
    trailer_first,
    trailer,
    trailer_end,
    last_end,
    whole,
    too_long,
    wrong,
  };
  HttpBody(State state, std::uint64_t left, std::uint64_t bytes_max)
      : state_(state), left_(left), bytes_max_(bytes_max) {}
  void take(std::string_view& bytes, std::string& into);
  State after(char c);
  State after_size(char c);
  State after_size_end();
  State in_line(State state);

  State state_;
  std::uint64_t left_;       // of the body or of the chunk; while its size is read, that
  std::uint64_t bytes_max_;  // that may still come
  std::size_t line_ = 0;     // bytes of the line of a chunk, or of all fields behind the last
};

}  // namespace parley::net
