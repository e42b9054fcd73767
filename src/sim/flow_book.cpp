#include "sim/flow_book.h"

#include <fmt/format.h>

namespace parley::sim {

void FlowBook::fail(std::string_view checker, std::uint64_t flow, std::string_view what) {
  const Record& record = flows_[flow];
  verdicts_.fail(checker, fmt::format("flow {}: {} ({} sent, {} received)", flow, what, record.sent, record.received));
}

std::uint64_t FlowBook::open(bool is_foreign) {
  const std::uint64_t flow = next_flow_++;
  flows_[flow].is_foreign = is_foreign;
  return flow;
}

void FlowBook::on_sent(std::uint64_t flow) {
  Record& record = flows_[flow];
  record.is_in_doubt = false;
  ++record.sent;
  trace_.note("item.sent", {flow, record.sent});
}

void FlowBook::on_not_sent(std::uint64_t flow, const Error& error) {
  flows_[flow].is_in_doubt = false;
  trace_.note("item.not_sent", {flow, static_cast<std::uint64_t>(error.code)});
  if (error.code == Code::too_large) coverage_.hit(Spot::channel_item_too_large);
}

void FlowBook::end_sender(std::uint64_t flow, SenderEnd end) {
  Record& record = flows_[flow];
  trace_.note("sender.end", {flow, static_cast<std::uint64_t>(end)});
  record.sender = end;
  if (end == SenderEnd::dropped) coverage_.hit(Spot::channel_sender_dropped);
}

void FlowBook::on_close_read(std::uint64_t flow, bool is_clean) {
  Record& record = flows_[flow];
  record.is_close_read = true;
  record.is_clean_close_read = is_clean;
  const bool is_right = record.sender == SenderEnd::closed || record.is_foreign;
  if (is_clean && !is_right) fail("channel.end_told", flow, "a clean close came and its sender never closed it");
}

void FlowBook::on_item(std::uint64_t flow, std::uint64_t item_flow, std::uint64_t index, bool is_whole) {
  Record& record = flows_[flow];
  trace_.note("item.received", {flow, index});
  if (item_flow != flow) fail("channel.in_order", flow, fmt::format("an item of flow {} came", item_flow));
  if (index != record.received) fail("channel.in_order", flow, fmt::format("item {} came", index));
  if (!is_whole) fail("channel.in_order", flow, fmt::format("item {} is not as it was sent", index));
  ++record.received;
  if (record.received > record.sent + (record.is_in_doubt ? 1 : 0)) {
    fail("channel.in_order", flow, "more came than was sent");
  }
  if (record.receiver != ReceiverEnd::open) fail("channel.in_order", flow, "an item came after the end");
}

void FlowBook::end_receiver(std::uint64_t flow, const Error* error, Link link) {
  Record& record = flows_[flow];
  trace_.note("receiver.end", {flow, error ? static_cast<std::uint64_t>(error->code) : 0});
  record.receiver = error ? ReceiverEnd::failed : ReceiverEnd::clean;
  if (error) {
    record.code = error->code;
    if (record.is_clean_close_read && link == Link::lived) {
      fail("channel.complete", flow, "its clean close arrived and the reader saw an error");
    }
    if (kind(*error) == Kind::lost && error->code != Code::not_sent) coverage_.hit(Spot::channel_cut);
    if (error->code == Code::not_sent || kind(*error) == Kind::overloaded || error->code == Code::too_large) {
      coverage_.hit(Spot::channel_never_began);
    }
    return;
  }
  if (record.sender != SenderEnd::closed && !record.is_foreign) {
    fail("channel.end_told", flow, "the reader saw a clean end and its sender never closed it");
  }
  // Whoever was killed while it sent does not know whether its last item left; to a foreign peer its end looks clean.
  const bool has_one_in_doubt = record.is_in_doubt && record.received == record.sent + 1;
  if (record.received != record.sent && !has_one_in_doubt) {
    fail("channel.end_told", flow, "items are missing and the reader saw a clean end");
  }
  coverage_.hit(record.received == 0 ? Spot::channel_closed_empty : Spot::channel_complete);
}

void FlowBook::drop_receiver(std::uint64_t flow) {
  Record& record = flows_[flow];
  trace_.note("receiver.drop", {flow});
  if (record.receiver == ReceiverEnd::open) record.receiver = ReceiverEnd::dropped;
}

void FlowBook::check_end() {
  for (const auto& [flow, record] : flows_) {
    if (record.has_receiver && record.is_clean_close_read && record.receiver == ReceiverEnd::open) {
      fail("channel.complete", flow, "its clean close arrived and its reader was never told");
    }
  }
}

}  // namespace parley::sim
