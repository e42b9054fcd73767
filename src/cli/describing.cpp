#include "cli/describing.h"

#include <utility>

#include "runtime/builtin.h"
#include "runtime/description_service.h"
#include "runtime/framed_link.h"
#include "runtime/service_check.h"

namespace parley::cli {

namespace {

// Nobody waits for it for long: who was silent so long has nothing to say.
constexpr Duration patience_of_recorder = std::chrono::seconds(1);

}  // namespace

void Describing::start(std::unique_ptr<io::Stream> stream, std::string token) {
  is_asking_ = true;
  wanted_.set();
  scope_.spawn(run(std::move(stream), std::move(token)));
}

void Describing::on_method(std::uint64_t id) {
  if (is_over_ || methods_.size() >= methods_max || !methods_.insert(id).second) return;
  is_asking_ = true;
  wanted_.set();
}

Task<void> Describing::settled() {
  while (is_asking_ && !is_over_) {
    asked_.reset();
    co_await asked_.wait();
  }
}

Task<void> Describing::run(std::unique_ptr<io::Stream> stream, std::string token) {
  Options options;
  options.token = std::move(token);
  options.limits.handshake_max = patience_of_recorder;
  auto link = std::make_unique<runtime::FramedLink>(loop_, std::move(stream), options.limits);
  const auto session = co_await open_session(loop_, std::move(link), std::move(options));
  if (!session) failure_ = session.error();
  while (!failure_) {
    co_await wanted_.wait();
    wanted_.reset();
    is_asking_ = true;
    if (const auto asked = co_await ask(**session); !asked) failure_ = asked.error();
    is_asking_ = wanted_.is_set();
    asked_.set();
  }
  is_over_ = true;
  asked_.set();
}

Task<Result<std::set<std::string>>> Describing::names(Session& session) {
  std::set<std::string> names;
  const CallOptions options{.deadline = patience_of_recorder};
  if (session.runtime().machine().is_peer_hub()) {
    auto directory = session.client<builtin::Directory>(builtin::directory_name).with(options);
    const auto entries = co_await directory.call<&builtin::Directory::list>();
    if (!entries) co_return fail(entries.error());
    for (const builtin::DirectoryEntry& entry : *entries) names.insert(entry.name);
  } else {
    auto describe = session.client<Describe>("parley.Describe").with(options);
    const auto services = co_await describe.call<&Describe::services>();
    if (!services) co_return fail(services.error());
    for (const ServiceEntry& entry : *services) names.insert(entry.name);
  }
  co_return names;
}

// What cannot be described is shown without names.
Task<Result<void>> Describing::ask(Session& session) {
  const auto found = co_await names(session);
  if (!found) co_return fail(found.error());
  for (const std::string& name : *found) {
    const auto service = co_await runtime::ask_description(session.runtime(), name, patience_of_recorder);
    if (!service) continue;
    found_(name, *service);
    for (const codec::MethodDescription& method : service->methods) methods_.insert(method.id);
  }
  co_return Result<void>();
}

}  // namespace parley::cli
