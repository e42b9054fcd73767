#include "runtime/commands/session_carrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "codec/json_object.h"
#include "core/directory/name.h"
#include "runtime/commands/memory_carrier.h"
#include "runtime/peer_name.h"

namespace parley {

namespace command = wire::command;
using builtin::command_lines_ahead;
using builtin::CommandLine;
using runtime::QueueCarrier;

// What a caller may say as its name, and how often one session may be attached.
static constexpr std::size_t said_bytes_max = 64;
static constexpr std::uint32_t attached_max = 8;

namespace {

using LinesIn = Rx<CommandLine, command_lines_ahead>;
using LinesOut = Tx<CommandLine, command_lines_ahead>;

// The end of a pair in memory whose other end is the carrier: what the carrier sends goes out as lines.
Task<void> carry_out(std::shared_ptr<QueueCarrier> end, LinesOut& lines) {
  while (auto received = co_await end->receive()) {
    if (auto sent = co_await lines.send(encode(std::get<CommandMessage>(*received), true)); !sent) {
      end->close();
      co_return;
    }
  }
  lines.close();
}
// And lines come in to it, no faster than they are taken.
Task<void> carry_in(std::shared_ptr<QueueCarrier> end, LinesIn& lines, Event& first) {
  while (auto line = co_await lines.recv()) {
    if (line->empty()) {
      first.set();
      continue;
    }
    co_await end->writable();
    if (!end->pass(command::parse(*line, true))) break;
  }
}

struct Ends {
  std::shared_ptr<runtime::MessageQueue> to_carrier;
  std::shared_ptr<runtime::MessageQueue> to_peer;
};
Ends make_ends(io::Loop& loop, const CarrierLimits& limits) {
  return {std::make_shared<runtime::MessageQueue>(loop, loop, limits),
          std::make_shared<runtime::MessageQueue>(loop, loop, limits)};
}

// What the dialling end has on its session: the call, and both directions. The loop owns it until it is over, so that
// what was sent before a close still leaves.
class AttachCall final : public Mortal {
 public:
  struct Start {
    Event event;
    std::optional<Error> failure;
  };

  AttachCall(runtime::Session& session, std::string said_id, const Ends& ends, std::shared_ptr<Start> start)
      : loop_(session.loop()),
        start_(std::move(start)),
        end_(std::make_shared<QueueCarrier>("", true, ends.to_peer, ends.to_carrier)),
        scope_(loop_) {
    auto [out, their_in] = channel<CommandLine, command_lines_ahead>();
    auto [their_out, in] = channel<CommandLine, command_lines_ahead>();
    out_ = std::move(out);
    in_ = std::move(in);
    call_.emplace(Client<builtin::Commands>(session).call<&builtin::Commands::attach>(
        std::move(said_id), std::move(their_in), std::move(their_out)));
  }

  void run() {
    scope_.spawn(carry_out(end_, out_));
    scope_.spawn(read());
    scope_.spawn(wait());
  }

 private:
  struct Over final : Ready {
    explicit Over(AttachCall& owner) : Ready(&Over::run), call(owner) {}
    static void run(Ready& node) {
      AttachCall& call = static_cast<Over&>(node).call;
      call.loop_.executor().bury_ward(call);
    }
    AttachCall& call;
  };
  Task<void> read() {
    co_await carry_in(end_, in_, start_->event);
    end_->close();
  }
  Task<void> wait() {
    auto ended = co_await std::move(*call_);
    if (!ended) start_->failure = ended.error();
    start_->event.set();
    end_->close();
    loop_.executor().post(over_);
  }

  io::Loop& loop_;
  std::shared_ptr<Start> start_;
  std::shared_ptr<QueueCarrier> end_;
  LinesOut out_;
  LinesIn in_;
  std::optional<Call<void>> call_;
  Over over_{*this};
  Scope scope_;
};

Error without_commands(Error why) {
  if (why.code != Code::method) return why;
  return {Code::unsupported, "the peer has no parley.Commands: it is no hub, and serves no registry"};
}

class SessionCarrier final : public QueueCarrier {
 public:
  SessionCarrier(runtime::Session& session, std::string id, std::string said_id, Ends ends)
      : QueueCarrier(std::move(id), true, ends.to_carrier, ends.to_peer),
        session_(session),
        hold_(session),
        said_id_(std::move(said_id)),
        ends_(std::move(ends)) {}

  // The peer says with an empty line that it attached this end.
  Task<Result<void>> start() override {
    co_await co_await QueueCarrier::start();
    auto start = std::make_shared<AttachCall::Start>();
    auto made = std::make_unique<AttachCall>(session_, std::move(said_id_), ends_, start);
    AttachCall& call = *made;
    session_.loop().executor().adopt(std::move(made));
    call.run();
    co_await start->event.wait();
    if (is_closed()) co_return fail(Code::closed, "the carrier");
    if (!start->failure) co_return Result<void>();
    co_return fail(without_commands(*start->failure));
  }

 private:
  runtime::Session& session_;
  Hold hold_;
  std::string said_id_;
  Ends ends_;
};

}  // namespace

std::shared_ptr<Carrier> session_carrier(runtime::Session& session, std::string id, std::string said_id,
                                         const CarrierLimits& limits) {
  return std::make_shared<SessionCarrier>(session, std::move(id), std::move(said_id),
                                          make_ends(session.loop(), limits));
}

Task<Result<std::vector<CommandDefinition>>> list_commands(runtime::Session& session, const CallOptions& options) {
  auto lines = co_await Client<builtin::Commands>(session).with(options).call<&builtin::Commands::list>();
  if (!lines) co_return fail(without_commands(std::move(lines).error()));
  std::vector<CommandDefinition> all;
  for (const CommandLine& line : *lines) {
    auto parsed = command::parse(line, true);
    auto* const message = std::get_if<CommandMessage>(&parsed);
    auto* const list = message ? std::get_if<command::ListResponse>(&message->body) : nullptr;
    if (!list) co_return fail(Code::response, "the peer does not list its commands as such");
    std::ranges::move(list->commands, std::back_inserter(all));
  }
  co_return all;
}

// How often a session is attached: it says so while it lives, whether the service does or not.
class CommandsService::Attached {
 public:
  Attached(CommandsService& service, const runtime::Session& session)
      : counts_(service.attached_), session_(&session), count_(++(*counts_)[&session]) {}
  ~Attached() {
    const auto found = counts_->find(session_);
    if (--found->second == 0) counts_->erase(found);
  }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  std::uint32_t count() const { return count_; }

 private:
  std::shared_ptr<Counts> counts_;
  const runtime::Session* session_;
  std::uint32_t count_;
};

CommandsService::CommandsService(Registry& registry, const CarrierLimits& limits)
    : CommandsService(
          [&registry](Context&, std::shared_ptr<Carrier> carrier) { return registry.attach(std::move(carrier)); },
          [&registry](Context&) { return registry.commands(); },
          [&registry](Context&, std::string event, std::string payload) {
            return registry.emit_json(std::move(event), std::move(payload));
          },
          limits) {}

Task<std::vector<CommandLine>> CommandsService::list(Context& context) {
  constexpr std::size_t in_a_line = 256;
  std::vector<CommandDefinition> all = list_(context);
  std::vector<CommandLine> lines;
  for (std::size_t at = 0; at < all.size(); at += in_a_line) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(in_a_line, all.size() - at));
    command::ListResponse list{.thread = "list", .commands = {begin, end}};
    lines.push_back(encode(CommandMessage{.id = "list", .body = std::move(list)}, true));
  }
  co_return lines;
}

Task<Result<void>> CommandsService::emit(Context& context, std::string event, std::string payload) {
  if (!payload.empty()) {
    if (auto good = codec::check_json(payload); !good) co_return fail(std::move(good).error());
    codec::append_compact(payload, std::exchange(payload, {}));
  }
  co_return emit_(context, std::move(event), std::move(payload));
}

Task<Result<void>> CommandsService::attach(Context& context, std::string id, LinesIn from_caller, LinesOut to_caller) {
  // The name is given here, so that nobody takes another's: what the caller says of itself, or else what the system
  // says of it, stands in front of it.
  const bool is_good = id.size() <= said_bytes_max && core::is_name(id);
  id = fmt::format("{}#{}", is_good ? id : runtime::name_of(context.session().peer()), ++callers_);
  const Attached attached(*this, context.session());
  if (attached.count() > attached_max) {
    co_return fail(Code::overloaded, fmt::format("the session is attached {} times already", attached_max));
  }
  io::Loop& loop = context.session().loop();
  const Ends ends = make_ends(loop, limits_);
  auto end = std::make_shared<QueueCarrier>("", true, ends.to_peer, ends.to_carrier);
  Event first;
  Scope scope(loop);
  co_await co_await take_(context, std::make_shared<QueueCarrier>(std::move(id), true, ends.to_carrier, ends.to_peer));
  co_await co_await to_caller.send({});
  scope.spawn(carry_out(end, to_caller));
  co_await carry_in(end, from_caller, first);
  end->close();
  co_return Result<void>();
}

}  // namespace parley
