#include "wire/roam/dissected.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "codec/json.h"
#include "codec/utf8.h"

namespace parley::wire::roam {

namespace {

constexpr std::size_t hex_bytes_max = 32;
constexpr std::size_t value_bytes_max = 2000;
constexpr std::size_t metadata_bytes_max = 120;

std::string hex(ByteView bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string hex_start(ByteView bytes) {
  if (bytes.size() <= hex_bytes_max) return fmt::format("({} bytes) {}", bytes.size(), hex(bytes));
  return fmt::format("({} bytes) {}...", bytes.size(), hex(bytes.first(hex_bytes_max)));
}

std::string start_of(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  return fmt::format("{}... ({} bytes)", codec::to_line(std::string_view(text).substr(0, bytes_max), bytes_max),
                     text.size());
}

std::string in_words(const Dissected::Entry& entry) {
  using enum Dissected::Entry::Type;
  std::string value;
  switch (entry.type) {
    case text: value = start_of(codec::to_json(entry.text), metadata_bytes_max); break;
    case bytes: value = fmt::format("({} bytes)", entry.text.size()); break;
    case number: value = std::to_string(entry.number); break;
    case secret: value = "(sensitive)"; break;
  }
  return fmt::format("{}={}", codec::to_line(entry.key, metadata_bytes_max), value);
}

std::string in_json(const Dissected::Entry& entry) {
  using enum Dissected::Entry::Type;
  std::string value;
  switch (entry.type) {
    case text: value = "\"value\":" + codec::to_json(entry.text); break;
    case bytes: value = "\"hex\":\"" + hex(as_bytes(entry.text)) + "\""; break;
    case number: value = "\"value\":" + codec::to_json(entry.number); break;
    case secret: value = "\"sensitive\":true"; break;
  }
  return fmt::format("{{\"key\":{},{}}}", codec::to_json(entry.key), value);
}

std::string where(const Dissected& one) {
  std::string text = one.connection ? fmt::format("{}", *one.connection) : std::string("-");
  text = fmt::format("{:>3} {}", text, one.kind);
  if (one.call) text += fmt::format(" {}", *one.call);
  if (one.channel) text += fmt::format(" {}", *one.channel);
  return text;
}

}  // namespace

std::string to_line(const Dissected& one) {
  const std::string session = one.session == 0 ? std::string("-") : std::to_string(one.session);
  std::string text = fmt::format("{:>4}.{:06} {:>3} {} {:<22}", one.at_us / 1'000'000, one.at_us % 1'000'000, session,
                                 one.from == records::From::client ? '>' : '<', where(one));
  const auto add = [&](std::string_view more) {
    if (!more.empty()) text += fmt::format(" {}", more);
  };
  add(one.method);
  add(one.path);
  add(one.outcome == "result" ? "=" : one.outcome);
  if (one.json) add(start_of(*one.json, value_bytes_max));
  if (one.bytes) add(hex_start(*one.bytes));
  if (!one.channels.empty()) add(fmt::format("channels {}", fmt::join(one.channels, ", ")));
  for (const Dissected::Number& number : one.numbers) add(fmt::format("{} {}", number.name, number.value));
  if (!one.metadata.empty()) {
    std::vector<std::string> entries;
    for (const Dissected::Entry& entry : one.metadata) entries.push_back(in_words(entry));
    add(fmt::format("[{}]", fmt::join(entries, ", ")));
  }
  if (!one.note.empty()) add(fmt::format("({})", codec::to_line(one.note, value_bytes_max)));
  if (!one.fault.empty()) add(fmt::format("! {}", codec::to_line(one.fault, value_bytes_max)));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string to_json(const Dissected& one) {
  std::string text =
      fmt::format("{{\"at_us\":{},\"session\":{},\"stream\":{},\"from\":\"{}\",\"kind\":\"{}\"", one.at_us, one.session,
                  one.stream, one.from == records::From::client ? "client" : "server", one.kind);
  const auto add = [&](std::string_view name, const std::string& json) {
    text += fmt::format(",\"{}\":{}", name, json);
  };
  const auto add_text = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) add(name, codec::to_json(codec::to_utf8(value, value.size())));
  };
  if (one.connection) add("connection", codec::to_json(*one.connection));
  if (one.call) add("call", codec::to_json(*one.call));
  if (one.channel) add("channel", codec::to_json(*one.channel));
  add_text("method", one.method);
  add_text("path", one.path);
  add_text("outcome", one.outcome);
  if (one.json) add("value", *one.json);
  if (one.bytes) add("hex", "\"" + hex(*one.bytes) + "\"");
  if (!one.channels.empty()) add("channels", codec::to_json(one.channels));
  for (const Dissected::Number& number : one.numbers) {
    std::string name(number.name);
    std::ranges::replace(name, ' ', '_');
    add(name, codec::to_json(number.value));
  }
  if (!one.metadata.empty()) {
    std::vector<std::string> entries;
    for (const Dissected::Entry& entry : one.metadata) entries.push_back(in_json(entry));
    add("metadata", fmt::format("[{}]", fmt::join(entries, ",")));
  }
  add_text("note", one.note);
  add_text("fault", one.fault);
  return text + "}";
}

}  // namespace parley::wire::roam
