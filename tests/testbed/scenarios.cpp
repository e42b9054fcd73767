#include "testbed/scenarios.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "codec/json.h"
#include "parley/channel.h"

namespace testbed {

namespace {

using parley::Client;
using parley::Error;
using parley::Task;

using TestbedClient = Client<Testbed>;

// --- what is said of a difference

constexpr std::size_t shown_bytes_max = 160;

template <class T>
std::string shown(const T& value) {
  const std::string text = parley::codec::to_json(value);
  if (text.size() <= shown_bytes_max) return text;
  return fmt::format("{}... ({} bytes)", std::string_view(text).substr(0, shown_bytes_max), text.size());
}

template <auto Method, class... Given>
std::string named(const Given&... given) {
  std::string list;
  ((list += list.empty() ? shown(given) : ", " + shown(given)), ...);
  return fmt::format("{}({})", parley::service::MethodInfo<Method>::name, list);
}

std::string told_apart(std::string_view call, std::string_view expected, std::string_view got) {
  return fmt::format("{}: expected {}, got {}", call, expected, got);
}

template <class T>
std::string compared(std::string_view call, const T& expected, const T& got) {
  return got == expected ? std::string() : told_apart(call, shown(expected), shown(got));
}

template <class T, class E>
std::string shown(const parley::CallResult<T, E>& answer) {
  return answer ? shown(*answer) : "the method's own error " + shown(*answer.own());
}

// --- calls that give one thing

// `Method(given...)` gives `expected`.
template <auto Method, class Expected, class... Given>
Task<Verdict> gives(TestbedClient client, Expected expected, Given... given) {
  using Value = typename parley::service::MethodInfo<Method>::Value;
  if constexpr (parley::is_either<Value>) {
    auto answer = co_await client.call<Method>(given...);
    if (answer.error()) co_return parley::fail(*answer.error());
    if (answer && *answer == expected) co_return std::string();
    co_return told_apart(named<Method>(given...), shown(expected), shown(answer));
  } else {
    const Value got = co_await co_await client.call<Method>(given...);
    co_return compared(named<Method>(given...), Value(expected), got);
  }
}

// `Method(given...)` gives the method's own error `expected`.
template <auto Method, class E, class... Given>
Task<Verdict> refuses(TestbedClient client, E expected, Given... given) {
  auto answer = co_await client.call<Method>(given...);
  if (answer.error()) co_return parley::fail(*answer.error());
  if (answer.own() && *answer.own() == expected) co_return std::string();
  co_return told_apart(named<Method>(given...), "the method's own error " + shown(expected), shown(answer));
}

// One after another, until one is not as expected.
template <class... Tasks>
Task<Verdict> in_turn(Tasks... tasks) {
  std::array<Task<Verdict>, sizeof...(Tasks)> all{std::move(tasks)...};
  for (auto& task : all) {
    std::string difference = co_await co_await std::move(task);
    if (!difference.empty()) co_return difference;
  }
  co_return std::string();
}

Task<Verdict> echo(TestbedClient client) {
  return gives<&Testbed::echo>(client, "hello from client", std::string("hello from client"));
}

Task<Verdict> reverse(TestbedClient client) {
  return in_turn(gives<&Testbed::reverse>(client, "olleh", std::string("hello")),
                 gives<&Testbed::reverse>(client, "\U0001f600\u4e16\u00f1a", std::string("a\u00f1\u4e16\U0001f600")));
}

Task<Verdict> divide_success(TestbedClient client) {
  return gives<&Testbed::divide>(client, std::int64_t{3}, std::int64_t{10}, std::int64_t{3});
}

Task<Verdict> divide_zero(TestbedClient client) {
  return refuses<&Testbed::divide>(client, MathError::division_by_zero, std::int64_t{10}, std::int64_t{0});
}

Task<Verdict> divide_overflow(TestbedClient client) {
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  return refuses<&Testbed::divide>(client, MathError::overflow, lowest, std::int64_t{-1});
}

Task<Verdict> lookup_found(TestbedClient client) {
  return in_turn(gives<&Testbed::lookup>(client, Person{"Alice", 30, "alice@example.com"}, std::uint32_t{1}),
                 gives<&Testbed::lookup>(client, Person{"Charlie", 35, "charlie@example.com"}, std::uint32_t{3}));
}

Task<Verdict> lookup_found_no_email(TestbedClient client) {
  return gives<&Testbed::lookup>(client, Person{"Bob", 25, std::nullopt}, std::uint32_t{2});
}

Task<Verdict> lookup_not_found(TestbedClient client) {
  return refuses<&Testbed::lookup>(client, LookupError::not_found, std::uint32_t{999});
}

Task<Verdict> lookup_access_denied(TestbedClient client) {
  return in_turn(refuses<&Testbed::lookup>(client, LookupError::access_denied, std::uint32_t{100}),
                 refuses<&Testbed::lookup>(client, LookupError::access_denied, std::uint32_t{199}),
                 refuses<&Testbed::lookup>(client, LookupError::not_found, std::uint32_t{200}));
}

Task<Verdict> echo_point(TestbedClient client) {
  constexpr Point point{std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
  return in_turn(gives<&Testbed::echo_point>(client, Point{42, -17}, Point{42, -17}),
                 gives<&Testbed::echo_point>(client, point, point));
}

Task<Verdict> create_person(TestbedClient client) {
  const auto person = [&](const Person& made) {
    return gives<&Testbed::create_person>(client, made, made.name, made.age, made.email);
  };
  return in_turn(person({"Dave", 40, "dave@example.com"}), person({"Eve", 255, std::nullopt}));
}

Task<Verdict> rectangle_area(TestbedClient client) {
  return in_turn(gives<&Testbed::rectangle_area>(client, 50.0, Rectangle{{0, 10}, {5, 0}, "labelled"}),
                 gives<&Testbed::rectangle_area>(client, 6.0, Rectangle{{-1, -1}, {1, 2}, std::nullopt}));
}

Task<Verdict> parse_color(TestbedClient client) {
  using Found = std::optional<Color>;
  return in_turn(gives<&Testbed::parse_color>(client, Found(Color::red), std::string("red")),
                 gives<&Testbed::parse_color>(client, Found(Color::green), std::string("GREEN")),
                 gives<&Testbed::parse_color>(client, Found(Color::blue), std::string("Blue")),
                 gives<&Testbed::parse_color>(client, Found(), std::string("purple")));
}

Task<Verdict> shape_area(TestbedClient client) {
  return gives<&Testbed::shape_area>(client, 12.0, Shape(shapes::Rectangle{3, 4}));
}

// With a radius of 2 the order of the multiplications does not matter.
Task<Verdict> enum_struct_variants(TestbedClient client) {
  return in_turn(gives<&Testbed::shape_area>(client, 4 * std::numbers::pi, Shape(shapes::Circle{2})),
                 gives<&Testbed::shape_area>(client, 12.0, Shape(shapes::Rectangle{3, 4})),
                 gives<&Testbed::shape_area>(client, 0.0, Shape(shapes::Point{})));
}

Task<Verdict> create_canvas(TestbedClient client) {
  const std::vector<Shape> shapes{shapes::Point{}, shapes::Circle{2.5}};
  return gives<&Testbed::create_canvas>(client, Canvas{"enum-canvas", shapes, Color::green}, std::string("enum-canvas"),
                                        shapes, Color::green);
}

// --- process_message

Task<Verdict> process_data(TestbedClient client, std::vector<std::uint8_t> data) {
  const std::vector<std::uint8_t> reversed(data.rbegin(), data.rend());
  return gives<&Testbed::process_message>(client, Message(messages::Data{reversed}), Message(messages::Data{data}));
}

Task<Verdict> process_message(TestbedClient client) { return process_data(client, {1, 2, 3, 4}); }

// Other implementations put "processed: " or "Processed: " before it.
Task<Verdict> process_text(TestbedClient client) {
  const Message given(messages::Text{"hello"});
  const Message got = co_await co_await client.call<&Testbed::process_message>(given);
  if (got == Message(messages::Text{"Processed: hello"})) co_return std::string();
  co_return compared(named<&Testbed::process_message>(given), Message(messages::Text{"processed: hello"}), got);
}

Task<Verdict> enum_newtype_variants(TestbedClient client) {
  return in_turn(process_text(client),
                 gives<&Testbed::process_message>(client, Message(messages::Number{42}), Message(messages::Number{21})),
                 process_data(client, {1, 2, 3, 4}));
}

// Around the sizes at which lengths and buffers change.
Task<Verdict> binary_payload_sizes(TestbedClient client) {
  for (const std::size_t size :
       {0,   1,    2,    15,   16,   31,    32,    63,    64,    127,   128,    255,    256,    511,
        512, 1023, 1024, 4095, 4096, 16383, 16384, 32768, 65535, 65536, 131072, 262144, 524288, 1000000}) {
    std::vector<std::uint8_t> data(size);
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
    std::string difference = co_await co_await process_data(client, std::move(data));
    if (!difference.empty()) co_return fmt::format("of {} bytes: {}", size, difference);
  }
  co_return std::string();
}

Task<Verdict> get_points(TestbedClient client) {
  return in_turn(gives<&Testbed::get_points>(client, std::vector<Point>{{0, 0}, {1, 2}, {2, 4}}, std::uint32_t{3}),
                 gives<&Testbed::get_points>(client, std::vector<Point>(), std::uint32_t{0}));
}

Task<Verdict> swap_pair(TestbedClient client) {
  return gives<&Testbed::swap_pair>(client, std::tuple(std::string("hello"), std::int32_t{42}),
                                    std::tuple(std::int32_t{42}, std::string("hello")));
}

Task<Verdict> echo_bytes(TestbedClient client) {
  using Bytes = std::vector<std::uint8_t>;
  return in_turn(gives<&Testbed::echo_bytes>(client, Bytes{}, Bytes{}),
                 gives<&Testbed::echo_bytes>(client, Bytes{0, 255, 128}, Bytes{0, 255, 128}),
                 gives<&Testbed::echo_bytes>(client, Bytes(5000, 7), Bytes(5000, 7)));
}

Task<Verdict> echo_bool(TestbedClient client) {
  return in_turn(gives<&Testbed::echo_bool>(client, true, true), gives<&Testbed::echo_bool>(client, false, false));
}

Task<Verdict> echo_u64(TestbedClient client) {
  const auto same = [&](std::uint64_t value) { return gives<&Testbed::echo_u64>(client, value, value); };
  return in_turn(same(0), same(127), same(128), same(std::numeric_limits<std::uint64_t>::max()));
}

Task<Verdict> echo_option_string(TestbedClient client) {
  const auto same = [&](const std::optional<std::string>& value) {
    return gives<&Testbed::echo_option_string>(client, value, value);
  };
  return in_turn(same(std::nullopt), same(""), same("present"));
}

Task<Verdict> echo_shape(TestbedClient client) {
  const auto same = [&](const Shape& shape) { return gives<&Testbed::echo_shape>(client, shape, shape); };
  return in_turn(same(shapes::Circle{1.5}), same(shapes::Rectangle{3, 4}), same(shapes::Point{}));
}

Task<Verdict> echo_gnarly(TestbedClient client) {
  const auto entry = [](std::uint64_t id, std::optional<std::uint64_t> parent, GnarlyKind kind) {
    const std::string name = fmt::format("entry {}", id);
    return GnarlyEntry{id,
                       parent,
                       name,
                       "/mount/" + name,
                       {{"mode", "0644"}},
                       {{}, {1, 2, 3}, std::vector<std::uint8_t>(300)},
                       std::move(kind)};
  };
  const std::vector<GnarlyEntry> entries{
      entry(1, std::nullopt, gnarly_kinds::Directory{2, {"a", "b"}}), entry(2, 1, gnarly_kinds::File{"text/plain", {}}),
      entry(3, 1, gnarly_kinds::Symlink{"a", {1, 128, std::numeric_limits<std::uint32_t>::max()}})};
  const GnarlyPayload payload{std::numeric_limits<std::uint64_t>::max(), "/mount", entries, "end",
                              std::vector<std::uint8_t>{0xde, 0xad}};
  return gives<&Testbed::echo_gnarly>(client, payload, payload);
}

// The types that differ in later versions of the service.
Task<Verdict> echo_versions(TestbedClient client) {
  const Tag tag{"label", 300, "note"};
  const Profile profile{"Alice", "none"};
  const Record record{-1, "b", 0.5};
  const Measurement measurement{"m", -2.25};
  const Config config{"k", "v"};
  return in_turn(gives<&Testbed::echo_status>(client, Status::inactive, Status::inactive),
                 gives<&Testbed::echo_status_v1>(client, Status::active, Status::active),
                 gives<&Testbed::echo_tag>(client, tag, tag), gives<&Testbed::echo_tag_v1>(client, tag, tag),
                 gives<&Testbed::echo_profile>(client, profile, profile),
                 gives<&Testbed::echo_record>(client, record, record),
                 gives<&Testbed::echo_measurement>(client, measurement, measurement),
                 gives<&Testbed::echo_config>(client, config, config));
}

Task<Verdict> all_colors(TestbedClient client) {
  return gives<&Testbed::all_colors>(client, std::vector{Color::red, Color::green, Color::blue});
}

Task<Verdict> describe_point(TestbedClient client) {
  return gives<&Testbed::describe_point>(client, TaggedPoint{"here", 1, -2, true}, std::string("here"), std::int32_t{1},
                                         std::int32_t{-2}, true);
}

// --- calls that overlap

Task<Verdict> overlapping_echoes(TestbedClient client, std::size_t count) {
  std::vector<parley::Call<std::string>> calls;
  for (std::size_t i = 0; i < count; ++i) calls.push_back(client.call<&Testbed::echo>(fmt::format("echo {}", i)));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string text = fmt::format("echo {}", i);
    const std::string got = co_await co_await calls[i];
    if (got != text) co_return compared(named<&Testbed::echo>(text), text, got);
  }
  co_return std::string();
}

Task<Verdict> pipelining(TestbedClient client) { return overlapping_echoes(client, 3); }
Task<Verdict> pipelining_10_concurrent(TestbedClient client) { return overlapping_echoes(client, 10); }

// --- channels

// 0, 1, 2 and so on: what generate gives.
std::vector<std::int32_t> counted_to(std::uint32_t count) {
  std::vector<std::int32_t> items;
  for (std::uint32_t i = 0; i < count; ++i) items.push_back(static_cast<std::int32_t>(i));
  return items;
}

// Sends 1..count. More items than the initial credit of 16 need a receiver that grants more, which those before 7.2
// do not.
template <auto Method>
Task<Verdict> sum_up_to(TestbedClient client, std::int32_t count) {
  const std::string_view name = parley::service::MethodInfo<Method>::name;
  auto [tx, rx] = parley::channel<std::int32_t>();
  auto call = client.call<Method>(std::move(rx));
  std::optional<Error> send_error;
  for (std::int32_t i = 1; i <= count && !send_error; ++i) {
    if (auto sent = co_await tx.send(i); !sent) send_error = sent.error();
  }
  tx.close();
  const std::int64_t total = co_await co_await call;
  if (send_error) {
    co_return fmt::format("{}: it was answered, and yet an item was not sent: {}", name, to_string(*send_error));
  }
  co_return compared(fmt::format("{} of 1 to {}", name, count), std::int64_t{count} * (count + 1) / 2, total);
}

Task<Verdict> sum(TestbedClient client) { return sum_up_to<&Testbed::sum>(client, 5); }
Task<Verdict> sum_large(TestbedClient client) { return sum_up_to<&Testbed::sum_large>(client, 100); }

template <auto Method>
Task<Verdict> generate_up_to(TestbedClient client, std::uint32_t count) {
  auto [tx, rx] = parley::channel<std::int32_t>();
  auto call = client.call<Method>(count, std::move(tx));
  std::vector<std::int32_t> items;
  while (auto item = co_await rx.recv()) items.push_back(*item);
  const auto done = co_await call;
  const std::string name = named<Method>(count);
  // A failed call has an end of the channel that says so, unless the items had all come.
  if (!done && (items == counted_to(count) || rx.error())) co_return parley::fail(done.error());
  if (items != counted_to(count)) co_return compared(name, counted_to(count), items);
  co_return rx.error() ? name + ": the channel ended with " + to_string(*rx.error()) : std::string();
}

Task<Verdict> generate(TestbedClient client) { return generate_up_to<&Testbed::generate>(client, 5); }
Task<Verdict> generate_large(TestbedClient client) { return generate_up_to<&Testbed::generate_large>(client, 100); }
Task<Verdict> generate_retry(TestbedClient client) {
  return in_turn(generate_up_to<&Testbed::generate_retry_non_idem>(client, 40),
                 generate_up_to<&Testbed::generate_retry_idem>(client, 40));
}

Task<Verdict> post_reply_generate(TestbedClient client) {
  auto [tx, rx] = parley::channel<std::int32_t>();
  co_await co_await client.call<&Testbed::post_reply_generate>(std::move(tx));
  std::vector<std::int32_t> items;
  while (auto item = co_await rx.recv()) items.push_back(*item);
  if (items != counted_to(post_reply_count)) {
    co_return compared("post_reply_generate", counted_to(post_reply_count), items);
  }
  co_return rx.error() ? "post_reply_generate: the channel ended with " + to_string(*rx.error()) : std::string();
}

Task<Verdict> post_reply_sum(TestbedClient client) {
  auto [numbers, in] = parley::channel<std::int32_t>();
  auto [out, totals] = parley::channel<std::int64_t>();
  co_await co_await client.call<&Testbed::post_reply_sum>(std::move(in), std::move(out));
  for (std::int32_t i = 1; i <= std::int32_t{post_reply_count}; ++i) {
    if (!co_await numbers.send(i)) break;  // what comes back tells more
  }
  numbers.close();
  std::vector<std::int64_t> got;
  while (auto total = co_await totals.recv()) got.push_back(*total);
  const std::vector<std::int64_t> expected{std::int64_t{post_reply_count} * (post_reply_count + 1) / 2};
  if (got != expected) co_return compared("post_reply_sum", expected, got);
  co_return totals.error() ? "post_reply_sum: the channel ended with " + to_string(*totals.error()) : std::string();
}

// Each text comes back before the next one leaves.
Task<Verdict> transform(TestbedClient client) {
  auto [up, in] = parley::channel<std::string>();
  auto [out, down] = parley::channel<std::string>();
  auto call = client.call<&Testbed::transform>(std::move(in), std::move(out));
  for (const std::string text : {"alpha", "", "gr\u00fc\u00dfe", "omega"}) {
    if (auto sent = co_await up.send(text); !sent) {
      co_await co_await call;  // its error, if it has one, says more
      co_return told_apart("transform", "that it reads " + shown(text), to_string(sent.error()));
    }
    const auto got = co_await down.recv();
    if (!got) co_return told_apart("transform, after " + shown(text), "the same", "the end of the channel");
    if (*got != text) co_return compared("transform", text, *got);
  }
  up.close();
  if (const auto more = co_await down.recv()) {
    co_return told_apart("transform, after the last text", "the end", shown(*more));
  }
  co_await co_await call;
  co_return down.error() ? "transform: the channel ended with " + to_string(*down.error()) : std::string();
}

}  // namespace

const std::map<std::string, Scenario, std::less<>>& scenarios() {
  static const std::map<std::string, Scenario, std::less<>> all{
      {"all_colors", all_colors},
      {"binary_payload_sizes", binary_payload_sizes},
      {"create_canvas", create_canvas},
      {"create_person", create_person},
      {"describe_point", describe_point},
      {"divide_overflow", divide_overflow},
      {"divide_success", divide_success},
      {"divide_zero", divide_zero},
      {"echo", echo},
      {"echo_bool", echo_bool},
      {"echo_bytes", echo_bytes},
      {"echo_gnarly", echo_gnarly},
      {"echo_option_string", echo_option_string},
      {"echo_point", echo_point},
      {"echo_shape", echo_shape},
      {"echo_u64", echo_u64},
      {"echo_versions", echo_versions},
      {"enum_newtype_variants", enum_newtype_variants},
      {"enum_struct_variants", enum_struct_variants},
      {"generate", generate},
      {"generate_large", generate_large},
      {"generate_retry", generate_retry},
      {"get_points", get_points},
      {"lookup_access_denied", lookup_access_denied},
      {"lookup_found", lookup_found},
      {"lookup_found_no_email", lookup_found_no_email},
      {"lookup_not_found", lookup_not_found},
      {"parse_color", parse_color},
      {"pipelining", pipelining},
      {"pipelining_10_concurrent", pipelining_10_concurrent},
      {"post_reply_generate", post_reply_generate},
      {"post_reply_sum", post_reply_sum},
      {"process_message", process_message},
      {"rectangle_area", rectangle_area},
      {"reverse", reverse},
      {"shape_area", shape_area},
      {"sum", sum},
      {"sum_client_to_server", sum},
      {"sum_large", sum_large},
      {"swap_pair", swap_pair},
      {"transform", transform},
      {"transform_bidi", transform},
  };
  return all;
}

}  // namespace testbed
