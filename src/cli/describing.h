#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "async/scope.h"
#include "async/wait.h"
#include "codec/description.h"
#include "face/session.h"
#include "io/loop.h"

namespace parley::cli {

// Asks a hub or a server for the descriptions of what it serves, at first and again when a method is called that is in
// none of them. On one loop; destroying it closes its session.
class Describing {
 public:
  using Found = std::move_only_function<void(const std::string& name, const codec::ServiceDescription& service)>;
  Describing(io::Loop& loop, Found found) : loop_(loop), found_(std::move(found)), scope_(loop.executor()) {}

  // Begins with all there is. A peer that is no Parley, or describes nothing, is left alone.
  void start(std::unique_ptr<io::Stream> stream, std::string token);
  // Somebody calls this method.
  void on_method(std::uint64_t id);
  // Until it has asked for everything that it has to ask for, or gave up.
  Task<void> settled();
  const std::optional<Error>& failure() const { return failure_; }  // why nothing is described

 private:
  static constexpr std::size_t methods_max = 65536;

  Task<void> run(std::unique_ptr<io::Stream> stream, std::string token);
  Task<Result<void>> ask(Session& session);
  Task<Result<std::set<std::string>>> names(Session& session);

  io::Loop& loop_;
  Found found_;
  std::set<std::uint64_t> methods_;  // that are described, or have been looked for
  bool is_asking_ = false;
  bool is_over_ = false;
  std::optional<Error> failure_;
  Event wanted_;
  Event asked_;
  Scope scope_;
};

}  // namespace parley::cli
