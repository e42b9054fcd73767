#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "runtime/client.h"
#include "runtime/dispatch.h"
#include "sim/wire_model.h"

namespace parley::sim {

// One item of a channel: which flow it belongs to, its number there, and something that can be told from its number.
struct Item {
  std::uint64_t flow = 0;
  std::uint64_t index = 0;
  std::string body;
};

enum class WorkError { division_by_zero, unwilling };

// What is called in simulations: a method for each thing that a handler may do. Both ends of a session serve it. The
// first argument is the ticket of the call, then come the flows of its channels; see CallBook and FlowBook.
class Workshop {
 public:
  virtual ~Workshop() = default;
  virtual Task<std::string> echo(std::uint64_t ticket, std::string body) = 0;
  virtual Task<std::int64_t> add(std::uint64_t ticket, std::int64_t a, std::int64_t b) = 0;
  virtual Task<Either<std::int64_t, WorkError>> divide(std::uint64_t ticket, std::int64_t a, std::int64_t b) = 0;
  virtual Task<std::uint64_t> nap(Context& context, std::uint64_t ticket, std::uint64_t us) = 0;
  virtual Task<std::uint64_t> explode(std::uint64_t ticket, std::uint64_t us) = 0;
  virtual Task<Result<std::uint64_t>> refuse(std::uint64_t ticket, std::uint64_t us) = 0;
  virtual Task<std::string> inflate(std::uint64_t ticket, std::uint64_t bytes) = 0;
  // Calls the same method of its caller, until the depth is used up.
  virtual Task<std::uint64_t> call_back(Context& context, std::uint64_t ticket, std::uint64_t depth) = 0;
  // Reads so many items at most, then lets go; how many it got.
  virtual Task<std::uint64_t> collect(std::uint64_t ticket, std::uint64_t flow, std::uint64_t items_max,
                                      std::uint64_t pace_us, Rx<Item> items) = 0;
  // Sends so many items, and closes the channel or drops it.
  virtual Task<std::uint64_t> produce(std::uint64_t ticket, std::uint64_t flow, std::uint64_t count,
                                      std::uint64_t bytes, std::uint64_t pace_us, bool closes, Tx<Item, 8> items) = 0;
  // The same over a channel that starts without credit.
  virtual Task<std::uint64_t> trickle(std::uint64_t ticket, std::uint64_t flow, std::uint64_t count,
                                      Tx<Item, 0> items) = 0;
  // Gives back each item that comes.
  virtual Task<std::uint64_t> exchange(std::uint64_t ticket, std::uint64_t flow_there, std::uint64_t flow_back,
                                       Rx<Item, 4> there, Tx<Item, 64> back) = 0;
};
PARLEY_SERVICE(Workshop, echo, add, divide, nap, explode, refuse, inflate, call_back, collect, produce, trickle,
               exchange);

// Served by nobody.
class Elsewhere {
 public:
  virtual ~Elsewhere() = default;
  virtual Task<std::uint64_t> knock(std::uint64_t ticket) = 0;
  virtual Task<std::uint64_t> pour(std::uint64_t ticket, std::uint64_t flow, Rx<Item> items) = 0;
};
PARLEY_SERVICE(Elsewhere, knock, pour);

// What the arguments lead to.
inline std::string make_body(std::uint64_t seed, std::uint64_t bytes) {
  return std::string(static_cast<std::size_t>(bytes), static_cast<char>('a' + seed % 26));
}
inline Item make_item(std::uint64_t flow, std::uint64_t index, std::uint64_t bytes) {
  return {flow, index, make_body(flow + index, bytes)};
}
inline bool is_whole(const Item& item) { return item.body == make_body(item.flow + item.index, item.body.size()); }
constexpr std::uint64_t nap_value(std::uint64_t ticket, std::uint64_t us) { return ticket * 31 + us; }
inline constexpr Code refusal = Code::permission;

// The methods of both services, for those who read along.
std::span<const MethodFacts> workshop_facts();

}  // namespace parley::sim
