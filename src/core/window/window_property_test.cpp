#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "core/window/receive_window.h"
#include "core/window/send_window.h"

// Both windows over a network that cuts: what arrives is what was sent, once and in order, wherever the numbers wrap.
namespace parley::core {
namespace {

struct Frame {
  std::uint32_t number;
  std::string body;
};

class Model {
 public:
  explicit Model(std::uint32_t first) : first(first), sender(bounds, first), receiver(first) {}

  void send() {
    const std::string body = std::to_string(sent) + std::string(sent % 7, '.') + ";";
    if (!sender.has_room(body.size())) return;
    under_way.push_back({sender.next(), body});
    sender.add(as_bytes(body.substr(0, 1)), as_bytes(body.substr(1)));
    ++sent;
    RC_ASSERT(sender.size() <= bounds.items);
    RC_ASSERT(sender.bytes() <= bounds.bytes || sender.bytes() - body.size() <= bounds.bytes / 8);
  }
  void deliver() {
    if (under_way.empty()) return;
    const Frame frame = under_way.front();
    under_way.pop_front();
    const Result<ReceiveWindow::Verdict> verdict = receiver.take(frame.number);
    RC_ASSERT(verdict.has_value());
    const bool is_next = frame.number == first + static_cast<std::uint32_t>(received.size());
    RC_ASSERT((*verdict == ReceiveWindow::Verdict::fresh) == is_next);
    if (is_next) received.push_back(frame.body);
    if (receiver.last()) acks.push_back(*receiver.last());
  }
  // Any that was said, so old ones too.
  void acknowledge(std::size_t which) {
    if (!acks.empty()) RC_ASSERT(sender.acknowledge(acks[which % acks.size()]).has_value());
  }
  void cut() {
    under_way.clear();
    const std::uint32_t end = sender.next();
    const Result<ByteView> again = sender.resume(receiver.last());
    RC_ASSERT(again.has_value());
    RC_ASSERT(sender.size() == sent - received.size());
    std::uint32_t number = end - static_cast<std::uint32_t>(sender.size());
    std::string_view rest = as_text(*again);
    for (; number != end; ++number) {
      const std::size_t size = rest.find(';') + 1;
      under_way.push_back({number, std::string(rest.substr(0, size))});
      rest.remove_prefix(size);
    }
    RC_ASSERT(rest.empty());
  }
  void finish() {
    cut();
    while (!under_way.empty()) deliver();
    RC_ASSERT(received.size() == sent);
    for (std::size_t i = 0; i < sent; ++i) RC_ASSERT(received[i].starts_with(std::to_string(i)));
  }

  static constexpr SendWindow::Bounds bounds{5, 30};
  const std::uint32_t first;
  SendWindow sender;
  ReceiveWindow receiver;
  std::deque<Frame> under_way;
  std::vector<std::uint32_t> acks;
  std::vector<std::string> received;
  std::size_t sent = 0;
};

RC_GTEST_PROP(WindowProperty, across_cuts_nothing_is_lost_doubled_or_reordered, ()) {
  Model model(*rc::gen::element(0u, 0xffffffffu, 0xfffffff0u, 0x7ffffff8u, 0x80000000u));
  for (const int dice : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1000))) {
    if (dice % 10 < 4) {
      model.send();
    } else if (dice % 10 < 7) {
      model.deliver();
    } else if (dice % 10 < 9) {
      model.acknowledge(static_cast<std::size_t>(dice));
    } else {
      model.cut();
    }
  }
  model.finish();
}

// Whatever numbers a peer says: an error or a fact, and what is kept is still right.
RC_GTEST_PROP(WindowProperty, a_peer_that_says_anything_breaks_nothing, (const std::vector<std::uint32_t>& said)) {
  SendWindow window({4, 100}, 0xfffffffeu);
  std::uint64_t first = 0xfffffffeu;  // of those kept, without a wrap
  std::uint64_t next = first;
  for (const std::uint32_t number : said) {
    if (window.has_room(1)) {
      window.add(as_bytes("i"), {});
      ++next;
    }
    const std::uint32_t close = static_cast<std::uint32_t>(first) + number % 7 - 3;
    const std::uint64_t meant = first + number % 7 - 3;
    const Result<void> known = window.acknowledge(close);
    RC_ASSERT(known.has_value() == (meant < next && meant >= 0xfffffffeu));
    if (known) first = std::max(first, meant + 1);
    RC_ASSERT(window.size() == next - first);
    RC_ASSERT(window.next() == static_cast<std::uint32_t>(next));
  }
}

}  // namespace
}  // namespace parley::core
