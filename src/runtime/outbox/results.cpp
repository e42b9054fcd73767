#include "runtime/outbox/results.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "codec/json_object.h"
#include "codec/utf8.h"
#include "wire/command/meta.h"

namespace parley::runtime {

using core::TicketResult;

// Notes are kept with what became of a ticket.
static constexpr std::size_t note_bytes_max = 1024;

std::string outbox_text(std::uint64_t outbox) { return fmt::format("{:016x}", outbox); }

std::string ticket_text(std::uint64_t outbox, std::uint64_t ticket) {
  return fmt::format("{}-{}", outbox_text(outbox), ticket);
}

Result<TicketName> read_ticket(std::string_view text) {
  TicketName name;
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const char* const middle = text.data() + dash;
    const char* const end = text.data() + text.size();
    const auto outbox = std::from_chars(text.data(), middle, name.outbox, 16);
    const auto number = std::from_chars(middle + 1, end, name.number);
    if (outbox.ec == std::errc() && outbox.ptr == middle && number.ec == std::errc() && number.ptr == end) return name;
  }
  return fail(Code::invalid, fmt::format("{} is no ticket", text));
}

std::uint32_t code_of(TicketResult::Kind kind, const Error& error) {
  return kind == TicketResult::Kind::applied ? 0 : static_cast<std::uint32_t>(error.code);
}

builtin::OutboxHeard item_of(const core::OutboxReceiver::Said& said) {
  if (const auto* const acknowledge = std::get_if<core::OutboxReceiver::Acknowledge>(&said)) {
    return builtin::OutboxTaken{acknowledge->received};
  }
  const auto& answer = std::get<core::OutboxReceiver::Answer>(said);
  const TicketResult& result = *answer.result;
  return builtin::OutboxEnded{.number = answer.number,
                              .ticket = answer.ticket,
                              .kind = result.kind,
                              .code = code_of(result.kind, result.error),
                              .note = result.error.note,
                              .value = result.value,
                              .received = answer.received};
}

TicketResult result_of(builtin::OutboxEnded said) {
  if (said.kind == TicketResult::Kind::applied) return core::applied(std::move(said.value));
  return {said.kind, {static_cast<Code>(said.code), codec::to_utf8(said.note, note_bytes_max)}, {}};
}

builtin::OutboxResults results_in(const std::uint64_t (&by_kind)[6]) {
  using enum TicketResult::Kind;
  const auto of = [&](TicketResult::Kind kind) { return by_kind[static_cast<std::size_t>(kind)]; };
  return {.applied = of(applied),
          .failed = of(failed),
          .expired = of(expired),
          .cancelled = of(cancelled),
          .refused = of(refused),
          .unknown = of(unknown)};
}

Result<std::string> with_ticket(std::string_view meta, std::string_view ticket) {
  if (!meta.empty()) PARLEY_TRY(codec::check_json(meta));
  if (!meta.empty() && meta.front() != '{') return fail(Code::invalid, "meta is no object");
  return wire::command::with_meta_member(meta, "ticket", fmt::format("\"{}\"", ticket));
}

}  // namespace parley::runtime
