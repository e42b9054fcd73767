// A worker of the tour with one thing wrong, by the name of the step that must notice: the variable TOUR_BREAK.
#include <cstdlib>
#include <string>
#include <string_view>

#include "station_service.h"

namespace {

using namespace std::chrono_literals;

class BrokenStation final : public tour::StationService {
 public:
  explicit BrokenStation(std::string_view step) : step_(step) {}

  parley::Task<std::int64_t> add(std::int64_t a, std::int64_t b) override { co_return step_ == "calls" ? a : a + b; }
  parley::Task<std::string> greet(parley::Context& context) override {
    if (step_ == "call_back") co_return "hello, tour";  // and never asked
    co_return co_await StationService::greet(context);
  }
  parley::Task<parley::Either<std::int64_t, tour::MathError>> divide(std::int64_t a, std::int64_t b) override {
    if (step_ == "own_error") co_return 0;
    co_return co_await StationService::divide(a, b);
  }
  parley::Task<void> explode(std::string why) override {
    if (step_ == "throw") co_return;
    co_await StationService::explode(std::move(why));
  }
  parley::Task<tour::Read> read(tour::Reading how, parley::Rx<std::uint64_t> numbers) override {
    if (step_ == "stream_to_service") how = {};  // so nothing holds the writer
    co_return co_await StationService::read(how, std::move(numbers));
  }
  parley::Task<tour::Written> write(std::uint64_t count, parley::Tx<std::uint64_t> numbers) override {
    co_return co_await StationService::write(step_ == "stream_from_service" ? count - 1 : count, std::move(numbers));
  }
  parley::Task<void> brood(parley::Context& context, std::string name) override {
    if (step_ == "deadline" && name == "handler 2") co_return;
    if (step_ == "killed_in_call" && name == "handler 3") {
      {
        const tour::Witness witness(news(), context, name);
      }
      co_return;
    }
    co_await StationService::brood(context, std::move(name));
  }
  parley::Task<void> leave() override {
    if (step_ == "leave") std::exit(3);
    co_await StationService::leave();
  }

 private:
  const std::string_view step_;
};

}  // namespace

int main(int, char** argv) {
  const char* step = std::getenv("TOUR_BREAK");
  BrokenStation station(step ? step : "");
  return tour::serve(station, argv[1]);
}
