#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "codec/json_text.h"
#include "codec/utf8.h"
#include "core/directory/command_errors.h"
#include "core/directory/name.h"
#include "core/directory/registry.h"
#include "wire/command/meta.h"

// How requests find who answers them, and answers who asked.
namespace parley::core {

namespace command = wire::command;

// One principal has no more of them than this part, through however many carriers.
static constexpr std::uint32_t shares_of_requests = 4;
// With a name that nobody has, which costs that much: names that are looked at, and bytes of it.
static constexpr std::size_t names_compared_max = 128;
static constexpr std::size_t compared_bytes_max = 40;

static std::string with_remaining(std::string_view meta, Duration left) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(std::max(left, Duration::zero())).count();
  return command::with_meta_member(meta, command::remaining_key, fmt::format("{}", us));
}

// What whoever asked said about the request alone.
static std::string without_request_members(std::string_view meta) {
  if (!meta.contains("parley-")) return std::string(meta);
  return command::with_meta_member(command::with_meta_member(meta, command::remaining_key, {}), command::hops_key, {});
}

static Error no_command(std::string_view name) {
  return {Code::not_found, fmt::format("there is no command \"{}\"", codec::to_line(name, name_bytes_max))};
}

std::string_view Registry::nearest_command(std::string_view name, const Rights* rights) const {
  if (name.size() > compared_bytes_max) return {};
  std::vector<std::string_view> names;
  std::size_t looked_at = 0;
  directory_.commands().for_each([&](const Commands::Provided& each) {
    const std::string& id = each.definition.id;
    if (looked_at++ < names_compared_max && !is_private(id) && (!rights || rights->sees(id))) names.push_back(id);
  });
  return codec::nearest_name(name, names.data(), names.size());
}

// Who has rights asks a hub, and is told what he may have meant.
Error Registry::no_command_for(const Rights* rights, std::string_view name) const {
  Error error = no_command(name);
  const std::string_view near = rights ? nearest_command(name, rights) : std::string_view();
  if (!near.empty()) error.note += fmt::format("; did you mean \"{}\"?", near);
  return error;
}

Registry::Way Registry::way_of(std::string_view id, Carrier from, const Rights* rights) const {
  if (const Commands::Provided* provided = directory_.commands().find(id)) {
    if (provided->owner != from || from == here) return {.to = provided->owner, .none = {}};
    return {.none = Error{Code::not_found, fmt::format("\"{}\" is provided by whoever asks for it", id)}};
  }
  // What no message can say nobody has.
  if (id.empty() || id.size() > command::Bounds().id_bytes_max || !codec::is_utf8(as_bytes(id))) {
    return {.none = no_command(id)};
  }
  if (router_ != here && router_ != from && !is_private(id)) {
    if (carriers_.at(router_).is_started) return {.to = router_, .none = {}};
    return {.none = Error{Code::not_sent, fmt::format("\"{}\" is not here, and the router is not connected", id)}};
  }
  if (has_lost_router() && !is_private(id)) {
    return {.none = Error{Code::not_sent, fmt::format("\"{}\" is not here, and the router has gone", id)}};
  }
  return {.none = no_command_for(rights, id)};
}

// Of a name that nobody has nothing is written down.
void Registry::write_down(const Rights& rights, std::string_view from, Verb verb, std::string_view name,
                          Effects& effects) const {
  if (verb == Verb::call && !directory_.commands().find(name)) return;
  if (auto may = rights.check(verb, name); !may) {
    effects.push_back(Refused{rights.principal(), std::string(from), verb, std::string(name), std::move(may).error()});
  }
}

// Two ways to see a ring: a request that is in flight here, and, since one whose caller gave up is forgotten here while
// it still goes round before the cancel that hunts it, one that was passed on too often.
std::optional<Error> Registry::refusal_of(Carrier from, const std::string& id, std::uint32_t hops,
                                          std::string_view name, Effects& effects) {
  const Neighbour& neighbour = carriers_.at(from);
  if (by_id_.contains(id) || hops > command::hops_max) {
    ++counters_.loops;
    return Error{Code::not_found, fmt::format("the request {} is on its way already: it came round in a ring", id)};
  }
  const auto too_many = [&](std::size_t count, std::string_view whose) {
    ++counters_.requests_refused;
    return Error{Code::overloaded, fmt::format("{} requests{} are in flight", count, whose)};
  };
  if (neighbour.asked.size() >= limits_.requests_per_carrier_max) return too_many(neighbour.asked.size(), " of yours");
  if (neighbour.share && neighbour.share->requests >= std::max(limits_.requests_max / shares_of_requests, 1u)) {
    return too_many(neighbour.share->requests, " of your principal");
  }
  if (requests_.size() >= limits_.requests_max) return too_many(requests_.size(), "");
  // Whoever comes without rights may everything that is public.
  const Rights* rights = neighbour.terms.rights;
  if (rights) return denial_of(*rights, neighbour.terms.id, name, effects);
  return is_private(name) ? std::optional(no_command(name)) : std::nullopt;
}

// Of what somebody may not see he is told what he would be told if it were not there.
std::optional<Error> Registry::denial_of(const Rights& rights, std::string_view from, std::string_view name,
                                         Effects& effects) const {
  const bool may = rights.may(Verb::call, name);
  if (may && (!is_private(name) || rights.may(Verb::operate, name))) return std::nullopt;
  if (!may) write_down(rights, from, Verb::call, name, effects);
  return !may && rights.sees(name) ? rights.check(Verb::call, name).error() : no_command_for(&rights, name);
}

void Registry::on_execute(Carrier from, Message&& message, Instant now, Effects& effects) {
  const std::string name = std::get<command::ExecuteRequest>(message.body).command;
  const std::uint32_t hops = command::hops_of(message.meta);
  std::optional<Error> refusal = refusal_of(from, message.id, hops, name, effects);
  Way way;
  if (!refusal) {
    way = way_of(name, from, carriers_.at(from).terms.rights);
    refusal = way.none;
  }
  if (refusal) {
    const bool is_extended = carriers_.at(from).terms.is_extended;
    return send(from, command::ExecuteResponse{message.id, to_wire(*refusal), {}},
                is_extended ? meta_of(*refusal, message.meta) : message.meta, effects);
  }
  const std::optional<Duration> remaining = command::remaining_of(message.meta);
  Request request{.from = from, .to = way.to, .id = message.id, .meta = message.meta};
  request.share = carriers_.at(from).share;
  request.deadline = now + (remaining ? *remaining : limits_.answer_max);
  if (remaining) message.meta = with_remaining(message.meta, *remaining);
  if (way.to != here) {
    message.meta = command::with_meta_member(message.meta, command::hops_key, fmt::format("{}", hops + 1));
  }
  begin(std::move(request), std::move(message), effects);
}

Registry::Call Registry::execute(Execution execution, Instant now, Effects& effects) {
  const Call call = last_call_ + 1;
  const auto refuse = [&](Error why) {
    last_call_ = call;
    effects.push_back(Settle{call, fail(std::move(why)), std::move(execution.meta)});
    return call;
  };
  const std::string& name = execution.command;
  if (is_closed_) return refuse({Code::closed, "the registry"});
  if (requests_.size() >= limits_.requests_max) {
    ++counters_.requests_refused;
    return refuse({Code::overloaded, fmt::format("{} requests are in flight", requests_.size())});
  }
  if (execution.rights) {
    if (auto denial = denial_of(*execution.rights, {}, name, effects)) return refuse(*std::move(denial));
  }
  Way way = way_of(name, here, execution.rights);
  if (way.none) return refuse(*std::move(way.none));
  Request request{.from = here, .to = way.to, .id = {}, .meta = execution.meta};
  request.deadline = execution.deadline.value_or(now + limits_.answer_max);
  request.wants_progress = execution.wants_progress;
  Message message{.id = {},
                  .body = command::ExecuteRequest{std::move(execution.command), std::move(execution.request)}};
  message.meta = execution.deadline && way.to != here ? with_remaining(execution.meta, *execution.deadline - now)
                                                      : std::move(execution.meta);
  return begin(std::move(request), std::move(message), effects);
}

// Stored before it is sent: an answer may come while that is done.
Registry::Call Registry::begin(Request request, Message&& message, Effects& effects) {
  const Call call = ++last_call_;
  const Carrier to = request.to;
  deadlines_.emplace(request.deadline, call);
  if (request.from != here) carriers_.at(request.from).asked.insert(call);
  if (request.share) ++request.share->requests;
  if (to != here) {
    carriers_.at(to).answers.insert(call);
    if (request.id.empty()) request.id = message.id = uuid();
  }
  const Request& kept = requests_.emplace(call, std::move(request)).first->second;
  if (!kept.id.empty()) by_id_.emplace(kept.id, call);
  if (to != here) {
    send(to, std::move(message), effects);
  } else {
    auto& body = std::get<command::ExecuteRequest>(message.body);
    effects.push_back(Start{call, kept.from, std::move(body.command), std::move(body.request),
                            without_request_members(message.meta), kept.deadline});
  }
  return call;
}

Registry::Request Registry::take(Call call) {
  const auto found = requests_.find(call);
  if (!found->second.id.empty()) by_id_.erase(found->second.id);
  Request request = std::move(found->second);
  requests_.erase(found);
  deadlines_.erase({request.deadline, call});
  if (request.share) --request.share->requests;
  if (const auto from = carriers_.find(request.from); from != carriers_.end()) from->second.asked.erase(call);
  if (const auto to = carriers_.find(request.to); to != carriers_.end()) to->second.answers.erase(call);
  return request;
}

// Whoever works on it need not go on.
void Registry::stop(Call call, const Request& request, const Error& why, Effects& effects) {
  if (request.to == here) {
    effects.push_back(Stop{call, why});
  } else if (const auto to = carriers_.find(request.to); to != carriers_.end() && to->second.terms.is_extended) {
    send(request.to, command::Cancel{request.id}, {}, effects);
  }
}

void Registry::answer(Call call, const Request& request, Result<std::string> result, std::string meta,
                      Effects& effects) {
  if (meta.empty()) meta = without_request_members(request.meta);
  if (request.from == here) return effects.push_back(Settle{call, std::move(result), std::move(meta)});
  const auto from = carriers_.find(request.from);
  if (from == carriers_.end()) return;
  command::ExecuteResponse response{.thread = request.id, .error = {}, .result = {}};
  if (result) {
    response.result = *std::move(result);
  } else {
    response.error = to_wire(result.error());
    if (from->second.terms.is_extended) meta = meta_of(result.error(), meta);
  }
  send(request.from, std::move(response), std::move(meta), effects);
}

void Registry::cancel(Call call, Effects& effects) {
  const auto found = requests_.find(call);
  if (found == requests_.end() || found->second.from != here) return;
  const Request request = take(call);
  stop(call, request, {Code::cancelled, "the caller waits no longer"}, effects);
}

bool Registry::finished(Call call, Result<std::string> result, std::string meta, Effects& effects) {
  const auto found = requests_.find(call);
  if (found == requests_.end() || found->second.to != here) return false;
  const Request request = take(call);
  answer(call, request, std::move(result), std::move(meta), effects);
  return true;
}

bool Registry::progressed(Call call, std::string content, Effects& effects) {
  const auto found = requests_.find(call);
  if (found == requests_.end() || found->second.to != here) return false;
  const Request& request = found->second;
  if (request.from == here) {
    if (request.wants_progress) effects.push_back(Progressed{call, std::move(content)});
  } else if (carriers_.at(request.from).terms.is_extended) {
    send(request.from, command::Progress{request.id, std::move(content)}, {}, effects);
  }
  return true;
}

// The request with that id, where `from` is the one who may speak of it: null, and counted, for any other.
const Registry::Request* Registry::request_of(Carrier from, const std::string& thread, Call& call,
                                              Carrier Request::* side) {
  const auto found = by_id_.find(thread);
  if (found == by_id_.end()) {
    ++counters_.responses_late;
    return nullptr;
  }
  call = found->second;
  const Request& request = requests_.at(call);
  if (request.*side == from) return &request;
  ++counters_.responses_of_others;
  return nullptr;
}

void Registry::on_response(Carrier from, Message&& message, Effects& effects) {
  auto& response = std::get<command::ExecuteResponse>(message.body);
  Call call = 0;
  if (!request_of(from, response.thread, call, &Request::to)) return;
  const Request request = take(call);
  // Passed on as it is; for here it becomes what an end of ours would have said.
  if (request.from != here) {
    if (!carriers_.contains(request.from)) return;
    message.meta = without_request_members(message.meta);
    return send(request.from, std::move(message), effects);
  }
  auto result = response.error ? Result<std::string>(fail(from_wire(*response.error, message.meta)))
                               : Result<std::string>(std::move(response.result));
  const std::string meta = command::with_meta_member(message.meta, command::error_key, {});
  answer(call, request, std::move(result), without_request_members(meta), effects);
}

void Registry::on_progress(Carrier from, Message&& message, Effects& effects) {
  auto& progress = std::get<command::Progress>(message.body);
  Call call = 0;
  const Request* request = request_of(from, progress.thread, call, &Request::to);
  if (!request) return;
  if (request->from == here) {
    if (request->wants_progress) effects.push_back(Progressed{call, std::move(progress.content)});
  } else if (carriers_.at(request->from).terms.is_extended) {
    send(request->from, std::move(message), effects);
  }
}

void Registry::on_cancel(Carrier from, const std::string& thread, Effects& effects) {
  Call call = 0;
  if (!request_of(from, thread, call, &Request::from)) return;
  const Request request = take(call);
  stop(call, request, {Code::cancelled, "the caller waits no longer"}, effects);
}

// Of a carrier that is gone, and that `carriers_` has no more.
void Registry::drop_requests(Neighbour& neighbour, const std::string& id, Effects& effects) {
  const auto in_order = [](const std::unordered_set<Call>& calls) {
    std::vector<Call> sorted(calls.begin(), calls.end());
    std::ranges::sort(sorted);
    return sorted;
  };
  for (const Call call : in_order(neighbour.answers)) {
    const Request request = take(call);
    answer(call, request,
           fail(Code::sent_then_lost, fmt::format("\"{}\" went while it ran this, which may be done", id)), {},
           effects);
  }
  for (const Call call : in_order(neighbour.asked)) {
    if (!requests_.contains(call)) continue;
    const Request request = take(call);
    stop(call, request, {Code::cancelled, "the caller is gone"}, effects);
  }
}

}  // namespace parley::core
