#pragma once

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "station.h"

// The workers' side of the tour.
namespace tour {

// What a caller is to hear.
struct News {
  std::optional<parley::Client<Audience>> audience;
  std::string line;
};

// Tells the caller when it is made and when it is destroyed: what happens to the frame of a coroutine that has one.
class Witness {
 public:
  Witness(parley::Queue<News>& news, const parley::Context& context, std::string name)
      : news_(news), audience_(context.client<Audience>("audience")), name_(std::move(name)) {
    tell(" has begun");
  }
  ~Witness() { tell(" was stopped"); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

 private:
  void tell(std::string_view what) {
    static_cast<void>(news_.push({audience_, name_ + std::string(what)}));  // full: not told
  }

  parley::Queue<News>& news_;
  parley::Client<Audience> audience_;
  std::string name_;
};

class StationService : public Station {
 public:
  parley::Task<std::int64_t> process() override { co_return ::getpid(); }

  parley::Task<std::int64_t> add(std::int64_t a, std::int64_t b) override { co_return a + b; }

  parley::Task<double> distance(Place from, Place to, Unit unit) override {
    const auto radians = [](double degrees) { return degrees * std::numbers::pi / 180; };
    const double north = std::sin(radians(to.north - from.north) / 2);
    const double east = std::sin(radians(to.east - from.east) / 2);
    const double part = north * north + std::cos(radians(from.north)) * std::cos(radians(to.north)) * east * east;
    const double kilometres = 2 * 6371.0 * std::asin(std::sqrt(part));
    co_return unit == Unit::mile ? kilometres / 1.609344 : kilometres;
  }

  parley::Task<parley::Either<std::int64_t, MathError>> divide(std::int64_t a, std::int64_t b) override {
    if (b == 0) co_return parley::own_error(MathError::division_by_zero);
    if (a == std::numeric_limits<std::int64_t>::min() && b == -1) co_return parley::own_error(MathError::overflow);
    co_return a / b;
  }

  parley::Task<std::string> greet(parley::Context& context) override {
    auto caller = context.client<Audience>("audience");
    const auto name = co_await caller.call<&Audience::name>();
    co_return name ? "hello, " + *name : "hello, whoever you are";
  }

  parley::Task<std::string> shout(std::string text) override {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    co_return text;
  }

  parley::Task<void> explode(std::string why) override {
    throw std::runtime_error(why);
    co_return;
  }

  parley::Task<void> brood(parley::Context& context, std::string name) override {
    const Witness witness(news_, context, std::move(name));
    parley::Event never;
    co_await never.wait();
  }

  parley::Task<Read> read(Reading how, parley::Rx<std::uint64_t> numbers) override {
    if (how.waits_for_go_on) co_await go_on_.wait();
    go_on_.reset();
    parley::Executor& executor = co_await parley::this_executor();
    Read read{.window_at_first = numbers.window()};
    while (const auto number = co_await numbers.recv()) {
      ++read.items;
      read.sum += *number;
      if (how.rest_us != 0) co_await parley::Sleep(executor, std::chrono::microseconds(how.rest_us));
    }
    read.window_at_last = numbers.window();
    co_return read;
  }

  parley::Task<void> go_on() override {
    go_on_.set();
    co_return;
  }

  parley::Task<Written> write(std::uint64_t count, parley::Tx<std::uint64_t> numbers) override {
    written_ = {};
    while (written_.items != count) {
      if (numbers.credit() == 0) ++written_.waits;
      if (const auto sent = co_await numbers.send(written_.items + 1); !sent) co_return written_;
      ++written_.items;
    }
    numbers.close();
    co_return written_;
  }

  parley::Task<Written> written() override { co_return written_; }

  parley::Task<void> leave() override {
    left_.set();
    co_return;
  }

  // For the process that serves it. Ends when somebody has called leave().
  parley::Task<void> left() { co_await left_.wait(); }
  parley::Task<void> tell_news() {
    while (auto news = co_await news_.pop()) {
      static_cast<void>(co_await news->audience->call<&Audience::hear>(std::move(news->line)));
    }
  }

 protected:
  parley::Queue<News>& news() { return news_; }

 private:
  static constexpr std::size_t news_max = 1024;
  parley::Queue<News> news_{news_max};
  parley::Event go_on_;
  Written written_;
  parley::Event left_;
};

// Offers it at the hub until somebody calls leave(), and again whenever the hub was away. The object outlives the loop,
// because the frames of its handlers die there. The exit code of the process.
inline int serve(StationService& station, const std::string& hub) {
  parley::Services services;
  services.serve<Station>("station", station).value();
  parley::Loop loop;
  auto session = loop.run_until(parley::connect(loop, hub, {.services = &services, .offer = true, .redial = true}));
  if (!session) {
    std::fprintf(stderr, "tour_worker: %s\n", parley::to_string(session.error()).c_str());
    return 1;
  }
  std::puts("offered"), std::fflush(stdout);

  parley::Scope background(loop);
  background.spawn(station.tell_news());
  loop.run_until(station.left());
  (*session)->close();
  static_cast<void>(loop.run_until((*session)->closed()));
  return 0;
}

}  // namespace tour
