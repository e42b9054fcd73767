#include <fmt/format.h>

#include "runtime/connection.h"
#include "runtime/description_service.h"
#include "runtime/inbound_call.h"
#include "runtime/method_table.h"
#include "runtime/session.h"

// Calls of the peer that interceptors watch.
namespace parley::runtime {

using wire::roam::Decoder;
using wire::roam::MetadataView;
using wire::roam::RequestKind;

namespace {

// The entries as they would come in a message; they stay in the buffer.
MetadataView encoded(OutBuffer& out, const Metadata& metadata) {
  const std::uint8_t* const end = wire::roam::put_metadata(out, out.room(codec::varint_bytes_max), metadata);
  const std::uint8_t* const entries = out.back() + codec::varint_bytes(metadata.size());
  return {static_cast<std::uint32_t>(metadata.size()), {entries, end}};
}

}  // namespace

std::unique_ptr<WatchedCall> Connection::watch(std::uint64_t method, const InboundHead& head) const {
  WatchedCall::About about{.side = CallView::Side::handler, .method = method, .argument_bytes = head.arguments.size()};
  const MethodTable* const for_peer = this == &session_.root() ? session_.options().for_peer.get() : nullptr;
  const MethodEntry* entry = methods_->find(method);
  if (!entry && for_peer) entry = for_peer->find(method);
  if (entry) {
    about.service = entry->service;
    about.name = entry->name;
  } else {
    about.name = builtin_name(method);
    if (!about.name.empty()) about.service = service::service_name<Describe>;
  }
  return std::make_unique<WatchedCall>(session_.loop(), session_.peer(), limits(), *interceptors_of_served_, about,
                                       CallOptions{.deadline = {}, .metadata = head.metadata.to_metadata()});
}

void Connection::start_watched(std::uint64_t method, InboundHead head) {
  std::unique_ptr<WatchedCall> call = watch(method, head);
  auto may = call->before();
  const Metadata& metadata = call->options().metadata;
  OutBuffer changed(session_.loop().blocks());
  if (may && metadata != head.metadata.to_metadata()) {
    // How much there may be is a matter of the wire; what is text is one of whoever reads it.
    const Limits unlimited{.metadata_entries_max = ~0u, .metadata_bytes_max = ~std::size_t{0}};
    const std::string_view unfit = wire::roam::unfit(metadata, unlimited, 0);
    if (unfit.empty()) {
      head.metadata = encoded(changed, metadata);
    } else {
      may = fail(Code::bug, fmt::format("an interceptor: {}", unfit));
    }
  }
  if (!may) ++counters().interceptors_refused;
  if (!is_open_) {  // an interceptor ended the session
    WatchedCall::end(std::move(call), {Code::closed, "the session"});
    return;
  }
  if (!may) {
    const Error error = may.error();
    WatchedCall::end(std::move(call), error);
    refuse_call(*this, head, error);
    return;
  }
  const bool is_new = watched_.emplace(head.id, std::move(call)).second;
  PARLEY_ASSERT(is_new, head.id);
  const MethodEntry* const entry = methods_->find(method);
  if (entry) {
    entry->start(*this, *entry, head);
  } else {
    refuse_method(method, head);
  }
}

void Connection::note_response(std::uint64_t id, const std::uint8_t* cursor) {
  auto call = watched_.extract(id);
  if (!call) return;
  const std::uint8_t* const message = out_->back() + wire::frame_head_bytes;
  Decoder decoder({message, cursor}, limits());
  std::uint64_t number = 0;
  wire::roam::Kind kind{};
  RequestKind request{};
  wire::roam::ChannelList channels;
  MetadataView metadata;
  const bool is_whole = decoder.head(number, kind) && decoder.request_head(number, request) &&
                        decoder.channels(channels) && decoder.metadata(metadata);
  const ByteView result = decoder.rest();
  PARLEY_ASSERT(is_whole && !result.empty(), id);
  const bool is_value = result.front() == 0;
  WatchedCall::end(std::move(call.mapped()),
                   CallOutcome{.how = is_value ? CallOutcome::How::value : CallOutcome::How::own_error,
                               .error = {},
                               .result_bytes = result.size() - (is_value ? 1 : 2),
                               .metadata = metadata.to_metadata()});
}

void Connection::note_error(std::uint64_t id, RoamError kind, const Error* error) {
  auto call = watched_.extract(id);
  if (!call) return;
  if (error) return WatchedCall::end(std::move(call.mapped()), *error);
  WatchedCall::end(std::move(call.mapped()), {kind == RoamError::unknown_method ? Code::method : Code::cancelled, {}});
}

}  // namespace parley::runtime
