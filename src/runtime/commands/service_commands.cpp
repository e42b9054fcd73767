#include "runtime/commands/service_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "codec/dynamic.h"
#include "codec/json_schema.h"
#include "runtime/memory_link.h"
#include "runtime/raw.h"

namespace parley {

namespace {

using codec::MethodDescription;

// The service at the other end of a session inside this process: its handlers have all that those of other sessions
// have, a Context included.
class ServiceAtHand {
 public:
  ServiceAtHand(io::Loop& loop, codec::Transcoder transcoder, std::shared_ptr<const runtime::MethodTable> methods)
      : transcoder_(std::move(transcoder)) {
    using runtime::Session;
    auto [ours, theirs] = runtime::make_memory_links(loop);
    caller_ = &Session::start(loop, std::move(ours), Session::Role::initiator, {}, nullptr);
    provider_ =
        &Session::start(loop, std::move(theirs), Session::Role::acceptor, {.for_peer = std::move(methods)}, nullptr);
  }
  ~ServiceAtHand() {
    caller_->drop_caller();
    provider_->drop_caller();
  }
  ServiceAtHand(const ServiceAtHand&) = delete;
  ServiceAtHand& operator=(const ServiceAtHand&) = delete;

  const codec::Transcoder& transcoder() const { return transcoder_; }
  runtime::Session& session() { return *caller_; }

 private:
  codec::Transcoder transcoder_;
  runtime::Session* caller_;
  runtime::Session* provider_;
};

class MethodCommand final : public runtime::CommandHandler {
 public:
  MethodCommand(std::shared_ptr<ServiceAtHand> service, const MethodDescription& method, std::string request_schema)
      : service_(std::move(service)), method_(method), request_schema_(std::move(request_schema)) {}

  Task<Result<std::string>> run_json(CommandContext& context, std::string request) override {
    const codec::Transcoder& transcoder = service_->transcoder();
    const auto arguments = transcoder.arguments(method_, request.empty() ? "{}" : request);
    if (!arguments) co_return fail(Code::arguments, arguments.error().note);
    CallOptions options;
    const Duration left = context.deadline() - service_->session().loop().now();
    options.deadline = std::max(left, Duration::zero());
    const auto response = co_await RawCall::start(service_->session(), method_.id, arguments->bytes, {}, options);
    if (!response) co_return fail(response.error());
    if (!response->is_own_error) {
      auto result = transcoder.to_json(method_.result, response->payload.view());
      if (result && *result == "null") co_return std::string();
      co_return result;
    }
    auto own = transcoder.to_json(*method_.own_error, response->payload.view());
    if (!own) co_return fail(std::move(own).error());
    co_return fail(Code::failed, *std::move(own));
  }
  std::string request_schema() const override { return request_schema_; }
  std::string response_schema() const override {
    const auto& description = service_->transcoder().description();
    if (description.types[method_.result].kind == codec::DescribedKind::unit) return {};
    return codec::json_schema(description, method_.result);
  }

 private:
  std::shared_ptr<ServiceAtHand> service_;
  const MethodDescription& method_;  // of its description
  std::string request_schema_;
};

bool has_channels(const codec::ServiceDescription& description, const MethodDescription& method) {
  return std::ranges::any_of(method.arguments,
                             [&](const auto& each) { return codec::has_channel(description, each.type); });
}

}  // namespace

Task<Result<void>> Registry::add_service(std::string name, codec::ServiceDescription description,
                                         std::shared_ptr<const runtime::MethodTable> methods) {
  auto transcoder = codec::Transcoder::make(std::move(description));
  if (!transcoder) co_return fail(std::move(transcoder).error());
  const auto service = std::make_shared<ServiceAtHand>(loop(), *std::move(transcoder), std::move(methods));
  co_await service->session().established().wait();
  const codec::ServiceDescription& described = service->transcoder().description();
  std::vector<std::string> added;
  for (const MethodDescription& method : described.methods) {
    if (has_channels(described, method)) continue;
    std::string command = fmt::format("{}.{}", name, method.name);
    auto schema = codec::arguments_schema(described, method);
    Result<void> done = schema ? co_await add(command, method.description,
                                              std::make_shared<MethodCommand>(service, method, *std::move(schema)),
                                              {.idempotent = method.is_idempotent ? std::optional(true) : std::nullopt})
                               : fail(std::move(schema).error());
    if (!done) {
      for (const std::string& each : added) remove_command(each);
      co_return done;
    }
    added.push_back(std::move(command));
  }
  co_return Result<void>();
}

}  // namespace parley
