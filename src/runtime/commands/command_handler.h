#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "async/task.h"
#include "codec/json.h"
#include "codec/json_object.h"
#include "codec/json_schema.h"
#include "runtime/commands/command_context.h"

// From functions to commands: what a function takes and gives is read by the compiler, its JSON decoded and encoded
// here, and called from this process it is a function again.
namespace parley::runtime {

// The type of a command that takes nothing, or gives nothing.
struct Nothing {
  bool operator==(const Nothing&) const = default;
};

template <class T>
using OrNothing = std::conditional_t<std::is_void_v<T>, Nothing, T>;

// What a command does, behind its name. Its object lives as long as a call of it runs.
class CommandHandler {
 public:
  virtual ~CommandHandler() = default;
  virtual Task<Result<std::string>> run_json(CommandContext& context, std::string request) = 0;
  // Which TypedCommand it is; null for none.
  virtual const void* type() const { return nullptr; }
  virtual std::string request_schema() const { return {}; }
  virtual std::string response_schema() const { return {}; }
};

// What such a command says of itself, so that nobody has to guess whether it takes something.
inline constexpr std::string_view nothing_schema = R"({"type":"object","properties":{},"additionalProperties":false})";

template <class In, class Out>
inline constexpr char command_type = 0;  // its address says which

// The request of a command is an object, whose members are flags at a shell and arguments to an agent.
template <class T>
concept Request = codec::kind_of<T> == codec::TypeKind::structure || codec::kind_of<T> == codec::TypeKind::unit ||
                  codec::kind_of<T> == codec::TypeKind::map || codec::kind_of<T> == codec::TypeKind::variant;

// The request of a command that takes nothing may be absent, null or {}: peers differ in what they send.
Result<void> check_nothing(std::string_view request);

template <class In>
Result<In> decode_request(std::string_view request) {
  if constexpr (std::is_same_v<In, Nothing>) {
    PARLEY_TRY(check_nothing(request));
    return In();
  } else {
    auto decoded = codec::from_json<In>(request.empty() ? std::string_view("{}") : request);
    if (!decoded) return fail(Code::arguments, std::move(decoded).error().note);
    return decoded;
  }
}
template <class Out>
Result<std::string> encode_result(const Out& value) {
  std::string text;
  if constexpr (!std::is_same_v<Out, Nothing>) {
    if (auto done = codec::append_json(text, value); !done) {
      return fail(Code::failed, "its result has no JSON: " + done.error().note);
    }
  }
  return text;
}
template <class Out>
Result<Out> decode_result(std::string_view result) {
  if constexpr (std::is_same_v<Out, Nothing>) {
    return Out();
  } else {
    auto decoded = codec::from_json<Out>(result.empty() ? std::string_view("null") : result);
    if (!decoded) return fail(Code::response, std::move(decoded).error().note);
    return decoded;
  }
}

template <class In, class Out>
class TypedCommand : public CommandHandler {
  static_assert(Request<In>,
                "parley: a command takes nothing or a struct, whose members are its arguments by name: put the number, "
                "text, list or enum into a struct of one member");

 public:
  virtual Task<Result<Out>> run(CommandContext& context, In in) = 0;

  const void* type() const final { return &command_type<In, Out>; }
  Task<Result<std::string>> run_json(CommandContext& context, std::string request) final {
    auto in = decode_request<In>(request);
    if (!in) co_return fail(std::move(in).error());
    auto out = co_await run(context, *std::move(in));
    if (!out) co_return fail(std::move(out).error());
    co_return encode_result<Out>(*out);
  }
  std::string request_schema() const final {
    if constexpr (std::is_same_v<In, Nothing>) return std::string(nothing_schema);
    return codec::json_schema_of<In>();
  }
  std::string response_schema() const final {
    if constexpr (std::is_same_v<Out, Nothing>) return {};
    return codec::json_schema_of<Out>();
  }
};

// --- what a function takes and gives

template <class T>
struct Given {
  using Out = OrNothing<T>;
};
template <class T>
struct Given<Result<T>> : Given<T> {};
template <class T>
struct Given<Task<T>> : Given<T> {};

template <class R, class Arguments>
struct CommandShape {
  static_assert(!std::is_same_v<R, R>,
                "parley: a command takes nothing or one struct, behind a CommandContext& if it wants one");
};
template <class R>
struct CommandShape<R, std::tuple<>> {
  using In = Nothing;
  using Out = typename Given<R>::Out;
  static constexpr bool has_context = false;
};
template <class R, class A>
struct CommandShape<R, std::tuple<A>> {
  using In = std::remove_cvref_t<A>;
  using Out = typename Given<R>::Out;
  static constexpr bool has_context = false;
};
template <class R>
struct CommandShape<R, std::tuple<CommandContext&>> {
  using In = Nothing;
  using Out = typename Given<R>::Out;
  static constexpr bool has_context = true;
};
template <class R, class A>
struct CommandShape<R, std::tuple<CommandContext&, A>> {
  using In = std::remove_cvref_t<A>;
  using Out = typename Given<R>::Out;
  static constexpr bool has_context = true;
};

template <class F>
struct FunctionShape {
  static_assert(!std::is_same_v<F, F>, "parley: a command is a function, or a lambda whose parameters have types");
};
template <class R, class... A>
struct FunctionShape<R (*)(A...)> : CommandShape<R, std::tuple<A...>> {};
template <class C, class R, class... A>
struct FunctionShape<R (C::*)(A...)> : CommandShape<R, std::tuple<A...>> {};
template <class C, class R, class... A>
struct FunctionShape<R (C::*)(A...) const> : CommandShape<R, std::tuple<A...>> {};

template <class F>
auto call_operator_of() {
  if constexpr (std::is_class_v<F>) {
    return &F::operator();
  } else {
    return F();
  }
}
template <class F>
using ShapeOf = FunctionShape<decltype(call_operator_of<F>())>;

template <class F>
class FunctionCommand final : public TypedCommand<typename ShapeOf<F>::In, typename ShapeOf<F>::Out> {
  using In = typename ShapeOf<F>::In;
  using Out = typename ShapeOf<F>::Out;

 public:
  explicit FunctionCommand(F function) : function_(std::move(function)) {}

  Task<Result<Out>> run(CommandContext& context, In in) override {
    using R = decltype(call(context, std::move(in)));
    if constexpr (std::is_same_v<R, Task<Result<Out>>>) {
      return call(context, std::move(in));
    } else {
      return adapt(context, std::move(in));
    }
  }

 private:
  decltype(auto) call(CommandContext& context, In in) {
    constexpr bool takes = !std::is_same_v<In, Nothing>;
    if constexpr (ShapeOf<F>::has_context && takes) {
      return function_(context, std::move(in));
    } else if constexpr (ShapeOf<F>::has_context) {
      return function_(context);
    } else if constexpr (takes) {
      return function_(std::move(in));
    } else {
      return function_();
    }
  }
  Task<Result<Out>> adapt(CommandContext& context, In in) {
    using R = decltype(call(context, std::move(in)));
    if constexpr (std::is_void_v<R>) {
      call(context, std::move(in));
      co_return Out();
    } else if constexpr (async::is_task<R>) {
      using Value = decltype(std::declval<R>().await_resume());
      if constexpr (std::is_void_v<Value>) {
        co_await call(context, std::move(in));
        co_return Out();
      } else if constexpr (is_result<Value>) {
        auto done = co_await call(context, std::move(in));
        if (!done) co_return fail(std::move(done).error());
        if constexpr (std::is_void_v<typename Value::value_type>) {
          co_return Out();
        } else {
          co_return *std::move(done);
        }
      } else {
        co_return co_await call(context, std::move(in));
      }
    } else if constexpr (is_result<R>) {
      R done = call(context, std::move(in));
      if (!done) co_return fail(std::move(done).error());
      if constexpr (std::is_void_v<typename R::value_type>) {
        co_return Out();
      } else {
        co_return *std::move(done);
      }
    } else {
      co_return call(context, std::move(in));
    }
  }

  F function_;
};

}  // namespace parley::runtime
