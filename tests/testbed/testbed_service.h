#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "parley/channel.h"
#include "parley/service.h"
#include "parley/task.h"
#include "testbed/testbed.h"

// The Testbed service, and what its implementations in other languages do: the sixteen methods that roam 7.1 knows, and
// behind them those that later tests of other implementations call.
namespace testbed {

class Testbed {
 public:
  virtual ~Testbed() = default;
  virtual parley::Task<std::string> echo(std::string text) = 0;
  virtual parley::Task<std::string> reverse(std::string text) = 0;
  virtual parley::Task<parley::Either<std::int64_t, MathError>> divide(std::int64_t a, std::int64_t b) = 0;
  virtual parley::Task<parley::Either<Person, LookupError>> lookup(std::uint32_t id) = 0;
  virtual parley::Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) = 0;
  virtual parley::Task<void> generate(std::uint32_t count, parley::Tx<std::int32_t> out) = 0;
  virtual parley::Task<void> transform(parley::Rx<std::string> in, parley::Tx<std::string> out) = 0;
  virtual parley::Task<Point> echo_point(Point point) = 0;
  virtual parley::Task<Person> create_person(std::string name, std::uint8_t age, std::optional<std::string> email) = 0;
  virtual parley::Task<double> rectangle_area(Rectangle rectangle) = 0;
  virtual parley::Task<std::optional<Color>> parse_color(std::string name) = 0;
  virtual parley::Task<double> shape_area(Shape shape) = 0;
  virtual parley::Task<Canvas> create_canvas(std::string name, std::vector<Shape> shapes, Color background) = 0;
  virtual parley::Task<Message> process_message(Message message) = 0;
  virtual parley::Task<std::vector<Point>> get_points(std::uint32_t count) = 0;
  virtual parley::Task<std::tuple<std::string, std::int32_t>> swap_pair(std::tuple<std::int32_t, std::string> pair) = 0;
  virtual parley::Task<std::vector<std::uint8_t>> echo_bytes(std::vector<std::uint8_t> data) = 0;
  virtual parley::Task<bool> echo_bool(bool value) = 0;
  virtual parley::Task<std::uint64_t> echo_u64(std::uint64_t value) = 0;
  virtual parley::Task<std::optional<std::string>> echo_option_string(std::optional<std::string> value) = 0;
  virtual parley::Task<std::int64_t> sum_large(parley::Rx<std::int32_t> numbers) = 0;
  virtual parley::Task<void> generate_large(std::uint32_t count, parley::Tx<std::int32_t> out) = 0;
  virtual parley::Task<void> generate_retry_non_idem(std::uint32_t count, parley::Tx<std::int32_t> out) = 0;
  virtual parley::Task<void> generate_retry_idem(std::uint32_t count, parley::Tx<std::int32_t> out) = 0;
  virtual parley::Task<std::vector<Color>> all_colors() = 0;
  virtual parley::Task<TaggedPoint> describe_point(std::string label, std::int32_t x, std::int32_t y, bool active) = 0;
  virtual parley::Task<Shape> echo_shape(Shape shape) = 0;
  virtual parley::Task<GnarlyPayload> echo_gnarly(GnarlyPayload payload) = 0;
  virtual parley::Task<Status> echo_status(Status status) = 0;
  virtual parley::Task<Status> echo_status_v1(Status status) = 0;
  virtual parley::Task<Tag> echo_tag(Tag tag) = 0;
  virtual parley::Task<Tag> echo_tag_v1(Tag tag) = 0;
  virtual parley::Task<Profile> echo_profile(Profile profile) = 0;
  virtual parley::Task<Record> echo_record(Record record) = 0;
  virtual parley::Task<Measurement> echo_measurement(Measurement measurement) = 0;
  virtual parley::Task<Config> echo_config(Config config) = 0;
  // These answer first and stream afterwards.
  virtual parley::Task<void> post_reply_generate(parley::Tx<std::int32_t> out) = 0;
  virtual parley::Task<void> post_reply_sum(parley::Rx<std::int32_t> numbers, parley::Tx<std::int64_t> out) = 0;
};
PARLEY_SERVICE(Testbed, echo, reverse, divide, lookup, sum, generate, transform, echo_point, create_person,
               rectangle_area, parse_color, shape_area, create_canvas, process_message, get_points, swap_pair,
               echo_bytes, echo_bool, echo_u64, echo_option_string, sum_large, generate_large, generate_retry_non_idem,
               generate_retry_idem, all_colors, describe_point, echo_shape, echo_gnarly, echo_status, echo_status_v1,
               echo_tag, echo_tag_v1, echo_profile, echo_record, echo_measurement, echo_config, post_reply_generate,
               post_reply_sum);

// What post_reply_generate sends: more than the initial credit, so that the channel outlives the answer for certain.
inline constexpr std::uint32_t post_reply_count = 40;

class TestbedService : public Testbed {
 public:
  parley::Task<std::string> echo(std::string text) override { co_return text; }
  parley::Task<std::string> reverse(std::string text) override { co_return reversed(text); }
  parley::Task<parley::Either<std::int64_t, MathError>> divide(std::int64_t a, std::int64_t b) override {
    if (b == 0) co_return parley::own_error(MathError::division_by_zero);
    if (a == std::numeric_limits<std::int64_t>::min() && b == -1) co_return parley::own_error(MathError::overflow);
    co_return a / b;
  }
  parley::Task<parley::Either<Person, LookupError>> lookup(std::uint32_t id) override {
    switch (id) {
      case 1: co_return Person{"Alice", 30, "alice@example.com"};
      case 2: co_return Person{"Bob", 25, std::nullopt};
      case 3: co_return Person{"Charlie", 35, "charlie@example.com"};
      default: break;
    }
    co_return parley::own_error(id >= 100 && id < 200 ? LookupError::access_denied : LookupError::not_found);
  }
  parley::Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override { return sum_of(std::move(numbers)); }
  parley::Task<void> generate(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    return generate_up_to(count, std::move(out));
  }
  parley::Task<void> transform(parley::Rx<std::string> in, parley::Tx<std::string> out) override {
    while (auto text = co_await in.recv()) {
      if (auto sent = co_await out.send(*text); !sent) co_return;
    }
    out.close();
  }
  parley::Task<Point> echo_point(Point point) override { co_return point; }
  parley::Task<Person> create_person(std::string name, std::uint8_t age, std::optional<std::string> email) override {
    co_return Person{std::move(name), age, std::move(email)};
  }
  parley::Task<double> rectangle_area(Rectangle rectangle) override {
    const double width = double{1} * rectangle.bottom_right.x - rectangle.top_left.x;
    const double height = double{1} * rectangle.bottom_right.y - rectangle.top_left.y;
    co_return std::abs(width * height);
  }
  parley::Task<std::optional<Color>> parse_color(std::string name) override {
    for (char& letter : name) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    if (name == "red") co_return Color::red;
    if (name == "green") co_return Color::green;
    if (name == "blue") co_return Color::blue;
    co_return std::nullopt;
  }
  parley::Task<double> shape_area(Shape shape) override {
    if (const auto* circle = std::get_if<shapes::Circle>(&shape)) {
      co_return std::numbers::pi * circle->radius * circle->radius;
    }
    const auto* rectangle = std::get_if<shapes::Rectangle>(&shape);
    co_return rectangle ? rectangle->width * rectangle->height : 0;
  }
  parley::Task<Canvas> create_canvas(std::string name, std::vector<Shape> shapes, Color background) override {
    co_return Canvas{std::move(name), std::move(shapes), background};
  }
  parley::Task<Message> process_message(Message message) override {
    if (auto* text = std::get_if<messages::Text>(&message)) text->_0.insert(0, "processed: ");
    if (auto* number = std::get_if<messages::Number>(&message)) {
      number->_0 = static_cast<std::int64_t>(static_cast<std::uint64_t>(number->_0) * 2);
    }
    if (auto* data = std::get_if<messages::Data>(&message)) std::ranges::reverse(data->_0);
    co_return message;
  }
  parley::Task<std::vector<Point>> get_points(std::uint32_t count) override {
    std::vector<Point> points;
    for (std::uint32_t i = 0; i < count; ++i) {
      points.push_back({static_cast<std::int32_t>(i), static_cast<std::int32_t>(2 * i)});
    }
    co_return points;
  }
  parley::Task<std::tuple<std::string, std::int32_t>> swap_pair(std::tuple<std::int32_t, std::string> pair) override {
    co_return std::tuple(std::get<1>(pair), std::get<0>(pair));
  }
  parley::Task<std::vector<std::uint8_t>> echo_bytes(std::vector<std::uint8_t> data) override { co_return data; }
  parley::Task<bool> echo_bool(bool value) override { co_return value; }
  parley::Task<std::uint64_t> echo_u64(std::uint64_t value) override { co_return value; }
  parley::Task<std::optional<std::string>> echo_option_string(std::optional<std::string> value) override {
    co_return value;
  }
  parley::Task<std::int64_t> sum_large(parley::Rx<std::int32_t> numbers) override { return sum_of(std::move(numbers)); }
  parley::Task<void> generate_large(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    return generate_up_to(count, std::move(out));
  }
  parley::Task<void> generate_retry_non_idem(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    return generate_up_to(count, std::move(out));
  }
  parley::Task<void> generate_retry_idem(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    return generate_up_to(count, std::move(out));
  }
  parley::Task<std::vector<Color>> all_colors() override {
    co_return std::vector{Color::red, Color::green, Color::blue};
  }
  parley::Task<TaggedPoint> describe_point(std::string label, std::int32_t x, std::int32_t y, bool active) override {
    co_return TaggedPoint{std::move(label), x, y, active};
  }
  parley::Task<Shape> echo_shape(Shape shape) override { co_return shape; }
  parley::Task<GnarlyPayload> echo_gnarly(GnarlyPayload payload) override { co_return payload; }
  parley::Task<Status> echo_status(Status status) override { co_return status; }
  parley::Task<Status> echo_status_v1(Status status) override { co_return status; }
  parley::Task<Tag> echo_tag(Tag tag) override { co_return tag; }
  parley::Task<Tag> echo_tag_v1(Tag tag) override { co_return tag; }
  parley::Task<Profile> echo_profile(Profile profile) override { co_return profile; }
  parley::Task<Record> echo_record(Record record) override { co_return record; }
  parley::Task<Measurement> echo_measurement(Measurement measurement) override { co_return measurement; }
  parley::Task<Config> echo_config(Config config) override { co_return config; }
  parley::Task<void> post_reply_generate(parley::Tx<std::int32_t> out) override {
    spawn(co_await parley::ThisExecutor(), generate_up_to(post_reply_count, std::move(out)));
  }
  parley::Task<void> post_reply_sum(parley::Rx<std::int32_t> numbers, parley::Tx<std::int64_t> out) override {
    spawn(co_await parley::ThisExecutor(), send_sum(std::move(numbers), std::move(out)));
  }

  // Ends what streams still; before its loop goes.
  void stop() { later_.reset(); }

 private:
  static parley::Task<std::int64_t> sum_of(parley::Rx<std::int32_t> numbers) {
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
  static parley::Task<void> generate_up_to(std::uint32_t count, parley::Tx<std::int32_t> out) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (auto sent = co_await out.send(static_cast<std::int32_t>(i)); !sent) co_return;
    }
    out.close();
  }
  static parley::Task<void> send_sum(parley::Rx<std::int32_t> numbers, parley::Tx<std::int64_t> out) {
    if (auto sent = co_await out.send(co_await sum_of(std::move(numbers)))) out.close();
  }
  void spawn(parley::Executor& executor, parley::Task<void> task) {
    if (!later_) later_.emplace(executor);
    later_->spawn(std::move(task));
  }

  // By characters, which are one to four bytes.
  static std::string reversed(std::string_view text) {
    std::string all;
    while (!text.empty()) {
      std::size_t last = text.size() - 1;
      while (last > 0 && (static_cast<std::uint8_t>(text[last]) & 0xc0) == 0x80) --last;
      all += text.substr(last);
      text = text.substr(0, last);
    }
    return all;
  }

  std::optional<parley::Scope> later_;
};

}  // namespace testbed
