#include "net/http_body.h"

#include <algorithm>

namespace parley::net {

namespace {

constexpr std::size_t line_bytes_max = 4096;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

HttpBody::Status HttpBody::status() const {
  switch (state_) {
    case State::whole: return Status::whole;
    case State::too_long: return Status::too_long;
    case State::wrong: return Status::wrong;
    default: return Status::more;
  }
}

HttpBody::Status HttpBody::read(std::string_view& bytes, std::string& into) {
  while (!bytes.empty() && status() == Status::more) {
    if (state_ == State::plain || state_ == State::endless || state_ == State::chunk) {
      take(bytes, into);
    } else {
      state_ = after(bytes.front());
      bytes.remove_prefix(1);
    }
  }
  return status();
}

void HttpBody::take(std::string_view& bytes, std::string& into) {
  if (state_ == State::endless) {
    if (bytes.size() > bytes_max_) {
      state_ = State::too_long;
      return;
    }
    bytes_max_ -= bytes.size();
    into += bytes;
    bytes = {};
    return;
  }
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  into += bytes.substr(0, size);
  bytes.remove_prefix(size);
  left_ -= size;
  if (left_ == 0) state_ = state_ == State::plain ? State::whole : State::chunk_return;
}

HttpBody::State HttpBody::in_line(State state) { return ++line_ > line_bytes_max ? State::wrong : state; }

HttpBody::State HttpBody::after(char c) {
  const auto if_it_is = [&](char expected, State next) { return c == expected ? next : State::wrong; };
  switch (state_) {
    case State::size_first: return digit_of(c) < 0 ? State::wrong : after_size(c);
    case State::size: return after_size(c);
    case State::extension:
      if (c == '\r') return State::size_end;
      return c == '\n' ? State::wrong : in_line(State::extension);
    case State::size_end: return c == '\n' ? after_size_end() : State::wrong;
    case State::chunk_return: return if_it_is('\r', State::chunk_end);
    case State::chunk_end: return if_it_is('\n', State::size_first);
    case State::trailer_first: return c == '\r' ? State::last_end : in_line(c == '\n' ? State::wrong : State::trailer);
    case State::trailer:
      if (c == '\r') return State::trailer_end;
      return c == '\n' ? State::wrong : in_line(State::trailer);
    case State::trailer_end: return if_it_is('\n', State::trailer_first);
    case State::last_end: return if_it_is('\n', State::whole);
    default: return State::wrong;
  }
}

HttpBody::State HttpBody::after_size(char c) {
  const int digit = digit_of(c);
  if (digit >= 0) {
    if (left_ > no_bound >> 4) return State::too_long;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return in_line(State::size);
  }
  if (c == '\r') return State::size_end;
  return c == ';' || c == ' ' || c == '\t' ? in_line(State::extension) : State::wrong;
}

HttpBody::State HttpBody::after_size_end() {
  line_ = 0;
  if (left_ == 0) return State::trailer_first;
  if (left_ > bytes_max_) return State::too_long;
  bytes_max_ -= left_;
  return State::chunk;
}

}  // namespace parley::net
