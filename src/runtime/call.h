#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/either.h"
#include "codec/nesting.h"
#include "codec/postcard.h"
#include "runtime/pending_call.h"

namespace parley {

// How a call of a method with an own error type ended: exactly one of a value, the method's own error, or an error of
// Parley's.
template <class T, class E>
class [[nodiscard]] CallResult {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  explicit CallResult(Either<T, E> answer) {
    if (answer.is_ok()) {
      outcome_.template emplace<0>(std::move(answer).value());
    } else {
      outcome_.template emplace<1>(std::move(answer).error());
    }
  }
  explicit CallResult(Error error) : outcome_(std::in_place_index<2>, std::move(error)) {}

  bool has_value() const { return outcome_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  template <class Self>
  auto&& value(this Self&& self) {
    PARLEY_ASSERT(self.has_value(), "the call has no value: look at own() and error() first");
    return std::get<0>(std::forward<Self>(self).outcome_);
  }
  template <class Self>
  auto&& operator*(this Self&& self) {
    return std::forward<Self>(self).value();
  }
  template <class Self>
  auto* operator->(this Self&& self) {
    return &self.value();
  }
  const E* own() const { return std::get_if<1>(&outcome_); }
  const Error* error() const { return std::get_if<2>(&outcome_); }

 private:
  std::variant<Value, E, Error> outcome_;
};

// What is given for a method that returns T: a CallResult where it has an own error, else a Result.
template <class T>
struct ResultOfCall {
  using type = Result<T>;
};
template <class T, class E>
struct ResultOfCall<Either<T, E>> {
  using type = CallResult<T, E>;
};
template <class T>
using CallResultOf = typename ResultOfCall<T>::type;

// The result of a call with what came beside it.
template <class T>
struct Detailed {
  CallResultOf<T> result;
  Metadata metadata;
};

// A call that has started. `co_await` it for its CallResult (a method that returns T) or Result; dropping it before
// that sends Cancel and lets go, and cancel() says why besides. Movable while nobody awaits it; on its session's loop.
template <class T>
class [[nodiscard("co_await it: a call that is dropped is cancelled")]] Call final : public runtime::PendingCall {
 public:
  using ResultType = CallResultOf<T>;

  Call() : PendingCall(&Call::complete) {}
  Call(Call&&) noexcept = default;
  Call& operator=(Call&&) = delete;

  bool is_done() const { return result_.has_value(); }

  bool await_ready() const { return result_.has_value(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    PARLEY_ASSERT(is_pending(), "a call is awaited once");
    set_waiter(handle.promise());
  }
  ResultType await_resume() {
    PARLEY_ASSERT(result_.has_value(), "a call is awaited once");
    return std::move(*result_);
  }

  // `co_await call.detailed()`: the result and the metadata of the response.
  Task<Detailed<T>> detailed() {
    ResultType result = co_await *this;
    co_return Detailed<T>{std::move(result), metadata_ ? std::move(*metadata_) : Metadata()};
  }

 private:
  static const Error* complete(PendingCall& call, const runtime::Completion& completion) {
    auto& self = static_cast<Call&>(call);
    if (completion.error) [[unlikely]] {
      self.set_error(*completion.error);
      return completion.error;
    }
    if (!completion.metadata.empty()) [[unlikely]] {
      self.metadata_ = std::make_unique<Metadata>(completion.metadata.to_metadata());
    }
    self.decode(completion);
    return self.error();
  }
  const Error* error() const {
    if constexpr (is_either<T>) {
      return result_->error();
    } else {
      return *result_ ? nullptr : &result_->error();
    }
  }
  [[gnu::always_inline]] void decode(const runtime::Completion& completion) {
    codec::Reader reader(completion.result, completion.block);
    if constexpr (codec::may_nest<T>) reader.set_depth_max(completion.connection->depth_max());
    bool is_error = false;
    if (!reader.get_mark(is_error)) [[unlikely]] {
      refuse_result(reader.error(Code::response), completion);
    } else if (!is_error) [[likely]] {
      if (!decode_value(reader)) refuse_result(reader.error(Code::response), completion);
    } else {
      decode_error(reader, completion);
    }
  }
  [[gnu::noinline, gnu::cold]] void refuse_result(Error error, const runtime::Completion& completion) {
    ++completion.connection->counters().results_malformed;
    set_error(std::move(error));
  }
  [[gnu::always_inline]] bool decode_value(codec::Reader& reader) {
    if constexpr (is_either<T>) {
      T answer;
      if (!codec::decode(reader, answer.emplace_value()) || !reader.finish()) return false;
      result_.emplace(std::move(answer));
      return true;
    } else if constexpr (std::is_void_v<T>) {
      result_.emplace();
      return reader.finish();
    } else {
      result_.emplace(std::in_place);
      return codec::decode(reader, **result_) && reader.finish();
    }
  }
  [[gnu::noinline]] void decode_error(codec::Reader& reader, const runtime::Completion& completion) {
    std::uint8_t kind = 0;
    if (!reader.get_byte(kind)) return refuse_result(reader.error(Code::response), completion);
    if (kind != static_cast<std::uint8_t>(runtime::RoamError::user)) {
      Error error = runtime::Connection::error_of(completion);
      if (completion.result.size() == 2 && error.code != Code::response) return set_error(std::move(error));
      return refuse_result({Code::response, "neither a value nor an error"}, completion);
    }
    if constexpr (is_either<T>) {
      T answer;
      if (!codec::decode(reader, answer.emplace_error()) || !reader.finish()) {
        return refuse_result(reader.error(Code::response), completion);
      }
      result_.emplace(std::move(answer));
    } else {
      refuse_result({Code::response, "an own error of a method that has none"}, completion);
    }
  }
  void set_error(Error error) {
    if constexpr (is_either<T>) {
      result_.emplace(std::move(error));
    } else {
      result_.emplace(std::unexpect, std::move(error));
    }
  }

  std::optional<ResultType> result_;
  std::unique_ptr<Metadata> metadata_;
};

}  // namespace parley
