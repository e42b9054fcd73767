#include "runtime/stable_sessions.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "wire/frame.h"
#include "wire/roam/stable.h"

namespace parley::runtime {

namespace stable = wire::roam::stable;

namespace {

void say(FramedLink& link, const stable::ServerHello& hello) {
  const auto bytes = stable::encode(hello);
  std::uint8_t* const cursor = wire::begin_frame(link.out(), bytes.size());
  wire::end_frame(link.out(), std::ranges::copy(bytes, cursor).out);
  link.flush();
}

// There is nothing for it here.
bool reject(io::Loop& loop, std::unique_ptr<FramedLink> link) {
  say(*link, {.is_rejected = true});
  link->finish();
  StableLink::bury(loop, std::move(link));
  return false;
}

// As far as the system and certificates say; what was vouched for once must be again.
bool is_same_party(const io::Peer& a, const io::Peer& b) {
  if (a.credentials.has_value() != b.credentials.has_value() || a.certificate != b.certificate) return false;
  return !a.credentials || a.credentials->uid == b.credentials->uid;
}

}  // namespace

struct StableSessions::Table {
  std::map<stable::Key, Accepted*> by_key;
  std::size_t size = 0;
  std::size_t unspoken = 0;  // of these: see Accepted::on_away()
};

// The server's end of a stable session.
class StableSessions::Accepted final : public StableLink {
 public:
  Accepted(io::Loop& loop, const Limits& limits, io::Peer peer, FirstNumbers first_numbers,
           std::shared_ptr<Table> table)
      : StableLink(loop, limits, peer, first_numbers),
        first_(std::move(peer)),
        unspoken_max_(std::max<std::size_t>(limits.stable_sessions_max / 4, 1)),
        table_(std::move(table)) {
    ++table_->size;
  }
  ~Accepted() override { on_over(); }

  void join(std::unique_ptr<FramedLink> link, const stable::ClientHello& hello);
  // With whom it began.
  const io::Peer& first() const { return first_; }

 private:
  // Only a client hello begins anything here, and that has been read.
  bool on_hello(ByteView) override { return false; }
  void on_over() override;
  void on_away() override;
  void renew_key(const std::optional<stable::Key>& brought);

  // A client may not have got the newest key: it has the one that it brought last, or one of those made since, of which
  // so many count.
  static constexpr std::size_t keys_max = 8;
  std::vector<stable::Key> keys_;
  const io::Peer first_;
  const std::size_t unspoken_max_;
  bool is_unspoken_ = false;  // away, and nothing has been said on it
  std::shared_ptr<Table> table_;
  bool is_over_ = false;
};

void StableSessions::Accepted::on_over() {
  if (std::exchange(is_over_, true)) return;
  --table_->size;
  if (std::exchange(is_unspoken_, false)) --table_->unspoken;
  for (const stable::Key& key : keys_) table_->by_key.erase(key);
}

// Whoever begins sessions and goes takes a part of all places, and not those of others.
void StableSessions::Accepted::on_away() {
  if (last_received() || is_unspoken_) return;
  if (table_->unspoken >= unspoken_max_) return end({Code::link_lost, "before anything was said"});
  is_unspoken_ = true;
  ++table_->unspoken;
}

void StableSessions::Accepted::renew_key(const std::optional<stable::Key>& brought) {
  const auto forget = [&](auto first, auto last) {
    std::for_each(first, last, [&](const stable::Key& key) { table_->by_key.erase(key); });
    keys_.erase(first, last);
  };
  if (brought) forget(keys_.begin(), std::ranges::find(keys_, *brought));
  if (keys_.size() == keys_max) forget(keys_.begin() + 1, keys_.begin() + 2);
  stable::Key key;
  const std::uint64_t random[] = {loop().random().next(), loop().random().next()};
  static_assert(sizeof key == sizeof random);
  std::memcpy(key.data(), random, sizeof key);
  keys_.push_back(key);
  table_->by_key.emplace(key, this);
}

void StableSessions::Accepted::join(std::unique_ptr<FramedLink> link, const stable::ClientHello& hello) {
  const Result<ByteView> missing = this->missing(hello.last_received);
  if (!missing) {
    reject(loop(), std::move(link));
    return end(missing.error());
  }
  if (std::exchange(is_unspoken_, false)) --table_->unspoken;
  take(std::move(link));
  renew_key(hello.key);
  say(below(), {false, keys_.back(), last_received()});
  go_on(*missing);
}

// --- who comes in

// A link that has said nothing yet.
class StableSessions::Newcomer final : public Mortal, private io::LinkEvents {
 public:
  Newcomer(StableSessions& sessions, std::unique_ptr<FramedLink> link, Instant until, bool has_room, Start start)
      : sessions_(sessions), link_(std::move(link)), has_room_(has_room), start_(std::move(start)) {
    link_->set_frame_bytes_max(sessions_.limits_.opening_bytes_max);
    sessions_.loop_.executor().arm(silence_, until);
    link_->start(*this);
  }

  // Once: it is known what becomes of the link, or nothing does.
  bool leave_door() {
    if (std::exchange(has_left_, true)) return false;
    silence_.disarm();
    sessions_.remove(*this);
    return true;
  }

 private:
  struct Silence final : Timer {
    explicit Silence(Newcomer& newcomer) : Timer(&Silence::fire), newcomer(newcomer) {}
    static void fire(Timer& timer) {
      Newcomer& silent = static_cast<Silence&>(timer).newcomer;
      silent.sessions_.tell(Refused::silent);
      silent.leave_door();
    }
    Newcomer& newcomer;
  };

  bool on_message(ByteView message, Block* block) override {
    if (!leave_door()) return false;
    if (stable::is_client_hello(message)) {
      link_->hand_over();
      return sessions_.on_hello(std::move(link_), message, has_room_, start_);
    }
    if (!has_room_) {
      sessions_.tell(Refused::no_room);
      return false;
    }
    return begin().on_message(message, block);
  }
  // What was no message at all is for the session to answer.
  void on_link_ended(const Error* error) override {
    if (!leave_door()) return;
    if (has_room_ && error && kind(*error) == Kind::protocol && error->code != Code::frame_truncated)
      begin().on_link_ended(error);
  }
  void on_link_drained() override {}
  io::LinkEvents& begin() {
    FramedLink& link = *link_;
    link.hand_over();
    start_(std::move(link_));
    return link.receiver();
  }

  StableSessions& sessions_;
  std::unique_ptr<FramedLink> link_;
  const bool has_room_;
  Start start_;
  Silence silence_{*this};
  bool has_left_ = false;
};

StableSessions::StableSessions(io::Loop& loop, const Limits& limits, OnRefused on_refused,
                               StableLink::FirstNumbers first_numbers)
    : loop_(loop),
      limits_(limits),
      on_refused_(std::move(on_refused)),
      first_numbers_(first_numbers),
      table_(std::make_shared<Table>()) {}

StableSessions::~StableSessions() { drop_newcomers(); }

std::size_t StableSessions::size() const { return table_->size; }

void StableSessions::admit(std::unique_ptr<FramedLink> link, Instant until, bool has_room, Start start) {
  newcomers_.push_back(
      *std::make_unique<Newcomer>(*this, std::move(link), until, has_room, std::move(start)).release());
  ++newcomer_count_;
}

void StableSessions::remove(Newcomer& newcomer) {
  newcomer.leave();
  --newcomer_count_;
  loop_.executor().bury(std::unique_ptr<Mortal>(&newcomer));
}

void StableSessions::drop_newcomers() {
  while (!newcomers_.empty()) drop_oldest_newcomer();
}

void StableSessions::drop_oldest_newcomer() {
  PARLEY_ASSERT(!newcomers_.empty());
  static_cast<Newcomer&>(newcomers_.front()).leave_door();
}

bool StableSessions::on_hello(std::unique_ptr<FramedLink> link, ByteView message, bool has_room, Start& start) {
  const Result<stable::ClientHello> hello = stable::read_client_hello(message);
  if (hello && hello->key) {
    const auto found = table_->by_key.find(*hello->key);
    if (found != table_->by_key.end() && is_same_party(found->second->first(), link->peer())) {
      found->second->join(std::move(link), *hello);
      return true;
    }
  } else if (hello && !hello->last_received && has_room && table_->size < limits_.stable_sessions_max) {
    auto accepted = std::make_unique<Accepted>(loop_, limits_, link->peer(), first_numbers_, table_);
    accepted->join(std::move(link), *hello);
    start(std::move(accepted));
    return true;
  }
  tell(hello && !hello->key && !has_room ? Refused::no_room : Refused::rejected);
  return reject(loop_, std::move(link));
}

}  // namespace parley::runtime
