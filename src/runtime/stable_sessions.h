#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/framed_link.h"
#include "runtime/stable_link.h"

namespace parley::runtime {

// Where links come in that may be stable sessions, or go on with one. Each stable session has a key, which is made anew
// whenever a link joins it; who brings it takes the session over, also while the old link is still thought alive. On
// one loop. When it goes, no link comes back to its sessions.
class StableSessions {
 public:
  // Begins a session over the link, before it returns.
  using Start = std::move_only_function<void(std::unique_ptr<io::Link>)>;

  // What became of a link for which nothing begins here.
  enum class Refused : std::uint8_t { silent, rejected, no_room };
  using OnRefused = std::move_only_function<void(Refused)>;
  StableSessions(io::Loop& loop, const Limits& limits, OnRefused on_refused = {},
                 StableLink::FirstNumbers first_numbers = {});
  ~StableSessions();
  StableSessions(const StableSessions&) = delete;
  StableSessions& operator=(const StableSessions&) = delete;

  // A link from which nothing has been read. Its first message decides: `start` gets the link itself, or, for a new
  // stable session, the one that stays. It gets nothing when the link goes on with a session, brings a key that is not
  // known, or has said nothing by then. Without room for a
  // new session it may still go on with one.
  void admit(std::unique_ptr<FramedLink> link, Instant until, bool has_room, Start start);

  std::size_t size() const;                                       // stable sessions that can be gone on with
  std::size_t newcomer_count() const { return newcomer_count_; }  // who have said nothing yet
  // Closes these, or the one that waits longest.
  void drop_newcomers();
  void drop_oldest_newcomer();

 private:
  class Accepted;
  class Newcomer;
  struct Table;

  // False: there is nothing for that link here.
  bool on_hello(std::unique_ptr<FramedLink> link, ByteView message, bool has_room, Start& start);
  void tell(Refused what) {
    if (on_refused_) on_refused_(what);
  }
  void remove(Newcomer& newcomer);

  io::Loop& loop_;
  const Limits limits_;
  OnRefused on_refused_;
  const StableLink::FirstNumbers first_numbers_;
  const std::shared_ptr<Table> table_;  // also of the sessions
  IntrusiveList<Mortal> newcomers_;
  std::size_t newcomer_count_ = 0;
};

}  // namespace parley::runtime
