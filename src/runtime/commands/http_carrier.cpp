#include "runtime/commands/http_carrier.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <variant>

#include "async/scope.h"
#include "codec/json_object.h"
#include "core/directory/command_errors.h"
#include "io/http.h"
#include "runtime/commands/message_queue.h"
#include "wire/command/meta.h"
#include "wire/command/uuid.h"

namespace parley {

namespace command = wire::command;

namespace {

constexpr std::string_view whitespace = " \t\r\n";

// What an error response says, as JSON or as text.
std::string reason_of(const io::HttpResponse& response) {
  std::string reason;
  if (const auto object = codec::JsonObject::parse(response.body)) {
    const std::string_view* error = object->find("error");
    if (error && codec::json_kind(*error) == codec::JsonKind::string) reason = codec::json_string(*error);
  }
  if (reason.empty()) reason = response.body.substr(0, response.body.find('\n'));
  constexpr std::size_t shown_max = 200;
  reason.resize(std::min(reason.size(), shown_max));
  return fmt::format("{} {}{}{}", response.status, io::http_reason(response.status), reason.empty() ? "" : ": ",
                     reason);
}

Error error_of(const io::HttpResponse& response) {
  switch (response.status) {
    case 400: return {Code::arguments, reason_of(response)};
    case 401:
    case 403: return {Code::permission, reason_of(response)};
    case 404: return {Code::failed, "there is no /cmd: " + reason_of(response)};
    case 503: return {Code::overloaded, reason_of(response)};
    default: return {Code::failed, reason_of(response)};
  }
}

// The first line that is not blank.
std::string_view first_line(std::string_view body) {
  const std::size_t begin = body.find_first_not_of(whitespace);
  if (begin == std::string_view::npos) return {};
  return body.substr(begin, body.find('\n', begin) - begin);
}

class HttpCarrier final : public Carrier, public std::enable_shared_from_this<HttpCarrier> {
 public:
  HttpCarrier(io::Loop& loop, std::unique_ptr<io::HttpClient> client, HttpCarrierOptions options)
      : Carrier(options.id),
        loop_(loop),
        options_(std::move(options)),
        client_(std::move(client)),
        in_(std::make_shared<runtime::MessageQueue>(loop, loop, options_.limits)),
        scope_(loop),
        refreshing_(loop) {}

  Task<Result<void>> start() override {
    if (is_closed_.load()) co_return fail(Code::closed, "the carrier");
    if (options_.refresh == Duration()) co_return Result<void>();
    co_await co_await list();
    if (is_closed_.load()) co_return fail(Code::closed, "the carrier");
    is_listed_ = true;
    refreshing_.spawn(refresh(*this));
    co_return Result<void>();
  }
  Result<void> send(const CommandMessage& message) override {
    if (is_closed_.load()) return fail(Code::closed, "the carrier");
    if (!loop_.is_own_thread()) {
      loop_.post([self = shared_from_this(), message] { static_cast<void>(self->send(message)); });
      return {};
    }
    if (std::holds_alternative<command::RegisterRequest>(message.body)) {
      answer(command::RegisterResponse{message.id, true});
      return {};
    }
    const bool is_execute = std::holds_alternative<command::ExecuteRequest>(message.body);
    if (!is_execute && !std::holds_alternative<command::ListRequest>(message.body)) return {};
    if (!is_execute && std::exchange(is_listed_, false)) return {};  // the answer is there
    std::string line = encode(message, false);
    if (scope_.size() >= options_.requests_max) {
      refuse(message, {Code::overloaded, fmt::format("{} requests are in flight", scope_.size())});
    } else if (line.size() > options_.limits.message_bytes_max) {
      refuse(message, {Code::too_large, "it is longer than a message of the carrier may be"});
    } else {
      scope_.spawn(ask(*this, std::move(line), message.id, is_execute, until(message)));
    }
    return {};
  }
  Task<void> writable() override {
    while (scope_.size() * 2 > options_.requests_max && !is_closed_.load()) {
      writable_.reset();
      co_await writable_.wait();
    }
  }
  Task<std::optional<ReceivedCommand>> receive() override { return in_->pop(); }
  void close() override {
    if (is_closed_.exchange(true)) return;
    in_->end_reading();
    if (loop_.is_own_thread()) return end();
    loop_.post([self = shared_from_this()] { self->end(); });
  }

 private:
  Instant until(const CommandMessage& message) const {
    return loop_.now() + command::remaining_of(message.meta).value_or(options_.answer_max);
  }
  void answer(command::Body body, std::string meta = {}) {
    static_cast<void>(in_->push(CommandMessage{.id = uuid(), .body = std::move(body), .meta = std::move(meta)}));
  }
  void answer(const std::string& id, const Error& why) {
    answer(command::ExecuteResponse{id, core::to_wire(why), {}}, core::meta_of(why, {}));
  }
  std::string uuid() {
    const std::uint64_t high = loop_.random().next();
    return command::uuid_of(high, loop_.random().next());
  }
  void refuse(const CommandMessage& message, const Error& why) {
    if (!std::holds_alternative<command::ListRequest>(message.body)) answer(message.id, why);
  }
  void end() {
    writable_.set();
    refreshing_.cancel_all();
    if (scope_.size() != 0) scope_.cancel_all();
  }

  static Task<void> refresh(HttpCarrier& carrier) {
    constexpr int failures_max = 3;  // in a row, of a server that is there
    int failures = 0;
    while (failures < failures_max) {
      co_await Sleep(carrier.loop_, carrier.options_.refresh);
      auto listed = co_await carrier.list();
      // A list changes nothing: what was asked on a connection that had ended is asked again.
      if (!listed && listed.error().code == Code::sent_then_lost) listed = co_await carrier.list();
      failures = listed ? 0 : failures + 1;
      if (!listed && (listed.error().code == Code::address || listed.error().code == Code::permission)) break;
    }
    carrier.in_->end_writing();
  }
  // Asks for all commands, and passes on what has come, changed or gone.
  Task<Result<void>> list() {
    const CommandMessage question{.id = uuid(), .body = command::ListRequest()};
    CommandMessage answered = co_await co_await request(encode(question, false), loop_.now() + options_.answer_max);
    auto* const said = std::get_if<command::ListResponse>(&answered.body);
    if (!said)
      co_return fail(Code::failed, fmt::format("{} is no answer to what commands there are", type_of(answered)));
    std::set<std::string> names;
    for (const command::Definition& each : said->commands) names.insert(each.id);
    command::Unregister gone;
    std::ranges::set_difference(names_, names, std::back_inserter(gone.commands));
    if (!gone.commands.empty()) co_await in_->push(CommandMessage{.id = uuid(), .body = std::move(gone)});
    co_await in_->push(std::move(answered));
    names_ = std::move(names);
    co_return Result<void>();
  }

  static Task<void> ask(HttpCarrier& carrier, std::string line, std::string id, bool is_execute, Instant until) {
    auto response = co_await carrier.request(std::move(line), until);
    if (response) {
      static_cast<void>(carrier.in_->push(*std::move(response)));
    } else if (is_execute) {
      Error failure = std::move(response).error();
      if (failure.code == Code::address) failure.code = Code::not_sent;
      carrier.answer(id, failure);
    }
    carrier.writable_.set();
  }
  // The message that answers it.
  Task<Result<CommandMessage>> request(std::string line, Instant until) {
    io::HttpRequest request{.method = "POST", .body = std::move(line)};
    request.target = client_->target();
    if (!request.target.ends_with("/cmd")) request.target += request.target.ends_with('/') ? "cmd" : "/cmd";
    request.fields = {{"Content-Type", "application/json"}, {"Accept", "application/x-ndjson"}};
    if (!options_.token.empty()) request.fields.push_back({"Authorization", "Bearer " + options_.token});
    auto response = co_await client_->request(std::move(request), until);
    if (!response) co_return fail(std::move(response).error());
    if (response->status != 200) co_return fail(error_of(*response));
    auto parsed = command::parse(first_line(response->body), false);
    if (auto* malformed = std::get_if<command::Malformed>(&parsed)) {
      co_return fail(Code::failed, "the answer is no message: " + malformed->error.note);
    }
    co_return std::get<CommandMessage>(std::move(parsed));
  }

  io::Loop& loop_;
  const HttpCarrierOptions options_;
  std::unique_ptr<io::HttpClient> client_;
  std::shared_ptr<runtime::MessageQueue> in_;
  Event writable_;
  std::atomic<bool> is_closed_ = false;
  bool is_listed_ = false;       // what start() asked for
  std::set<std::string> names_;  // that the server had last
  Scope scope_;                  // of requests
  Scope refreshing_;
};

}  // namespace

Result<std::shared_ptr<Carrier>> http_carrier(io::Loop& loop, std::string_view url, HttpCarrierOptions options) {
  PARLEY_TRY(auto client, loop.http_client(url));
  return std::make_shared<HttpCarrier>(loop, std::move(client), std::move(options));
}

}  // namespace parley
