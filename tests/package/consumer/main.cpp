// What a user's first program needs of the package: the header is found, the archive links, a value and an error
// come back.
#include <parley/parley.h>

#include <cstdio>

namespace {

parley::Result<int> half(int number) {
  if (number % 2 != 0) return parley::fail(parley::Code::arguments, "an odd number");
  return number / 2;
}

}  // namespace

int main() {
  const auto two = half(4);
  const auto none = half(3);
  if (!two || *two != 2 || none) return 1;
  std::puts(parley::to_string(none.error()).c_str());
  return none.error().code == parley::Code::arguments ? 0 : 1;
}
