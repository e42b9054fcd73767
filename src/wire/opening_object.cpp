#include "wire/opening_object.h"

namespace parley::wire {
namespace {

bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r'; }

bool is_visible(char letter) { return letter > ' ' && letter <= '~'; }

// Of numbers, true, false and null.
bool is_of_literal(char letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || letter == 'E' || letter == '+' ||
         letter == '-' || letter == '.';
}

// Its value, or 16.
unsigned hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return static_cast<unsigned>(letter - '0');
  if (letter >= 'a' && letter <= 'f') return static_cast<unsigned>(letter - 'a') + 10;
  if (letter >= 'A' && letter <= 'F') return static_cast<unsigned>(letter - 'A') + 10;
  return 16;
}

Opening named_by(std::string_view key) {
  if (key == "type") return Opening::command;
  if (key == "jsonrpc") return Opening::mcp;
  if (key == "kind" || key == "event" || key == "cmd") return Opening::hostpipe;
  return Opening::undecided;
}

}  // namespace

std::string_view to_string(Opening opening) {
  switch (opening) {
    case Opening::undecided: return "undecided";
    case Opening::roam: return "roam";
    case Opening::roam_stable: return "roam_stable";
    case Opening::vox: return "vox";
    case Opening::bus: return "bus";
    case Opening::tls: return "tls";
    case Opening::command: return "command";
    case Opening::mcp: return "mcp";
    case Opening::hostpipe: return "hostpipe";
    case Opening::http: return "http";
    case Opening::unknown: return "unknown";
  }
  return "unknown";
}

void OpeningObject::take(std::uint8_t byte) {
  if (answer_ != Opening::undecided) return;
  const char letter = static_cast<char>(byte);
  switch (state_) {
    case State::in_string: return take_in_string(letter);
    case State::in_escape: return take_in_escape(letter);
    case State::in_code: return take_in_code(letter);
    case State::in_nested: return take_in_nested(letter);
    default: return take_outside(letter);
  }
}

void OpeningObject::take_outside(char letter) {
  if (is_blank(letter) && state_ != State::before_object) {
    if (state_ == State::in_literal) state_ = State::after_value;
    return;
  }
  switch (state_) {
    case State::before_object:
      if (letter != '{') return refuse();
      state_ = State::before_key;
      return;
    case State::before_key:
      if (letter != '"') return refuse();  // at the end of the object, too: it has none of the keys
      is_key_ = true;
      key_size_ = 0;
      state_ = State::in_string;
      return;
    case State::before_colon:
      if (letter != ':') return refuse();
      answer_ = key_size_ <= key_bytes_max ? named_by({key_.data(), key_size_}) : Opening::undecided;
      state_ = State::before_value;
      return;
    case State::before_value: return begin_value(letter);
    case State::in_literal:
      if (!is_of_literal(letter)) after_value(letter);
      return;
    default: return after_value(letter);
  }
}

void OpeningObject::begin_value(char letter) {
  if (letter == '"') {
    is_key_ = false;
    state_ = State::in_string;
  } else if (letter == '{' || letter == '[') {
    depth_ = 1;
    state_ = State::in_nested;
  } else if (is_of_literal(letter)) {
    state_ = State::in_literal;
  } else {
    refuse();
  }
}

void OpeningObject::after_value(char letter) {
  if (letter != ',') return refuse();
  state_ = State::before_key;
}

void OpeningObject::take_in_nested(char letter) {
  if (letter == '"') {
    is_key_ = false;
    state_ = State::in_string;
  } else if (letter == '{' || letter == '[') {
    ++depth_;
  } else if (letter == '}' || letter == ']') {
    if (--depth_ == 0) state_ = State::after_value;
  } else if (!is_visible(letter) && !is_blank(letter)) {
    refuse();
  }
}

void OpeningObject::take_in_string(char letter) {
  if (letter == '"') {
    end_string();
  } else if (letter == '\\') {
    state_ = State::in_escape;
  } else if (static_cast<unsigned char>(letter) < ' ') {
    refuse();
  } else {
    add_to_key(letter);
  }
}

void OpeningObject::end_string() {
  if (is_key_) {
    state_ = State::before_colon;
  } else {
    state_ = depth_ == 0 ? State::after_value : State::in_nested;
  }
}

void OpeningObject::take_in_escape(char letter) {
  if (letter == 'u' && is_key_) {
    code_ = 0;
    code_left_ = 4;
    state_ = State::in_code;
    return;
  }
  if (!std::string_view("\"\\/bfnrtu").contains(letter)) return refuse();
  add_to_key('\\');  // no key that is looked for has one of these
  state_ = State::in_string;
}

void OpeningObject::take_in_code(char letter) {
  const unsigned digit = hex_digit(letter);
  if (digit > 15) return refuse();
  code_ = static_cast<std::uint16_t>(code_ << 4 | digit);
  if (--code_left_ != 0) return;
  add_to_key(code_ < 0x80 ? static_cast<char>(code_) : '\\');
  state_ = State::in_string;
}

void OpeningObject::add_to_key(char letter) {
  if (!is_key_ || key_size_ > key_bytes_max) return;
  if (key_size_ < key_bytes_max) key_[key_size_] = letter;
  ++key_size_;
}

}  // namespace parley::wire
