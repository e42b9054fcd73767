#include <parley/parley.h>
#include <cstdio>

class Room {
 public:
  virtual parley::Task<std::string> listen() = 0;
};
PARLEY_SERVICE(Room, listen);

// One object for each connection: it is served on that one alone.
struct RoomService final : Room {
  explicit RoomService(std::string name) : name(std::move(name)) { services.serve<Room>("Room", *this).value(); }

  parley::Task<std::string> listen() override {
    co_await said.wait();
    co_return words;
  }
  std::string name, words;
  parley::Event said;
  parley::Services services;
};

// Decides about the connections that clients ask for.
parley::Result<void> admit(RoomService& lobby, parley::ConnectionRequest& request) {
  const std::string* room = request.metadata().find_text("room");
  if (!room || *room != lobby.name) return parley::fail(parley::Code::not_found, "there is only a " + lobby.name);
  PARLEY_TRY(request.accept({.metadata = {{"guests", std::uint64_t{2}}}, .services = &lobby.services}));
  return {};
}

parley::Task<parley::Result<void>> use(parley::Loop& loop, RoomService& lobby) {
  auto session = co_await co_await parley::connect(loop, "mem:rooms", {.connect_wait_max = std::chrono::seconds(5)});
  auto cellar = co_await session->open_connection({.metadata = {{"room", "cellar"}}});
  std::printf("%s\n", to_string(cellar.error()).c_str());

  auto first = co_await co_await session->open_connection({.metadata = {{"room", "lobby"}}});
  auto second = co_await co_await session->open_connection({.metadata = {{"room", "lobby"}}});
  std::printf("%lu guests\n", *second.peer_metadata().find_number("guests"));

  auto heard_by_first = first.client<Room>().call<&Room::listen>();
  auto heard_by_second = second.client<Room>().call<&Room::listen>();
  first.close();  // with all its calls and channels; the other goes on
  auto left = co_await heard_by_first;
  std::printf("%s\n", to_string(left.error()).c_str());

  lobby.words = "welcome";
  lobby.said.set();
  std::printf("%s\n", (co_await co_await heard_by_second).c_str());
  std::printf("first: %d, second: %d\n", first.is_connected(), second.is_connected());
  co_return {};
}

int main() {
  RoomService lobby("lobby");
  parley::Loop loop;
  parley::Options options;
  options.on_connection = [&](parley::ConnectionRequest& request) { return admit(lobby, request); };
  auto server = parley::listen(loop, "mem:rooms", options).value();
  auto used = loop.run_until(use(loop, lobby));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
