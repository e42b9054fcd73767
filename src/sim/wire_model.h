#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "sim/call_book.h"
#include "sim/flow_book.h"
#include "sim/sim_link.h"
#include "wire/roam/message.h"

namespace parley::sim {

// What the bytes of a link do not say about a method: the channels among its arguments, in their order.
struct MethodFacts {
  struct Channel {
    bool is_from_caller = false;  // the caller sends, the handler receives
    std::uint32_t initial_credit = 0;
  };
  std::uint64_t id = 0;
  std::string_view name;
  std::vector<Channel> channels;
};

// Reads along at both ends of one link and keeps account of what each end may do: whether credit is kept, each call is
// answered once, and nothing is said of what was never announced. Arguments begin with the ticket of the call and then
// the flow of each channel.
class WireModel final : public LinkTap {
 public:
  struct Books {
    CallBook& calls;
    FlowBook& flows;
    Verdicts& verdicts;
    Coverage& coverage;
    Trace& trace;
  };
  // The number is what the trace calls this link.
  WireModel(const Books& books, std::span<const MethodFacts> methods, std::uint64_t number = 0)
      : books_(books), methods_(methods), number_(number) {}

  void on_written(std::size_t side, ByteView bytes) override { take(side, Path::out, bytes); }
  void on_read(std::size_t side, ByteView bytes) override { take(side, Path::in, bytes); }
  void on_broken(Break what) override { broken_ = what; }
  void on_destroyed(std::size_t side) override { is_destroyed_[side] = true; }

  Break broken() const { return broken_; }
  // A session that goes on over other links has none that carries anything, whether its ends know it or not. What is
  // written afterwards may have been said long before.
  void set_between_links(bool is_between) {
    is_between_links_ = is_between;
    lags_ = true;
  }
  bool is_between_links() const { return is_between_links_; }
  bool is_destroyed(std::size_t side) const { return is_destroyed_[side]; }
  // An end told the other one that the rules were broken, and had a reason.
  bool has_reported() const { return has_reported_; }
  // Whether an end has seen the hello of the other.
  bool has_read_hello(std::size_t side) const { return ends_[side].has_read_hello; }

  // One whole message that an end has written, or that it is given: for whoever knows more of the link.
  enum class Path : std::uint8_t { out, in };
  void on_message(std::size_t side, Path path, ByteView bytes);

 private:
  using Message = wire::roam::Message;

  struct Channel {
    std::uint64_t flow = 0;
    bool is_sender = false;     // this end
    std::uint64_t credit = 0;   // that the sender has, as far as this end knows
    std::uint64_t granted = 0;  // in all
    std::uint32_t initial = 0;
    bool is_closed = false;  // by its sender
    bool is_reset = false;   // by its receiver
  };
  struct Call {
    std::uint64_t ticket = 0;
    bool is_answered = false;
    bool is_cancelled = false;
  };
  struct End {
    std::array<std::vector<std::uint8_t>, 2> cut_off;  // the beginning of a message, by path
    std::map<std::uint64_t, Call> calls;               // that it made
    std::map<std::uint64_t, Call> handled;             // that it got
    std::map<std::uint64_t, Channel> channels;
    std::uint64_t in_flight = 0;
    std::uint32_t requests_max = 0;  // of the other end
    bool has_read_hello = false;
    bool is_garbled = false;  // nothing that comes in means anything any more
  };

  void take(std::size_t side, Path path, ByteView bytes);
  void on_report(std::size_t side, Path path, std::string_view description);
  void on_call(std::size_t side, Path path, const wire::roam::Call& call);
  void on_response(std::size_t side, Path path, std::uint64_t id);
  void on_cancel(std::size_t side, Path path, std::uint64_t id);
  void on_item(std::size_t side, Path path, std::uint64_t id);
  void on_grant(std::size_t side, Path path, const wire::roam::GrantCredit& grant);
  void on_close(std::size_t side, Path path, const wire::roam::Close& close);
  void on_reset(std::size_t side, Path path, std::uint64_t id);
  void note(std::size_t side, Path path, std::string_view what, std::uint64_t id, std::uint64_t value = 0);
  Channel* channel(std::size_t side, Path path, std::uint64_t id, bool is_senders, std::string_view what);
  void fail(std::string_view checker, std::size_t side, Path path, std::string what);
  const MethodFacts* method(std::uint64_t id) const;

  Books books_;
  std::span<const MethodFacts> methods_;
  const std::uint64_t number_;
  std::array<End, 2> ends_;
  std::array<bool, 2> is_destroyed_{};
  Break broken_ = Break::none;
  bool has_reported_ = false;
  bool is_between_links_ = false;
  bool lags_ = false;
};

}  // namespace parley::sim
