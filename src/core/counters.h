#pragma once

#include <cstdint>
#include <string_view>

namespace parley::core {

// What happened in one session. Every rare path has a counter of its own.
struct Counters {
  std::uint64_t calls_sent = 0;
  std::uint64_t calls_received = 0;
  std::uint64_t calls_waited = 0;           // held back by the peer's max_concurrent_requests
  std::uint64_t calls_refused_here = 0;     // ours that found the waiting line or the link full
  std::uint64_t calls_refused_to_peer = 0;  // the peer's: at once, beside cleanups, or left unread
  std::uint64_t cancels_sent = 0;
  std::uint64_t cancels_received = 0;
  std::uint64_t cancels_too_late = 0;  // for a call that had been answered
  std::uint64_t responses_sent = 0;
  std::uint64_t responses_received = 0;
  std::uint64_t responses_late = 0;             // for a call that was given up here
  std::uint64_t responses_repeated = 0;         // a second one, tolerated from a foreign peer
  std::uint64_t results_dropped = 0;            // a handler finished what had already been answered
  std::uint64_t deadlines_passed_here = 0;      // of our calls
  std::uint64_t deadlines_passed_handling = 0;  // of the peer's calls
  std::uint64_t handlers_threw = 0;
  std::uint64_t cleanups_started = 0;  // of handlers that were stopped
  std::uint64_t cleanups_threw = 0;
  std::uint64_t interceptors_refused = 0;  // calls of either side that one of this end did not let pass
  std::uint64_t methods_unknown = 0;
  std::uint64_t arguments_malformed = 0;
  std::uint64_t results_malformed = 0;
  std::uint64_t items_sent = 0;
  std::uint64_t items_received = 0;
  std::uint64_t items_malformed = 0;
  std::uint64_t items_after_end = 0;      // for a channel that has ended here
  std::uint64_t items_beyond_credit = 0;  // tolerated from a foreign peer
  std::uint64_t items_copied = 0;         // out of a pinned block
  std::uint64_t grants_sent = 0;
  std::uint64_t grants_after_end = 0;
  std::uint64_t resets_sent = 0;
  std::uint64_t resets_received = 0;
  std::uint64_t closes_after_end = 0;
  std::uint64_t channels_unsupported = 0;  // refused: a foreign receiver would never grant what they need
  std::uint64_t connections_opened = 0;    // by us
  std::uint64_t connections_accepted = 0;  // opened by the peer
  std::uint64_t connections_rejected = 0;  // the peer's
  std::uint64_t connections_broken = 0;    // ended for a breach that cost nothing else
  std::uint64_t messages_late = 0;         // for a connection that is over here
  std::uint64_t pings_sent = 0;            // to a peer that said nothing while something waited for it
  std::uint64_t pings_answered = 0;
  std::uint64_t silences = 0;           // the session was lost: its peer did not answer
  std::uint64_t links_resumed = 0;      // a stable session went on over another link
  std::uint64_t links_silent = 0;       // left by a stable session because nothing came
  std::uint64_t messages_resent = 0;    // over another link
  std::uint64_t messages_repeated = 0;  // received before, and dropped
  std::uint64_t calls_repeated = 0;     // idempotent ones, on the session that came after theirs
  std::uint64_t handshakes_timed_out = 0;
  std::uint64_t messages_cut_off = 0;      // the link ended inside one
  std::uint64_t protocol_errors_sent = 0;  // breaches found here, of all kinds; and each by its code:
  std::uint64_t breaches_frame_too_large = 0;
  std::uint64_t breaches_message = 0;
  std::uint64_t breaches_unexpected = 0;
  std::uint64_t breaches_wrong_connection = 0;
  std::uint64_t breaches_version = 0;
  std::uint64_t breaches_duplicate_request = 0;
  std::uint64_t breaches_request_parity = 0;
  std::uint64_t breaches_second_response = 0;
  std::uint64_t breaches_channel_id = 0;
  std::uint64_t breaches_channel_direction = 0;
  std::uint64_t breaches_item_beyond_credit = 0;
  std::uint64_t breaches_credit_overflow = 0;
  std::uint64_t breaches_too_many_channels = 0;
  std::uint64_t breaches_metadata_limit = 0;
  std::uint64_t protocol_errors_received = 0;
  std::uint64_t control_overflows = 0;   // the session was lost: its peer did not read what it was told
  std::uint64_t descriptors_passed = 0;  // to the peer
  std::uint64_t descriptors_claimed = 0;

  template <class Visit>
  void for_each(Visit visit) const {
    visit(std::string_view("calls_sent"), calls_sent);
    visit(std::string_view("calls_received"), calls_received);
    visit(std::string_view("calls_waited"), calls_waited);
    visit(std::string_view("calls_refused_here"), calls_refused_here);
    visit(std::string_view("calls_refused_to_peer"), calls_refused_to_peer);
    visit(std::string_view("cancels_sent"), cancels_sent);
    visit(std::string_view("cancels_received"), cancels_received);
    visit(std::string_view("cancels_too_late"), cancels_too_late);
    visit(std::string_view("responses_sent"), responses_sent);
    visit(std::string_view("responses_received"), responses_received);
    visit(std::string_view("responses_late"), responses_late);
    visit(std::string_view("responses_repeated"), responses_repeated);
    visit(std::string_view("results_dropped"), results_dropped);
    visit(std::string_view("deadlines_passed_here"), deadlines_passed_here);
    visit(std::string_view("deadlines_passed_handling"), deadlines_passed_handling);
    visit(std::string_view("handlers_threw"), handlers_threw);
    visit(std::string_view("cleanups_started"), cleanups_started);
    visit(std::string_view("cleanups_threw"), cleanups_threw);
    visit(std::string_view("interceptors_refused"), interceptors_refused);
    visit(std::string_view("methods_unknown"), methods_unknown);
    visit(std::string_view("arguments_malformed"), arguments_malformed);
    visit(std::string_view("results_malformed"), results_malformed);
    visit(std::string_view("items_sent"), items_sent);
    visit(std::string_view("items_received"), items_received);
    visit(std::string_view("items_malformed"), items_malformed);
    visit(std::string_view("items_after_end"), items_after_end);
    visit(std::string_view("items_beyond_credit"), items_beyond_credit);
    visit(std::string_view("items_copied"), items_copied);
    visit(std::string_view("grants_sent"), grants_sent);
    visit(std::string_view("grants_after_end"), grants_after_end);
    visit(std::string_view("resets_sent"), resets_sent);
    visit(std::string_view("resets_received"), resets_received);
    visit(std::string_view("closes_after_end"), closes_after_end);
    visit(std::string_view("channels_unsupported"), channels_unsupported);
    visit(std::string_view("connections_opened"), connections_opened);
    visit(std::string_view("connections_accepted"), connections_accepted);
    visit(std::string_view("connections_rejected"), connections_rejected);
    visit(std::string_view("connections_broken"), connections_broken);
    visit(std::string_view("messages_late"), messages_late);
    visit(std::string_view("pings_sent"), pings_sent);
    visit(std::string_view("pings_answered"), pings_answered);
    visit(std::string_view("silences"), silences);
    visit(std::string_view("links_resumed"), links_resumed);
    visit(std::string_view("links_silent"), links_silent);
    visit(std::string_view("messages_resent"), messages_resent);
    visit(std::string_view("messages_repeated"), messages_repeated);
    visit(std::string_view("calls_repeated"), calls_repeated);
    visit(std::string_view("handshakes_timed_out"), handshakes_timed_out);
    visit(std::string_view("messages_cut_off"), messages_cut_off);
    visit(std::string_view("protocol_errors_sent"), protocol_errors_sent);
    visit(std::string_view("breaches_frame_too_large"), breaches_frame_too_large);
    visit(std::string_view("breaches_message"), breaches_message);
    visit(std::string_view("breaches_unexpected"), breaches_unexpected);
    visit(std::string_view("breaches_wrong_connection"), breaches_wrong_connection);
    visit(std::string_view("breaches_version"), breaches_version);
    visit(std::string_view("breaches_duplicate_request"), breaches_duplicate_request);
    visit(std::string_view("breaches_request_parity"), breaches_request_parity);
    visit(std::string_view("breaches_second_response"), breaches_second_response);
    visit(std::string_view("breaches_channel_id"), breaches_channel_id);
    visit(std::string_view("breaches_channel_direction"), breaches_channel_direction);
    visit(std::string_view("breaches_item_beyond_credit"), breaches_item_beyond_credit);
    visit(std::string_view("breaches_credit_overflow"), breaches_credit_overflow);
    visit(std::string_view("breaches_too_many_channels"), breaches_too_many_channels);
    visit(std::string_view("breaches_metadata_limit"), breaches_metadata_limit);
    visit(std::string_view("protocol_errors_received"), protocol_errors_received);
    visit(std::string_view("control_overflows"), control_overflows);
    visit(std::string_view("descriptors_passed"), descriptors_passed);
    visit(std::string_view("descriptors_claimed"), descriptors_claimed);
  }
};

}  // namespace parley::core
