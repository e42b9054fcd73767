#include "runtime/commands/dynamic_command.h"

#include <fmt/format.h>

#include <utility>

#include "codec/json_object.h"

namespace parley::runtime {

namespace {

class DynamicHandlerCommand final : public CommandHandler {
 public:
  DynamicHandlerCommand(Registry::DynamicHandler handler, std::optional<codec::JsonSchema> request)
      : handler_(std::move(handler)), request_(std::move(request)) {}

  Task<Result<std::string>> run_json(CommandContext& context, std::string request) override {
    if (request_) {
      auto fits = request_->validate(request.empty() ? std::string_view("{}") : request);
      if (!fits) co_return fail(std::move(fits).error());
    }
    auto result = co_await handler_(context, std::move(request));
    if (result && !result->empty()) {
      if (auto good = codec::check_json(*result); !good) {
        co_return fail(Code::failed, fmt::format("its result is no JSON: {}", good.error().note));
      }
      std::string compact;
      codec::append_compact(compact, *result);
      co_return compact;
    }
    co_return result;
  }

 private:
  Registry::DynamicHandler handler_;
  std::optional<codec::JsonSchema> request_;
};

}  // namespace

Result<CommandSchemas> compile_schemas(const DynamicCommand& command) {
  std::optional<codec::JsonSchema> request;
  std::string texts[2];
  const std::string* const given[2] = {&command.request_schema, &command.response_schema};
  for (int i = 0; i < 2; ++i) {
    if (given[i]->empty()) continue;
    PARLEY_TRY(auto compiled, codec::JsonSchema::compile(*given[i], {.allows_more = command.allows_more}));
    codec::append_compact(texts[i], *given[i]);
    if (i == 0) request = std::move(compiled);
  }
  return CommandSchemas{wire::command::schema_of(texts[0], texts[1]), std::move(request)};
}

std::shared_ptr<CommandHandler> dynamic_command(Registry::DynamicHandler handler,
                                                std::optional<codec::JsonSchema> request) {
  return std::make_shared<DynamicHandlerCommand>(std::move(handler), std::move(request));
}

}  // namespace parley::runtime
