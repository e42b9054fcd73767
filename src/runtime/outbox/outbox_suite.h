#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/fault_stream.h"
#include "io/memory_stream.h"
#include "io/statistics_stream.h"
#include "runtime/commands/registry.h"
#include "runtime/framed_link.h"
#include "runtime/outbox/outbox.h"
#include "runtime/services.h"
#include "runtime/world_suite.h"

// An outbox and a peer that runs its commands, in one loop, with streams between them that break where a test says.
namespace parley::runtime::suite {

struct Note {
  int number = 0;
};
struct Noted {
  int count = 0;
};

// A process that takes commands: `note` runs at once, `hang` until the test lets it, `refuse` says that it cannot.
class Host {
 public:
  explicit Host(World& world, OutboxServiceOptions options = {})
      : registry(world.loop), service(std::make_unique<OutboxService>(registry, options)) {
    services.serve<builtin::Outbox>(std::string(builtin::outbox_name), *service).value();
    world
        .run(registry.command("note", "Notes a number",
                              [this](CommandContext& context, Note note) {
                                noted.push_back(note.number);
                                metas.push_back(context.meta());
                                return Noted{static_cast<int>(noted.size())};
                              }))
        .value();
    world.run(registry.command("hang", "Waits", [this](Note note) { return wait(note); })).value();
    world
        .run(registry.command("refuse", "Cannot do it",
                              [this](Note note) -> Result<Noted> {
                                noted.push_back(note.number);
                                return fail(Code::failed, "no window of that name");
                              }))
        .value();
  }

  std::vector<int> noted;
  std::vector<std::string> metas;
  Event may_go_on;

 private:
  Task<Result<Noted>> wait(Note note) {
    noted.push_back(note.number);
    co_await may_go_on.wait();
    co_return Noted{note.number};
  }

 public:
  Registry registry;
  std::unique_ptr<OutboxService> service;
  Services services;
};

// The end of a process that has been stopped: nothing comes from it, and its streams are open.
class StoppableStream final : public io::Stream {
 public:
  StoppableStream(std::unique_ptr<io::Stream> inner, const bool& is_stopped)
      : inner_(std::move(inner)), is_stopped_(is_stopped) {}
  using Stream::write_some;
  void start(io::StreamEvents& events) override { inner_->start(events); }
  io::Transfer read_some(std::span<std::uint8_t> into) override {
    const io::Transfer done = inner_->read_some(into);
    return is_stopped_ ? io::Transfer() : done;
  }
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override {
    return is_stopped_ ? io::Transfer() : inner_->write_some(from, with);
  }
  void want_writable() override {
    if (!is_stopped_) inner_->want_writable();
  }
  void finish() override { inner_->finish(); }
  Error failure() const override { return inner_->failure(); }
  const io::Peer& peer() const override { return inner_->peer(); }
  bool passes_descriptors() const override { return false; }
  std::uint64_t descriptors_passed() const override { return 0; }
  Result<io::Descriptor> claim_descriptor(std::uint64_t) override { return fail(Code::unsupported); }

 private:
  std::unique_ptr<io::Stream> inner_;
  const bool& is_stopped_;
};

// One session between them. The streams are cut when this goes.
class Between {
 public:
  using Plans = std::pair<io::FaultPlan, io::FaultPlan>;  // of the outbox's end and the host's

  Between(World& world, Outbox& outbox, Host& host, std::size_t pipe_bytes_max = std::size_t{256} << 10,
          std::uint64_t near_bytes = io::FaultPlan::never, std::uint64_t far_bytes = io::FaultPlan::never)
      : world_(world) {
    plans.first.fail_at_byte = near_bytes;
    plans.second.fail_at_byte = far_bytes;
    auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:host", {.pipe_bytes_max = pipe_bytes_max});
    near_ = start(std::make_unique<StoppableStream>(std::make_unique<io::StatisticsStream>(std::move(near), statistics),
                                                    is_pipe_full),
                  plans.first, Session::Role::initiator, nullptr);
    far_ = start(std::make_unique<StoppableStream>(std::move(far), is_host_stopped), plans.second,
                 Session::Role::acceptor, &host.services.table());
    attached_.emplace(world, outbox.attach(*near_));
    world.settle();
  }
  ~Between() {
    far_->close({Code::closed, "cut"});
    near_->close({Code::closed, "cut"});
    world_.settle();
  }
  Between(const Between&) = delete;
  Between& operator=(const Between&) = delete;

  bool is_broken() const { return plans.first.has_failed() || plans.second.has_failed(); }
  bool is_attached() const { return attached_->is_done(); }
  Result<void> attached() { return attached_->take(); }
  Session& near() { return *near_; }

  Plans plans;
  bool is_host_stopped = false;
  bool is_pipe_full = false;  // towards the host
  io::StreamStatistics statistics;

 private:
  Hold start(std::unique_ptr<io::Stream> stream, io::FaultPlan& plan, Session::Role role, const MethodTable* table) {
    auto faulty = std::make_unique<io::FaultStream>(world_.loop.executor(), std::move(stream), plan);
    return Hold(Session::start(world_.loop, std::make_unique<FramedLink>(world_.loop, std::move(faulty), Limits()),
                               role, {}, table));
  }
  World& world_;
  Hold near_;
  Hold far_;
  std::optional<Running<Result<void>>> attached_;
};

// A host, and an outbox that sends to it over one session after another.
class OutboxWorld : public ::testing::Test {
 protected:
  void connect(std::size_t pipe_bytes_max = std::size_t{256} << 10) {
    between.reset();
    between = std::make_unique<Between>(world, outbox, *host, pipe_bytes_max);
  }
  void cut() { between.reset(); }
  void restart_host(OutboxServiceOptions options = {}) {
    cut();
    host.reset();
    host = std::make_unique<Host>(world, options);
  }
  Ticket send(int number, OutboxSendOptions options = {}) {
    return outbox.send("note", Note{number}, std::move(options)).value();
  }
  Ticket hang(int number, OutboxSendOptions options = {}) {
    return outbox.send("hang", Note{number}, std::move(options)).value();
  }
  TicketResult result_of(const Ticket& ticket) { return world.run(ticket.result()); }

  World world;
  std::unique_ptr<Host> host = std::make_unique<Host>(world);
  Outbox outbox{world.loop, {.name = "to the host"}};
  std::unique_ptr<Between> between;
};

}  // namespace parley::runtime::suite
