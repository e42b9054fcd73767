#include "wire/roam/dissector.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "codec/utf8.h"
#include "wire/roam/blank.h"
#include "wire/roam/names.h"

namespace parley::wire::roam {

using records::From;

namespace {

constexpr std::size_t text_bytes_max = 4096;
constexpr std::size_t looked_for_fault_max = 4096;

// Nothing that a peer may have allowed is called wrong here.
Limits generous() {
  Limits limits;
  limits.metadata_entries_max = 1u << 20;
  limits.metadata_bytes_max = records::record_bytes_max;
  limits.channels_per_call_max = 1u << 20;
  return limits;
}

std::string error_in(const Metadata& metadata) {
  const std::uint64_t* const code = metadata.find_number(names::error);
  if (!code || *code < 1000 || *code > 0xffffffffu) return {};
  const std::string* const note = metadata.find_text(names::note);
  return to_string(Error{static_cast<Code>(*code), note ? codec::to_line(*note, text_bytes_max) : std::string()});
}

std::string_view parity_words(Parity parity) { return parity == Parity::odd ? "odd ids" : "even ids"; }

}  // namespace

std::optional<std::size_t> fault_at(ByteView message, std::string_view fault, const Limits& limits) {
  const std::size_t most = std::min(message.size(), looked_for_fault_max);
  for (std::size_t size = 0; size <= most; ++size) {
    Decoder decoder(message.first(size), limits);
    Message read;
    if (decoder.message(read) || decoder.what() != fault) continue;
    // Where a part is as wrong as the whole only because it is a part, nothing can be said.
    if (fault.ends_with("cut off") || fault == "malformed metadata" || size == 0) return std::nullopt;
    return size;
  }
  return std::nullopt;
}

Dissector::Dissector(const Catalog& catalog, std::size_t most_remembered)
    : catalog_(catalog), limits_(generous()), calls_(most_remembered), channels_(most_remembered) {}

// One message as it is read.
struct Dissector::Reading {
  Dissector& dissector;
  Session& session;
  bool is_again;  // what it says has been taken before
  Dissected& one;
  std::uint64_t connection = 0;

  void metadata(const MetadataView& view) const {
    view.for_each([&](const MetadataView::Entry& entry) {
      Dissected::Entry& shown = one.metadata.emplace_back();
      shown.key = entry.key;
      if (is_secret(entry)) return;
      shown.type = static_cast<Dissected::Entry::Type>(entry.type);
      shown.text = entry.text();
      shown.number = entry.number;
    });
    one.note = error_in(view.to_metadata());
  }
  void settings(const Settings& settings) const {
    one.numbers.push_back({"requests max", settings.max_concurrent_requests});
    one.note = parity_words(settings.parity);
  }
  void value(const codec::Transcoder& service, std::uint32_t type, ByteView bytes) const {
    auto json = service.to_json(type, bytes);
    if (json) {
      one.json = std::move(*json);
    } else {
      one.bytes = bytes;
      one.fault = "it is not what is described: " + json.error().note;
    }
  }
  std::string name_of(const CallSeen& call) const {
    const auto& [method, described] = call;
    const auto service = session.services.find(connection);
    const bool is_named = service != session.services.end() && !(described && described->name.starts_with("parley."));
    if (!described) return fmt::format("{}{:#018x}", is_named ? service->second + "." : std::string(), method);
    return fmt::format("{}.{}", is_named ? service->second : described->name, described->method->name);
  }

  void operator()(const Hello& hello) const {
    one.kind = "hello";
    one.numbers.push_back({"version", hello.version});
    if (hello.version != protocol_version) {
      one.fault = fmt::format("version {} is not {}, so what follows is not read", hello.version, protocol_version);
      return;
    }
    metadata(hello.metadata);
    settings(hello.settings);
  }
  void operator()(const HelloYourself& hello) const {
    one.kind = "hello-yourself";
    metadata(hello.metadata);
    settings(hello.settings);
  }
  void operator()(const ProtocolError& error) const {
    one.kind = "protocol-error";
    one.note = fmt::format("the other side ended the session: {}", codec::to_line(error.description, text_bytes_max));
  }
  void operator()(const ConnectionOpen& open) const {
    one.kind = "connection-open";
    metadata(open.metadata);
    settings(open.settings);
    const Metadata entries = open.metadata.to_metadata();
    const std::string* const service = entries.find_text(names::service);
    if (service && !is_again) session.services[connection] = codec::to_line(*service, text_bytes_max);
  }
  void operator()(const ConnectionAccept& accept) const {
    one.kind = "connection-accept";
    metadata(accept.metadata);
    settings(accept.settings);
  }
  void operator()(const ConnectionReject& reject) const {
    one.kind = "connection-reject";
    metadata(reject.metadata);
  }
  void operator()(const ConnectionClose& close) const {
    one.kind = "connection-close";
    metadata(close.metadata);
  }

  void operator()(const Call& call) const {
    one.kind = "call";
    one.call = call.id;
    metadata(call.metadata);
    const CallSeen seen{.id = call.method, .method = dissector.catalog_.find(call.method)};
    one.method = name_of(seen);
    for (ChannelList::Cursor ids(call.channels); ids.any();) one.channels.push_back(ids.next());
    std::vector<codec::DynamicChannel> described;
    if (seen.method) {
      auto arguments = seen.method->service->read_arguments(*seen.method->method, call.arguments);
      if (arguments) {
        one.json = std::move(arguments->json);
        described = std::move(arguments->channels);
      } else {
        one.fault = "the arguments are not what is described: " + arguments.error().note;
      }
    }
    if (!one.json) one.bytes = call.arguments;
    if (one.json && described.size() != one.channels.size()) {
      one.fault =
          fmt::format("{} channels are listed, and the arguments have {}", one.channels.size(), described.size());
    }
    if (is_again) return;
    bool is_remembered = true;
    for (std::size_t i = 0; i < one.channels.size(); ++i) {
      ChannelSeen channel{.call = seen, .path = {}};
      if (i < described.size()) {
        channel.path = described[i].path;
        channel.service = seen.method->service;
        channel.item = described[i].item;
      }
      if (!dissector.channels_.add(of(one.channels[i]), std::move(channel))) is_remembered = false;
    }
    if (!dissector.calls_.add({of(call.id), one.from}, seen)) is_remembered = false;
    if (!is_remembered) not_remembered("what belongs to it", dissector.calls_.most());
  }
  ChannelId of(std::uint64_t id) const { return {one.session, connection, id}; }
  void not_remembered(std::string_view what, std::size_t most) const {
    if (!one.note.empty()) one.note += ", ";
    one.note += fmt::format("{} is not remembered, beyond {}", what, most);
  }
  // Nothing of this id is known.
  template <class Table>
  void know_none(std::string_view what, const Table& table) const {
    if (table.has_lost()) {
      not_remembered(what, table.most());
    } else {
      one.fault = fmt::format("no {} of this id is in the recording", what);
    }
  }
  const CallSeen* find_call(std::uint64_t id, From caller) const {
    const CallSeen* const found = dissector.calls_.find({of(id), caller});
    if (found) {
      one.method = name_of(*found);
    } else {
      know_none("call", dissector.calls_);
    }
    return found;
  }
  void operator()(const Response& response) const {
    one.kind = "response";
    one.call = response.id;
    metadata(response.metadata);
    const From caller = records::other(one.from);
    const CallSeen* const call = find_call(response.id, caller);
    if (call && !is_again && !dissector.calls_.end({of(response.id), caller})) {
      one.fault = "the call has been answered before";
    }
    const codec::MethodDescription* const method = call && call->method ? call->method->method : nullptr;
    const ByteView result = response.result;
    if (!result.empty() && result[0] == 0) {
      one.outcome = "result";
      content(call, method ? std::optional(method->result) : std::nullopt, result.subspan(1));
    } else if (result.size() >= 2 && result[0] == 1 && result[1] == 0) {
      one.outcome = "error";
      content(call, method ? method->own_error : std::nullopt, result.subspan(2));
    } else if (result.size() == 2 && result[0] == 1 && result[1] <= 3) {
      static constexpr std::string_view outcomes[] = {"", "unknown method", "invalid payload", "cancelled"};
      one.outcome = outcomes[result[1]];
    } else {
      one.bytes = result;
      one.fault = "neither a result nor an error";
    }
  }
  void content(const CallSeen* call, std::optional<std::uint32_t> type, ByteView bytes) const {
    if (type) return value(*call->method->service, *type, bytes);
    one.bytes = bytes;
  }
  void operator()(const Cancel& cancel) const {
    one.kind = "cancel";
    one.call = cancel.id;
    metadata(cancel.metadata);
    find_call(cancel.id, one.from);
  }

  const ChannelSeen* find_channel(std::uint64_t id) const {
    one.channel = id;
    const ChannelSeen* const found = dissector.channels_.find(of(id));
    if (found) {
      one.method = name_of(found->call);
      one.path = found->path;
    } else {
      know_none("channel", dissector.channels_);
    }
    return found;
  }
  void operator()(const Item& item) const {
    one.kind = "item";
    const ChannelSeen* const channel = find_channel(item.id);
    if (channel && dissector.channels_.is_over(of(item.id)) && !is_again) one.fault = "the channel is over";
    if (channel && channel->service) {
      value(*channel->service, channel->item, item.item);
    } else {
      one.bytes = item.item;
    }
  }
  void end_channel(std::uint64_t id, const MetadataView& view) const {
    metadata(view);
    if (find_channel(id) && !is_again) dissector.channels_.end(of(id));
  }
  void operator()(const Close& close) const {
    one.kind = "close";
    end_channel(close.id, close.metadata);
  }
  void operator()(const Reset& reset) const {
    one.kind = "reset";
    end_channel(reset.id, reset.metadata);
  }
  void operator()(const GrantCredit& grant) const {
    one.kind = "grant-credit";
    one.numbers.push_back({"credit", grant.additional});
    find_channel(grant.id);
  }
  void operator()(const Ping& ping) const {
    one.kind = "ping";
    one.numbers.push_back({"nonce", ping.nonce});
  }
  void operator()(const Pong& pong) const {
    one.kind = "pong";
    one.numbers.push_back({"nonce", pong.nonce});
  }
};

void Dissector::read(Session& session, ByteView message, bool is_again, Dissected& one) {
  Decoder decoder(message, limits_);
  Message read;
  if (!decoder.message(read)) {
    one.kind = "malformed";
    one.bytes = message;
    const auto at = fault_at(message, decoder.what(), limits_);
    one.fault = at ? fmt::format("{}, at byte {}", decoder.what(), *at - 1) : std::string(decoder.what());
    return;
  }
  one.connection = read.connection;
  std::visit(Reading{*this, session, is_again, one, read.connection}, read.payload);
}

Dissected Dissector::dissect_passed(const records::Passed& passed) {
  Dissected one;
  one.stream = passed.stream;
  one.at_us = passed.at_us;
  one.from = passed.from;
  const records::Sorted sorted = sorter_.sort(passed);
  one.session = sorted.session;
  if (sorted.number) one.numbers.push_back({"number", *sorted.number});
  if (sorted.acknowledged) one.numbers.push_back({"acknowledged", *sorted.acknowledged});
  using enum records::Sorted::What;
  switch (sorted.what) {
    case message:
      read(sessions_[sorted.session], sorted.message, sorted.is_again, one);
      if (sorted.is_again) one.note += one.note.empty() ? "again" : ", again";
      break;
    case client_hello:
      one.kind = "stable-hello";
      one.note = sorted.goes_on ? "goes on with the session" : "a stable session";
      break;
    case server_hello:
      one.kind = "stable-hello";
      one.note = sorted.is_rejected ? "there is no such session" : "a key for the next time";
      break;
    case farewell:
      one.kind = "farewell";
      one.note = "nothing comes any more in this direction";
      break;
    case malformed:
      one.kind = "malformed";
      one.bytes = passed.message;
      one.fault = sorted.note;
      break;
  }
  return one;
}

std::optional<Dissected> Dissector::dissect(const records::Record& record) {
  if (const auto* passed = std::get_if<records::Passed>(&record)) return dissect_passed(*passed);
  Dissected one;
  if (const auto* opened = std::get_if<records::Opened>(&record)) {
    one.kind = "stream";
    one.stream = opened->stream;
    one.at_us = opened->at_us;
    one.note = fmt::format("stream {} of {}", opened->stream, opened->peer);
    return one;
  }
  const auto* left_out = std::get_if<records::LeftOut>(&record);
  const auto* ended = std::get_if<records::Ended>(&record);
  if (left_out) {
    one.kind = "left-out";
    one.numbers.push_back({"bytes", left_out->bytes});
    one.note = left_out->why;
    one.stream = left_out->stream;
    one.at_us = left_out->at_us;
    one.from = left_out->from;
  } else if (ended) {
    one.kind = "end";
    one.note = ended->why.empty() ? fmt::format("of stream {}, in good order", ended->stream)
                                  : fmt::format("of stream {}: {}", ended->stream, ended->why);
    one.stream = ended->stream;
    one.at_us = ended->at_us;
    one.from = ended->from;
  } else if (const auto* stopped = std::get_if<records::Stopped>(&record)) {
    one.kind = "stopped";
    one.at_us = stopped->at_us;
    one.note = stopped->why;
    return one;
  } else {
    return std::nullopt;
  }
  one.session = sorter_.session_of(one.stream);
  return one;
}

}  // namespace parley::wire::roam
