#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process.h"
#include "report.h"
#include "station.h"

namespace tour {

// What the client process serves to the service, and what it has heard there.
class Listener final : public Audience {
 public:
  explicit Listener(Report& report) : report_(report) {}

  parley::Task<std::string> name() override;
  parley::Task<void> hear(std::string line) override;

  // Waits until the service has said that.
  parley::Task<void> heard(std::string line);
  int name_count() const { return name_count_; }

 private:
  Report& report_;
  int name_count_ = 0;
  std::vector<std::string> lines_;
  parley::Event more_;
};

// The client process's side: starts the service, walks through the steps, one after the other, and stops at the first
// that does not do what it says. On one thread.
class Tour {
 public:
  Tour(Report& report, const Directory& directory, std::string program);

  static int step_count();
  bool run();

 private:
  struct Step {
    std::string_view name;
    std::string_view title;
    void (Tour::*run)();
  };
  static const std::vector<Step>& steps();

  // The steps, in their order.
  void start();
  void calls();
  void call_back();
  void own_error();
  void unknown_method();
  void arguments();
  void throwing();
  void stream_to_service();
  void stream_from_service();
  void cancel();
  void deadline();
  void killed_in_call();
  void restart();
  void killed_in_streams();
  void leave();

  // Turns the loop until the task has ended; a step that takes too long is a failed one.
  void turn(parley::Task<void> task);
  parley::Task<bool> ends_in_time(parley::Task<void> task);
  static parley::Task<void> set_when_done(parley::Task<void> task, bool& is_done, parley::Event& ended);
  static parley::Task<void> set_after(parley::Loop& loop, parley::Duration time, parley::Event& ended);
  bool start_process();
  parley::Task<void> connect();
  void wait_for_killed();

  parley::Task<void> make_calls();
  parley::Task<void> be_called_back();
  parley::Task<void> see_own_error();
  parley::Task<void> call_what_nobody_serves();
  parley::Task<void> send_what_does_not_decode();
  parley::Task<void> see_a_throw();
  parley::Task<void> write_to_a_slow_reader();
  parley::Task<void> write_fast();
  parley::Task<void> read_slowly();
  parley::Task<void> drop_a_call();
  parley::Task<void> let_a_deadline_pass();
  parley::Task<void> lose_a_call();
  parley::Task<void> check_that_all_works();
  parley::Task<void> lose_streams();
  parley::Task<void> say_goodbye();

  // What the steps are made of.
  void did(std::string_view text) { report_.line("client", text); }
  void came(std::string_view text) { report_.line("service", text); }
  parley::Client<Station>& station() { return *station_; }
  // A call that should have given a value; the value, or a default after a failed expectation.
  template <class T>
  T value_of(parley::Result<T> result, std::string_view what) {
    if (report_.expect(result.has_value(), std::string(what) + " is answered",
                       result ? std::string() : to_string(result.error()))) {
      return *std::move(result);
    }
    return T();
  }
  void expect_error(const parley::Error* error, parley::Code code, std::string_view what);

  Report& report_;
  const Directory& directory_;
  const std::string program_;
  const std::string uri_;
  std::optional<ServiceProcess> process_;

  Listener listener_;  // served objects outlive the loop
  parley::Services services_;
  parley::Loop loop_;
  std::unique_ptr<parley::Session> session_;
  std::optional<parley::Client<Station>> station_;
};

}  // namespace tour
