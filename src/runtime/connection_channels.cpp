#include "runtime/channel_core.h"
#include "runtime/connection.h"
#include "runtime/session.h"

// The channels of a connection: what comes for them, and what is said about them.
namespace parley::runtime {

using wire::roam::ChannelKind;
using wire::roam::Decoder;
using wire::roam::MetadataView;

bool Connection::on_channel_bytes(ByteView message, const std::uint8_t* body, Block* block) {
  const std::uint8_t* const end = message.data() + message.size();
  const auto [at, id] = codec::read_varint(body, end);
  if (at && at != end && *at == static_cast<std::uint8_t>(ChannelKind::item)) [[likely]] {
    return on_item(id, {at + 1, end}, block);
  }
  Decoder decoder({body, end}, limits());
  return on_channel(decoder, block);
}

bool Connection::on_channel(Decoder& decoder, Block* block) {
  std::uint64_t id = 0;
  ChannelKind kind{};
  if (!decoder.channel_head(id, kind)) return broken(decoder.fault(), decoder.what());
  switch (kind) {
    case ChannelKind::item: return on_item(id, decoder.rest(), block);
    case ChannelKind::close: return on_close(id, decoder);
    case ChannelKind::reset: return on_reset(id, decoder);
    case ChannelKind::grant_credit: return on_grant(id, decoder);
  }
  return broken(Code::message);
}

bool Connection::on_item(std::uint64_t id, ByteView bytes, Block* block) {
  const core::Channels::OnItem item = channels_->on_item(id, bytes, block);
  switch (item.verdict) {
    case core::Channels::OnItem::Verdict::queued: ReceivingCore::of(*item.end).wake(); return true;
    case core::Channels::OnItem::Verdict::ignored: return true;
    case core::Channels::OnItem::Verdict::reset: {
      ReceivingCore& core = ReceivingCore::of(*item.end);
      const Error error{Code::overloaded, "items beyond credit"};
      put_reset(core, describe(error));
      core.set_failure(error);
      core.wake_and_unbind();
      return true;
    }
    case core::Channels::OnItem::Verdict::fault: break;
  }
  return broken(core::Channels::item_error(id, item.fault));
}

bool Connection::on_close(std::uint64_t id, Decoder& decoder) {
  MetadataView metadata;
  if (!decoder.metadata(metadata)) return broken(decoder.fault(), decoder.what());
  if (!decoder.rest().empty()) return broken(Code::message, "bytes after the end of the message");
  Result<core::ReceivingEnd*> closed = channels_->on_close(id);
  if (!closed) return broken(closed.error());
  if (!*closed) return true;
  ReceivingCore& core = ReceivingCore::of(**closed);
  core.set_end_metadata(metadata);
  if (metadata.has(wire::roam::names::error)) {
    core.set_failure({said_code(metadata, Code::dropped), "said by the sender"});
  }
  core.wake_and_unbind();
  return true;
}

bool Connection::on_reset(std::uint64_t id, Decoder& decoder) {
  MetadataView metadata;
  if (!decoder.metadata(metadata)) return broken(decoder.fault(), decoder.what());
  if (!decoder.rest().empty()) return broken(Code::message, "bytes after the end of the message");
  Result<core::SendingEnd*> reset = channels_->on_reset(id);
  if (!reset) return broken(reset.error());
  if (!*reset) return true;
  SendingCore& core = SendingCore::of(**reset);
  core.set_end_metadata(metadata);
  core.set_failure({Code::reset, {}});
  core.wake_and_unbind();
  return true;
}

bool Connection::on_grant(std::uint64_t id, Decoder& decoder) {
  std::uint32_t additional = 0;
  if (!decoder.grant(additional)) return broken(decoder.fault(), decoder.what());
  Result<core::SendingEnd*> granted = channels_->on_grant(id, additional);
  if (!granted) return broken(granted.error());
  if (*granted) SendingCore::of(**granted).pump();
  return true;
}

void Connection::put_channel_end(OutBuffer& out, std::uint64_t id, ChannelKind kind, const Metadata& metadata) {
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
  cursor = wire::roam::put_channel_head(cursor, id_, id, kind);
  wire::end_frame(out, wire::roam::put_metadata(out, cursor, metadata));
}

// A close comes behind the items of its channel.
void Connection::send_close(SendingCore& core, const Metadata& metadata) {
  Metadata refusal;
  const Metadata& fitting = fit_or_refused(metadata, refusal);
  channels_->close(core.end);
  if (core.unannounced_) {
    core.unannounced_->push_back({core.end.id(), true, fitting});
    return;
  }
  put_channel_end(*out_, core.end.id(), ChannelKind::close, fitting);
  link_->committed_later();
}

void Connection::send_reset(ReceivingCore& core, const Metadata& metadata) {
  Metadata refusal;
  put_reset(core, fit_or_refused(metadata, refusal));
  channels_->fail(core.end);
}

void Connection::put_reset(ReceivingCore& core, const Metadata& metadata) {
  if (core.unannounced_) {
    core.unannounced_->push_back({core.end.id(), false, metadata});
    return;
  }
  put_channel_end(control_for(core.end.announced_at, metadata), core.end.id(), ChannelKind::reset, metadata);
  ++counters().resets_sent;
  link_->committed_later();
}

void Connection::send_grant(ReceivingCore& core, std::uint32_t additional) {
  if (core.unannounced_) {
    core.early_credit += additional;
    return;
  }
  OutBuffer& out = control_for(core.end.announced_at);
  std::uint8_t* cursor = wire::begin_frame(out, wire::roam::head_bytes_max);
  cursor = wire::roam::put_channel_head(cursor, id_, core.end.id(), ChannelKind::grant_credit);
  wire::end_frame(out, codec::put_varint(cursor, additional));
  ++counters().grants_sent;
  link_->committed_later();
}

void Connection::fail_channels(IntrusiveList<ChannelCore>& channels, const Error& error) {
  while (!channels.empty()) {
    ChannelCore& core = channels.pop_front();
    if (core.is_sender()) {
      auto& end = static_cast<SendingCore&>(core).end;
      if (end.is_open()) channels_->fail(end);
    } else {
      auto& end = static_cast<ReceivingCore&>(core).end;
      if (end.is_open()) channels_->fail(end);
    }
    core.set_failure(error);
    core.wake_and_unbind();
  }
}

}  // namespace parley::runtime
