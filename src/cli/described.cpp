#include "cli/described.h"

#include <fmt/format.h>

#include "runtime/description_service.h"

namespace parley::cli {

Task<Result<codec::Transcoder>> described(Session& session, std::string name, std::optional<Duration> deadline) {
  const auto client = session.client<Describe>(name).with({.deadline = deadline});
  const auto described = co_await Client<Describe>(client).call<&Describe::describe>(name);
  if (const Error* error = described.error()) {
    if (error->code != Code::method) co_return fail(*error);
    co_return fail(Code::unsupported, fmt::format("\"{}\" does not describe itself", name));
  }
  if (described.own()) co_return fail(Code::not_found, fmt::format("\"{}\" describes no service of that name", name));
  co_return codec::Transcoder::make(described.value());
}

std::string signature(const codec::ServiceDescription& service, const codec::MethodDescription& method) {
  std::string text = method.name + "(";
  for (std::size_t i = 0; i < method.arguments.size(); ++i) {
    const codec::ArgumentDescription& argument = method.arguments[i];
    if (i != 0) text += ", ";
    if (!argument.name.empty()) text += argument.name + ": ";
    text += type_words(service, argument.type);
  }
  text += ")";
  const std::string result = type_words(service, method.result);
  if (result != "unit") text += " -> " + result;
  if (method.own_error) text += " or " + type_words(service, *method.own_error);
  return text;
}

}  // namespace parley::cli
