#include "sim/stable_model.h"

#include <fmt/format.h>

#include <functional>
#include <string_view>
#include <utility>

#include "wire/frame.h"

namespace parley::sim {

namespace stable = wire::roam::stable;
using Path = WireModel::Path;

namespace {

std::uint64_t hash_of(ByteView bytes) { return std::hash<std::string_view>()(as_text(bytes)); }

bool is_ping(ByteView message) {
  return message.size() > 1 && message[0] == 0 && message[1] == static_cast<std::uint8_t>(wire::roam::Kind::ping);
}

}  // namespace

// --- at one link

class StableModel::Tap final : public LinkTap {
 public:
  explicit Tap(StableModel& model) : model_(model) {}

  bool is_over() const { return is_broken_ || is_destroyed_[0] || is_destroyed_[1]; }
  bool has_joined() const { return hellos_read_ == 2; }
  bool is_last() const { return model_.taps_.back().get() == this; }

 private:
  void on_written(std::size_t side, ByteView bytes) override { take(side, Path::out, bytes); }
  void on_read(std::size_t side, ByteView bytes) override { take(side, Path::in, bytes); }
  void on_broken(Break what) override {
    if (what == Break::garbage) {
      has_garbage_ = true;
      model_.wire_.on_broken(what);
    }
    if (what == Break::cut || what == Break::closed) end();
  }
  void on_destroyed(std::size_t side) override {
    is_destroyed_[side] = true;
    end();
  }
  void end() {
    if (std::exchange(is_broken_, true)) return;
    if (!has_joined()) model_.coverage_.hit(Spot::stable_cut_in_hello);
    if (is_last()) model_.wire_.set_between_links(true);
  }

  void take(std::size_t side, Path path, ByteView bytes) {
    std::vector<std::uint8_t>& kept = cut_off_[side][static_cast<std::size_t>(path)];
    kept.insert(kept.end(), bytes.begin(), bytes.end());
    std::size_t at = 0;
    for (;;) {
      const wire::FrameScan scan = wire::scan_frame(ByteView(kept).subspan(at), Limits().frame_bytes_max);
      if (scan.status != wire::FrameScan::Status::whole) break;
      at += scan.size;
      on_message(side, path, scan.message);
    }
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void on_message(std::size_t side, Path path, ByteView message) {
    if (path == Path::in) {
      if (!std::exchange(has_read_hello_[side], true)) {
        ++hellos_read_;
        if (has_joined() && !is_over() && is_last()) model_.wire_.set_between_links(false);
      } else if (!message.empty() && (!has_garbage_ || stable::read_frame(message))) {
        model_.on_frame_read(side, message);
      }
      return;
    }
    if (!std::exchange(has_said_hello_[side], true)) return on_hello(side, message);
    if (message.empty()) return;  // it has said all
    // What this end lacks, the other one begins with.
    if (!next_[side]) next_[side] = has_[1 - side];
    model_.on_frame_written(side, *next_[side], message);
  }

  void on_hello(std::size_t side, ByteView message) {
    std::optional<std::uint32_t> last;
    if (side == 0) {
      const auto hello = stable::read_client_hello(message);
      if (!hello) return model_.fail("stable.hello", side, "what it said is no hello");
      last = hello->last_received;
      if (!hello->key) {
        model_.coverage_.hit(Spot::stable_begun);
      } else if (std::exchange(model_.key_brought_, hello->key) == hello->key) {
        model_.coverage_.hit(Spot::stable_old_key);
      }
    } else {
      const auto hello = stable::read_server_hello(message);
      if (!hello) return model_.fail("stable.hello", side, "what it said is no hello");
      if (hello->is_rejected) return model_.coverage_.hit(Spot::stable_rejected);
      last = hello->last_received;
      if (model_.joined_count_++ != 0) model_.coverage_.hit(Spot::stable_resumed);
      for (const auto& tap : model_.taps_) {
        if (tap.get() != this && !tap->is_over()) {
          model_.coverage_.hit(Spot::stable_overtaken);
          break;
        }
      }
    }
    const std::uint64_t arrived = model_.said_[1 - side].arrived;
    has_[side] = last ? model_.index_of(*last, arrived) + 1 : 0;
    if (has_[side] > arrived) model_.fail("stable.acknowledged", side, "its hello has what did not come");
  }

  StableModel& model_;
  std::array<std::array<std::vector<std::uint8_t>, 2>, 2> cut_off_;  // the beginning of a message, by side and path
  std::array<bool, 2> has_said_hello_{};
  std::array<bool, 2> has_read_hello_{};
  std::size_t hellos_read_ = 0;
  std::array<std::uint64_t, 2> has_{};                // how many messages each end had, by its hello
  std::array<std::optional<std::uint64_t>, 2> next_;  // that each end is to send here
  std::array<bool, 2> is_destroyed_{};
  bool is_broken_ = false;
  bool has_garbage_ = false;
};

// --- above all links

class StableModel::Watch final : public io::Link, private io::LinkEvents {
 public:
  Watch(StableModel& model, std::unique_ptr<io::Link> link, std::size_t side)
      : model_(model), link_(std::move(link)), side_(side) {}
  ~Watch() override {
    link_.reset();
    model_.wire_.on_destroyed(side_);
  }

  void start(io::LinkEvents& events) override {
    events_ = &events;
    link_->start(*this);
  }
  OutBuffer& out() override { return link_->out(); }
  OutBuffer& control() override { return link_->control(); }
  void committed() override { link_->committed(); }
  void committed_later() override { link_->committed_later(); }
  void flush() override { link_->flush(); }
  bool is_blocked() const override { return link_->is_blocked(); }
  std::size_t bytes_kept() const override { return link_->bytes_kept(); }
  void finish() override { link_->finish(); }
  bool outlives_streams() const override { return link_->outlives_streams(); }
  std::uint64_t bytes_received() const override { return link_->bytes_received(); }
  const io::Peer& peer() const override { return link_->peer(); }
  void set_frame_bytes_max(std::size_t bytes) override { link_->set_frame_bytes_max(bytes); }

 private:
  bool on_message(ByteView message, Block* block) override {
    model_.on_given(side_, message);
    return events_->on_message(message, block);
  }
  void on_link_ended(const Error* error) override {
    if (error && error->code == Code::link_lost && error->note.starts_with("there was none")) {
      model_.coverage_.hit(Spot::stable_gave_up);
    }
    events_->on_link_ended(error);
  }
  void on_link_drained() override { events_->on_link_drained(); }
  void on_link_news(News what, std::uint64_t times) override {
    if (what == News::silent) model_.coverage_.hit(Spot::stable_silent, times);
    if (what == News::repeated) model_.coverage_.hit(Spot::stable_duplicate, times);
    events_->on_link_news(what, times);
  }

  StableModel& model_;
  std::unique_ptr<io::Link> link_;
  const std::size_t side_;
  io::LinkEvents* events_ = nullptr;
};

StableModel::StableModel(WireModel& wire, Verdicts& verdicts, Coverage& coverage, std::uint32_t first)
    : wire_(wire), verdicts_(verdicts), coverage_(coverage), first_(first) {}
StableModel::~StableModel() = default;

LinkTap& StableModel::next_link() {
  wire_.set_between_links(true);
  return *taps_.emplace_back(std::make_unique<Tap>(*this));
}

std::unique_ptr<io::Link> StableModel::watch(std::unique_ptr<io::Link> link, std::size_t side) {
  return std::make_unique<Watch>(*this, std::move(link), side);
}

void StableModel::fail(std::string_view checker, std::size_t side, std::string what) {
  verdicts_.fail(checker, fmt::format("side {}: {}", side, what));
}

// Numbers of 32 bits, counted on from the first; the one that is nearest.
std::uint64_t StableModel::index_of(std::uint32_t number, std::uint64_t near) const {
  const auto distance = static_cast<std::int32_t>(number - first_ - static_cast<std::uint32_t>(near));
  return near + static_cast<std::uint64_t>(std::int64_t{distance});
}

// `at`: how many of its messages this link has behind it.
void StableModel::on_frame_written(std::size_t side, std::uint64_t& at, ByteView bytes) {
  const auto frame = stable::read_frame(bytes);
  if (!frame) return fail("stable.decodes", side, to_string(frame.error()));
  Said& said = said_[side];
  const std::uint64_t index = index_of(frame->number, at);
  if (index != at) return fail("stable.complete", side, fmt::format("message {} where {} is due", index, at));
  ++at;
  if (frame->acknowledged) {
    const std::uint64_t arrived = said_[1 - side].arrived;
    if (index_of(*frame->acknowledged, arrived) + 1 > arrived) {
      fail("stable.acknowledged", side, fmt::format("it acknowledges what did not come, number {}", index));
    }
  }
  if (index < said.frames.size()) {
    coverage_.hit(Spot::stable_resent);
    if (said.frames[index] != hash_of(bytes)) {
      fail("stable.as_before", side, fmt::format("message {} is sent again and differs", index));
    }
    return;
  }
  if (index > said.frames.size()) return fail("stable.complete", side, fmt::format("message {} is new here", index));
  said.frames.push_back(hash_of(bytes));
  said.messages.push_back(hash_of(frame->message));
  if (first_ != 0 && frame->number == 0) coverage_.hit(Spot::stable_wrapped);
  if (is_ping(frame->message)) coverage_.hit(Spot::stable_pinged);
  wire_.on_message(side, Path::out, frame->message);
}

void StableModel::on_frame_read(std::size_t side, ByteView bytes) {
  const auto frame = stable::read_frame(bytes);
  if (!frame) return fail("stable.decodes", side, to_string(frame.error()));
  Said& said = said_[1 - side];
  if (index_of(frame->number, said.arrived) == said.arrived) ++said.arrived;
}

void StableModel::on_given(std::size_t side, ByteView message) {
  Said& said = said_[1 - side];
  if (said.given == said.messages.size() || said.messages[said.given] != hash_of(message)) {
    return fail("stable.once_in_order", side, fmt::format("what came as message {} is not that one", said.given));
  }
  ++said.given;
  wire_.on_message(side, Path::in, message);
}

}  // namespace parley::sim
