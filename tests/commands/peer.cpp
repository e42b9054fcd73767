#include "commands/peer.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/json_object.h"
#include "codec/json_text.h"
#include "core/directory/command_errors.h"
#include "parley/parley.h"
#include "wire/command/line_reader.h"

namespace parley::peer {
namespace {

using codec::JsonObject;

struct Add {
  double a, b;
};
struct Sum {
  double sum;
};
struct Slow {
  std::uint32_t ms;
};
struct Slept {
  std::uint32_t slept_ms;
};

std::string variable(const char* name, std::string otherwise = {}) {
  const char* const value = std::getenv(name);
  return value ? value : otherwise;
}
std::vector<std::string> addresses(const char* name) {
  std::vector<std::string> all;
  const std::string text = variable(name);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    if (end > at) all.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return all;
}
std::string quoted(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}
// A text member of an order.
std::string text_of(const JsonObject& object, std::string_view key) {
  const std::string_view* value = object.find(key);
  return value && codec::json_kind(*value) == codec::JsonKind::string ? codec::json_string(*value) : std::string();
}
std::string json_of(const JsonObject& object, std::string_view key) {
  const std::string_view* value = object.find(key);
  return value ? std::string(*value) : std::string();
}

HubOptions hub_options() {
  HubOptions options;
  const std::string ttl = variable("PEER_TTL_MS", "30000");
  options.commands.limits.answer_max = std::chrono::milliseconds(std::stoul(ttl));
  if (const std::string token = variable("PEER_TOKEN"); !token.empty()) {
    options.tokens.add("peer", token).value();
    options.policy.add(core::Rule::parse("token:peer * **").value()).value();
  }
  return options;
}

class Peer {
 public:
  Peer() : hub_(loop_, hub_options()), registry_(hub_.registry()), name_(variable("PEER_NAME", "parley")) {}

  int run() {
    loop_.run_until(begin()).value();
    loop_.run_until(take_orders()).value();
    return 0;
  }

 private:
  struct Heard {
    std::string event, payload;
  };

  // A child's router knows of its commands before anybody else can ask for them.
  Task<Result<void>> begin() {
    auto heard = co_await registry_.on_json("**", [this](std::string_view event, std::string_view payload) {
      heard_.push_back({std::string(event), std::string(payload.empty() ? "null" : payload)});
      news_.set();
      return true;
    });
    heard_all_ = std::move(heard);
    bool is_router = variable("PEER_ROLE") == "child";
    for (const std::string& address : addresses("PEER_CONNECT")) {
      co_await co_await connect(address, is_router);
      if (std::exchange(is_router, false)) co_await co_await register_all();
    }
    if (variable("PEER_ROLE") != "child") co_await co_await register_all();
    std::string listens;
    for (const std::string& address : addresses("PEER_LISTEN")) {
      const std::string where = co_await listen(address);
      listens += (listens.empty() ? "" : ",") + quoted(where);
    }
    co_await co_await open_orders();
    orders_.say(fmt::format(R"({{"ready":true,"listens":[{}]}})", listens));
    co_return Result<void>();
  }

  Result<std::string> listen(const std::string& address) {
    if (address.starts_with("http:")) {
      PARLEY_TRY(std::string at, hub_.listen("tcp:" + address.substr(5)));
      return "http://" + at.substr(4);
    }
    PARLEY_TRY(auto server, LineServer::listen(registry_, address));
    servers_.push_back(std::move(server));
    return servers_.back()->address();
  }

  Task<Result<void>> connect(std::string address, bool is_router) {
    std::string id = fmt::format("peer-{}", ++carriers_);
    std::shared_ptr<Carrier> carrier;
    if (address.starts_with("http:")) {
      HttpCarrierOptions options{.id = std::move(id), .token = variable("PEER_TOKEN")};
      options.answer_max = std::chrono::milliseconds(std::stoul(variable("PEER_TTL_MS", "30000")));
      carrier = co_await http_carrier(loop_, address, std::move(options));
    } else {
      if (address == "stdio") address = "stdio:";
      carrier = co_await co_await dial_lines(loop_, std::move(address), {.id = std::move(id)});
    }
    co_return co_await registry_.attach(std::move(carrier), {.is_router = is_router});
  }

  Task<Result<void>> register_all() {
    co_await co_await registry_.command(name_ + ".add", "Adds two numbers", [](Add in) { return Sum{in.a + in.b}; });
    co_await co_await registry_.command({.name = name_ + ".echo", .description = "Gives back what it got"}, &echo);
    co_await co_await registry_.command({.name = name_ + ".fail", .description = "Fails"},
                                        [](CommandContext&, std::string) -> Task<Result<std::string>> {
                                          co_return fail(Code::failed, "failed as asked");
                                        });
    co_await co_await registry_.command(name_ + ".slow", "Sleeps", [this](Slow in) -> Task<Slept> {
      static_cast<void>(registry_.emit(name_ + ".slow.started"));
      co_await Sleep(loop_, std::chrono::milliseconds(in.ms));
      co_return Slept{in.ms};
    });
    co_await co_await registry_.command({.name = name_ + ".nested", .description = "Calls another command"},
                                        [this](CommandContext&, std::string request) -> Task<Result<std::string>> {
                                          const JsonObject object = co_await JsonObject::parse(request);
                                          auto done = co_await registry_.execute_json(text_of(object, "command"),
                                                                                      json_of(object, "request"));
                                          if (!done) co_return fail(done.error());
                                          co_return done->result;
                                        });
    co_await co_await registry_.command(name_ + ".void", "Does nothing", [] {});
    co_await co_await registry_.command(
        {.name = name_ + ".meta", .description = "Gives back what came beside its request"},
        [](CommandContext& context, std::string) -> Task<Result<std::string>> {
          co_return fmt::format(R"({{"meta":{}}})", context.meta().empty() ? "null" : context.meta());
        });
    co_return co_await registry_.command({.name = "_" + name_ + ".private", .description = ""}, &echo);
  }
  static Task<Result<std::string>> echo(CommandContext&, std::string request) { co_return std::move(request); }

  // --- orders

  class Orders final : public io::StreamEvents {
   public:
    void on_readable() override { readable.set(); }
    void on_writable() override { flush(); }
    void say(std::string_view line) {
      waiting.append(line).append("\n");
      flush();
    }
    void flush() {
      while (!waiting.empty()) {
        const io::Transfer moved = stream->write_some(as_bytes(waiting));
        if (moved.status == io::Transfer::Status::would_block) return stream->want_writable();
        if (moved.status != io::Transfer::Status::moved) return;
        waiting.erase(0, moved.bytes);
      }
    }
    std::unique_ptr<io::Stream> stream;
    std::string waiting;
    Event readable;
  };

  Task<Result<void>> open_orders() {
    const auto dialer = co_await loop_.dialer(variable("PEER_ORDERS", "stdio:"));
    orders_.stream = co_await co_await dialer->dial();
    orders_.stream->start(orders_);
    co_return Result<void>();
  }

  Task<Result<void>> take_orders() {
    wire::command::LineReader lines(std::size_t{64} << 20);
    std::vector<std::uint8_t> bytes(std::size_t{64} << 10);
    for (;;) {
      const io::Transfer moved = orders_.stream->read_some(bytes);
      if (moved.status == io::Transfer::Status::would_block) {
        orders_.readable.reset();
        co_await orders_.readable.wait();
        continue;
      }
      if (moved.status != io::Transfer::Status::moved) co_return Result<void>();
      ByteView view(bytes.data(), moved.bytes);
      while (const auto line = lines.next(view)) {
        if (!begin_order(std::string(*line))) co_return Result<void>();
      }
    }
  }
  bool begin_order(std::string line) {
    const auto object = JsonObject::parse(line);
    if (!object) throw std::runtime_error(object.error().note);
    if (text_of(*object, "do") == "quit") return false;
    scope_.spawn(carry_out(*this, std::move(line)));
    return true;
  }
  static Task<void> carry_out(Peer& peer, std::string line) {
    const JsonObject order = JsonObject::parse(line).value();
    const std::string id = json_of(order, "id");
    auto done = co_await peer.answer(order);
    if (done) {
      peer.orders_.say(fmt::format(R"({{"id":{},"ok":true{}{}}})", id, done->empty() ? "" : ",", *done));
    } else {
      const auto error = core::to_wire(done.error());
      // Of registrations, which have one error on the wire.
      const bool is_duplicate = done.error().code == Code::in_use;
      peer.orders_.say(fmt::format(R"({{"id":{},"ok":false,"error":{{"code":"{}","message":{}}}}})", id,
                                   is_duplicate ? "duplicate_command" : to_string(error.code), quoted(error.message)));
    }
  }

  // The members of the answer.
  Task<Result<std::string>> answer(const JsonObject& order) {
    const std::string what = text_of(order, "do");
    if (what == "execute") co_return co_await execute(order);
    if (what == "many") co_return co_await many(text_of(order, "command"), std::stoul(json_of(order, "count")));
    if (what == "emit") {
      co_await registry_.emit_json(text_of(order, "event"), json_of(order, "payload"), json_of(order, "meta"));
      co_return std::string();
    }
    if (what == "events") co_return co_await events(order);
    if (what == "list") {
      std::string all;
      for (const CommandDefinition& each : registry_.commands()) all += (all.empty() ? "" : ",") + encode(each);
      co_return fmt::format(R"("commands":[{}])", all);
    }
    if (what == "register") {
      co_await co_await registry_.command({.name = text_of(order, "command"), .description = ""}, &echo);
      co_return std::string();
    }
    if (what == "connect") {
      co_await co_await connect(text_of(order, "address"), false);
      co_return std::string();
    }
    co_return fail(Code::unsupported, "there is no order " + what);
  }
  Task<Result<std::string>> execute(const JsonObject& order) {
    ExecuteOptions options;
    options.meta = json_of(order, "meta");
    auto done =
        co_await registry_.execute_json(text_of(order, "command"), json_of(order, "request"), std::move(options));
    if (!done) co_return fail(done.error());
    std::string members;
    if (!done->result.empty()) members = "\"result\":" + done->result;
    if (!done->meta.empty()) members += (members.empty() ? "\"meta\":" : ",\"meta\":") + done->meta;
    co_return members;
  }
  Task<Result<std::string>> many(std::string command, std::size_t count) {
    std::size_t right = 0, left = count;
    Event over;
    Scope calls(loop_);
    for (std::size_t i = 0; i < count; ++i) calls.spawn(one_of_many(registry_, command, i, right, left, over));
    if (left != 0) co_await over.wait();
    co_return fmt::format("\"right\":{}", right);
  }
  static Task<void> one_of_many(Registry& registry, std::string command, std::size_t number, std::size_t& right,
                                std::size_t& left, Event& over) {
    const std::string request = fmt::format(R"({{"number":{}}})", number);
    const auto done = co_await registry.execute_json(std::move(command), request);
    if (done && done->result == request) ++right;
    if (--left == 0) over.set();
  }
  Task<Result<std::string>> events(const JsonObject& order) {
    const std::string wanted = json_of(order, "count");
    while (!wanted.empty() && heard_.size() < std::stoul(wanted)) {
      news_.reset();
      co_await news_.wait();
    }
    std::string all;
    for (const Heard& each : heard_) {
      all += fmt::format(R"({}{{"event":{},"payload":{}}})", all.empty() ? "" : ",", quoted(each.event), each.payload);
    }
    co_return fmt::format(R"("events":[{}])", all);
  }

  Loop loop_;
  Hub hub_;
  Registry& registry_;
  const std::string name_;
  std::vector<std::unique_ptr<LineServer>> servers_;
  int carriers_ = 0;
  std::vector<Heard> heard_;
  Subscription heard_all_;
  Event news_;
  Orders orders_;
  Scope scope_{loop_};
};

}  // namespace

int run() { return Peer().run(); }

}  // namespace parley::peer
