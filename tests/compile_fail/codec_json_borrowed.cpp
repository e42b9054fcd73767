// expect: parley: a type that borrows (std::string_view, ByteView, std::span) cannot be read from JSON
#include "codec/json.h"

struct Arguments {
  std::vector<std::string_view> names;
};
auto arguments = parley::codec::from_json<Arguments>("{\"names\":[]}");
