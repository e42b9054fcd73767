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

// The Testbed service as roam 7.1 knows it, and what its implementations in other languages do.
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
};
PARLEY_SERVICE(Testbed, echo, reverse, divide, lookup, sum, generate, transform, echo_point, create_person,
               rectangle_area, parse_color, shape_area, create_canvas, process_message, get_points, swap_pair);

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
  parley::Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override {
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
  parley::Task<void> generate(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (auto sent = co_await out.send(static_cast<std::int32_t>(i)); !sent) co_return;
    }
    out.close();
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

 private:
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
};

}  // namespace testbed
