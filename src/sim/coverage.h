#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace parley::sim {

// What a run may come past. The list is complete: `sim --require-all` fails when one of them was never hit, because
// then the simulator no longer tries what it was written to try.
// clang-format off
#define PARLEY_SIM_SPOTS(spot)                                                                                   \
  spot(link_refused, "link.refused", "a dialer found nobody listening")                                          \
  spot(link_short_write, "link.short_write", "a write was taken in part")                                        \
  spot(link_blocked, "link.blocked", "a write was not taken at all")                                             \
  spot(link_stalled, "link.stalled", "a reader got nothing for a while")                                         \
  spot(link_split, "link.split", "bytes written at once arrived in several pieces")                              \
  spot(link_cut, "link.cut", "both directions failed, and what was under way was lost")                          \
  spot(link_cut_inside, "link.cut_inside", "the last byte that arrived was inside a message")                    \
  spot(link_closed, "link.closed", "both directions ended, and what was under way was lost")                     \
  spot(link_half_open, "link.half_open", "one direction went silent")                                            \
  spot(link_gave_up, "link.gave_up", "the system cut a link that was silent for long")                           \
  spot(link_garbage, "link.garbage", "a message arrived that nobody had sent")                                   \
  spot(link_repeated, "link.repeated", "a message arrived a second time")                                        \
  spot(session_established, "session.established", "a handshake was finished")                                   \
  spot(session_foreign, "session.foreign", "a handshake was finished and one end did not say that it is Parley")  \
  spot(session_cut_in_handshake, "session.cut_in_handshake", "the link ended before the handshake did")          \
  spot(session_handshake_timeout, "session.handshake_timeout", "the peer's hello did not come in time")          \
  spot(session_closed_here, "session.closed_here", "somebody closed it while calls were under way")              \
  spot(session_last_caller, "session.last_caller", "nobody used it any more")                                    \
  spot(session_closed_there, "session.closed_there", "the peer ended it in good order")                          \
  spot(session_link_lost, "session.link_lost", "its link failed")                                                \
  spot(session_truncated, "session.truncated", "its link ended inside a message")                                \
  spot(session_protocol_error, "session.protocol_error", "it found the peer breaking the rules")                 \
  spot(session_reported, "session.reported", "the peer said that the rules were broken")                         \
  spot(session_control_full, "session.control_full", "control messages behind a peer that does not read")        \
  spot(session_abandoned, "session.abandoned", "everything that used it was destroyed at once")                  \
  spot(stable_begun, "stable.begun", "a stable session began")                                                   \
  spot(stable_resumed, "stable.resumed", "a session went on over another link")                                  \
  spot(stable_resent, "stable.resent", "a message was sent again")                                               \
  spot(stable_duplicate, "stable.duplicate", "a message came that had been received before")                     \
  spot(stable_cut_in_hello, "stable.cut_in_hello", "a link broke before both hellos had arrived")                \
  spot(stable_old_key, "stable.old_key", "the answer to a hello was lost, and the key before it brought again")  \
  spot(stable_overtaken, "stable.overtaken", "the server went on over a link while the last was not over")       \
  spot(stable_silent, "stable.silent", "a link was left because nothing came")                                   \
  spot(stable_pinged, "stable.pinged", "an acknowledgement was asked for")                                       \
  spot(stable_wrapped, "stable.wrapped", "the numbers of messages wrapped")                                      \
  spot(stable_gave_up, "stable.gave_up", "a session was lost because there was no link for too long")            \
  spot(stable_restarted, "stable.restarted", "the server was started anew while a session was at work")          \
  spot(stable_rejected, "stable.rejected", "a server that was started anew rejected the session")                \
  spot(call_delivered, "call.delivered", "a value came back")                                                    \
  spot(call_own_error, "call.own_error", "the method's own error came back")                                     \
  spot(call_refused_by_handler, "call.refused_by_handler", "the handler returned an error of Parley's")          \
  spot(call_threw, "call.threw", "the handler threw")                                                            \
  spot(call_unknown_method, "call.unknown_method", "the peer serves no such method")                             \
  spot(call_cancel_sent, "call.cancel_sent", "a call was dropped and the peer told")                             \
  spot(call_cancel_stopped, "call.cancel_stopped", "a Cancel destroyed a handler")                               \
  spot(call_cancel_late, "call.cancel_late", "a Cancel came when the call had been answered")                    \
  spot(call_late_response, "call.late_response", "a response came when nobody waited any more")                  \
  spot(call_dropped_at_once, "call.dropped_at_once", "a call was dropped before it left")                        \
  spot(call_task_killed, "call.task_killed", "the task that awaited a call was destroyed")                       \
  spot(call_deadline_here, "call.deadline_here", "the caller's deadline passed")                                 \
  spot(call_deadline_there, "call.deadline_there", "the handler's deadline passed")                              \
  spot(call_deadline_in_line, "call.deadline_in_line", "the deadline passed before the call was sent")           \
  spot(call_in_line, "call.in_line", "a call waited for the peer's limit")                                       \
  spot(call_dropped_in_line, "call.dropped_in_line", "a call was dropped before it was sent")                    \
  spot(call_line_full, "call.line_full", "a call was refused because too many were in line")                     \
  spot(call_outbound_full, "call.outbound_full", "a call was refused because the peer does not read")            \
  spot(call_overloaded_there, "call.overloaded_there", "the peer refused a call for load")                       \
  spot(call_too_large, "call.too_large", "arguments above the limit of a message")                               \
  spot(call_result_too_large, "call.result_too_large", "a result above the limit of a message")                  \
  spot(call_lost, "call.lost", "the session ended before the call was sent")                                     \
  spot(call_unknown, "call.unknown", "the session ended between call and response")                              \
  spot(call_breach, "call.breach", "the session ended by a breach of the rules")                                 \
  spot(call_closed, "call.closed", "a call was begun on a session that had ended")                               \
  spot(call_back, "call.back", "a handler called its caller back")                                               \
  spot(call_half_dead, "call.half_dead", "a call ended by its deadline while one direction was silent")          \
  spot(channel_complete, "channel.complete", "every item and the close arrived")                                 \
  spot(channel_closed_empty, "channel.closed_empty", "a channel was closed without an item")                  \
  spot(channel_sender_dropped, "channel.sender_dropped", "the sender was dropped without a close")               \
  spot(channel_reset, "channel.reset", "the receiver was dropped and the sender told")                           \
  spot(channel_cut, "channel.cut", "the session ended under an open channel")                                    \
  spot(channel_waited_for_credit, "channel.waited_for_credit", "a sender waited for credit")                     \
  spot(channel_waited_for_link, "channel.waited_for_link", "a sender with credit waited for the link")           \
  spot(channel_window_grew, "channel.window_grew", "a receiver granted more than it had given at first")         \
  spot(channel_no_credit, "channel.no_credit", "a channel that starts without credit carried an item")           \
  spot(channel_item_too_large, "channel.item_too_large", "an item above the limit of a message")                 \
  spot(channel_late_item, "channel.late_item", "an item came when its receiver was gone")                        \
  spot(channel_late_grant, "channel.late_grant", "credit came when its sender was gone")                         \
  spot(channel_late_close, "channel.late_close", "a close came when its receiver was gone")                      \
  spot(channel_gone_before_call, "channel.gone_before_call", "an end was dropped or closed before its call")     \
  spot(channel_never_began, "channel.never_began", "a channel whose call no handler saw")                        \
  spot(channel_items_copied, "channel.items_copied", "unread items pinned too much memory and were copied")
// clang-format on

enum class Spot : std::uint8_t {
#define PARLEY_SIM_SPOT(id, name, sentence) id,
  PARLEY_SIM_SPOTS(PARLEY_SIM_SPOT)
#undef PARLEY_SIM_SPOT
};

struct SpotText {
  std::string_view name;
  std::string_view sentence;
};
inline constexpr SpotText spot_texts[] = {
#define PARLEY_SIM_SPOT(id, name, sentence) {name, sentence},
    PARLEY_SIM_SPOTS(PARLEY_SIM_SPOT)
#undef PARLEY_SIM_SPOT
};
inline constexpr std::size_t spot_count = std::size(spot_texts);
constexpr const SpotText& text_of(Spot spot) { return spot_texts[static_cast<std::size_t>(spot)]; }

// How often a run, or several, came past each spot.
class Coverage {
 public:
  void hit(Spot spot, std::uint64_t times = 1) { hits_[static_cast<std::size_t>(spot)] += times; }
  std::uint64_t hits(Spot spot) const { return hits_[static_cast<std::size_t>(spot)]; }
  void add(const Coverage& other) {
    for (std::size_t i = 0; i < spot_count; ++i) hits_[i] += other.hits_[i];
  }
  std::vector<Spot> missing() const {
    std::vector<Spot> spots;
    for (std::size_t i = 0; i < spot_count; ++i) {
      if (hits_[i] == 0) spots.push_back(static_cast<Spot>(i));
    }
    return spots;
  }
  friend bool operator==(const Coverage&, const Coverage&) = default;

 private:
  std::array<std::uint64_t, spot_count> hits_{};
};

}  // namespace parley::sim
