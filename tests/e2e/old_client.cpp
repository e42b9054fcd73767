#include <cstdio>

#include "parley/describe.h"
#include "parley/parley.h"

// A client that knows a Calculator of another time. Its call fails; then it asks what is different.
class Calculator {
 public:
  virtual ~Calculator() = default;
  virtual parley::Task<std::int64_t> add(std::int64_t a, std::int32_t b) = 0;
};
PARLEY_SERVICE(Calculator, (add, args(a, b)));

namespace {

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  auto calculator = session->client<Calculator>("Calculator");
  const auto sum = co_await calculator.call<&Calculator::add>(2, 3);
  if (!sum && sum.error().code == parley::Code::method) {
    co_await co_await parley::check<Calculator>(*session, "Calculator");
  }
  co_return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argv[1]));
  if (used) return 0;
  std::fprintf(stderr, "%s\n", to_string(used.error()).c_str());
  return 1;
}
