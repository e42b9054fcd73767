#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process.h"
#include "report.h"
#include "station.h"

namespace tour {

// What the client serves to the workers, and what it has heard there.
class Listener final : public Audience {
 public:
  explicit Listener(Report& report) : report_(report) {}

  parley::Task<std::string> name() override;
  parley::Task<void> hear(std::string line) override;

  // Waits until a worker has said that.
  parley::Task<void> heard(std::string line);
  int name_count() const { return name_count_; }

 private:
  Report& report_;
  int name_count_ = 0;
  std::vector<std::string> lines_;
  parley::Event more_;
};

// What the tour starts beside itself.
struct Programs {
  std::string hub;  // `parley`
  std::string worker;
  std::string cook;  // of examples/conversation
  std::string host;  // of examples/outbox
};

// The client's side: starts a hub and two workers, walks through the steps, one after the other, and stops at the first
// that does not do what it says. On one thread.
class Tour {
 public:
  Tour(Report& report, const Directory& directory, Programs programs);

  // In the end all processes leave, or go on.
  enum class End : std::uint8_t { leave, stay };
  static int step_count(End end);
  bool run(End end);
  const std::string& hub_address() const { return uri_; }

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
  void unknown_name();
  void arguments();
  void throwing();
  void stream_to_service();
  void stream_from_service();
  void cancel();
  void deadline();
  void killed_in_call();
  void killed_in_streams();
  void new_workers();
  void hub_killed();
  void conversation();
  void outbox();
  void leave();

  class Launcher;

  // Turns the loop until the task has ended; a step that takes too long is a failed one.
  void turn(parley::Task<void> task);
  parley::Task<bool> ends_in_time(parley::Task<void> task);
  static parley::Task<void> set_when_done(parley::Task<void> task, bool& is_done, parley::Event& ended);
  static parley::Task<void> set_after(parley::Loop& loop, parley::Duration time, parley::Event& ended);
  bool start_hub();
  bool start_worker(std::size_t which);
  parley::Task<void> connect();
  parley::Task<void> find_worker();
  ChildProcess& worker() { return *workers_[at_work_]; }
  void wait_for_killed(std::optional<ChildProcess>& process);

  parley::Task<void> make_calls();
  parley::Task<void> be_called_back();
  parley::Task<void> see_own_error();
  parley::Task<void> call_what_nobody_provides();
  parley::Task<void> send_what_does_not_decode();
  parley::Task<void> see_a_throw();
  parley::Task<void> write_to_a_slow_reader();
  parley::Task<void> write_fast();
  parley::Task<void> read_slowly();
  parley::Task<void> drop_a_call();
  parley::Task<void> let_a_deadline_pass();
  parley::Task<void> lose_a_call();
  parley::Task<void> go_on_with_the_other();
  parley::Task<void> lose_streams();
  parley::Task<void> find_nobody();
  parley::Task<void> wait_for_everybody();
  parley::Task<void> wait_for_providers(std::size_t count);
  parley::Task<void> check_that_all_works();
  bool start_cook(std::optional<ChildProcess>& cook, const std::string& name);
  parley::Task<void> order_poison();
  parley::Task<void> follow(parley::Conversation& conversation);
  parley::Task<void> order(parley::Conversation& conversation, std::string dish, std::string expected);
  parley::Task<void> say_goodbye();

  // What the steps are made of.
  void did(std::string_view text) { report_.line("client", text); }
  void came(std::string_view text) { report_.line("worker", text); }
  void hub_says(std::string_view text) { report_.line("hub", text); }
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
  const Programs programs_;
  const std::string uri_;
  std::optional<ChildProcess> hub_;
  std::array<std::optional<ChildProcess>, 2> workers_;
  std::size_t at_work_ = 0;  // the worker that our connection is bound to

  Listener listener_;  // served objects outlive the loop
  parley::Services services_;
  parley::Loop loop_;
  std::unique_ptr<parley::Session> session_;
  std::optional<parley::Client<Station>> station_;
};

}  // namespace tour
