#include "runtime/memory_link.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "base/ring.h"
#include "wire/frame.h"

namespace parley::runtime {

namespace {

class MemoryLink final : public io::Link {
 public:
  explicit MemoryLink(io::Loop& loop) : loop_(loop), out_(loop.blocks()) { peer_info_.address = "mem:"; }
  ~MemoryLink() override {
    if (!peer_) return;
    peer_->peer_ = nullptr;
    peer_->close_in();
  }
  static void join(MemoryLink& a, MemoryLink& b) {
    a.peer_ = &b;
    b.peer_ = &a;
  }

  void start(io::LinkEvents& events) override {
    events_ = &events;
    if (!in_.empty() || has_in_ended_) post_deliver();
  }
  OutBuffer& out() override { return out_; }
  OutBuffer& control() override { return out_; }
  void committed() override {
    if (out_.size() >= flush_bytes_) {
      flush();
    } else {
      committed_later();
    }
  }
  void committed_later() override {
    if (!flush_.is_linked()) loop_.executor().post_after_drain(flush_);
  }
  void flush() override {
    flush_.leave();
    if (!peer_) {
      out_.clear();
      return;
    }
    if (!out_.empty()) {
      ByteView bytes;
      BlockHandle block = out_.hand_over(bytes);
      peer_->in_.push({std::move(block), bytes});
      peer_->post_deliver();
    }
    if (is_finishing_) peer_->close_in();
  }
  bool is_blocked() const override { return false; }
  void finish() override {
    is_finishing_ = true;
    flush();
  }
  const io::Peer& peer() const override { return peer_info_; }
  void set_frame_bytes_max(std::size_t bytes) override { frame_bytes_max_ = bytes; }

 private:
  struct Batch {
    BlockHandle block;
    ByteView bytes;
  };
  template <void (MemoryLink::*Function)()>
  struct Node final : Ready {
    explicit Node(MemoryLink& link) : Ready(&Node::run), link(link) {}
    static void run(Ready& node) { (static_cast<Node&>(node).link.*Function)(); }
    MemoryLink& link;
  };

  void post_deliver() {
    if (events_ && !deliver_.is_linked()) loop_.executor().post(deliver_);
  }
  void close_in() {
    has_in_ended_ = true;
    post_deliver();
  }
  void end(const Error* error) {
    if (std::exchange(has_ended_, true)) return;
    in_.clear();
    events_->on_link_ended(error);
  }
  void deliver_all() {
    while (!in_.empty() && !has_ended_) {
      Batch batch = in_.pop();
      while (!batch.bytes.empty() && !has_ended_ && !is_refused_) {
        const wire::FrameScan scan = wire::scan_frame(batch.bytes, frame_bytes_max_);
        if (scan.status != wire::FrameScan::Status::whole) {
          const Error error{Code::frame_too_large,
                            fmt::format("{} bytes announced, {} allowed", scan.size, frame_bytes_max_)};
          end(&error);
          return;
        }
        batch.bytes = batch.bytes.subspan(scan.size);
        is_refused_ = !events_->on_message(scan.message, batch.block.get());
      }
    }
    if (has_in_ended_) end(nullptr);
  }

  io::Loop& loop_;
  OutBuffer out_;
  io::Peer peer_info_;
  MemoryLink* peer_ = nullptr;
  io::LinkEvents* events_ = nullptr;
  Ring<Batch> in_;
  Node<&MemoryLink::flush> flush_{*this};
  Node<&MemoryLink::deliver_all> deliver_{*this};
  std::size_t frame_bytes_max_ = Limits().frame_bytes_max;
  const std::size_t flush_bytes_ = loop_.blocks().block_size() / 2;
  bool is_finishing_ = false;
  bool is_refused_ = false;  // the receiver wants no more but the end
  bool has_in_ended_ = false;
  bool has_ended_ = false;
};

}  // namespace

std::pair<std::unique_ptr<io::Link>, std::unique_ptr<io::Link>> make_memory_links(io::Loop& loop) {
  auto a = std::make_unique<MemoryLink>(loop);
  auto b = std::make_unique<MemoryLink>(loop);
  MemoryLink::join(*a, *b);
  return {std::move(a), std::move(b)};
}

}  // namespace parley::runtime
