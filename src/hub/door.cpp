#include "hub/door.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/uri.h"
#include "runtime/framed_link.h"
#include "wire/opening_refusal.h"

namespace parley::hub {

using wire::Opening;

namespace {

// Keeps a stream that may be telling something, until it does no more.
struct Grave final : Mortal {
  explicit Grave(std::unique_ptr<io::Stream> stream) : stream(std::move(stream)) {}
  std::unique_ptr<io::Stream> stream;
};

}  // namespace

Result<std::string> Door::listen(std::string_view uri, Hub::Speaks speaks) {
  const auto parsed = io::parse_uri(uri);  // some loops know other addresses
  if (parsed && parsed->has_port() && !gate_.knows_strangers()) {
    return fail(Code::refused,
                "whoever reaches a TCP port could come in, and there is nothing to tell them by, neither tokens "
                "(HubOptions::tokens, or parley hub --token-file NAME=PATH) nor rules for certificate:NAME");
  }
  auto at = std::make_unique<Listening>(*this, speaks, parsed && parsed->kind == io::Uri::Kind::memory);
  PARLEY_TRY(at->listener, loop_.listen(uri));
  std::string address = at->listener->address();
  at->listener->start(*at);
  listening_.push_back(std::move(at));
  return address;
}

void Door::close() {
  listening_.clear();
  newcomers_.clear();
  http_newcomers_.clear();
  arrivals_.clear();
  stable_.drop_newcomers();
}

// The others go on.
void Door::on_listener_failed(Listening& at, Error error) {
  const std::string where = at.listener->address();
  at.listener.reset();
  hub_.on_listener_failed({error.code, fmt::format("{}: {}", where, error.note)});
}

void Door::on_stream(std::unique_ptr<io::Stream> stream, const Listening& at) {
  ++counters.streams;
  auto seen = Gate::seen(stream->peer(), at.is_inside);
  if (!gate_.knows_strangers() && !gate_.knows(seen)) {
    ++counters.strangers;
    return hub_.on_stranger(seen, stream->peer());
  }
  make_room();
  Arrived arrived{.id = ++last_id_, .seen = std::move(seen), .until = loop_.now() + limits_.handshake_max};
  if (at.speaks == Hub::Speaks::any) return listen_to(std::move(stream), std::move(arrived));
  if (at.speaks == Hub::Speaks::bus) return hub_.on_bus(std::move(stream), std::move(arrived.seen), arrived.until);
  arrived.stream = std::move(stream);
  ask(std::move(arrived));
}

// Whoever only comes, in whatever number, keeps nobody out who says at once who he is.
void Door::make_room() {
  const std::size_t newcomers_max = std::max(limits_.newcomers_max, 1u);
  while (newcomers_.size() + http_newcomers_.size() + stable_.newcomer_count() >= newcomers_max) push_one_out();
}

void Door::push_one_out() {
  ++counters.pushed_out;
  if (stable_.newcomer_count() > newcomers_.size() + http_newcomers_.size()) return stable_.drop_oldest_newcomer();
  const bool is_http =
      !http_newcomers_.empty() && (newcomers_.empty() || *http_newcomers_.begin() < newcomers_.begin()->first);
  if (is_http) {
    const std::uint64_t oldest = *http_newcomers_.begin();
    forget(oldest);
    return hub_.on_http_pushed_out(oldest);
  }
  const auto [id, arrival] = *newcomers_.begin();
  if (arrival) return bury(take(*arrival).stream);
  forget(id);
  hub_.on_pushed_out(id);
}

// It is at the door no more, and no newcomer until it is again.
Door::Arrived Door::take(Arrival& arrival) {
  arrival.leave();
  Arrived arrived = std::move(arrivals_.extract(&arrival).mapped());
  forget(arrived.id);
  return arrived;
}

void Door::listen_to(std::unique_ptr<io::Stream> stream, Arrived arrived) {
  auto arrival = std::make_unique<Arrival>(loop_, std::move(stream), static_cast<ArrivalEvents&>(*this));
  Arrival& waiting = *arrival;
  const Instant until = arrived.until;
  newcomers_[arrived.id] = &waiting;
  arrived.stream = std::move(arrival);
  arrivals_.emplace(&waiting, std::move(arrived));
  waiting.wait(until);
}

void Door::on_opening(Arrival& arrival, Opening opening) {
  Arrived arrived = take(arrival);
  if (opening == Opening::roam && !has_room()) {
    ++counters.too_many;
    return bury(std::move(arrived.stream));
  }
  if (opening == Opening::roam) {
    auto link = std::make_unique<runtime::FramedLink>(loop_, std::move(arrived.stream), limits_);
    return admit(arrived.id, std::move(link), std::move(arrived.seen), arrived.until);
  }
  if (opening == Opening::roam_stable) return ask(std::move(arrived));
  if (!look_inside(arrived, opening)) refuse(arrived, opening);
}

void Door::on_silence(Arrival& arrival) {
  ++counters.silent;
  bury(take(arrival).stream);
}

// The rule applies again to the stream inside of TLS, and to the one inside of a WebSocket: once each, in this order.
bool Door::look_inside(Arrived& arrived, Opening opening) {
  if (opening == Opening::http && arrived.inside_of != Opening::http) {
    if (!hub_.on_http(arrived.id, arrived.stream, arrived.seen, arrived.until)) return false;
    http_newcomers_.insert(arrived.id);
    return true;
  }
  if (opening == Opening::command) {
    hub_.on_lines(std::move(arrived.stream), std::move(arrived.seen), arrived.until);
    return true;
  }
  if (opening == Opening::bus && arrived.inside_of != Opening::http) {
    hub_.on_bus(std::move(arrived.stream), std::move(arrived.seen), arrived.until);
    return true;
  }
  if (opening == Opening::hostpipe && arrived.inside_of != Opening::http) {
    hub_.on_hostpipe(std::move(arrived.stream), std::move(arrived.seen), arrived.until);
    return true;
  }
  if (opening != Opening::tls || arrived.inside_of != Opening::undecided) return false;
  auto inside = loop_.accept_tls(arrived.stream);
  if (!inside) return false;
  arrived.inside_of = opening;
  listen_to(*std::move(inside), std::move(arrived));
  return true;
}

void Door::on_websocket(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, Instant until) {
  auto inside = loop_.accept_websocket(stream);
  if (!inside) return bury(std::move(stream));
  make_room();
  Arrived arrived{.id = ++last_id_, .seen = std::move(seen), .until = until, .inside_of = Opening::http};
  listen_to(*std::move(inside), std::move(arrived));
}

void Door::refuse(Arrived& arrived, Opening opening) {
  // What is inside of something tells of that, as when no WebSocket was opened.
  const bool is_of_outside = opening == Opening::unknown && arrived.inside_of != Opening::undecided;
  ++counters.refused[std::string(to_string(is_of_outside ? arrived.inside_of : opening))];
  if (const ByteView said = wire::refusal_of(opening); !said.empty() && arrived.inside_of != Opening::http) {
    static_cast<void>(arrived.stream->write_some(said, {}));
    arrived.stream->finish();
  }
  bury(std::move(arrived.stream));
}

// Bare or stable, new or one that goes on: its first message tells.
void Door::ask(Arrived arrived) {
  stable_.admit(std::make_unique<runtime::FramedLink>(loop_, std::move(arrived.stream), limits_), arrived.until,
                has_room(),
                [this, id = arrived.id, seen = std::move(arrived.seen), until = arrived.until](
                    std::unique_ptr<io::Link> link) mutable { admit(id, std::move(link), std::move(seen), until); });
}

void Door::on_refused(runtime::StableSessions::Refused what) {
  switch (what) {
    case runtime::StableSessions::Refused::silent: ++counters.silent; break;
    case runtime::StableSessions::Refused::no_room: ++counters.too_many; break;
    case runtime::StableSessions::Refused::rejected:
      ++counters.refused[std::string(to_string(Opening::roam_stable))];
      break;
  }
}

void Door::admit(std::uint64_t id, std::unique_ptr<io::Link> link, std::optional<core::Principal> seen, Instant until) {
  ++counters.accepted;
  newcomers_[id] = nullptr;
  // The handshake of TLS may have said more than was seen when it came.
  if (!link->peer().certificate.empty()) seen = Gate::seen(link->peer(), false);
  hub_.on_newcomer(id, std::move(link), std::move(seen), until);
}

void Door::bury(std::unique_ptr<io::Stream> stream) {
  loop_.executor().bury(std::make_unique<Grave>(std::move(stream)));
}

}  // namespace parley::hub
