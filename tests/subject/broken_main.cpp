// A subject whose Testbed has one method wrong, by its name: the variable SUBJECT_BREAK.
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "subject/subject.h"

namespace {

using namespace testbed;
using parley::Either;
using parley::own_error;
using parley::Task;

class BrokenTestbed final : public TestbedService {
 public:
  explicit BrokenTestbed(std::string_view broken) : broken_(broken) {}

  Task<std::string> echo(std::string text) override {
    if (broken_ == "echo_throws") throw std::runtime_error("no echo here");
    co_return is("echo") ? text + "?" : text;
  }
  Task<std::string> reverse(std::string text) override {
    if (is("reverse")) co_return text;
    co_return co_await TestbedService::reverse(std::move(text));
  }
  // What is refused has a value, and the other way round.
  Task<Either<std::int64_t, MathError>> divide(std::int64_t a, std::int64_t b) override {
    auto answer = co_await TestbedService::divide(a, b);
    if (!is("divide")) co_return answer;
    if (answer.is_ok()) co_return own_error(MathError::overflow);
    co_return 0;
  }
  // Each error is the other one, and nobody is without an email.
  Task<Either<Person, LookupError>> lookup(std::uint32_t id) override {
    auto answer = co_await TestbedService::lookup(id);
    if (!is("lookup")) co_return answer;
    if (!answer.is_ok()) {
      const bool was_found_nowhere = answer.error() == LookupError::not_found;
      co_return own_error(was_found_nowhere ? LookupError::access_denied : LookupError::not_found);
    }
    answer.value().email = "";
    co_return answer;
  }
  Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override {
    co_return co_await TestbedService::sum(std::move(numbers)) - (is("sum") ? 1 : 0);
  }
  Task<void> generate(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    co_await TestbedService::generate(is("generate") ? count - 1 : count, std::move(out));
  }
  Task<void> transform(parley::Rx<std::string> in, parley::Tx<std::string> out) override {
    if (!is("transform")) {
      co_await TestbedService::transform(std::move(in), std::move(out));
      co_return;
    }
    const auto text = co_await in.recv();  // and no more
    if (!text || !co_await out.send(*text)) co_return;
    out.close();
  }
  Task<Point> echo_point(Point point) override { co_return is("echo_point") ? Point{point.y, point.x} : point; }
  Task<Person> create_person(std::string name, std::uint8_t age, std::optional<std::string> email) override {
    if (is("create_person")) email.reset();
    co_return Person{std::move(name), age, std::move(email)};
  }
  Task<double> rectangle_area(Rectangle rectangle) override {
    co_return co_await TestbedService::rectangle_area(rectangle) * (is("rectangle_area") ? -1 : 1);
  }
  Task<std::optional<Color>> parse_color(std::string name) override {
    if (is("parse_color")) co_return Color::red;
    co_return co_await TestbedService::parse_color(std::move(name));
  }
  Task<double> shape_area(Shape shape) override {
    co_return co_await TestbedService::shape_area(shape) + (is("shape_area") ? 0.5 : 0);
  }
  Task<Canvas> create_canvas(std::string name, std::vector<Shape> shapes, Color background) override {
    if (is("create_canvas")) shapes.pop_back();
    co_return Canvas{std::move(name), std::move(shapes), background};
  }
  Task<Message> process_message(Message message) override {
    if (is("process_message")) co_return message;
    auto answer = co_await TestbedService::process_message(std::move(message));
    if (auto* text = std::get_if<messages::Text>(&answer); text && is("processed_text")) text->_0.front() = 'P';
    co_return answer;
  }
  Task<std::vector<Point>> get_points(std::uint32_t count) override {
    co_return co_await TestbedService::get_points(is("get_points") ? count + 1 : count);
  }
  Task<std::tuple<std::string, std::int32_t>> swap_pair(std::tuple<std::int32_t, std::string> pair) override {
    if (is("swap_pair")) ++std::get<0>(pair);
    co_return co_await TestbedService::swap_pair(std::move(pair));
  }
  Task<std::vector<std::uint8_t>> echo_bytes(std::vector<std::uint8_t> data) override {
    if (is("echo_bytes")) data.push_back(0);
    co_return data;
  }
  Task<bool> echo_bool(bool value) override { co_return value != is("echo_bool"); }
  Task<std::uint64_t> echo_u64(std::uint64_t value) override { co_return is("echo_u64") ? value >> 1 : value; }
  Task<std::optional<std::string>> echo_option_string(std::optional<std::string> value) override {
    if (is("echo_option_string") && value == "") value.reset();
    co_return value;
  }
  Task<std::int64_t> sum_large(parley::Rx<std::int32_t> numbers) override {
    co_return co_await TestbedService::sum_large(std::move(numbers)) - (is("sum_large") ? 1 : 0);
  }
  Task<void> generate_large(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    co_await TestbedService::generate_large(is("generate_large") ? count - 1 : count, std::move(out));
  }
  Task<void> generate_retry_idem(std::uint32_t count, parley::Tx<std::int32_t> out) override {
    co_await TestbedService::generate_retry_idem(is("generate_retry_idem") ? count + 1 : count, std::move(out));
  }
  Task<std::vector<Color>> all_colors() override {
    auto colors = co_await TestbedService::all_colors();
    if (is("all_colors")) std::swap(colors.front(), colors.back());
    co_return colors;
  }
  Task<TaggedPoint> describe_point(std::string label, std::int32_t x, std::int32_t y, bool active) override {
    if (is("describe_point")) std::swap(x, y);
    co_return TaggedPoint{std::move(label), x, y, active};
  }
  Task<Shape> echo_shape(Shape shape) override {
    co_return is("echo_shape") && std::holds_alternative<shapes::Point>(shape) ? shapes::Circle{0} : shape;
  }
  Task<GnarlyPayload> echo_gnarly(GnarlyPayload payload) override {
    if (is("echo_gnarly")) std::get<gnarly_kinds::Symlink>(payload.entries.back().kind).hops.pop_back();
    co_return payload;
  }
  Task<Config> echo_config(Config config) override {
    if (is("echo_config")) std::swap(config.key, config.value);
    co_return config;
  }
  Task<void> post_reply_generate(parley::Tx<std::int32_t> out) override {
    if (is("post_reply_generate")) {
      out.close();
    } else {
      co_await TestbedService::post_reply_generate(std::move(out));
    }
  }
  Task<void> post_reply_sum(parley::Rx<std::int32_t> numbers, parley::Tx<std::int64_t> out) override {
    if (!is("post_reply_sum")) {
      co_await TestbedService::post_reply_sum(std::move(numbers), std::move(out));
    } else {
      if (co_await out.send(0)) out.close();
    }
  }

 private:
  bool is(std::string_view method) const { return broken_ == method; }

  const std::string_view broken_;
};

}  // namespace

int main() {
  const char* broken = std::getenv("SUBJECT_BREAK");
  BrokenTestbed service(broken ? broken : "");
  return subject::run(service);
}
