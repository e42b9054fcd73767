#include "net/socket_file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "net/net_world_suite.h"

namespace parley::net::suite {
namespace {

// Starters that race for one name, again and again: at any moment at most one of them has it.
TEST(SocketFileThreads, a_name_has_one_owner_at_a_time) {
  const TemporaryFolder folder;
  std::atomic<int> owners = 0;
  std::atomic<int> claims = 0;
  const auto race = [&] {
    for (int tries = 0; tries < 2000; ++tries) {
      auto file = SocketFile::claim(folder / "app.sock");
      if (!file) {
        EXPECT_EQ(file.error().code, Code::in_use) << file.error().note;
        continue;
      }
      EXPECT_EQ(owners.fetch_add(1), 0) << "two owners";
      claims.fetch_add(1);
      const io::Descriptor socket = own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto bound = (*file)->bind(socket.number());
      EXPECT_TRUE(bound) << bound.error().note;
      owners.fetch_sub(1);
    }
  };
  std::vector<std::thread> starters;
  for (int i = 0; i < 4; ++i) starters.emplace_back(race);
  for (auto& starter : starters) starter.join();
  EXPECT_GE(claims.load(), 1);
  EXPECT_TRUE(folder.entries().empty());
}

}  // namespace
}  // namespace parley::net::suite
