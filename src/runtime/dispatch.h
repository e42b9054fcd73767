#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

#include "codec/nesting.h"
#include "codec/views.h"
#include "runtime/method_table.h"
#include "runtime/service.h"

// From the bytes of a call to a running handler, and from what it returns to the bytes of the response.
namespace parley::runtime {

struct NoContext {};

// The initial credit of a handler's end that sends; 0 for one that receives.
template <class Handle>
inline constexpr std::uint32_t credit_of_sender =
    Handle::parley_channel::direction == codec::Direction::tx ? Handle::parley_channel::initial_credit : 0;

// The handler's end of a channel that the call lists.
template <class Handle>
void bind_handler_end(Connection& connection, std::uint64_t id, Handle& handle) {
  using Channel = typename Handle::parley_channel;
  using Core = std::conditional_t<Channel::direction == codec::Direction::tx, SendingCore, ReceivingCore>;
  auto core = std::make_unique<Core>();
  core->attach(connection, id, Channel::initial_credit);
  handle.adopt(std::move(core));
}

template <auto Pointer>
class TypedCall final : public InboundCall {
 public:
  using Info = service::MethodInfo<Pointer>;
  using Tuple = typename Info::Tuple;

  static void start(Connection& connection, const MethodEntry& entry, const InboundHead& head) {
    if constexpr (Info::takes_context) {
      if (!admit(connection, head)) return;
    }
    if constexpr (codec::has_views<Tuple> || codec::has_blocks<Tuple>) {
      InboundHead unpinned = head;
      const BlockHandle own = unpin(connection, unpinned);
      start_admitted(connection, entry, unpinned);
    } else {
      start_admitted(connection, entry, head);
    }
  }

 private:
  using Handler = Task<typename Info::Returned>;

  [[gnu::always_inline]] static void start_admitted(Connection& connection, const MethodEntry& entry,
                                                    const InboundHead& head) {
    Tuple arguments;
    codec::Reader reader(head.arguments, head.block);
    if constexpr (codec::may_nest<Tuple>) reader.set_depth_max(connection.depth_max());
    const bool is_decoded =
        decode_all(reader, arguments, std::make_index_sequence<std::tuple_size_v<Tuple>>()) && reader.finish();
    if (!is_decoded) [[unlikely]] {
      refuse_arguments(connection, head, reader.error(Code::arguments));
      return;
    }
    if constexpr (Info::has_channels) {
      if (!bind_channels(connection, head, arguments)) return;
    } else if (head.channels.size() != 0) [[unlikely]] {
      refuse_arguments(connection, head, {Code::arguments, "channels for a method that has none"});
      return;
    }
    if constexpr (Info::takes_context) {
      begin_with_context(connection, entry, head, std::move(arguments));
    } else {
      begin(connection, entry, head, std::move(arguments));
    }
  }

  TypedCall(Connection& connection, const InboundHead& head) : InboundCall(connection, head) {
    if constexpr (Info::takes_context) fill(context_, head);
    if constexpr (codec::has_views<Tuple>) pinned_ = BlockHandle::sharing(head.block);
  }

  // Nothing is made for a handler that completes in place, as most do.
  [[gnu::always_inline]] static void begin(Connection& connection, const MethodEntry& entry, const InboundHead& head,
                                           Tuple&& arguments) {
    auto& object = *static_cast<typename Info::Service*>(entry.object);
    const auto call = [&object](auto&... each) { return (object.*Pointer)(std::move(each)...); };
    try {
      Handler task = std::apply(call, arguments);
      task.bind(connection.executor());
      if (task.start()) [[likely]] {
        if (connection.is_open()) respond_from(connection, head.id, nullptr, task);
        return;
      }
      // tidy: allow new the constructor is private
      std::unique_ptr<TypedCall> owner(new TypedCall(connection, head));
      owner->task_.emplace(std::move(task));
      Handler& kept = *owner->task_;
      keep(std::move(owner), kept);
    } catch (...) {
      if (connection.is_open()) respond_to_throw(connection, head.id, std::current_exception());
    }
  }

  static void begin_with_context(Connection& connection, const MethodEntry& entry, const InboundHead& head,
                                 Tuple&& arguments) {
    // tidy: allow new the constructor is private
    std::unique_ptr<TypedCall> owner(new TypedCall(connection, head));
    auto& object = *static_cast<typename Info::Service*>(entry.object);
    const auto call = [&](auto&... each) { return (object.*Pointer)(owner->context_, std::move(each)...); };
    try {
      owner->task_.emplace(std::apply(call, arguments));
      Handler& task = *owner->task_;
      task.bind(connection.executor());
      if (!task.start()) {
        keep(std::move(owner), task);
      } else if (connection.is_open()) {
        owner->respond(connection);
      }
    } catch (...) {
      if (connection.is_open()) respond_to_throw(connection, head.id, std::current_exception());
    }
  }

  // A handler that throws before its first suspension, or that is no coroutine at all, throws out of the lambda; one
  // that throws later has the exception in its promise.
  [[gnu::always_inline]] static void respond_from(Connection& connection, std::uint64_t id, const Metadata* metadata,
                                                  Handler& task) {
    auto& promise = task.promise();
    if (promise.outcome() == async::Outcome::threw) [[unlikely]] {
      try {
        static_cast<void>(promise.take());
      } catch (...) {
        respond_to_throw(connection, id, std::current_exception());
      }
    } else if constexpr (std::is_void_v<typename Info::Returned>) {
      respond_with(connection, id, metadata, std::monostate());
    } else {
      respond_with(connection, id, metadata, promise.take());
    }
  }

  template <std::size_t... I>
  [[gnu::always_inline]] static bool decode_all(codec::Reader& reader, Tuple& arguments, std::index_sequence<I...>) {
    return codec::decode_each(reader, std::get<I>(arguments)...);
  }

  static bool bind_channels(Connection& connection, const InboundHead& head, Tuple& arguments) {
    std::uint32_t count = 0;
    std::uint32_t widest = 0;
    codec::for_each_channel(arguments, [&]<class Handle>(Handle&) {
      ++count;
      widest = std::max(widest, credit_of_sender<Handle>);
    });
    if (count != head.channels.size()) {
      refuse_arguments(connection, head, {Code::arguments, "as many channel ids as channels are needed"});
      return false;
    }
    if (!connection.may_send_with(widest)) {
      refuse_credit(connection, head, widest);
      return false;
    }
    wire::roam::ChannelList::Cursor ids(head.channels);
    codec::for_each_channel(arguments,
                            [&]<class Handle>(Handle& handle) { bind_handler_end(connection, ids.next(), handle); });
    return true;
  }

  std::unique_ptr<Cleanup> take_cleanup() override {
    if constexpr (Info::takes_context) return InboundCall::take_cleanup(context_, task_);
    return nullptr;
  }

  void respond(Connection& connection) override {
    const Metadata* metadata = nullptr;
    if constexpr (Info::takes_context) {
      metadata = &context_.reply_metadata();
      if (!metadata->empty() && !check_reply(connection, id(), *metadata)) return;
    }
    respond_from(connection, id(), metadata, *task_);
  }

  [[no_unique_address]] std::conditional_t<Info::takes_context, Context, NoContext> context_;
  BlockHandle pinned_;
  std::optional<Handler> task_;
};

// Calls make(method) for each method of S, and puts the entries that it gives into the table.
template <class S, class Make>
Result<void> add_methods(MethodTable& table, Make make) {
  const auto entries = std::apply([&]<class... Methods>(Methods... each) { return std::array{make(each)...}; },
                                  service::methods_of<S>());
  return table.add(entries);
}

// Puts every method of S on the object into the table.
template <class S>
Result<void> add_service(MethodTable& table, S& object) {
  return add_methods<S>(table, [&object]<auto Pointer>(service::Method<Pointer> method) {
    using Service = typename service::MethodInfo<Pointer>::Service;
    return MethodEntry{.id = service::MethodInfo<Pointer>::id,
                       .start = &TypedCall<Pointer>::start,
                       .object = static_cast<Service*>(&object),
                       .service = service::service_name<Service>,
                       .name = method.name};
  });
}

}  // namespace parley::runtime
