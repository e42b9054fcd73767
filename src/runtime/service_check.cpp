#include "runtime/service_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/client.h"
#include "runtime/description_service.h"
#include "runtime/session.h"

namespace parley::runtime {

namespace {

Client<Describe> describer(Session& session, std::string_view name, std::optional<Duration> deadline) {
  return Client<Describe>(session.to_service(name)).with({.deadline = deadline});
}

// Between two processes the class decides, whatever the name.
Task<Result<std::string>> name_by_class(Session& session, std::string name, std::string service,
                                        std::optional<Duration> deadline) {
  Client<Describe> client = describer(session, name, deadline);
  const auto services = co_await client.call<&Describe::services>();
  if (!services) co_return fail(services.error());
  if (std::ranges::find(*services, name, &ServiceEntry::name) != services->end()) co_return name;
  const auto same_class = std::ranges::find(*services, service, &ServiceEntry::service);
  co_return same_class == services->end() ? name : same_class->name;
}

}  // namespace

Task<Result<codec::ServiceDescription>> ask_description(Session& session, std::string name,
                                                        std::optional<Duration> deadline) {
  Client<Describe> client = describer(session, name, deadline);
  auto described = co_await client.call<&Describe::describe>(name);
  if (const Error* error = described.error()) {
    if (error->code != Code::method) co_return fail(*error);
    co_return fail(Code::unsupported, fmt::format("\"{}\" does not describe itself", name));
  }
  if (const NoSuchService* none = described.own()) {
    co_return fail(Code::not_found,
                   none->nearest.empty()
                       ? fmt::format("\"{}\" describes no service of that name", name)
                       : fmt::format("\"{}\" is not described; did you mean \"{}\"?", name, none->nearest));
  }
  codec::ServiceDescription description = std::move(described.value());
  if (auto good = codec::check(description); !good) co_return fail(good.error());
  co_return description;
}

Task<Result<void>> check_service(Session& session, std::string name, codec::ServiceDescription here,
                                 std::optional<Duration> deadline) {
  std::string described_as = name;
  if (!session.machine().is_peer_hub()) {
    auto found = co_await name_by_class(session, name, here.name, deadline);
    if (!found && found.error().code != Code::method) co_return fail(found.error());
    if (found) described_as = *found;
  }
  const auto there = co_await ask_description(session, described_as, deadline);
  if (!there) co_return fail(there.error());
  const std::string different = codec::difference(here, *there);
  if (!different.empty()) co_return fail(Code::method, fmt::format("\"{}\": {}", name, different));
  co_return Result<void>();
}

}  // namespace parley::runtime
