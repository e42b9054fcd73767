#include "parley/interceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/net_world_suite.h"
#include "parley/parley.h"
#include "runtime/probe_suite.h"

// Interceptors and traces as programs set them, over sockets.
namespace parley {
namespace {

using net::suite::TemporaryFolder;
using runtime::suite::Probe;
using testing::SizeIs;

class Counting final : public Interceptor {
 public:
  Result<void> before(CallView& call) override {
    ++begun;
    if (refuses) return fail(Code::permission, "not today");
    call.metadata.add("seen", "yes");
    return {};
  }
  void after(const CallView&, const CallOutcome&) override { ++ended; }
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  std::atomic<bool> refuses = false;
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

Task<Result<std::int64_t>> add_once(io::Loop& loop, std::string address, Options options) {
  auto session = co_await co_await connect(loop, std::move(address), std::move(options));
  co_return co_await session->client<Probe>("Probe").call<&Probe::add>(1, 2);
}

TEST(InterceptorFace, see_the_calls_of_a_session_and_of_a_server) {
  const TemporaryFolder folder;
  Probe probe;
  const auto calling = std::make_shared<Counting>();
  const auto handling = std::make_shared<Counting>();
  Loop loop;
  auto server = listen(loop, "unix:" + folder / "s").value();
  server.intercept(handling);
  ASSERT_TRUE(server.serve<Probe>("Probe", probe));
  EXPECT_EQ(loop.run_until(add_once(loop, server.address(), {.interceptors = {calling}})).value(), 3);
  EXPECT_EQ(calling->ended, 1);
  EXPECT_EQ(handling->ended, 1);
  handling->refuses = true;
  EXPECT_EQ(loop.run_until(add_once(loop, server.address(), {.interceptors = {calling}})).error().code,
            Code::permission);
  EXPECT_EQ(handling->begun, 2);
  EXPECT_EQ(handling->ended, 1);
  EXPECT_EQ(probe.calls, 1);
  server.close();
}

TEST(InterceptorFace, see_the_calls_of_blocking_sessions_and_write_them_down) {
  const TemporaryFolder folder;
  const std::string path = folder / "spans";
  const auto file = TraceFile::open(path).value();
  const auto tracing = std::make_shared<Tracing>(file);
  const auto calling = std::make_shared<Counting>();
  Probe probe;
  Loop loop;
  auto server = listen(loop, "unix:" + folder / "s").value();
  server.intercept(tracing);
  ASSERT_TRUE(server.serve<Probe>("Probe", probe));
  std::thread thread([&loop] { loop.run(); });
  {
    auto session = blocking::connect(server.address(), {.interceptors = {tracing, calling}}).value();
    auto client = session.client<Probe>("Probe");
    EXPECT_EQ(client.call<&Probe::add>(1, 2).value(), 3);
    calling->refuses = true;
    EXPECT_EQ(client.call<&Probe::add>(1, 2).error().code, Code::permission);
  }
  loop.stop();
  thread.join();
  server.close();
  EXPECT_EQ(probe.calls, 1);
  const std::vector<std::string> lines = lines_of(path);
  ASSERT_THAT(lines, SizeIs(3)) << "the caller's two and the handler's one";
  for (const std::string& line : lines) EXPECT_THAT(line, testing::HasSubstr("\"name\":\"Probe.add\""));
  EXPECT_EQ(tracing->counters().spans_written, 3u);
}

TEST(InterceptorFace, see_what_a_worker_does_for_a_hub) {
  const auto handling = std::make_shared<Counting>();
  const auto calling = std::make_shared<Counting>();
  Probe probe;
  Services services;
  Loop loop;
  Hub hub(loop);
  ASSERT_TRUE(hub.listen("mem:hub"));
  ASSERT_TRUE(services.serve<Probe>("Probe", probe));
  services.intercept(handling);
  const auto offered = loop.run_until(connect(loop, "mem:hub", {.services = &services, .offer = true})).value();
  EXPECT_EQ(loop.run_until(add_once(loop, "mem:hub", {.interceptors = {calling}})).value(), 3);
  EXPECT_EQ(calling->ended, 1);
  EXPECT_EQ(handling->ended, 1);
}

TEST(TraceFileTest, is_bounded) {
  const TemporaryFolder folder;
  const std::string path = folder / "spans";
  const auto file = TraceFile::open(path, 1000).value();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(file->take({.trace_id = "t", .span_id = "s", .name = "Probe.add"}));
  EXPECT_LE(std::filesystem::file_size(path), 1000u);
  EXPECT_LE(std::filesystem::file_size(path + ".1"), 1000u);
  EXPECT_FALSE(file->take({.trace_id = "t", .span_id = "s", .name = std::string(2000, 'x')})) << "dropped, and told";
  EXPECT_EQ(TraceFile::open(folder / "missing/spans").error().code, Code::not_found);
}

}  // namespace
}  // namespace parley
