#include "sim/workshop.h"

#include <array>

namespace parley::sim {

namespace {

template <class Handle>
MethodFacts::Channel channel_facts() {
  using Channel = typename Handle::parley_channel;
  return {Channel::direction == codec::Direction::rx, Channel::initial_credit};
}

template <class T>
void add_channel(std::vector<MethodFacts::Channel>& channels) {
  if constexpr (codec::has_channels<T>) channels.push_back(channel_facts<T>());
}

template <auto Pointer>
MethodFacts facts_of() {
  using Info = service::MethodInfo<Pointer>;
  MethodFacts facts{.id = Info::id, .name = Info::name, .channels = {}};
  [&]<class... Arguments>(std::type_identity<std::tuple<Arguments...>>) {
    (add_channel<Arguments>(facts.channels), ...);
  }(std::type_identity<typename Info::Tuple>());
  return facts;
}

template <class S>
void add_facts(std::vector<MethodFacts>& all) {
  std::apply([&]<class... Methods>(Methods...) { (all.push_back(facts_of<Methods::pointer>()), ...); },
             service::methods_of<S>());
}

}  // namespace

std::span<const MethodFacts> workshop_facts() {
  static const std::vector<MethodFacts> all = [] {
    std::vector<MethodFacts> facts;
    add_facts<Workshop>(facts);
    add_facts<Elsewhere>(facts);
    return facts;
  }();
  return all;
}

}  // namespace parley::sim
