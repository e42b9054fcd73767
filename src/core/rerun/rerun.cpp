#include "core/rerun/rerun.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "codec/utf8.h"
#include "wire/frame.h"
#include "wire/roam/blank.h"
#include "wire/roam/names.h"
#include "wire/trace_context.h"

namespace parley::core {

using wire::records::From;
using namespace wire::roam;

namespace {

constexpr std::string_view not_compared[] = {names::remaining_us, wire::traceparent, wire::tracestate, names::note};

// What of metadata is compared.
Metadata compared_of(const MetadataView& view) {
  Metadata metadata;
  for (const MetadataEntry& entry : view.to_metadata()) {
    if (std::ranges::find(not_compared, entry.key) != std::end(not_compared)) continue;
    const bool is_kept_secret = (entry.flags & Metadata::sensitive) != 0 || entry.key == names::token;
    metadata.add(entry.key, is_kept_secret ? MetadataEntry::Value() : entry.value, entry.flags);
  }
  return metadata;
}

bool are_same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

bool are_same(const Message& a, const Message& b) {
  if (a.payload.index() != b.payload.index()) return false;
  return std::visit(
      [&]<class P>(const P& payload) {
        const P& now = std::get<P>(b.payload);
        if constexpr (requires { payload.description; }) return payload.description == now.description;
        if constexpr (requires { payload.metadata; } && !requires { payload.settings; }) {
          if (compared_of(payload.metadata) != compared_of(now.metadata)) return false;
        }
        if constexpr (requires { payload.method; }) {
          if (payload.method != now.method || !are_same(payload.arguments, now.arguments)) return false;
        }
        if constexpr (requires { payload.result; }) return are_same(payload.result, now.result);
        if constexpr (requires { payload.item; }) return are_same(payload.item, now.item);
        return true;
      },
      a.payload);
}

std::vector<std::uint8_t> bytes_of(const Message& message) {
  BlockPool pool;
  OutBuffer out(pool);
  put_message(out, message);
  const ByteView bytes = out.pending().subspan(wire::frame_head_bytes);
  return {bytes.begin(), bytes.end()};
}

// What it says, without when and where.
std::string content(Dissected one) {
  one.fault.clear();
  std::string line = to_line(one);
  const std::size_t kind = line.find(one.kind);
  return kind == std::string::npos ? line : line.substr(kind);
}

std::string title(const Dissected& one) {
  const std::string of = one.method.empty() ? std::string() : fmt::format(" of {} {}", one.method, one.path);
  std::string text = fmt::format("the {}{}", one.kind, of);
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

Rerun::Rerun(const std::vector<wire::records::Record>& recording, const wire::roam::Catalog& catalog,
             RerunOptions options)
    : catalog_(catalog), options_(std::move(options)), dissector_(catalog) {
  limits_.metadata_entries_max = 1u << 20;
  limits_.metadata_bytes_max = wire::records::record_bytes_max;
  limits_.channels_per_call_max = 1u << 20;
  wire::records::SessionSorter sorter;
  std::map<std::uint64_t, bool> is_stable;  // by session
  for (const wire::records::Record& record : recording) {
    if (const auto* passed = std::get_if<wire::records::Passed>(&record)) {
      const wire::records::Sorted sorted = sorter.sort(*passed);
      is_stable[sorted.session] = sorted.is_stable;
      add(*passed, sorted);
    } else if (const auto* left = std::get_if<wire::records::LeftOut>(&record)) {
      if (const std::uint64_t session = sorter.session_of(left->stream)) break_off(session, left->why);
    } else if (const auto* ended = std::get_if<wire::records::Ended>(&record)) {
      // A stream that a stable session loses is not its end.
      const std::uint64_t session = sorter.session_of(ended->stream);
      if (session == 0 || is_stable[session] || states_[session].is_broken_off) continue;
      if (ended->from == From::client) {
        states_[session].has_finished = true;
        add_step(Action::What::finish, session);
      } else if (!states_[session].has_finished) {
        expected_[{session, Flow::over}].push_back(steps_.size());
        steps_.push_back({.is_expected = true, .key = {session, Flow::over}, .message = {}});
      }
    }
  }
  // What nothing described is known by how much was said without a grant.
  for (auto& [id, credit] : credit_) credit.granted = credit.said = 0;
}

void Rerun::add_step(Action::What what, std::uint64_t session) {
  steps_.push_back({.what = what, .key = {.session = session}, .message = {}});
}

void Rerun::break_off(std::uint64_t session, const std::string& why) {
  if (std::exchange(states_[session].is_broken_off, true)) return;
  left_out_.push_back(fmt::format("session {} is not said to its end: the recording lacks {}", session, why));
}

void Rerun::add(const wire::records::Passed& passed, const wire::records::Sorted& sorted) {
  SessionState& state = states_[sorted.session];
  if (state.is_broken_off || sorted.is_again) return;
  using enum wire::records::Sorted::What;
  if (sorted.what == client_hello || sorted.what == server_hello) return;
  if (sorted.what == malformed) return break_off(sorted.session, sorted.note);
  if (sorted.what == farewell) {
    if (passed.from == From::client) add_step(Action::What::finish, sorted.session);
    return;
  }
  if (!state.has_begun) {
    if (sorted.is_stable && sorted.number != 0u) {
      state.is_broken_off = true;
      left_out_.push_back(fmt::format("session {} is not said: it began before the recording", sorted.session));
      return;
    }
    state.has_begun = true;
    ++sessions_said_;
    add_step(Action::What::open, sorted.session);
  }
  if (passed.from == From::client) {
    add_own(sorted.session, sorted.message);
  } else {
    add_expected(sorted.session, sorted.message);
  }
}

void Rerun::note_call(std::uint64_t session, std::uint64_t connection, const Call& call) {
  std::vector<codec::DynamicChannel> described;
  if (const Catalog::Method* method = catalog_.find(call.method)) {
    auto arguments = method->service->read_arguments(*method->method, call.arguments);
    if (arguments) described = std::move(arguments->channels);
  }
  if (call.channels.size() == 0) return;
  if (channels_noted_ + call.channels.size() > options_.channels_max) {
    if (std::exchange(has_too_many_channels_, true)) return;
    left_out_.push_back(fmt::format("session {} has calls whose channels are not remembered, beyond {}", session,
                                    options_.channels_max));
    return;
  }
  channels_noted_ += call.channels.size();
  std::vector<std::uint64_t>& channels = channels_[{session, connection, call.id}];
  channels.clear();
  for (ChannelList::Cursor ids(call.channels); ids.any();) {
    const std::uint64_t id = ids.next();
    if (channels.size() < described.size()) {
      credit_[{session, connection, id}] = {.initial = described[channels.size()].initial_credit, .is_described = true};
    }
    channels.push_back(id);
  }
}

std::vector<std::uint8_t> Rerun::hello(const Message& message) const {
  Hello hello = std::get<Hello>(message.payload);
  Metadata metadata;
  for (const MetadataEntry& entry : hello.metadata.to_metadata()) {
    if (entry.key != names::token) {
      metadata.add(entry.key, entry.value, entry.flags);
    } else if (options_.token) {
      // It is ours, and a secret whatever the recording says of the one that was there.
      metadata.add(entry.key, *options_.token, entry.flags | Metadata::sensitive | Metadata::no_propagate);
    }
  }
  BlockPool pool;
  OutBuffer out(pool);
  out.commit(put_metadata(out, out.room(codec::varint_bytes_max), metadata));
  const ByteView encoded = out.pending();
  std::uint64_t count = 0;
  const std::uint8_t* const entries = codec::get_varint(encoded.data(), encoded.data() + encoded.size(), count);
  hello.metadata = MetadataView(static_cast<std::uint32_t>(count), {entries, encoded.data() + encoded.size()});
  return bytes_of({message.connection, hello});
}

void Rerun::add_own(std::uint64_t session, ByteView bytes) {
  Step step{.key = {.session = session}, .message = {bytes.begin(), bytes.end()}};
  // What cannot be read is said as it is: so the server was told.
  if (const auto message = decode_message(bytes, limits_)) {
    const Payload& payload = message->payload;
    if (std::holds_alternative<Ping>(payload) || std::holds_alternative<Pong>(payload)) return;
    step.key.connection = message->connection;
    if (std::holds_alternative<ConnectionOpen>(payload)) step.key.flow = Flow::connection;
    if (const auto* hello_said = std::get_if<Hello>(&payload); hello_said && !hello_said->metadata.empty()) {
      step.message = hello(*message);
    }
    if (const auto* call = std::get_if<Call>(&payload)) note_call(session, message->connection, *call);
    if (const auto* item = std::get_if<Item>(&payload)) {
      step.key = {session, Flow::item, message->connection, item->id};
      Credit& credit = credit_[{session, message->connection, item->id}];
      ++credit.said;
      if (!credit.is_described && credit.said > credit.granted) {
        credit.initial = std::max(credit.initial, credit.said - credit.granted);
      }
    }
  }
  steps_.push_back(std::move(step));
}

void Rerun::add_expected(std::uint64_t session, ByteView bytes) {
  const auto message = decode_message(bytes, limits_);
  if (!message) return;
  if (const auto* grant = std::get_if<GrantCredit>(&message->payload)) {
    credit_[{session, message->connection, grant->id}].granted += grant->additional;
  }
  if (const auto* call = std::get_if<Call>(&message->payload)) note_call(session, message->connection, *call);
  const std::optional<Key> key = key_of(session, *message);
  if (!key) return;
  expected_[*key].push_back(steps_.size());
  steps_.push_back({.is_expected = true, .key = *key, .message = {bytes.begin(), bytes.end()}});
}

// Of what a server says; nothing for what is not compared.
std::optional<Rerun::Key> Rerun::key_of(std::uint64_t session, const Message& message) {
  const auto key = [&](Flow flow, std::uint64_t id = 0) { return Key{session, flow, message.connection, id}; };
  return std::visit(
      [&]<class P>(const P& payload) -> std::optional<Key> {
        if constexpr (std::is_same_v<P, HelloYourself>) {
          return key(Flow::hello);
        } else if constexpr (std::is_same_v<P, ProtocolError>) {
          return key(Flow::error);
        } else if constexpr (std::is_same_v<P, ConnectionOpen> || std::is_same_v<P, ConnectionAccept> ||
                             std::is_same_v<P, ConnectionReject>) {
          return key(Flow::connection);
        } else if constexpr (std::is_same_v<P, ConnectionClose>) {
          return key(Flow::connection_close);
        } else if constexpr (std::is_same_v<P, Call>) {
          return key(Flow::call, payload.id);
        } else if constexpr (std::is_same_v<P, Response>) {
          return key(Flow::response, payload.id);
        } else if constexpr (std::is_same_v<P, Cancel>) {
          return key(Flow::cancel, payload.id);
        } else if constexpr (std::is_same_v<P, Item>) {
          return key(Flow::item, payload.id);
        } else if constexpr (std::is_same_v<P, Close> || std::is_same_v<P, Reset>) {
          return key(Flow::end, payload.id);
        } else {
          return std::nullopt;
        }
      },
      message.payload);
}

bool Rerun::has_credit(const Step& step) const {
  const auto found = credit_.find({step.key.session, step.key.connection, step.key.id});
  return found == credit_.end() || found->second.said < found->second.initial + found->second.granted;
}

std::optional<Rerun::Action> Rerun::next() {
  if (!replies_.empty()) {
    const std::uint64_t session = replies_.front().first;
    reply_ = std::move(replies_.front().second);
    replies_.pop_front();
    return Action{Action::What::say, session, reply_};
  }
  for (; at_ < steps_.size(); ++at_) {
    Step& step = steps_[at_];
    if (step.is_settled) continue;
    if (is_rejected(step.key)) {
      pass_over(step);
      continue;
    }
    if (step.is_expected) return std::nullopt;
    SessionState& state = states_[step.key.session];
    const bool is_item = step.key.flow == Flow::item;
    if (state.is_over || (is_item && dead_.contains({step.key.session, step.key.connection, step.key.id}))) {
      step.is_settled = true;
      continue;
    }
    if (is_item && !has_credit(step)) return std::nullopt;
    step.is_settled = true;
    ++at_;
    if (is_item) ++credit_[{step.key.session, step.key.connection, step.key.id}].said;
    if (step.key.flow == Flow::connection) note_opening(step);
    if (step.what == Action::What::say) dissect(step.key.session, From::client, step.message);
    return Action{step.what, step.key.session, step.message};
  }
  return std::nullopt;
}

void Rerun::note_opening(const Step& step) {
  const Message message = decode_message(step.message, limits_).value();
  const Metadata metadata = std::get<ConnectionOpen>(message.payload).metadata.to_metadata();
  const std::string* const name = metadata.find_text(names::service);
  const ConnectionId id = {step.key.session, step.key.connection};
  names_[id] = name ? codec::to_line(*name, name->size()) : std::string();
  rejected_.erase(id);
}

void Rerun::note_rejection(const Key& connection) {
  const ConnectionId id = {connection.session, connection.connection};
  rejected_.insert(id);
  if (const auto name = names_.find(id); name != names_.end() && !name->second.empty()) {
    rejected_names_.insert(name->second);
  }
}

// Whether it is opened again, and what becomes of that, is no matter of the rejected one.
bool Rerun::is_rejected(const Key& key) const {
  return key.connection != 0 && key.flow != Flow::connection && rejected_.contains({key.session, key.connection});
}

// A step of a rejected connection. A call is not said, and still tells what its response would have been of. Later
// steps with the same key may be of a connection that is opened again.
void Rerun::pass_over(Step& step) {
  step.is_settled = true;
  if (!step.is_expected) {
    dissect(step.key.session, From::client, step.message);
    return;
  }
  Awaited& waiting = expected_[step.key];
  PARLEY_ASSERT(!waiting.empty() && &steps_[waiting.front()] == &step);
  waiting.pop_front();
  if (step.key.flow != Flow::response) return;
  const Dissected recorded = dissect(step.key.session, From::server, step.message);
  if (is_ignored(recorded)) return;
  differences_.push_back(
      {step.key.session, title(recorded), content(recorded), "nothing, because the connection is rejected"});
}

std::string Rerun::awaited() const {
  if (at_ == steps_.size()) return "nothing";
  const Step& step = steps_[at_];
  const std::string where =
      fmt::format("session {}, connection {}, id {}", step.key.session, step.key.connection, step.key.id);
  static constexpr std::string_view words[] = {"the answer to the hello",
                                               "a protocol error",
                                               "whether a connection is accepted",
                                               "the end of a connection",
                                               "a call",
                                               "a response",
                                               "a cancel",
                                               "an item",
                                               "the end of a channel",
                                               "the end of the session"};
  if (!step.is_expected) return fmt::format("credit for the next item ({})", where);
  return fmt::format("{} ({})", words[static_cast<std::size_t>(step.key.flow)], where);
}

Dissected Rerun::dissect(std::uint64_t session, From from, ByteView message) {
  // Each session is a stream of its own, and none is stable any more.
  const wire::records::Record record = wire::records::Passed{session, from, 0, {message.begin(), message.end()}};
  Dissected one = *dissector_.dissect(record);
  one.metadata.clear();
  if (one.bytes) {
    one.json = fmt::format("({} bytes, not described)", one.bytes->size());
    one.bytes.reset();
  }
  return one;
}

bool Rerun::is_ignored(const Dissected& one) const {
  return std::ranges::any_of(options_.ignored, [&](const Pattern& pattern) { return pattern.matches(one.method); });
}

void Rerun::on_message(std::uint64_t session, ByteView bytes) {
  const auto message = decode_message(bytes, limits_);
  if (!message) {
    differences_.push_back({session, "a message", {}, "one that cannot be read: " + message.error().note});
    return;
  }
  if (const auto* ping = std::get_if<Ping>(&message->payload)) {
    replies_.emplace_back(session, bytes_of({message->connection, Pong{ping->nonce}}));
    return;
  }
  if (const auto* grant = std::get_if<GrantCredit>(&message->payload)) {
    credit_[{session, message->connection, grant->id}].granted += grant->additional;
    return;
  }
  const std::optional<Key> key = key_of(session, *message);
  if (!key) return;
  SessionState& state = states_[session];
  if (key->flow == Flow::error && !state.is_let_in) is_turned_away_ = true;
  if (key->flow != Flow::hello) state.is_let_in = true;
  const auto found = expected_.find(*key);
  if (found == expected_.end() || found->second.empty()) return expect_nothing(*key, session, bytes);
  Awaited& waiting = found->second;
  Step& step = steps_[waiting.front()];
  waiting.pop_front();
  compare(step, session, bytes);
  if (std::holds_alternative<ConnectionReject>(message->payload)) {
    const auto before = decode_message(step.message, limits_);
    if (std::holds_alternative<ConnectionAccept>(before->payload)) note_rejection(*key);
  }
  if (key->flow == Flow::end) {
    dead_.insert({session, key->connection, key->id});
    excuse({session, Flow::item, key->connection, key->id}, "the end of the channel");
  }
}

void Rerun::compare(Step& step, std::uint64_t session, ByteView bytes) {
  ++compared_;
  step.is_settled = true;
  const Message recorded = decode_message(step.message, limits_).value();
  const Message now = decode_message(bytes, limits_).value();
  const Dissected shown = dissect(session, From::server, bytes);
  const auto* response = std::get_if<Response>(&now.payload);
  if (response && !response->result.empty() && response->result[0] != 0) {
    const auto* before = std::get_if<Response>(&recorded.payload);
    const bool was_value = before && !before->result.empty() && before->result[0] == 0;
    if (was_value) excuse_channels(session, now.connection, response->id);
  }
  if (is_ignored(shown) || are_same(recorded, now)) return;
  const Dissected before = dissect(session, From::server, step.message);
  differences_.push_back({session, title(shown), content(before), content(shown)});
  const Metadata metadata = std::visit(
      []<class P>(const P& payload) {
        if constexpr (requires { payload.metadata; }) return compared_of(payload.metadata);
        return Metadata();
      },
      now.payload);
  if (!metadata.empty()) differences_.back().now += fmt::format(" [{}]", to_string(metadata));
}

void Rerun::expect_nothing(const Key& key, std::uint64_t session, ByteView bytes) {
  const Dissected shown = dissect(session, From::server, bytes);
  if (is_ignored(shown)) return;
  // Of a channel whose end the recording does not have, there may be more.
  const auto end = expected_.find({session, Flow::end, key.connection, key.id});
  if (key.flow == Flow::item && (end == expected_.end() || end->second.empty())) return;
  if (key.flow == Flow::end && dead_.contains({session, key.connection, key.id})) return;
  differences_.push_back({session, title(shown), {}, content(shown)});
}

// A call that fails now leaves its channels alone.
void Rerun::excuse_channels(std::uint64_t session, std::uint64_t connection, std::uint64_t call) {
  const auto found = channels_.find({session, connection, call});
  if (found == channels_.end()) return;
  for (const std::uint64_t channel : found->second) {
    dead_.insert({session, connection, channel});
    for (const Flow flow : {Flow::item, Flow::end}) settle({session, flow, connection, channel});
  }
}

void Rerun::settle(const Key& key) {
  const auto found = expected_.find(key);
  if (found == expected_.end()) return;
  for (const std::size_t step : found->second) steps_[step].is_settled = true;
  found->second.clear();
}

// What is waited for under this key does not come any more.
void Rerun::excuse(const Key& key, const std::string& now) {
  const auto found = expected_.find(key);
  if (found == expected_.end() || found->second.empty()) return;
  const Dissected first = dissect(key.session, From::server, steps_[found->second.front()].message);
  if (!is_ignored(first)) {
    const std::size_t more = found->second.size() - 1;
    differences_.push_back({key.session, title(first),
                            content(first) + (more == 0 ? std::string() : fmt::format(", and {} more", more)), now});
  }
  settle(key);
}

void Rerun::on_end(std::uint64_t session, const std::optional<Error>& why) {
  SessionState& state = states_[session];
  if (std::exchange(state.is_over, true)) return;
  if (auto& over = expected_[{session, Flow::over}]; !over.empty()) {
    steps_[over.front()].is_settled = true;
    over.clear();
  }
  const std::string now =
      why ? fmt::format("the end of the session: {}", to_string(*why)) : std::string("the end of the session");
  const auto first = expected_.lower_bound({.session = session});
  const auto behind = expected_.lower_bound({.session = session + 1});
  std::vector<Key> keys;
  for (auto key = first; key != behind; ++key) keys.push_back(key->first);
  bool is_told = false;
  for (const Key& key : keys) {
    if (expected_[key].empty()) continue;
    if (!std::exchange(is_told, true)) {
      excuse(key, now);
      continue;
    }
    settle(key);
  }
}

}  // namespace parley::core
