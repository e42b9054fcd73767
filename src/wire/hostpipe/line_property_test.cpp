#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "wire/hostpipe/line.h"

namespace parley::wire::hostpipe {
namespace {

using Number = std::uint64_t;

std::string any_name() { return *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('a', '{'))); }

// Members that no line has itself.
std::string any_rest() {
  std::string rest;
  const auto count = *rc::gen::inRange(0, 3);
  for (int i = 0; i < count; ++i) {
    if (i != 0) rest += ',';
    rest += "\"x" + std::to_string(i) + "\":";
    rest += *rc::gen::element<std::string>("1", "null", R"("line\nend")", R"({"version":[{}]})", "[]", "-0.5e9");
  }
  return rest;
}

std::optional<Number> perhaps_any(bool is_zero_some) {
  if (*rc::gen::arbitrary<bool>()) return std::nullopt;
  const auto number = *rc::gen::oneOf(rc::gen::arbitrary<Number>(), rc::gen::element<Number>(1, ~Number{0}));
  return number == 0 && !is_zero_some ? 1 : number;
}

std::string short_name() { return any_name().substr(0, 20); }

HostBody any_body() {
  switch (*rc::gen::inRange(0, 9)) {
    case 0: return Register{short_name(), *rc::gen::inRange(1u, ~0u), *rc::gen::element<std::string>("", "\"t\\\"")};
    case 1: return Ping();
    case 2: return Goodbye();
    case 3: return GetSnapshot();
    case 4: return GetEvents{*rc::gen::arbitrary<Number>()};
    case 5: return Report{short_name(), perhaps_any(false), any_rest()};
    case 6: return ActionFailed{perhaps_any(false).value_or(7), *rc::gen::element<std::string>("", "so\n\xc3\xa9")};
    case 7: return Alive{"alive_" + short_name(), *rc::gen::arbitrary<Number>(), any_rest()};
    default: return Other{"create_" + short_name()};
  }
}

template <class T>
bool is(const Result<T>& read, const T& expected) {
  return read.has_value() && *read == expected;
}

RC_GTEST_PROP(HostpipeLine, any_of_a_host_comes_back_as_it_was, ()) {
  // rule: delivery/R-44
  const HostLine line{any_body(), *rc::gen::element<std::string>("", "7", "\"id\"")};
  const std::string text = encode(line);
  RC_ASSERT(text.find('\n') == std::string::npos);
  const auto read = parse_of_host(text);
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == line);
}

RC_GTEST_PROP(HostpipeLine, any_of_a_launcher_comes_back_as_it_was, ()) {
  // rule: delivery/R-44
  const Command command{short_name(), perhaps_any(false), perhaps_any(true), any_rest()};
  const Event event{short_name(), perhaps_any(true), any_rest()};
  RC_ASSERT(is<LauncherLine>(parse_of_launcher(encode(command)), command));
  RC_ASSERT(is<LauncherLine>(parse_of_launcher(encode(event)), event));
}

RC_GTEST_PROP(HostpipeLine, damaged_ones_are_refused_or_read_as_something_that_comes_back, ()) {
  std::string text = *rc::gen::arbitrary<bool>()
                         ? encode(HostLine{any_body(), {}})
                         : encode(Command{short_name(), perhaps_any(false), perhaps_any(true), any_rest()});
  const int damages = *rc::gen::inRange(1, 4);
  for (int i = 0; i < damages; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    text[at] = *rc::gen::element('"', '{', '}', ',', ':', '0', '\\', '\xff', ' ');
  }
  if (const auto read = parse_of_host(text)) RC_ASSERT(is(parse_of_host(encode(*read)), *read));
  if (const auto read = parse_of_launcher(text)) {
    const std::string again = std::visit([](const auto& each) { return encode(each); }, *read);
    RC_ASSERT(is(parse_of_launcher(again), *read));
  }
}

}  // namespace
}  // namespace parley::wire::hostpipe
