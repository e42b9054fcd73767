#include "cli/described.h"

#include <fmt/format.h>

#include "runtime/service_check.h"

namespace parley::cli {

Task<Result<codec::Transcoder>> described(Session& session, std::string name, std::optional<Duration> deadline) {
  auto description = co_await runtime::ask_description(session.runtime(), std::move(name), deadline);
  if (!description) co_return fail(description.error());
  co_return codec::Transcoder::make(std::move(*description));
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
