#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "core/policy/pattern.h"
#include "wire/records/recording.h"
#include "wire/records/sessions.h"
#include "wire/roam/dissector.h"
#include "wire/roam/message.h"

namespace parley::core {

struct RerunOptions {
  // Takes the place of the blanked token of a recorded hello; without one the entry is left out.
  std::optional<std::string> token;
  // Methods whose results and items may be others: what belongs to their calls is waited for and not compared.
  std::vector<Pattern> ignored;
  // Channels whose call is remembered. Of more of them nothing is known but what was said: their items go on without
  // what the description grants, and are waited for when their call fails now.
  std::size_t channels_max = wire::roam::Dissector::remembered_max;
};

// Says the clients' part of recorded sessions again, and compares what comes back. The sessions run beside each other
// in the recorded order: a message is said when all that the recording has before it has come. Compared are the
// response to each call, and the items and the end of each channel in their order; calls of the server, and what it
// says of connections. Not compared are time, credit, pings, the answer to the hello, and of metadata secrets, what
// says how long there is (parley-remaining-us), where it is traced (traceparent, tracestate), and notes for people.
//
// A client's item waits for the credit of the server as it is now. What belongs to a connection that is rejected now
// and was accepted is neither said nor waited for. Its driver carries out what next() says, and tells what came; a wait
// may last for ever, and is the driver's to end.
class Rerun {
 public:
  // Both outlive it.
  Rerun(const std::vector<wire::records::Record>& recording, const wire::roam::Catalog& catalog,
        RerunOptions options = {});

  struct Action {
    enum class What : std::uint8_t { open, say, finish };
    What what = What::open;
    std::uint64_t session = 0;
    ByteView message;  // to say; until the next call of next()
  };
  // What there is to do now; nothing: wait, or it is done.
  std::optional<Action> next();
  bool is_done() const { return replies_.empty() && at_ == steps_.size(); }
  // In words, what keeps it from going on.
  std::string awaited() const;
  // Grows with what is said of the recording, and with what is compared. Pings, credit and what nobody waits for come
  // from a server that is there, and lead nowhere.
  std::uint64_t progress() const { return at_ + compared_; }

  void on_message(std::uint64_t session, ByteView message);
  // Nothing more comes from the server; without a reason in good order.
  void on_end(std::uint64_t session, const std::optional<Error>& why);

  struct Difference {
    std::uint64_t session = 0;
    std::string what;      // "the response to Calculator.add"
    std::string recorded;  // empty: nothing of that kind
    std::string now;
  };
  // In the order in which they were found.
  const std::vector<Difference>& differences() const { return differences_; }
  // Sessions that cannot be said again, or not to their end, and why.
  const std::vector<std::string>& left_out() const { return left_out_; }
  std::uint64_t sessions() const { return sessions_said_; }
  std::uint64_t compared() const { return compared_; }
  // The names whose connections were accepted, and are rejected now.
  const std::set<std::string>& rejected_names() const { return rejected_names_; }
  // Whether the server ended a session before it said more than its answer to the hello, as a hub does with who is not
  // known.
  bool is_turned_away() const { return is_turned_away_; }

 private:
  enum class Flow : std::uint8_t {
    hello,
    error,
    connection,
    connection_close,
    call,
    response,
    cancel,
    item,
    end,
    over
  };
  // What comes under one key comes in its order.
  struct Key {
    std::uint64_t session = 0;
    Flow flow = Flow::hello;
    std::uint64_t connection = 0;
    std::uint64_t id = 0;
    auto operator<=>(const Key&) const = default;
  };
  // Steps, in their order. A map has many of them that hold one.
  class Awaited {
   public:
    bool empty() const { return at_ == steps_.size(); }
    std::size_t size() const { return steps_.size() - at_; }
    std::size_t front() const { return steps_[at_]; }
    void push_back(std::size_t step) { steps_.push_back(step); }
    void pop_front() { ++at_; }
    void clear() { at_ = steps_.size(); }
    auto begin() const { return steps_.begin() + static_cast<std::ptrdiff_t>(at_); }
    auto end() const { return steps_.end(); }

   private:
    std::vector<std::size_t> steps_;
    std::size_t at_ = 0;
  };
  struct Step {
    Action::What what = Action::What::say;
    bool is_expected = false;  // from the server; else it is ours
    Key key;                   // of ours, the flow tells items and openings of connections apart
    std::vector<std::uint8_t> message;
    bool is_settled = false;
  };
  using Id = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // session, connection, channel or call
  struct Credit {
    std::uint64_t initial = 0;
    bool is_described = false;
    std::uint64_t granted = 0;  // in the recording while it is read, then by the server of now
    std::uint64_t said = 0;     // items
  };
  struct SessionState {
    bool has_begun = false;
    bool has_finished = false;   // the client, in the recording
    bool is_broken_off = false;  // no more of it is said again
    bool is_over = false;
    bool is_let_in = false;  // more came than the answer to the hello
  };

  void add(const wire::records::Passed& passed, const wire::records::Sorted& sorted);
  void add_own(std::uint64_t session, ByteView message);
  void add_expected(std::uint64_t session, ByteView message);
  void add_step(Action::What what, std::uint64_t session);
  void break_off(std::uint64_t session, const std::string& why);
  void note_call(std::uint64_t session, std::uint64_t connection, const wire::roam::Call& call);
  std::vector<std::uint8_t> hello(const wire::roam::Message& message) const;
  static std::optional<Key> key_of(std::uint64_t session, const wire::roam::Message& message);

  wire::roam::Dissected dissect(std::uint64_t session, wire::records::From from, ByteView message);
  void compare(Step& step, std::uint64_t session, ByteView message);
  void expect_nothing(const Key& key, std::uint64_t session, ByteView message);
  bool is_ignored(const wire::roam::Dissected& one) const;
  void excuse_channels(std::uint64_t session, std::uint64_t connection, std::uint64_t call);
  void excuse(const Key& key, const std::string& now);
  void note_opening(const Step& step);
  void note_rejection(const Key& connection);
  bool is_rejected(const Key& key) const;
  void pass_over(Step& step);
  // Without a difference.
  void settle(const Key& key);
  bool has_credit(const Step& step) const;

  const wire::roam::Catalog& catalog_;
  RerunOptions options_;
  Limits limits_;
  wire::roam::Dissector dissector_;
  std::vector<Step> steps_;
  std::size_t at_ = 0;
  std::map<Key, Awaited> expected_;
  std::map<Id, Credit> credit_;
  std::map<Id, std::vector<std::uint64_t>> channels_;  // of calls
  std::size_t channels_noted_ = 0;
  bool has_too_many_channels_ = false;
  std::set<Id> dead_;                                            // channels
  using ConnectionId = std::pair<std::uint64_t, std::uint64_t>;  // session, and in it
  std::map<ConnectionId, std::string> names_;                    // that connections are for, as they were opened last
  std::set<ConnectionId> rejected_;                              // until they are opened again
  std::set<std::string> rejected_names_;
  bool is_turned_away_ = false;
  std::map<std::uint64_t, SessionState> states_;
  std::deque<std::pair<std::uint64_t, std::vector<std::uint8_t>>> replies_;
  std::vector<std::uint8_t> reply_;
  std::vector<Difference> differences_;
  std::vector<std::string> left_out_;
  std::uint64_t sessions_said_ = 0;
  std::uint64_t compared_ = 0;
};

}  // namespace parley::core
